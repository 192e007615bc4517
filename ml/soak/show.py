"""The end of a trial, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as RichTable

from ml.settings import Settings
from ml.soak.jobs import STAGES, TrialError
from ml.soak.kills import Kills
from ml.soak.reading import Reading


def _table(*headings: str) -> RichTable:
    table = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="left" if i == 0 else "right", no_wrap=True)
    return table


def print_kills(console: Console, kills: Kills) -> None:
    """Print which stages were killed, and what was compared."""
    table = _table("stage", "kills survived")
    for stage in STAGES:
        table.add_row(stage, str(kills.by_stage[stage]))
    table.add_row("all", str(kills.by_stage.total()), style="bold")
    console.print(table)
    console.print(
        f"{kills.rows_compared:,} rows of earlier runs compared, none lost, doubled or changed; "
        f"{kills.whole_passes} whole passes completed without help"
    )


def print_readings(
    console: Console, readings: Sequence[Reading], releases: int, settings: Settings
) -> None:
    """Print what readers saw.

    Raises
    ------
    TrialError
        A reader saw an error or a mixture, or no new release.
    """
    table = _table("reader", "reads", "errors", "mixtures", "runs seen", "stale at most, s")
    for reading in readings:
        table.add_row(
            f"{reading.kind}, {reading.engine}",
            f"{reading.reads:,}",
            str(len(reading.errors) - reading.mixtures),
            str(reading.mixtures),
            str(len(reading.seen)),
            f"{reading.staleness(settings):.1f}",
        )
    console.print(table)
    total = sum(reading.reads for reading in readings)
    problems = [error for reading in readings for error in reading.errors]
    console.print(f"{total:,} reads under {releases} releases, {len(problems)} errors")
    if problems:
        raise TrialError(f"readers saw {len(problems)} errors, the first: {problems[0]}")
    if any(len(reading.seen) < 2 for reading in readings):
        raise TrialError("a reader never saw a new release")
