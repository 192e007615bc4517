"""What each kind of information is worth: both models again, with one kind taken away.

Measured on the warehouse's validation fold alone; test is never read. Early stopping looks at
the same labels, for every variant alike, so differences are fair and levels a little high.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

import numpy as np
from scipy import sparse

from ml.adjustment import choose_adjustment, scorer
from ml.benchmark import study
from ml.benchmark.results import BenchmarkResult
from ml.benchmark.runner import Measured
from ml.dataset import Fold
from ml.evaluation.protocol import EpochEvaluator, Evaluation, evaluate
from ml.evaluation.significance import compare
from ml.models.recency import without_order
from ml.models.settings import ModelSettings
from ml.progress import Progress
from ml.settings import Settings
from ml.trials import learned_fold, model_settings, new_model
from ml.tuning.tune import read_validation

WHOLE: Final = "everything"
METRICS: Final = ("ndcg@10", "hr@10", "auc")


@dataclass(frozen=True)
class Variant:
    """One kind of information taken away.

    Parameters
    ----------
    name : str
        ``without ...``.
    changes_fold : callable
        Fold to fold.
    changes_settings : callable
        Model settings to model settings.
    """

    name: str
    changes_fold: Callable[[Fold], Fold] = lambda fold: fold
    changes_settings: Callable[[ModelSettings], ModelSettings] = lambda settings: settings


def without_client_features(fold: Fold) -> Fold:
    """Leave no client feature."""
    nothing = sparse.csr_matrix((fold.n_clients, 0), dtype=np.float32)
    return replace(fold, client_features=nothing, client_feature_names=())


def without_service_features(fold: Fold) -> Fold:
    """Leave no service feature."""
    nothing = sparse.csr_matrix((fold.n_services, 0), dtype=np.float32)
    return replace(fold, service_features=nothing, service_feature_names=())


def without_matching(pattern: str) -> Callable[[Fold], Fold]:
    """Leave out features, of clients and services, whose names match a shell-like pattern."""

    def change(fold: Fold) -> Fold:
        clients = [not fnmatchcase(name, pattern) for name in fold.client_feature_names]
        services = [not fnmatchcase(name, pattern) for name in fold.service_feature_names]
        return replace(
            fold,
            client_features=fold.client_features[:, np.flatnonzero(clients)],
            service_features=fold.service_features[:, np.flatnonzero(services)],
            client_feature_names=_kept(fold.client_feature_names, clients),
            service_feature_names=_kept(fold.service_feature_names, services),
        )

    return change


def _kept(names: tuple[str, ...], kept: list[bool]) -> tuple[str, ...]:
    return tuple(name for name, is_kept in zip(names, kept, strict=True) if is_kept)


def without_adoption_rate(settings: ModelSettings) -> ModelSettings:
    """Leave the recent adoption rate out of the score."""
    return settings.model_copy(update={"adoption_weight": 0.0})


VARIANTS: Final = (
    Variant("without client features", without_client_features),
    Variant("without service features", without_service_features),
    Variant(
        "without any features",
        lambda fold: without_client_features(without_service_features(fold)),
    ),
    Variant("without adoption rate", changes_settings=without_adoption_rate),
    Variant("without adoption order", changes_settings=without_order),
)


def measure_ablation(settings: Settings, progress: Progress, fold: Fold | None = None) -> Measured:
    """Fit both models with everything, then with one kind of information taken away.

    Parameters
    ----------
    settings : Settings
        ``benchmark.ablation_patterns`` adds a variant per pattern of feature names.
    progress : Progress
    fold : Fold, optional
        The warehouse's validation fold by default.

    Returns
    -------
    Measured
        Per variant: each metric, and its paired difference from the whole model.
    """
    patterns = settings.benchmark.ablation_patterns
    variants = (*VARIANTS, *(Variant(f"without {p}", without_matching(p)) for p in patterns))
    return measure_variants(settings, progress, variants, fold)


def measure_variants(
    settings: Settings,
    progress: Progress,
    variants: Sequence[Variant],
    fold: Fold | None = None,
    segments: Sequence[str] = ("all",),
) -> Measured:
    """Fit both models with everything, then as each variant wants it.

    Parameters
    ----------
    settings : Settings
    progress : Progress
    variants : sequence of Variant
        One that changes nothing for a model is left out.
    fold : Fold, optional
        The warehouse's validation fold by default.
    segments : sequence of str
        Clients whose levels are told: ``all``, ``warm``, ``cold``. Differences are of all.

    Returns
    -------
    Measured
    """
    whole_fold = read_validation(settings, progress) if fold is None else fold
    results: list[BenchmarkResult] = []
    for name in study.MODELS:
        whole_settings = model_settings(settings, name)
        assert whole_settings is not None
        whole = _fit(name, WHOLE, whole_settings, whole_fold, settings, progress)
        results += _levels(WHOLE, name, whole, segments)
        for variant in variants:
            changed = variant.changes_settings(whole_settings)
            fold = variant.changes_fold(whole_fold)
            if changed == whole_settings and fold is whole_fold:
                continue
            found = _fit(name, variant.name, changed, fold, settings, progress)
            results += _levels(variant.name, name, found, segments)
            results += _differences(variant.name, name, found, whole, settings)
    return Measured(
        results,
        {
            "seed": settings.seed,
            **{name: getattr(settings, name).model_dump(mode="json") for name in study.MODELS},
        },
    )


def _fit(
    name: str,
    variant: str,
    model_settings: ModelSettings,
    fold: Fold,
    settings: Settings,
    progress: Progress,
) -> Evaluation:
    with progress.step(f"{name} {variant}") as step:
        model = new_model(settings, name, model_settings)
        model.fit(
            learned_fold(fold, settings),
            monitor=EpochEvaluator(fold, settings.block_size),
            progress=lambda epoch: step.update(f"epoch {epoch.number}"),
        )
        found = evaluate(
            scorer(model, fold, choose_adjustment(model, fold, settings.block_size)),
            fold,
            block_size=settings.block_size,
            resamples=settings.bootstrap_samples,
            seed=settings.seed,
        )
        step.outcome = ", ".join(f"{m} {found.value(m) or 0:.4f}" for m in METRICS)
    return found


def _levels(
    variant: str, name: str, found: Evaluation, segments: Sequence[str]
) -> Iterator[BenchmarkResult]:
    for row in found.rows:
        if row.segment in segments and row.metric in METRICS:
            metric = row.metric if row.segment == "all" else f"{row.metric}_{row.segment}"
            yield BenchmarkResult(
                variant, name, metric, row.value, row.ci_low, row.ci_high, row.client_count
            )


def _differences(
    variant: str, name: str, found: Evaluation, whole: Evaluation, settings: Settings
) -> Iterator[BenchmarkResult]:
    for metric in METRICS:
        difference = compare(
            found.per_client[metric],
            whole.per_client[metric],
            seed=settings.seed,
            resamples=settings.bootstrap_samples,
        )
        yield BenchmarkResult(
            variant,
            name,
            f"{metric}_difference",
            difference.difference,
            difference.low,
            difference.high,
            difference.client_count,
            note=None if difference.p_value is None else f"p = {difference.p_value:.3f}",
        )
