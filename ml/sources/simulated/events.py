"""Intents, the purchases that come of them, and what is left of them to see.

Intents of a pair are a Poisson process. A process over all pairs of a block is drawn at once:
its number is Poisson in the total mass, and each falls on a pair in proportion to its mass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.sources.simulated.settings import WorldSettings
from ml.sources.simulated.tastes import Bools, Floats, Ints, Services
from ml.sources.simulated.truth import season

_SEARCH_SHARE: Final = 0.25
_CART_SHARE: Final = 0.4
_HALF_HOUR: Final = 0.5 / 24
VIEW, SEARCH, CART = 0, 1, 2


@dataclass(frozen=True)
class Moments:
    """Something at a time, per pair: intents or purchases.

    Parameters
    ----------
    row, column : ndarray of int64, (n,)
        Client within the block, service.
    day : ndarray of float64, (n,)
        Days since the world's start.
    """

    row: Ints
    column: Ints
    day: Floats

    def __len__(self) -> int:
        return len(self.row)

    def where(self, kept: Bools | Ints) -> Moments:
        """Some of them."""
        return Moments(self.row[kept], self.column[kept], self.day[kept])

    @classmethod
    def joined(cls, parts: list[Moments]) -> Moments:
        """Parts one after the other."""
        return cls(
            np.concatenate([part.row for part in parts]),
            np.concatenate([part.column for part in parts]),
            np.concatenate([part.day for part in parts]),
        )


@dataclass(frozen=True)
class Histories:
    """What the clients of a block intended and bought.

    Parameters
    ----------
    intents : Moments
        Those that happened: a one-off service is not looked at again once it is bought.
    converted_day : ndarray of float64, (n_intents,)
        When the intent's purchase comes, perhaps after the world's end; infinite: never.
    purchases : Moments
        Before the world's end, repeats included.
    first_day : ndarray of float64, (n_rows, n_services)
        First purchase of each pair, perhaps after the world's end; infinite: never.
    """

    intents: Moments
    converted_day: Floats
    purchases: Moments
    first_day: Floats


def draw_process(
    rng: np.random.Generator,
    settings: WorldSettings,
    services: Services,
    rate: Floats,
    columns: Ints,
    start: Floats,
    days: Floats,
) -> Moments:
    """Draw a Poisson process with the yearly wave, from each row's start for some days.

    Parameters
    ----------
    rng : numpy.random.Generator
    settings : WorldSettings
    services : Services
    rate : ndarray of float64, (n, k)
        Per day, before the wave.
    columns : ndarray of int64, (k,)
        Services of the rate's columns.
    start, days : ndarray of float64, (n,)
    """
    most = 1 + settings.season_strength
    mass = np.cumsum(rate * (most * days)[:, None])
    total = float(mass[-1]) if len(mass) else 0.0
    # Sorted, so that the search walks the mass once, from left to right.
    picks = np.sort(rng.random(rng.poisson(total))) * total
    place = np.minimum(np.searchsorted(mass, picks, side="right"), max(len(mass) - 1, 0))
    row, column = place // len(columns), columns[place % len(columns)]
    day = start[row] + rng.random(len(row)) * days[row]
    is_kept = rng.random(len(row)) * most < season(settings, day, services.phase[column])
    is_kept &= day >= services.launch_day[column]
    return Moments(row, column, day).where(is_kept)


def live(
    rng: np.random.Generator, settings: WorldSettings, services: Services, intents: Moments,
    count: int,
) -> Histories:  # fmt: skip
    """Let intents become purchases, owners of repeatable services buy again.

    Parameters
    ----------
    rng : numpy.random.Generator
    settings : WorldSettings
    services : Services
    intents : Moments
        All that there would be if nobody ever owned anything.
    count : int
        Clients of the block.
    """
    converts = rng.random(len(intents)) < services.conversion[intents.column]
    delay = settings.delay_days * rng.standard_exponential(len(intents))
    converted = np.where(converts, intents.day + delay, np.inf)
    n = len(services.partner)
    pair = intents.row * n + intents.column
    first = np.full(count * n, np.inf)
    # Latest first: of several assignments to one place the last stays.
    order = np.argsort(-converted, kind="stable")
    first[pair[order]] = converted[order]
    is_one_off = ~services.is_repeatable[intents.column]
    is_over = is_one_off & (intents.day > first[pair])
    is_second = is_one_off & (converted > first[pair])
    converted = np.where(is_second, np.inf, converted)
    intents, converted = intents.where(~is_over), converted[~is_over]
    bought = np.flatnonzero(converted < settings.days)
    purchases = Moments(intents.row[bought], intents.column[bought], converted[bought])
    repeats = _repeats(rng, settings, services, first.reshape(count, n))
    return Histories(
        intents, converted, Moments.joined([purchases, repeats]), first.reshape(count, n)
    )


def _repeats(
    rng: np.random.Generator, settings: WorldSettings, services: Services, first: Floats
) -> Moments:
    row, column = np.nonzero((first < settings.days) & services.is_repeatable)
    since = first[row, column]
    times = rng.poisson((settings.days - since) * settings.repeats_per_day)
    row, column, since = np.repeat(row, times), np.repeat(column, times), np.repeat(since, times)
    return Moments(row, column, since + rng.random(len(row)) * (settings.days - since))


def web_events(
    rng: np.random.Generator, settings: WorldSettings, intents: Moments
) -> tuple[Moments, Ints]:
    """What an intent leaves: a view at its moment, often a search before it, a cart after it."""
    searches = intents.where(rng.random(len(intents)) < _SEARCH_SHARE)
    carts = intents.where(rng.random(len(intents)) < _CART_SHARE)
    before = np.maximum(searches.day - rng.random(len(searches)) * _HALF_HOUR, 0)
    after = carts.day + rng.random(len(carts)) * _HALF_HOUR
    carts = Moments(carts.row, carts.column, after).where(after < settings.days)
    searches = Moments(searches.row, searches.column, before)
    kinds = np.repeat([VIEW, SEARCH, CART], [len(intents), len(searches), len(carts)])
    return Moments.joined([intents, searches, carts]), kinds
