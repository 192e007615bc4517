"""What sells to clients of the same kind."""

from __future__ import annotations

import time
from pathlib import Path
from typing import ClassVar, Final, Self

import numpy as np
from scipy import sparse

from ml.dataset import FloatArray, Fold, IntArray
from ml.models.base import Checkpoint, Epoch, EpochListener, Monitor, Recommender
from ml.models.features import smooth_over_features
from ml.models.popularity import single_epoch
from ml.models.settings import SegmentPopularitySettings
from ml.models.state import read_state, write_state

EVERYBODY: Final = "everybody"
"""The segmentation with one segment: plain popularity."""


class SegmentPopularity(Recommender):
    """The share of a client's segment that has each service.

    Segmentations are the features of clients that name a group (``age_band=25-34``). With a monitor
    each is tried, an epoch for each, and the best is kept; without one, everybody is one segment.
    Shares of a segment are mixed with those of everybody, which a client in no segment gets.

    Parameters
    ----------
    settings : SegmentPopularitySettings, optional
    seed, threads : int
        Not used: there is nothing random or heavy.
    """

    name: ClassVar[str] = "segment_popularity"

    def __init__(
        self, settings: SegmentPopularitySettings | None = None, *, seed: int = 42, threads: int = 1
    ) -> None:
        self.settings = settings or SegmentPopularitySettings()
        self._segmentation = EVERYBODY
        self._segment = np.zeros(0, dtype=np.int32)
        self._shares = np.zeros((1, 0), dtype=np.float32)

    @property
    def choices(self) -> dict[str, float | str]:
        """See :class:`Recommender`."""
        return {"segmentation": self._segmentation}

    def fit(
        self,
        fold: Fold,
        *,
        monitor: Monitor | None = None,
        epochs: int | None = None,
        progress: EpochListener | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> list[Epoch]:
        """Count, an epoch for each segmentation; ``epochs`` is the place of one, from 1."""
        owned = fold.interactions.astype(np.float32)
        if not self.settings.uses_weights:
            owned.data = np.ones_like(owned.data)
        is_cold = fold.is_cold_service
        stand_in = smooth_over_features(fold.service_features, is_cold, self.settings.neighbours)
        tried = segmentations(fold)

        def count(place: int, number: int) -> Epoch:
            started = time.perf_counter()
            self._segmentation, columns = tried[place - 1]
            self._segment = _segment_of(fold, columns)
            self._shares = self._shares_of(owned, len(columns) + 1)
            self._shares[:, is_cold] = self._shares @ stand_in
            self.best_epoch = place
            return single_epoch(self, started, monitor, progress, number=number)

        if monitor is None or epochs is not None:
            return [count(min(epochs or 1, len(tried)), 1)]
        history = [count(place, place) for place in range(1, len(tried) + 1)]
        best = 1 + int(np.argmax([epoch.ndcg_at_10 or 0.0 for epoch in history]))
        monitor = progress = None
        count(best, best)
        return history

    def _shares_of(self, owned: sparse.csr_matrix, count: int) -> FloatArray:
        """Share of each segment that has each service, (count, n_services)."""
        clients = np.arange(owned.shape[0])
        ones = np.ones(len(clients), dtype=np.float32)
        members = sparse.csr_matrix((ones, (self._segment, clients)), shape=(count, len(clients)))
        sizes = np.bincount(self._segment, minlength=count)
        overall = np.asarray(owned.sum(axis=0), dtype=np.float64) / max(len(clients), 1)
        prior = self.settings.prior_clients
        shares = np.asarray((members @ owned).todense(), dtype=np.float64) + prior * overall
        shares /= (sizes + prior)[:, None]
        shares[-1] = overall
        found: FloatArray = shares.astype(np.float32)
        return found

    def score(self, clients: IntArray) -> FloatArray:
        """See :class:`Recommender`."""
        return self._shares[self._segment[clients]]

    def save(self, directory: Path) -> None:
        """See :class:`Recommender`."""
        arrays = {"shares": self._shares, "segment": self._segment}
        write_state(directory, self, self.settings, arrays)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See :class:`Recommender`."""
        description, arrays = read_state(directory, cls.name)
        model = cls(SegmentPopularitySettings(**description["settings"]))
        model.best_epoch = description["best_epoch"]
        model._segmentation = description["choices"]["segmentation"]
        model._shares, model._segment = arrays["shares"], arrays["segment"]
        return model


def segmentations(fold: Fold) -> list[tuple[str, IntArray]]:
    """Groups of client features that name a segment: the same for all folds of a build.

    Parameters
    ----------
    fold : Fold

    Returns
    -------
    list of (str, ndarray of int32)
        Name and columns of ``client_features``, by name, after everybody.
    """
    found: dict[str, list[int]] = {}
    for column, name in enumerate(fold.client_feature_names):
        if "=" in name:
            found.setdefault(name.split("=")[0], []).append(column)
    named = [(name, np.array(columns, np.int32)) for name, columns in sorted(found.items())]
    return [(EVERYBODY, np.zeros(0, np.int32)), *named]


def _segment_of(fold: Fold, columns: IntArray) -> IntArray:
    """Each client's segment, (n_clients,): its largest value's; the number of columns for none."""
    segment = np.full(fold.n_clients, len(columns), dtype=np.int32)
    values = fold.client_features[:, columns].tocsr()
    rows = np.repeat(np.arange(fold.n_clients), np.diff(values.indptr))
    order = np.lexsort((-values.indices, values.data, rows))
    # The last one of each client stays: of equal values the first column.
    segment[rows[order]] = values.indices[order]
    return segment
