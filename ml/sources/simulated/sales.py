"""Lines of receipts: purchases, partial refunds, dirty rows; and reviews.

Nothing here touches the truth: refunds give back one unit of several, so ownership stays; dirty
rows are added to the sound ones and are all to be refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from ml.sources.simulated.events import Moments
from ml.sources.simulated.settings import WorldSettings
from ml.sources.simulated.tastes import Floats, Ints, Services

_MORE_UNITS: Final = 0.25
_DISCOUNTED: Final = 0.2
_DISCOUNT: Final = 0.15
_REFUNDED: Final = 0.05
_REFUND_DAYS: Final = 10.0
_REVIEW_DAYS: Final = 10.0
_FUTURE_DAYS: Final = 3.0


@dataclass(frozen=True)
class Sales:
    """Receipt lines.

    Parameters
    ----------
    moments : Moments
    number : ndarray of int64, (n,)
        Of the line, from 0 within the block; a duplicate has its original's.
    quantity, amount, discount : ndarray of float64, (n,)
    is_unknown : ndarray of bool, (n,)
        Of a service that is in no catalogue.
    """

    moments: Moments
    number: Ints
    quantity: Floats
    amount: Floats
    discount: Floats
    is_unknown: Ints


def sell(
    rng: np.random.Generator, settings: WorldSettings, services: Services, purchases: Moments
) -> Sales:
    """Write purchases down as lines, and add refunds and dirt."""
    n = len(purchases)
    quantity = 1.0 + rng.poisson(_MORE_UNITS, n)
    full = np.round(quantity * services.price[purchases.column], 2)
    discount = np.round(np.where(rng.random(n) < _DISCOUNTED, _DISCOUNT * full, 0.0), 2)
    amount = np.round(full - discount, 2)

    back = np.flatnonzero((quantity >= 2) & (rng.random(n) < _REFUNDED))
    back_day = purchases.day[back] + rng.random(len(back)) * _REFUND_DAYS
    back, back_day = back[back_day < settings.days], back_day[back_day < settings.days]

    def lot() -> Ints:
        return np.flatnonzero(rng.random(n) < settings.dirt_share)

    twice, unknown, zero, future = lot(), lot(), lot(), lot()
    source = np.concatenate([np.arange(n), back, twice, unknown, zero, future])
    day = purchases.day[source].copy()
    sizes = np.cumsum([n, len(back), len(twice), len(unknown), len(zero), len(future)])
    parts = [slice(start, end) for start, end in pairwise(sizes.tolist())]
    refunds, duplicates, unknowns, zeros, futures = parts
    number = np.arange(len(source))
    number[duplicates] = twice
    day[refunds] = back_day
    # Later than the load itself.
    day[futures] = settings.days + _FUTURE_DAYS
    quantity, amount, discount = quantity[source], amount[source], discount[source]
    amount[refunds] = -np.round(amount[refunds] / quantity[refunds], 2)
    quantity[refunds] = -1.0
    discount[refunds] = 0.0
    quantity[zeros] = 0.0
    is_unknown = np.zeros(len(source), dtype=np.int64)
    is_unknown[unknowns] = 1
    moments = Moments(purchases.row[source], purchases.column[source], day)
    return Sales(moments, number, quantity, amount, discount, is_unknown)


def review(
    rng: np.random.Generator, settings: WorldSettings, taste: Floats, purchases: Moments
) -> tuple[Moments, Floats]:
    """Write reviews of some purchases; the rating follows the taste.

    Parameters
    ----------
    taste : ndarray of float64, (n, n_services)
        The taste's part of the log rate.
    """
    chosen = purchases.where(rng.random(len(purchases)) < settings.review_share)
    day = chosen.day + rng.random(len(chosen)) * _REVIEW_DAYS
    chosen = Moments(chosen.row, chosen.column, day).where(day < settings.days)
    liking = taste[chosen.row, chosen.column] / settings.taste_strength
    rating = np.clip(np.round(3.2 + liking + 0.7 * rng.standard_normal(len(chosen))), 1, 5)
    return chosen, rating
