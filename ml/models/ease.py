"""EASE: the item-to-item model in closed form (Steck, WWW 2019)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final, Self

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from ml.dataset import FloatArray, Fold, IntArray
from ml.models.adoption import log_adoption_rate
from ml.models.base import Checkpoint, Epoch, EpochListener, Monitor, Recommender
from ml.models.features import smooth_over_features
from ml.models.popularity import single_epoch
from ml.models.recency import AdoptionOrder, recency_weights
from ml.models.settings import EaseSettings
from ml.models.state import read_state, write_state

# fmt: off
REGULARISATIONS: Final = (
    20_000.0, 10_000.0, 5000.0, 2000.0, 1000.0, 500.0, 200.0, 100.0, 50.0, 20.0, 10.0,
)
# fmt: on
"""Tried on validation labels, in clients."""

USUAL: Final = 4
"""Place of the one that holds where there is nothing to choose on."""


class Ease(Recommender):
    """Each owned service speaks for every other one, with weights from one ridge regression.

    A term that is the same for every client brings in how readily each service is taken up of
    late, as in the other models, so that none of them wins by that alone.

    A client without interactions gets the share of clients that have each service, which is
    on the scale of the other clients' scores. A service without interactions is spoken for as
    the known services that are most like it by features; without features it gets zero.

    Parameters
    ----------
    settings : EaseSettings, optional
    seed, threads : int
        Not used: nothing is random, and BLAS has its own threads.
    """

    name: ClassVar[str] = "ease"

    def __init__(
        self, settings: EaseSettings | None = None, *, seed: int = 42, threads: int = 1
    ) -> None:
        self.settings = settings or EaseSettings()
        self._weights = np.zeros((0, 0), dtype=np.float32)
        self._shares = np.zeros(0, dtype=np.float32)
        self._offset = np.zeros(0, dtype=np.float32)
        self._owned = sparse.csr_matrix((0, 0), dtype=np.float32)

    @property
    def owned(self) -> sparse.csr_matrix:
        """What the scores are sums over, (n_clients, n_services)."""
        return self._owned

    @property
    def association(self) -> FloatArray:
        """How strongly an owned service (row) speaks for another (column), (n, n)."""
        return self._weights

    def fit(
        self,
        fold: Fold,
        *,
        monitor: Monitor | None = None,
        epochs: int | None = None,
        progress: EpochListener | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> list[Epoch]:
        """Solve, an epoch for each regularisation that is tried; see :class:`Recommender`.

        Where none is set and a monitor looks on, each epoch takes the next of ``REGULARISATIONS``,
        until quality falls. ``epochs`` is then a place in that list.
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
        self._owned = self._with_recency(owned, fold)
        gram = (owned.T @ owned).toarray().astype(np.float64)

        def solve(regularisation: float, number: int) -> Epoch:
            started = time.perf_counter()
            weights = _solve(gram, regularisation)
            weights[:, is_cold] = weights @ stand_in
            self._weights = weights.astype(np.float32)
            return single_epoch(self, started, monitor, progress, number=number)

        if self.settings.regularisation or monitor is None or epochs is not None:
            place = min(epochs or USUAL, len(REGULARISATIONS))
            history = [solve(self.settings.regularisation or REGULARISATIONS[place - 1], 1)]
            self.best_epoch = 1 if self.settings.regularisation else place
            return history
        return self._relax(solve)

    def _relax(self, solve: Callable[[float, int], Epoch]) -> list[Epoch]:
        """Regularise less and less while that helps, and keep the best."""
        history: list[Epoch] = []
        best, kept = -np.inf, self._weights
        for number, regularisation in enumerate(REGULARISATIONS, 1):
            history.append(solve(regularisation, number))
            quality = history[-1].ndcg_at_10 or 0.0
            # While no label was met there is nothing to choose on, up to the usual one.
            is_blind = best == quality == 0.0
            if quality <= best and not is_blind:
                break
            best, kept, best_epoch = quality, self._weights, number
            if is_blind and number == USUAL:
                break
        self._weights, self.best_epoch = kept, best_epoch
        return history

    def _with_recency(self, owned: sparse.csr_matrix, fold: Fold) -> sparse.csr_matrix:
        settings = self.settings
        order = AdoptionOrder.of(fold) if settings.recency_weight else None
        if order is None:
            return owned
        owned = owned.sorted_indices()
        owned.data *= recency_weights(
            order.from_cutoff(), settings.recency_weight, settings.recency_services
        )
        return owned

    def score(self, clients: IntArray) -> FloatArray:
        """See :class:`Recommender`."""
        block = self._owned[clients]
        scores: FloatArray = np.asarray(block @ self._weights, dtype=np.float32)
        scores[np.diff(block.indptr) == 0] = self._shares
        scores += self._offset
        return scores

    def save(self, directory: Path) -> None:
        """See :class:`Recommender`."""
        arrays = {
            "weights": self._weights,
            "shares": self._shares,
            "offset": self._offset,
            "owned_data": self._owned.data,
            "owned_indices": self._owned.indices,
            "owned_indptr": self._owned.indptr,
        }
        write_state(directory, self, self.settings, arrays)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See :class:`Recommender`."""
        description, arrays = read_state(directory, cls.name)
        model = cls(EaseSettings(**description["settings"]))
        model.best_epoch = description["best_epoch"]
        model._weights, model._shares = arrays["weights"], arrays["shares"]
        model._offset = arrays["offset"]
        model._owned = sparse.csr_matrix(
            (arrays["owned_data"], arrays["owned_indices"], arrays["owned_indptr"]),
            shape=(len(arrays["owned_indptr"]) - 1, len(model._shares)),
        )
        return model


def _solve(gram: npt.NDArray[np.float64], regularisation: float) -> npt.NDArray[np.float64]:
    gram = gram.copy()
    gram[np.diag_indices_from(gram)] += regularisation
    inverse = linalg.cho_solve(
        linalg.cho_factor(gram, lower=True, overwrite_a=True), np.eye(len(gram))
    )
    weights: npt.NDArray[np.float64] = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights
