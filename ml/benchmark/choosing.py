"""Settings and epochs of one of our models, raced on validation among a handful."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import optuna
from optuna.trial import TrialState

from ml.adjustment import Adjusted, Adjustment, choose_adjustment
from ml.dataset import Fold
from ml.evaluation.protocol import EpochQuality, Scores
from ml.models.base import Epoch, EpochListener, Recommender
from ml.models.settings import ModelSettings
from ml.settings import Settings
from ml.trials import SIMPLE_MODELS, new_model

optuna.logging.set_verbosity(optuna.logging.ERROR)

End = Literal["at its plateau", "still rising", "given up", "cut by the time"]


@dataclass(frozen=True)
class Choice:
    """One choice, and what it reached.

    Parameters
    ----------
    settings : ModelSettings or None
        None for a model without settings of its own.
    epochs : int
        The best one's number.
    adjustment : Adjustment
        What is added to the scores; nothing where the fold has no labels, or training was ended.
    ndcg_at_10 : float
        On validation, after that epoch, adjusted.
    ended : str
        Why its training went no further.
    """

    settings: ModelSettings | None
    epochs: int
    adjustment: Adjustment
    ndcg_at_10: float
    ended: End = "at its plateau"


@dataclass(frozen=True)
class Race:
    """What came of some settings.

    Parameters
    ----------
    tried : list of Choice
        In the order in which they were given.
    untried : list of ModelSettings or None
        Those for which there was no time.
    """

    tried: list[Choice]
    untried: list[ModelSettings | None]

    @property
    def best(self) -> Choice:
        """The best on validation; the first of equals."""
        return max(self.tried, key=lambda choice: choice.ndcg_at_10)

    def __str__(self) -> str:
        """How many settings were tried, and how they ended."""
        count = len(self.tried)
        told = [f"best of {count} settings" if count > 1 else "one setting"]
        for ended, words in (
            ("given up", "given up early"),
            ("cut by the time", "cut by the time"),
        ):
            if count := sum(choice.ended == ended for choice in self.tried):
                told.append(f"{count} {words}")
        if self.best.ended == "still rising":
            told.append("validation still rose at the end")
        if self.untried:
            told.append(f"{len(self.untried)} not tried for lack of time")
        return ", ".join(told)


def race(
    name: str,
    choices: Sequence[ModelSettings | None],
    fold: Fold,
    monitor: Callable[[Scores], EpochQuality],
    settings: Settings,
    *,
    stop_at: float | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Race:
    """Fit a model with each of some settings; those that lag behind are given up early.

    The first trains to its plateau. A later one is given up once it has had as many epochs as the
    first needed, and its best NDCG@10 is below the median of what others had reached after as many
    (Optuna's ``MedianPruner``).

    Parameters
    ----------
    name : str
    choices : sequence of ModelSettings or None
        The likeliest first.
    fold : Fold
        What is learned from.
    monitor : callable
        Measures a model on validation.
    settings : Settings
        Its seed and threads.
    stop_at : float, optional
        When all has to be over, on the clock ``time.monotonic``, a refit with the best of them
        included.
    tell : callable, optional
        Hears how far it has come.

    Returns
    -------
    Race
    """
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.NopPruner())
    tried: list[Choice] = []
    refit = 0.0
    for number, choice in enumerate(choices, 1):
        if tried and stop_at is not None and time.monotonic() + refit >= stop_at:
            return Race(tried, list(choices[number - 1 :]))
        runner = _Runner(study.ask(), monitor, stop_at, refit)
        place = f"{number} of {len(choices)}"
        model = new_model(settings, name, choice)
        found = _run(model, fold, runner, partial(_say, tell, place))
        runner.close(study, found)
        # A model in closed form has no epochs: a setting's place is no time that it had.
        if not tried and name not in SIMPLE_MODELS:
            study.pruner = optuna.pruners.MedianPruner(1, found.epochs)
        refit = max(refit, runner.seconds_to_best)
        if found.ended in ("at its plateau", "still rising"):
            found = _adjusted(found, model, fold, monitor, settings)
        tried.append(replace(found, settings=choice))
    return Race(tried, [])


def _adjusted(
    found: Choice,
    model: Recommender,
    fold: Fold,
    monitor: Callable[[Scores], EpochQuality],
    settings: Settings,
) -> Choice:
    adjustment = choose_adjustment(model, fold, settings.block_size)
    if adjustment == Adjustment():
        return found
    quality = monitor(Adjusted.of(model, fold, adjustment))
    return replace(found, adjustment=adjustment, ndcg_at_10=quality.ndcg_at_10)


def _say(tell: Callable[[str], None], place: str, epoch: Epoch) -> None:
    tell(f"{place}, epoch {epoch.number}")


class _Stopped(Exception):  # noqa: N818 - no error: how a race ends a training.
    def __init__(self, ended: End) -> None:
        super().__init__(ended)
        self.ended = ended


class _Runner:
    """A monitor that stops a training which lags, or for whose refit no time would be left."""

    def __init__(
        self,
        trial: optuna.Trial,
        monitor: Callable[[Scores], EpochQuality],
        stop_at: float | None,
        refit: float,
    ) -> None:
        self._trial, self._monitor = trial, monitor
        self._stop_at, self._refit = stop_at, refit
        self._started = time.monotonic()
        self._ends: list[float] = []
        self.seen: list[float] = []

    def __call__(self, model: Recommender) -> EpochQuality:
        quality = self._monitor(model)
        self.seen.append(quality.ndcg_at_10)
        now = time.monotonic()
        self._ends.append(now)
        self._trial.report(quality.ndcg_at_10, step=len(self.seen))
        if self._trial.should_prune():
            raise _Stopped("given up")
        longest = max(self._refit, now - self._started)
        if self._stop_at is not None and now + longest >= self._stop_at:
            raise _Stopped("cut by the time")
        return quality

    @property
    def seconds_to_best(self) -> float:
        """What a training up to its best took, looks at validation included."""
        return self._ends[int(np.argmax(self.seen))] - self._started

    def close(self, study: optuna.Study, found: Choice) -> None:
        """Let later trainings be measured by this one where it reached its end."""
        if found.ended == "given up":
            study.tell(self._trial, state=TrialState.PRUNED)
        else:
            study.tell(self._trial, found.ndcg_at_10)


def _run(model: Recommender, fold: Fold, runner: _Runner, listen: EpochListener) -> Choice:
    try:
        history = model.fit(fold, monitor=runner, progress=listen)
    except _Stopped as stopped:
        best = max(runner.seen)
        return Choice(None, runner.seen.index(best) + 1, Adjustment(), best, stopped.ended)
    best_epoch = model.best_epoch
    # Of a model in closed form it is a place among its settings, and no end of a training.
    is_rising = model.name not in SIMPLE_MODELS and 1 < best_epoch == len(history)
    best = max(runner.seen)
    ended: End = "still rising" if is_rising else "at its plateau"
    return Choice(None, best_epoch, Adjustment(), best, ended)
