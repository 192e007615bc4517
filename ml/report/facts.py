"""All that the report and the model card say about a run, read in one look at the warehouse."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import pyarrow as pa

from ml import contracts
from ml.contracts import Columns
from ml.errors import InputError
from ml.evaluation.metrics import SHOWN_CUTOFFS
from ml.gates.verdicts import rejected_runs
from ml.rejections import in_one_line
from ml.report.client import ClientPage, read_client
from ml.report.money import UNKNOWN, Money, read_money
from ml.results import CHOICES, STATUS_COMPLETED, TOLD
from ml.settings import Settings
from ml.warehouse import (
    Connection,
    connect,
    count_rejections,
    existing_columns,
    read_table,
    read_table_if_there,
)

Row = dict[str, Any]
OFFERS_SHOWN: Final = 5
FEW_CLIENTS: Final = 30
"""Fewer clients than this say little, whatever the interval."""

# Enough to find telling clients among; a report need not read millions of offers.
_CLIENTS_LOOKED_AT: Final = 5000


@dataclass(frozen=True)
class Metric:
    """A figure with its interval.

    Parameters
    ----------
    value, low, high : float or None
        None where the figure is not defined.
    client_count : int
    """

    value: float | None
    low: float | None
    high: float | None
    client_count: int


@dataclass(frozen=True)
class Facts:
    """A run as the warehouse knows it.

    Parameters
    ----------
    run : dict
        Its row of ``ml.runs``.
    metrics : dict of (model, fold, segment, metric) to Metric
    steps, curves, lift, calibration, differences, holdout_value, offer_value : list of dict
        Rows of the tables of these names; all but the last of this run only.
    windows : dict of str to dict
        By fold.
    eligibility, quality, events, features : list of dict
        Of the marts ``eligibility_counts``, ``data_quality_counts``, ``event_counts`` and
        ``feature_counts``.
    health : list of dict
        Of the mart ``model_health``.
    clients : list of ClientPage
        A few telling ones, of the latest run.
    is_latest : bool
        Whether offers, data counts and clients belong to this run.
    test_read_count : int
        Completed runs that looked at the test fold of the same data, this one among them.
    money : Money
        How amounts of margin are to be read.
    rejections : str or None
        What the loads left out of partners' files, in one line.
    """

    run: Row
    metrics: dict[tuple[str, str, str, str], Metric]
    steps: list[Row]
    curves: list[Row]
    lift: list[Row]
    calibration: list[Row]
    differences: list[Row]
    holdout_value: list[Row]
    offer_value: list[Row]
    windows: dict[str, Row]
    eligibility: list[Row]
    quality: list[Row]
    events: list[Row]
    features: list[Row]
    health: list[Row]
    clients: list[ClientPage]
    is_latest: bool
    test_read_count: int
    money: Money = UNKNOWN
    rejections: str | None = None

    @property
    def horizon_days(self) -> int:
        """Days that the run's probabilities look ahead; 0 where nobody knows any more."""
        window = self.windows.get(contracts.FOLD_SERVING, {})
        return int(self.run.get(Columns.HORIZON_DAYS) or window.get(Columns.HORIZON_DAYS) or 0)

    @property
    def test_days(self) -> str:
        """The time of the test's labels, in words."""
        return f"{self.horizon_days} days of test" if self.horizon_days else "days of test"

    @property
    def champion(self) -> str:
        """Name of the model that scored."""
        name: str = self.run[Columns.CHAMPION_MODEL]
        return name

    @cached_property
    def k(self) -> int:
        """Offers per client that figures are about: fewer where the catalogue is small."""
        folds = {fold for model, fold, *_ in self.metrics if model == self.champion}
        for k in sorted(SHOWN_CUTOFFS, reverse=True):
            if all(self.metric(self.champion, f"ndcg@{k}", fold) for fold in folds):
                return k
        return min(SHOWN_CUTOFFS)

    @property
    def choices(self) -> dict[str, str]:
        """What each model chose on the data, in words; models that chose nothing are left out."""
        found = self.settings.get(CHOICES, {})
        return {name: found[name][TOLD] for name in self.models if found.get(name, {}).get(TOLD)}

    @property
    def models(self) -> list[str]:
        """All models of the run, the best on validation first as far as figures go."""
        names = dict.fromkeys(model for model, *_ in self.metrics)

        def merit(name: str) -> float:
            found = self.metric(name, f"ndcg@{self.k}", contracts.FOLD_VALIDATION)
            return -1.0 if found is None or found.value is None else found.value

        return sorted(names, key=lambda name: (name != self.champion, -merit(name)))

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the run had."""
        found: dict[str, Any] = json.loads(self.run[Columns.SETTINGS_JSON])
        return found

    @property
    def versions(self) -> dict[str, str]:
        """The packages that the run used."""
        found: dict[str, str] = json.loads(self.run[Columns.PACKAGE_VERSIONS_JSON])
        return found

    def metric(
        self, model: str, metric: str, fold: str = contracts.FOLD_TEST, segment: str = "all"
    ) -> Metric | None:
        """One figure, if the run has it."""
        return self.metrics.get((model, fold, segment, metric))

    def value(
        self, model: str, metric: str, fold: str = contracts.FOLD_TEST, segment: str = "all"
    ) -> float | None:
        """One figure's value, if the run has it."""
        found = self.metric(model, metric, fold, segment)
        return None if found is None else found.value

    def segments(self, fold: str = contracts.FOLD_TEST) -> dict[str, int]:
        """Segments with measured clients, and how many; largest first."""
        counts = {
            segment: found.client_count
            for (model, of_fold, segment, metric), found in self.metrics.items()
            if (model, of_fold, metric) == (self.champion, fold, f"ndcg@{self.k}")
            and segment != "all"
            and found.client_count
        }
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def read_facts(settings: Settings, run_id: str | None = None) -> Facts:
    """Read a run, the latest completed one by default.

    Parameters
    ----------
    settings : Settings
    run_id : str, optional

    Returns
    -------
    Facts

    Raises
    ------
    InputError
        Nothing was trained yet, or there is no such run.
    WarehouseBusyError, WarehouseAccessError
        The warehouse cannot be opened.
    """
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        runs = completed_runs(read_table(connection, contracts.RUNS))
        latest = _latest(runs, rejected_runs(connection))
        run = latest if run_id is None else _chosen(runs, run_id)
        is_latest = run is latest
        of_run = {Columns.RUN_ID: run[Columns.RUN_ID]}

        def rows(table: contracts.Table) -> list[Row]:
            found: list[Row] = read_table_if_there(connection, table, where=of_run).to_pylist()
            return found

        def all_rows(table: contracts.Table) -> list[Row]:
            found: list[Row] = read_table_if_there(connection, table).to_pylist()
            return found

        return Facts(
            run=run,
            metrics=_metrics(read_table(connection, contracts.METRICS, where=of_run)),
            steps=rows(contracts.RUN_STEPS),
            curves=rows(contracts.LEARNING_CURVES),
            lift=rows(contracts.LIFT_BY_DECILE),
            calibration=rows(contracts.CALIBRATION_CURVE),
            differences=rows(contracts.COMPARISONS),
            holdout_value=rows(contracts.HOLDOUT_VALUE),
            offer_value=rows(contracts.OFFER_VALUE),
            windows={row[Columns.FOLD]: row for row in all_rows(contracts.WINDOW_DATES)},
            eligibility=all_rows(contracts.ELIGIBILITY_COUNTS),
            quality=all_rows(contracts.DATA_QUALITY_COUNTS),
            events=all_rows(contracts.EVENT_COUNTS),
            features=all_rows(contracts.FEATURE_COUNTS),
            health=all_rows(contracts.MODEL_HEALTH),
            rejections=in_one_line(count_rejections(connection)),
            clients=_telling_clients(connection) if is_latest else [],
            is_latest=is_latest,
            test_read_count=sum(other[Columns.AS_OF_AT] == run[Columns.AS_OF_AT] for other in runs),
            money=read_money(connection),
        )


def completed_runs(runs: pa.Table) -> list[Row]:
    """Completed runs, the latest first; of two that finished together the larger id.

    Raises
    ------
    InputError
        There are none.
    """
    found: list[Row] = [row for row in runs.to_pylist() if row[Columns.STATUS] == STATUS_COMPLETED]
    if not found:
        raise InputError("no run is completed yet: run 'make train', or 'cross-sell train'")
    return sorted(
        found, key=lambda row: (row[Columns.FINISHED_AT], row[Columns.RUN_ID]), reverse=True
    )


def _latest(runs: list[Row], rejected: set[str]) -> Row:
    """The run that the marts show: the newest that is not rejected, if there is one."""
    return next((run for run in runs if run[Columns.RUN_ID] not in rejected), runs[0])


def _chosen(runs: list[Row], run_id: str) -> Row:
    for run in runs:
        if run[Columns.RUN_ID] == run_id:
            return run
    newest = ", ".join(run[Columns.RUN_ID] for run in runs[:3])
    raise InputError(f"no completed run '{run_id}'; the newest are {newest}")


def _metrics(table: pa.Table) -> dict[tuple[str, str, str, str], Metric]:
    return {
        (
            row[Columns.MODEL_NAME],
            row[Columns.FOLD],
            row[Columns.SEGMENT],
            row[Columns.METRIC],
        ): Metric(
            row[Columns.VALUE],
            row[Columns.CI_LOW],
            row[Columns.CI_HIGH],
            row[Columns.CLIENT_COUNT],
        )
        for row in table.to_pylist()
    }


def _telling_clients(connection: Connection) -> list[ClientPage]:
    """The client with the most promising first offer, the middle one, and one without history."""
    # Trained before anything that rests on a run was built: the card then goes without clients.
    if not existing_columns(connection, contracts.FIRST_OFFERS):
        return []
    first: list[Row] = read_table(
        connection,
        contracts.FIRST_OFFERS,
        where={Columns.OFFER_RANK: 1},
        limit=_CLIENTS_LOOKED_AT,
    ).to_pylist()
    warm = sorted(
        (row for row in first if not row[Columns.IS_COLD_START]),
        key=lambda row: (-row[Columns.PROBABILITY], row[Columns.CLIENT_ID]),
    )
    cold = [row for row in first if row[Columns.IS_COLD_START]]
    chosen = [*warm[:1], *warm[len(warm) // 2 : len(warm) // 2 + 1], *cold[:1]]
    return [
        read_client(connection, client_id, OFFERS_SHOWN)
        for client_id in _distinct(row[Columns.CLIENT_ID] for row in chosen)
    ]


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
