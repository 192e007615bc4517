"""Every benchmark as a command, with little to do. The large worlds stay large: minutes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml.benchmark.suite import BENCHMARKS
from tests.commands import run_cli

QUICK = {
    "CROSS_SELL_BENCHMARK__EPOCHS_SEEDS": "1",
    "CROSS_SELL_BENCHMARK__PEERS_SECONDS": "60",
    "CROSS_SELL_BENCHMARK__RATIOS_REPEATS": "1",
    "CROSS_SELL_BENCHMARK__RATIO_EPOCHS": "1",
    "CROSS_SELL_BENCHMARK__SPEED_EPOCHS": "1",
    "CROSS_SELL_BENCHMARK__SPEED_REPEATS": "1",
    "CROSS_SELL_BENCHMARK__SPEED_SECONDS": "1",
    "CROSS_SELL_BENCHMARK__TRIALS": "1",
    "CROSS_SELL_LIGHTFM__MAX_EPOCHS": "2",
    "CROSS_SELL_NCF__MAX_EPOCHS": "2",
}
# Beside its own figures, each has a test of its own.
ELSEWHERE = {"identity", "incremental", "oracle", "scale", "sources", "trials"}


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name not in ELSEWHERE])
def test_a_benchmark_measures_and_is_kept(trained_copy: Path, name: str) -> None:
    result = run_cli(trained_copy, "benchmark", name, **QUICK)
    assert result.returncode == 0, result.stderr + result.stdout
    kept = json.loads((trained_copy.parent / "benchmarks" / f"{name}.json").read_text())
    assert kept["results"]
    assert any(row["value"] is not None for row in kept["results"])


@pytest.mark.long
def test_sources_are_measured_where_there_are_some(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    for command in (
        ("load", "simulated", "--clients", "600", "--services", "30", "--partners", "3",
         "--days", "150", "--one-id"),
        ("build", "--selector", "learning"),
        ("benchmark", "sources"),
    ):  # fmt: skip
        result = run_cli(warehouse, *command, **QUICK)
        assert result.returncode == 0, result.stderr + result.stdout
    kept = json.loads((tmp_path / "benchmarks" / "sources.json").read_text())
    assert {row["model_name"] for row in kept["results"]} >= {"lightfm", "ncf"}
