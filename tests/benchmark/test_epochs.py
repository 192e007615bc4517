"""The epochs table: one training measured on the way, beside the best possible."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from ml.benchmark import study
from ml.benchmark.epochs import Split, Splitter, generated, measure_epochs
from ml.benchmark.generated import Size
from ml.benchmark.settings import BenchmarkSettings
from ml.evaluation.protocol import EpochEvaluator
from ml.models.ncf_settings import NCFSettings
from ml.progress import Progress
from ml.settings import Settings
from ml.trials import new_model

SIZE = Size(150, 100, 3_000)


def small(seed: int) -> Split:
    return generated(seed, SIZE)


def source(_settings: Settings, _progress: Progress) -> Splitter:
    return small


def settings_in(folder: Path) -> Settings:
    return Settings(
        warehouse=folder / "warehouse.duckdb",
        threads=1,
        ncf=NCFSettings(
            gmf_factors=16, mlp_factors=8, hidden=(16, 8), negatives=32, clients_per_step=16
        ),
        benchmark=BenchmarkSettings(epochs_seeds=2),
    )


def test_quality_after_each_number_of_epochs_over_seeds(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    progress = Progress(Console(file=io.StringIO()))
    measured = measure_epochs(settings, progress, {"generated": source, "again": source}, (1, 4))
    found = {result.key: result for result in measured.results}
    assert measured.settings["seeds"] == [42, 43]
    for name in study.MODELS:
        for metric in ("auc", "ndcg@10"):
            for number in (1, 4):
                result = found["generated", name, f"{metric}_after_{number}"]
                assert result.sample_count == 2
                assert result.low is not None
                assert result.high is not None
                assert result.value == pytest.approx((result.low + result.high) / 2)
                assert result.low < result.high
                # The same data and seeds under another name: the same bits.
                assert found["again", name, f"{metric}_after_{number}"].value == result.value
    for name in study.MODELS:
        after = [found["generated", name, f"auc_after_{n}"].value for n in (1, 4)]
        oracle = found["generated", "oracle", "auc"].value
        assert after[0] is not None
        assert after[1] is not None
        assert oracle is not None
        assert 0.5 < after[0] < after[1] < oracle


def test_a_stop_on_the_way_equals_a_training_of_that_length(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    progress = Progress(Console(file=io.StringIO()))
    one = settings.model_copy(update={"benchmark": BenchmarkSettings(epochs_seeds=1)})
    measured = measure_epochs(one, progress, {"generated": source}, (2, 4))
    found = {result.key: result for result in measured.results}
    split = small(settings.seed)
    model = new_model(settings, "lightfm")
    model.fit(split.fold, epochs=2)
    quality = EpochEvaluator(split.fold)(model)
    assert found["generated", "lightfm", "auc_after_2"].value == quality.auc
    assert found["generated", "lightfm", "ndcg@10_after_2"].value == quality.ndcg_at_10


def test_the_studys_figures_stand_beside_ours() -> None:
    assert study.EPOCHS == (10, 20, 50)
    assert study.AUC_AFTER["ncf", 50] == 0.92
    assert generated(0).fold.interactions.nnz == 80_000
