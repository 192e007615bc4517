"""What competes and serves, and what a training leaves on disk."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from ml import contracts
from ml.adjustment import Adjustment
from ml.blending import BLEND
from ml.checkpoints import Checkpoints
from ml.dataset import Fold
from ml.earlier_models import EarlierModels
from ml.fold_building import Marts
from ml.models.item_knn import ItemKNN
from ml.models.lightfm_settings import LightFMSettings
from ml.models.registry import load
from ml.offers import OFFER_SCHEMA
from ml.progress import Progress
from ml.releases import Release, write_manifest
from ml.settings import Settings
from ml.spool import Spool
from ml.train import MODELS_FOLDER, _compete, _competing, _item_to_item, _serve, prune_models
from tests.models.folds import make_fold


def test_models_of_kept_releases_stay(tmp_path: Path) -> None:
    """Rejected runs push the published one out of the newest, and readers still have its offers."""
    settings = Settings(warehouse=tmp_path / "w.duckdb", models_kept=2)
    for i in range(6):
        (tmp_path / MODELS_FOLDER / f"run{i}").mkdir(parents=True)
    release = Release("20240501", tmp_path / "releases" / "20240501", "run1", {})
    release.folder.mkdir(parents=True)
    write_manifest(release, release.folder)
    prune_models(settings)
    kept = sorted(path.name for path in (tmp_path / MODELS_FOLDER).iterdir())
    assert kept == ["run1", "run4", "run5"]


N_CLIENTS, N_SERVICES = 800, 40


def by_taste_and_age(name: str, seed: int) -> Fold:
    """What clients have tells their taste; what they take goes by taste and age alike."""
    rng = np.random.default_rng(seed)
    taste, age = rng.integers(0, 2, (2, N_CLIENTS))
    services = np.arange(N_SERVICES)
    suits = taste[:, None] == services % 2
    is_for_age = age[:, None] == services // 2 % 2
    owned = rng.random(suits.shape) < np.where(suits, 0.3, 0.06) * np.where(is_for_age, 1, 0.6)
    wanted = np.where(suits, 0.2, 0.02) * np.where(is_for_age, 1, 0.1)
    labels = ~owned & (rng.random(suits.shape) < wanted)
    features = np.column_stack([age == 0, age == 1])
    ages = np.where(owned, rng.uniform(1, 300, owned.shape), 0.0)
    fold = make_fold(owned, client_features=features, labels=labels, adoption_age=ages)
    return replace(fold, name=name, client_feature_names=("age_band=old", "age_band=young"))


def test_a_blend_competes_serves_and_is_saved(tmp_path: Path) -> None:
    settings = Settings(
        warehouse=tmp_path / "w.duckdb",
        models=("segment_popularity", "ease"),
        bootstrap_samples=50,
        offers_per_client=3,
    )
    progress = Progress(Console(quiet=True))
    earlier, checkpoints = EarlierModels(settings, tmp_path), Checkpoints(settings, progress)
    names = (contracts.FOLD_VALIDATION, contracts.FOLD_TEST, contracts.FOLD_SERVING)
    folds = {name: by_taste_and_age(name, seed) for seed, name in enumerate(names)}
    trials, _, champion, calibrator = _compete(settings, folds, earlier, checkpoints, progress)
    assert champion.name == BLEND
    blend = next(trial for trial in trials if trial.name == BLEND)
    assert set(blend.choices) == {"segment_popularity", "ease"}
    assert "ease" in blend.told and "%" in blend.told
    # It gains on test too, which nothing was chosen on.
    gained = champion.against["ease"]
    assert gained.low is not None and gained.low > 0

    serving = folds[contracts.FOLD_SERVING]
    ids = [f"{i:03d}" for i in range(N_CLIENTS)]
    marts = cast(
        Marts,
        SimpleNamespace(
            client_ids=pa.chunked_array([ids]), service_ids=pa.chunked_array([ids[:N_SERVICES]])
        ),
    )
    with Spool(tmp_path, OFFER_SCHEMA) as spool:
        chosen = replace(blend, calibrator=calibrator)
        model, _ = _serve(
            "run", chosen, trials, serving, marts, spool, settings, earlier, checkpoints, progress
        )
        offers = spool.rows()
    assert len(offers) == 3 * N_CLIENTS
    assert set(offers["model_name"].to_pylist()) == {BLEND}
    assert offers["reason_service_id"].null_count < len(offers)
    model.save(tmp_path / "saved")
    everybody = np.arange(N_CLIENTS, dtype=np.int32)
    loaded = load(BLEND, tmp_path / "saved")
    assert np.array_equal(loaded.score(everybody), model.score(everybody))


def test_too_few_labels_let_a_baseline_serve_and_name_the_cause(tmp_path: Path) -> None:
    settings = Settings(
        warehouse=tmp_path / "w.duckdb",
        models=("segment_popularity", "ease", "lightfm"),
        lightfm=LightFMSettings(factors=4, members=1, max_epochs=2),
        bootstrap_samples=20,
    )
    out = StringIO()
    progress = Progress(Console(file=out, width=400))
    earlier, checkpoints = EarlierModels(settings, tmp_path), Checkpoints(settings, progress)
    is_measured = np.arange(N_CLIENTS) < 20
    folds = {
        name: replace(by_taste_and_age(name, seed), is_measured_client=is_measured)
        for seed, name in enumerate((contracts.FOLD_VALIDATION, contracts.FOLD_TEST))
    }
    trials, _, champion, _ = _compete(settings, folds, earlier, checkpoints, progress)
    assert champion.name in ("segment_popularity", "ease")
    assert champion.reason.startswith("Too little to choose on: ")
    assert "of 20 clients took something new" in champion.reason
    assert "too little to choose on:" in out.getvalue()
    by_name = {trial.name: trial for trial in trials}
    assert BLEND not in by_name
    # Nothing is chosen: usual settings, and nothing added.
    assert by_name["ease"].choices == {"regularisation": 2000.0}
    assert all(trial.adjustment == Adjustment() for trial in trials)


def test_ease_is_left_out_of_a_large_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(warehouse=tmp_path / "w.duckdb")
    fold = by_taste_and_age("test", 0)
    out = StringIO()
    progress = Progress(Console(file=out, width=400))
    assert _competing(settings, fold, progress) == list(settings.models)
    assert not out.getvalue()
    monkeypatch.setattr("ml.train.MOST_SERVICES", N_SERVICES - 1)
    assert "ease" not in _competing(settings, fold, progress)
    assert "ease is left out: 40 services are more than 39" in out.getvalue()
    assert isinstance(_item_to_item([], fold, settings), ItemKNN)
