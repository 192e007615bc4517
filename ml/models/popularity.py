"""What sells to everybody: the floor under every other model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from ml.dataset import FloatArray, Fold, IntArray
from ml.models.base import Checkpoint, Epoch, EpochListener, Monitor, Recommender
from ml.models.features import smooth_over_features
from ml.models.settings import PopularitySettings
from ml.models.state import read_state, write_state


class Popularity(Recommender):
    """How many clients have each service, the same for every client.

    A service without interactions gets the mean of the services that are most like
    it by features (zero without features).

    Parameters
    ----------
    settings : PopularitySettings, optional
    seed, threads : int
        Not used: there is nothing random or heavy.
    """

    name: ClassVar[str] = "popularity"

    def __init__(
        self, settings: PopularitySettings | None = None, *, seed: int = 42, threads: int = 1
    ) -> None:
        self.settings = settings or PopularitySettings()
        self._scores = np.zeros(0, dtype=np.float32)

    def fit(
        self,
        fold: Fold,
        *,
        monitor: Monitor | None = None,
        epochs: int | None = None,
        progress: EpochListener | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> list[Epoch]:
        """Count; see :class:`Recommender`."""
        started = time.perf_counter()
        totals = np.bincount(
            fold.interactions.indices,
            weights=fold.interactions.data if self.settings.uses_weights else None,
            minlength=fold.n_services,
        ).astype(np.float64)
        is_cold = fold.is_cold_service
        totals[is_cold] = totals @ smooth_over_features(
            fold.service_features, is_cold, self.settings.neighbours
        )
        self._scores = (totals / max(totals.max(initial=0.0), 1.0)).astype(np.float32)
        return [single_epoch(self, started, monitor, progress)]

    def score(self, clients: IntArray) -> FloatArray:
        """See :class:`Recommender`."""
        return np.repeat(self._scores[None, :], len(clients), axis=0)

    def save(self, directory: Path) -> None:
        """See :class:`Recommender`."""
        write_state(directory, self, self.settings, {"scores": self._scores})

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See :class:`Recommender`."""
        description, arrays = read_state(directory, cls.name)
        model = cls(PopularitySettings(**description["settings"]))
        model._scores = arrays["scores"]
        return model


def single_epoch(
    model: Recommender,
    started: float,
    monitor: Monitor | None,
    progress: EpochListener | None,
    *,
    number: int = 1,
) -> Epoch:
    """Record of a model that learns in closed form: no loss."""
    seconds = time.perf_counter() - started
    quality = monitor(model) if monitor else None
    epoch = Epoch(
        number,
        None,
        quality.auc if quality else None,
        quality.ndcg_at_10 if quality else None,
        seconds,
    )
    if progress:
        progress(epoch)
    return epoch
