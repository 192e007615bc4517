"""What a benchmark found, in the contracts of the ML tables and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ml import contracts
from ml.benchmark.machine import Machine
from ml.contracts import Columns, Table, arrow_table
from ml.files import write_atomically
from ml.settings import Settings

BENCHMARKS_FOLDER: Final = "benchmarks"

SPEED: Final = "speed"
RATIOS: Final = "ratios"
EPOCHS: Final = "epochs"
TRIALS: Final = "trials"
PEERS: Final = "peers"
LEAVE_ONE_OUT: Final = "leave-one-out"
ABLATION: Final = "ablation"
ORACLE: Final = "oracle"
IDENTITY: Final = "identity"
SOURCES: Final = "sources"
BACKTEST: Final = "backtest"
SCALE: Final = "scale"
INCREMENTAL: Final = "incremental"


@dataclass(frozen=True)
class BenchmarkResult:
    """One figure.

    Parameters
    ----------
    case_name : str
        The data or the size that was measured.
    model_name : str
    metric : str
    value : float or None
        None where it could not be measured; ``note`` says why.
    low, high : float, optional
        Of the spread or the interval that the benchmark documents.
    sample_count : int, default 1
        Repeats, seeds or clients behind the value.
    study_value : float, optional
        What the founding study states for the same cell.
    note : str, optional
    """

    case_name: str
    model_name: str
    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    sample_count: int = 1
    study_value: float | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        for value in (self.value, self.low, self.high, self.study_value):
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{self.case_name}, {self.model_name}, {self.metric}: {value}")

    @property
    def key(self) -> tuple[str, str, str]:
        """What is unique within a benchmark run."""
        return self.case_name, self.model_name, self.metric


def spread(
    case_name: str,
    model_name: str,
    metric: str,
    samples: Sequence[float],
    *,
    takes_median: bool = False,
    study_value: float | None = None,
    note: str | None = None,
) -> BenchmarkResult:
    """Make a figure of several samples: mean (or median), least and largest.

    Parameters
    ----------
    case_name, model_name, metric : str
    samples : sequence of float
        At least one.
    takes_median : bool, default False
        Timings have outliers on one side only: the median is nearer to what they cost.
    study_value, note : optional
        As in :class:`BenchmarkResult`.

    Returns
    -------
    BenchmarkResult

    Examples
    --------
    >>> spread("generated", "ncf", "auc", [0.5, 1.0]).value
    0.75
    """
    middle = np.median(samples) if takes_median else np.mean(samples)
    return BenchmarkResult(
        case_name,
        model_name,
        metric,
        float(middle),
        float(min(samples)),
        float(max(samples)),
        len(samples),
        study_value,
        note,
    )


@dataclass(frozen=True)
class BenchmarkRun:
    """One benchmark, done.

    Parameters
    ----------
    benchmark_id : str
        Starts with the time, so that runs sort.
    benchmark : str
        ``speed``, ``epochs``, ...
    seconds : float
        Wall time of the whole benchmark.
    machine : Machine
    settings : mapping
        What the benchmark and its models were set to.
    package_versions : mapping of str to str
    started_at, finished_at : datetime
        UTC.
    results : tuple of BenchmarkResult
        In the order in which they are shown.
    """

    benchmark_id: str
    benchmark: str
    seconds: float
    machine: Machine
    settings: Mapping[str, Any]
    package_versions: Mapping[str, str]
    started_at: datetime
    finished_at: datetime
    results: tuple[BenchmarkResult, ...]

    def __post_init__(self) -> None:
        keys = [result.key for result in self.results]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise ValueError(f"{self.benchmark}: measured twice: {sorted(twice)}")

    def to_json(self) -> str:
        """Everything, for programs and for a later look."""
        content = asdict(self)
        content[Columns.STARTED_AT] = self.started_at.isoformat()
        content[Columns.FINISHED_AT] = self.finished_at.isoformat()
        return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"

    def to_tables(self) -> list[tuple[Table, pa.Table]]:
        """Rows of the two contracted tables, the figures first."""
        fields = (
            Columns.CASE_NAME, Columns.MODEL_NAME, Columns.METRIC, Columns.VALUE, Columns.LOW,
            Columns.HIGH, Columns.SAMPLE_COUNT, Columns.STUDY_VALUE, Columns.NOTE,
        )  # fmt: skip
        results: dict[str, Any] = {
            field: [getattr(result, field) for result in self.results] for field in fields
        }
        results[Columns.BENCHMARK_ID] = [self.benchmark_id] * len(self.results)
        run = {
            Columns.BENCHMARK_ID: [self.benchmark_id],
            Columns.BENCHMARK: [self.benchmark],
            Columns.SECONDS: [self.seconds],
            Columns.MACHINE_JSON: [json.dumps(self.machine)],
            Columns.SETTINGS_JSON: [json.dumps(self.settings)],
            Columns.PACKAGE_VERSIONS_JSON: [json.dumps(self.package_versions)],
            Columns.STARTED_AT: [self.started_at],
            Columns.FINISHED_AT: [self.finished_at],
        }
        return [
            (contracts.BENCHMARK_RESULTS, arrow_table(contracts.BENCHMARK_RESULTS, results)),
            (contracts.BENCHMARKS, arrow_table(contracts.BENCHMARKS, run)),
        ]


def json_file(settings: Settings, benchmark: str) -> Path:
    """Where the latest figures of a benchmark lie."""
    return settings.folder / BENCHMARKS_FOLDER / f"{benchmark}.json"


def write_json(settings: Settings, run: BenchmarkRun) -> Path:
    """Write the latest figures of a benchmark, whole or not at all.

    Raises
    ------
    WarehouseAccessError
        The folder cannot be written.
    """
    path = json_file(settings, run.benchmark)
    write_atomically(path, run.to_json())
    return path
