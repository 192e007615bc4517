"""The scale benchmark: the real commands on a tiny world, and how growth is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml.benchmark.scale import GROWTH, SizeFound, _growth, growth_exponent
from ml.benchmark.scale_world import LOAD, TRAIN, WHOLE, JobStep, budgeted_models
from ml.settings import Settings
from tests.commands import run_cli

SMALL = {
    "CROSS_SELL_BENCHMARK__SCALE_SERVICES": "30",
    "CROSS_SELL_BENCHMARK__SCALE_PARTNERS": "2",
    "CROSS_SELL_BENCHMARK__SCALE_SAMPLE_BUDGET": "2000",
    "CROSS_SELL_BENCHMARK__SCALE_QUALITY_CLIENTS": "400",
    "CROSS_SELL_BOOTSTRAP_SAMPLES": "20",
    "CROSS_SELL_LIGHTFM__MAX_EPOCHS": "2",
    "CROSS_SELL_NCF__MAX_EPOCHS": "2",
    "CROSS_SELL_THREADS": "1",
}


def steps(*seconds: float) -> list[JobStep]:
    names = (LOAD, "dbt build", TRAIN, "train: fit")
    return [
        JobStep(name, time, time, 1.0, is_part=": " in name)
        for name, time in zip(names, seconds, strict=True)
    ]


def test_growth_is_that_of_steps_that_matter_and_of_the_whole_without_loading() -> None:
    found = [
        SizeFound(100, steps(50.0, 1.0, 9.0, 0.001), None, {}, {}),
        SizeFound(1000, steps(50.0, 100.0, 900.0, 0.002), None, {}, {}),
        SizeFound(10_000, steps(50.0, 1.0, 0.0, 0.0)[:2], "out of memory", {}, {}),
    ]
    rows = {row.model_name: row for row in _growth(found)}
    assert all(row.case_name == GROWTH for row in rows.values())
    assert rows["dbt build"].value == pytest.approx(2.0)
    assert rows[WHOLE].value == pytest.approx(2.0)
    assert rows[LOAD].value == pytest.approx(0.0)
    assert "train: fit" not in rows  # A hundredth of the job's time is the least.
    assert _growth(found[:1]) == []


def test_exponent_of_a_known_power() -> None:
    assert growth_exponent({10: 1.0, 100: 10.0**1.5, 1000: 10.0**3}) == pytest.approx(1.5)


def test_models_with_a_budget_are_found_by_their_settings() -> None:
    settings = Settings()
    assert set(budgeted_models(settings)) <= {"lightfm", "ncf"}
    assert "lightfm" in budgeted_models(settings)


@pytest.mark.long
def test_the_benchmark_as_a_command(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    result = run_cli(warehouse, "benchmark", "scale", "--clients", "400", **SMALL)
    assert result.returncode == 0, result.stderr + result.stdout
    kept = json.loads((tmp_path / "benchmarks" / "scale.json").read_text())
    value = {(r["model_name"], r["metric"]): r["value"] for r in kept["results"]}
    assert None not in value.values(), kept["results"]
    commands = (
        "load", "dbt build raw_to_learning", "train", "dbt build after_training", "publish",
    )  # fmt: skip
    for name in (*commands, WHOLE):
        assert value[name, "seconds"] > 0
        assert value[name, "processor_seconds"] > 0
        assert 0.05 < value[name, "peak_memory_gib"] < 12
    whole = sum(value[name, "seconds"] for name in commands[1:])
    assert value[WHOLE, "seconds"] == pytest.approx(whole)
    assert value["train: fit lightfm", "seconds"] < value["train", "seconds"]
    for metric in ("ndcg@10", "ndcg@10_without_budget"):
        assert 0 < value["lightfm", metric] < 1
    assert list((tmp_path / "scale").iterdir()) == []


def test_a_size_that_fails_says_why_and_stays_to_be_looked_at(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    tight = {**SMALL, "CROSS_SELL_BENCHMARK__SCALE_MEMORY_GIB": "0.05"}
    result = run_cli(
        warehouse, "benchmark", "scale", "--clients", "400", "--clients", "500", **tight
    )
    assert "GiB are allowed" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
    kept = json.loads((tmp_path / "benchmarks" / "scale.json").read_text())
    [row] = kept["results"]
    assert row["value"] is None
    assert "0.05 GiB are allowed" in row["note"]
    assert [folder.name for folder in (tmp_path / "scale").iterdir()] == ["400"]
