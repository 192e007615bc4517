"""One training of LightFM: what it reads, epoch by epoch, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ml.dataset import BoolArray, FloatArray, Fold, IntArray
from ml.errors import ModelError
from ml.models.adoption import log_adoption_rate
from ml.models.base import Arrays
from ml.models.epochs import Trainee
from ml.models.features import keep_largest, normalise_rows
from ml.models.generators import set_state, state_of
from ml.models.learned import (
    CLIENT_FEATURES,
    CLIENTS,
    SERVICE_FEATURES,
    SERVICES,
    Axes,
    Learned,
    Vocabulary,
    carried,
)
from ml.models.lightfm_members import PARAMETERS, Members
from ml.models.lightfm_settings import LightFMSettings
from ml.models.recency import AdoptionOrder, reach_weights, recency_weights
from ml.models.visits import Visits
from ml.negative_sampling import NegativeSampler

_HIDDEN = 0.5
"""Share of services that are learned in an epoch, where the others are features."""

_VISITS = 1
"""Keeps the order of visits apart from the other random draws of a seed."""

_OF_VISITS, _GENERATOR = "visits.", "generator"


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


class Training(Trainee):
    """State of one fit.

    Parameters
    ----------
    fold : Fold
    settings : LightFMSettings
    seed : int
    take : callable
        Given the vectors of clients and services, biases folded in, as they are now.
    start : Learned, optional
        Where to go on from.
    """

    _LOSS_SAMPLES = 50_000

    def __init__(
        self,
        fold: Fold,
        settings: LightFMSettings,
        seed: int,
        take: Callable[[FloatArray, FloatArray], None],
        start: Learned | None = None,
    ) -> None:
        self._settings = settings
        self._take = take
        self._vocabulary = Vocabulary.of(fold)
        self.members = Members(settings, seed)
        self._owned = fold.interactions.sorted_indices()
        owned = self._owned.tocoo()
        # Ownership, not its weight, which LightFM would take for a learning rate per pair.
        self.positives = sparse.coo_matrix(
            (
                np.ones(owned.nnz, dtype=np.float32),
                (owned.row.astype(np.int32, copy=False), owned.col.astype(np.int32, copy=False)),
            ),
            shape=owned.shape,
        )
        self.client_columns = _columns(
            keep_largest(fold.client_features, settings.features_per_row),
            settings.client_feature_weight,
            fold.is_cold_client,
        )
        self.service_columns = _columns(
            keep_largest(fold.service_features, settings.features_per_row),
            settings.service_feature_weight,
            fold.is_cold_service,
        )
        self.offset = settings.adoption_weight * log_adoption_rate(fold, settings.adoption_days)
        self._rng = np.random.default_rng(seed)
        self._loss_pairs = self._draw_loss_pairs(self._rng)
        self._order = AdoptionOrder.of(fold) if settings.recent_services else None
        self._scored_columns = (
            self.client_columns
            if self._order is None
            else self._with_history(self._order.from_cutoff(), None)
        )
        self._visits = Visits(
            np.diff(fold.interactions.indptr),
            settings.sample_budget,
            settings.most_epochs,
            np.random.default_rng((seed, _VISITS)),
        )
        if start is not None:
            self._begin_from(start)

    def _begin_from(self, start: Learned) -> None:
        if self._vocabulary is None:
            raise ModelError("a fold without ids cannot go on from what was learned before")
        axes = axes_of(self._settings)
        start.check(axes, "the model to start from")
        self.members.initialize(self._scored_columns.shape[1], self.service_columns.shape[1])
        fresh = self.members.parameters()
        self.members.set_parameters(carried(start, self._vocabulary, fresh, axes))

    def learned(self) -> Learned | None:
        """What this training leaves to go on from; None where the fold knows no ids."""
        if self._vocabulary is None:
            return None
        return Learned(self._vocabulary, self.parameters())

    def _draw_loss_pairs(self, rng: np.random.Generator) -> _LossPairs:
        """A sample of pairs, each with a service that the client lacks."""
        rows, n_services = self.positives.row, self.positives.shape[1]
        lacks_something = np.bincount(rows, minlength=self.positives.shape[0]) < n_services
        is_usable = lacks_something[rows]
        count = int(np.count_nonzero(is_usable))
        chosen = rng.choice(count, min(self._LOSS_SAMPLES, count), replace=False)
        if count < len(rows):
            chosen = np.flatnonzero(is_usable)[chosen]
        clients, back = np.unique(rows[chosen], return_inverse=True)
        sampler = NegativeSampler(self._owned[clients])
        owners = back.astype(np.int32)
        return _LossPairs(clients, back, self.positives.col[chosen], sampler.draw(owners, rng))

    def epoch(self) -> float | None:
        """See :class:`Trainee`."""
        columns, learned = self.client_columns, None
        if self._order is not None:
            columns, learned = self._columns_at_random_moment(self._order)
        interactions = self.positives if learned is None else _marked(learned)
        if (clients := self._visits.part()) is not None:
            # Whole clients: LightFM must know all of a client's services, so as not to draw them
            # as negatives.
            is_visited = np.zeros(interactions.shape[0], dtype=np.bool_)
            is_visited[clients] = True
            interactions = _of_rows(interactions, is_visited)
            learned = None if learned is None else _of_rows(learned, is_visited)
        if self.positives.nnz:
            self.members.fit_partial(
                interactions,
                sample_weight=learned,
                user_features=columns,
                item_features=self.service_columns,
            )
        else:
            self.members.initialize(columns.shape[1], self.service_columns.shape[1])
        return self._loss()

    def show(self) -> None:
        """See :class:`Trainee`."""
        client_bias, clients = self.members.client_vectors(self._scored_columns)
        service_bias, services = self.members.service_vectors(self.service_columns)
        ones = np.ones(1, dtype=np.float32)
        # [c, bc, 1] · [s, 1, bs] = c·s + bc + bs
        self._take(
            np.column_stack([clients, client_bias, np.broadcast_to(ones, len(clients))]).astype(
                np.float32
            ),
            np.column_stack(
                [services, np.broadcast_to(ones, len(services)), service_bias + self.offset]
            ).astype(np.float32),
        )

    def _columns_at_random_moment(
        self, order: AdoptionOrder
    ) -> tuple[sparse.csr_matrix, sparse.coo_matrix]:
        """Client features with the services near a moment, and weights of those to learn."""
        distances = order.from_random_moment(self._rng)
        is_hidden = self._rng.random(len(distances)) < _HIDDEN
        reach = self._settings.reach_services
        weights = reach_weights(distances, reach) if reach else np.ones_like(self.positives.data)
        learned = self.positives.copy()
        learned.data = np.where(is_hidden, weights, np.float32(0.0))
        return self._with_history(distances, ~is_hidden), learned

    def _with_history(
        self, distances: npt.NDArray[np.integer], is_visible: BoolArray | None
    ) -> sparse.csr_matrix:
        settings = self._settings
        said = self.positives.copy()
        said.data = recency_weights(distances, settings.recency_weight, settings.recency_services)
        if is_visible is not None:
            said.data *= is_visible
        history = said.tocsr()
        history.eliminate_zeros()
        history = normalise_rows(keep_largest(history, settings.recent_services))
        return sparse.hstack([self.client_columns, history]).tocsr().astype(np.float32)

    def _loss(self) -> float | None:
        pairs = self._loss_pairs
        if not len(pairs.owned):
            return None
        # Of the sampled clients alone.
        _, clients = self.members.client_vectors(self._scored_columns[pairs.clients])
        bias, services = self.members.service_vectors(self.service_columns)
        gap = np.einsum(
            "ij,ij->i", clients[pairs.rows], services[pairs.owned] - services[pairs.drawn]
        )
        gap += bias[pairs.owned] - bias[pairs.drawn]
        return float(np.maximum(0.0, 1.0 - gap).mean())

    def parameters(self) -> Arrays:
        """See :class:`Trainee`."""
        return self.members.parameters()

    def set_parameters(self, arrays: Arrays) -> None:
        """See :class:`Trainee`."""
        self.members.set_parameters(arrays)

    def state(self) -> Arrays:
        """See :class:`Trainee`."""
        visits = {f"{_OF_VISITS}{name}": array for name, array in self._visits.state().items()}
        return self.members.state() | visits | {_GENERATOR: state_of(self._rng)}

    def set_state(self, arrays: Arrays) -> None:
        """See :class:`Trainee`."""
        self.members.set_state(arrays)
        self._visits.set_state(
            {n.removeprefix(_OF_VISITS): a for n, a in arrays.items() if n.startswith(_OF_VISITS)}
        )
        set_state(self._rng, arrays[_GENERATOR])


def axes_of(settings: LightFMSettings) -> Axes:
    """What the rows of each parameter stand for."""
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
        for name in PARAMETERS
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
