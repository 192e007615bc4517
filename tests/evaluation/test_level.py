"""How much is taken up next, foretold from a history's levels."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from scipy import sparse

from ml.dataset import Fold
from ml.evaluation.level import NO_CHANGE, foretell_level
from tests.models.folds import make_fold

CUTOFF = datetime(2024, 11, 1)
HORIZON = timedelta(days=30)
CLIENTS, SERVICES = 150, 400


def history(days: int, busy: float = 1.0, seed: int = 0) -> Fold:
    """Clients who take services up at an even rate, ``busy`` times it in one month of the year."""
    rng = np.random.default_rng(seed)
    months = -(-days // 30)
    ages = np.zeros((CLIENTS, SERVICES), dtype=np.float32)
    # Everybody begins on the first day.
    ages[:, 0] = days
    used = np.ones(CLIENTS, dtype=int)
    for month in range(months):
        # The month that ends a year less a horizon before the cutoff, as the next one will.
        rate = 6 * (busy if month % 12 == 11 else 1)
        for client, count in enumerate(rng.poisson(rate, CLIENTS)):
            places = np.arange(used[client], min(used[client] + count, SERVICES))
            ages[client, places] = rng.uniform(month * 30.4 + 0.1, (month + 1) * 30.4, len(places))
            used[client] += len(places)
    ages = np.minimum(ages, days)
    fold = make_fold(ages > 0, labels=np.zeros_like(ages, dtype=bool))
    return replace(
        fold,
        cutoff_at=CUTOFF,
        horizon_end_at=CUTOFF + HORIZON,
        adoption_age=sparse.csr_matrix(ages),
    )


def test_a_season_of_the_year_before_is_foretold() -> None:
    found = foretell_level(history(740, busy=2.0), [CUTOFF - HORIZON])
    assert found.log_ratio == found.season
    assert np.exp(found.season) == pytest.approx(2.0, rel=0.15)
    assert found.error is not None
    assert 0 < found.error < 0.2
    assert "new services per client" in str(found)


def test_ordinary_months_foretell_next_to_nothing() -> None:
    found = foretell_level(history(740), [CUTOFF - HORIZON])
    assert abs(found.log_ratio) < 0.06


def test_a_year_is_not_enough_for_a_season() -> None:
    found = foretell_level(history(400, busy=2.0), [CUTOFF - HORIZON])
    assert found.season == 0.0


def test_what_is_known_since_counts_whole() -> None:
    """The last horizon sold twice what the one before sold; the calibrator is two horizons old."""
    fold = history(300)
    assert fold.adoption_age is not None
    ages = fold.adoption_age.copy()
    is_second = (ages.data > 30) & (ages.data <= 60)
    ages.data[is_second & (np.arange(ages.nnz) % 2 == 0)] += 60
    found = foretell_level(replace(fold, adoption_age=ages), [CUTOFF - 2 * HORIZON])
    assert np.exp(found.log_ratio) == pytest.approx(2.0, rel=0.15)


def test_no_times_and_the_same_cutoff_change_nothing() -> None:
    fold = history(740, busy=2.0)
    assert foretell_level(fold, [CUTOFF]) == NO_CHANGE
    assert foretell_level(replace(fold, adoption_age=None), [CUTOFF - HORIZON]) == NO_CHANGE
    assert str(NO_CHANGE) == ""


def test_labels_are_not_looked_at() -> None:
    fold = history(740, busy=2.0)
    other = replace(fold, labels=fold.interactions)
    cutoffs = [CUTOFF - HORIZON]
    assert foretell_level(fold, cutoffs) == foretell_level(other, cutoffs)
