"""What two models share in which each owned service speaks for every other one."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from scipy import sparse

from ml.dataset import BoolArray, FloatArray, Fold, IntArray
from ml.models.adoption import log_adoption_rate
from ml.models.base import Checkpoint, Epoch, EpochListener, Monitor, Recommender
from ml.models.features import smooth_over_features
from ml.models.popularity import single_epoch
from ml.models.recency import AdoptionOrder, recency_weights
from ml.models.settings import ItemToItemSettings
from ml.models.state import read_state, write_state

Weights: TypeAlias = FloatArray | sparse.csr_matrix
"""How strongly an owned service (row) speaks for another (column), (n, n)."""

Solver = Callable[[tuple[float, ...]], Weights]
"""Weights by what is set: a value for each axis of the model's grid."""


class ItemToItem(Recommender):
    """A client's scores are sums over what it has, of weights between two services.

    What is not set is searched on validation labels, an epoch for each setting that is tried: along
    one axis of ``grid`` after the other, from its first value on until quality falls. A model's
    best epoch is the place of a setting in the grid, from 1.

    A term that is the same for every client brings in how readily each service is taken up of
    late, as in the other models, so that none of them wins by that alone.

    A client without interactions gets the share of clients that have each service, which is
    on the scale of the other clients' scores. A service without interactions is spoken for as
    the known services that are most like it by features; without features it gets zero.

    Parameters
    ----------
    settings : ItemToItemSettings, optional
        Of the model's own class.
    seed, threads : int
        Not used: nothing is random, and BLAS has its own threads.
    """

    settings_class: ClassVar[type[ItemToItemSettings]]
    axes: ClassVar[tuple[str, ...]]
    """Settings that are searched where they are not set."""
    grid: ClassVar[tuple[tuple[float, ...], ...]]
    """Values of each."""
    usual: ClassVar[tuple[int, ...]]
    """Places in the grid of what holds where there is nothing to choose on."""

    def __init__(self, settings: Any = None, *, seed: int = 42, threads: int = 1) -> None:
        self.settings: Any = settings or self.settings_class()
        self._weights: Weights = np.zeros((0, 0), dtype=np.float32)
        self._shares = np.zeros(0, dtype=np.float32)
        self._offset = np.zeros(0, dtype=np.float32)
        self._owned = sparse.csr_matrix((0, 0), dtype=np.float32)
        self._distances: IntArray | None = None

    @property
    def owned(self) -> sparse.csr_matrix:
        """What the scores are sums over, (n_clients, n_services)."""
        return self._owned

    @property
    def association(self) -> Weights:
        """How strongly an owned service (row) speaks for another (column), (n, n)."""
        return self._weights

    @property
    def choices(self) -> dict[str, float | str]:
        """See :class:`Recommender`."""
        return dict(zip(self.axes, self._values(self._places_of(self.best_epoch)), strict=True))

    @abstractmethod
    def _solver(self, owned: sparse.csr_matrix) -> Solver:
        """Make what finds the weights, from ones where a client has a service."""

    def fit(
        self,
        fold: Fold,
        *,
        monitor: Monitor | None = None,
        epochs: int | None = None,
        progress: EpochListener | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> list[Epoch]:
        """Solve, an epoch for each setting that is tried; see :class:`Recommender`.

        ``epochs`` is a place in the grid.
        """
        owned = fold.interactions.astype(np.float32)
        if not self.settings.uses_weights:
            owned.data = np.ones_like(owned.data)
        is_cold = fold.is_cold_service
        stand_in = smooth_over_features(fold.service_features, is_cold, self.settings.neighbours)
        shares = np.bincount(owned.indices, minlength=fold.n_services) / max(fold.n_clients, 1)
        shares[is_cold] = shares @ stand_in
        self._shares = shares.astype(np.float32)
        rate = log_adoption_rate(fold, self.settings.adoption_days)
        self._offset = rate * np.float32(self.settings.adoption_weight)
        order = AdoptionOrder.of(fold)
        self._distances = None if order is None else order.from_cutoff()
        self._owned = self._read(
            owned.sorted_indices(), self.settings.recency_weight, self.settings.recency_services
        )
        solver = self._solver(owned)
        sizes = [len(axis) for axis in self.grid]

        def solve(places: tuple[int, ...], number: int) -> Epoch:
            started = time.perf_counter()
            self._weights = _extended(solver(self._values(places)), is_cold, stand_in)
            self.best_epoch = 1 + int(np.ravel_multi_index(places, sizes))
            return single_epoch(self, started, monitor, progress, number=number)

        if epochs is not None:
            place = min(epochs, int(np.prod(sizes))) - 1
            return [solve(tuple(int(i) for i in np.unravel_index(place, sizes)), 1)]
        free = [i for i, name in enumerate(self.axes) if getattr(self.settings, name) is None]
        if monitor is None or not free:
            return [solve(self.usual, 1)]
        return self._search(solve, free)

    def _search(
        self, solve: Callable[[tuple[int, ...], int], Epoch], free: list[int]
    ) -> list[Epoch]:
        """Go along each axis that is not set, as far as that helps, and keep the best."""
        places = tuple(0 if i in free else self.usual[i] for i in range(len(self.axes)))
        history = [solve(places, 1)]
        best = history[0].ndcg_at_10 or 0.0
        if best == 0.0:
            # No label was met: there is nothing to choose on.
            return [*history, solve(self.usual, 2)]
        kept, best_epoch = self._weights, self.best_epoch
        for axis in free:
            for place in range(1, len(self.grid[axis])):
                tried = (*places[:axis], place, *places[axis + 1 :])
                history.append(solve(tried, len(history) + 1))
                quality = history[-1].ndcg_at_10 or 0.0
                if quality <= best:
                    break
                best, kept, best_epoch = quality, self._weights, self.best_epoch
            places = self._places_of(best_epoch)
        self._weights, self.best_epoch = kept, best_epoch
        return history

    def _places_of(self, epoch: int) -> tuple[int, ...]:
        found = np.unravel_index(epoch - 1, [len(axis) for axis in self.grid])
        return tuple(int(place) for place in found)

    def _values(self, places: tuple[int, ...]) -> tuple[float, ...]:
        """What holds at a place of the grid: what is set goes first."""
        found = []
        for name, axis, place in zip(self.axes, self.grid, places, strict=True):
            own = getattr(self.settings, name)
            found.append(axis[place] if own is None else own)
        return tuple(found)

    def by_recency(self, weight: float, services: float) -> Self | None:
        """See :class:`ml.models.recency.ReadsOrder`."""
        if self._distances is None or self.settings.recency_weight:
            return None
        found = copy(self)
        found._owned = self._read(self._owned, weight, services)
        return found

    def _read(self, owned: sparse.csr_matrix, weight: float, services: float) -> sparse.csr_matrix:
        """What clients have, the newest weighted more; indices are sorted."""
        if self._distances is None or not weight:
            return owned
        data = owned.data * recency_weights(self._distances, weight, services)
        return sparse.csr_matrix((data, owned.indices, owned.indptr), owned.shape)

    def score(self, clients: IntArray) -> FloatArray:
        """See :class:`Recommender`."""
        block = self._owned[clients]
        found = block @ self._weights
        dense = found.toarray() if sparse.issparse(found) else found
        scores: FloatArray = np.asarray(dense, dtype=np.float32)
        scores[np.diff(block.indptr) == 0] = self._shares
        scores += self._offset
        return scores

    def save(self, directory: Path) -> None:
        """See :class:`Recommender`."""
        weights = self._weights
        arrays = {"shares": self._shares, "offset": self._offset, **_parts("owned", self._owned)}
        is_sparse = sparse.issparse(weights)
        arrays |= _parts("weights", weights) if is_sparse else {"weights": weights}
        write_state(directory, self, self.settings, arrays)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See :class:`Recommender`."""
        description, arrays = read_state(directory, cls.name)
        model = cls(cls.settings_class(**description["settings"]))
        model.best_epoch = description["best_epoch"]
        model._shares, model._offset = arrays["shares"], arrays["offset"]
        width = len(model._shares)
        model._weights = (
            arrays["weights"] if "weights" in arrays else _matrix("weights", arrays, width)
        )
        model._owned = _matrix("owned", arrays, width)
        return model


def _extended(weights: Weights, is_cold: BoolArray, stand_in: sparse.csr_matrix) -> Weights:
    """The same with columns of services that nobody has, from those that stand in for them."""
    if not sparse.issparse(weights):
        weights[:, is_cold] = weights @ stand_in
        return weights.astype(np.float32)
    places = sparse.csr_matrix(
        (
            np.ones(int(is_cold.sum()), np.float32),
            np.flatnonzero(is_cold),
            np.arange(is_cold.sum() + 1),
        ),
        shape=(stand_in.shape[1], len(is_cold)),
    )
    added = weights @ (stand_in @ places)
    return sparse.csr_matrix(weights + added, dtype=np.float32).sorted_indices()


def _parts(name: str, matrix: sparse.csr_matrix) -> dict[str, Any]:
    return {f"{name}_{part}": getattr(matrix, part) for part in ("data", "indices", "indptr")}


def _matrix(name: str, arrays: dict[str, Any], width: int) -> sparse.csr_matrix:
    parts = tuple(arrays[f"{name}_{part}"] for part in ("data", "indices", "indptr"))
    return sparse.csr_matrix(parts, shape=(len(parts[2]) - 1, width))
