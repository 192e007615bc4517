"""Base of the models' settings, and those of the baselines.

Every command reads settings, so nothing here imports a library that learns.
"""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

_BUDGET_EPOCHS: Final = 32


class ModelSettings(BaseModel):
    """Base of every model's settings: frozen, and a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def chosen_device(self) -> str:
        """Kind of device that computes; part of what makes scores bit-equal."""
        return "cpu"


def most_epochs(max_epochs: int, sample_budget: int | None) -> int:
    """Epochs that a training may take.

    Parameters
    ----------
    max_epochs : int
    sample_budget : int or None
        Shared out among 32 epochs at most: in smaller parts, looks at validation would cost more
        than learning.

    Returns
    -------
    int
    """
    return max_epochs if sample_budget is None else min(max_epochs, _BUDGET_EPOCHS)


class PopularitySettings(ModelSettings):
    """Settings of :class:`ml.models.popularity.Popularity`.

    Parameters
    ----------
    uses_weights : bool, default False
        Whether interaction weights are summed, or buyers counted. Counting is the stronger
        floor: on the retail months tried, NDCG@10 .090 against .084.
    neighbours : int, default 10
        Services with the most alike features that stand in for a new service.
    """

    uses_weights: bool = False
    neighbours: int = Field(default=10, ge=1)


class SegmentPopularitySettings(PopularitySettings):
    """Settings of :class:`ml.models.segment_popularity.SegmentPopularity`.

    Parameters
    ----------
    uses_weights, neighbours
        As of popularity.
    prior_clients : float, default 50
        Clients of the whole programme that each segment is mixed with, so that small ones do not
        go by chance.
    """

    prior_clients: float = Field(default=50.0, gt=0)


class ItemToItemSettings(ModelSettings):
    """What the settings of :class:`ml.models.item_to_item.ItemToItem` share.

    Parameters
    ----------
    uses_weights : bool, default False
        Whether the interaction weights count, or only that the client has the service. On
        retail data the weights cost a tenth of NDCG@10: heavy use of a service says more
        about that service than about what comes next.
    adoption_weight : float, default 0.01
        Weight of the log adoption rate in the score (:mod:`ml.models.adoption`); 0 is the model as
        published. On validation months it adds .007 to EASE's AUC and leaves NDCG@10 as it was.
    adoption_days : float, default 60
        Period that the adoption rate counts, days.
    recency_weight : float, default 0
        How much more a client's newest service says than its old ones, when it is scored; 0 is
        the model as published. Needs adoption times (:mod:`ml.models.recency`).
    recency_services : float, default 5
        Number of newer services after which that has fallen to 1/e.
    neighbours : int, default 10
        Services with the most alike features that stand in for a new service.
    """

    uses_weights: bool = False
    adoption_weight: float = Field(default=0.01, ge=0)
    adoption_days: float = Field(default=60.0, gt=0)
    recency_weight: float = Field(default=0.0, ge=0)
    recency_services: float = Field(default=5.0, gt=0)
    neighbours: int = Field(default=10, ge=1)


class EaseSettings(ItemToItemSettings):
    """Settings of :class:`ml.models.ease.Ease`.

    Parameters
    ----------
    regularisation : float, optional
        Added to the diagonal of the co-occurrence counts, in clients. Larger leans on what
        many clients share. None: chosen on validation labels.
    """

    regularisation: float | None = Field(default=None, gt=0)


class ItemKNNSettings(ItemToItemSettings):
    """Settings of :class:`ml.models.item_knn.ItemKNN`.

    Parameters
    ----------
    nearest : int, optional
        Services that speak for each one. None: chosen on validation labels.
    shrinkage : float, optional
        Added to what similarities are divided by, in clients, so that what few have does not seem
        alike by chance. None: chosen on validation labels.
    """

    nearest: int | None = Field(default=None, ge=1)
    shrinkage: float | None = Field(default=None, ge=0)
