"""Neural collaborative filtering: NeuMF whose client is what the client has.

The model is NeuMF (He et al., WWW 2017): a GMF half (elementwise product of two embeddings)
and an MLP half (two hidden layers over client and service) meet in one output layer. Four
things are its own:

- A client's vectors are sums over the services that the client has (as in FISM and DeepICF),
  beside an optional identity vector. A random part of the services is hidden in each epoch
  and must be told from services that the client lacks. So the model learns what goes with
  what, which is what ownership can teach, and a client with one service is served as well as
  one with hundreds.
- Histories are read from a moment, and what is near it speaks louder: the cutoff when serving,
  a random place in the client's own order when training (:mod:`ml.models.recency`).
- Client and service features enter the MLP half, and service features also a linear ("wide")
  term. Identities and histories are dropped at random, so that features alone work: that is
  how new clients and new services are scored.
- The log of each service's recent adoption rate is added to the score: ownership says what
  fits, the rate says what is taken up now (:mod:`ml.models.adoption`).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from scipy import sparse
from torch import Tensor

from ml.dataset import FloatArray, Fold, IntArray
from ml.models.adoption import log_adoption_rate
from ml.models.base import (
    Epoch,
    EpochListener,
    ModelSettings,
    Monitor,
    Recommender,
    Trainee,
    train_by_epoch,
)
from ml.models.neumf import (
    Histories,
    NeuMF,
    binary_loss,
    softmax_loss,
)
from ml.models.recency import AdoptionOrder, reach_weights, recency_weights
from ml.models.state import read_state, write_state
from ml.negative_sampling import NegativeSampler
from ml.parallel import blocks


class NCFSettings(ModelSettings):
    """Settings of :class:`NCF`.

    ``gmf_factors``, ``uses_identity``, ``loss``, ``learns_visible``, ``embedding_decay``,
    ``averaging`` and ``adoption_weight`` were chosen on two validation months, ``recency_weight``
    and ``recency_services`` on one; the others are
    common values that were not searched.

    Parameters
    ----------
    gmf_factors : int, default 128
        Width of the GMF half.
    mlp_factors : int, default 32
        Width of the client's and of the service's vector that enter the MLP half.
    feature_factors : int, default 16
        Width of the projected client features, and of the projected service features.
    hidden : tuple of two int, default (64, 32)
        Widths of the MLP's layers.
    uses_identity : bool, default False
        Whether a client has a vector of its own beside its services.
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
        Of the MLP's first layer.
    loss : str, default 'softmax'
        ``softmax``: each positive against all that the client could have had; ``bce``: every
        pair by itself. Both over the sampled negatives, weighted to stand in for all.
    learns_visible : bool, default False
        Whether the services that stay visible are positives too, beside the hidden ones.
    negatives : int, default 256
        Services that the client lacks, drawn per client and step.
    clients_per_step : int, default 128
        Clients in one step; with their positives and negatives some 50,000 samples.
    learning_rate : float, default 0.01
        Of Adam.
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
    max_epochs : int, default 16
    patience : int, default 4
        Epochs without a better NDCG@10 on validation before training stops.
    """

    gmf_factors: int = Field(default=128, ge=1)
    mlp_factors: int = Field(default=32, ge=1)
    feature_factors: int = Field(default=16, ge=1)
    hidden: tuple[int, int] = (64, 32)
    uses_identity: bool = False
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
    clients_per_step: int = Field(default=128, ge=1)
    learning_rate: float = Field(default=0.01, gt=0)
    embedding_decay: float = Field(default=1.0, ge=0)
    weight_decay: float = Field(default=0.01, ge=0)
    averaging: float = Field(default=0.95, ge=0, lt=1)
    adoption_weight: float = Field(default=0.8, ge=0)
    adoption_days: float = Field(default=60.0, gt=0)
    max_epochs: int = Field(default=16, ge=1)
    patience: int = Field(default=4, ge=1)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Pin torch's threads, which are part of what makes results bit-equal.

    Torch keeps the number per calling thread, so other threads' work is not disturbed.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class NCF(Recommender):
    """NeuMF over histories, identities and features, with the recent adoption rate.

    Parameters
    ----------
    settings : NCFSettings, optional
    seed : int, default 42
    threads : int, default 2
        Torch's threads.
    """

    name: ClassVar[str] = "ncf"

    def __init__(
        self, settings: NCFSettings | None = None, *, seed: int = 42, threads: int = 2
    ) -> None:
        self.settings = settings or NCFSettings()
        self._seed = seed
        self._threads = threads
        self._scorer: _Scorer | None = None

    def fit(
        self,
        fold: Fold,
        *,
        monitor: Monitor | None = None,
        epochs: int | None = None,
        progress: EpochListener | None = None,
    ) -> list[Epoch]:
        """Train; see :class:`Recommender`."""
        with torch_threads(self._threads):
            return train_by_epoch(
                self,
                _Training(self, fold),
                max_epochs=self.settings.max_epochs,
                patience=self.settings.patience,
                monitor=monitor,
                epochs=epochs,
                progress=progress,
            )

    def score(self, clients: IntArray) -> FloatArray:
        """See :class:`Recommender`."""
        assert self._scorer is not None, "fit or load first"
        # Ranking calls this from a thread per core.
        with torch_threads(1):
            return self._scorer.score(clients)

    def save(self, directory: Path) -> None:
        """See :class:`Recommender`."""
        assert self._scorer is not None, "fit or load first"
        arrays = {name: tensor.numpy() for name, tensor in vars(self._scorer).items()}
        write_state(directory, self, self.settings, arrays, threads=self._threads)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See :class:`Recommender`."""
        description, arrays = read_state(directory, cls.name)
        model = cls(NCFSettings(**description["settings"]), threads=description["facts"]["threads"])
        model.best_epoch = description["best_epoch"]
        model._scorer = _Scorer(**{name: torch.from_numpy(a) for name, a in arrays.items()})
        return model


@dataclass(frozen=True)
class _Scorer:
    """Whole-catalogue scoring from both sides' vectors; also what is saved."""

    client_gmf: Tensor
    client_mlp: Tensor
    service_gmf: Tensor
    service_mlp: Tensor
    linear: Tensor
    second_layer: Tensor
    second_bias: Tensor
    mlp_output: Tensor

    # Floats in a block of first-layer values: half a MiB, which stays in a core's cache
    # together with the second layer's.
    _BLOCK: ClassVar[int] = 1 << 17

    @torch.no_grad()
    def score(self, clients: IntArray) -> FloatArray:
        rows = torch.from_numpy(clients.astype(np.int64))
        scores = torch.addmm(self.linear, self.client_gmf[rows], self.service_gmf.T)
        n_services, width = self.service_mlp.shape
        size = max(1, self._BLOCK // max(1, n_services * width))
        client_mlp = self.client_mlp[rows]
        for block in blocks(len(rows), size):
            first = torch.relu_(client_mlp[block, None, :] + self.service_mlp)
            second = torch.addmm(self.second_bias, first.view(-1, width), self.second_layer)
            scores[block] += (torch.relu_(second) @ self.mlp_output).view(-1, n_services)
        return scores.numpy()


class _Training(Trainee):
    """State of one fit."""

    def __init__(self, model: NCF, fold: Fold) -> None:
        settings = model.settings
        self._model = model
        self._settings = settings
        self._fold = fold
        self._rng = np.random.default_rng(model._seed)
        self._generator = torch.Generator().manual_seed(model._seed)
        self._owned = _ones(fold.interactions)
        self._order = AdoptionOrder.of(fold) if settings.recency_weight else None
        self._sampler = NegativeSampler(self._owned)
        self._service_features = _sparse_tensor(fold.service_features)
        self._network = NeuMF(
            fold.n_clients,
            fold.n_services,
            fold.client_features.shape[1],
            fold.service_features.shape[1],
            settings,
            self._generator,
        )
        # The logit of the share of pairs that are owned: the start that learns nothing twice.
        share = (self._owned.nnz + 1) / (fold.n_clients * fold.n_services + 2)
        self._network.base.data.fill_(float(np.log(share / (1 - share))))
        self._mean = copy.deepcopy(self._network)
        self._steps = 0
        embeddings = self._network.embeddings()
        decayed = {id(parameter) for parameter in embeddings}
        others = [p for p in self._network.parameters() if id(p) not in decayed]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": embeddings, "weight_decay": settings.embedding_decay},
                {"params": others, "weight_decay": settings.weight_decay},
            ],
            lr=settings.learning_rate,
        )
        self._offset = torch.from_numpy(
            log_adoption_rate(fold, settings.adoption_days) * np.float32(settings.adoption_weight)
        )
        self._best: _Scorer | None = None

    def epoch(self) -> float | None:
        owned = self._owned
        settings = self._settings
        is_visible = self._rng.random(owned.nnz) < settings.history_kept
        said, learned = self._weights()
        order = self._rng.permutation(np.flatnonzero(np.diff(owned.indptr) > 0))
        visible = _where(owned, is_visible, said)
        positives = _where(owned, (learned > 0) & (settings.learns_visible | ~is_visible), learned)
        total, count = 0.0, 0
        for part in blocks(len(order), settings.clients_per_step):
            clients = order[part]
            loss, samples = self._step(clients, visible[clients], positives[clients])
            total += loss * samples
            count += samples
        return total / count if count else None

    def show(self) -> None:
        self._model._scorer = self._scorer()

    def _weights(self) -> tuple[FloatArray, FloatArray]:
        """What each owned service says in the history, and how much it is to be learned."""
        settings = self._settings
        ones = np.ones(self._owned.nnz, dtype=np.float32)
        if self._order is None:
            return ones, ones
        distances = self._order.from_random_moment(self._rng)
        said = recency_weights(distances, settings.recency_weight, settings.recency_services)
        reach = settings.reach_services
        return said, reach_weights(distances, reach) if reach else ones

    def _step(
        self, clients: IntArray, visible: sparse.csr_matrix, positives: sparse.csr_matrix
    ) -> tuple[float, int]:
        settings, network = self._settings, self._network
        positive_rows = np.repeat(np.arange(len(clients)), np.diff(positives.indptr))
        drawing = np.flatnonzero(self._sampler.can_draw[clients])
        negative_rows = np.repeat(drawing, settings.negatives)
        negatives = self._sampler.draw(clients[negative_rows], self._rng)
        if not len(positive_rows):
            return 0.0, 0
        rows = torch.from_numpy(np.concatenate([positive_rows, negative_rows]))
        columns = torch.from_numpy(np.concatenate([positives.indices.astype(np.int64), negatives]))
        logits = network.pairs(
            network.client_side(
                Histories.of(visible, settings.history_power),
                torch.from_numpy(clients) if settings.uses_identity else None,
                _sparse_tensor(self._fold.client_features[clients]),
                self._survivors(len(clients), 1, share=settings.client_dropout),
            ),
            network.service_side(
                self._service_features,
                self._survivors(self._fold.n_services, 1, share=settings.service_dropout),
            ),
            rows,
            columns,
            self._survivors(len(rows), settings.hidden[0], share=settings.dropout)
            / (1 - settings.dropout),
        )
        # Each drawn service stands in for so many that the client lacks.
        stands_for = torch.from_numpy(
            (self._sampler.lacking[clients[negative_rows]] / settings.negatives).astype(np.float32)
        )
        measure = softmax_loss if settings.loss == "softmax" else binary_loss
        loss = measure(logits, rows, torch.from_numpy(positives.data), len(clients), stands_for)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._average()
        return loss.item(), len(positive_rows)

    @torch.no_grad()
    def _average(self) -> None:
        self._steps += 1
        # As Adam corrects its means: the first steps do not weigh on the average for long.
        kept = min(self._settings.averaging, 1 - 1 / self._steps)
        for mean, now in zip(self._mean.parameters(), self._network.parameters(), strict=True):
            mean.lerp_(now, 1 - kept)

    def _survivors(self, *shape: int, share: float) -> Tensor:
        return (torch.rand(*shape, generator=self._generator) >= share).float()

    @torch.no_grad()
    def _scorer(self) -> _Scorer:
        fold, network = self._fold, self._mean
        is_warm = torch.from_numpy(~fold.is_cold_client).float()[:, None]
        settings = self._settings
        owned = self._owned.copy()
        if self._order is not None:
            owned.data = recency_weights(
                self._order.from_cutoff(), settings.recency_weight, settings.recency_services
            )
        clients = network.client_side(
            Histories.of(owned, settings.history_power),
            torch.arange(fold.n_clients) if settings.uses_identity else None,
            _sparse_tensor(fold.client_features),
            is_warm,
        )
        services = network.service_side(
            self._service_features, torch.from_numpy(~fold.is_cold_service).float()[:, None]
        )
        return _Scorer(
            clients.gmf,
            clients.mlp,
            services.gmf,
            services.mlp,
            services.linear + self._offset,
            network.second_layer.detach().clone(),
            network.second_bias.detach().clone(),
            network.mlp_output.detach().clone(),
        )

    def keep(self) -> None:
        self._best = self._model._scorer

    def restore(self) -> None:
        self._model._scorer = self._best


def _ones(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Ownership alone, columns of each row ascending."""
    owned = matrix.sorted_indices()
    owned.data = np.ones(owned.nnz, dtype=np.float32)
    return owned


def _where(
    matrix: sparse.csr_matrix, chosen: npt.NDArray[np.bool_], values: FloatArray
) -> sparse.csr_matrix:
    """Only some of the stored entries, with other values, in the same order."""
    ends = np.concatenate([[0], np.cumsum(chosen)])
    return sparse.csr_matrix(
        (values[chosen], matrix.indices[chosen], ends[matrix.indptr]), shape=matrix.shape
    )


def _sparse_tensor(matrix: sparse.csr_matrix) -> Tensor:
    coordinates = matrix.tocoo()
    return torch.sparse_coo_tensor(
        torch.from_numpy(np.stack([coordinates.row, coordinates.col]).astype(np.int64)),
        torch.from_numpy(coordinates.data.astype(np.float32)),
        size=matrix.shape,
        is_coalesced=True,
        check_invariants=False,
    )
