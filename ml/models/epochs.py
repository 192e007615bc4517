"""Training epoch by epoch: early stopping, the best state, and going on where one was stopped."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from ml.models.base import (
    Arrays,
    Checkpoint,
    Epoch,
    EpochListener,
    Monitor,
    Quality,
    Recommender,
    Saved,
)

_NOW, _BEST, _REST = "now.", "best.", "rest."


class Trainee(ABC):
    """One training in progress: what :func:`train_by_epoch` drives.

    The next epoch depends on the fold, the settings, the seed, ``parameters`` and ``state``, and on
    nothing else: a training into which both are put goes on bit for bit as the one they are of.
    """

    @abstractmethod
    def epoch(self) -> float | None:
        """Train one epoch and return its mean loss, if any."""

    @abstractmethod
    def show(self) -> None:
        """Make the model's ``score`` reflect the parameters as they are now."""

    @abstractmethod
    def parameters(self) -> Arrays:
        """What scores come from; may be written into by the next epoch."""

    @abstractmethod
    def set_parameters(self, arrays: Arrays) -> None:
        """Put others in the place of ``parameters``; they are the trainee's own from then on."""

    @abstractmethod
    def state(self) -> Arrays:
        """All else that the next epoch depends on: the optimiser's sums, random generators, ..."""

    @abstractmethod
    def set_state(self, arrays: Arrays) -> None:
        """Put another state in the place of this one, after ``set_parameters``."""


@dataclass
class _Place:
    """How far a training has come.

    Parameters
    ----------
    history : list of Epoch
    best_epoch : int
    best : float
    kept : dict of str to ndarray
        Parameters of the best epoch, where something was measured.
    """

    history: list[Epoch] = field(default_factory=list)
    best_epoch: int = 1
    best: float = float("-inf")
    kept: Arrays = field(default_factory=dict)

    @property
    def epochs_without_better(self) -> int:
        return len(self.history) - self.best_epoch

    def add(self, record: Epoch, trainee: Trainee, *, is_judged: bool) -> None:
        """Take note of an epoch, and of its parameters where they are the best so far."""
        self.history.append(record)
        if record.ndcg_at_10 is None or not is_judged:
            self.best_epoch = record.number
        elif record.ndcg_at_10 > self.best:
            self.best, self.best_epoch = record.ndcg_at_10, record.number
            self.kept = {name: array.copy() for name, array in trainee.parameters().items()}

    def saved(self, arrays: Arrays, *, is_finished: bool) -> Saved:
        """The same with some arrays, as a checkpoint holds it."""
        return Saved(list(self.history), self.best_epoch, self.best, is_finished, arrays)


def train_by_epoch(
    model: Recommender,
    trainee: Trainee,
    *,
    max_epochs: int,
    patience: int,
    monitor: Monitor | None,
    epochs: int | None,
    progress: EpochListener | None,
    checkpoint: Checkpoint | None,
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
    monitor, epochs, progress, checkpoint
        As in :meth:`Recommender.fit`.

    Returns
    -------
    list of Epoch
        Those before a stop included; ``progress`` hears only of the later ones.
    """
    last = epochs or max_epochs
    saved = checkpoint.read(last) if checkpoint else None
    place = _Place() if saved is None else _take_up(trainee, saved)
    is_finished = saved is not None and saved.is_finished
    is_shown = False
    while not is_finished and len(place.history) < last and place.epochs_without_better < patience:
        number = len(place.history) + 1
        started = time.perf_counter()
        loss = trainee.epoch()
        # Nobody looks at the model between epochs without a monitor: its vectors can wait.
        is_shown = monitor is not None or number == last
        if is_shown:
            trainee.show()
        seconds = time.perf_counter() - started
        record = _record(number, loss, monitor(model) if monitor else None, seconds)
        place.add(record, trainee, is_judged=epochs is None)
        model.best_epoch = place.best_epoch
        if checkpoint and number < last and checkpoint.is_due():
            checkpoint.write(place.saved(_whole(trainee, place), is_finished=False))
        if progress:
            progress(record)
    if place.kept and place.epochs_without_better:
        trainee.set_parameters(place.kept)
        is_shown = False
    if not is_shown:
        trainee.show()
    model.best_epoch = place.best_epoch
    if checkpoint and not is_finished:
        checkpoint.write(place.saved(trainee.parameters(), is_finished=True))
    return place.history


def _record(number: int, loss: float | None, quality: Quality | None, seconds: float) -> Epoch:
    return Epoch(
        number,
        loss,
        quality.auc if quality else None,
        quality.ndcg_at_10 if quality else None,
        seconds,
    )


def _whole(trainee: Trainee, place: _Place) -> Arrays:
    """All that an unfinished training goes on from, under names that tell what it is."""
    return {
        f"{prefix}{name}": array
        for prefix, arrays in (
            (_NOW, trainee.parameters()),
            (_BEST, place.kept),
            (_REST, trainee.state()),
        )
        for name, array in arrays.items()
    }


def _take_up(trainee: Trainee, saved: Saved) -> _Place:
    """Bring a fresh trainee to where a stopped one was."""
    place = _Place(list(saved.history), saved.best_epoch, saved.best)
    if saved.is_finished:
        trainee.set_parameters(saved.arrays)
        return place
    trainee.set_parameters(_named(saved.arrays, _NOW))
    trainee.set_state(_named(saved.arrays, _REST))
    place.kept = _named(saved.arrays, _BEST)
    return place


def _named(arrays: Arrays, prefix: str) -> Arrays:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
