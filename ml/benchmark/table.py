"""A benchmark's figures as one table, the study's beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from ml.benchmark.results import BenchmarkResult, BenchmarkRun
from ml.report.summary import shown

MISSING: Final = "–"
_THOUSAND: Final = 1_000.0
_TEN: Final = 10.0
# Shares need four places, whatever their size.
_SHARES: Final = ("auc", "ndcg", "hr", "recall", "precision", "map", "cost_exponent")


def figure(metric: str, value: float | None) -> str:
    """Write a figure as its metric is read.

    Examples
    --------
    >>> figure("ndcg@10", 0.41234), figure("records_per_minute", 1234567.8), figure("epochs", 10.0)
    ('0.4123', '1,234,568', '10')
    >>> figure("train_minutes", 0.01234), figure("seconds", 12.345), figure("auc", None)
    ('0.0123', '12.3', '–')
    """
    if value is None:
        return MISSING
    if metric.startswith(_SHARES):
        return f"{value:.4f}"
    if value >= _THOUSAND or value.is_integer():
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= _TEN else f"{value:.3g}"


def _cell(result: BenchmarkResult | None) -> str:
    return MISSING if result is None else figure(result.metric, result.value)


def _study_cell(result: BenchmarkResult | None) -> str:
    return "" if result is None or result.study_value is None else f"{result.study_value:,.6g}"


def _rows(results: Sequence[BenchmarkResult]) -> list[tuple[str, str, dict[str, BenchmarkResult]]]:
    """Cases and models in order of appearance, each with its figures by metric."""
    rows: dict[tuple[str, str], dict[str, BenchmarkResult]] = {}
    for result in results:
        rows.setdefault((result.case_name, result.model_name), {})[result.metric] = result
    return [(case, model, found) for (case, model), found in rows.items()]


def results_table(results: Sequence[BenchmarkResult]) -> RichTable:
    """One row per case and model, one column per metric, the study's figures beside ours.

    Parameters
    ----------
    results : sequence of BenchmarkResult
        Rows and columns appear in their order.

    Returns
    -------
    rich.table.Table
    """
    table = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    metrics = list(dict.fromkeys(result.metric for result in results))
    has_study = {result.metric for result in results if result.study_value is not None}
    table.add_column("case", no_wrap=True)
    table.add_column("model", no_wrap=True)
    for metric in metrics:
        table.add_column(metric.replace("_", " "), justify="right")
        if metric in has_study:
            table.add_column("study", justify="right", style="dim")
    for case, rows in groupby(_rows(results), key=lambda row: row[0]):
        for i, (_, model, found) in enumerate(rows):
            cells = []
            for metric in metrics:
                cells.append(_cell(found.get(metric)))
                if metric in has_study:
                    cells.append(_study_cell(found.get(metric)))
            table.add_row(escape(case) if i == 0 else "", escape(model), *cells)
    return table


def print_benchmark(console: Console, run: BenchmarkRun, path: Path) -> None:
    """Print a benchmark's figures, notes, machine and where they are kept.

    Parameters
    ----------
    console : rich.console.Console
    run : BenchmarkRun
    path : Path
        Of the JSON.
    """
    console.print(f"\n[bold]{escape(run.benchmark)}[/bold]\n")
    console.print(results_table(run.results))
    notes: dict[str, None] = {}
    for result in run.results:
        if result.note is not None:
            notes[f"{result.case_name}, {result.model_name}: {result.note}"] = None
    for note in notes:
        console.print(f"[dim]  {escape(note)}[/dim]", soft_wrap=True)
    machine = run.machine
    console.print(
        f"[dim]{escape(machine['cpu'])}, {machine['cores']} cores, {machine['memory_gib']:.0f} GiB;"
        f" {run.seconds:.0f} s in all; {escape(shown(path))}[/dim]",
        soft_wrap=True,
    )
