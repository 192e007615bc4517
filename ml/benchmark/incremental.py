"""What a build costs after new events, against building everything anew.

The newest events of a simulated world are held back, everything is built, the events come, and
the marts are built again: once as they are, once with ``--full-refresh``. Tests are left out. Both
must make the same tables, row for row. All of it happens on copies beside the warehouse, which go
afterwards.

Twice: with a cutoff that moves with the data, and with marts that learn as of the start of a
step (var ``as_of_step_days``), which then stand still where the step is not over.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from ml import contracts
from ml.benchmark.results import BENCHMARKS_FOLDER, BenchmarkResult
from ml.benchmark.runner import Measured
from ml.errors import InputError
from ml.files import make_folder
from ml.progress import Progress
from ml.settings import Settings
from ml.transform import run_dbt
from ml.warehouse import (
    connect,
    cutoffs_of,
    differing_rows,
    existing_columns,
    give_back,
    withhold_newest,
)

NEW_SHARE: Final = 0.01
DAILY: Final = "1% newer events"
WITHIN_A_STEP: Final = "1% newer events, cutoffs in steps of 30 days"
_CASES: Final[dict[str, tuple[str, ...]]] = {
    DAILY: (),
    WITHIN_A_STEP: ("--vars", "{as_of_step_days: 30}"),
}
FULL: Final = "full"
INCREMENTAL: Final = "incremental"
_BUILD: Final = (
    "build", "--selector", "raw_to_learning",
    "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test",
)  # fmt: skip


def measure_incremental(settings: Settings, progress: Progress) -> Measured:
    """Time both ways of building after new events, and compare what they made.

    Parameters
    ----------
    settings : Settings
    progress : Progress

    Returns
    -------
    Measured
        Seconds of both, the share that the incremental one costs, new events, and rows that
        differ (0, or something is wrong).

    Raises
    ------
    InputError
        The warehouse holds no simulated world.
    """
    wait = settings.lock_wait_seconds
    with connect(settings.warehouse_file, read_only=True, wait_seconds=wait) as connection:
        if not existing_columns(connection, contracts.TRUTH_WORLDS):
            raise InputError(
                f"{settings.warehouse_file} has no {contracts.TRUTH_WORLDS.qualified_name}: run "
                "'cross-sell load simulated' first"
            )
    parent = settings.folder / BENCHMARKS_FOLDER
    make_folder(parent)
    figures: list[BenchmarkResult] = []
    for case, options in _CASES.items():
        with tempfile.TemporaryDirectory(prefix="incremental-", dir=parent) as folder:
            figures += _night(settings, progress, Path(folder), case, options)
    return Measured(figures, {"new_share": NEW_SHARE})


def _night(
    settings: Settings, progress: Progress, folder: Path, case: str, options: tuple[str, ...]
) -> list[BenchmarkResult]:
    """One build before new events and two after them, in a folder of their own."""
    wait = settings.lock_wait_seconds
    first, anew = folder / "first.duckdb", folder / "anew.duckdb"
    with progress.step(f"{case}: hold them back") as step:
        shutil.copy(settings.warehouse_file, first)
        with connect(first, read_only=False, wait_seconds=wait) as connection:
            events = withhold_newest(connection, NEW_SHARE)
        step.outcome = f"{events:,} rows"
    _seconds(settings, progress, first, "build without them", *options, "--full-refresh")
    with progress.step("let them come"):
        with connect(first, read_only=False, wait_seconds=wait) as connection:
            cutoffs = cutoffs_of(connection)
            give_back(connection)
        shutil.copy(first, anew)
    seconds = {
        INCREMENTAL: _seconds(settings, progress, first, "build incrementally", *options),
        FULL: _seconds(
            settings, progress, anew, "build everything anew", *options, "--full-refresh"
        ),
    }
    with (
        progress.step("compare the tables") as step,
        connect(first, read_only=False, wait_seconds=wait) as connection,
    ):
        has_moved = cutoffs_of(connection) != cutoffs
        different = differing_rows(connection, anew)
        step.outcome = f"{len(different)} tables"
    wrong = ", ".join(name for name, rows in different.items() if rows) or None
    share = BenchmarkResult(
        case,
        INCREMENTAL,
        "share of full",
        seconds[INCREMENTAL] / seconds[FULL],
        note="the cutoffs moved" if has_moved else "the cutoffs stood still",
    )
    return [
        *(BenchmarkResult(case, name, "seconds", value) for name, value in seconds.items()),
        share,
        BenchmarkResult(case, INCREMENTAL, "new events", float(events)),
        BenchmarkResult(
            case, INCREMENTAL, "differing rows", float(sum(different.values())), note=wrong
        ),
    ]


def _seconds(
    settings: Settings, progress: Progress, warehouse: Path, name: str, *options: str
) -> float:
    with progress.step(name) as step:
        run_dbt(settings.model_copy(update={"warehouse": warehouse}), [*_BUILD, *options], step)
    return progress.steps[-1].seconds
