"""``cross-sell refresh`` over a world that goes on: first run, nothing new, new data, drift."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from rich.console import Console

from ml import contracts
from ml.contracts import Columns
from ml.gates.verdicts import rejected_runs
from ml.progress import Progress
from ml.refresh.champion import published_run, reject
from ml.settings import Settings
from ml.warehouse import connect, read_table, replace_tables
from tests.commands import run_cli
from tests.conftest import load_world
from tests.worlds import RawTables, small_world

QUICK = {"CROSS_SELL_MODELS": '["popularity"]'}
# Longer than a horizon, so that the first run knew no more than the next one's test fold.
LATER = 40


def world_up_to(days_before_its_end: int) -> RawTables:
    """The small world as it was known some days before it ended."""
    raw = small_world()
    sold = raw[contracts.RAW_TRANSACTIONS]
    times = sold.column(Columns.TRANSACTED_AT)
    end = pc.max(times).as_py() - timedelta(days=days_before_its_end)
    kept = sold.filter(pc.less_equal(times, pa.scalar(end, contracts.TIMESTAMP)))
    return {**raw, contracts.RAW_TRANSACTIONS: kept}


def decisions(warehouse: Path) -> list[dict[str, Any]]:
    with connect(warehouse, read_only=True, wait_seconds=20) as connection:
        rows: list[dict[str, Any]] = read_table(connection, contracts.DECISIONS).to_pylist()
    return rows


def answers(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row[Columns.QUESTION], row[Columns.CHOICE]) for row in rows]


def refresh(warehouse: Path, *arguments: str, **extra: str) -> str:
    result = run_cli(warehouse, "refresh", *arguments, **QUICK, **extra)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    return result.stdout


def replace_sales(warehouse: Path, raw: RawTables) -> None:
    """New rows, as a partner's own job brings them."""
    table = contracts.RAW_TRANSACTIONS
    with connect(warehouse, read_only=False, wait_seconds=20) as connection:
        replace_tables(connection, [(table, raw[table])])


@pytest.mark.parametrize(
    "is_long", [False, pytest.param(True, marks=pytest.mark.long)], ids=["short", "long"]
)
def test_a_world_that_goes_on_is_followed(tmp_path: Path, is_long: bool) -> None:
    warehouse = load_world(tmp_path / "warehouse.duckdb", world_up_to(LATER))
    refresh(warehouse)
    first = decisions(warehouse)
    assert answers(first) == [
        ("retrain", "retrain"), ("champion", "replace"), ("refresh", "published"),
    ]  # fmt: skip
    assert "no run is completed" in first[0][Columns.REASON]

    size = warehouse.stat().st_mtime_ns
    told = refresh(warehouse)
    assert "Nothing is new" in told
    assert "dbt build" not in told
    assert decisions(warehouse) == first
    assert warehouse.stat().st_mtime_ns == size

    second: list[dict[str, Any]] = []
    if is_long:
        # A day later, and only drift counts: the old run stays, readers get it anew.
        replace_sales(warehouse, world_up_to(LATER - 1))
        refresh(warehouse, CROSS_SELL_REFRESH__RETRAIN="on_drift")
        second = decisions(warehouse)[len(first) :]
        assert answers(second) == [("retrain", "keep"), ("refresh", "published")]
        assert {row[Columns.RUN_ID] for row in second} == {first[-1][Columns.RUN_ID]}
        assert json.loads(second[0][Columns.NUMBERS_JSON])["age_days"] == 1

    # After more than a horizon the old run's offers can be held against what happened.
    replace_sales(warehouse, world_up_to(0))
    refresh(warehouse, CROSS_SELL_REFRESH__RETRAIN="on_drift")
    third = decisions(warehouse)[len(first) + len(second) :]
    assert answers(third)[0] == ("retrain", "retrain")
    assert "last 40 days" in third[0][Columns.REASON]
    assert third[1][Columns.QUESTION] == "champion"
    assert third[1][Columns.CHOICE] in ("replace", "keep")
    numbers = json.loads(third[1][Columns.NUMBERS_JSON])
    assert numbers["champion"] == first[-1][Columns.RUN_ID]
    assert numbers["clients"] > 20
    assert -1 <= numbers["low"] <= numbers["ndcg@10_difference"] <= numbers["high"] <= 1


def test_a_challenger_that_lost_is_rejected_and_leaves_the_marts(trained_copy: Path) -> None:
    settings = Settings(warehouse=trained_copy)
    before = published_run(settings)
    result = run_cli(trained_copy, "train", "--seed", "7", **QUICK)
    assert result.returncode == 0, result.stderr
    with connect(trained_copy, read_only=True, wait_seconds=20) as connection:
        runs = read_table(connection, contracts.RUNS).column(Columns.RUN_ID).to_pylist()
    [challenger] = [run for run in runs if run != before]
    reject(settings, Progress(Console(quiet=True)), challenger, "lost by .02")
    with connect(trained_copy, read_only=True, wait_seconds=20) as connection:
        assert rejected_runs(connection) == {challenger}
        shown = read_table(connection, contracts.CROSS_SELL_SCORES).column(Columns.RUN_ID)
    assert shown.unique().to_pylist() == [before]
