from __future__ import annotations

from dataclasses import replace

import numpy as np
from rich.console import Console
from scipy import sparse

from ml.benchmark.sources import measure_sources
from ml.models.lightfm_settings import LightFMSettings
from ml.models.ncf_settings import NCFSettings
from ml.progress import Progress
from ml.settings import Settings
from tests.models.folds import two_tastes


def test_a_source_that_tells_is_missed_and_one_that_is_not_there_is_left_out() -> None:
    settings = Settings(
        bootstrap_samples=50,
        threads=1,
        lightfm=LightFMSettings(factors=8, max_epochs=3),
        ncf=NCFSettings(
            gmf_factors=8, mlp_factors=4, hidden=(8, 4), clients_per_step=16, max_epochs=3
        ),
    )
    fold = two_tastes()
    # Clients looked at what they then took up.
    fold = replace(fold, interests=sparse.csr_matrix(fold.labels.astype(np.float32)))
    measured = measure_sources(settings, Progress(Console(quiet=True)), fold)
    found = {(r.case_name, r.model_name, r.metric): r for r in measured.results}
    for model in ("lightfm", "ncf"):
        lost = found["without web events", model, "ndcg@10_difference"]
        assert lost.value is not None and lost.value < 0
        assert ("without reviews", model, "ndcg@10") not in found
        assert found["everything", model, "ndcg@10_warm"].value is not None
