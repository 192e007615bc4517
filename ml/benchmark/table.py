"""A benchmark's figures as one table, the study's beside ours."""

from __future__ import annotations

from collections.abc import Sequence
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
_SHARES: Final = ("auc", "ndcg", "hr", "recall", "precision", "map", "cost_exponent", "share")


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


def _study_cell(result: BenchmarkResult | None) -> str:
    if result is None or result.study_value is None:
        return ""
    value = result.study_value
    return f"{value:,.0f}" if value >= 1 else f"{value:.4g}"


_Row = tuple[str, str, dict[str, BenchmarkResult]]


def _rows(results: Sequence[BenchmarkResult]) -> list[_Row]:
    """Cases and models in order of appearance, each with its figures by metric."""
    rows: dict[tuple[str, str], dict[str, BenchmarkResult]] = {}
    for result in results:
        rows.setdefault((result.case_name, result.model_name), {})[result.metric] = result
    return [(case, model, found) for (case, model), found in rows.items()]


def results_tables(results: Sequence[BenchmarkResult]) -> list[RichTable]:
    """One row per case and model, one column per metric, the study's figures beside ours.

    Rows with the same metrics share a table, so that no table has columns for others.

    Parameters
    ----------
    results : sequence of BenchmarkResult
        Rows and columns appear in their order.

    Returns
    -------
    list of rich.table.Table
        They fit a terminal of 80 columns with up to six metrics.
    """
    groups: dict[tuple[str, ...], list[_Row]] = {}
    for row in _rows(results):
        groups.setdefault(tuple(row[2]), []).append(row)
    return [_table(metrics, rows) for metrics, rows in groups.items()]


def _table(metrics: Sequence[str], rows: Sequence[_Row]) -> RichTable:
    table = RichTable(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    has_study = {
        metric
        for metric in metrics
        if any(found[metric].study_value is not None for _, _, found in rows)
    }
    table.add_column("case", no_wrap=True)
    table.add_column("model", no_wrap=True)
    for metric in metrics:
        table.add_column(metric.replace("_", " "), justify="right", min_width=6)
        if metric in has_study:
            table.add_column("study", justify="right", style="dim", min_width=5)
    before = None
    for case, model, found in rows:
        cells = []
        for metric in metrics:
            cells.append(figure(metric, found[metric].value))
            if metric in has_study:
                cells.append(_study_cell(found[metric]))
        table.add_row("" if case == before else escape(case), escape(model), *cells)
        before = case
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
    console.print(f"\n[bold]{escape(run.benchmark)}[/bold]")
    for table in results_tables(run.results):
        console.print()
        console.print(table)
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
