"""LightFM: factorisation over identities and features (Kula, 2015), behind one adapter."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from ml.dataset import FloatArray, Fold, IntArray
from ml.models.base import Checkpoint, Epoch, EpochListener, Monitor
from ml.models.epochs import train_by_epoch
from ml.models.learned import Adaptable, Learned, read_learned, to_arrays, write_vocabulary
from ml.models.lightfm_settings import LightFMSettings
from ml.models.lightfm_training import Training, axes_of
from ml.models.state import read_state, write_state


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
        checkpoint: Checkpoint | None = None,
        start: Learned | None = None,
    ) -> list[Epoch]:
        """Train, from what was learned before where it is given; see :class:`Recommender`.

        Adagrad's step sizes begin anew, so that what has changed since is taken up quickly.
        """
        training = Training(fold, self.settings, self._seed, self.take, start)
        history = train_by_epoch(
            self,
            training,
            max_epochs=self.settings.most_epochs,
            patience=self.settings.patience,
            monitor=monitor,
            epochs=epochs,
            progress=progress,
            checkpoint=checkpoint,
        )
        self.learned = training.learned()
        return history

    def apply(self, fold: Fold, learned: Learned) -> None:
        """Score a fold with what was learned before, training nothing.

        Features, adoption rates and, where they are read, histories are the fold's. Clients and
        services whose identity was never trained are known by their features alone.
        """
        Training(fold, self.settings, self._seed, self.take, learned).show()
        self.learned = learned

    def take(self, clients: FloatArray, services: FloatArray) -> None:
        """Score with these vectors from now on."""
        self._clients, self._services = clients, services

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
        model.learned = read_learned(directory, arrays, axes_of(model.settings))
        return model
