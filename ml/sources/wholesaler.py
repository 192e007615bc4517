"""A made-up wholesaler: services come and go within months, and half the year is Christmas.

Client i orders at a rate of its own, faster before Christmas. On day d an order draws lines among
the services on sale at rates

    ``exp(<u_i, v_j> / sqrt(tastes) + popularity_j + season_j(d) + freshness exp(-age_j(d) / 30))``

without drawing one twice, and replaces a share of them by what the client had before. So tastes
count, and what is new counts for more: a list of what sold in the last two weeks is hard to beat,
and one of what sold ever is not. Nobody says that a service is withdrawn: it is bought no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.contracts import Table
from ml.sources.drawn import Sales

SEED: Final = 2
CLIENTS: Final = 4000
SERVICES: Final = 3000
DAYS: Final = 740

_YEAR: Final = 365
_TASTES: Final = 8
_TASTE_SPREAD: Final = 0.9
_POPULARITY_SPREAD: Final = 0.8
_LEAST_LIFE_DAYS: Final = 14
_LIFE_DAYS: Final = 90.0
_LASTING_SHARE: Final = 0.03
_FRESHNESS: Final = 2.0
_FRESH_DAYS: Final = 30.0
_SEASONAL_SHARE: Final = 0.15
_ORDERS_PER_YEAR: Final = 5.0
_LINES: Final = 12
_MOST_LINES: Final = 40
_AGAIN_SHARE: Final = 0.3
# Days before the end of the history at which a Christmas' sales are at their highest.
_PEAKS: Final = np.array([10, 10 + _YEAR, 10 - _YEAR])

Floats = npt.NDArray[np.float64]


def read_tables() -> Iterator[tuple[Table, pa.Table]]:
    """The raw tables of the wholesaler that benchmarks use."""
    return draw_sales(SEED).tables()


def draw_sales(seed: int, clients: int = CLIENTS, services: int = SERVICES) -> Sales:
    """Draw two years of invoices; the same arguments give the same lines.

    Parameters
    ----------
    seed : int
    clients, services : int

    Returns
    -------
    Sales
    """
    rng = np.random.default_rng(seed)
    range_ = _Range(rng, services)
    tastes = rng.standard_normal((clients, _TASTES))
    joined = np.where(rng.random(clients) < 0.5, 0.0, rng.uniform(0, DAYS, clients))
    rate = _ORDERS_PER_YEAR / _YEAR * np.exp(0.8 * rng.standard_normal(clients) - 0.32)
    bought: list[set[int]] = [set() for _ in range(clients)]
    parts: list[tuple[Floats, ...]] = []
    for day in range(DAYS):
        busy = 1 + np.exp(-(((_days_to_peak(day) - 10) / 30) ** 2))
        buyers = np.flatnonzero((joined <= day) & (rng.random(clients) < rate * busy))
        on_sale = range_.on_sale(day)
        rates = tastes[buyers] @ range_.tastes[on_sale].T + range_.log_rate(day)[on_sale]
        # The first k of independent exponential clocks are k draws without replacement.
        rings = rates - np.log(rng.standard_exponential(rates.shape))
        lines = np.minimum(1 + rng.geometric(1 / _LINES, len(buyers)), _MOST_LINES)
        for i, client in enumerate(buyers.tolist()):
            known = sorted(j for j in bought[client] if range_.is_on_sale(j, day))
            again = int(rng.binomial(lines[i], _AGAIN_SHARE)) if known else 0
            first = on_sale[np.argsort(-rings[i], kind="stable")[: lines[i] - again]]
            chosen = sorted({*first.tolist(), *rng.choice(known or [0], again).tolist()})
            bought[client].update(chosen)
            moment = DAYS - day - rng.uniform(0.35, 0.75)
            n = len(chosen)
            parts.append((np.full(n, client), np.array(chosen), np.full(n, moment)))
    buyers, sold, days = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Sales("wholesaler", buyers, sold, days, range_.prices[sold])


def _days_to_peak(day: int) -> float:
    ahead = DAYS - day - _PEAKS
    return float(ahead[ahead > -20].min())


class _Range:
    """What is sold, and when."""

    def __init__(self, rng: np.random.Generator, services: int) -> None:
        self.tastes = rng.standard_normal((services, _TASTES)) * _TASTE_SPREAD / np.sqrt(_TASTES)
        self._popularity = _POPULARITY_SPREAD * rng.standard_normal(services)
        self.prices = np.round(np.exp(rng.normal(1.5, 0.8, services)), 2)
        kinds = rng.random(services)
        self._is_lasting = kinds < _LASTING_SHARE
        self._is_seasonal = kinds > 1 - _SEASONAL_SHARE
        self._starts = rng.uniform(-2 * _LIFE_DAYS, DAYS, services)
        self._ends = self._starts + rng.exponential(_LIFE_DAYS, services) + _LEAST_LIFE_DAYS
        self._starts[self._is_lasting], self._ends[self._is_lasting] = -1.0, np.inf

    def is_on_sale(self, service: int, day: int) -> bool:
        """Whether a service can be bought on a day."""
        return bool(self._starts[service] <= day < self._ends[service])

    def on_sale(self, day: int) -> npt.NDArray[np.int64]:
        """All that can be bought on a day."""
        return np.flatnonzero((self._starts <= day) & (day < self._ends))

    def log_rate(self, day: int) -> Floats:
        """How well each service sells on a day, whoever buys, (services,)."""
        rates = self._popularity.copy()
        is_new = ~self._is_lasting
        ages = np.maximum(day - self._starts[is_new], 0.0)
        rates[is_new] += _FRESHNESS * np.exp(-ages / _FRESH_DAYS)
        rates[self._is_seasonal] += np.exp(-(((_days_to_peak(day) - 15) / 30) ** 2)) - 1.5
        return rates
