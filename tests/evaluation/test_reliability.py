"""Calibration figures against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from ml.evaluation.reliability import (
    Calibration,
    expected_calibration_error,
    mass_bins,
    measure_calibration,
    reliability_curve,
)

PAIRS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)
TIED = st.lists(st.sampled_from([0.1, 0.2, 0.5, 0.50001, 0.9]), min_size=1, max_size=40)


def measured(probabilities: list[float], outcomes: list[bool]) -> Calibration:
    return measure_calibration(np.array(probabilities), np.array(outcomes))


@given(PAIRS)
def test_brier_and_log_loss_are_those_of_scikit_learn(pairs: list[tuple[float, bool]]) -> None:
    probabilities, outcomes = (list(column) for column in zip(*pairs, strict=True))
    found = measured(probabilities, outcomes)
    assert found.brier_score == pytest.approx(
        brier_score_loss(outcomes, probabilities, labels=[False, True]), abs=1e-12
    )
    clipped = np.clip(probabilities, 1e-12, 1 - 1e-12)
    if np.array_equal(clipped, probabilities):
        assert found.log_loss == pytest.approx(log_loss(outcomes, clipped, labels=[False, True]))
    assert np.isfinite(found.log_loss)
    assert found.mean_probability == pytest.approx(np.mean(probabilities))
    assert found.positive_rate == pytest.approx(np.mean(outcomes))


@given(TIED, st.integers(1, 30))
def test_bins_are_those_of_the_mid_rank(values: list[float], bins: int) -> None:
    """Counted one by one, in exact integers; and again in any other order."""
    n = len(values)
    expected = [
        int((2 * sum(v < own for v in values) + sum(v == own for v in values)) * bins) // (2 * n)
        + 1
        for own in values
    ]
    found = mass_bins(np.array(values), bins)
    assert found.tolist() == expected
    assert mass_bins(np.array(values[::-1]), bins).tolist() == expected[::-1]
    assert min(expected) >= 1 and max(expected) <= bins


@given(PAIRS, st.integers(1, 30))
def test_the_curve_loses_no_pair(pairs: list[tuple[float, bool]], bins: int) -> None:
    probabilities, outcomes = (np.array(column) for column in zip(*pairs, strict=True))
    curve = reliability_curve(probabilities, outcomes, bins)
    assert (np.diff(curve.bins) > 0).all() and curve.bins[0] >= 1 and curve.bins[-1] <= bins
    assert curve.counts.sum() == len(pairs)
    assert (curve.counts * curve.positive_rates).sum() == pytest.approx(outcomes.sum())
    assert (curve.counts * curve.mean_probabilities).sum() == pytest.approx(probabilities.sum())
    assert (np.diff(curve.mean_probabilities) > -1e-12).all()


def test_the_curve_is_that_of_scikit_learn() -> None:
    generator = np.random.default_rng(4)
    probabilities = generator.beta(0.4, 40, 50_000)
    outcomes = generator.random(50_000) < probabilities * 1.3
    curve = reliability_curve(probabilities, outcomes, 10)
    rates, stated = calibration_curve(outcomes, probabilities, n_bins=10, strategy="quantile")
    np.testing.assert_allclose(curve.mean_probabilities, stated, rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(curve.positive_rates, rates, rtol=1e-2, atol=2e-4)


def test_expected_calibration_error_by_hand() -> None:
    """Four pairs a bin: .1 against 1/4 and .5 against 1/2; then all in one bin."""
    probabilities = np.array([0.1] * 4 + [0.5] * 4)
    outcomes = np.array([True, False, False, False] + [True, False] * 2)
    halves = reliability_curve(probabilities, outcomes, 2)
    assert expected_calibration_error(halves) == pytest.approx(0.5 * 0.15)
    assert halves.counts.tolist() == [4, 4]
    whole = reliability_curve(probabilities, outcomes, 1)
    assert expected_calibration_error(whole) == pytest.approx(0.375 - 0.3)


def test_equal_probabilities_share_a_bin() -> None:
    curve = reliability_curve(np.array([0.2] * 10), np.array([True] * 5 + [False] * 5), 5)
    assert curve.bins.tolist() == [3]
    assert curve.counts.tolist() == [10]
    assert curve.positive_rates.tolist() == [0.5]


def test_certain_and_wrong_is_bad_but_finite() -> None:
    found = measured([0.0, 1.0], [True, False])
    assert found.brier_score == 1.0
    assert 30 < found.log_loss < 40


def test_nothing_measured() -> None:
    found = measured([], [])
    assert found.pair_count == 0
    assert np.isnan(found.expected_calibration_error)
    assert np.isnan(found.brier_score)
    assert len(found.curve.counts) == 0
