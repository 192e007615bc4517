"""Bounds of the checks before a release. They judge what was learned, so they are settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class GateSettings(BaseModel):
    """When a run is kept from readers.

    Parameters
    ----------
    most_calibration_error : float, default 0.02
        Calibration error of the champion's offers on test, beyond what a perfectly calibrated
        model would show by chance over as many offers. On the real data it is .005; at
        .02 a stated 5% means 3% or 7%, and ordering offers of clients by it begins to mislead.
    least_coverage : float, default 0.01
        Share of eligible services among the first 10 of any client, on test. Below it nearly
        everybody is offered the same list: what a broken model does, popularity does not.
    least_reach : float, default 0.9
        Share of eligible clients that got an offer. Only who has every service should have none.
    least_row_share, most_row_share : float, default 0.5 and 2.0
        Rows of a published mart against the last release. Between two runs a programme neither
        loses half of its clients nor doubles: a file was cut short, or loaded twice.
    row_count_slack : int, default 100
        A difference of fewer rows is left alone: small programmes grow by leaps.
    most_mean_change : float, default 5.0
        How many times more or less the offers may promise on average than the last release's, in
        probability and in expected margin. Seasons double them; a wrong date, a lost factor of 100
        or a model that learned nothing changes them tenfold.
    tolerated_ndcg_loss : float, default 0.0
        How much NDCG@10 the champion may lose against the last published one, on the same
        clients of the same test fold, before a loss that is more than chance (95%) keeps it back.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    most_calibration_error: float = Field(default=0.02, ge=0, le=1)
    least_coverage: float = Field(default=0.01, ge=0, le=1)
    least_reach: float = Field(default=0.9, ge=0, le=1)
    least_row_share: float = Field(default=0.5, ge=0, le=1)
    most_row_share: float = Field(default=2.0, ge=1)
    row_count_slack: int = Field(default=100, ge=0)
    most_mean_change: float = Field(default=5.0, gt=1)
    tolerated_ndcg_loss: float = Field(default=0.0, ge=0, le=1)
