"""Each model's figures as a share of the best possible, on a world whose truth is known.

The oracle scores each pair by its true probability of a first use in the test window, given
everything that history shows, and is measured as the models are: same clients, same candidates,
same labels. It knows the tastes that a model can only estimate. The oracle with web events also
knows which of them are intents that may still convert; models see the events alone, as interest
and features. Without web events it knows tastes and purchases.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ml import contracts
from ml.benchmark.results import BenchmarkResult
from ml.benchmark.runner import Measured
from ml.champion import best_on_validation
from ml.dataset import Fold
from ml.evaluation.protocol import Evaluation, evaluate
from ml.marts import read_folds
from ml.progress import Progress
from ml.ranking import Scorer
from ml.settings import Settings
from ml.sources.simulated.oracle import read_oracle
from ml.trials import fit_on_validation, test

CASE: Final = "test fold"
ORACLE_NAME: Final = "oracle"
WITHOUT_WEB_NAME: Final = "oracle without web events"
METRICS: Final = ("auc", "ndcg@10")
_ALL: Final = "all"
_CHAMPION_NOTE: Final = "the champion on validation"


def measure_oracle(settings: Settings, progress: Progress) -> Measured:
    """Fit all models as a training does and measure them beside the oracle, once, on test.

    Parameters
    ----------
    settings : Settings
    progress : Progress

    Returns
    -------
    Measured
        Per model AUC and NDCG@10 with intervals, and both as shares of the two oracles'.
    """
    with progress.step("read marts") as step:
        marts, folds = read_folds(settings, step)
    fold = folds[contracts.FOLD_TEST]
    with progress.step("read the truth"):
        oracle = read_oracle(settings, marts, fold)
    best = _measure(oracle.score, fold, settings)
    blind = _measure(oracle.score_without_web, fold, settings)
    fitted = {
        name: fit_on_validation(name, settings, folds[contracts.FOLD_VALIDATION], progress)
        for name in settings.models
    }
    champion = best_on_validation(fitted)
    results = [*_levels(ORACLE_NAME, best), *_levels(WITHOUT_WEB_NAME, blind)]
    results += _shares(WITHOUT_WEB_NAME, blind, best, blind)
    for name in settings.models:
        found = test(name, fitted[name], settings, fold, progress).test
        note = _CHAMPION_NOTE if name == champion else None
        results += _levels(name, found, note)
        results += _shares(name, found, best, blind)
    return Measured(
        results,
        {
            "seed": settings.seed,
            **{name: getattr(settings, name).model_dump(mode="json") for name in settings.models},
        },
    )


def _measure(score: Scorer, fold: Fold, settings: Settings) -> Evaluation:
    return evaluate(
        score,
        fold,
        block_size=settings.block_size,
        resamples=settings.bootstrap_samples,
        seed=settings.seed,
    )


def _levels(name: str, found: Evaluation, note: str | None = None) -> Iterator[BenchmarkResult]:
    for row in found.rows:
        if row.segment == _ALL and row.metric in METRICS:
            yield BenchmarkResult(
                CASE, name, row.metric, row.value, row.ci_low, row.ci_high, row.client_count,
                note=note,
            )  # fmt: skip


def _shares(
    name: str, found: Evaluation, best: Evaluation, blind: Evaluation
) -> Iterator[BenchmarkResult]:
    for label, other in (("oracle", best), ("oracle_without_web", blind)):
        for metric in METRICS:
            value, whole = found.value(metric), other.value(metric)
            share = None if value is None or not whole else value / whole
            yield BenchmarkResult(CASE, name, f"{metric}_share_of_{label}", share)
