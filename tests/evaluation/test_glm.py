"""Small regressions against scikit-learn, and their bounds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression, PoissonRegressor

from ml.evaluation.glm import LOGISTIC, POISSON, Family, fit_glm

Values = npt.NDArray[np.float64]


def world() -> tuple[Values, Values]:
    generator = np.random.default_rng(8)
    features = generator.normal(size=(3000, 3))
    # Already standardised, so that both ridges mean the same.
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    return features, features @ np.array([0.8, -0.5, 0.0]) - 1.0


def test_logistic_is_that_of_scikit_learn() -> None:
    features, truth = world()
    outcomes = (np.random.default_rng(9).random(3000) < 1 / (1 + np.exp(-truth))).astype(float)
    weights = np.where(np.arange(3000) % 3 == 0, 1.0, 1.5)
    means = weights @ features / weights.sum()
    features = (features - means) / np.sqrt(weights @ np.square(features - means) / weights.sum())
    intercept, coefficients = fit_glm(features, outcomes, weights, LOGISTIC, ridge=5.0)
    theirs = LogisticRegression(C=1 / 5.0, tol=1e-10, max_iter=1000)
    theirs.fit(features, outcomes, sample_weight=weights)
    np.testing.assert_allclose(coefficients, theirs.coef_[0], atol=1e-4)
    assert intercept == pytest.approx(theirs.intercept_[0], abs=1e-4)


def test_poisson_is_that_of_scikit_learn() -> None:
    features, truth = world()
    outcomes = np.random.default_rng(9).poisson(np.exp(truth)).astype(float)
    intercept, coefficients = fit_glm(features, outcomes, np.ones(3000), POISSON, ridge=30.0)
    theirs = PoissonRegressor(alpha=30.0 / 3000, tol=1e-8, max_iter=1000)
    theirs.fit(features, outcomes)
    np.testing.assert_allclose(coefficients, theirs.coef_, atol=1e-4)
    assert intercept == pytest.approx(theirs.intercept_, abs=1e-4)


def test_bounds_hold_and_the_rest_is_fitted_without_the_feature() -> None:
    features, truth = world()
    outcomes = (np.random.default_rng(9).random(3000) < 1 / (1 + np.exp(-truth))).astype(float)
    ones = np.ones(3000)
    intercept, bounded = fit_glm(features, outcomes, ones, LOGISTIC, 1.0, is_non_negative=True)
    assert bounded[1] == 0.0 and (bounded >= 0).all()
    kept = bounded > 0
    again, free = fit_glm(features[:, kept], outcomes, ones, LOGISTIC, 1.0)
    np.testing.assert_allclose(bounded[kept], free, atol=1e-5)
    assert intercept == pytest.approx(again, abs=1e-5)


def test_units_do_not_matter() -> None:
    features, truth = world()
    outcomes = (truth > -1).astype(float)
    ones = np.ones(3000)
    first = fit_glm(features, outcomes, ones, LOGISTIC, 1.0)
    second = fit_glm(features * [10, 0.1, 1] + [5, -3, 0], outcomes, ones, LOGISTIC, 1.0)
    np.testing.assert_allclose(second[1] * [10, 0.1, 1], first[1], rtol=1e-5)


@pytest.mark.parametrize("family", [LOGISTIC, POISSON])
@pytest.mark.parametrize("outcome", [0.0, 1.0])
@pytest.mark.parametrize("is_non_negative", [False, True])
def test_degenerate_data_stay_finite(family: Family, outcome: float, is_non_negative: bool) -> None:
    features = np.column_stack([np.ones(5), np.arange(5.0)])
    intercept, coefficients = fit_glm(
        features,
        np.full(5, outcome),
        np.ones(5),
        family,
        1.0,
        is_non_negative=is_non_negative,
    )
    assert np.isfinite(intercept) and np.isfinite(coefficients).all()
    assert coefficients[0] == 0.0


def test_without_features_the_mean_is_left() -> None:
    intercept, coefficients = fit_glm(
        np.empty((1000, 0)), np.repeat([0.0, 1.0], [900, 100]), np.ones(1000), LOGISTIC, 1.0
    )
    assert len(coefficients) == 0
    assert 1 / (1 + np.exp(-intercept)) == pytest.approx(0.1, abs=1e-3)
