"""Who likes what: latent factors of persons and services, whose product is the log rate.

The rate of intents of person i for service j, per day and before the season, is

    ``exp(<x_i, y_j>)``, ``x_i = (u_i, income_i, 1, ln a_i)``, ``y_j = (v_j, price_j, b_j, 1)``

with standard normal ``u_i`` (partly explained by age and region), ``v_j`` scaled by the taste's
strength, popularity ``b_j`` and activity ``a_i``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ml.sources.simulated.settings import WorldSettings

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

AGES: Final = 6
REGIONS: Final = 8
INCOMES: Final = 5
CATEGORIES_PER_PARTNER: Final = 4
_PRICE_WEIGHT: Final = 0.35
_SAMPLE: Final = 4000
_LAUNCHED_LATER: Final = 0.05
WEB_EVENTS_PER_INTENT: Final = 1.65

# Streams of random numbers: one per use, so that changing one changes no other.
SERVICES_STREAM: Final = 1
SEGMENTS_STREAM: Final = 2
SCALE_STREAM: Final = 3
IDS_STREAM: Final = 4
PERSONS_STREAM: Final = 5


@dataclass(frozen=True)
class Services:
    """The catalogue; service j has index j everywhere.

    Parameters
    ----------
    partner, category, local : ndarray of int64, (n,)
        Whose it is, its group within the partner, its number among the partner's own.
    factors : ndarray of float64, (n, tastes + 3)
        ``y_j``; the popularity includes the world's scale.
    conversion : ndarray of float64, (n,)
        Chance that an intent becomes a purchase.
    phase : ndarray of float64, (n,)
        Of the yearly wave, radians.
    launch_day, price : ndarray of float64, (n,)
    is_repeatable : ndarray of bool, (n,)
    """

    partner: Ints
    category: Ints
    local: Ints
    factors: Floats
    conversion: Floats
    phase: Floats
    launch_day: Floats
    price: Floats
    is_repeatable: Bools


@dataclass(frozen=True)
class Persons:
    """Some persons, in order.

    Parameters
    ----------
    first : int
        Index of the first.
    age, region, income : ndarray of int64, (n,)
    factors : ndarray of float64, (n, tastes + 3)
        ``x_i``.
    later_factors : ndarray of float64, (n, tastes + 3)
        The same since the drift; equal for those who did not change.
    """

    first: int
    age: Ints
    region: Ints
    income: Ints
    factors: Floats
    later_factors: Floats

    def __len__(self) -> int:
        return len(self.age)


def draw_services(settings: WorldSettings) -> Services:
    """Draw the catalogue, scaled so that clients leave about the wanted number of events."""
    rng = np.random.default_rng([settings.seed, SERVICES_STREAM])
    n = settings.services
    partner = np.arange(n) % settings.partners
    local = np.arange(n) // settings.partners
    category = rng.integers(0, CATEGORIES_PER_PARTNER, n)
    # Services of a category are alike, so that a new one is known by its kin.
    centres = rng.standard_normal((settings.partners, CATEGORIES_PER_PARTNER, settings.tastes))
    own = rng.standard_normal((n, settings.tastes))
    tastes = np.sqrt(0.5) * (centres[partner, category] + own)
    price = rng.standard_normal(n)
    factors = np.concatenate(
        [
            tastes * settings.taste_strength / np.sqrt(settings.tastes),
            _PRICE_WEIGHT * price[:, None],
            settings.popularity_spread * rng.standard_normal((n, 1)),
            np.ones((n, 1)),
        ],
        axis=1,
    )
    is_late = rng.random(n) < _LAUNCHED_LATER
    launch_day = np.where(is_late, rng.uniform(0, settings.days / 2, n), 0.0)
    services = Services(
        partner=partner,
        category=category,
        local=local,
        factors=factors,
        conversion=rng.uniform(0.35, 0.65, n),
        phase=2 * np.pi * ((partner * CATEGORIES_PER_PARTNER + category) % 12) / 12,
        launch_day=launch_day,
        price=np.exp(3.0 + 0.8 * price).round(2),
        is_repeatable=rng.random(n) < settings.repeatable_share,
    )
    factors[:, -2] += np.log(_scale(settings, services))
    return services


def _scale(settings: WorldSettings, services: Services) -> float:
    rng = np.random.default_rng([settings.seed, SCALE_STREAM])
    persons = draw_persons(settings, 0, _SAMPLE, rng)
    rate = np.exp(persons.factors @ services.factors.T).mean(axis=0)
    repeats = services.is_repeatable * settings.repeats_per_day * settings.days / 2
    purchases = services.conversion * (1 + repeats) * (1 + settings.review_share)
    exposure = settings.days - services.launch_day
    expected = float((rate * exposure * (WEB_EVENTS_PER_INTENT + purchases)).sum())
    return settings.events_per_client / expected


def draw_persons(
    settings: WorldSettings, first: int, count: int, rng: np.random.Generator
) -> Persons:
    """Draw persons ``first`` to ``first + count``."""
    segments = np.random.default_rng([settings.seed, SEGMENTS_STREAM])
    age_tastes = segments.standard_normal((AGES, settings.tastes))
    region_tastes = segments.standard_normal((REGIONS, settings.tastes))
    age = rng.integers(0, AGES, count)
    region = rng.integers(0, REGIONS, count)
    income = rng.integers(0, INCOMES, count)
    explained = (0.8 * age_tastes[age] + 0.6 * region_tastes[region]) * np.sqrt(
        settings.segment_share
    )
    own = np.sqrt(1 - settings.segment_share)
    rest = np.concatenate(
        [
            (income[:, None] - (INCOMES - 1) / 2) / np.sqrt((INCOMES**2 - 1) / 12),
            np.ones((count, 1)),
            settings.activity_spread * rng.standard_normal((count, 1)),
        ],
        axis=1,
    )
    before = explained + own * rng.standard_normal((count, settings.tastes))
    after = explained + own * rng.standard_normal((count, settings.tastes))
    changes = rng.random(count) < settings.drift_share
    if settings.drift_day is None:
        changes[:] = False
    after = np.where(changes[:, None], after, before)
    return Persons(
        first,
        age,
        region,
        income,
        np.concatenate([before, rest], axis=1),
        np.concatenate([after, rest], axis=1),
    )
