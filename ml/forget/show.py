"""Tell what is to be erased, and what was."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ml.forget.forget import Found, Gone


def print_found(console: Console, found: Found) -> None:
    """Print which records are one client, and their rows by table."""
    console.print(f"Client [bold]{escape(found.client_id)}[/bold]")
    if found.is_marked and not found.row_counts:
        console.print("It was erased before: what rests on it is made anew once more.")
        return
    console.print(f"Records: {escape(', '.join(found.records))}", soft_wrap=True)
    console.print(_rows(found.row_counts))


def print_gone(console: Console, gone: Gone) -> None:
    """Print what was erased, table by table, and what is left to do."""
    console.print("\n[bold]Erased[/bold]")
    console.print(_rows(gone.erased.rows))
    console.print(
        f"{gone.models} saved models, {gone.reports} reports and {gone.releases} older releases "
        f"were removed{', and what a killed backtest had left' if gone.copies else ''}; "
        "later loads leave the client out.",
        soft_wrap=True,
    )
    if gone.is_published:
        console.print("Readers have a release without the client.")
    console.print(
        "Not touched: partners' own files, backups and copies that others made. "
        "Next: [bold]cross-sell train[/bold], so that no model has learned from the client.",
        soft_wrap=True,
    )


def _rows(counts: Mapping[str, int]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    for name, count in sorted(counts.items()):
        table.add_row(name, f"{count:,}")
    return table
