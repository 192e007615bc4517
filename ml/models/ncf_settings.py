"""Settings of :class:`ml.models.ncf.NCF`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ml.errors import ModelError
from ml.models.settings import ModelSettings, most_epochs


class NCFSettings(ModelSettings):
    """Settings of :class:`NCF`.

    ``gmf_factors``, ``uses_identity``, ``loss``, ``learns_visible``, ``embedding_decay``,
    ``averaging`` and ``adoption_weight`` were chosen on two validation months, ``recency_weight``
    and ``recency_services`` on one, ``learning_rate`` on one and a simulated world; the others are
    common values that were not searched.

    Parameters
    ----------
    gmf_factors : int, default 128
        Width of the GMF half.
    mlp_factors : int, default 32
        Width of the client's and of the service's vector that enter the MLP half. 0: it reads
        features alone, and is left out where there are none.
    feature_factors : int, default 16
        Width of the projected client features, and of the projected service features.
    hidden : tuple of two int, default (64, 32)
        Widths of the MLP's layers.
    uses_identity : bool, default False
        Whether a client has a vector of its own beside its services.
    uses_history : bool, default True
        Whether a client is what it has. Without, it is its identity alone, as in plain NeuMF, and
        nothing is hidden while training.
    history_kept : float, default 0.5
        Share of a client's services that stays visible while the others are learned.
    history_power : float, default 0.5
        The sum over a client's services is divided by their number to this power: between
        sum (0) and mean (1), so that a long history says more.
    recency_weight : float, default 3
        How much more a client's newest service says than its old ones; 0 takes all alike.
        Needs adoption times (:mod:`ml.models.recency`).
    recency_services : float, default 30
        Number of newer services after which that has fallen to 1/e.
    reach_services : float, default 0
        Hidden services are learned with a weight that falls to 1/e over so many adoptions from
        the moment that the history is read from; 0 learns all alike.
    client_dropout : float, default 0.05
        Share of clients whose history and identity are hidden in a step, so that client
        features learn to stand alone.
    service_dropout : float, default 0.05
        The same for a service's vectors and bias.
    dropout : float, default 0.2
        Of the MLP's first layer: share of its units that a client does without in a step.
    loss : str, default 'softmax'
        ``softmax``: each positive against all that the client could have had; ``bce``: every
        pair by itself. Both over the sampled negatives, weighted to stand in for all.
    learns_visible : bool, default False
        Whether the services that stay visible are positives too, beside the hidden ones.
    negatives : int, default 256
        Services drawn per step for a group of clients, evenly; for each client, those that it
        lacks are its negatives. All of them where the catalogue is not larger, or where it has
        at most 8,192 and the MLP half reads no vectors: the softmax is then exact, which was
        worth .004 to .007 of NDCG@10. With ``positives_per_step``: negatives of each positive.
    clients_per_draw : int, default 4
        Clients that share what was drawn. 1, 4 and 16 are within noise of each other; where all of
        a step share, too little of the catalogue is met, for .007 less NDCG@10.
    clients_per_step : int, default 128
        Clients in one step; with their positives and negatives some 40,000 samples.
    positives_per_step : int, optional
        Positives in one step, from all clients in a random order, each with negatives of its own:
        how NeuMF is usually trained. None: ``clients_per_step`` clients with all that they have.
        Needs a client who is its identity alone (``uses_history=False``), and ``loss='bce'``.
    embedding_scale : float, default 0.05
        Standard deviation of the embeddings at the start.
    learning_rate : float, default 0.002
        Of Adam. Of .01, .005, .003 and .002, the slower the better on both validation folds that
        were looked at, a retail month and a simulated world.
    embedding_decay : float, default 1.0
        Decoupled weight decay of the embeddings, per unit of learning rate.
    weight_decay : float, default 0.01
        The same for all other weights.
    averaging : float, default 0.95
        Weights used for scoring are a running mean over steps: this much of the mean stays at
        each step. Evens out the noise of single steps; 0 uses the last weights.
    adoption_weight : float, default 0.8
        Weight of the log adoption rate in the score; 0 leaves it out.
    adoption_days : float, default 60
        Period that the adoption rate counts, days. Shorter is noisy, longer is stale.
    max_epochs : int, default 200
        A safeguard: training ends at its plateau, which takes 2 to 150 epochs.
    patience : int, default 4
        Epochs without a better NDCG@10 on validation before training stops.
    sample_budget : int, optional
        Most owned pairs that a training of 32 epochs visits, which are then the most: an epoch
        visits some of the clients, in turn (:mod:`ml.models.visits`). None: everybody, always.
    device : str, default 'auto'
        Where the network is: ``cpu``, ``cuda``, or ``auto``, which is CUDA where torch finds it.
        Scores are bit-equal on one kind of device; saved models fit any.
    """

    gmf_factors: int = Field(default=128, ge=1)
    mlp_factors: int = Field(default=32, ge=0)
    feature_factors: int = Field(default=16, ge=1)
    hidden: tuple[int, int] = (64, 32)
    uses_identity: bool = False
    uses_history: bool = True
    history_kept: float = Field(default=0.5, gt=0, lt=1)
    history_power: float = Field(default=0.5, ge=0, le=1)
    recency_weight: float = Field(default=3.0, ge=0)
    recency_services: float = Field(default=30.0, gt=0)
    reach_services: float = Field(default=0.0, ge=0)
    client_dropout: float = Field(default=0.05, ge=0, lt=1)
    service_dropout: float = Field(default=0.05, ge=0, lt=1)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    loss: Literal["softmax", "bce"] = "softmax"
    learns_visible: bool = False
    negatives: int = Field(default=256, ge=1)
    clients_per_draw: int = Field(default=4, ge=1)
    clients_per_step: int = Field(default=128, ge=1)
    positives_per_step: int | None = Field(default=None, ge=1)
    embedding_scale: float = Field(default=0.05, gt=0)
    learning_rate: float = Field(default=0.002, gt=0)
    embedding_decay: float = Field(default=1.0, ge=0)
    weight_decay: float = Field(default=0.01, ge=0)
    averaging: float = Field(default=0.95, ge=0, lt=1)
    adoption_weight: float = Field(default=0.8, ge=0)
    adoption_days: float = Field(default=60.0, gt=0)
    max_epochs: int = Field(default=200, ge=1)
    patience: int = Field(default=4, ge=1)
    sample_budget: int | None = Field(default=None, ge=1)
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @model_validator(mode="after")
    def _knows_the_client(self) -> Self:
        if not (self.uses_history or self.uses_identity):
            raise ValueError("a client needs uses_history or uses_identity")
        return self

    @model_validator(mode="after")
    def _learns_pairs_alone(self) -> Self:
        if self.positives_per_step is not None and (self.uses_history or self.loss != "bce"):
            raise ValueError("positives_per_step needs uses_history=False and loss='bce'")
        return self

    @property
    def most_epochs(self) -> int:
        """``max_epochs``, or those among which the budget is shared out."""
        return most_epochs(self.max_epochs, self.sample_budget)

    @property
    def chosen_device(self) -> str:
        """``cpu`` or ``cuda``.

        Raises
        ------
        ModelError
            CUDA is asked for, and torch does not find it.
        """
        # Only what learns asks, and torch takes seconds to import.
        import torch

        has_cuda = torch.cuda.is_available()
        if self.device == "cuda" and not has_cuda:
            raise ModelError(
                "ncf.device is 'cuda', but torch finds no CUDA device: use 'auto' or 'cpu'"
            )
        return "cuda" if has_cuda and self.device != "cpu" else "cpu"
