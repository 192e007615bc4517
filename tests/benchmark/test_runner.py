"""Figures are kept whole, as JSON and as rows, whatever state the warehouse is in."""

from __future__ import annotations

import io
import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from ml import contracts
from ml.benchmark.machine import describe_machine
from ml.benchmark.results import BenchmarkResult, BenchmarkRun, json_file, spread
from ml.benchmark.runner import Measured, run_benchmark
from ml.contracts import Columns
from ml.errors import WarehouseAccessError, WarehouseBusyError
from ml.progress import Progress
from ml.settings import PROJECT_ROOT, Settings
from ml.warehouse import connect, existing_columns, read_table
from tests.conftest import load_world
from tests.worlds import small_world

RESULTS = (
    spread("generated", "lightfm", "auc_after_10", [0.81, 0.79, 0.8], study_value=0.8),
    BenchmarkResult("generated", "oracle", "auc", 0.93, note="best possible"),
    BenchmarkResult("generated", "broken", "auc", None, sample_count=0, note="not installed"),
)


def measure(_settings: Settings, _progress: Progress) -> Measured:
    return Measured(RESULTS, {"seeds": [1, 2, 3]}, {"implicit": "0.7.3"})


def run(warehouse: Path) -> tuple[BenchmarkRun, str, Settings]:
    settings = Settings(warehouse=warehouse, lock_wait_seconds=1)
    console = Console(file=io.StringIO(), width=120)
    found = run_benchmark("epochs", measure, settings, Progress(console))
    assert isinstance(console.file, io.StringIO)
    return found, console.file.getvalue(), settings


def test_figures_come_back_from_the_warehouse_and_from_json(built_copy: Path) -> None:
    first, text, settings = run(built_copy)
    second, _, _ = run(built_copy)
    with connect(built_copy, read_only=True, wait_seconds=5) as connection:
        runs = read_table(connection, contracts.BENCHMARKS).to_pylist()
        rows = read_table(
            connection,
            contracts.BENCHMARK_RESULTS,
            where={Columns.BENCHMARK_ID: first.benchmark_id},
        ).to_pylist()
    assert {r[Columns.BENCHMARK_ID] for r in runs} == {first.benchmark_id, second.benchmark_id}
    [row] = [r for r in rows if r[Columns.MODEL_NAME] == "lightfm"]
    assert row[Columns.VALUE] == pytest.approx(0.8)
    assert (row[Columns.LOW], row[Columns.HIGH], row[Columns.SAMPLE_COUNT]) == (0.79, 0.81, 3)
    [row] = [r for r in rows if r[Columns.MODEL_NAME] == "broken"]
    assert (row[Columns.VALUE], row[Columns.NOTE]) == (None, "not installed")
    kept = json.loads(json_file(settings, "epochs").read_text())
    assert kept["benchmark_id"] == second.benchmark_id
    assert len(kept["results"]) == len(RESULTS)
    assert kept["settings"] == {"threads": settings.threads, "seeds": [1, 2, 3]}
    assert kept["package_versions"]["implicit"] == "0.7.3"
    for words in ("0.8000", "study", "best possible", "not installed"):
        assert words in text


def test_tables_that_are_missing_are_built_by_dbt(tmp_path: Path) -> None:
    warehouse = load_world(tmp_path / "warehouse.duckdb", small_world(n_clients=10))
    found, text, _ = run(warehouse)
    with connect(warehouse, read_only=True, wait_seconds=5) as connection:
        assert existing_columns(connection, contracts.BENCHMARKS)
        rows = read_table(connection, contracts.BENCHMARK_RESULTS).to_pylist()
    assert {r[Columns.BENCHMARK_ID] for r in rows} == {found.benchmark_id}
    assert len(rows) == len(RESULTS)
    assert "JSON only" not in text


def test_without_a_warehouse_json_holds_all(tmp_path: Path) -> None:
    found, text, settings = run(tmp_path / "none" / "warehouse.duckdb")
    assert "JSON only" in text
    assert not settings.warehouse_file.exists()
    kept = json.loads(json_file(settings, "epochs").read_text())
    assert kept["benchmark_id"] == found.benchmark_id


def test_raw_tables_that_dbt_refuses_do_not_stop_a_benchmark(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    with connect(warehouse, read_only=False, wait_seconds=5):
        pass
    _, text, settings = run(warehouse)
    assert "JSON only" in text
    assert json_file(settings, "epochs").exists()


def test_a_held_warehouse_is_told_before_anything_is_measured(built_copy: Path) -> None:
    code = (
        f"import duckdb, sys; c = duckdb.connect({str(built_copy)!r}); print(flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(WarehouseBusyError):
            run(built_copy)
    finally:
        holder.kill()
        holder.wait()
    assert not json_file(Settings(warehouse=built_copy), "epochs").exists()


def test_a_folder_that_cannot_be_written_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").write_text("a file in the way")
    with pytest.raises(WarehouseAccessError, match="cannot write"):
        run(tmp_path / "warehouse.duckdb")


def test_a_figure_twice_or_not_finite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="auc"):
        BenchmarkResult("generated", "ncf", "auc", float("nan"))
    with pytest.raises(ValueError, match="measured twice"):
        one = BenchmarkResult("generated", "ncf", "auc", 0.5)
        run_benchmark_of([one, one], tmp_path)


def run_benchmark_of(results: list[BenchmarkResult], folder: Path) -> BenchmarkRun:
    settings = Settings(warehouse=folder / "warehouse.duckdb")
    return run_benchmark(
        "epochs",
        lambda _s, _p: Measured(results, {}),
        settings,
        Progress(Console(file=io.StringIO())),
    )


def test_the_machine_is_described_without_names_or_paths() -> None:
    machine = describe_machine()
    text = json.dumps(machine)
    assert machine["cores"] >= 1
    assert machine["memory_gib"] > 0
    assert platform.node() not in text
    assert str(PROJECT_ROOT) not in text
    assert "/" not in machine["system"]
