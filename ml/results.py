"""What a run found, as Arrow tables in the contracts of the ML tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from ml import contracts
from ml.contracts import Columns, Table, arrow_table
from ml.dataset import Fold
from ml.fold_building import Marts
from ml.holdout import holdout_rows
from ml.measured_with import MEASURED_WITH, VARS, vars_of
from ml.progress import Step
from ml.settings import Settings
from ml.versions import package_versions

if TYPE_CHECKING:
    from ml.train import Run

STATUS_COMPLETED: Final = "completed"
CHOICES: Final = "choices"
TOLD: Final = "told"
"""Keys of a run's settings, beside those that people set: what was chosen on its data."""


@dataclass(frozen=True)
class RunTables:
    """All rows of a run, ready to append.

    Parameters
    ----------
    tables : list of (Table, pyarrow.Table)
        Without the steps, whose last one is still running when these are made.
    """

    tables: list[tuple[Table, pa.Table]]

    @property
    def row_count(self) -> int:
        """Rows of all tables."""
        return sum(len(rows) for _, rows in self.tables)

    def with_steps(self, steps: Sequence[Step], run_id: str) -> list[tuple[Table, pa.Table]]:
        """Add the steps done so far; runs come last."""
        rows = {
            Columns.RUN_ID: [run_id] * len(steps),
            Columns.STEP_NUMBER: range(1, len(steps) + 1),
            Columns.STEP: [step.name for step in steps],
            Columns.SECONDS: [step.seconds for step in steps],
            Columns.PEAK_MEMORY_MIB: [step.peak_memory_mib for step in steps],
            Columns.CPU_SECONDS: [step.cpu_seconds for step in steps],
        }
        return [(contracts.RUN_STEPS, arrow_table(contracts.RUN_STEPS, rows)), *self.tables]


def run_tables(
    run: Run,
    offers: pa.Table,
    marts: Marts,
    folds: dict[str, Fold],
    settings: Settings,
) -> RunTables:
    """Make the rows of every ML table but the steps.

    Parameters
    ----------
    run : Run
    offers : pyarrow.Table
        Rows of ``scores``.
    marts : Marts
        For the ids behind indices.
    folds : dict of str to Fold
    settings : Settings

    Returns
    -------
    RunTables
    """
    return RunTables(
        [
            (contracts.LEARNING_CURVES, _learning_curves(run)),
            (contracts.METRICS, _metrics(run)),
            (contracts.COMPARISONS, _comparisons(run)),
            (contracts.HOLDOUT_PREDICTIONS, _holdout(run, marts, folds)),
            (contracts.SCORES, offers),
            (contracts.RUN_ELIGIBILITY, _eligibility(run, marts)),
            (contracts.RUNS, _runs(run, marts, settings)),
        ]
    )


def _eligibility(run: Run, marts: Marts) -> pa.Table:
    """The counts as the run found them: the next build's may differ."""
    counts = marts.eligibility_counts
    return arrow_table(
        contracts.RUN_ELIGIBILITY,
        {
            Columns.RUN_ID: [run.run_id] * len(counts),
            **{name: counts.column(name) for name in contracts.ELIGIBILITY_COUNTS.column_names},
        },
    )


def _runs(run: Run, marts: Marts, settings: Settings) -> pa.Table:
    of_build = vars_of(marts.build_vars)
    return arrow_table(
        contracts.RUNS,
        {
            Columns.RUN_ID: [run.run_id],
            Columns.STATUS: [STATUS_COMPLETED],
            Columns.AS_OF_AT: [run.as_of_at],
            Columns.CHAMPION_MODEL: [run.champion.name],
            Columns.CHAMPION_REASON: [run.champion.reason],
            Columns.SEED: [settings.seed],
            Columns.SETTINGS_JSON: [
                json.dumps(_settings(settings) | {VARS: of_build, CHOICES: _choices(run)})
            ],
            Columns.PACKAGE_VERSIONS_JSON: [json.dumps(package_versions())],
            Columns.STARTED_AT: [run.started_at],
            Columns.FINISHED_AT: [run.finished_at],
            Columns.HORIZON_DAYS: [of_build.get(MEASURED_WITH, {}).get(Columns.HORIZON_DAYS)],
        },
    )


def _settings(settings: Settings) -> dict[str, Any]:
    # Where the warehouse lies says nothing about the run.
    return settings.model_dump(
        mode="json",
        exclude={"warehouse", "benchmark", "tuning", "refresh", "gates", "backtest"},
    )


def _choices(run: Run) -> dict[str, Any]:
    """What each model chose on validation, in words and as it is applied."""
    return {
        trial.name: {
            TOLD: "" if run.champion.cause else trial.told,
            "model": trial.choices,
            "adjustment": asdict(trial.adjustment),
        }
        for trial in run.trials
    }


def _learning_curves(run: Run) -> pa.Table:
    rows = [(trial.name, epoch) for trial in run.trials for epoch in trial.epochs]
    return arrow_table(
        contracts.LEARNING_CURVES,
        {
            Columns.RUN_ID: [run.run_id] * len(rows),
            Columns.MODEL_NAME: [name for name, _ in rows],
            Columns.EPOCH: [epoch.number for _, epoch in rows],
            Columns.LOSS: [epoch.loss for _, epoch in rows],
            Columns.AUC: [epoch.auc for _, epoch in rows],
            Columns.NDCG_AT_10: [epoch.ndcg_at_10 for _, epoch in rows],
            Columns.SECONDS: [epoch.seconds for _, epoch in rows],
        },
    )


def _metrics(run: Run) -> pa.Table:
    rows = [
        (trial.name, fold, row)
        for trial in run.trials
        for fold, evaluation in trial.evaluations.items()
        for row in evaluation.rows
    ]
    return arrow_table(
        contracts.METRICS,
        {
            Columns.RUN_ID: [run.run_id] * len(rows),
            Columns.MODEL_NAME: [name for name, _, _ in rows],
            Columns.FOLD: [fold for _, fold, _ in rows],
            Columns.SEGMENT: [row.segment for _, _, row in rows],
            Columns.METRIC: [row.metric for _, _, row in rows],
            Columns.VALUE: [row.value for _, _, row in rows],
            Columns.CI_LOW: [row.ci_low for _, _, row in rows],
            Columns.CI_HIGH: [row.ci_high for _, _, row in rows],
            Columns.CLIENT_COUNT: [row.client_count for _, _, row in rows],
        },
    )


def _holdout(run: Run, marts: Marts, folds: dict[str, Fold]) -> pa.Table:
    return pa.concat_tables(
        holdout_rows(run.run_id, trial.name, folds[fold], evaluation, marts)
        for trial in run.trials
        for fold, evaluation in trial.evaluations.items()
    )


def _comparisons(run: Run) -> pa.Table:
    found = run.comparisons
    return arrow_table(
        contracts.COMPARISONS,
        {
            Columns.RUN_ID: [run.run_id] * len(found),
            Columns.FOLD: [c.fold for c in found],
            Columns.METRIC: [c.metric for c in found],
            Columns.MODEL_NAME: [c.first for c in found],
            Columns.OTHER_MODEL_NAME: [c.second for c in found],
            Columns.DIFFERENCE: [c.comparison.difference for c in found],
            Columns.CI_LOW: [c.comparison.low for c in found],
            Columns.CI_HIGH: [c.comparison.high for c in found],
            Columns.P_VALUE: [c.comparison.p_value for c in found],
            Columns.CLIENT_COUNT: [c.comparison.client_count for c in found],
        },
    )
