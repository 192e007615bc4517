"""What a simulated world is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ml import contracts
from ml.errors import InputError

HORIZON_DAYS: Final = 30.0
"""Length of the label windows whose truth is kept; the dbt var's default."""

SEASON_DAYS: Final = 365.0
MOST_PAIRS_KEPT: Final = 20_000_000
"""Clients × services up to which every pair's probability is written out."""

_FEWEST_DAYS: Final = 90
_MOST_PARTNERS: Final = 99
_MOST_CLIENTS: Final = 50_000_000


@dataclass(frozen=True)
class WorldSettings:
    """Size and laws of a world; the same settings give the same rows.

    Parameters
    ----------
    clients, services, partners, days, seed : int
    drift_day : float, optional
        From then on the tastes of ``drift_share`` of the clients are others. At most
        ``days - 30``: the label windows whose truth is kept know one taste only.
    is_identity_noisy : bool, default True
        Whether each partner has ids of its own and keys are missing, changed or shared.
        False: ids that the whole programme shares.
    events_per_client : float, default 80
        About how many purchases, web events and reviews a client leaves over all days.
    tastes : int, default 4
        Latent dimensions; one more is the interplay of price and income.
    taste_strength : float, default 1.6
        Standard deviation of the taste's part of the log rate.
    popularity_spread, activity_spread : float
        Standard deviation of the services' and the clients' part of the log rate.
    segment_share : float, default 0.5
        Share of the tastes' variance that age, region and income explain.
    season_strength : float, default 0.3
        Amplitude of the yearly wave, at most 1.
    delay_days : float, default 2
        Mean of the exponential delay from an intent to its purchase.
    repeatable_share, repeats_per_day : float
        Of services; and of an owner of a repeatable one.
    campaigns_per_partner : int, default 2
    audience_share, control_share : float
        Of a partner's clients that a campaign is about; of these, the control group.
    uplift : float, default 0.5
        A contact multiplies intents for the partner's services by one plus this,
    effect_days : float, default 14
        for so long.
    review_share : float, default 0.1
        Of purchases.
    dirt_share : float, default 0.002
        Of purchases, for each kind of dirty row.
    drift_share : float, default 0.5

    Raises
    ------
    InputError
        A size that no world can have.
    """

    clients: int
    services: int
    partners: int
    days: int
    seed: int
    drift_day: float | None = None
    is_identity_noisy: bool = True
    events_per_client: float = 80.0
    tastes: int = 4
    taste_strength: float = 1.6
    popularity_spread: float = 0.7
    activity_spread: float = 0.5
    segment_share: float = 0.5
    season_strength: float = 0.3
    delay_days: float = 2.0
    repeatable_share: float = 0.4
    repeats_per_day: float = 1 / 120
    campaigns_per_partner: int = 2
    audience_share: float = 0.1
    control_share: float = 0.3
    uplift: float = 0.5
    effect_days: float = 14.0
    review_share: float = 0.1
    dirt_share: float = 0.002
    drift_share: float = 0.5

    def __post_init__(self) -> None:
        if not 1 <= self.partners <= min(_MOST_PARTNERS, self.services):
            raise InputError(
                f"--partners: from 1 to {_MOST_PARTNERS}, and no more than there are services "
                f"({self.services}), got {self.partners}"
            )
        if not 1 <= self.clients <= _MOST_CLIENTS:
            raise InputError(f"--clients: from 1 to {_MOST_CLIENTS:,}, got {self.clients:,}")
        if self.days < _FEWEST_DAYS:
            raise InputError(
                f"--days: at least {_FEWEST_DAYS}, two label windows and what is learned before "
                f"them, got {self.days}"
            )
        last = self.days - HORIZON_DAYS
        if self.drift_day is not None and not 0 < self.drift_day <= last:
            raise InputError(
                f"--drift-day: after day 0 and no later than {last:g}, where the test window "
                f"begins, got {self.drift_day:g}"
            )

    @property
    def cutoff_days(self) -> dict[str, float]:
        """Day on which each label window of known truth begins, by fold."""
        return {
            contracts.FOLD_TEST: self.days - HORIZON_DAYS,
            contracts.FOLD_SERVING: float(self.days),
        }

    @property
    def keeps_probabilities(self) -> bool:
        """Whether every pair's probability is written out."""
        return self.clients * self.services <= MOST_PAIRS_KEPT
