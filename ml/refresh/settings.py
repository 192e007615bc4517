"""Settings of ``cross-sell refresh``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

ALWAYS = "always"
ON_DRIFT = "on_drift"


class RefreshSettings(BaseModel):
    """When to train anew, and when a new run may take over.

    Parameters
    ----------
    retrain : {"always", "on_drift"}, default "always"
        ``always``: whenever anything is new. Offers are made by a training, and what clients
        bought since the last one changes what they want next. ``on_drift``: only after an alarm
        of ``model_health``, or when the last run has become too old; until then what readers
        have is only cleared of what clients bought or what was withdrawn.
    most_age_days : int, default 30
        With ``on_drift``: days of data since the last run after which it is trained anew all the
        same. As long as its probabilities look ahead.
    significance : float, default 0.05
        A new run that is worse than the last one's offers, on the newest labels, with a
        two-sided p-value below this does not take over.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    retrain: Literal["always", "on_drift"] = "always"
    most_age_days: PositiveInt = 30
    significance: float = Field(default=0.05, gt=0, lt=1)
