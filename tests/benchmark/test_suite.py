"""The commands: each by itself, and all of them where some fail."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from ml import contracts
from ml.benchmark import suite
from ml.benchmark.available import available
from ml.benchmark.results import BenchmarkResult
from ml.benchmark.runner import Measured
from ml.contracts import Columns
from ml.errors import InputError
from ml.progress import Progress
from ml.settings import Settings
from ml.warehouse import connect, read_table
from tests.commands import run_cli


def measured(settings: Settings, _progress: Progress) -> Measured:
    value = float(len(settings.tuned))
    return Measured([BenchmarkResult("case", "model", "auc", value)], {})


def failing(_settings: Settings, _progress: Progress) -> Measured:
    raise InputError("learning.labels does not exist")


def test_one_that_fails_does_not_stop_the_others_and_is_told_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        suite, "BENCHMARKS", {"first": measured, "broken": failing, "last": measured}
    )
    console = Console(file=io.StringIO(), width=120)
    with pytest.raises(InputError, match=r"learning\.labels"):
        suite.run_all(Progress(console), tmp_path / "warehouse.duckdb")
    written = {path.stem for path in (tmp_path / "benchmarks").iterdir()}
    assert written == {"first", "last"}
    assert isinstance(console.file, io.StringIO)
    assert "broken failed: learning.labels does not exist" in console.file.getvalue()


def test_a_warehouse_without_marts_is_told_in_one_line(tmp_path: Path) -> None:
    result = run_cli(tmp_path / "warehouse.duckdb", "benchmark", "trials")
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith("error: there is no warehouse")
    assert "Traceback" not in result.stderr + result.stdout


def nothing(_settings: Settings, _progress: Progress) -> int:
    raise InputError("no files [here]")


def test_data_that_is_not_there_is_left_out_and_told(tmp_path: Path) -> None:
    settings = Settings(warehouse=tmp_path / "warehouse.duckdb")
    console = Console(file=io.StringIO(), width=120)
    sources = {"far": nothing, "near": lambda _s, _p: 7}
    assert list(available(sources, settings, Progress(console))) == [("near", 7)]
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "far is left out: no files [here]\n"
    with pytest.raises(InputError, match="no files"):
        list(available({"far": nothing}, settings, Progress(console)))


def test_help_names_every_benchmark(tmp_path: Path) -> None:
    text = run_cli(tmp_path / "warehouse.duckdb", "benchmark", "--help").stdout
    assert all(name in text for name in (*suite.BENCHMARKS, "all"))


def test_a_benchmark_as_a_command(built_copy: Path) -> None:
    small = {
        "CROSS_SELL_BENCHMARK__TRIALS": "2",
        "CROSS_SELL_BENCHMARK__DATA_NAME": "small world",
        "CROSS_SELL_NCF__MAX_EPOCHS": "2",
        "CROSS_SELL_LIGHTFM__MAX_EPOCHS": "2",
        "CROSS_SELL_THREADS": "1",
    }
    result = run_cli(built_copy, "benchmark", "trials", **small)
    assert result.returncode == 0, result.stderr
    for words in ("small world", "study", "0.82", "0.88", "benchmark.html"):
        assert words in result.stdout
    kept = json.loads((built_copy.parent / "benchmarks" / "trials.json").read_text())
    assert kept["machine"]["cores"] >= 1
    with connect(built_copy, read_only=True, wait_seconds=20) as connection:
        [run] = read_table(connection, contracts.BENCHMARKS).to_pylist()
        rows = read_table(connection, contracts.BENCHMARK_RESULTS).to_pylist()
    assert run[Columns.BENCHMARK_ID] == kept["benchmark_id"]
    assert len(rows) == len(kept["results"]) == 12
    page = (built_copy.parent / "reports" / "benchmark.html").read_text()
    assert "small world" in page
