"""NCF beside RecBole: what is counted, and that a missing library stops nothing; never how fast."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from ml.benchmark.generated import Size
from ml.benchmark.ratios.ncf_training import (
    NEUMF,
    OURS,
    PLAIN,
    PLAIN_WAY,
    Trace,
    _figures,
    measure_ncf_training,
)
from ml.benchmark.ratios.world import split_fold
from ml.benchmark.settings import PEERS_PYTHON, BenchmarkSettings
from ml.dataset import Fold
from ml.models.ncf_batches import PairBatches
from ml.progress import Progress
from ml.settings import PROJECT_ROOT, Settings

OTHERS_ARE_INSTALLED = (PROJECT_ROOT / PEERS_PYTHON).with_name("pip").exists()


@pytest.fixture(scope="module")
def fold() -> Fold:
    return split_fold(Size(150, 80, 4_000), seed=2)


def settings_in(folder: Path, **options: object) -> Settings:
    return Settings(
        warehouse=folder / "warehouse.duckdb",
        threads=1,
        benchmark=BenchmarkSettings.model_validate({"ratio_epochs": 3, **options}),
    )


def test_a_step_of_plain_neumf_has_recboles_number_of_samples(fold: Fold) -> None:
    """RecBole fills its batches of 2,048 with whole positives: 409 with four negatives each."""
    batches = PairBatches(fold, PLAIN_WAY, np.random.default_rng(0), torch.device("cpu"))
    first = next(batches.of(np.arange(fold.n_clients, dtype=np.int32)))
    assert (first.positives, first.samples) == (409, 2045)


def test_without_the_library_ours_are_measured_and_ratios_say_why_not(
    fold: Fold, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path, peers_python="nowhere/bin/python")
    progress = Progress(Console(file=io.StringIO()))
    found = {
        (result.model_name, result.metric): result
        for result in measure_ncf_training(settings, progress, fold, repeats=2)
    }
    assert found[NEUMF, "samples_per_second"].value is None
    for name in (PLAIN, OURS):
        rate = found[name, "samples_per_second"]
        assert rate.value is not None
        assert rate.sample_count == 2
        assert 0 < (found[name, "ndcg@10"].value or 0) < 1
        ratio = found[name, "samples_per_second ratio"]
        assert (ratio.value, ratio.note) == (
            None,
            "no interpreter for it (No such file or directory): run 'make peers'",
        )


def test_ratios_are_of_the_same_round_and_times_are_to_the_same_quality() -> None:
    slow = Trace(0.0, [4.0, 4.0], [100, 100], [0.1, 0.2])
    fast = Trace(1.0, [1.0, 1.0, 1.0], [100, 100, 100], [0.1, 0.3, 0.2])
    never = Trace(0.0, [1.0], [50], [0.1])
    rounds = [{NEUMF: slow, PLAIN: never, OURS: fast}]
    found = {
        (result.model_name, result.metric): result
        for result in _figures(rounds, (PLAIN, OURS), None)
    }
    assert found[NEUMF, "seconds_to_best"].value == 8.0
    assert found[OURS, "seconds_to_best"].value == 3.0
    assert found[OURS, "seconds_to_best ratio"].value == pytest.approx(8 / 3)
    assert found[OURS, "samples_per_second ratio"].value == pytest.approx(4.0)
    assert found[PLAIN, "seconds_to_best"].value is None
    assert "not reached" in (found[PLAIN, "seconds_to_best"].note or "")


@pytest.mark.skipif(not OTHERS_ARE_INSTALLED, reason="'make peers' has not run")
def test_recbole_is_traced_epoch_by_epoch(fold: Fold, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    progress = Progress(Console(file=io.StringIO()))
    found = {
        (result.model_name, result.metric): result
        for result in measure_ncf_training(settings, progress, fold, repeats=1)
    }
    assert (found[NEUMF, "samples_per_second"].value or 0) > 0
    assert (found[NEUMF, "seconds_to_best"].value or 0) > 0
    assert (found[OURS, "samples_per_second ratio"].value or 0) > 0
