"""The trials table: what tuning ran, and no more than is missing."""

from __future__ import annotations

import io
from pathlib import Path
from statistics import mean

import pytest
from rich.console import Console

from ml.benchmark.settings import BenchmarkSettings
from ml.benchmark.trials import measure_trials
from ml.models.lightfm_settings import LightFMSettings
from ml.models.ncf_settings import NCFSettings
from ml.progress import Progress
from ml.settings import Settings, load_settings
from ml.tuning.saved import TUNED_FILE
from ml.tuning.search import Search
from ml.tuning.tune import read_validation, tune


def settings_in(warehouse: Path, trials: int) -> Settings:
    return load_settings(
        is_tuned=False,
        warehouse=warehouse,
        threads=1,
        lightfm=LightFMSettings(max_epochs=3),
        ncf=NCFSettings(max_epochs=3),
        benchmark=BenchmarkSettings(trials=trials, data_name="small world"),
    )


def quiet() -> Progress:
    return Progress(Console(file=io.StringIO()))


def test_the_trials_of_tuning_count_and_missing_ones_are_added(built_copy: Path) -> None:
    settings = settings_in(built_copy, trials=2)
    tune(settings, quiet(), ["lightfm"], 5, 5)
    (built_copy.parent / TUNED_FILE).unlink(missing_ok=True)
    progress = quiet()
    measured = measure_trials(settings, progress)
    found = {result.key: result for result in measured.results}
    # LightFM has its five already; NCF lacks two.
    assert [s.name for s in progress.steps] == ["read marts", "ncf trial 0", "ncf trial 1"]
    fold = read_validation(settings, quiet())
    for name, count in (("lightfm", 5), ("ncf", 2)):
        search = Search(name, settings, fold)
        aucs = [run.auc for run in search.completed]
        values = {metric: found["small world", name, metric].value for metric in METRICS}
        assert values["auc_mean"] == pytest.approx(mean(aucs))
        assert (values["auc_max"], values["auc_min"]) == (max(aucs), min(aucs))
        assert search.best is not None
        assert values["ndcg@10_best"] == search.best.value
        assert values["trials_completed"] == len(aucs)
        assert len(search.finished) == count
        assert values["trials_pruned"] == count - len(aucs)
        assert measured.settings["studies"][name] == search.study_name
    assert found["small world", "ncf", "auc_max"].study_value == 0.92
    assert not (built_copy.parent / TUNED_FILE).exists()


METRICS = (
    "auc_mean", "auc_max", "auc_min", "ndcg@10_best", "trials_completed", "trials_pruned",
)  # fmt: skip
