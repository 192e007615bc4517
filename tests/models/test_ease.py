from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from ml.evaluation.protocol import EpochQuality
from ml.models.base import Recommender
from ml.models.ease import REGULARISATIONS, Ease
from ml.models.settings import EaseSettings
from tests.models.folds import make_fold, two_tastes


def test_weights_are_the_closed_form() -> None:
    """``B = I - P diag(1 / diag(P))`` with ``P = (X'X + λI)^-1``."""
    rng = np.random.default_rng(0)
    owned = (rng.random((30, 6)) < 0.4).astype(np.float64)
    owned[:, 0] = 1.0  # nobody is cold
    model = Ease(EaseSettings(regularisation=5.0, adoption_weight=0.0))
    model.fit(make_fold(owned))
    inverse = np.linalg.inv(owned.T @ owned + 5.0 * np.eye(6))
    expected = np.eye(6) - inverse / np.diag(inverse)
    assert np.allclose(model.association, expected, atol=1e-6)
    assert np.allclose(model.score(np.arange(30, dtype=np.int32)), owned @ expected, atol=1e-5)


def test_a_client_without_interactions_gets_shares_of_owners() -> None:
    fold = make_fold([[1, 0, 1], [1, 1, 0], [0, 0, 0], [1, 0, 0]])
    model = Ease(EaseSettings(adoption_weight=0.0))
    model.fit(fold)
    assert np.allclose(model.score(np.array([2], dtype=np.int32)), [[0.75, 0.25, 0.25]])


def test_weights_can_count() -> None:
    fold = two_tastes()
    plain, weighted = Ease(EaseSettings(uses_weights=False)), Ease(EaseSettings(uses_weights=True))
    plain.fit(fold)
    weighted.fit(fold)
    assert not np.allclose(plain.association, weighted.association)


def quality_near(wanted: float) -> Callable[[Recommender], EpochQuality]:
    """A monitor that likes the model best whose regularisation comes closest."""

    def measure(model: Recommender) -> EpochQuality:
        assert isinstance(model, Ease)
        owned = model.owned.toarray()
        fits = [
            float(np.abs(of(regularisation, owned) - model.association).max())
            for regularisation in REGULARISATIONS
        ]
        found = REGULARISATIONS[int(np.argmin(fits))]
        return EpochQuality(0.5, 1.0 - abs(np.log(found / wanted)) / 100)

    return measure


def of(regularisation: float, owned: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    inverse = np.linalg.inv(owned.T @ owned + regularisation * np.eye(owned.shape[1]))
    weights: npt.NDArray[np.float64] = np.eye(len(inverse)) - inverse / np.diag(inverse)
    return weights


@pytest.mark.parametrize("wanted", [20_000.0, 1000.0, 10.0])
def test_the_regularisation_is_chosen_and_a_refit_keeps_it(wanted: float) -> None:
    owned = np.random.default_rng(0).random((60, 6)) < 0.4
    fold = make_fold(owned)
    model, again = Ease(), Ease()
    history = model.fit(fold, monitor=quality_near(wanted))
    assert REGULARISATIONS[model.best_epoch - 1] == wanted
    assert len(history) == min(model.best_epoch + 1, len(REGULARISATIONS))
    again.fit(fold, epochs=model.best_epoch)
    assert np.array_equal(model.association, again.association)
    assert np.allclose(model.association, of(wanted, owned.astype(np.float32)), atol=1e-6)


def test_without_labels_the_usual_regularisation_holds() -> None:
    fold = make_fold(np.random.default_rng(0).random((60, 6)) < 0.4)
    model, usual = Ease(), Ease()
    model.fit(fold, monitor=lambda _: EpochQuality(0.0, 0.0))
    usual.fit(fold)
    assert np.array_equal(model.association, usual.association)
    assert model.best_epoch == usual.best_epoch


def test_a_regularisation_that_is_set_is_kept() -> None:
    fold = make_fold(np.random.default_rng(0).random((60, 6)) < 0.4)
    model = Ease(EaseSettings(regularisation=70.0))
    assert len(model.fit(fold, monitor=quality_near(10.0))) == 1
    assert np.allclose(model.association, of(70.0, model.owned.toarray()), atol=1e-6)
