"""All rows of the table of ratios."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ml.benchmark.ratios.factors import measure_factors
from ml.benchmark.ratios.fitting import measure_fit
from ml.benchmark.ratios.ncf_training import measure_ncf_training
from ml.benchmark.ratios.ranking import measure_lightfm, measure_ncf
from ml.benchmark.ratios.study import measure_study
from ml.benchmark.ratios.timing import TIMES_FASTER
from ml.benchmark.ratios.world import Sizes, split_fold
from ml.benchmark.ratios.writing import measure_handoff, measure_writing
from ml.benchmark.results import BenchmarkResult
from ml.benchmark.runner import Measured
from ml.progress import Progress
from ml.settings import Settings

ROWS: Final[dict[str, Callable[[Settings, Sizes], list[BenchmarkResult]]]] = {
    "lightfm fit": measure_fit,
    "lightfm top 20": measure_lightfm,
    "ncf top 20": measure_ncf,
    "top 20 by factors": measure_factors,
    "scores to DuckDB": measure_writing,
    "hand-off": lambda settings, _sizes: measure_handoff(settings),
    "beside the study": lambda settings, _sizes: measure_study(settings),
}
"""A row is one function of settings and sizes; another is added here. Learning beside RecBole,
which takes minutes and tells of each of its rounds, comes after them."""


def measure_ratios(settings: Settings, progress: Progress, sizes: Sizes | None = None) -> Measured:
    """Measure ours beside the usual ways, turn by turn.

    Parameters
    ----------
    settings : Settings
    progress : Progress
    sizes : Sizes, optional

    Returns
    -------
    Measured
        Medians with the least and the most; the table shows the medians.
    """
    sizes = sizes or Sizes()
    results: list[BenchmarkResult] = []
    for name, measure in ROWS.items():
        with progress.step(name) as step:
            found = measure(settings, sizes)
            ratio = next((one.value for one in found if one.metric == TIMES_FASTER), None)
            step.outcome = "" if ratio is None else f"{ratio:.3g} times as fast"
            results += found
    fold = split_fold(sizes.training, settings.seed) if sizes.training else None
    results += measure_ncf_training(settings, progress, fold)
    return Measured(results, {"seed": settings.seed, "repeats": settings.benchmark.ratios_repeats})
