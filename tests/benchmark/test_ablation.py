from __future__ import annotations

import numpy as np
from rich.console import Console

from ml.benchmark.ablation import measure_ablation, without_matching
from ml.benchmark.settings import BenchmarkSettings
from ml.models.lightfm_settings import LightFMSettings
from ml.models.ncf_settings import NCFSettings
from ml.progress import Progress
from ml.settings import Settings
from tests.models.folds import make_fold, two_tastes


def test_features_that_match_are_left_out() -> None:
    fold = make_fold(np.eye(3), client_features=np.eye(3), service_features=np.ones((3, 2)))
    changed = without_matching("c[01]")(fold)
    assert changed.client_feature_names == ("c2",)
    assert changed.client_features.toarray().tolist() == [[0.0], [0.0], [1.0]]
    assert changed.service_feature_names == ("s0", "s1")
    assert without_matching("s*")(fold).service_features.shape == (3, 0)


def test_taking_features_away_is_measured() -> None:
    settings = Settings(
        bootstrap_samples=50,
        threads=1,
        lightfm=LightFMSettings(factors=8, max_epochs=4),
        ncf=NCFSettings(
            gmf_factors=8, mlp_factors=4, hidden=(8, 4), clients_per_step=16, max_epochs=4
        ),
        benchmark=BenchmarkSettings(ablation_patterns=("c0",)),
    )
    measured = measure_ablation(settings, Progress(Console(quiet=True)), two_tastes())
    found = {(r.case_name, r.model_name, r.metric): r for r in measured.results}
    for model in ("lightfm", "ncf"):
        for variant in ("without client features", "without any features", "without c0"):
            whole, less = found["everything", model, "auc"], found[variant, model, "auc"]
            difference = found[variant, model, "auc_difference"]
            assert whole.value is not None and less.value is not None
            assert difference.value is not None
            assert np.isclose(difference.value, less.value - whole.value)
            assert difference.low is not None and difference.high is not None
            assert difference.low <= difference.value <= difference.high
    # LightFM has no adoption order unless asked: nothing to take away.
    assert ("without adoption order", "lightfm", "auc") not in found
    assert ("without adoption order", "ncf", "auc") in found
