"""Settings of the backtest."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class BacktestSettings(BaseModel):
    """Settings of ``cross-sell backtest``; no part of a training run.

    Parameters
    ----------
    drift_drop : float, default 0.05
        The policy with a trigger trains anew where the lead of its model over the yardstick, on
        the labels that have newly arrived, is smaller than it has been at one of its trainings by
        more than this share.
    drift_calibration_error : float, default 0.02
        Or where the calibration error of its offers on these labels is larger.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    drift_drop: float = Field(default=0.05, gt=0, lt=1)
    drift_calibration_error: float = Field(default=0.02, gt=0)
