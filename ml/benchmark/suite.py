"""Every benchmark by name, and all of them one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from rich.markup import escape

from ml.benchmark.ablation import measure_ablation
from ml.benchmark.epochs import measure_epochs
from ml.benchmark.identity import measure_identity
from ml.benchmark.incremental import measure_incremental
from ml.benchmark.leave_one_out import measure_folder
from ml.benchmark.movielens import prepare_ml_100k
from ml.benchmark.oracle import measure_oracle
from ml.benchmark.peers.measure import measure_peers
from ml.benchmark.ratios.measure import measure_ratios
from ml.benchmark.results import (
    ABLATION,
    EPOCHS,
    IDENTITY,
    INCREMENTAL,
    LEAVE_ONE_OUT,
    ORACLE,
    PEERS,
    RATIOS,
    SCALE,
    SOURCES,
    SPEED,
    TRIALS,
    BenchmarkRun,
)
from ml.benchmark.runner import Measured, run_benchmark
from ml.benchmark.scale import measure_scale
from ml.benchmark.sources import measure_sources
from ml.benchmark.speed import measure_speed
from ml.benchmark.trials import measure_trials
from ml.errors import CrossSellError
from ml.progress import Progress
from ml.settings import Settings, load_settings

Measure = Callable[[Settings, Progress], Measured]


def measure_movielens(
    settings: Settings, progress: Progress, *, minutes: float | None = None
) -> Measured:
    """Leave one out on MovieLens 100K."""
    return measure_folder(prepare_ml_100k(settings), settings, progress, minutes)


BENCHMARKS: Final[dict[str, Measure]] = {
    SPEED: measure_speed,
    RATIOS: measure_ratios,
    EPOCHS: measure_epochs,
    TRIALS: measure_trials,
    LEAVE_ONE_OUT: measure_movielens,
    PEERS: measure_peers,
    ABLATION: measure_ablation,
    ORACLE: measure_oracle,
    SOURCES: measure_sources,
    IDENTITY: measure_identity,
    SCALE: measure_scale,
    INCREMENTAL: measure_incremental,
}
"""In the order in which ``all`` runs them: peers take up what leave-one-out chose."""

_NOT_IN_ALL: Final = frozenset({ORACLE, IDENTITY, SCALE, INCREMENTAL})
"""They need a simulated world: for its truth, or for its newest events; large ones take hours."""

_WITH_TUNED: Final = frozenset({PEERS, ABLATION, ORACLE, SOURCES})
"""Those that use what tuning saved, as a training does. The others measure the defaults: their
data is not what was tuned on, or they are the tuning itself."""


def run_one(
    name: str, progress: Progress, warehouse: Path | None = None, seed: int | None = None
) -> BenchmarkRun:
    """Run one benchmark with the settings that are meant for it.

    Parameters
    ----------
    name : str
        A key of ``BENCHMARKS``.
    progress : Progress
    warehouse : Path, optional
    seed : int, optional

    Returns
    -------
    BenchmarkRun
    """
    settings = load_settings(is_tuned=name in _WITH_TUNED, warehouse=warehouse, seed=seed)
    return run_benchmark(name, BENCHMARKS[name], settings, progress)


def run_leave_one_out(
    folder: Path | None,
    progress: Progress,
    warehouse: Path | None,
    seed: int | None,
    minutes: float | None = None,
) -> BenchmarkRun:
    """Run the leave-one-out benchmark on a folder; on MovieLens 100K without one."""
    settings = load_settings(is_tuned=False, warehouse=warehouse, seed=seed)
    measure: Measure = partial(measure_movielens, minutes=minutes)
    if folder is not None:
        measure = partial(measure_folder, folder, minutes=minutes)
    return run_benchmark(LEAVE_ONE_OUT, measure, settings, progress)


def run_scale(
    sizes: Sequence[int],
    progress: Progress,
    warehouse: Path | None,
    seed: int | None,
    *,
    keep: bool,
) -> BenchmarkRun:
    """Run the whole job at sizes of the user's choice; at those of the settings without any."""
    settings = load_settings(is_tuned=False, warehouse=warehouse, seed=seed)
    measure = partial(measure_scale, sizes=sizes or None, keep=keep)
    return run_benchmark(SCALE, measure, settings, progress)


def run_all(progress: Progress, warehouse: Path | None = None, seed: int | None = None) -> None:
    """Run every benchmark of this warehouse; one that fails does not stop those after it.

    Raises
    ------
    CrossSellError
        The first error, after everything else has run.
    """
    errors: list[CrossSellError] = []
    for name in [name for name in BENCHMARKS if name not in _NOT_IN_ALL]:
        progress.console.print(f"\n[bold]benchmark {name}[/bold]")
        try:
            run_one(name, progress, warehouse, seed)
        except CrossSellError as error:
            progress.console.print(
                f"[red]{name} failed:[/red] {escape(str(error))}", soft_wrap=True
            )
            errors.append(error)
    if errors:
        raise errors[0]
