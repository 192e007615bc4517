"""Ways of keeping a model up to date, replayed: never, always cold, warm where drift shows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from ml.adjustment import Adjustment, scorer
from ml.backtest.cycle import Cycle
from ml.dataset import Fold
from ml.errors import ModelError
from ml.evaluation.calibration import Calibrator
from ml.evaluation.protocol import Evaluation
from ml.models.learned import Adaptable, Learned
from ml.progress import Progress
from ml.settings import Settings
from ml.trials import (
    Fitted,
    fit_model,
    fit_on_validation,
    learned_fold,
    measure,
    new_model,
)
from ml.warm_start import WarmChoice, choose_start

YARDSTICK: Final = "ease"
"""What a model's quality is held against: it is learned anew in a moment on every date.

Months differ in how hard they are to foretell, and NDCG@10 moves with them by more than tastes do.
The lead over a model that has the same month to foretell, and knows all that is known by then, does
not: it shrinks where the world has moved on from the model in use.
"""


@dataclass(frozen=True)
class State:
    """A model in use.

    Parameters
    ----------
    cutoff_at : datetime
        It has seen nothing from then on.
    learned : Learned
    calibrator : Calibrator
    adjustment : Adjustment
    lead : float or None
        NDCG@10 over the yardstick's on the labels that it was validated on; None where that cannot
        be told.
    """

    cutoff_at: datetime
    learned: Learned
    calibrator: Calibrator
    adjustment: Adjustment
    lead: float | None


@dataclass(frozen=True)
class Offered:
    """What a policy did on a date, and what came of it.

    Parameters
    ----------
    evaluation : Evaluation
        Of its offers on the horizon that followed.
    trained : str
        How: ``no``, ``cold`` or ``warm``.
    seconds : float
        Spent in training, comparisons between cold and warm included.
    note : str
        Why.
    """

    evaluation: Evaluation
    trained: str
    seconds: float
    note: str = ""


def adaptable(settings: Settings, name: str) -> Adaptable:
    """An untrained model that can go on from what it learned before.

    Raises
    ------
    ModelError
        This one cannot.
    """
    model = new_model(settings, name)
    if not isinstance(model, Adaptable):
        raise ModelError(
            f"'{name}' keeps nothing that a later date could go on from: "
            "choose --model lightfm or ncf"
        )
    return model


def _applied(settings: Settings, name: str, fold: Fold, learned: Learned) -> Adaptable:
    model = adaptable(settings, name)
    model.apply(learned_fold(fold, settings), learned)
    return model


class Trainer:
    """Trains a model on dates; a cold training is made once per date, whoever wants it."""

    def __init__(self, name: str, settings: Settings, progress: Progress) -> None:
        self.name = name
        self.settings = settings
        self._progress = progress
        self._cold: tuple[Cycle, Fitted, State, float] | None = None
        self._yardstick: tuple[Cycle, Fitted] | None = None

    def yardstick(self, cycle: Cycle) -> Fitted:
        """The yardstick, learned from what was known a horizon before; once per date."""
        if self._yardstick is None or self._yardstick[0] is not cycle:
            fitted = fit_on_validation(YARDSTICK, self.settings, cycle.past, self._progress)
            self._yardstick = (cycle, fitted)
        return self._yardstick[1]

    def lead(self, evaluation: Evaluation, cycle: Cycle) -> float | None:
        """How far a model is ahead of the yardstick on the labels that have newly arrived.

        Returns
        -------
        float or None
            Its NDCG@10 over the yardstick's: above 1 where it is better.
        """
        own = evaluation.choice_value
        other = self.yardstick(cycle).validation.choice_value
        return None if own is None or not other else own / other

    def cold(self, cycle: Cycle) -> tuple[Fitted, State, float]:
        """Train from nothing: the fit on validation, what serves, and the seconds spent."""
        if self._cold is None or self._cold[0] is not cycle:
            fitted = fit_on_validation(self.name, self.settings, cycle.past, self._progress)
            state, seconds = self._serving(fitted, cycle, None)
            self._cold = (cycle, fitted, state, fitted.fit_seconds + seconds)
        return self._cold[1:]

    def warm(self, cycle: Cycle, states: Sequence[State]) -> tuple[State, float, WarmChoice]:
        """Train from earlier states where that is not worse on validation than from nothing.

        Parameters
        ----------
        cycle : Cycle
        states : sequence of State
            In the order of their cutoffs. A start has never seen what a fold holds out.
        """
        cold, cold_state, cold_seconds = self.cold(cycle)
        start = newest_before(states, cycle.past.cutoff_at)
        choice = choose_start(
            self.name,
            cold,
            None if start is None else start.learned,
            self.settings,
            cycle.past,
            self._progress,
        )
        if choice.warm is None:
            return cold_state, cold_seconds + choice.seconds, choice
        newest = newest_before(states, cycle.date)
        assert newest is not None
        state, seconds = self._serving(choice.warm, cycle, newest.learned)
        return state, cold.fit_seconds + choice.seconds + seconds, choice

    def _serving(self, fitted: Fitted, cycle: Cycle, start: Learned | None) -> tuple[State, float]:
        """Refit up to the date, as long as validation chose."""
        with self._progress.step(f"refit {self.name}{' warm' if start else ''}"):
            model, epochs = fit_model(
                self.name,
                self.settings,
                cycle.present,
                start=start,
                epochs=fitted.model.best_epoch,
            )
        assert isinstance(model, Adaptable), "the command takes no other model"
        assert model.learned is not None
        state = State(
            cycle.date,
            model.learned,
            fitted.calibrator,
            fitted.adjustment,
            self.lead(fitted.validation, cycle),
        )
        return state, sum(epoch.seconds for epoch in epochs)

    def observe(self, state: State, cycle: Cycle) -> Evaluation:
        """Make offers on a date and see what came of them."""
        return self._measured(state, cycle.present)

    def looked_back(self, state: State, cycle: Cycle) -> Evaluation:
        """How a state does on the labels that have newly arrived."""
        return self._measured(state, cycle.past)

    def _measured(self, state: State, fold: Fold) -> Evaluation:
        model = _applied(self.settings, self.name, fold, state.learned)
        score = scorer(model, fold, state.adjustment)
        return measure(score, fold, self.settings, state.calibrator)


def newest_before(states: Sequence[State], moment: datetime) -> State | None:
    """The last state that has seen nothing from a moment on."""
    seen = [state for state in states if state.cutoff_at <= moment]
    return seen[-1] if seen else None


class Policy(ABC):
    """Decides on each date whether and how to train."""

    name: ClassVar[str]

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._states: list[State] = []

    def at(self, cycle: Cycle) -> Offered:
        """Train or not, offer, and observe."""
        trained, seconds, note = self._prepare(cycle)
        return Offered(self._trainer.observe(self._states[-1], cycle), trained, seconds, note)

    @abstractmethod
    def _prepare(self, cycle: Cycle) -> tuple[str, float, str]:
        """Bring the state up to date; how it was trained, the seconds, and why."""

    def _train_cold(self, cycle: Cycle) -> float:
        _, state, seconds = self._trainer.cold(cycle)
        self._states.append(state)
        return seconds


class NeverRetrain(Policy):
    """The first date's model, applied to later dates' clients as far as it can.

    Histories and features are each date's; identities, weights and calibration stay.
    """

    name = "never retrain"

    def _prepare(self, cycle: Cycle) -> tuple[str, float, str]:
        if self._states:
            return "no", 0.0, ""
        return "cold", self._train_cold(cycle), ""


class AlwaysCold(Policy):
    """A new model from nothing on every date."""

    name = "always cold"

    def _prepare(self, cycle: Cycle) -> tuple[str, float, str]:
        return "cold", self._train_cold(cycle), ""


class WarmOnDrift(Policy):
    """Trains when drift shows on newly arrived labels, and once more on the date after.

    The labels that show a drift are the first of the changed world: the date after has twice as
    many. Warm where that is not worse than cold.
    """

    name = "warm on drift"

    def __init__(self, trainer: Trainer) -> None:
        super().__init__(trainer)
        self._is_followed_up = False

    def _prepare(self, cycle: Cycle) -> tuple[str, float, str]:
        if not self._states:
            return "cold", self._train_cold(cycle), ""
        drift = self._drift(cycle)
        looking = self._trainer.yardstick(cycle).fit_seconds
        why = "more is known of what drifted" if drift is None and self._is_followed_up else drift
        self._is_followed_up = drift is not None
        if why is None:
            return "no", looking, ""
        state, seconds, choice = self._trainer.warm(cycle, self._states)
        self._states.append(state)
        how = "cold" if choice.warm is None else "warm"
        return how, looking + seconds, f"{why}; {choice.reason}"

    def _drift(self, cycle: Cycle) -> str | None:
        """What has drifted, in words; None where nothing has, or nothing can be said yet."""
        state = newest_before(self._states, cycle.past.cutoff_at)
        if state is None:
            return None
        found = self._trainer.looked_back(state, cycle)
        own = self._trainer.settings.backtest
        lead, error = self._trainer.lead(found, cycle), found.value("calibration_error")
        # The best of all trainings: one that fell into the drift itself has little lead to lose.
        best = max((s.lead for s in self._states if s.lead is not None), default=None)
        if lead is not None and best is not None and lead < (1 - own.drift_drop) * best:
            return f"lead over {YARDSTICK} fell from {best:.3f} to {lead:.3f}"
        if error is not None and error > own.drift_calibration_error:
            return f"calibration error {error:.4f}"
        return None


POLICIES: tuple[type[Policy], ...] = (NeverRetrain, AlwaysCold, WarmOnDrift)
"""In the order in which they are shown."""

__all__ = ["POLICIES", "Offered", "Policy", "State", "Trainer", "adaptable"]
