"""The choice between models on validation, and how the chosen one did on test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml import contracts
from ml.blending import BLEND
from ml.comparisons import ModelDifference, compare_models
from ml.enough import LEAST_LABELLED
from ml.evaluation.significance import SIGNIFICANT, Comparison, standard_error
from ml.models.registry import MODELS
from ml.settings import Settings
from ml.trials import SIMPLE_MODELS, Fitted, Trial

_ALPHA: Final = 0.05


@dataclass(frozen=True)
class Champion:
    """The chosen model and why.

    Parameters
    ----------
    name : str
    sentences : tuple of str
        Why it was chosen, with the figures, and how it did on test.
    against : dict of str to Comparison
        Paired comparison of NDCG on the test fold with every other model; p-values
        corrected by Holm's method over all pairs of models.
    cause : str
        Why there was too little to choose on; empty where there was enough.
    """

    name: str
    sentences: tuple[str, ...]
    against: dict[str, Comparison]
    cause: str = ""

    @property
    def reason(self) -> str:
        """The sentences as one text."""
        return " ".join(self.sentences)


def best_on_validation(fitted: Mapping[str, Fitted]) -> str:
    """Choose a model by NDCG on validation; where chance could decide, a baseline serves.

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
    order = [name for name in (*MODELS, BLEND) if name in fitted]
    baselines = [name for name in order if name in SIMPLE_MODELS]
    learned = [name for name in order if name not in SIMPLE_MODELS]
    floor = _best_of(baselines, fitted) if baselines else None
    if learned and (floor is None or _labelled(fitted[floor]) >= LEAST_LABELLED):
        best = _best_of(learned, fitted)
        if floor is None or not _is_near(fitted[floor], fitted[best], SIGNIFICANT):
            return best
    assert floor is not None
    return next(name for name in baselines if _is_near(fitted[name], fitted[floor], 1.0))


def _labelled(fitted: Fitted) -> int:
    """Clients that the choice rests on."""
    values = fitted.validation.per_client[fitted.validation.choice_metric]
    return int((~np.isnan(values)).sum())


def _best_of(names: Sequence[str], fitted: Mapping[str, Fitted]) -> str:
    return max(names, key=lambda name: fitted[name].champion_value)


def _is_near(one: Fitted, best: Fitted, errors: float) -> bool:
    """Whether a model is within so many standard errors of a better one."""
    metric = best.validation.choice_metric
    better, worse = (fitted.validation.per_client[metric] for fitted in (best, one))
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


def crown(
    name: str, trials: Sequence[Trial], found: Sequence[ModelDifference], cause: str = ""
) -> Champion:
    """Say why a model was chosen, and how it did against the others on test.

    Parameters
    ----------
    name : str
        Chosen on validation.
    trials : sequence of Trial
    found : sequence of ModelDifference
        Of all pairs, as from ``differences``.
    cause : str, optional
        Why there was too little to choose on, as from :func:`ml.enough.too_little`.

    Returns
    -------
    Champion
    """
    chosen = next(trial for trial in trials if trial.name == name)
    others = [trial for trial in trials if trial.name != name]
    against = dict(
        seen
        for difference in found
        if (difference.fold, difference.metric) == (contracts.FOLD_TEST, chosen.test.choice_metric)
        for seen in [difference.seen_from(name)]
        if seen is not None
    )
    why = [f"Too little to choose on: {cause}. The best baseline serves."] if cause else []
    sentences = (*(why or _why(chosen, others)), *_on_test(against))
    return Champion(name, sentences, against, cause)


def _why(chosen: Trial, others: Sequence[Trial]) -> list[str]:
    metric = chosen.validation.choice_metric
    value = chosen.validation.value(metric)
    if value is None:
        return ["No client has a label on validation: nothing could be chosen by."]
    best = max((chosen, *others), key=lambda t: t.validation.value(metric) or 0.0)
    if best.name == chosen.name:
        sentences = [f"Best {metric} on validation, {value:.4f}."]
    else:
        reached = best.validation.value(metric)
        sentences = [
            f"{metric} {value:.4f} on validation; {best.name} reached {reached:.4f}, no "
            "more above it than chance explains: the simpler model serves."
        ]
    if chosen.name in SIMPLE_MODELS and any(t.name not in SIMPLE_MODELS for t in others):
        sentences.append("A baseline serves: no learned model beats it significantly.")
    return sentences


def _on_test(against: dict[str, Comparison]) -> list[str]:
    return [
        f"On test {c.difference:+.4f} against {name} (95% {c.low:+.4f} to {c.high:+.4f},"
        f" {_verdict(c)})."
        for name, c in against.items()
        if c.difference is not None
    ]


def _verdict(comparison: Comparison) -> str:
    assert comparison.p_value is not None
    if comparison.p_value > _ALPHA:
        return f"not significant, p = {comparison.p_value:.2f}"
    return f"p = {comparison.p_value:.3f}"
