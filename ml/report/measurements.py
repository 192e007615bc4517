"""What the benchmarks measured, the latest run of each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ml import contracts
from ml.benchmark.results import BENCHMARKS_FOLDER
from ml.contracts import Columns
from ml.errors import InputError
from ml.settings import Settings
from ml.warehouse import connect, read_table_if_there

_AFTER: Final = re.compile(r"_after_(\d+)$")


@dataclass(frozen=True)
class Measured:
    """One figure of a benchmark.

    Parameters
    ----------
    case, model, metric : str
    value, low, high : float or None
    sample_count : int
    study_value : float or None
        The founding study's figure for the same.
    note : str
    """

    case: str
    model: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    sample_count: int
    study_value: float | None
    note: str


@dataclass(frozen=True)
class Measurement:
    """One run of a benchmark.

    Parameters
    ----------
    name : str
    rows : list of Measured
    seconds : float
    finished_at : datetime
        UTC.
    machine, settings, versions : dict
    """

    name: str
    rows: list[Measured]
    seconds: float
    finished_at: datetime
    machine: dict[str, Any]
    settings: dict[str, Any]
    versions: dict[str, Any]

    @property
    def cases(self) -> list[str]:
        """Case names, in the order written."""
        return list(dict.fromkeys(row.case for row in self.rows))

    @property
    def models(self) -> list[str]:
        """Model names, in the order written."""
        return list(dict.fromkeys(row.model for row in self.rows))

    @property
    def epochs(self) -> list[int]:
        """After how many epochs figures were taken (``<metric>_after_<epochs>``), ascending."""
        found = (_AFTER.search(row.metric) for row in self.rows)
        return sorted({int(match.group(1)) for match in found if match})

    def find(self, case: str, model: str, metric: str) -> Measured | None:
        """One figure, if it was measured."""
        for row in self.rows:
            if (row.case, row.model, row.metric) == (case, model, metric):
                return row
        return None

    def of_metric(self, metrics: Iterable[str]) -> list[Measured]:
        """Figures of some metrics."""
        wanted = set(metrics)
        return [row for row in self.rows if row.metric in wanted]


def read_measurements(settings: Settings) -> dict[str, Measurement]:
    """Read the latest run of each benchmark.

    A benchmark that ran without a warehouse left its figures as JSON only; the JSON beside the
    warehouse also keeps the order in which they were measured.

    Returns
    -------
    dict of str to Measurement
        By benchmark; empty where none was run.

    Raises
    ------
    InputError
        A file of figures is not as it was written.
    WarehouseBusyError, WarehouseAccessError
        The warehouse cannot be opened.
    """
    found = _from_warehouse(settings) if settings.warehouse_file.exists() else {}
    for path in sorted((settings.folder / BENCHMARKS_FOLDER).glob("*.json")):
        measured = _from_json(path)
        known = found.get(measured.name)
        if known is None or measured.finished_at >= known.finished_at:
            found[measured.name] = measured
    return found


def _from_json(path: Path) -> Measurement:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Measurement(
            content[Columns.BENCHMARK],
            [_measured(row) for row in content["results"]],
            content[Columns.SECONDS],
            datetime.fromisoformat(content[Columns.FINISHED_AT]),
            content["machine"],
            content["settings"],
            content["package_versions"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no benchmark's figures ({type(error).__name__}: {error}): remove it, or "
            "run the benchmark again"
        ) from None


def _from_warehouse(settings: Settings) -> dict[str, Measurement]:
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        runs = read_table_if_there(connection, contracts.BENCHMARKS).to_pylist()
        latest = {
            row[Columns.BENCHMARK]: row
            for row in sorted(runs, key=lambda r: (r[Columns.FINISHED_AT], r[Columns.BENCHMARK_ID]))
        }
        return {
            name: _measurement(
                row,
                read_table_if_there(
                    connection,
                    contracts.BENCHMARK_RESULTS,
                    where={Columns.BENCHMARK_ID: row[Columns.BENCHMARK_ID]},
                ).to_pylist(),
            )
            for name, row in latest.items()
        }


def _measured(row: dict[str, Any]) -> Measured:
    return Measured(
        row[Columns.CASE_NAME],
        row[Columns.MODEL_NAME],
        row[Columns.METRIC],
        row[Columns.VALUE],
        row[Columns.LOW],
        row[Columns.HIGH],
        row[Columns.SAMPLE_COUNT],
        row[Columns.STUDY_VALUE],
        row[Columns.NOTE] or "",
    )


def _measurement(run: dict[str, Any], rows: list[dict[str, Any]]) -> Measurement:
    return Measurement(
        run[Columns.BENCHMARK],
        [_measured(row) for row in rows],
        run[Columns.SECONDS],
        run[Columns.FINISHED_AT],
        json.loads(run[Columns.MACHINE_JSON]),
        json.loads(run[Columns.SETTINGS_JSON]),
        json.loads(run[Columns.PACKAGE_VERSIONS_JSON]),
    )
