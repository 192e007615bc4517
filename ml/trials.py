"""One model's way through validation and test, and the choice between models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ml.dataset import Fold
from ml.evaluation.protocol import EpochEvaluator, Evaluation, evaluate
from ml.evaluation.significance import Comparison, compare, holm
from ml.models.base import Epoch, ModelSettings, Recommender
from ml.models.registry import create
from ml.progress import Progress
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
    validation : Evaluation
    """

    model: Recommender
    epochs: list[Epoch]
    fit_seconds: float
    validation: Evaluation

    @property
    def champion_value(self) -> float:
        """What the choice between models looks at; minus infinity where undefined."""
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
    validation, test : Evaluation
    """

    name: str
    epochs: list[Epoch]
    best_epoch: int
    fit_seconds: float
    validation: Evaluation
    test: Evaluation


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
        corrected by Holm's method.
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


def new_model(settings: Settings, name: str) -> Recommender:
    """An untrained model as the settings want it."""
    return create(
        name, model_settings(settings, name), seed=settings.seed, threads=settings.threads
    )


def fit_on_validation(name: str, settings: Settings, fold: Fold, progress: Progress) -> Fitted:
    """Fit with early stopping on the validation labels, and measure."""
    with progress.step(f"fit {name}") as step:
        model = new_model(settings, name)
        epochs = model.fit(
            fold,
            monitor=EpochEvaluator(fold, settings.block_size),
            progress=lambda epoch: step.update(_told(epoch)),
        )
        fitted = Fitted(
            model, epochs, sum(epoch.seconds for epoch in epochs), measure(model, fold, settings)
        )
        step.outcome = (
            f"{CHAMPION_METRIC} {fitted.champion_value:.4f},"
            f" epoch {model.best_epoch} of {len(epochs)}"
        )
    return fitted


def test(
    name: str, fitted: Fitted, settings: Settings, fold: Fold, progress: Progress
) -> tuple[Trial, Recommender]:
    """Refit up to the test cutoff, as long as validation chose, and measure once."""
    with progress.step(f"test {name}") as step:
        model = refit(name, fitted.model.best_epoch, settings, fold, step.update)
        trial = Trial(
            name,
            fitted.epochs,
            fitted.model.best_epoch,
            fitted.fit_seconds,
            fitted.validation,
            measure(model, fold, settings),
        )
        value = trial.test.value(CHAMPION_METRIC)
        step.outcome = (
            f"{CHAMPION_METRIC} {value:.4f} on test" if value is not None else "no labels"
        )
    return trial, model


def refit(
    name: str, epochs: int, settings: Settings, fold: Fold, tell: Callable[[str], None]
) -> Recommender:
    """Fit a fresh model for a given number of epochs, without looking at labels."""
    model = new_model(settings, name)
    model.fit(fold, epochs=epochs, progress=lambda epoch: tell(_told(epoch)))
    return model


def measure(model: Recommender, fold: Fold, settings: Settings) -> Evaluation:
    """All metrics of a model on a fold, with intervals."""
    return evaluate(
        model.score,
        fold,
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


def best_on_validation(fitted: dict[str, Fitted]) -> str:
    """Name of the model with the best value; the first of equals, which is the simpler."""
    return max(fitted, key=lambda name: fitted[name].champion_value)


def crown(name: str, trials: Sequence[Trial], settings: Settings) -> Champion:
    """Say why a model was chosen, and how it did against the others on test.

    Parameters
    ----------
    name : str
        Chosen on validation.
    trials : sequence of Trial
    settings : Settings

    Returns
    -------
    Champion
    """
    chosen = next(trial for trial in trials if trial.name == name)
    others = [trial for trial in trials if trial.name != name]
    found = [
        compare(
            chosen.test.per_client[CHAMPION_METRIC],
            other.test.per_client[CHAMPION_METRIC],
            seed=settings.seed,
            resamples=settings.bootstrap_samples,
        )
        for other in others
    ]
    corrected = holm(np.array([1.0 if c.p_value is None else c.p_value for c in found]))
    against = {
        other.name: replace(comparison, p_value=float(p_value))
        for other, comparison, p_value in zip(others, found, corrected, strict=True)
    }
    return Champion(name, _sentences(chosen, others, against), against)


def _sentences(
    chosen: Trial, others: Sequence[Trial], against: dict[str, Comparison]
) -> tuple[str, ...]:
    value = chosen.validation.value(CHAMPION_METRIC)
    if value is None:
        return ("No client has a label on validation, so the first model serves.",)
    sentences = [f"Best {CHAMPION_METRIC} on validation, {value:.4f}."]
    if chosen.name in SIMPLE_MODELS and any(t.name not in SIMPLE_MODELS for t in others):
        sentences.append("A simple baseline wins: no learned model did better on validation.")
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
