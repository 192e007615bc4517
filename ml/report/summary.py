"""The summary at the end of a run: models side by side, the champion and why, what next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from ml.evaluation.protocol import Evaluation
from ml.progress import Step
from ml.publishing import SERVING, Release
from ml.settings import PROJECT_ROOT, Settings
from ml.train import Run
from ml.trials import CHAMPION_METRIC, Trial

_METRICS: Final = ("ndcg@10", "hr@10", "recall@10", "map@10", "auc", "coverage@10")
_SECONDS_PER_MINUTE: Final = 60


def _figure(evaluation: Evaluation, metric: str, segment: str = "all") -> str:
    value = evaluation.value(metric, segment)
    return "–" if value is None else f"{value:.4f}"


def _with_interval(evaluation: Evaluation, metric: str) -> str:
    for row in evaluation.rows:
        is_wanted = (row.metric, row.segment) == (metric, "all")
        if is_wanted and row.value is not None and row.ci_low is not None:
            return f"{row.value:.4f} [dim]{row.ci_low:.4f}–{row.ci_high:.4f}[/dim]"
    return _figure(evaluation, metric)


def _models_table(run: Run) -> RichTable:
    table = RichTable(title="Models, measured once on the test fold", title_justify="left")
    table.add_column("model")
    table.add_column(f"{CHAMPION_METRIC}\nvalidation", justify="right")
    table.add_column(f"{CHAMPION_METRIC}\ntest, 95% interval", justify="right")
    for metric in _METRICS[1:]:
        table.add_column(f"{metric}\ntest", justify="right")
    table.add_column("ndcg@10\ncold", justify="right")
    table.add_column("epochs", justify="right")
    table.add_column("fit", justify="right")
    for trial in run.trials:
        is_champion = trial.name == run.champion.name
        table.add_row(
            f"{trial.name} ★" if is_champion else trial.name,
            _figure(trial.validation, CHAMPION_METRIC),
            _with_interval(trial.test, CHAMPION_METRIC),
            *(_figure(trial.test, metric) for metric in _METRICS[1:]),
            _figure(trial.test, CHAMPION_METRIC, "cold"),
            _epochs(trial),
            f"{trial.fit_seconds:.1f} s",
            style="bold" if is_champion else None,
        )
    return table


def _epochs(trial: Trial) -> str:
    return f"{trial.best_epoch}/{len(trial.epochs)}"


def _clients(run: Run) -> str:
    def count(segment: str) -> int:
        return next(
            row.client_count
            for row in run.trials[0].test.rows
            if row.metric == CHAMPION_METRIC and row.segment == segment
        )

    return f"{count('all'):,} clients with new adoptions, {count('cold'):,} of them cold"


def print_run(console: Console, run: Run, steps: Sequence[Step]) -> None:
    """Print what a run found.

    Parameters
    ----------
    console : rich.console.Console
    run : Run
    steps : sequence of Step
        For the slowest steps and the peak memory.
    """
    console.print()
    console.print(_models_table(run))
    console.print(f"[dim]test: {_clients(run)}; full ranking of all eligible services[/dim]")
    console.print(f"\n[bold]Champion: {run.champion.name}[/bold]. {run.champion.reason}")
    for fold, calibration in run.calibration.items():
        console.print(
            f"Calibration on {fold}: error {calibration.expected_calibration_error:.4f}, "
            f"mean probability {calibration.mean_probability:.4%} against "
            f"{calibration.positive_rate:.4%} observed"
        )
    slowest = sorted(steps, key=lambda step: step.seconds, reverse=True)[:3]
    console.print(
        "[dim]slowest steps: "
        + ", ".join(f"{escape(step.name)} {step.seconds:.0f} s" for step in slowest)
        + f"; peak memory {max(step.peak_memory_mib for step in steps):,.0f} MiB[/dim]"
    )


def _shown(path: Path) -> str:
    """Relative where that is shorter to read."""
    return str(path.relative_to(PROJECT_ROOT) if path.is_relative_to(PROJECT_ROOT) else path)


def print_next_steps(
    console: Console, settings: Settings, release: Release, seconds: float
) -> None:
    """Print where the offers are and what to do with them."""
    minutes, rest = divmod(round(seconds), _SECONDS_PER_MINUTE)
    serving = _shown(settings.folder / SERVING)
    offers = release.row_counts["cross_sell_scores"]
    console.print(
        f"\n[bold green]Done in {minutes} min {rest} s.[/bold green] {offers:,} offers of run "
        f"{release.run_id} are published.\n"
    )
    table = RichTable(show_header=False, box=None, pad_edge=False)
    table.add_row(
        "Score table", f"cross_sell.cross_sell_scores in {_shown(settings.warehouse_file)}"
    )
    table.add_row(
        "For readers", f"cross_sell_scores in {serving}, or {_shown(release.folder)}/*.parquet"
    )
    table.add_row("Look at a client", "[bold].venv/bin/cross-sell recommend 1[/bold]")
    table.add_row(
        "Query from Python",
        f"duckdb.connect('{serving}', read_only=True).sql('from cross_sell_scores')",
    )
    table.add_row("See the lineage", "[bold]make docs[/bold]")
    console.print(table)
