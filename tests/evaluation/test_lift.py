"""Lift and gain by decile, by brute force and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.evaluation.lift import lift_table, probability_deciles

PAIRS = st.lists(
    st.tuples(st.one_of(st.floats(0, 1), st.sampled_from([0.2, 0.3])), st.booleans()),
    min_size=1,
    max_size=60,
)


@given(PAIRS)
def test_the_table_by_brute_force(pairs: list[tuple[float, bool]]) -> None:
    likely, taken = (np.array(column) for column in zip(*pairs, strict=True))
    table = lift_table(likely, taken)
    deciles = probability_deciles(likely)
    assert table.deciles.tolist() == sorted(set(deciles.tolist()))
    so_far = 0
    for row, decile in enumerate(table.deciles.tolist()):
        members = deciles == decile
        assert table.offer_counts[row] == members.sum()
        assert table.conversion_counts[row] == taken[members].sum()
        assert table.mean_probabilities[row] == pytest.approx(likely[members].mean())
        so_far += int(taken[members].sum())
        if taken.any():
            assert table.lifts[row] == pytest.approx(taken[members].mean() / taken.mean())
            assert table.gains[row] == pytest.approx(so_far / taken.sum())
        else:
            assert np.isnan(table.lifts[row]) and np.isnan(table.gains[row])
    # The likeliest come first.
    assert (np.diff(table.mean_probabilities) < 1e-12).all()


def test_ten_times_ten_offers_fill_ten_deciles() -> None:
    likely = np.random.default_rng(3).permutation(100) / 100
    table = lift_table(likely, likely >= 0.95)
    assert table.offer_counts.tolist() == [10] * 10
    assert table.conversion_counts.tolist() == [5] + [0] * 9
    assert table.lifts[0] == pytest.approx(10)
    assert table.gains.tolist() == [1.0] * 10


def test_a_crowd_of_equals_leaves_the_first_decile_empty() -> None:
    """Half of all offers share the highest probability: their middle is the third tenth."""
    table = lift_table(np.array([0.9] * 50 + [0.1] * 50), np.array([True] * 30 + [False] * 70))
    assert table.deciles.tolist() == [3, 8]
    assert table.lifts.tolist() == pytest.approx([2.0, 0.0])


def test_no_offers() -> None:
    assert len(lift_table(np.empty(0), np.empty(0, bool)).deciles) == 0
