"""Settings and epochs of one of our models, chosen on validation among a handful."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ml.adjustment import Adjusted, Adjustment, choose_adjustment
from ml.dataset import Fold
from ml.evaluation.protocol import EpochQuality, Scores
from ml.models.settings import ModelSettings
from ml.settings import Settings
from ml.trials import new_model


@dataclass(frozen=True)
class Choice:
    """One choice, and what it reached.

    Parameters
    ----------
    settings : ModelSettings or None
        None for a model without settings of its own.
    epochs : int
        Early stopping's.
    adjustment : Adjustment
        What is added to the scores; nothing where the fold has no labels.
    ndcg_at_10 : float
        On validation, adjusted.
    """

    settings: ModelSettings | None
    epochs: int
    adjustment: Adjustment
    ndcg_at_10: float


def try_choices(
    name: str,
    choices: Sequence[ModelSettings | None],
    fold: Fold,
    monitor: Callable[[Scores], EpochQuality],
    settings: Settings,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Choice]:
    """Fit a model with each of some settings, with early stopping.

    Parameters
    ----------
    name : str
    choices : sequence of ModelSettings or None
    fold : Fold
        What is learned from.
    monitor : callable
        Measures a model on validation.
    settings : Settings
        Its seed and threads.
    tell : callable, optional
        Hears how far it has come.

    Returns
    -------
    list of Choice
        In the order of ``choices``.
    """
    tried = []
    for number, choice in enumerate(choices, 1):
        place = f"{number} of {len(choices)}"
        model = new_model(settings, name, choice)
        model.fit(
            fold,
            monitor=monitor,
            progress=lambda epoch, place=place: tell(  # type: ignore[misc]
                f"{place}, epoch {epoch.number}"
            ),
        )
        adjustment = choose_adjustment(model, fold, settings.block_size)
        quality = monitor(Adjusted.of(model, fold, adjustment))
        tried.append(Choice(choice, model.best_epoch, adjustment, quality.ndcg_at_10))
    return tried


def best_of(tried: Sequence[Choice]) -> Choice:
    """Pick the best on validation; the first of equals."""
    return max(tried, key=lambda choice: choice.ndcg_at_10)
