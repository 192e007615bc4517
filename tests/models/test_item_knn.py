from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from ml.evaluation.protocol import EpochQuality
from ml.models import item_knn
from ml.models.base import Recommender
from ml.models.item_knn import NEAREST, SHRINKAGES, ItemKNN
from ml.models.settings import ItemKNNSettings
from ml.reasons import strongest_owned
from tests.models.folds import make_fold, two_tastes


def owned_by(seed: int = 0) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    found: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
    found = np.random.default_rng(seed).random((60, 12)) < 0.4
    return found


def test_similarities_are_shrunk_cosines_of_the_nearest() -> None:
    owned = owned_by().astype(np.float64)
    model = ItemKNN(ItemKNNSettings(nearest=3, shrinkage=5.0, adoption_weight=0.0))
    model.fit(make_fold(owned))
    both = owned.T @ owned
    norms = np.sqrt(np.diag(both))
    expected = both / (np.outer(norms, norms) + 5.0)
    np.fill_diagonal(expected, 0.0)
    # Of each offered service, a column, the three that are nearest to it; of equals the first.
    further = np.argsort(-expected.astype(np.float32), axis=0, kind="stable")[3:]
    np.put_along_axis(expected, further, 0.0, axis=0)
    assert np.allclose(model.association, expected, atol=1e-6)
    warm = np.flatnonzero(owned.any(axis=1)).astype(np.int32)
    assert np.allclose(model.score(warm), owned[warm] @ expected, atol=1e-5)


def test_a_large_catalogue_is_kept_sparse_with_the_same_scores_and_reasons(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fold = two_tastes()
    settings = ItemKNNSettings(nearest=5, shrinkage=0.0)
    dense, thin = ItemKNN(settings), ItemKNN(settings)
    dense.fit(fold)
    monkeypatch.setattr(item_knn, "_FEW_SERVICES", 10)
    monkeypatch.setattr(item_knn, "_AT_ONCE", 7 * fold.n_services)
    thin.fit(fold)
    assert sparse.issparse(thin.association)
    everybody = np.arange(fold.n_clients, dtype=np.int32)
    assert np.allclose(thin.score(everybody), dense.score(everybody), atol=1e-6)
    offers = np.random.default_rng(0).integers(-1, fold.n_services, (fold.n_clients, 4))
    found = [
        strongest_owned(model.association, model.owned, everybody, offers.astype(np.int32))
        for model in (dense, thin)
    ]
    assert np.array_equal(found[0], found[1])
    assert (found[0] >= 0).any()


@pytest.mark.parametrize(("nearest", "shrinkage"), [(20, 0.0), (200, 20.0), (1000, 500.0)])
def test_settings_are_chosen_and_a_refit_keeps_them(nearest: int, shrinkage: float) -> None:
    def like(model: Recommender) -> EpochQuality:
        assert isinstance(model, ItemKNN)
        many, shrunk = (float(value) for value in model.choices.values())
        miss = abs(np.log(many / nearest)) + abs(np.log((shrunk + 1) / (shrinkage + 1)))
        return EpochQuality(0.5, 1.0 - miss / 100)

    fold = make_fold(owned_by())
    model, again = ItemKNN(), ItemKNN()
    history = model.fit(fold, monitor=like)
    assert model.choices == {"nearest": nearest, "shrinkage": shrinkage}
    assert len(history) <= len(NEAREST) + len(SHRINKAGES) - 1
    assert [epoch.number for epoch in history] == list(range(1, len(history) + 1))
    again.fit(fold, epochs=model.best_epoch)
    assert again.choices == model.choices
    assert np.array_equal(again.association, model.association)


def test_what_is_set_is_not_searched() -> None:
    model = ItemKNN(ItemKNNSettings(nearest=7))
    history = model.fit(make_fold(owned_by()), monitor=lambda _: EpochQuality(0.5, 0.5))
    assert len(history) == 2
    assert model.choices == {"nearest": 7, "shrinkage": 0.0}
