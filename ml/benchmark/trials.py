"""The study's table of trial runs: average, best and worst AUC, from what tuning found."""

from __future__ import annotations

from statistics import mean

from ml.benchmark import study
from ml.benchmark.results import BenchmarkResult
from ml.benchmark.runner import Measured
from ml.dataset import Fold
from ml.progress import Progress
from ml.settings import Settings
from ml.trials import CHAMPION_METRIC
from ml.tuning.search import Search
from ml.tuning.tune import read_validation, tuning_alone
from ml.versions import package_versions


def measure_trials(settings: Settings, progress: Progress) -> Measured:
    """Report the trial runs on the warehouse's validation fold.

    What ``cross-sell tune`` ran on this data counts. Where that is less than the benchmark's
    own small budget, trials are added up to it; nothing is saved for training.

    Parameters
    ----------
    settings : Settings
        Without what tuning saved, which would start another search.
    progress : Progress

    Returns
    -------
    Measured
    """
    results: list[BenchmarkResult] = []
    budget = settings.benchmark
    with tuning_alone(settings):
        fold = read_validation(settings, progress)
        searches = [_searched(name, settings, fold, progress) for name in study.MODELS]
    for search in searches:
        results += _figures(budget.data_name, search)
    return Measured(
        results,
        {
            "seed": settings.seed,
            "studies": {search.name: search.study_name for search in searches},
            "best": {
                search.name: dict(search.best.parameters)
                for search in searches
                if search.best is not None
            },
        },
        package_versions(("optuna",)),
    )


def _searched(name: str, settings: Settings, fold: Fold, progress: Progress) -> Search:
    search = Search(name, settings, fold)
    search.run(settings.benchmark.trials, settings.benchmark.trials_minutes, progress)
    return search


def _figures(case: str, search: Search) -> list[BenchmarkResult]:
    completed, finished, best = search.completed, search.finished, search.best
    values = [run.auc for run in completed]
    figures = [
        BenchmarkResult(
            case, search.name, metric, value, sample_count=len(completed),
            study_value=study.TRIALS_AUC[search.name, metric],
        )
        for metric, value in (
            ("auc_mean", mean(values)), ("auc_max", max(values)), ("auc_min", min(values)),
        )
    ]  # fmt: skip
    assert best is not None, "the first trial is never pruned"
    return [
        *figures,
        BenchmarkResult(
            case, search.name, f"{CHAMPION_METRIC}_best", best.value, sample_count=len(completed)
        ),
        BenchmarkResult(case, search.name, "trials_completed", float(len(completed))),
        BenchmarkResult(
            case, search.name, "trials_pruned", float(len(finished) - len(completed)),
            sample_count=len(finished),
        ),
    ]  # fmt: skip
