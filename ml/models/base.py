"""The protocol that every recommender follows."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, Self

from pydantic import BaseModel, ConfigDict

from ml.dataset import FloatArray, Fold, IntArray


class ModelSettings(BaseModel):
    """Base of every model's settings: frozen, and a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training data reached.

    Parameters
    ----------
    number : int
        From 1.
    loss : float or None
        Mean training loss of the epoch; None where the method has no such thing.
    auc, ndcg_at_10 : float or None
        On the validation labels; None where no monitor was given.
    seconds : float
        Wall time of the epoch's training, without evaluation.
    """

    number: int
    loss: float | None
    auc: float | None
    ndcg_at_10: float | None
    seconds: float


class Quality(Protocol):
    """What a monitor measures after an epoch, on validation labels."""

    @property
    def auc(self) -> float:
        """Mean over clients."""
        ...

    @property
    def ndcg_at_10(self) -> float:
        """Mean over clients; what early stopping looks at."""
        ...


Monitor = Callable[["Recommender"], Quality]
"""Measures the model as it is after an epoch."""

EpochListener = Callable[[Epoch], None]
"""Hears of each epoch as it ends: progress for the person who waits."""


class Recommender(ABC):
    """A model that scores every service for a client.

    The contract, held by ``tests/models/test_conformance.py``:

    - ``fit`` learns from ``fold.interactions``, their ages and the features, never from
      ``fold.labels``; those reach it only through ``monitor``, for early stopping.
    - ``fit`` with a monitor may stop early and keeps the best epoch's state; ``best_epoch``
      tells which. ``fit`` with ``epochs`` given trains exactly that long and keeps the last
      state, also where a monitor watches.
    - Fitting again forgets the earlier fit: refit equals fresh fit.
    - Same fold, settings, seed and number of threads give bit-equal scores.
    - A client without interactions is scored from its features (or from what sells to
      everybody), a service without interactions from its features.
    - Scores are finite, and higher is better. They know nothing of eligibility: masks are
      the ranking's business.

    Every model takes ``settings`` (of its own class, or None for the defaults), ``seed`` and
    ``threads`` by keyword.
    """

    name: ClassVar[str]
    best_epoch: int = 1

    @abstractmethod
    def fit(
        self,
        fold: Fold,
        *,
        monitor: Monitor | None = None,
        epochs: int | None = None,
        progress: EpochListener | None = None,
    ) -> list[Epoch]:
        """Learn from a fold.

        Parameters
        ----------
        fold : Fold
        monitor : callable, optional
            Called after each epoch with the model; its quality decides early stopping.
        epochs : int, optional
            Train exactly this long. Without it, the model's own settings decide.
        progress : callable, optional
            Called after each epoch with its record.

        Returns
        -------
        list of Epoch
            One per epoch; a single one for models that learn in closed form.
        """

    @abstractmethod
    def score(self, clients: IntArray) -> FloatArray:
        """Scores of all services for some clients.

        Parameters
        ----------
        clients : ndarray of int32, (n,)

        Returns
        -------
        ndarray of float32, (n, n_services)
            A new array: the caller may write into it.
        """

    @abstractmethod
    def save(self, directory: Path) -> None:
        """Write the fitted state to a folder (safetensors and JSON; no pickle)."""

    @classmethod
    @abstractmethod
    def load(cls, directory: Path) -> Self:
        """Read back what ``save`` wrote; scores are equal bit for bit."""


class Trainee(ABC):
    """One training in progress: what :func:`train_by_epoch` drives."""

    @abstractmethod
    def epoch(self) -> float | None:
        """Train one epoch and return its mean loss, if any."""

    @abstractmethod
    def show(self) -> None:
        """Make the model's ``score`` reflect the training so far."""

    @abstractmethod
    def keep(self) -> None:
        """Remember the present state as the best so far."""

    @abstractmethod
    def restore(self) -> None:
        """Go back to the state that was kept."""


def train_by_epoch(
    model: Recommender,
    trainee: Trainee,
    *,
    max_epochs: int,
    patience: int,
    monitor: Monitor | None,
    epochs: int | None,
    progress: EpochListener | None,
) -> list[Epoch]:
    """Train epoch by epoch with early stopping, and leave the model at its best epoch.

    Parameters
    ----------
    model : Recommender
        Shown to ``monitor``; its ``best_epoch`` is set.
    trainee : Trainee
    max_epochs : int
        Upper limit where ``epochs`` is not given.
    patience : int
        Epochs without a better NDCG@10 after which training stops.
    monitor, epochs, progress
        As in :meth:`Recommender.fit`.

    Returns
    -------
    list of Epoch
    """
    history: list[Epoch] = []
    best = float("-inf")
    model.best_epoch = 1
    last = epochs or max_epochs
    for number in range(1, last + 1):
        started = time.perf_counter()
        loss = trainee.epoch()
        # Nobody looks at the model between epochs without a monitor: its vectors can wait.
        if monitor or number == last:
            trainee.show()
        seconds = time.perf_counter() - started
        quality = monitor(model) if monitor else None
        record = Epoch(
            number,
            loss,
            quality.auc if quality else None,
            quality.ndcg_at_10 if quality else None,
            seconds,
        )
        history.append(record)
        if progress:
            progress(record)
        if quality is None or epochs is not None:
            model.best_epoch = number
        elif quality.ndcg_at_10 > best:
            best, model.best_epoch = quality.ndcg_at_10, number
            trainee.keep()
        elif number - model.best_epoch >= patience:
            break
    if model.best_epoch != len(history):
        trainee.restore()
    return history
