"""``cross-sell refresh``: as ``run``, as far as anything is new, with every decision kept."""

from __future__ import annotations

import time

from rich.console import Console
from rich.markup import escape

from ml.data import Data, load
from ml.errors import InputError
from ml.pipeline import (
    SELECT_AFTER_TRAINING,
    SELECT_BEFORE_TRAINING,
    build,
    publish,
    tell_rejections,
)
from ml.progress import Progress
from ml.refresh.champion import published_run, reject
from ml.refresh.decisions import (
    KEEP,
    KEPT,
    PUBLISHED,
    REFRESH_QUESTION,
    RETRAIN,
    Decision,
    decide_champion,
    decide_retrain,
)
from ml.refresh.evidence import (
    RAW_STATE,
    compare_with_champion,
    read_evidence,
    read_last_refresh,
    read_raw_state,
    record,
)
from ml.report.model_card import write_model_card
from ml.report.page import write_report
from ml.report.summary import print_next_steps, print_run, print_tuned, shown
from ml.settings import Settings
from ml.train import Run, train


def refresh(settings: Settings, console: Console, data: Data, *, is_forced: bool = False) -> None:
    """Load what is new, build, measure drift, decide, train, and publish what holds.

    Parameters
    ----------
    settings : Settings
    console : Console
    data : Data
        What is loaded.
    is_forced : bool, default False
        Train also where nothing is new.

    Raises
    ------
    InputError
        Files were refused; the refresh is complete without them.
    TransformError, RunRejectedError
        A model, a test or a check failed: readers keep the release they have, and the next refresh
        tries again.
    """
    start = time.perf_counter()
    progress = Progress(console)
    console.print(
        f"[bold]cross-sell refresh[/bold] [dim]warehouse {shown(settings.warehouse_file)}[/dim]\n"
    )
    problem = load(data, settings, progress, reload=False)
    raw_state = read_raw_state(settings)
    if is_forced or not _is_nothing_new(settings, console, raw_state):
        print_tuned(console, settings)
        _refresh(settings, console, progress, raw_state, start, is_forced=is_forced)
    tell_rejections(settings, progress)
    if problem is not None:
        raise InputError(problem)


def _is_nothing_new(settings: Settings, console: Console, raw_state: dict[str, str]) -> bool:
    last = read_last_refresh(settings)
    if last is None or last.raw_state != raw_state:
        return False
    console.print(
        f"[bold]Nothing is new[/bold] since the refresh of {last.decided_at:%Y-%m-%d %H:%M} UTC "
        f"({escape(last.reason)}): nothing was changed. "
        "[bold]cross-sell refresh --force[/bold] trains all the same.",
        soft_wrap=True,
    )
    return True


def _refresh(
    settings: Settings,
    console: Console,
    progress: Progress,
    raw_state: dict[str, str],
    start: float,
    *,
    is_forced: bool,
) -> None:
    build(settings, progress, SELECT_BEFORE_TRAINING)
    with progress.step("measure drift") as step:
        evidence = read_evidence(settings)
        step.outcome = f"{evidence.figure_count} figures judged, {len(evidence.alarms)} alarms"
    decision = decide_retrain(evidence, settings.refresh, is_forced=is_forced)
    _keep(settings, console, decision)
    if decision.choice != RETRAIN:
        build(settings, progress, SELECT_AFTER_TRAINING)
        release = publish(settings, progress)
        end = Decision(
            REFRESH_QUESTION,
            PUBLISHED,
            f"run {release.run_id} was published again without what is no longer open",
            release.run_id,
            {RAW_STATE: raw_state},
        )
        _keep(settings, console, end)
        return
    trained = train(settings, progress)
    champion = published_run(settings)
    build(settings, progress, SELECT_AFTER_TRAINING)
    if not _may_replace(settings, console, progress, trained, champion):
        end = Decision(
            REFRESH_QUESTION,
            KEPT,
            f"run {trained.run_id} may not take over, readers keep theirs",
            trained.run_id,
            {RAW_STATE: raw_state},
        )
        print_run(console, trained, progress.steps)
        _keep(settings, console, end)
        return
    release = publish(settings, progress)
    with progress.step("report and model card"):
        written = (write_report(settings), write_model_card(settings, trained.run_id))
    end = Decision(
        REFRESH_QUESTION,
        PUBLISHED,
        f"run {trained.run_id} was published",
        trained.run_id,
        {RAW_STATE: raw_state},
    )
    print_run(console, trained, progress.steps)
    _keep(settings, console, end)
    print_next_steps(console, settings, release, written, time.perf_counter() - start)


def _may_replace(
    settings: Settings,
    console: Console,
    progress: Progress,
    trained: Run,
    champion: str | None,
) -> bool:
    """Champion against challenger: whether the new run may take over."""
    with progress.step("champion or challenger") as step:
        comparison = (
            "" if champion is None else compare_with_champion(settings, trained.run_id, champion)
        )
        decision = decide_champion(trained.run_id, champion, comparison, settings.refresh)
        step.outcome = decision.choice.replace("_", " ")
    _keep(settings, console, decision)
    if decision.choice == KEEP:
        reject(settings, progress, trained.run_id, decision.reason)
    return decision.choice != KEEP


def _keep(settings: Settings, console: Console, decision: Decision) -> None:
    """Record a decision and say it."""
    record(settings, decision)
    console.print(
        f"  [bold]{decision.question}: {decision.choice.replace('_', ' ')}[/bold] "
        f"[dim]{escape(decision.reason)}[/dim]",
        soft_wrap=True,
    )
