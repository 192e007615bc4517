"""A made-up insurer: 21 products, and dates that say nothing.

Most clients take products in about the order of their popularity. One in seven belongs to one of
six groups (a trade, a farm, a fleet) with three products of its own, which it takes together and
others hardly take at all. So what a client has tells what it lacks. Dates are drawn evenly, without
regard to client, product or order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from ml.contracts import Table
from ml.sources.drawn import Sales

SEED: Final = 1
CLIENTS: Final = 20_000
PRODUCTS: Final = 21
DAYS: Final = 365

_GROUPS: Final = 6
_GROUP_SHARE: Final = 0.15
_GROUP_BOOST: Final = 2.0
_COMMON: Final = 3
_MEAN_PRODUCTS: Final = 2.6


def read_tables() -> Iterator[tuple[Table, pa.Table]]:
    """The raw tables of the insurer that benchmarks use."""
    return draw_sales(SEED).tables()


def draw_sales(seed: int, clients: int = CLIENTS) -> Sales:
    """Draw every client's contracts; the same arguments give the same.

    Parameters
    ----------
    seed : int
    clients : int

    Returns
    -------
    Sales
    """
    rng = np.random.default_rng(seed)
    places = np.arange(PRODUCTS)
    popularity = -1.5 * np.minimum(places, 5) - 0.3 * np.maximum(places - 5, 0)
    log_rates = np.tile(popularity, (1 + _GROUPS, 1))
    for group in range(_GROUPS):
        own = _COMMON + group + _GROUPS * np.arange(3)
        log_rates[1 + group, own] = _GROUP_BOOST - np.arange(3)
    is_grouped = rng.random(clients) < _GROUP_SHARE
    groups = np.where(is_grouped, 1 + rng.integers(0, _GROUPS, clients), 0)
    # The first k of independent exponential clocks are k draws without replacement.
    rings = log_rates[groups] - np.log(rng.standard_exponential((clients, PRODUCTS)))
    counts = np.minimum(1 + rng.poisson(_MEAN_PRODUCTS - 1, clients), PRODUCTS)
    order = np.argsort(-rings, axis=1, kind="stable")
    owners = np.repeat(np.arange(clients), counts)
    products = order[places < counts[:, None]]
    premiums = np.exp(rng.normal(5.0, 0.6, PRODUCTS)).astype(np.float64).round(2)
    days = rng.uniform(0, DAYS, len(owners))
    return Sales("insurer", owners, products, days, premiums[products])
