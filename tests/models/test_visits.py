from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.models.lightfm_settings import LightFMSettings
from ml.models.ncf_settings import NCFSettings
from ml.models.visits import Visits


@given(
    counts=st.lists(st.integers(0, 9), min_size=1, max_size=30),
    budget=st.integers(1, 400),
    epochs=st.integers(1, 8),
)
@settings(max_examples=200, deadline=None)
def test_everybody_who_owns_something_is_visited_once_in_a_round(
    counts: list[int], budget: int, epochs: int
) -> None:
    visits = Visits(np.array(counts), budget, epochs, np.random.default_rng(0))
    parts = [visits.part() for _ in range(visits.parts)]
    if visits.parts == 1:
        assert parts == [None]
        return
    seen = [client for part in parts if part is not None for client in part.tolist()]
    assert sorted(seen) == [client for client, count in enumerate(counts) if count]


def test_parts_are_of_equal_size_within_the_budget() -> None:
    counts = np.random.default_rng(1).integers(0, 10, 5_000)
    epochs, budget = 10, 40_000
    visits = Visits(counts, budget, epochs, np.random.default_rng(0))
    sizes = []
    for _ in range(epochs):
        part = visits.part()
        assert part is not None
        sizes.append(int(counts[part].sum()))
    assert max(sizes) - min(sizes) < 2 * counts.max()
    assert sum(sizes) <= budget


def test_another_round_has_another_order_and_a_seed_the_same() -> None:
    counts = np.ones(100, dtype=np.int64)
    one, other = (Visits(counts, 100, 2, np.random.default_rng(7)) for _ in range(2))
    first, _, second, same = one.part(), one.part(), one.part(), other.part()
    assert first is not None
    assert second is not None
    assert same is not None
    assert first.tolist() != second.tolist()
    assert first.tolist() == same.tolist()


def test_no_budget_and_one_that_is_no_limit_are_everybody() -> None:
    counts = np.array([3, 0, 2])
    for budget in (None, 50, 500):
        visits = Visits(counts, budget, 10, np.random.default_rng(0))
        assert visits.part() is None
    assert Visits(np.zeros(3, dtype=np.int64), 5, 1, np.random.default_rng(0)).part() is None


def test_a_budget_keeps_its_number_of_parts() -> None:
    """Where training ends at its plateau, the most epochs must not cut parts to crumbs."""
    for kind in (NCFSettings, LightFMSettings):
        assert kind(max_epochs=500).most_epochs == 500
        assert kind(max_epochs=500, sample_budget=1000).most_epochs == 32
        assert kind(max_epochs=5, sample_budget=1000).most_epochs == 5
