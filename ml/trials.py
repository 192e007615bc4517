"""One model's way through validation and test, and the choice between models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ml import contracts
from ml.adjustment import Adjustment, choose_adjustment, scorer
from ml.checkpoints import Checkpoints
from ml.comparisons import ModelDifference, compare_models
from ml.dataset import Fold
from ml.errors import ModelError
from ml.evaluation.calibration import Calibrator
from ml.evaluation.protocol import EpochEvaluator, Evaluation, evaluate
from ml.evaluation.significance import SIGNIFICANT, Comparison, standard_error
from ml.interest import with_interests
from ml.models.base import Epoch, Monitor, Recommender
from ml.models.learned import Adaptable, Learned
from ml.models.registry import MODELS, create
from ml.models.settings import ModelSettings
from ml.progress import Progress
from ml.ranking import Scorer
from ml.settings import Settings

CHAMPION_METRIC: Final = "ndcg@10"
"""Decides between models, on validation."""

SIMPLE_MODELS: Final = ("popularity", "ease")
_ALPHA: Final = 0.05


@dataclass(frozen=True)
class Fitted:
    """A model fitted on the validation fold.

    Parameters
    ----------
    model : Recommender
    epochs : list of Epoch
    fit_seconds : float
        Training alone, per-epoch evaluation left out.
    adjustment : Adjustment
        What is added to the scores.
    calibrator : Calibrator
        Of the adjusted scores.
    validation : Evaluation
    """

    model: Recommender
    epochs: list[Epoch]
    fit_seconds: float
    adjustment: Adjustment
    calibrator: Calibrator
    validation: Evaluation

    @property
    def champion_value(self) -> float:
        """What the choice between models looks at, minus infinity where undefined; never shown."""
        value = self.validation.value(CHAMPION_METRIC)
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
    """

    name: str
    epochs: list[Epoch]
    best_epoch: int
    fit_seconds: float
    adjustment: Adjustment
    calibrator: Calibrator
    validation: Evaluation
    test: Evaluation

    @property
    def evaluations(self) -> dict[str, Evaluation]:
        """By fold."""
        return {contracts.FOLD_VALIDATION: self.validation, contracts.FOLD_TEST: self.test}


@dataclass(frozen=True)
class Champion:
    """The chosen model and why.

    Parameters
    ----------
    name : str
    sentences : tuple of str
        Why it was chosen, with the figures, and how it did on test.
    against : dict of str to Comparison
        Paired comparison of NDCG@10 on the test fold with every other model; p-values
        corrected by Holm's method over all pairs of models.
    """

    name: str
    sentences: tuple[str, ...]
    against: dict[str, Comparison]

    @property
    def reason(self) -> str:
        """The sentences as one text."""
        return " ".join(self.sentences)


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
        model, epochs = fit_model(
            name,
            settings,
            fold,
            start=start,
            monitor=EpochEvaluator(fold, settings.block_size),
            tell=step.update,
            checkpoints=checkpoints,
        )
        step.update("choosing what is added")
        adjustment = choose_adjustment(model, fold, settings.block_size)
        step.update("calibrating")
        score = scorer(model, fold, adjustment)
        calibrator = Calibrator.fit(score, fold, block_size=settings.block_size)
        step.update("measuring")
        fitted = Fitted(
            model,
            epochs,
            sum(epoch.seconds for epoch in epochs),
            adjustment,
            calibrator,
            measure(score, fold, settings, calibrator),
        )
        value = fitted.validation.value(CHAMPION_METRIC)
        step.outcome = (
            f"{CHAMPION_METRIC} {value:.4f}," if value is not None else "no labels,"
        ) + f" epoch {model.best_epoch} of {len(epochs)}"
        if value is not None and 1 < model.best_epoch == len(epochs):
            step.outcome += ", still rising"
        if told := str(adjustment):
            step.outcome += f", {told}"
    return fitted


def test(
    name: str,
    fitted: Fitted,
    settings: Settings,
    fold: Fold,
    progress: Progress,
    start: Learned | None = None,
    keep: Callable[[Recommender], None] | None = None,
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
        trial = Trial(
            name,
            fitted.epochs,
            fitted.model.best_epoch,
            fitted.fit_seconds,
            fitted.adjustment,
            fitted.calibrator,
            fitted.validation,
            measure(scorer(model, fold, fitted.adjustment), fold, settings, fitted.calibrator),
        )
        value = trial.test.value(CHAMPION_METRIC)
        step.outcome = (
            f"{CHAMPION_METRIC} {value:.4f} on test" if value is not None else "no labels"
        )
    return trial


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


def best_on_validation(fitted: Mapping[str, Fitted]) -> str:
    """Choose a model by NDCG@10 on validation; where chance could decide, a baseline serves.

    A learned model has to beat the best baseline significantly, on paired differences between
    clients; of those the best is chosen, since none is simpler than another. Of baselines it is the
    simplest that is no further from the best than one standard error (Breiman et al. 1984,
    Classification and Regression Trees, 3.4.3).

    Parameters
    ----------
    fitted : dict of str to Fitted
        In any order; the simplest is the first of the registry.

    Returns
    -------
    str
    """
    order = [name for name in MODELS if name in fitted]
    baselines = [name for name in order if name in SIMPLE_MODELS]
    learned = [name for name in order if name not in SIMPLE_MODELS]
    floor = _best_of(baselines, fitted) if baselines else None
    if learned:
        best = _best_of(learned, fitted)
        if floor is None or not _is_near(fitted[floor], fitted[best], SIGNIFICANT):
            return best
    assert floor is not None
    return next(name for name in baselines if _is_near(fitted[name], fitted[floor], 1.0))


def _best_of(names: Sequence[str], fitted: Mapping[str, Fitted]) -> str:
    return max(names, key=lambda name: fitted[name].champion_value)


def _is_near(one: Fitted, best: Fitted, errors: float) -> bool:
    """Whether a model is within so many standard errors of a better one."""
    better, worse = (
        fitted.validation.per_client.get(CHAMPION_METRIC, np.empty(0)) for fitted in (best, one)
    )
    lead = better - worse
    lead = lead[~np.isnan(lead)]
    if one is best or len(lead) == 0:
        return True
    return bool(lead.mean() <= errors * standard_error(lead))


def differences(trials: Sequence[Trial], settings: Settings) -> list[ModelDifference]:
    """Compare every pair of models on both folds."""
    found = []
    for fold in (contracts.FOLD_VALIDATION, contracts.FOLD_TEST):
        found += compare_models(
            fold,
            {trial.name: trial.evaluations[fold].per_client for trial in trials},
            seed=settings.seed,
            resamples=settings.bootstrap_samples,
        )
    return found


def crown(name: str, trials: Sequence[Trial], found: Sequence[ModelDifference]) -> Champion:
    """Say why a model was chosen, and how it did against the others on test.

    Parameters
    ----------
    name : str
        Chosen on validation.
    trials : sequence of Trial
    found : sequence of ModelDifference
        Of all pairs, as from ``differences``.

    Returns
    -------
    Champion
    """
    chosen = next(trial for trial in trials if trial.name == name)
    others = [trial for trial in trials if trial.name != name]
    against = dict(
        seen
        for difference in found
        if (difference.fold, difference.metric) == (contracts.FOLD_TEST, CHAMPION_METRIC)
        for seen in [difference.seen_from(name)]
        if seen is not None
    )
    return Champion(name, _sentences(chosen, others, against), against)


def _sentences(
    chosen: Trial, others: Sequence[Trial], against: dict[str, Comparison]
) -> tuple[str, ...]:
    value = chosen.validation.value(CHAMPION_METRIC)
    if value is None:
        return ("No client has a label on validation: nothing could be chosen by.",)
    best = max((chosen, *others), key=lambda t: t.validation.value(CHAMPION_METRIC) or 0.0)
    if best.name == chosen.name:
        sentences = [f"Best {CHAMPION_METRIC} on validation, {value:.4f}."]
    else:
        reached = best.validation.value(CHAMPION_METRIC)
        sentences = [
            f"{CHAMPION_METRIC} {value:.4f} on validation; {best.name} reached {reached:.4f}, no "
            "more above it than chance explains: the simpler model serves."
        ]
    if chosen.name in SIMPLE_MODELS and any(t.name not in SIMPLE_MODELS for t in others):
        sentences.append("A baseline serves: no learned model beats it significantly.")
    sentences += [
        f"On test {c.difference:+.4f} against {name} (95% {c.low:+.4f} to {c.high:+.4f},"
        f" {_verdict(c)})."
        for name, c in against.items()
        if c.difference is not None
    ]
    return tuple(sentences)


def _verdict(comparison: Comparison) -> str:
    assert comparison.p_value is not None
    if comparison.p_value > _ALPHA:
        return f"not significant, p = {comparison.p_value:.2f}"
    return f"p = {comparison.p_value:.3f}"
