"""Rows of scores that are written to DuckDB in a second, and reading's share of the job."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from ml import contracts
from ml.benchmark.ratios.timing import timed
from ml.benchmark.ratios.world import Sizes
from ml.benchmark.results import BenchmarkResult, spread
from ml.contracts import Columns
from ml.settings import Settings
from ml.warehouse import connect, read_table_if_there, replace_tables

HANDOFF_STEP = "read marts"
_FEW = 1_000


def measure_writing(settings: Settings, sizes: Sizes) -> list[BenchmarkResult]:
    """Into a fresh file, commit included; making the Arrow table is not counted."""
    rows = _made_up(sizes.score_rows)
    seconds = []
    with tempfile.TemporaryDirectory(prefix="cross-sell-ratio-") as name:
        for turn in range(settings.benchmark.ratios_repeats + 1):
            with connect(
                Path(name) / f"{turn}.duckdb", read_only=False, wait_seconds=0
            ) as connection:
                taken = timed(lambda: replace_tables(connection, [(contracts.SCORES, rows)]))
            if turn:
                seconds.append(taken)
    rates = [sizes.score_rows / taken for taken in seconds]
    case = f"scores to DuckDB, {sizes.score_rows:,} rows"
    return [spread(case, "ours", "rows_per_second", rates, takes_median=True)]


def measure_handoff(settings: Settings) -> list[BenchmarkResult]:
    """From marts to sparse matrices, as a share of the newest run of this warehouse."""
    case, metric = "marts to matrices, newest run", "share_of_job"
    missing = "no run yet: 'cross-sell run' makes one"
    if not settings.warehouse_file.exists():
        return [BenchmarkResult(case, "ours", metric, None, sample_count=0, note=missing)]
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        steps = read_table_if_there(connection, contracts.RUN_STEPS)
    if not len(steps):
        return [BenchmarkResult(case, "ours", metric, None, sample_count=0, note=missing)]
    newest = max(steps.column(Columns.RUN_ID).to_pylist())
    mine = [step for step in steps.to_pylist() if step[Columns.RUN_ID] == newest]
    total = sum(step[Columns.SECONDS] for step in mine)
    reading = sum(step[Columns.SECONDS] for step in mine if step[Columns.STEP] == HANDOFF_STEP)
    return [BenchmarkResult(case, "ours", metric, reading / total if total else None)]


def _made_up(count: int) -> pa.Table:
    """Rows as a run writes them: few distinct texts, many numbers."""
    texts = pa.array([f"text {i}" for i in range(_FEW)])
    rng = np.random.default_rng(0)
    columns = []
    for column in contracts.SCORES.columns:
        if pa.types.is_string(column.type):
            values = texts.take(pa.array(rng.integers(0, _FEW, count)))
        elif pa.types.is_floating(column.type):
            values = pa.array(rng.random(count))
        else:
            values = pa.array(rng.integers(0, 2, count))
        columns.append(values.cast(column.type))
    return pa.Table.from_arrays(columns, schema=contracts.SCORES.arrow_schema)
