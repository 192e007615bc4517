"""LightFM: factorisation over identities and features (Kula, 2015), behind one adapter.

The only module that imports ``lightfm``.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from lightfm import LightFM as _LightFM
from pydantic import Field
from scipy import sparse

from ml.dataset import BoolArray, FloatArray, Fold, IntArray
from ml.errors import ModelError
from ml.models.adoption import log_adoption_rate
from ml.models.base import (
    Epoch,
    EpochListener,
    ModelSettings,
    Monitor,
    Trainee,
    train_by_epoch,
)
from ml.models.features import keep_largest, normalise_rows
from ml.models.learned import (
    CLIENT_FEATURES,
    CLIENTS,
    SERVICE_FEATURES,
    SERVICES,
    Adaptable,
    Axes,
    Learned,
    Vocabulary,
    carried,
    read_learned,
    to_arrays,
    write_vocabulary,
)
from ml.models.recency import AdoptionOrder, reach_weights, recency_weights
from ml.models.state import Arrays, read_state, write_state
from ml.models.visits import Visits
from ml.negative_sampling import NegativeSampler

_HIDDEN = 0.5
"""Share of services that are learned in an epoch, where the others are features."""

_PARAMETERS = ("user_embeddings", "user_biases", "item_embeddings", "item_biases")
"""LightFM's names of what it learns."""

_VISITS = 1
"""Keeps the order of visits apart from the other random draws of a seed."""


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
    learning_rate : float, default 0.05
        Of Adagrad.
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
    max_sampled : int, default 100
        Draws in search of a service that is ranked too high (WARP). With fewer, pairs that are
        nearly right are given up: 10 cost .003 of AUC and NDCG@10, and save half of the time.
    adoption_weight : float, default 0.6
        Weight of the log adoption rate in the score; 0 leaves it out.
    adoption_days : float, default 60
        Period that the adoption rate counts, days.
    max_epochs : int, default 20
    patience : int, default 4
        Epochs without a better NDCG@10 on validation before training stops.
    sample_budget : int, optional
        Most owned pairs that a training of ``max_epochs`` visits; an epoch then visits some of
        the clients, in turn (:mod:`ml.models.visits`). None: everybody in every epoch.
    """

    factors: int = Field(default=24, ge=1)
    members: int = Field(default=2, ge=1)
    loss: Literal["warp", "bpr", "logistic"] = "warp"
    learning_rate: float = Field(default=0.05, gt=0)
    client_feature_weight: float = Field(default=1.0, ge=0)
    service_feature_weight: float = Field(default=1.0, ge=0)
    features_per_row: int = Field(default=16, ge=1)
    recent_services: int = Field(default=0, ge=0)
    recency_weight: float = Field(default=20.0, ge=0)
    recency_services: float = Field(default=5.0, gt=0)
    reach_services: float = Field(default=30.0, ge=0)
    client_decay: float = Field(default=0.0, ge=0)
    service_decay: float = Field(default=0.0, ge=0)
    max_sampled: int = Field(default=100, ge=1)
    adoption_weight: float = Field(default=0.6, ge=0)
    adoption_days: float = Field(default=60.0, gt=0)
    max_epochs: int = Field(default=20, ge=1)
    patience: int = Field(default=4, ge=1)
    sample_budget: int | None = Field(default=None, ge=1)


class LightFM(Adaptable):
    """Hybrid LightFM with identity and row-normalised features on both sides.

    Each member is trained on one thread, which is what makes it deterministic. Members share
    nothing but what they read, so their threads change nothing.
    The identity column of a client or service without interactions was never trained: it is
    left out of its representation, so features alone speak for it. Scores are one matrix
    product of representations that are computed once per epoch, with the biases folded in.

    LightFM reports no loss. The one recorded here is measured after each epoch: the mean
    hinge ``max(0, 1 - score(owned) + score(drawn))`` over a fixed sample of training pairs,
    each with one service that the client lacks. It tells how far training has come; it is
    not the weighted loss that WARP minimises.

    Parameters
    ----------
    settings : LightFMSettings, optional
    seed : int, default 42
    threads : int
        Not used: see above.
    """

    name: ClassVar[str] = "lightfm"

    def __init__(
        self, settings: LightFMSettings | None = None, *, seed: int = 42, threads: int = 1
    ) -> None:
        self.settings = settings or LightFMSettings()
        self._seed = seed
        self._clients = np.zeros((0, 0), dtype=np.float32)
        self._services = np.zeros((0, 0), dtype=np.float32)
        self.learned = None

    def fit(
        self,
        fold: Fold,
        *,
        monitor: Monitor | None = None,
        epochs: int | None = None,
        progress: EpochListener | None = None,
        start: Learned | None = None,
    ) -> list[Epoch]:
        """Train, from what was learned before where it is given; see :class:`Recommender`.

        Adagrad's step sizes begin anew, so that what has changed since is taken up quickly.
        """
        training = _Training(self, fold, start)
        history = train_by_epoch(
            self,
            training,
            max_epochs=self.settings.max_epochs,
            patience=self.settings.patience,
            monitor=monitor,
            epochs=epochs,
            progress=progress,
        )
        self.learned = training.learned()
        return history

    def apply(self, fold: Fold, learned: Learned) -> None:
        """Score a fold with what was learned before, training nothing.

        Features, adoption rates and, where they are read, histories are the fold's. Clients and
        services whose identity was never trained are known by their features alone.
        """
        _Training(self, fold, learned).show()
        self.learned = learned

    def score(self, clients: IntArray) -> FloatArray:
        """See :class:`Recommender`."""
        scores: FloatArray = self._clients[clients] @ self._services.T
        return scores

    def save(self, directory: Path) -> None:
        """See :class:`Recommender`."""
        arrays = {"clients": self._clients, "services": self._services}
        write_state(directory, self, self.settings, arrays | to_arrays(self.learned))
        write_vocabulary(directory, self.learned)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See :class:`Recommender`."""
        description, arrays = read_state(directory, cls.name)
        model = cls(LightFMSettings(**description["settings"]))
        model.best_epoch = description["best_epoch"]
        model._clients, model._services = arrays["clients"], arrays["services"]
        model.learned = read_learned(directory, arrays, _axes(model.settings))
        return model


@dataclass(frozen=True)
class _LossPairs:
    """Pairs that the loss is measured on.

    Parameters
    ----------
    clients : ndarray of int32, (n,)
        Who is among them.
    rows : ndarray of int64, (m,)
        Each pair's place in ``clients``.
    owned, drawn : ndarray of int, (m,)
        A service that the client has, and one that it lacks.
    """

    clients: IntArray
    rows: npt.NDArray[np.int64]
    owned: IntArray
    drawn: npt.NDArray[np.int64]


class _Members:
    """LightFM's own models from different starts, seen as one whose scores are their mean."""

    def __init__(self, settings: LightFMSettings, seed: int) -> None:
        self.models = [
            _LightFM(
                no_components=settings.factors,
                loss=settings.loss,
                learning_rate=settings.learning_rate,
                user_alpha=settings.client_decay,
                item_alpha=settings.service_decay,
                max_sampled=settings.max_sampled,
                random_state=seed + member,
            )
            for member in range(settings.members)
        ]

    def initialize(self, client_columns: int, service_columns: int) -> None:
        """Draw random starts, where there is nothing to learn from."""
        for model in self.models:
            model._initialize(model.no_components, service_columns, client_columns)

    def parameters(self) -> Arrays:
        """All that is learned, by member and name; the members' own arrays."""
        return {
            f"{member}.{name}": getattr(model, name)
            for member, model in enumerate(self.models)
            for name in _PARAMETERS
        }

    def set_parameters(self, arrays: Arrays) -> None:
        """Put other values in the place of all that is learned."""
        for member, model in enumerate(self.models):
            for name in _PARAMETERS:
                setattr(model, name, arrays[f"{member}.{name}"])

    def fit_partial(self, interactions: sparse.coo_matrix, **given: Any) -> None:
        """Train each member for one epoch; LightFM leaves the interpreter free meanwhile."""
        if len(self.models) == 1:
            self.models[0].fit_partial(interactions, epochs=1, num_threads=1, **given)
            return
        with ThreadPoolExecutor(len(self.models)) as pool:
            running = [
                pool.submit(model.fit_partial, interactions, epochs=1, num_threads=1, **given)
                for model in self.models
            ]
            for one in running:
                one.result()

    def client_vectors(self, columns: sparse.csr_matrix) -> tuple[FloatArray, FloatArray]:
        """Biases (n,) and vectors (n, members * factors)."""
        return self._joined(lambda model: model.get_user_representations(columns), 1)

    def service_vectors(self, columns: sparse.csr_matrix) -> tuple[FloatArray, FloatArray]:
        """The same of services, so that products with clients' are the members' mean."""
        return self._joined(lambda model: model.get_item_representations(columns), len(self.models))

    def _joined(
        self, read: Callable[[_LightFM], tuple[FloatArray, FloatArray]], divisor: int
    ) -> tuple[FloatArray, FloatArray]:
        biases, vectors = zip(*(read(model) for model in self.models), strict=True)
        if len(self.models) == 1:
            return biases[0], vectors[0]
        joined = np.concatenate(vectors, axis=1, dtype=np.float32)
        joined /= np.float32(divisor)
        return np.mean(biases, axis=0), joined


class _Training(Trainee):
    """State of one fit."""

    _LOSS_SAMPLES = 50_000

    def __init__(self, model: LightFM, fold: Fold, start: Learned | None = None) -> None:
        settings = model.settings
        self._model = model
        self._vocabulary = Vocabulary.of(fold)
        self._members = _Members(settings, model._seed)
        self._owned = fold.interactions.sorted_indices()
        owned = self._owned.tocoo()
        # Ownership, not its weight, which LightFM would take for a learning rate per pair.
        self._positives = sparse.coo_matrix(
            (
                np.ones(owned.nnz, dtype=np.float32),
                (owned.row.astype(np.int32, copy=False), owned.col.astype(np.int32, copy=False)),
            ),
            shape=owned.shape,
        )
        self._client_columns = _columns(
            keep_largest(fold.client_features, settings.features_per_row),
            settings.client_feature_weight,
            fold.is_cold_client,
        )
        self._service_columns = _columns(
            keep_largest(fold.service_features, settings.features_per_row),
            settings.service_feature_weight,
            fold.is_cold_service,
        )
        self._offset = settings.adoption_weight * log_adoption_rate(fold, settings.adoption_days)
        self._rng = np.random.default_rng(model._seed)
        self._loss_pairs = self._draw_loss_pairs(self._rng)
        self._order = AdoptionOrder.of(fold) if settings.recent_services else None
        self._scored_columns = (
            self._client_columns
            if self._order is None
            else self._with_history(self._order.from_cutoff(), None)
        )
        self._visits = Visits(
            np.diff(fold.interactions.indptr),
            settings.sample_budget,
            settings.max_epochs,
            np.random.default_rng((model._seed, _VISITS)),
        )
        self._best = (model._clients, model._services)
        self._best_parameters: Arrays | None = None
        if start is not None:
            self._begin_from(start)

    def _begin_from(self, start: Learned) -> None:
        if self._vocabulary is None:
            raise ModelError("a fold without ids cannot go on from what was learned before")
        axes = _axes(self._model.settings)
        start.check(axes, "the model to start from")
        self._members.initialize(self._scored_columns.shape[1], self._service_columns.shape[1])
        fresh = self._members.parameters()
        self._members.set_parameters(carried(start, self._vocabulary, fresh, axes))

    def learned(self) -> Learned | None:
        """What this training leaves to go on from; None where the fold knows no ids."""
        if self._vocabulary is None:
            return None
        parameters = self._best_parameters or self._members.parameters()
        return Learned(self._vocabulary, parameters)

    def _draw_loss_pairs(self, rng: np.random.Generator) -> _LossPairs:
        """A sample of pairs, each with a service that the client lacks."""
        rows, n_services = self._positives.row, self._positives.shape[1]
        lacks_something = np.bincount(rows, minlength=self._positives.shape[0]) < n_services
        is_usable = lacks_something[rows]
        count = int(np.count_nonzero(is_usable))
        chosen = rng.choice(count, min(self._LOSS_SAMPLES, count), replace=False)
        if count < len(rows):
            chosen = np.flatnonzero(is_usable)[chosen]
        clients, back = np.unique(rows[chosen], return_inverse=True)
        sampler = NegativeSampler(self._owned[clients])
        owners = back.astype(np.int32)
        return _LossPairs(clients, back, self._positives.col[chosen], sampler.draw(owners, rng))

    def epoch(self) -> float | None:
        columns, learned = self._client_columns, None
        if self._order is not None:
            columns, learned = self._columns_at_random_moment(self._order)
        interactions = self._positives if learned is None else _marked(learned)
        if (clients := self._visits.part()) is not None:
            # Whole clients: LightFM must know all of a client's services, so as not to draw them
            # as negatives.
            is_visited = np.zeros(interactions.shape[0], dtype=np.bool_)
            is_visited[clients] = True
            interactions = _of_rows(interactions, is_visited)
            learned = None if learned is None else _of_rows(learned, is_visited)
        if self._positives.nnz:
            self._members.fit_partial(
                interactions,
                sample_weight=learned,
                user_features=columns,
                item_features=self._service_columns,
            )
        else:
            self._members.initialize(columns.shape[1], self._service_columns.shape[1])
        return self._loss()

    def show(self) -> None:
        client_bias, clients = self._members.client_vectors(self._scored_columns)
        service_bias, services = self._members.service_vectors(self._service_columns)
        ones = np.ones(1, dtype=np.float32)
        # [c, bc, 1] · [s, 1, bs] = c·s + bc + bs
        self._model._clients = np.column_stack(
            [clients, client_bias, np.broadcast_to(ones, len(clients))]
        ).astype(np.float32)
        self._model._services = np.column_stack(
            [services, np.broadcast_to(ones, len(services)), service_bias + self._offset]
        ).astype(np.float32)

    def _columns_at_random_moment(
        self, order: AdoptionOrder
    ) -> tuple[sparse.csr_matrix, sparse.coo_matrix]:
        """Client features with the services near a moment, and weights of those to learn."""
        distances = order.from_random_moment(self._rng)
        is_hidden = self._rng.random(len(distances)) < _HIDDEN
        reach = self._model.settings.reach_services
        weights = reach_weights(distances, reach) if reach else np.ones_like(self._positives.data)
        learned = self._positives.copy()
        learned.data = np.where(is_hidden, weights, np.float32(0.0))
        return self._with_history(distances, ~is_hidden), learned

    def _with_history(
        self, distances: npt.NDArray[np.integer], is_visible: BoolArray | None
    ) -> sparse.csr_matrix:
        settings = self._model.settings
        said = self._positives.copy()
        said.data = recency_weights(distances, settings.recency_weight, settings.recency_services)
        if is_visible is not None:
            said.data *= is_visible
        history = said.tocsr()
        history.eliminate_zeros()
        history = normalise_rows(keep_largest(history, settings.recent_services))
        return sparse.hstack([self._client_columns, history]).tocsr().astype(np.float32)

    def _loss(self) -> float | None:
        pairs = self._loss_pairs
        if not len(pairs.owned):
            return None
        # Of the sampled clients alone.
        _, clients = self._members.client_vectors(self._scored_columns[pairs.clients])
        bias, services = self._members.service_vectors(self._service_columns)
        gap = np.einsum(
            "ij,ij->i", clients[pairs.rows], services[pairs.owned] - services[pairs.drawn]
        )
        gap += bias[pairs.owned] - bias[pairs.drawn]
        return float(np.maximum(0.0, 1.0 - gap).mean())

    def keep(self) -> None:
        self._best = (self._model._clients, self._model._services)
        if self._vocabulary is not None:
            # LightFM goes on writing into its arrays.
            now = self._members.parameters()
            self._best_parameters = {name: array.copy() for name, array in now.items()}

    def restore(self) -> None:
        self._model._clients, self._model._services = self._best


def _axes(settings: LightFMSettings) -> Axes:
    clients, services = [CLIENTS], [SERVICES]
    if settings.client_feature_weight > 0:
        clients.append(CLIENT_FEATURES)
    if settings.service_feature_weight > 0:
        services.append(SERVICE_FEATURES)
    if settings.recent_services:
        clients.append(SERVICES)
    axes = {"user": tuple(clients), "item": tuple(services)}
    return {
        f"{member}.{name}": axes[name.split("_")[0]]
        for member in range(settings.members)
        for name in _PARAMETERS
    }


def _marked(learned: sparse.coo_matrix) -> sparse.coo_matrix:
    """Ones to learn from; stored zeros are neither learned nor drawn as negatives."""
    marked = learned.copy()
    marked.data = (learned.data > 0).astype(np.float32)
    return marked


def _of_rows(pairs: sparse.coo_matrix, is_chosen: BoolArray) -> sparse.coo_matrix:
    """The entries of some rows, in the same order."""
    kept = is_chosen[pairs.row]
    return sparse.coo_matrix(
        (pairs.data[kept], (pairs.row[kept], pairs.col[kept])), shape=pairs.shape
    )


def _columns(features: sparse.csr_matrix, weight: float, is_cold: BoolArray) -> sparse.csr_matrix:
    """Identity (of those with interactions) beside row-normalised features."""
    parts = [sparse.diags((~is_cold).astype(np.float32))]
    if weight > 0:
        parts.append(normalise_rows(features) * np.float32(weight))
    columns = sparse.hstack(parts).tocsr().astype(np.float32)
    columns.eliminate_zeros()
    return columns
