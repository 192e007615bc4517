"""The true probability of a first use in a label window, given history.

An intent at time s converts with probability ``c`` after an exponential delay of mean ``d``,
``F(x) = 1 - exp(-x / d)``. Let ``[T, E)`` be the label window of a pair not yet owned at T.
Two independent sources of a purchase inside the window:

*New intents*, at rate ``r w(s)`` with the yearly wave ``w(s) = 1 + A cos(2 pi s / 365 - phase)``.
Marking each with whether it converts inside the window leaves a Poisson number of mean

    ``L = c r G``, ``G = integral from T to E of w(s) F(E - s) ds``.

*Open intents* at ``s_1 ... s_k < T``: since the pair is not owned, none of them has converted.
Each converts inside the window, given so, with probability

    ``q = c (F(E - s) - F(T - s)) / (1 - c F(T - s))``.

So the pair is used first inside the window with probability

    ``p = 1 - exp(-L) (1 - q_1) ... (1 - q_k)``.

Who does not see web events does not know the open intents. Their conversions inside the window
are, by the same marking, independent of those before it, so that for a pair not owned ``L``
grows by ``c r H``, ``H = integral from launch to T of w(s) (F(E - s) - F(T - s)) ds``.
``H`` takes tastes as they are at T, and no campaign: those before T ended more than seven mean
delays earlier.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.sources.simulated.settings import HORIZON_DAYS, SEASON_DAYS, WorldSettings
from ml.sources.simulated.tastes import Floats, Ints, Services

OPEN_FOR_DELAYS = 20.0
"""Intents older than so many mean delays convert with less than 3e-9: they are left out."""


def season(settings: WorldSettings, day: Floats, phase: Floats) -> Floats:
    """The yearly wave ``w``; its mean over a year is 1."""
    wave = np.cos(2 * np.pi * day / SEASON_DAYS - phase)
    found: Floats = 1 + settings.season_strength * wave
    return found


def season_mass(settings: WorldSettings, start: Floats, end: Floats, phase: Floats) -> Floats:
    """Integral of the wave, in days."""
    omega = 2 * np.pi / SEASON_DAYS
    waves = np.sin(omega * end - phase) - np.sin(omega * start - phase)
    found: Floats = end - start + settings.season_strength * waves / omega
    return found


def _decayed_mass(
    settings: WorldSettings, start: Floats, end: float, until: float, phase: Floats
) -> Floats:
    """Integral from start to end of ``w(s) exp(-(until - s) / d)``."""
    omega, rate = 2 * np.pi / SEASON_DAYS, 1 / settings.delay_days
    late, early = np.exp(-(until - end) * rate), np.exp(-(until - start) * rate)
    waves = (np.exp(1j * omega * end) * late - np.exp(1j * omega * start) * early) / (
        1j * omega + rate
    )
    wave = (np.exp(-1j * phase) * waves).real
    found: Floats = (late - early) / rate + settings.season_strength * wave
    return found


@dataclass(frozen=True)
class LabelWindow:
    """Where labels are looked for, and what each service's rates come to there.

    Parameters
    ----------
    cutoff_day : float
    new_mass, hidden_mass : ndarray of float64, (n_services,)
        ``c G`` and ``c H``: expected conversions per unit of rate.
    """

    cutoff_day: float
    new_mass: Floats
    hidden_mass: Floats

    @classmethod
    def of(cls, settings: WorldSettings, services: Services, cutoff_day: float) -> LabelWindow:
        """Work out the integrals."""
        end, phase = cutoff_day + HORIZON_DAYS, services.phase
        start = np.full(len(phase), cutoff_day)
        new = season_mass(settings, start, np.full(len(phase), end), phase) - _decayed_mass(
            settings, start, end, end, phase
        )
        hidden = _decayed_mass(
            settings, services.launch_day, cutoff_day, cutoff_day, phase
        ) - _decayed_mass(settings, services.launch_day, cutoff_day, end, phase)
        return cls(cutoff_day, services.conversion * new, services.conversion * hidden)


def open_log_chance(settings: WorldSettings, conversion: Floats, age_days: Floats) -> Floats:
    """``ln(1 - q)`` of open intents, by their age at the cutoff."""
    left = np.exp(-age_days / settings.delay_days)
    leaves = left * -np.expm1(-HORIZON_DAYS / settings.delay_days)
    q = conversion * leaves / (1 - conversion * (1 - left))
    found: Floats = np.log1p(-q)
    return found


def probabilities(
    rate: Floats, window: LabelWindow, rows: Ints, columns: Ints, log_chance: Floats
) -> tuple[Floats, Floats]:
    """Chance of a first use in the window for pairs that are not owned.

    Parameters
    ----------
    rate : ndarray of float64, (n, n_services)
        Intents per day before the season, as at the cutoff.
    window : LabelWindow
    rows, columns : ndarray of int64, (k,)
        Where the open intents are.
    log_chance : ndarray of float64, (k,)
        Of each, from ``open_log_chance``.

    Returns
    -------
    with_web, without_web : ndarray of float64, (n, n_services)
    """
    exponent = rate * window.new_mass
    without = -np.expm1(-(exponent + rate * window.hidden_mass))
    np.subtract.at(exponent, (rows, columns), log_chance)
    return -np.expm1(-exponent), without
