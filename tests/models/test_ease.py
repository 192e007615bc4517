from __future__ import annotations

import numpy as np

from ml.models.ease import Ease
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
