"""Calibration figures against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from ml.evaluation.reliability import Reliability

PAIRS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


def counted(probabilities: list[float], outcomes: list[bool]) -> Reliability:
    reliability = Reliability()
    reliability.add(np.array(probabilities), np.array(outcomes))
    return reliability


@given(PAIRS)
def test_brier_and_log_loss_are_those_of_scikit_learn(pairs: list[tuple[float, bool]]) -> None:
    probabilities, outcomes = (list(column) for column in zip(*pairs, strict=True))
    found = counted(probabilities, outcomes)
    assert found.brier_score == pytest.approx(
        brier_score_loss(outcomes, probabilities, labels=[False, True]), abs=1e-12
    )
    clipped = np.clip(probabilities, 1e-12, 1 - 1e-12)
    if np.array_equal(clipped, probabilities):
        assert found.log_loss == pytest.approx(log_loss(outcomes, clipped, labels=[False, True]))
    assert np.isfinite(found.log_loss)
    assert found.mean_probability == pytest.approx(np.mean(probabilities))
    assert found.positive_rate == pytest.approx(np.mean(outcomes))


@given(PAIRS, st.integers(1, 30))
def test_the_curve_loses_no_pair(pairs: list[tuple[float, bool]], bins: int) -> None:
    probabilities, outcomes = (list(column) for column in zip(*pairs, strict=True))
    found = counted(probabilities, outcomes)
    curve = found.curve(bins)
    assert len(curve.counts) <= bins
    assert curve.counts.sum() == len(pairs)
    assert (curve.counts * curve.positive_rates).sum() == pytest.approx(sum(outcomes))
    assert (curve.counts * curve.mean_probabilities).sum() == pytest.approx(sum(probabilities))
    assert (np.diff(curve.mean_probabilities) > -1e-12).all()


def test_the_curve_is_that_of_scikit_learn() -> None:
    generator = np.random.default_rng(4)
    probabilities = generator.beta(0.4, 40, 50_000)
    outcomes = generator.random(50_000) < probabilities * 1.3
    reliability = Reliability()
    for part in np.array_split(np.arange(50_000), 7):
        reliability.add(probabilities[part], outcomes[part])
    curve = reliability.curve(10)
    rates, stated = calibration_curve(outcomes, probabilities, n_bins=10, strategy="quantile")
    np.testing.assert_allclose(curve.mean_probabilities, stated, rtol=0.01, atol=1e-5)
    np.testing.assert_allclose(curve.positive_rates, rates, rtol=0.02, atol=3e-4)


def test_expected_calibration_error_by_hand() -> None:
    """Four pairs a bin: .1 against 1/4 and .5 against 1/2; then all in one bin."""
    found = counted([0.1] * 4 + [0.5] * 4, [True, False, False, False] + [True, False] * 2)
    assert found.expected_calibration_error(bins=2) == pytest.approx(0.5 * 0.15)
    assert found.expected_calibration_error(bins=1) == pytest.approx(0.375 - 0.3)
    assert found.curve(2).counts.tolist() == [4, 4]


def test_equal_probabilities_share_a_bin() -> None:
    curve = counted([0.2] * 10, [True] * 5 + [False] * 5).curve(5)
    assert curve.counts.tolist() == [10]
    assert curve.positive_rates.tolist() == [0.5]


def test_certain_and_wrong_is_bad_but_finite() -> None:
    found = counted([0.0, 1.0], [True, False])
    assert found.brier_score == 1.0
    assert 30 < found.log_loss < 40


def test_nothing_counted() -> None:
    found = Reliability()
    assert found.pair_count == 0
    assert np.isnan(found.expected_calibration_error())
    assert np.isnan(found.brier_score)
    assert len(found.curve().counts) == 0
