"""Optuna trial runs of one model on the validation fold: pruned early, resumable.

Trial n is a function of the data, the seed and the n finished trials before it, and of
nothing else: each draws with a sampler of its own, seeded by the number of finished trials. So
a search that was killed goes on as if it had not been, on the same machine with the same
packages and number of threads. Elsewhere the models' last bits, and with them later draws,
may differ. A time limit only decides after how many trials the search stops.
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from ml.adjustment import Adjusted, Adjustment, choose_adjustment
from ml.dataset import Fold
from ml.errors import InputError, ModelError
from ml.evaluation.protocol import EpochEvaluator, EpochQuality
from ml.files import make_folder
from ml.fingerprint import fingerprint
from ml.models.base import Recommender
from ml.models.registry import create
from ml.models.settings import ModelSettings
from ml.progress import Progress
from ml.settings import Settings
from ml.trials import CHAMPION_METRIC, learned_fold, model_settings
from ml.tuning.saved import Parameters
from ml.tuning.space import Dimension, default_parameters, open_dimensions

TUNING_FOLDER: Final = "tuning"
STORAGE_FILE: Final = "trials.db"
RANDOM_TRIALS: Final = 8
"""Drawn at random before Optuna's sampler has seen enough to lean on."""
_PRUNING_FROM_TRIAL: Final = 4
_AUC: Final = "auc"

optuna.logging.set_verbosity(optuna.logging.ERROR)


@dataclass(frozen=True)
class TrialRun:
    """One finished trial run.

    Parameters
    ----------
    number : int
        From 0: the defaults.
    parameters : mapping of str to int or float
    value : float
        NDCG@10 on validation at the best epoch; of a pruned run at its last.
    auc : float
        At the same epoch.
    epochs : int
        Trained.
    is_pruned : bool
    """

    number: int
    parameters: Parameters
    value: float
    auc: float
    epochs: int
    is_pruned: bool


class Search:
    """The search for one model's settings on one fold.

    Parameters
    ----------
    name : str
        Of the model.
    settings : Settings
        Without what an earlier search found: what its model has there are the defaults.
    fold : Fold
        Validation.
    """

    def __init__(self, name: str, settings: Settings, fold: Fold) -> None:
        base = model_settings(settings, name)
        assert base is not None, f"{name} has no settings"
        self.name = name
        self._settings = settings
        self._fold = fold
        self._base: ModelSettings = base
        self._dimensions = open_dimensions(name, base)
        self.data = fingerprint(fold)
        self.study_name = f"{name}-{self.data}-{self._setup()}"
        self._study = self._open(storage_file(settings))

    def _setup(self) -> str:
        """Fingerprint of all that makes trials comparable, beside the data."""
        setup = {
            "settings": self._base.model_dump(mode="json"),
            "dimensions": [(d.name, d.low, d.high, d.is_log) for d in self._dimensions],
            "seed": self._settings.seed,
            "threads": self._settings.threads,
        }
        text = json.dumps(setup, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def _open(self, path: Path) -> optuna.Study:
        make_folder(path.parent)
        try:
            return optuna.create_study(
                storage=f"sqlite:///{path}",
                study_name=self.study_name,
                direction="maximize",
                load_if_exists=True,
            )
        except (SQLAlchemyError, RuntimeError) as error:
            first = str(error).strip().splitlines()[0]
            raise InputError(
                f"{path} is no readable storage of trials ({first}): move it away and tune again"
            ) from None

    @property
    def finished(self) -> list[TrialRun]:
        """Completed and pruned runs, in order."""
        states = (TrialState.COMPLETE, TrialState.PRUNED)
        trials = self._study.get_trials(deepcopy=False, states=states)
        return [_read(number, trial) for number, trial in enumerate(trials)]

    @property
    def completed(self) -> list[TrialRun]:
        """Runs that were not pruned, in order."""
        return [run for run in self.finished if not run.is_pruned]

    @property
    def best(self) -> TrialRun | None:
        """The first of the best completed runs."""
        return max(self.completed, key=lambda run: run.value, default=None)

    @property
    def default(self) -> TrialRun | None:
        """The run with the defaults."""
        return next(iter(self.finished), None)

    def run(self, trials: int, minutes: float, progress: Progress) -> None:
        """Run trials until there are so many, or the time is up; what is there counts.

        Parameters
        ----------
        trials : int
            Finished ones in all, earlier commands' included.
        minutes : float
            No trial begins after so long; the one under way ends.
        progress : Progress
        """
        self._give_up_killed()
        stop_at = time.monotonic() + 60 * minutes
        while (number := len(self.finished)) < trials and (
            not number or time.monotonic() < stop_at
        ):
            with progress.step(f"{self.name} trial {number}") as step:
                self._one(number, step.update)
                done = self.finished[-1]
                step.outcome = (
                    f"{CHAMPION_METRIC} {done.value:.4f}, "
                    f"{'pruned after' if done.is_pruned else 'trained'} {done.epochs} epochs"
                )

    def _give_up_killed(self) -> None:
        """A killed run's trial stays 'running': it is drawn again, so this one failed."""
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._study.tell(trial.number, state=TrialState.FAIL)

    def _one(self, number: int, tell: Callable[[str], None]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", category=optuna.exceptions.ExperimentalWarning)
            self._study.sampler = optuna.samplers.TPESampler(
                n_startup_trials=RANDOM_TRIALS,
                seed=_seed(self._settings.seed, number),
            )
        if number == 0 and not self._study.get_trials(states=(TrialState.WAITING,)):
            defaults = default_parameters(self._dimensions, self._base)
            self._study.enqueue_trial(
                {d.name: defaults[d.name] for d in self._dimensions if d.holds(defaults[d.name])}
            )
        if self.default is not None:
            # Settings that learn slowly are no worse for that: each has half as many epochs as the
            # defaults trained.
            self._study.pruner = optuna.pruners.MedianPruner(
                n_startup_trials=_PRUNING_FROM_TRIAL, n_warmup_steps=self.default.epochs // 2
            )
        trial = self._study.ask()
        drawn = {d.name: _suggest(trial, d) for d in self._dimensions}
        # The defaults count as they are, also where they lie outside the search.
        settings = self._base if number == 0 else self._base.model_copy(update=drawn)
        monitor = _Reporter(EpochEvaluator(self._fold, self._settings.block_size), trial, tell)
        model = create(
            self.name, settings, seed=self._settings.seed, threads=self._settings.threads
        )
        try:
            model.fit(learned_fold(self._fold, self._settings), monitor=monitor)
            best = self._adjusted(model, monitor.seen[model.best_epoch - 1])
            self._note(trial, best)
            self._study.tell(trial, best.ndcg_at_10)
        except optuna.TrialPruned:
            self._note(trial, monitor.seen[-1])
            self._study.tell(trial, state=TrialState.PRUNED)
        except ModelError:
            # Scores that are not finite: no settings to go on with, and no reason to stop.
            trial.report(0.0, step=len(monitor.seen) + 1)
            self._note(trial, EpochQuality(0.0, 0.0))
            self._study.tell(trial, state=TrialState.PRUNED)

    def _adjusted(self, model: Recommender, without: EpochQuality) -> EpochQuality:
        """What a training would measure: with what it would add to the scores."""
        adjustment = choose_adjustment(model, self._fold, self._settings.block_size)
        if adjustment == Adjustment():
            return without
        evaluate = EpochEvaluator(self._fold, self._settings.block_size)
        return evaluate(Adjusted.of(model, self._fold, adjustment))

    @staticmethod
    def _note(trial: optuna.Trial, quality: EpochQuality) -> None:
        trial.set_user_attr(_AUC, quality.auc)


class _Reporter:
    """A monitor that tells Optuna of each epoch and stops a training that lags behind."""

    def __init__(
        self, evaluator: EpochEvaluator, trial: optuna.Trial, tell: Callable[[str], None]
    ) -> None:
        self._evaluator = evaluator
        self._trial = trial
        self._tell = tell
        self.seen: list[EpochQuality] = []

    def __call__(self, model: Recommender) -> EpochQuality:
        quality = self._evaluator(model)
        self.seen.append(quality)
        epoch = len(self.seen)
        self._trial.report(quality.ndcg_at_10, step=epoch)
        self._tell(f"epoch {epoch}, {CHAMPION_METRIC} {quality.ndcg_at_10:.4f}")
        if self._trial.should_prune():
            raise optuna.TrialPruned
        return quality


def storage_file(settings: Settings) -> Path:
    """Where all trials of a warehouse are kept."""
    return settings.folder / TUNING_FOLDER / STORAGE_FILE


def _seed(seed: int, number: int) -> int:
    digest = hashlib.sha256(f"{seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:4], "little")


def _suggest(trial: optuna.Trial, dimension: Dimension) -> int | float:
    if dimension.is_whole:
        return trial.suggest_int(
            dimension.name, int(dimension.low), int(dimension.high), log=dimension.is_log
        )
    return trial.suggest_float(dimension.name, dimension.low, dimension.high, log=dimension.is_log)


def _read(number: int, trial: FrozenTrial) -> TrialRun:
    value = trial.value
    if value is None:  # A pruned trial's value is its last report.
        value = trial.intermediate_values[max(trial.intermediate_values)]
    return TrialRun(
        number,
        trial.params,
        value,
        trial.user_attrs[_AUC],
        len(trial.intermediate_values),
        trial.state == TrialState.PRUNED,
    )
