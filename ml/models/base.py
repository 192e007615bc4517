"""The protocol that every recommender follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from ml.dataset import FloatArray, Fold, IntArray


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


@dataclass(frozen=True)
class Quality:
    """What a monitor measures after an epoch, on validation labels."""

    auc: float
    ndcg_at_10: float


Monitor = Callable[["Recommender"], Quality]


class Recommender(ABC):
    """A model that scores every service for a client.

    The contract, held by ``tests/models/test_conformance.py``:

    - ``fit`` learns from ``fold.interactions`` and the features, never from ``fold.labels``;
      those reach it only through ``monitor``, for early stopping.
    - ``fit`` with a monitor may stop early and keeps the best epoch's state; ``best_epoch``
      tells which. ``fit`` with ``epochs`` given trains exactly that long, without a monitor.
    - Fitting again forgets the earlier fit: refit equals fresh fit.
    - Same fold, settings and seed give bit-equal scores.
    - A client without interactions is scored from its features (or from what sells to
      everybody), a service without interactions from its features.
    - Scores are finite, and higher is better. They know nothing of eligibility: masks are
      the ranking's business.
    """

    name: ClassVar[str]
    best_epoch: int = 1

    @abstractmethod
    def fit(
        self, fold: Fold, *, monitor: Monitor | None = None, epochs: int | None = None
    ) -> list[Epoch]:
        """Learn from a fold.

        Parameters
        ----------
        fold : Fold
        monitor : callable, optional
            Called after each epoch with the model; its quality decides early stopping.
        epochs : int, optional
            Train exactly this long. Without it, the model's own settings decide.

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
