"""The protocol that every recommender follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy.typing as npt

from ml.dataset import FloatArray, Fold, IntArray

Arrays = dict[str, npt.NDArray[Any]]
"""What a model or a training consists of, by name."""


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


@dataclass(frozen=True)
class Saved:
    """A training as it was after an epoch, or what it came to.

    Parameters
    ----------
    history : list of Epoch
    best_epoch : int
    best : float
        NDCG@10 of the best epoch; minus infinity where nothing was measured.
    is_finished : bool
        Then the parameters of the best epoch are all that is kept.
    arrays : dict of str to ndarray
    """

    history: list[Epoch]
    best_epoch: int
    best: float
    is_finished: bool
    arrays: Arrays


class Checkpoint(Protocol):
    """Where one training leaves its state, to go on from if it is stopped."""

    def read(self, last: int) -> Saved | None:
        """What an earlier training of the very same left; None to begin anew.

        Parameters
        ----------
        last : int
            Epochs that are to be trained at most: to tell how far it had come.
        """
        ...

    def is_due(self) -> bool:
        """Whether enough time has passed to write again."""
        ...

    def write(self, saved: Saved) -> None:
        """Put a state in the place of the one before."""
        ...


class FittedModel(Protocol):
    """What is kept of a model once it is fitted: it scores, and can be saved."""

    best_epoch: int

    @property
    def choices(self) -> dict[str, float | str]:
        """See :class:`Recommender`."""
        ...

    def score(self, clients: IntArray) -> FloatArray:
        """See :class:`Recommender`."""
        ...

    def save(self, directory: Path) -> None:
        """See :class:`Recommender`."""
        ...


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

    @property
    def choices(self) -> dict[str, float | str]:
        """What the last fit chose on the data beside its length: values by setting."""
        return {}

    @abstractmethod
    def fit(
        self,
        fold: Fold,
        *,
        monitor: Monitor | None = None,
        epochs: int | None = None,
        progress: EpochListener | None = None,
        checkpoint: Checkpoint | None = None,
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
        checkpoint : Checkpoint, optional
            Where a training leaves its state, and goes on from one that was stopped: bit for bit
            as if it had not been. Models that learn in closed form leave it alone.

        Returns
        -------
        list of Epoch
            One per epoch; for models in closed form one for each setting that is tried.
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
