"""The summary at the end of a run: models side by side, the champion and why, what next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from ml import contracts
from ml.evaluation.offers import JudgedOffers
from ml.evaluation.protocol import Evaluation
from ml.progress import Step
from ml.releases import CURRENT, Release
from ml.report.client import example_client
from ml.settings import PROJECT_ROOT, Settings
from ml.train import Run
from ml.tuning.saved import TUNED_FILE
from ml.warehouse import SERVING

_SECONDS_PER_MINUTE: Final = 60


def _figure(evaluation: Evaluation, metric: str, segment: str = "all") -> str:
    value = evaluation.value(metric, segment)
    return "–" if value is None else f"{value:.4f}"


def _interval(evaluation: Evaluation) -> str:
    for row in evaluation.rows:
        is_wanted = (row.metric, row.segment) == (evaluation.choice_metric, "all")
        if is_wanted and row.ci_low is not None and row.ci_high is not None:
            return f"{row.ci_low:.4f}–{row.ci_high:.4f}"
    return "–"


def _models_table(run: Run) -> RichTable:
    """Fits a terminal of 80 columns; all figures are in the mart model_comparison."""
    table = RichTable(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    k = min(trial.test.k for trial in run.trials)
    ndcg = f"ndcg@{k}"
    table.add_column("model\n", no_wrap=True)
    for heading in (
        f"{ndcg}\nvalid.", "\ntest", "\n95% interval", f"hr@{k}\ntest", "auc\ntest",
        f"coverage\n@{k}", "fit\nseconds",
    ):  # fmt: skip
        table.add_column(heading, justify="right", no_wrap=True)
    for trial in run.trials:
        is_champion = trial.name == run.champion.name
        table.add_row(
            f"{trial.name} ★" if is_champion else trial.name,
            _figure(trial.validation, trial.validation.choice_metric),
            _figure(trial.test, ndcg),
            _interval(trial.test),
            *(_figure(trial.test, metric) for metric in (f"hr@{k}", "auc", f"coverage@{k}")),
            f"{trial.fit_seconds:.1f}",
            style="bold" if is_champion else None,
        )
    return table


def _clients(run: Run) -> str:
    def count(segment: str) -> int:
        return next(
            row.client_count
            for row in run.trials[0].test.rows
            if row.metric == run.trials[0].test.choice_metric and row.segment == segment
        )

    return f"{count('all'):,} clients took something new on test, {count('cold'):,} of them cold"


def _print_choices(console: Console, run: Run) -> None:
    """What each model chose on the data."""
    told = [
        (trial.name, trial.told) for trial in run.trials if trial.told and not run.champion.cause
    ]
    if told:
        console.print("[bold]Chosen on your data[/bold]")
    for name, choices in told:
        console.print(f"  {name}: {choices}", soft_wrap=True)


def _print_champion(console: Console, run: Run) -> None:
    console.print(f"[bold]Champion: {run.champion.name}[/bold]")
    for sentence in run.champion.sentences:
        console.print(f"  {sentence}", soft_wrap=True)
    for fold, evaluation in run.champion_trial.evaluations.items():
        if evaluation.offers is not None:
            console.print(f"  {_probabilities(fold, evaluation.offers)}", soft_wrap=True)
    offers = run.champion_trial.test.offers
    if offers is not None:
        console.print(f"  {_top_decile(offers)}", soft_wrap=True)


def _probabilities(fold: str, offers: JudgedOffers) -> str:
    found = offers.calibration
    return (
        f"Probabilities on {fold}: {found.mean_probability:.2%} stated, "
        f"{found.positive_rate:.2%} happened, "
        f"calibration error {found.expected_calibration_error:.4f}"
    )


def _top_decile(offers: JudgedOffers) -> str:
    """What the likeliest tenth of all offers brings: the one figure of a campaign."""
    table = offers.lift
    total = int(table.conversion_counts.sum())
    if total == 0 or table.deciles[0] != 1:
        return "Top decile of offers on test: nothing to tell"
    return (
        f"Top decile of offers on test: {table.conversion_counts[0]:,} conversions of "
        f"{total:,}, lift {table.lifts[0]:.1f}"
    )


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
    console.print(f"[dim]{_clients(run)};\nevery eligible service is ranked[/dim]\n")
    _print_champion(console, run)
    _print_choices(console, run)
    slowest = sorted(steps, key=lambda step: step.seconds, reverse=True)[:3]
    console.print(
        "[dim]  Slowest steps: "
        + ", ".join(f"{escape(step.name)} {step.seconds:.0f} s" for step in slowest)
        + f"; peak memory {max(step.peak_memory_mib for step in steps):,.0f} MiB[/dim]",
        soft_wrap=True,
    )


def print_profile(console: Console, steps: Sequence[Step]) -> None:
    """Print where the time of a job went.

    Parameters
    ----------
    console : rich.console.Console
    steps : sequence of Step
    """
    table = RichTable(
        title="Where the time went", title_justify="left", box=None, padding=(0, 1, 0, 0)
    )
    table.add_column("step")
    for title in ("s", "share", "CPU s", "cores busy", "peak MiB"):
        table.add_column(title, justify="right")
    whole = sum(step.seconds for step in steps)
    for step in steps:
        table.add_row(
            escape(step.name),
            f"{step.seconds:.1f}",
            f"{step.seconds / whole:.1%}" if whole else "",
            f"{step.cpu_seconds:.1f}",
            f"{step.cpu_seconds / step.seconds:.2f}" if step.seconds else "",
            f"{step.peak_memory_mib:,.0f}",
        )
    table.add_section()
    busy = sum(step.cpu_seconds for step in steps)
    table.add_row(
        "all",
        f"{whole:.1f}",
        "",
        f"{busy:.1f}",
        f"{busy / whole:.2f}" if whole else "",
        f"{max((step.peak_memory_mib for step in steps), default=0):,.0f}",
    )
    console.print(table)


def shown(path: Path) -> str:
    """A path as a person reads it: relative inside the project."""
    return str(path.relative_to(PROJECT_ROOT) if path.is_relative_to(PROJECT_ROOT) else path)


def print_tuned(console: Console, settings: Settings) -> None:
    """Say which models run with settings that tuning found, and what these gained there."""
    for name, provenance in settings.tuned.items():
        if name in settings.models:
            console.print(f"[dim]{name} uses {TUNED_FILE}: {provenance}[/dim]", soft_wrap=True)


def print_next_steps(
    console: Console,
    settings: Settings,
    release: Release,
    written: tuple[Path, Path],
    seconds: float,
) -> None:
    """Print where the offers are and what to do with them.

    Parameters
    ----------
    console : rich.console.Console
    settings : Settings
    release : Release
    written : (Path, Path)
        The report and the model card.
    seconds : float
        That the whole job took.
    """
    report, card = (escape(shown(path)) for path in written)
    minutes, rest = divmod(round(seconds), _SECONDS_PER_MINUTE)
    serving = escape(shown(settings.folder / SERVING))
    offers = release.row_counts[contracts.CROSS_SELL_SCORES.name]
    recommend = shlex.join([".venv/bin/cross-sell", "recommend", example_client(settings)])
    if "warehouse" in settings.model_fields_set:
        recommend += f" --warehouse {shlex.quote(shown(settings.warehouse_file))}"
    console.print(
        f"\n[bold green]Done in {minutes} min {rest} s.[/bold green] "
        f"{offers:,} offers are published."
    )
    for what, where in (
        ("The report", f"{report} (open it in a browser)"),
        ("Model card", card),
        (
            "Score table",
            f"cross_sell.cross_sell_scores in {escape(shown(settings.warehouse_file))}",
        ),
        ("For readers", f"cross_sell_scores in {serving}"),
        ("As Parquet", f"{escape(shown(settings.folder / CURRENT))}/*.parquet"),
        ("All figures", f"model_comparison in {serving}"),
        ("A client's offers", f"[bold]{escape(recommend)}[/bold]"),
        ("From Python", f"duckdb.connect('{serving}', read_only=True)"),
        ("The lineage", "[bold]make docs[/bold]"),
    ):
        console.print(f"  {what:<18} {where}", soft_wrap=True)
