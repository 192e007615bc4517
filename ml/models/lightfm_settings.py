"""Settings of :class:`ml.models.lightfm.LightFM`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml.models.settings import ModelSettings, most_epochs


class LightFMSettings(ModelSettings):
    """Settings of :class:`LightFM`.

    ``adoption_weight``, ``features_per_row``, ``factors``, ``members``, ``max_sampled`` and the
    number of epochs were chosen on validation months; the others are common values that were not
    searched.

    Parameters
    ----------
    factors : int, default 24
        Width of the embeddings.
    members : int, default 2
        Factorisations that are trained from random starts of their own, side by side, each on a
        thread; scores are their mean. It evens out what chance did to one of them (a deep
        ensemble: Lakshminarayanan et al., NeurIPS 2017) and uses processors that one training
        leaves idle.
    loss : str, default 'warp'
        ``warp`` works on the top of the ranking; ``bpr`` and ``logistic`` are LightFM's others.
    learning_rate : float, default 0.08
        Of Adagrad. At .05 the plateau is the same, and takes twice as many epochs.
    client_feature_weight, service_feature_weight : float, default 1
        Sum of a row's feature values, against 1 for its identity. 0 leaves features out.
    features_per_row : int, default 16
        Features kept of each client and service, those with the largest values. LightFM's time
        grows with their number, and the many small shares of spend say little.
    recent_services : int, default 0
        A client's services that are read as its features too: in each epoch those nearest to a
        random moment of its own order of adoptions, while the others are learned; when it is
        scored, the newest. 0 leaves them out; needs adoption times (:mod:`ml.models.recency`).
    recency_weight, recency_services : float, default 20 and 5
        How they weigh among each other, as in NCF; together they weigh as much as the identity.
    reach_services : float, default 30
        Services are learned with a weight that falls to 1/e over so many adoptions from the
        moment; 0 learns all alike.
    client_decay, service_decay : float, default 0
        L2 penalty; LightFM applies it at every touch, so useful values are below 1e-5.
    max_sampled : int, default 40
        Draws in search of a service that is ranked too high (WARP). With fewer, pairs that are
        nearly right are given up: 10 cost .003 of AUC and NDCG@10; 100 gain nothing.
    adoption_weight : float, default 0.6
        Weight of the log adoption rate in the score; 0 leaves it out.
    adoption_days : float, default 60
        Period that the adoption rate counts, days.
    max_epochs : int, default 200
        A safeguard: training ends at its plateau.
    patience : int, default 4
        Epochs without a better NDCG@10 on validation before training stops.
    sample_budget : int, optional
        Most owned pairs that a training of 32 epochs visits, which are then the most: an epoch
        visits some of the clients, in turn (:mod:`ml.models.visits`). None: everybody, always.
    """

    factors: int = Field(default=24, ge=1)
    members: int = Field(default=2, ge=1)
    loss: Literal["warp", "bpr", "logistic"] = "warp"
    learning_rate: float = Field(default=0.08, gt=0)
    client_feature_weight: float = Field(default=1.0, ge=0)
    service_feature_weight: float = Field(default=1.0, ge=0)
    features_per_row: int = Field(default=16, ge=1)
    recent_services: int = Field(default=0, ge=0)
    recency_weight: float = Field(default=20.0, ge=0)
    recency_services: float = Field(default=5.0, gt=0)
    reach_services: float = Field(default=30.0, ge=0)
    client_decay: float = Field(default=0.0, ge=0)
    service_decay: float = Field(default=0.0, ge=0)
    max_sampled: int = Field(default=40, ge=1)
    adoption_weight: float = Field(default=0.6, ge=0)
    adoption_days: float = Field(default=60.0, gt=0)
    max_epochs: int = Field(default=200, ge=1)
    patience: int = Field(default=4, ge=1)
    sample_budget: int | None = Field(default=None, ge=1)

    @property
    def most_epochs(self) -> int:
        """``max_epochs``, or those among which the budget is shared out."""
        return most_epochs(self.max_epochs, self.sample_budget)
