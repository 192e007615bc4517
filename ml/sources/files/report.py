"""Say what became of a landing folder's files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ml.sources.files.draft import draft_mapping, undescribed
from ml.sources.files.landing import MAPPING, find_files
from ml.sources.files.outcome import LOADED, REFUSED, UNCHANGED, FileOutcome

_SHOWN_REASONS: Final = 3
_STYLES: Final = {REFUSED: "bold red", UNCHANGED: "dim"}


def print_outcomes(console: Console, outcomes: list[FileOutcome], *, is_check: bool) -> None:
    """Print one line per file, and below what is wrong with those that were not taken."""
    table = Table(box=None, pad_edge=False)
    table.add_column("file", overflow="fold")
    for name in ("rows", "accepted", "rejected"):
        table.add_column(name, justify="right")
    table.add_column("status")
    for outcome in outcomes:
        status = "would be loaded" if is_check and outcome.status == "loaded" else outcome.status
        reasons = outcome.reasons.most_common(_SHOWN_REASONS)
        more = len(outcome.reasons) - len(reasons)
        notes = [f"{count:,} {reason}" for reason, count in reasons]
        notes += [f"{more} more"] if more else []
        table.add_row(
            escape(outcome.name),
            f"{outcome.read:,}",
            f"{outcome.accepted:,}",
            f"[yellow]{outcome.rejected:,}[/yellow]" if outcome.rejected else "0",
            f"[{_STYLES.get(outcome.status, 'green')}]{status}[/]"
            + (f" [dim]({', '.join(notes)})[/dim]" if notes else ""),
        )
    console.print(table)
    for outcome in outcomes:
        if outcome.told_warnings and outcome.status == LOADED:
            console.print(
                f"[yellow]warning[/] {escape(outcome.name)}: {escape(outcome.told_warnings)}",
                soft_wrap=True,
            )
    for outcome in outcomes:
        if outcome.problem:
            style = _STYLES.get(outcome.status, "yellow")
            console.print(
                f"[{style}]{outcome.status}[/] {escape(outcome.name)}: {escape(outcome.problem)}",
                soft_wrap=True,
            )
        elif outcome.status == LOADED:
            for note in outcome.notes:
                console.print(
                    f"[yellow]note[/] {escape(outcome.name)}: {escape(note)}", soft_wrap=True
                )


def print_drafts(console: Console, folder: Path, outcomes: list[FileOutcome]) -> None:
    """Print a draft of ``mapping.yml`` for partners without one whose files are not taken."""
    files = find_files(folder)
    for partner in undescribed(folder, files, outcomes):
        draft = draft_mapping([file for file in files if file.partner == partner])
        if draft is None:
            continue
        path = folder / partner / MAPPING
        console.print(
            f"\n[bold]{escape(partner)}[/] has no {MAPPING}. A draft, with how sure each guess is: "
            f"correct it, save it as {escape(str(path))}, and check again:\n",
            soft_wrap=True,
        )
        console.print(draft, markup=False, highlight=False, soft_wrap=True)


def told_refusals(outcomes: list[FileOutcome], rest: str) -> str | None:
    """What to say where files were refused; None where none was.

    Parameters
    ----------
    outcomes : list of FileOutcome
    rest : str
        What became of the others, where there are any.
    """
    refused = [outcome for outcome in outcomes if outcome.status == REFUSED]
    if not refused:
        return None
    first = min(refused, key=lambda outcome: outcome.is_held)
    others = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    if len(refused) == len(outcomes):
        rest = "nothing is loaded"
    return (
        f"{len(refused)} of {len(outcomes)} files refused, {rest}: "
        f"{first.name}: {first.problem}{others}"
    )
