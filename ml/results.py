"""What a run found, as Arrow tables in the contracts of the ML tables."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml import contracts
from ml.contracts import Columns, Table
from ml.contracts import arrow_table as _table
from ml.dataset import Fold, Marts
from ml.evaluation.calibration import Calibration, Calibrator
from ml.evaluation.metrics import Values
from ml.evaluation.protocol import Evaluation
from ml.progress import Step
from ml.settings import Settings
from ml.versions import package_versions

if TYPE_CHECKING:
    from ml.train import Offers, Run

STATUS_COMPLETED: Final = "completed"


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
        }
        return [(contracts.RUN_STEPS, _table(contracts.RUN_STEPS, rows)), *self.tables]


def run_tables(
    run: Run,
    offers: Offers,
    marts: Marts,
    folds: dict[str, Fold],
    calibrator: Calibrator,
    settings: Settings,
) -> RunTables:
    """Make the rows of every ML table but the steps.

    Parameters
    ----------
    run : Run
    offers : Offers
    marts : Marts
        For the ids behind indices.
    folds : dict of str to Fold
    calibrator : Calibrator
        Of the champion.
    settings : Settings

    Returns
    -------
    RunTables
    """
    return RunTables(
        [
            (contracts.LEARNING_CURVES, _learning_curves(run)),
            (contracts.METRICS, _metrics(run, folds)),
            (contracts.HOLDOUT_PREDICTIONS, _holdout(run, marts, folds, calibrator)),
            (contracts.SCORES, _scores(run, offers, marts)),
            (contracts.RUNS, _runs(run, settings)),
        ]
    )


def _runs(run: Run, settings: Settings) -> pa.Table:
    return _table(
        contracts.RUNS,
        {
            Columns.RUN_ID: [run.run_id],
            Columns.STATUS: [STATUS_COMPLETED],
            Columns.AS_OF_AT: [run.as_of_at],
            Columns.CHAMPION_MODEL: [run.champion.name],
            Columns.CHAMPION_REASON: [run.champion.reason],
            Columns.SEED: [settings.seed],
            # Where the warehouse lies says nothing about the run.
            Columns.SETTINGS_JSON: [settings.model_dump_json(exclude={"warehouse", "benchmark"})],
            Columns.PACKAGE_VERSIONS_JSON: [json.dumps(package_versions())],
            Columns.STARTED_AT: [run.started_at],
            Columns.FINISHED_AT: [run.finished_at],
        },
    )


def _learning_curves(run: Run) -> pa.Table:
    rows = [(trial.name, epoch) for trial in run.trials for epoch in trial.epochs]
    return _table(
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


_MetricRow = tuple[str, str, str, str, float | None, float | None, float | None, int]


def _metrics(run: Run, folds: dict[str, Fold]) -> pa.Table:
    rows: list[_MetricRow] = []
    for trial in run.trials:
        for fold, evaluation in _evaluations(trial.validation, trial.test):
            rows += [
                (
                    trial.name,
                    fold,
                    r.segment,
                    r.metric,
                    r.value,
                    r.ci_low,
                    r.ci_high,
                    r.client_count,
                )
                for r in evaluation.rows
            ]
    for fold, calibration in run.calibration.items():
        clients = int(folds[fold].is_eligible_client.sum())
        rows += [
            (run.champion.name, fold, "all", metric, value, None, None, clients)
            for metric, value in calibration_metrics(calibration).items()
        ]
    names = (
        Columns.MODEL_NAME, Columns.FOLD, Columns.SEGMENT, Columns.METRIC, Columns.VALUE,
        Columns.CI_LOW, Columns.CI_HIGH, Columns.CLIENT_COUNT,
    )  # fmt: skip
    columns: dict[str, Any] = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    return _table(contracts.METRICS, {Columns.RUN_ID: [run.run_id] * len(rows), **columns})


def calibration_metrics(calibration: Calibration) -> dict[str, float | None]:
    """Calibration figures by metric name; None where nothing was offered."""
    figures = {
        "calibration_error": calibration.expected_calibration_error,
        "brier_score": calibration.brier_score,
        "log_loss": calibration.log_loss,
        "mean_probability": calibration.mean_probability,
        "positive_rate": calibration.positive_rate,
    }
    return {name: None if math.isnan(value) else value for name, value in figures.items()}


def _evaluations(validation: Evaluation, test: Evaluation) -> list[tuple[str, Evaluation]]:
    return [(contracts.FOLD_VALIDATION, validation), (contracts.FOLD_TEST, test)]


def _holdout(run: Run, marts: Marts, folds: dict[str, Fold], calibrator: Calibrator) -> pa.Table:
    parts = [
        _holdout_part(
            run.run_id,
            trial.name,
            fold,
            evaluation,
            marts,
            (calibrator, folds[fold]) if trial.name == run.champion.name else None,
        )
        for trial in run.trials
        for fold, evaluation in _evaluations(trial.validation, trial.test)
    ]
    return pa.concat_tables(parts)


def _holdout_part(
    run_id: str,
    model_name: str,
    fold_name: str,
    evaluation: Evaluation,
    marts: Marts,
    calibrated: tuple[Calibrator, Fold] | None,
) -> pa.Table:
    """All labels, however far down they rank, and the first candidates of each client.

    From the labels' ranks and the number of candidates every ranking metric can be computed
    again; the millions of other pairs add nothing to it.
    """
    ranks = evaluation.ranks
    is_first = _unlabelled(evaluation)
    rows, places = np.nonzero(is_first)
    positions = np.concatenate([ranks.positions, rows])
    services = np.concatenate([ranks.services, ranks.top.services[rows, places]])
    probabilities: Values | None = None
    if calibrated is not None:
        calibrator, fold = calibrated
        probabilities = np.concatenate(
            [
                calibrator.transform_labels(ranks, fold),
                calibrator.transform_top(ranks.top, fold)[rows, places],
            ]
        )
    n = len(positions)
    return _table(
        contracts.HOLDOUT_PREDICTIONS,
        {
            Columns.RUN_ID: [run_id] * n,
            Columns.MODEL_NAME: [model_name] * n,
            Columns.FOLD: [fold_name] * n,
            Columns.CLIENT_ID: marts.client_ids.take(pa.array(ranks.clients[positions])),
            Columns.SERVICE_ID: marts.service_ids.take(pa.array(services)),
            Columns.SCORE: np.concatenate([ranks.scores, ranks.top.scores[rows, places]]).astype(
                np.float64
            ),
            Columns.PROBABILITY: pa.nulls(n) if probabilities is None else probabilities,
            Columns.CANDIDATE_RANK: np.concatenate([ranks.ranks, places + 1]),
            Columns.MID_RANK: pa.array(
                np.concatenate([ranks.mid_ranks, np.zeros(len(rows))]),
                mask=np.arange(n) >= len(ranks.positions),
            ),
            Columns.CANDIDATE_COUNT: ranks.candidate_counts[positions],
            Columns.IS_POSITIVE: np.arange(n) < len(ranks.positions),
        },
    )


def _unlabelled(evaluation: Evaluation) -> npt.NDArray[np.bool_]:
    """Which of the first candidates are no labels, (n, depth)."""
    ranks = evaluation.ranks
    is_first: npt.NDArray[np.bool_] = ranks.top.services >= 0
    within = ranks.ranks <= is_first.shape[1]
    is_first[ranks.positions[within], ranks.ranks[within] - 1] = False
    return is_first


def _scores(run: Run, offers: Offers, marts: Marts) -> pa.Table:
    top = offers.top
    rows, places = np.nonzero(top.services >= 0)
    reasons = offers.reasons[rows, places]
    n = len(rows)
    return _table(
        contracts.SCORES,
        {
            Columns.RUN_ID: [run.run_id] * n,
            Columns.CLIENT_ID: marts.client_ids.take(pa.array(top.clients[rows])),
            Columns.SERVICE_ID: marts.service_ids.take(pa.array(top.services[rows, places])),
            Columns.OFFER_RANK: places + 1,
            Columns.SCORE: top.scores[rows, places].astype(np.float64),
            Columns.PROBABILITY: offers.probabilities[rows, places],
            Columns.REASON_SERVICE_ID: marts.service_ids.take(pa.array(reasons, mask=reasons < 0)),
            Columns.IS_COLD_START: offers.is_cold[rows],
            Columns.MODEL_NAME: [run.champion.name] * n,
            Columns.SCORED_AT: [run.finished_at] * n,
        },
    )
