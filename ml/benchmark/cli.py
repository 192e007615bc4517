"""The commands ``cross-sell benchmark ...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ml.commands import SeedOption, WarehouseOption, command, out
from ml.progress import Progress

app = typer.Typer(
    help=(
        "The founding study's tables and other libraries beside ours, measured on this machine. "
        "Each command prints its table and keeps it: as JSON and as a page beside the warehouse, "
        "and in ml.benchmark_results."
    ),
    no_args_is_help=True,
)


@app.command("all")
@command
def everything(warehouse: WarehouseOption = None, seed: SeedOption = None) -> None:
    """All of them, one after the other: some three quarters of an hour on two cores."""
    from ml.benchmark.suite import run_all

    run_all(Progress(out), warehouse, seed)


@app.command()
@command
def speed(warehouse: WarehouseOption = None, seed: SeedOption = None) -> None:
    """Training time from 10,000 to 10,000,000 records, then the ratios to the usual ways."""
    from ml.benchmark.results import RATIOS, SPEED
    from ml.benchmark.suite import run_one

    run_one(SPEED, Progress(out), warehouse, seed)
    run_one(RATIOS, Progress(out), warehouse, seed)


@app.command()
@command
def ratios(warehouse: WarehouseOption = None, seed: SeedOption = None) -> None:
    """Ranking, fitting and writing beside the usual ways, turn by turn; offers compared."""
    from ml.benchmark.results import RATIOS
    from ml.benchmark.suite import run_one

    run_one(RATIOS, Progress(out), warehouse, seed)


@app.command()
@command
def epochs(warehouse: WarehouseOption = None, seed: SeedOption = None) -> None:
    """AUC and NDCG@10 after 10, 20 and 50 epochs, beside the best possible."""
    from ml.benchmark.results import EPOCHS
    from ml.benchmark.suite import run_one

    run_one(EPOCHS, Progress(out), warehouse, seed)


@app.command()
@command
def trials(warehouse: WarehouseOption = None, seed: SeedOption = None) -> None:
    """Average, best and worst AUC over Optuna's trial runs ('cross-sell tune')."""
    from ml.benchmark.results import TRIALS
    from ml.benchmark.suite import run_one

    run_one(TRIALS, Progress(out), warehouse, seed)


@app.command()
@command
def peers(warehouse: WarehouseOption = None, seed: SeedOption = None) -> None:
    """Other libraries (LightFM bare, implicit, RecBole) beside ours, on the same splits."""
    from ml.benchmark.results import PEERS
    from ml.benchmark.suite import run_one

    run_one(PEERS, Progress(out), warehouse, seed)


@app.command("leave-one-out")
@command
def leave_one_out(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="With train.parquet, test.parquet, test_negatives.parquet and, optionally, "
            "users.parquet and items.parquet; default: MovieLens 100K."
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0, help="For all models, tests included; default: 30."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file too.")
    ] = None,
    warehouse: WarehouseOption = None,
    seed: SeedOption = None,
) -> None:
    """Leave one out among sampled negatives, as the NCF paper: HR@10 and NDCG@10 of every model."""
    from ml.benchmark.suite import run_leave_one_out
    from ml.files import write_atomically

    run = run_leave_one_out(folder, Progress(out), warehouse, seed, minutes)
    if json_file is not None:
        write_atomically(json_file, run.to_json())
        out.print(f"Figures in [bold]{escape(str(json_file))}[/bold]")


@app.command()
@command
def ablation(warehouse: WarehouseOption = None, seed: SeedOption = None) -> None:
    """Both models with one kind of information taken away at a time, on validation."""
    from ml.benchmark.results import ABLATION
    from ml.benchmark.suite import run_one

    run_one(ABLATION, Progress(out), warehouse, seed)


@app.command()
@command
def sources(warehouse: WarehouseOption = None, seed: SeedOption = None) -> None:
    """Both models without web events, campaign contacts or reviews, on validation."""
    from ml.benchmark.results import SOURCES
    from ml.benchmark.suite import run_one

    run_one(SOURCES, Progress(out), warehouse, seed)


@app.command()
@command
def oracle(warehouse: WarehouseOption = None, seed: SeedOption = None) -> None:
    """Every model beside the best possible, on a simulated world whose truth is known."""
    from ml.benchmark.results import ORACLE
    from ml.benchmark.suite import run_one

    run_one(ORACLE, Progress(out), warehouse, seed)


@app.command()
@command
def identity(warehouse: WarehouseOption = None, seed: SeedOption = None) -> None:
    """How right and how complete clients are, on a simulated world whose persons are known."""
    from ml.benchmark.results import IDENTITY
    from ml.benchmark.suite import run_one

    run_one(IDENTITY, Progress(out), warehouse, seed)


@app.command()
@command
def scale(
    clients: Annotated[
        list[int] | None,
        typer.Option(
            min=100, help="Give it once per size; default: 100,000, 300,000 and 1,000,000."
        ),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the worlds in <warehouse folder>/scale.")
    ] = False,
    warehouse: WarehouseOption = None,
    seed: SeedOption = None,
) -> None:
    """Run the whole job on simulated worlds of growing size: time and memory per step (hours)."""
    from ml.benchmark.suite import run_scale

    run_scale(clients or [], Progress(out), warehouse, seed, keep=keep)


@app.command()
@command
def incremental(warehouse: WarehouseOption = None, seed: SeedOption = None) -> None:
    """What a build costs after 1% of new events, against building everything anew."""
    from ml.benchmark.results import INCREMENTAL
    from ml.benchmark.suite import run_one

    run_one(INCREMENTAL, Progress(out), warehouse, seed)
