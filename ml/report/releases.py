"""The releases that are kept, as a table for the terminal."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.table import Table as RichTable

from ml.errors import InputError
from ml.releases import current_release, kept_releases
from ml.settings import Settings

_MIB: Final = 2**20


def print_releases(console: Console, settings: Settings) -> None:
    """Print the kept releases, the newest first; a star marks what readers have.

    Raises
    ------
    InputError
        Nothing is published yet.
    """
    kept = kept_releases(settings)
    if not kept:
        raise InputError(f"nothing is published yet in {settings.folder}: run 'make train'")
    current = current_release(settings)
    table = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("release", "run", "model", "as of"):
        table.add_column(heading, no_wrap=True)
    for heading in ("offers", "MiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for release in reversed(kept):
        is_current = current is not None and release.release_id == current.release_id
        table.add_row(
            f"{release.release_id} ★" if is_current else release.release_id,
            release.run_id,
            release.model_name or "–",
            release.as_of or "–",
            f"{release.offer_count:,}",
            f"{release.byte_count / _MIB:.1f}",
            style="bold" if is_current else None,
        )
    console.print(table)
    console.print("[dim]★ what readers have; 'cross-sell rollback RELEASE' goes back[/dim]")
