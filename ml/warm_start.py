"""Go on from an earlier model, where that is not worse than beginning anew."""

from __future__ import annotations

from dataclasses import dataclass

from ml.checkpoints import Checkpoints
from ml.dataset import Fold
from ml.errors import ModelError
from ml.evaluation.significance import Comparison, compare
from ml.models.learned import Learned
from ml.progress import Progress
from ml.settings import Settings
from ml.trials import Fitted, fit_on_validation


@dataclass(frozen=True)
class WarmChoice:
    """Whether a model goes on from an earlier one, and by what numbers.

    Parameters
    ----------
    warm : Fitted or None
        The warm fit where it is used; None where the cold one is.
    comparison : Comparison or None
        Paired, of NDCG on validation, warm minus cold; None where there was no start.
    reason : str
        The decision in words, with its numbers.
    seconds : float
        Training time of the warm fit.
    """

    warm: Fitted | None
    comparison: Comparison | None
    reason: str
    seconds: float


def choose_start(
    name: str,
    cold: Fitted,
    start: Learned | None,
    settings: Settings,
    fold: Fold,
    progress: Progress,
    checkpoints: Checkpoints | None = None,
) -> WarmChoice:
    """Fit from a start too, and compare with the cold fit on the same labels.

    Parameters
    ----------
    name : str
        A model that can go on from a start.
    cold : Fitted
        The same model from nothing, on the same fold.
    start : Learned, optional
        From a model that has seen nothing from the fold's cutoff on.
    settings : Settings
    fold : Fold
        Validation.
    progress : Progress
    checkpoints : Checkpoints, optional
        As in :func:`ml.trials.fit_model`.

    Returns
    -------
    WarmChoice
    """
    if start is None:
        return WarmChoice(None, None, "cold: no earlier model knows little enough", 0.0)
    try:
        warm = fit_on_validation(name, settings, fold, progress, start, checkpoints)
    except ModelError as error:
        return WarmChoice(None, None, f"cold: {error}", 0.0)
    metric = cold.validation.choice_metric
    found = compare(
        warm.validation.per_client[metric],
        cold.validation.per_client[metric],
        seed=settings.seed,
        resamples=settings.bootstrap_samples,
    )
    # The cold model is there already: one that may be worse is no saving.
    is_worse = found.difference is None or found.difference < 0
    reason = (
        f"{'cold' if is_worse else 'warm'}: warm minus cold {metric} "
        + ("unknown" if found.difference is None else f"{found.difference:+.4f}")
        + ("" if found.p_value is None else f" (p {found.p_value:.3f})")
        + f", {warm.fit_seconds:.1f} s and {cold.fit_seconds:.1f} s"
    )
    return WarmChoice(None if is_worse else warm, found, reason, warm.fit_seconds)
