"""Settings of tuning."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TuningSettings(BaseModel):
    """Settings of ``cross-sell tune``.

    Parameters
    ----------
    trials : int, default 30
        Finished trials per model, earlier commands' on the same data included. Eight are
        random; after some thirty there is little left to gain from ten settings.
    minutes : float, default 20
        Per model: no trial begins later.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trials: int = Field(default=30, ge=1)
    minutes: float = Field(default=20.0, gt=0)
