"""The whole job, from raw tables to a release, and the dbt commands in between."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape

from ml import contracts, publishing
from ml.contracts import Columns
from ml.data import Data, load
from ml.errors import CrossSellError, InputError, RunRejectedError, TransformError
from ml.forget.gate import close_gate
from ml.gates.record import force
from ml.progress import Progress
from ml.rejections import told_rejections
from ml.releases import Release
from ml.report.model_card import write_model_card
from ml.report.page import write_report
from ml.report.summary import print_next_steps, print_profile, print_run, print_tuned, shown
from ml.settings import Settings
from ml.train import train
from ml.transform import run_dbt, target_path
from ml.warehouse import connect, read_table

SELECT_BEFORE_TRAINING: Final = "raw_to_learning"
SELECT_AFTER_TRAINING: Final = "after_training"
_SUSPICIONS_TEST: Final = "assert_nothing_is_suspicious:"
_SUSPICIONS_TOLD: Final = 5


def build(settings: Settings, progress: Progress, selector: str | None = None) -> None:
    """Run ``dbt build``, whole or for a selector of ``selectors.yml``.

    Raises
    ------
    TransformError
        A model or a test failed.
    """
    close_gate(settings, progress)
    arguments = ["build"] if selector is None else ["build", "--selector", selector]
    with progress.step(f"dbt build {selector or ''}".strip()) as step:
        outcome = run_dbt(settings, arguments, step)
    for warning in outcome.warnings:
        if warning.startswith(_SUSPICIONS_TEST):
            for suspicion in _suspicions(settings):
                progress.warn("  look at", suspicion)
        else:
            progress.warn("  dbt warns:", warning)


def _suspicions(settings: Settings) -> list[str]:
    """What was accepted and looks like no client, no service or no amount, a line each."""
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        rows = read_table(connection, contracts.SUSPICIOUS_DATA).to_pylist()
    rows.sort(key=lambda row: (-row[Columns.LINE_COUNT], row[Columns.SUBJECT_ID]))
    lines = [
        f"{row[Columns.SUBJECT_ID]} ({row[Columns.LINE_COUNT]:,} sales lines): "
        f"{row[Columns.OBSERVATION]} {row[Columns.REMEDY]}"
        for row in rows[:_SUSPICIONS_TOLD]
    ]
    if more := len(rows) - len(lines):
        lines.append(f"{more} more in {contracts.SUSPICIOUS_DATA.qualified_name}")
    return lines


def run(
    settings: Settings,
    console: Console,
    data: Data,
    *,
    reload: bool = False,
    is_profiled: bool = False,
) -> None:
    """Load where nothing is loaded, build, train, build what rests on it, publish, tell.

    Parameters
    ----------
    settings : Settings
    console : Console
    data : Data
        What is loaded.
    reload : bool, default False
        Load a source again that is loaded already, replacing the raw tables.
    is_profiled : bool, default False
        Print what each step cost.

    Raises
    ------
    InputError
        Files were refused; the run is complete without them.
    TransformError, RunRejectedError
        A test or a check failed: the run is rejected, and readers keep the release they have.
    """
    start = time.perf_counter()
    progress = Progress(console)
    console.print(
        f"[bold]cross-sell[/bold] [dim]warehouse {shown(settings.warehouse_file)}[/dim]\n"
    )
    print_tuned(console, settings)
    problem = load(data, settings, progress, reload=reload)
    build(settings, progress, SELECT_BEFORE_TRAINING)
    trained = train(settings, progress)
    release = build_and_publish(settings, progress)
    with progress.step("report and model card"):
        report = write_report(settings)
        card = write_model_card(settings, trained.run_id)
    print_run(console, trained, progress.steps)
    if is_profiled:
        print_profile(console, progress.steps)
    print_next_steps(console, settings, release, (report, card), time.perf_counter() - start)
    tell_rejections(settings, progress)
    if problem is not None:
        raise InputError(problem)


def tell_rejections(settings: Settings, progress: Progress) -> None:
    """Repeat in one line what the loads left out."""
    if (told := told_rejections(settings)) is not None:
        progress.warn("data:", told)


def build_and_publish(settings: Settings, progress: Progress) -> Release:
    """Build what rests on a training, judge its run, and switch readers to it.

    Raises
    ------
    TransformError
        A test is red: the run is rejected with this as the reason.
    RunRejectedError
        Another check failed.
    """
    try:
        build(settings, progress, SELECT_AFTER_TRAINING)
    except TransformError:
        # The red build comes first in what is told; the judgement is kept with the run.
        with suppress(CrossSellError):
            publish(settings, progress)
        raise
    return publish(settings, progress)


def publish(settings: Settings, progress: Progress) -> Release:
    """Publish the run that the marts show; where it is rejected, let them show the last that holds.

    Raises
    ------
    RunRejectedError
        A check failed; readers keep the release they have.
    """
    try:
        with progress.step("publish") as step:
            return publishing.publish(settings, step)
    except RunRejectedError:
        with suppress(TransformError):
            build(settings, progress, SELECT_AFTER_TRAINING)
        raise


def force_publish(settings: Settings, progress: Progress, run_id: str) -> Release:
    """Publish a run whatever its checks say; that a person decided so is recorded.

    Raises
    ------
    InputError
        There is no such run, or a newer one holds its place in the marts.
    """
    force(settings, run_id)
    try:
        build(settings, progress, SELECT_AFTER_TRAINING)
    except TransformError as error:
        progress.console.print(f"[yellow]forced all the same:[/yellow] {escape(str(error))}")
    with progress.step("publish") as step:
        return publishing.publish(settings, step, forced_run=run_id)


def write_docs(settings: Settings, progress: Progress) -> Path:
    """Write dbt's docs as one HTML file that needs no server and no network.

    Returns
    -------
    Path
    """
    with progress.step("dbt docs generate --static") as step:
        run_dbt(settings, ["docs", "generate", "--static"], step)
    return target_path() / "static_index.html"
