"""Benchmarks' figures come from the warehouse and from the JSON beside it, the later winning."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from ml import contracts
from ml.benchmark.machine import describe_machine
from ml.benchmark.results import BenchmarkResult, BenchmarkRun, json_file, write_json
from ml.errors import InputError
from ml.report.measurements import read_measurements
from ml.report.page import write_benchmark_page
from ml.settings import Settings
from ml.warehouse import connect, replace_tables


def run(day: int, *values: float, benchmark: str = "peers") -> BenchmarkRun:
    moment = datetime(2024, 1, day)
    results = tuple(
        BenchmarkResult(f"case {9 - i}", "ncf", "hr@10", value) for i, value in enumerate(values)
    )
    return BenchmarkRun(
        f"{benchmark}-{day}", benchmark, 1.0, describe_machine(), {}, {}, moment, moment, results
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(warehouse=tmp_path / "warehouse.duckdb")


def keep(settings: Settings, *runs: BenchmarkRun) -> None:
    """In the warehouse, as its tables."""
    with connect(settings.warehouse_file, read_only=False, wait_seconds=5) as connection:
        for table in contracts.BENCHMARK_TABLES:
            parts = [rows for one in runs for found, rows in one.to_tables() if found == table]
            connection.execute("create schema if not exists ml")
            replace_tables(connection, [(table, parts[0])])
            for rows in parts[1:]:
                connection.register("rows", rows)
                connection.execute(f"insert into {table.qualified_name} from rows")
                connection.unregister("rows")


def test_nothing_was_measured(settings: Settings) -> None:
    assert read_measurements(settings) == {}


def test_json_alone_keeps_its_order(settings: Settings) -> None:
    """Without a warehouse, benchmarks leave JSON only."""
    write_json(settings, run(1, 0.1, 0.2))
    [found] = read_measurements(settings).values()
    assert found.cases == ["case 9", "case 8"]
    assert "case 8" in write_benchmark_page(settings).read_text()


def test_the_latest_run_of_each_benchmark_counts(settings: Settings) -> None:
    keep(settings, run(2, 0.2), run(3, 0.3), run(1, 0.1), run(1, 0.5, benchmark="speed"))
    found = read_measurements(settings)
    assert set(found) == {"peers", "speed"}
    row = found["peers"].find("case 9", "ncf", "hr@10")
    assert row is not None
    assert row.value == 0.3


@pytest.mark.parametrize(("day", "value"), [(1, 0.3), (4, 0.9)])
def test_of_warehouse_and_json_the_later_counts(settings: Settings, day: int, value: float) -> None:
    keep(settings, run(3, 0.3))
    write_json(settings, run(day, 0.9))
    row = read_measurements(settings)["peers"].find("case 9", "ncf", "hr@10")
    assert row is not None
    assert row.value == value


@pytest.mark.parametrize("text", ["", "[]", '{"benchmark": "peers"}', "nonsense"])
def test_a_spoiled_file_is_named(settings: Settings, text: str) -> None:
    path = json_file(settings, "peers")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(InputError, match=r"peers\.json is no benchmark's figures"):
        read_measurements(settings)
