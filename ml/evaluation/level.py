"""How much clients take up in a horizon, and how much more or less in the next one.

The level of a horizon is the number of new services per client known at its start, counted in the
history that any fold has of its past (:attr:`Fold.adoption_age`). The next level is foretold from
the last one, changed as the same horizon a year before had changed against its predecessor
(seasonal naive with drift from the last value; Hyndman and Athanasopoulos 2021, *Forecasting*,
5.2). Most months differ a little for no reason, so that a change ``d`` counts for
``d^2 / (d^2 + s^2)`` of itself, with ``s`` the median size of a change from horizon to horizon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from ml.dataset import Fold

YEAR: Final = timedelta(days=365)
YOUNG: Final = timedelta(days=180)
"""History that the horizons compared need before them: at first everything is new to everybody."""

FEWEST_CLIENTS: Final = 100
"""Fewer known clients make no level."""

_MOST_HORIZONS: Final = 120
_HALF: Final = 0.5


@dataclass(frozen=True)
class LevelChange:
    """What is foretold of the level after a fold's cutoff, against that of earlier horizons.

    Parameters
    ----------
    log_ratio : float
        Log of the level foretold over the mean level of the earlier horizons.
    season : float
        The part of it that a year before tells.
    error : float or None
        Median size of a change of the log level from one horizon to the next: how far the next
        may well lie from what is foretold. None where the history is too short.
    """

    log_ratio: float = 0.0
    season: float = 0.0
    error: float | None = None

    def __str__(self) -> str:
        """In words, for people; empty where nothing is known."""
        if self.error is None:
            return ""
        return (
            # Without a sign on a zero.
            f", {round(np.expm1(self.log_ratio), 2) + 0.0:+.0%} new services per client by history"
            f" (give or take {np.expm1(self.error):.0%})"
        )


NO_CHANGE: Final = LevelChange()


def foretell_level(fold: Fold, cutoffs: Sequence[datetime]) -> LevelChange:
    """How the level after a fold's cutoff will differ from those after earlier cutoffs.

    Parameters
    ----------
    fold : Fold
        Its labels are not looked at.
    cutoffs : sequence of datetime
        Of the horizons that are compared with.

    Returns
    -------
    LevelChange
        No change where there are no times, or where the fold is one of those compared with.
    """
    if fold.adoption_age is None or fold.cutoff_at in cutoffs:
        return NO_CHANGE
    history = _History.of(fold)
    horizon = fold.horizon_end_at - fold.cutoff_at
    last = history.log_level(horizon)
    earlier = [history.log_level(fold.cutoff_at - cutoff) for cutoff in cutoffs]
    known = [level for level in earlier if level is not None]
    drift = 0.0 if last is None or not known else last - float(np.mean(known))
    changes = history.changes()
    if not changes:
        return LevelChange(drift, 0.0, None)
    usual = float(np.median(np.abs(changes)))
    change = history.change(YEAR)
    season = 0.0 if not change else change**3 / (change**2 + usual**2)
    return LevelChange(drift + season, season, usual)


@dataclass(frozen=True)
class _History:
    """First uses of the measured clients: ages in days, and each one's client's first of all."""

    ages: npt.NDArray[np.float32]
    first_ages: npt.NDArray[np.float32]
    client_first_ages: npt.NDArray[np.float32]
    horizon: timedelta

    @classmethod
    def of(cls, fold: Fold) -> _History:
        assert fold.adoption_age is not None
        own = fold.adoption_age[fold.measured_clients]
        counts = np.diff(own.indptr)
        starts = own.indptr[:-1][counts > 0]
        firsts = np.maximum.reduceat(own.data, starts) if len(starts) else own.data
        return cls(
            own.data,
            np.repeat(firsts, counts[counts > 0]),
            firsts,
            fold.horizon_end_at - fold.cutoff_at,
        )

    def log_level(self, age: timedelta) -> float | None:
        """Log level of the horizon that began so long ago; None where few were clients by then."""
        start, end = age / timedelta(days=1), (age - self.horizon) / timedelta(days=1)
        clients = int((self.client_first_ages > start).sum())
        if clients < FEWEST_CLIENTS:
            return None
        is_new = (self.ages <= start) & (self.ages > end) & (self.first_ages > start)
        return float(np.log((int(is_new.sum()) + _HALF) / clients))

    def change(self, age: timedelta) -> float | None:
        """Of the log level, into the horizon that began so long ago; None in a young history."""
        before = age + self.horizon
        if self._is_young(before):
            return None
        first, second = self.log_level(before), self.log_level(age)
        return None if first is None or second is None else second - first

    def changes(self) -> list[float]:
        """Of all horizons before the cutoff."""
        found = [self.change(k * self.horizon) for k in range(1, _MOST_HORIZONS)]
        return [change for change in found if change is not None]

    def _is_young(self, age: timedelta) -> bool:
        whole = float(self.client_first_ages.max(initial=0.0))
        return whole < (age + YOUNG) / timedelta(days=1)
