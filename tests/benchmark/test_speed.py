"""The speed table: what is counted and what is scaled; never how fast."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from ml.benchmark import study
from ml.benchmark.generated import Size
from ml.benchmark.results import BenchmarkResult
from ml.benchmark.settings import BenchmarkSettings
from ml.benchmark.speed import LARGER_SIZES, Training, cost_exponent, measure_speed
from ml.models.ncf_settings import NCFSettings
from ml.progress import Progress
from ml.settings import Settings

SMALL = (Size(60, 40, 500), Size(120, 40, 1_000))
NETWORK = NCFSettings(gmf_factors=8, mlp_factors=4, hidden=(8, 4), negatives=16)


def measured(tmp_path: Path, **settings: object) -> dict[tuple[str, str, str], BenchmarkResult]:
    options = BenchmarkSettings.model_validate({"speed_epochs": 3, **settings})
    progress = Progress(Console(file=io.StringIO()))
    found = measure_speed(
        Settings(warehouse=tmp_path / "w.duckdb", ncf=NETWORK, benchmark=options, threads=1),
        progress,
        SMALL,
    )
    return {result.key: result for result in found.results}


def test_every_size_and_model_has_its_figures(tmp_path: Path) -> None:
    found = measured(tmp_path, speed_repeats=2)
    for size in SMALL:
        for name in study.MODELS:
            minutes = found[str(size), name, "train_minutes"]
            rate = found[str(size), name, "records_per_minute"]
            assert minutes.value is not None
            assert minutes.low is not None
            assert rate.value == pytest.approx(size.records / minutes.value)
            assert rate.high == pytest.approx(size.records / minutes.low)
            assert minutes.sample_count == 2
            assert minutes.note is None
            assert found[str(size), name, "epochs"].value == 3
    assert {key for key in found if key[0] == "growth"} == {
        ("growth", name, "cost_exponent") for name in study.MODELS
    }


def test_what_takes_too_long_is_scaled_up_and_says_so(tmp_path: Path) -> None:
    found = measured(tmp_path, speed_seconds=1e-6)
    for size in SMALL:
        minutes = found[str(size), "ncf", "train_minutes"]
        assert minutes.sample_count == 1
        assert minutes.note == "scaled up from 1 measured epochs to 3"
        assert found[str(size), "ncf", "epochs"].value == 3


def test_minutes_count_the_setup_once() -> None:
    assert Training(setup_seconds=6, epoch_seconds=3).minutes(10) == pytest.approx(36 / 60)


def test_the_studys_own_figures_fit_together() -> None:
    for key, minutes in study.TRAIN_MINUTES.items():
        assert study.RECORDS_PER_MINUTE[key] == pytest.approx(key[0].records / minutes, rel=0.002)
    assert [str(size) for size in study.SIZES] == [
        "1,000×1,000×10,000",
        "1,000×10,000×100,000",
        "10,000×1,000×1,000,000",
    ]
    assert all(size.records > max(s.records for s in study.SIZES) for size in LARGER_SIZES)


def test_the_exponent_of_a_power_law_is_its_power() -> None:
    sizes = [Size(1, 1, n) for n in (10, 1_000, 50_000)]
    assert cost_exponent([(s, 0.1 * s.records**0.7) for s in sizes]) == pytest.approx(0.7)
