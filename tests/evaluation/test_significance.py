"""Intervals and tests: known answers, seeds, and memory chunks that change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from ml.evaluation import significance
from ml.evaluation.significance import bootstrap_means, compare, holm


def test_interval_of_a_mean_is_that_of_the_normal_law() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, (2000, 1))
    [interval] = bootstrap_means(values, seed=0)
    margin = 1.96 * values.std() / np.sqrt(2000)
    assert interval.value == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - margin, abs=0.1 * margin)
    assert interval.high == pytest.approx(values.mean() + margin, abs=0.1 * margin)
    assert interval.client_count == 2000


def test_same_seed_same_interval() -> None:
    values = np.random.default_rng(1).random((50, 3))
    assert bootstrap_means(values, seed=4) == bootstrap_means(values, seed=4)
    assert bootstrap_means(values, seed=4) != bootstrap_means(values, seed=5)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).random((50, 3))
    whole = bootstrap_means(values, seed=4)
    monkeypatch.setattr(significance, "_CHUNK_CELLS", 130)
    assert bootstrap_means(values, seed=4) == whole


def test_clients_without_a_value_are_left_out() -> None:
    values = np.array([[1.0, np.nan], [np.nan, np.nan], [0.0, np.nan]])
    first, second = bootstrap_means(values, seed=0)
    assert (first.value, first.client_count) == (0.5, 2)
    assert (second.value, second.low, second.high, second.client_count) == (None, None, None, 0)


def test_nobody_to_resample() -> None:
    [interval] = bootstrap_means(np.empty((0, 1)), seed=0)
    assert interval.value is None


def test_a_clear_difference_is_significant() -> None:
    generator = np.random.default_rng(2)
    base = generator.random(500)
    better = base + 0.02 + generator.normal(0, 0.05, 500)
    found = compare(better, base, seed=0)
    assert found.difference == pytest.approx((better - base).mean())
    assert found.difference is not None and found.low is not None
    assert 0 < found.low < found.difference
    assert found.p_value == pytest.approx(2 / 1001)
    mirrored = compare(base, better, seed=0)
    assert mirrored.p_value == found.p_value
    assert mirrored.high == pytest.approx(-found.low)


def test_p_values_are_spread_evenly_where_nothing_differs() -> None:
    generator = np.random.default_rng(3)
    p_values = []
    for seed in range(200):
        noise = generator.normal(0, 1, 60)
        p_values.append(compare(noise, np.zeros(60), seed=seed, resamples=199).p_value)
    below = np.mean([p is not None and p <= 0.1 for p in p_values])
    assert 0.03 <= below <= 0.2


def test_only_common_clients_are_compared() -> None:
    first, second = np.array([1.0, np.nan, 0.5]), np.array([0.0, 0.0, np.nan])
    assert compare(first, second, seed=0).client_count == 1
    assert compare(first[1:], second[1:], seed=0).p_value is None
    with pytest.raises(ValueError, match="same clients"):
        compare(first, second[:2], seed=0)


def test_holm_by_hand() -> None:
    # Sorted: .005 x 4, .01 x 3, .03 x 2, .04 x 1, then never falling.
    found = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(found, [0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]
    assert holm(np.empty(0)).tolist() == []
