"""What every recommender must hold, whatever it is made of."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from ml.dataset import FloatArray, Fold
from ml.errors import ModelError
from ml.evaluation.protocol import EpochQuality
from ml.models.base import Epoch, FittedModel, Recommender
from ml.models.lightfm_settings import LightFMSettings
from ml.models.ncf_settings import NCFSettings
from ml.models.registry import MODELS, create, load
from ml.ranking import top_k
from ml.settings import PROJECT_ROOT
from tests.models.folds import (
    BLANK_CLIENT,
    BLANK_SERVICE,
    COLD_CLIENTS,
    COLD_SERVICES,
    checkerboard,
    make_fold,
    two_tastes,
)

# Sixty clients need smaller steps and more epochs than some thousands do.
SETTINGS = {
    "lightfm": LightFMSettings(factors=8, max_epochs=40),
    "ncf": NCFSettings(
        gmf_factors=16,
        mlp_factors=8,
        hidden=(16, 8),
        clients_per_step=8,
        max_epochs=30,
        service_dropout=0.2,
        client_dropout=0.2,
    ),
}
EVERY = tuple(MODELS)
# What everybody buys, or everybody of a segment, cannot tell one client from another.
PERSONAL = tuple(name for name in EVERY if name not in ("popularity", "segment_popularity"))


def fresh(name: str, seed: int = 3) -> Recommender:
    return create(name, SETTINGS.get(name), seed=seed, threads=1)


def fitted(name: str, fold: Fold, epochs: int | None = None, seed: int = 3) -> Recommender:
    model = fresh(name, seed)
    model.fit(fold, epochs=epochs)
    return model


def all_scores(model: FittedModel, fold: Fold) -> FloatArray:
    return model.score(np.arange(fold.n_clients, dtype=np.int32))


@pytest.fixture(scope="module")
def world() -> Fold:
    return two_tastes()


@pytest.fixture(scope="module")
def models(world: Fold) -> dict[str, Recommender]:
    """Each model, fitted to the end; treat as read-only."""
    return {name: fitted(name, world) for name in EVERY}


@pytest.mark.parametrize("name", PERSONAL)
def test_withheld_checkerboard_service_ranks_first(name: str) -> None:
    fold = checkerboard()
    scores = np.where(
        fold.interactions.toarray() > 0, -np.inf, all_scores(fitted(name, fold), fold)
    )
    assert scores.argmax(axis=1).tolist() == list(range(fold.n_clients))


@pytest.mark.parametrize("name", EVERY)
def test_scores_are_finite_float32_and_the_callers_own(
    name: str, world: Fold, models: dict[str, Recommender]
) -> None:
    clients = np.array([5, 2, 5, *COLD_CLIENTS, BLANK_CLIENT], dtype=np.int32)
    scores = models[name].score(clients)
    assert scores.shape == (6, world.n_services)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    before = scores.copy()
    scores[:] = 0.0
    assert np.array_equal(models[name].score(clients), before)


@pytest.mark.parametrize("name", EVERY)
def test_no_clients_no_scores(name: str, world: Fold, models: dict[str, Recommender]) -> None:
    assert models[name].score(np.zeros(0, dtype=np.int32)).shape == (0, world.n_services)


@pytest.mark.parametrize("name", EVERY)
def test_same_seed_same_bits_and_refit_equals_fresh_fit(name: str, world: Fold) -> None:
    model = fitted(name, checkerboard(), epochs=2)
    model.fit(world, epochs=2)
    again = fitted(name, world, epochs=2)
    assert np.array_equal(all_scores(model, world), all_scores(again, world))


@pytest.mark.parametrize("name", ["lightfm", "ncf"])
def test_another_seed_other_scores(name: str, world: Fold) -> None:
    one, other = (all_scores(fitted(name, world, epochs=1, seed=s), world) for s in (1, 2))
    assert not np.array_equal(one, other)


def digests() -> dict[str, str]:
    fold = two_tastes()
    return {
        name: hashlib.sha256(all_scores(fitted(name, fold, epochs=2), fold).tobytes()).hexdigest()
        for name in EVERY
    }


def test_another_process_finds_the_same_bits() -> None:
    code = "from tests.models.test_conformance import digests; print(digests())"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip().splitlines()[-1] == str(digests())


@pytest.mark.parametrize("name", EVERY)
def test_saved_and_loaded_model_scores_equally(
    name: str, world: Fold, models: dict[str, Recommender], tmp_path: Path
) -> None:
    models[name].save(tmp_path / "model")
    loaded = load(name, tmp_path / "model")
    assert np.array_equal(all_scores(loaded, world), all_scores(models[name], world))
    assert loaded.best_epoch == models[name].best_epoch
    assert {path.suffix for path in (tmp_path / "model").iterdir()} == {".safetensors", ".json"}
    # And once more, from what was loaded.
    loaded.save(tmp_path / "again")
    assert np.array_equal(
        all_scores(load(name, tmp_path / "again"), world), all_scores(models[name], world)
    )


@pytest.mark.parametrize("name", EVERY)
def test_foreign_or_missing_state_is_refused(
    name: str, models: dict[str, Recommender], tmp_path: Path
) -> None:
    other = next(n for n in EVERY if n != name)
    models[other].save(tmp_path)
    with pytest.raises(ModelError, match=f"holds a '{other}', not a '{name}'"):
        load(name, tmp_path)
    with pytest.raises(ModelError, match="no readable saved model"):
        load(name, tmp_path / "nothing")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ModelError, match="there are popularity, segment_popularity"):
        create("oracle", seed=0, threads=1)


@pytest.mark.parametrize("name", EVERY)
def test_ineligible_pairs_never_appear(
    name: str, world: Fold, models: dict[str, Recommender]
) -> None:
    eligible = np.ones(world.n_services, dtype=np.bool_)
    eligible[[3, 4]] = False
    fold = replace(world, is_eligible_service=eligible)
    clients = np.arange(fold.n_clients, dtype=np.int32)
    offers = top_k(models[name].score, fold, clients, fold.n_services)
    rows, places = np.nonzero(offers.services >= 0)
    services = offers.services[rows, places]
    assert len(rows)
    assert not np.isin(services, [3, 4]).any()
    assert not np.asarray(fold.ineligible_pairs[offers.clients[rows], services]).any()


@pytest.mark.parametrize("name", EVERY)
def test_labels_are_never_read(name: str, world: Fold) -> None:
    rng = np.random.default_rng(0)
    garbage = sparse.csr_matrix(rng.random(world.labels.shape).astype(np.float32))
    honest = all_scores(fitted(name, world, epochs=2), world)
    blind = all_scores(fitted(name, replace(world, labels=garbage), epochs=2), world)
    assert np.array_equal(honest, blind)


@pytest.mark.parametrize("name", EVERY)
def test_a_new_client_takes_the_cold_path(
    name: str, world: Fold, models: dict[str, Recommender]
) -> None:
    first, second = models[name].score(np.array(COLD_CLIENTS, dtype=np.int32))
    blank = models[name].score(np.array([BLANK_CLIENT], dtype=np.int32))[0]
    owners = np.asarray((world.interactions > 0).sum(axis=0)).ravel()
    known = owners > 0
    # What sells to everybody comes through, whatever the model.
    assert np.corrcoef(blank[known], owners[known])[0, 1] > 0.3
    if name in ("lightfm", "ncf"):
        suits_first = (np.arange(world.n_services) % 2 == 0) & known
        suits_second = (np.arange(world.n_services) % 2 == 1) & known
        preference = first - second
        assert preference[suits_first].mean() > preference[suits_second].mean()


@pytest.mark.parametrize("name", ["lightfm", "ncf"])
def test_clients_known_by_features_only_are_equal_where_features_are(
    name: str, world: Fold
) -> None:
    features = world.client_features.tolil()
    features[COLD_CLIENTS[1]] = features[COLD_CLIENTS[0]]
    fold = replace(world, client_features=features.tocsr())
    first, second = fitted(name, fold, epochs=2).score(np.array(COLD_CLIENTS, dtype=np.int32))
    assert np.allclose(first, second, atol=1e-6)


@pytest.mark.parametrize("name", PERSONAL)
def test_a_new_service_is_scored_from_its_features(
    name: str, world: Fold, models: dict[str, Recommender]
) -> None:
    scores = all_scores(models[name], world)
    warm = ~world.is_cold_client
    taste = np.arange(world.n_clients) % 2
    preference = scores[:, COLD_SERVICES[0]] - scores[:, COLD_SERVICES[1]]
    assert preference[warm & (taste == 0)].mean() > preference[warm & (taste == 1)].mean()


@pytest.mark.parametrize("name", EVERY)
def test_a_service_without_anything_has_finite_scores(
    name: str, world: Fold, models: dict[str, Recommender]
) -> None:
    assert np.isfinite(all_scores(models[name], world)[:, BLANK_SERVICE]).all()


@pytest.mark.parametrize("name", EVERY)
def test_empty_interactions(name: str) -> None:
    fold = make_fold(
        np.zeros((4, 3)), client_features=np.eye(4), service_features=np.eye(3),
        adoption_age=np.zeros((4, 3)),
    )  # fmt: skip
    scores = all_scores(fitted(name, fold, epochs=2), fold)
    assert scores.shape == (4, 3)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("owned", [0.0, 1.0])
def test_one_client_one_service(name: str, owned: float) -> None:
    fold = make_fold([[owned]])
    scores = all_scores(fitted(name, fold, epochs=2), fold)
    assert scores.shape == (1, 1)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", EVERY)
def test_a_client_who_has_everything(name: str) -> None:
    fold = make_fold([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert np.isfinite(all_scores(fitted(name, fold, epochs=2), fold)).all()


@pytest.mark.parametrize("name", EVERY)
def test_blocks_do_not_change_scores(
    name: str, world: Fold, models: dict[str, Recommender]
) -> None:
    # Not bit for bit: matrix libraries choose another order of summation for another shape.
    whole = all_scores(models[name], world)
    clients = np.arange(world.n_clients, dtype=np.int32)
    for size in (1, 7):
        split = np.concatenate(
            [models[name].score(clients[i : i + size]) for i in range(0, len(clients), size)]
        )
        assert np.allclose(split, whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", EVERY)
def test_fit_tells_of_its_epochs(name: str, world: Fold) -> None:
    heard: list[Epoch] = []
    epochs = fresh(name).fit(
        world, monitor=lambda _: EpochQuality(0.75, 0.5), epochs=3, progress=heard.append
    )
    assert heard == epochs
    assert [epoch.number for epoch in epochs] == list(range(1, len(epochs) + 1))
    assert all((epoch.auc, epoch.ndcg_at_10) == (0.75, 0.5) for epoch in epochs)
    assert all(epoch.seconds >= 0 for epoch in epochs)
    if name in ("lightfm", "ncf"):
        assert len(epochs) == 3
        losses = [epoch.loss for epoch in epochs]
        assert all(loss is not None and np.isfinite(loss) for loss in losses)


@pytest.mark.parametrize("name", ["lightfm", "ncf"])
def test_early_stopping_keeps_the_best_epoch(name: str, world: Fold) -> None:
    qualities = iter([0.1, 0.3, 0.2, 0.2, 0.2, 0.9])
    model = fresh(name)
    patience = {"patience": 3}
    settings = SETTINGS[name].model_copy(update=patience)
    model = create(name, settings, seed=3, threads=1)
    epochs = model.fit(world, monitor=lambda _: EpochQuality(0.5, next(qualities)))
    assert len(epochs) == 5
    assert model.best_epoch == 2
    kept = all_scores(model, world)
    assert np.array_equal(kept, all_scores(fitted(name, world, epochs=2), world))
