"""Campaigns with a randomised control group, and what a contact does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.sources.simulated.events import Moments, draw_process
from ml.sources.simulated.settings import HORIZON_DAYS, WorldSettings
from ml.sources.simulated.tastes import Bools, Floats, Ints, Services
from ml.sources.simulated.truth import season_mass

_CONTACTED_WITHIN: Final = 2.0
_QUIET_DAYS: Final = 15.0


@dataclass(frozen=True)
class Campaigns:
    """All campaigns: number, partner, number among the partner's own, first day."""

    partner: Ints
    local: Ints
    start: Floats

    def __len__(self) -> int:
        return len(self.partner)


@dataclass(frozen=True)
class Contacts:
    """Members of the audiences in a block, contacted or held back.

    Parameters
    ----------
    campaign, row : ndarray of int64, (n,)
    day : ndarray of float64, (n,)
        When contacted; of the control group: when it would have been.
    is_control : ndarray of bool, (n,)
    responded_day : ndarray of float64, (n,)
        The first extra intent; infinite: none.
    extra_intents : ndarray of float64, (n,)
        How many a contact adds on average, the one-off services left out of account.
    """

    campaign: Ints
    row: Ints
    day: Floats
    is_control: Bools
    responded_day: Floats
    extra_intents: Floats


def plan_campaigns(settings: WorldSettings) -> Campaigns:
    """Spread the campaigns over history; all effects end well before the test window.

    So the label windows' truth needs no knowledge of campaigns.
    """
    each = settings.campaigns_per_partner
    count = settings.partners * each
    last = settings.days - HORIZON_DAYS - settings.effect_days - _QUIET_DAYS - _CONTACTED_WITHIN
    start = np.linspace(min(0.15 * settings.days, last), last, count)
    number = np.arange(count)
    return Campaigns(number % settings.partners, number // settings.partners, np.floor(start))


def run_campaigns(
    rng: np.random.Generator,
    settings: WorldSettings,
    services: Services,
    campaigns: Campaigns,
    is_registered: Bools,
    rate_at: tuple[Floats, Floats],
) -> tuple[Contacts, Moments]:
    """Choose audiences and controls by lot and draw what contacts add.

    Parameters
    ----------
    rng : numpy.random.Generator
    settings : WorldSettings
    services : Services
    campaigns : Campaigns
    is_registered : ndarray of bool, (n, n_partners)
        Whom a partner can speak to.
    rate_at : pair of ndarray of float64, (n, n_services)
        Rates before and after the drift; those of the contact's day count.

    Returns
    -------
    contacts : Contacts
    extra : Moments
        Intents that would not have been.
    """
    parts: list[Contacts] = []
    extras: list[Moments] = []
    for number in range(len(campaigns)):
        partner = campaigns.partner[number]
        is_member = is_registered[:, partner] & (
            rng.random(len(is_registered)) < settings.audience_share
        )
        row = np.flatnonzero(is_member)
        day = campaigns.start[number] + rng.random(len(row)) * _CONTACTED_WITHIN
        is_control = rng.random(len(row)) < settings.control_share
        columns = np.flatnonzero(services.partner == partner)
        is_later = settings.drift_day is not None and campaigns.start[number] >= settings.drift_day
        rate = settings.uplift * rate_at[int(is_later)][np.ix_(row, columns)]
        days = np.full(len(row), settings.effect_days)
        treated = np.flatnonzero(~is_control)
        extra = draw_process(
            rng, settings, services, rate[treated], columns, day[treated], days[treated]
        )
        responded = np.full(len(row), np.inf)
        np.minimum.at(responded, treated[extra.row], extra.day)
        extras.append(Moments(row[treated][extra.row], extra.column, extra.day))
        exposure = season_mass(
            settings,
            np.maximum(day[:, None], services.launch_day[columns]),
            np.maximum(day[:, None] + settings.effect_days, services.launch_day[columns]),
            services.phase[columns],
        )
        parts.append(
            Contacts(
                np.full(len(row), number),
                row,
                day,
                is_control,
                responded,
                (rate * exposure).sum(axis=1),
            )
        )
    return _joined(parts), Moments.joined(extras)


def _joined(parts: list[Contacts]) -> Contacts:
    return Contacts(
        np.concatenate([part.campaign for part in parts]),
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.day for part in parts]),
        np.concatenate([part.is_control for part in parts]),
        np.concatenate([part.responded_day for part in parts]),
        np.concatenate([part.extra_intents for part in parts]),
    )
