"""One model's way through validation and test."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ml import contracts
from ml.adjustment import Adjustment, choose_adjustment, scorer
from ml.blending import BLEND, Blend, blend_weights
from ml.checkpoints import Checkpoints
from ml.dataset import Fold
from ml.enough import too_little
from ml.errors import ModelError
from ml.evaluation.calibration import Calibrator
from ml.evaluation.protocol import EpochEvaluator, Evaluation, evaluate
from ml.interest import with_interests
from ml.models.base import Epoch, FittedModel, Monitor, Recommender
from ml.models.learned import Adaptable, Learned
from ml.models.registry import create
from ml.models.settings import ModelSettings
from ml.progress import Progress
from ml.ranking import Scorer
from ml.settings import Settings

CHAMPION_METRIC: Final = "ndcg@10"
"""Decides between models, on validation; of fewer first offers where the catalogue is small."""

SIMPLE_MODELS: Final = ("popularity", "segment_popularity", "item_knn", "ease")


@dataclass(frozen=True)
class Fitted:
    """A model fitted on the validation fold.

    Parameters
    ----------
    model : Recommender, or a blend of them
    epochs : list of Epoch
    fit_seconds : float
        Training alone, per-epoch evaluation left out.
    adjustment : Adjustment
        What is added to the scores.
    calibrator : Calibrator
        Of the adjusted scores.
    validation : Evaluation
    """

    model: FittedModel
    epochs: list[Epoch]
    fit_seconds: float
    adjustment: Adjustment
    calibrator: Calibrator
    validation: Evaluation

    @property
    def champion_value(self) -> float:
        """What the choice between models looks at, minus infinity where undefined; never shown."""
        value = self.validation.choice_value
        return float("-inf") if value is None else value


@dataclass(frozen=True)
class Trial:
    """What one model reached.

    Parameters
    ----------
    name : str
    epochs : list of Epoch
        Of the validation fit.
    best_epoch : int
        Early stopping's choice; the refits train this long.
    fit_seconds : float
        Of the validation fit.
    adjustment : Adjustment
        Chosen on validation; the refits keep it.
    calibrator : Calibrator
        Fitted on validation.
    validation, test : Evaluation
    choices : dict of str to float or str
        What the model chose for itself on validation.
    """

    name: str
    epochs: list[Epoch]
    best_epoch: int
    fit_seconds: float
    adjustment: Adjustment
    calibrator: Calibrator
    validation: Evaluation
    test: Evaluation
    choices: dict[str, float | str] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """What was chosen on the data, in words; empty where nothing was."""
        own = tell_choices(self.choices, is_blend=self.name == BLEND)
        return ", ".join(part for part in (own, str(self.adjustment)) if part)

    @property
    def evaluations(self) -> dict[str, Evaluation]:
        """By fold."""
        return {contracts.FOLD_VALIDATION: self.validation, contracts.FOLD_TEST: self.test}


def model_settings(settings: Settings, name: str) -> ModelSettings | None:
    """Settings of one model; None where it has none of its own."""
    found: ModelSettings | None = getattr(settings, name, None)
    return found


def learned_fold(fold: Fold, settings: Settings) -> Fold:
    """The history that models are fitted on."""
    return with_interests(fold) if settings.learns_from_web_events else fold


def new_model(settings: Settings, name: str, instead: ModelSettings | None = None) -> Recommender:
    """An untrained model as the settings want it, or with other settings of its own."""
    own = model_settings(settings, name) if instead is None else instead
    return create(name, own, seed=settings.seed, threads=settings.threads)


def fit_model(
    name: str,
    settings: Settings,
    fold: Fold,
    *,
    start: Learned | None = None,
    monitor: Monitor | None = None,
    epochs: int | None = None,
    tell: Callable[[str], None] = lambda text: None,
    checkpoints: Checkpoints | None = None,
) -> tuple[Recommender, list[Epoch]]:
    """Fit a fresh model, from nothing or from what an earlier one learned.

    Parameters
    ----------
    name : str
    settings : Settings
    fold : Fold
    start : Learned, optional
    monitor, epochs
        As in :meth:`Recommender.fit`.
    tell : callable
        Hears of each epoch in words.
    checkpoints : Checkpoints, optional
        Where the fit leaves its state, and goes on from a run that was killed.

    Returns
    -------
    model : Recommender
    epochs : list of Epoch

    Raises
    ------
    ModelError
        The model cannot go on from an earlier one, or not from this one.
    """
    model, history = new_model(settings, name), learned_fold(fold, settings)

    def listen(epoch: Epoch) -> None:
        tell(_told(epoch))

    if start is not None and not isinstance(model, Adaptable):
        raise ModelError(f"'{name}' cannot go on from an earlier model")
    checkpoint = None
    if checkpoints is not None and name not in SIMPLE_MODELS:
        checkpoint = checkpoints.of(
            name,
            model_settings(settings, name),
            fold,
            start=start,
            epochs=epochs,
            is_monitored=monitor is not None,
        )
    given: dict[str, Any] = {} if start is None else {"start": start}
    seen = model.fit(
        history, monitor=monitor, epochs=epochs, progress=listen, checkpoint=checkpoint, **given
    )
    return model, seen


def fit_on_validation(
    name: str,
    settings: Settings,
    fold: Fold,
    progress: Progress,
    start: Learned | None = None,
    checkpoints: Checkpoints | None = None,
) -> Fitted:
    """Fit with early stopping on the validation labels, calibrate, and measure.

    Raises
    ------
    ModelError
        The start does not fit the model as it is set now.
    """
    with progress.step(f"fit {name}{' warm' if start else ''}") as step:
        # With too little to choose on, baselines take their usual settings.
        is_blind = name in SIMPLE_MODELS and bool(too_little(fold))
        model, epochs = fit_model(
            name,
            settings,
            fold,
            start=start,
            monitor=None if is_blind else EpochEvaluator(fold, settings.block_size),
            tell=step.update,
            checkpoints=checkpoints,
        )
        step.update("choosing what is added")
        adjustment = choose_adjustment(model, fold, settings.block_size)
        fitted = _judged(model, epochs, adjustment, fold, settings)
        told = [f"epoch {model.best_epoch} of {len(epochs)}"] if name not in SIMPLE_MODELS else []
        if len(told) and fitted.champion_value > float("-inf"):
            told += ["still rising"] if 1 < model.best_epoch == len(epochs) else []
        step.outcome = _outcome(fitted, [*told, tell_choices(model.choices), str(adjustment)])
    return fitted


def fit_blend(
    fitted: Mapping[str, Fitted], settings: Settings, fold: Fold, progress: Progress
) -> Fitted | None:
    """Blend models that are fitted on validation; None where no blend gains significantly.

    Parameters
    ----------
    fitted : dict of str to Fitted
    settings : Settings
    fold : Fold
        Validation.
    progress : Progress

    Returns
    -------
    Fitted or None
        Its seconds are those of choosing the weights.
    """
    if len(fitted) < 2 or too_little(fold):
        return None
    with progress.step("blend models") as step:
        started = time.perf_counter()
        models = {name: one.model for name, one in fitted.items()}
        adjustments = {name: one.adjustment for name, one in fitted.items()}
        equal = dict.fromkeys(fitted, 1 / len(fitted))
        best = max(fitted, key=lambda name: fitted[name].champion_value)
        members = Blend.of(equal, models, adjustments, fold).members
        weights = blend_weights(members, best, fold, fitted[best].validation.k)
        if not weights:
            step.outcome = f"none is significantly better than {best}"
            return None
        blend = Blend.of(weights, models, adjustments, fold)
        epochs = [Epoch(1, None, None, None, time.perf_counter() - started)]
        found = _judged(blend, epochs, Adjustment(), fold, settings)
        step.outcome = _outcome(found, [tell_choices(blend.choices, is_blend=True)])
    return found


def _judged(
    model: FittedModel,
    epochs: list[Epoch],
    adjustment: Adjustment,
    fold: Fold,
    settings: Settings,
) -> Fitted:
    """Calibrate and measure what is fitted on validation."""
    score = scorer(model, fold, adjustment)
    calibrator = Calibrator.fit(score, fold, block_size=settings.block_size)
    return Fitted(
        model,
        epochs,
        sum(epoch.seconds for epoch in epochs),
        adjustment,
        calibrator,
        measure(score, fold, settings, calibrator),
    )


def _outcome(fitted: Fitted, told: Sequence[str]) -> str:
    metric = fitted.validation.choice_metric
    value = fitted.validation.value(metric)
    reached = "no labels" if value is None else f"{metric} {value:.4f}"
    return ", ".join([reached, *(part for part in told if part)])


def tell_choices(choices: Mapping[str, float | str], *, is_blend: bool = False) -> str:
    """Choices in words.

    Examples
    --------
    >>> tell_choices({"regularisation": 2000.0})
    'regularisation 2,000'
    >>> tell_choices({"ncf": 0.6, "ease": 0.4}, is_blend=True)
    '60% ncf, 40% ease'
    """
    return ", ".join(
        f"{value:.0%} {name}"
        if is_blend and isinstance(value, float)
        else f"{name} {value if isinstance(value, str) else format(value, ',.10g')}"
        for name, value in choices.items()
    )


def test(
    name: str,
    fitted: Fitted,
    settings: Settings,
    fold: Fold,
    progress: Progress,
    start: Learned | None = None,
    keep: Callable[[FittedModel], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> Trial:
    """Refit up to the test cutoff, as long as validation chose, and measure once.

    ``keep`` is shown the refitted model, which is let go afterwards.
    """
    with progress.step(f"test {name}") as step:
        model, _ = fit_model(
            name,
            settings,
            fold,
            start=start,
            epochs=fitted.model.best_epoch,
            tell=step.update,
            checkpoints=checkpoints,
        )
        if keep is not None:
            keep(model)
        trial = _trial(name, fitted, model, settings, fold)
        step.outcome = _outcome_of_test(trial)
    return trial


def test_blend(
    fitted: Fitted, blend: FittedModel, settings: Settings, fold: Fold, progress: Progress
) -> Trial:
    """Measure a blend once, of members that are refitted up to the test cutoff."""
    with progress.step(f"test {BLEND}") as step:
        found = _trial(BLEND, fitted, blend, settings, fold)
        step.outcome = _outcome_of_test(found)
    return found


def blend_of(
    chosen: FittedModel | Trial,
    trials: Sequence[Trial],
    models: Mapping[str, FittedModel],
    fold: Fold,
) -> Blend:
    """Put a chosen blend together from members that were fitted on another fold.

    Parameters
    ----------
    chosen : Blend, or what it reached
        Knows the weights.
    trials : sequence of Trial
        Of the members.
    models : dict of str to Recommender
        The members, fitted on the fold.
    fold : Fold
    """
    weights = {name: float(weight) for name, weight in chosen.choices.items()}
    return Blend.of(weights, models, {trial.name: trial.adjustment for trial in trials}, fold)


def _trial(name: str, fitted: Fitted, model: FittedModel, settings: Settings, fold: Fold) -> Trial:
    return Trial(
        name,
        fitted.epochs,
        fitted.model.best_epoch,
        fitted.fit_seconds,
        fitted.adjustment,
        fitted.calibrator,
        fitted.validation,
        measure(scorer(model, fold, fitted.adjustment), fold, settings, fitted.calibrator),
        fitted.model.choices,
    )


def _outcome_of_test(trial: Trial) -> str:
    metric = trial.test.choice_metric
    value = trial.test.value(metric)
    return f"{metric} {value:.4f} on test" if value is not None else "no labels"


def measure(score: Scorer, fold: Fold, settings: Settings, calibrator: Calibrator) -> Evaluation:
    """All metrics of scores on a fold, with intervals; the calibrator is moved to the fold."""
    return evaluate(
        score,
        fold,
        calibrator=calibrator.moved_to(score, fold, settings.block_size),
        block_size=settings.block_size,
        resamples=settings.bootstrap_samples,
        seed=settings.seed,
    )


def _told(epoch: Epoch) -> str:
    parts = [f"epoch {epoch.number}"]
    if epoch.loss is not None:
        parts.append(f"loss {epoch.loss:.4f}")
    if epoch.ndcg_at_10 is not None:
        parts.append(f"{CHAMPION_METRIC} {epoch.ndcg_at_10:.4f}")
    return ", ".join(parts)
