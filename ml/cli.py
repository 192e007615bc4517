"""The commands: ``cross-sell`` (also ``python -m ml``). Nothing imports this module."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ml import logs
from ml.benchmark.cli import app as benchmark_app
from ml.commands import (
    DataOption,
    ResumeOption,
    SeedOption,
    WarehouseOption,
    claimed,
    command,
    is_sure,
    load_settings,
    out,
)
from ml.exit_codes import told
from ml.progress import Progress
from ml.sources.cli import app as load_app

if TYPE_CHECKING:
    from ml.settings import Settings

app = typer.Typer(
    help="Cross-sell inside the warehouse: raw partner tables in, calibrated offers out.",
    epilog=told(),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ProfileOption = Annotated[
    bool,
    typer.Option("--profile", help="Say where the time went; ml.run_steps keeps it in any case."),
]

app.add_typer(load_app, name="load")
app.add_typer(benchmark_app, name="benchmark")


@app.callback()
def choose_log_format(
    log_format: Annotated[
        logs.LogFormat,
        typer.Option(
            envvar="CROSS_SELL_LOG_FORMAT",
            help="json: steps, warnings, errors and the end as JSON lines on stderr.",
        ),
    ] = logs.LogFormat.TEXT,
) -> None:
    """Cross-sell inside the warehouse: raw partner tables in, calibrated offers out."""
    logs.set_up(log_format)


@app.command()
@command
def build(
    selector: Annotated[
        str | None, typer.Option(help="A selector of dbt_project/selectors.yml; default: all.")
    ] = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Run dbt build: raw tables to marts, with every test."""
    from ml.pipeline import build as run_build

    run_build(claimed(load_settings(warehouse=warehouse)), Progress(out), selector)


@app.command()
@command
def train(
    warm_from: Annotated[
        str | None,
        typer.Option(help="latest: from where earlier runs left off, if not worse; none: anew."),
    ] = None,
    resume: ResumeOption = None,
    profile: ProfileOption = False,
    warehouse: WarehouseOption = None,
    seed: SeedOption = None,
) -> None:
    """Fit, evaluate, choose, calibrate, score and write; expects built marts."""
    from ml.earlier_models import parse_warm_from
    from ml.report.model_card import write_model_card
    from ml.report.summary import print_profile, print_run, print_tuned
    from ml.train import train as run_train

    settings = claimed(
        load_settings(
            warehouse=warehouse,
            seed=seed,
            warm_start=parse_warm_from(warm_from),
            resumes=resume,
        )
    )
    print_tuned(out, settings)
    progress = Progress(out)
    run = run_train(settings, progress)
    print_run(out, run, progress.steps)
    if profile:
        print_profile(out, progress.steps)
    model_card = write_model_card(settings, run.run_id)
    out.print(f"\nModel card: [bold]{escape(str(model_card))}[/bold]", soft_wrap=True)
    out.print(
        "Next: [bold]cross-sell build --selector after_training[/bold], "
        "then [bold]cross-sell publish[/bold]"
    )


@app.command()
@command
def tune(
    model: Annotated[
        str | None, typer.Option(help="ease, lightfm or ncf; default: all, one after the other.")
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(min=1, help="Trials per model, earlier ones on this data included."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Per model; no trial begins later.")
    ] = None,
    warehouse: WarehouseOption = None,
    seed: SeedOption = None,
) -> None:
    """Search for better settings on the validation fold; 'train' then uses them."""
    from ml.tuning.space import SPACES
    from ml.tuning.tune import print_found
    from ml.tuning.tune import tune as run_tune

    settings = load_settings(is_tuned=False, warehouse=warehouse, seed=seed)
    found = run_tune(
        settings,
        Progress(out),
        tuple(SPACES) if model is None else (model,),
        trials or settings.tuning.trials,
        settings.tuning.minutes if minutes is None else minutes,
    )
    print_found(out, settings, found)


@app.command()
@command
def backtest(
    begin: Annotated[str, typer.Option("--from", help="First date of offers, 2024-05-31.")],
    every: Annotated[str, typer.Option(help="Days between two dates.")] = "30d",
    until: Annotated[
        str | None, typer.Option(help="Last date; default: the last that is fully observed.")
    ] = None,
    model: Annotated[str, typer.Option(help="The model that the policies train.")] = "lightfm",
    drift_on: Annotated[
        str | None,
        typer.Option(help="When tastes changed, if that is known: states what is recovered."),
    ] = None,
    champions: Annotated[
        bool,
        typer.Option(
            "--champions", help="Also count on how many dates another model beats the champion."
        ),
    ] = False,
    warehouse: WarehouseOption = None,
    seed: SeedOption = None,
) -> None:
    """Replay over history: never retrain, always anew, or warm when drift shows."""
    from ml.backtest.dates import parse_date, parse_every
    from ml.backtest.measure import backtest as run_backtest

    first, days = parse_date(begin, "--from"), parse_every(every)
    last = None if until is None else parse_date(until, "--until")
    drift = None if drift_on is None else parse_date(drift_on, "--drift-on")
    settings = load_settings(warehouse=warehouse, seed=seed)
    run_backtest(settings, Progress(out), first, days, last, model, drift, has_champions=champions)


@app.command()
@command
def publish(
    force: Annotated[
        str | None,
        typer.Option("--force", help="A run's id: publish it though checks failed; recorded."),
    ] = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Check the run that the marts show; where all holds, switch readers to a release of it."""
    from ml.pipeline import force_publish
    from ml.pipeline import publish as run_publish
    from ml.warehouse import SERVING

    settings = claimed(load_settings(warehouse=warehouse))
    progress = Progress(out)
    release = (
        run_publish(settings, progress)
        if force is None
        else force_publish(settings, progress, force)
    )
    out.print(f"Release [bold]{release.release_id}[/bold] of run {release.run_id}")
    out.print(
        f"Readers open [bold]{escape(str(settings.folder / SERVING))}[/bold] (read-only)",
        soft_wrap=True,
    )


@app.command()
@command
def releases(
    relocate: Annotated[
        bool,
        typer.Option("--relocate", help="First make a copied or moved folder a place of its own."),
    ] = False,
    warehouse: WarehouseOption = None,
) -> None:
    """List the releases that are kept, the newest first, and which one readers have."""
    from ml import publishing
    from ml.report.releases import print_releases

    settings = load_settings(warehouse=warehouse)
    if relocate:
        publishing.relocate(settings)
    print_releases(out, settings)


@app.command()
@command
def rollback(
    release_id: Annotated[
        str | None, typer.Argument(help="A kept release; default: the one before the current.")
    ] = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Switch readers back to a release that is kept; the next publish goes forward again."""
    from ml import publishing

    settings = load_settings(warehouse=warehouse)
    with Progress(out).step("rollback") as step:
        release = publishing.rollback(settings, step, release_id)
    out.print(f"Readers have release [bold]{release.release_id}[/bold] of run {release.run_id}")


@app.command()
@command
def run(
    data: DataOption = "complete-journey",
    reload: Annotated[
        bool, typer.Option("--reload", help="Load the source even if raw tables exist.")
    ] = False,
    profile: ProfileOption = False,
    warehouse: WarehouseOption = None,
    seed: SeedOption = None,
) -> None:
    """Run the main job: load, dbt build, train, dbt build, publish, and say what came out."""
    from ml.data import parse_data
    from ml.pipeline import run as run_pipeline

    source = parse_data(data)
    settings = load_settings(warehouse=warehouse, seed=seed)
    if "warehouse" not in settings.model_fields_set:
        settings = load_settings(warehouse=source.warehouse, seed=seed)
    run_pipeline(claimed(settings), out, source, reload=reload, is_profiled=profile)


@app.command()
@command
def refresh(
    data: DataOption = "complete-journey",
    force: Annotated[
        bool, typer.Option("--force", help="Train also where nothing is new.")
    ] = False,
    warehouse: WarehouseOption = None,
    seed: SeedOption = None,
) -> None:
    """Load what is new, build, measure drift, decide, train, publish; every decision is a row."""
    from ml.data import parse_data
    from ml.refresh.job import refresh as run_refresh

    source = parse_data(data)
    settings = load_settings(warehouse=warehouse, seed=seed)
    if "warehouse" not in settings.model_fields_set:
        settings = load_settings(warehouse=source.warehouse, seed=seed)
    run_refresh(claimed(settings), out, source, is_forced=force)


@app.command()
@command
def soak(
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Publish under eight readers for so long.")
    ] = None,
    kills: Annotated[
        int | None, typer.Option(min=1, help="Kill so many jobs at random moments.")
    ] = None,
    seed: SeedOption = None,
) -> None:
    """Try the jobs for long, on a small made-up world of its own; fails on any error."""
    import tempfile

    from ml.errors import InputError
    from ml.soak.jobs import World
    from ml.soak.kills import kill_at_random
    from ml.soak.reading import read_while_publishing
    from ml.soak.show import print_kills, print_readings

    if minutes is None and kills is None:
        raise InputError("say how long: --minutes of reading, --kills of jobs, or both")
    with tempfile.TemporaryDirectory(prefix="cross-sell-soak-") as folder:
        world = World(Path(folder))
        settings = load_settings(warehouse=world.warehouse)
        if kills is not None:
            print_kills(out, kill_at_random(world, kills, seed or 0, out.print))
        if minutes is not None:
            readings, releases = read_while_publishing(world, minutes, out.print)
            print_readings(out, readings, releases, settings)


@app.command()
@command
def recommend(
    client_id: Annotated[str, typer.Argument(help="The client, as partners know it.")],
    top: Annotated[int, typer.Option(min=1, help="How many offers.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    warehouse: WarehouseOption = None,
) -> None:
    """Show a client's offers beside what they already have, from the last release."""
    from ml.report.client import client_page, print_client

    settings: Settings = load_settings(warehouse=warehouse)
    page = client_page(settings, client_id, top)
    if as_json:
        sys.stdout.write(json.dumps(page.to_dict(), indent=2, default=str) + "\n")
    else:
        print_client(out, page)


@app.command()
@command
def forget(
    client_id: Annotated[
        str | None,
        typer.Argument(help="Of the client or any of its records: 42, or <partner>:<id>."),
    ] = None,
    email: Annotated[
        str | None, typer.Option(help="Instead: find the client by an e-mail address.")
    ] = None,
    phone: Annotated[
        str | None, typer.Option(help="Instead: by a telephone number with its country code.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    warehouse: WarehouseOption = None,
) -> None:
    """Erase a client from the raw tables to the releases, and keep it out of later loads."""
    from ml.forget.forget import find_person
    from ml.forget.forget import forget as run_forget
    from ml.forget.show import print_found, print_gone

    settings = load_settings(warehouse=warehouse)
    found = find_person(settings, client_id, email=email, phone=phone)
    print_found(out, found)
    if not yes and not is_sure("Erase all of it? It cannot be brought back"):
        out.print("Nothing was erased.")
        raise typer.Exit(1)
    print_gone(out, run_forget(claimed(settings), found, Progress(out)))


@app.command()
@command
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    warehouse: WarehouseOption = None,
) -> None:
    """Look at installation, settings, warehouse and releases, and say what to do."""
    from ml.doctor.examine import examine
    from ml.doctor.show import as_json as to_json
    from ml.doctor.show import is_well, print_findings

    findings = list(examine(warehouse))
    if as_json:
        sys.stdout.write(to_json(findings) + "\n")
    else:
        print_findings(out, findings)
    if not is_well(findings):
        raise typer.Exit(1)


@app.command()
@command
def docs(warehouse: WarehouseOption = None) -> None:
    """Write the dbt docs with lineage as one static file."""
    from ml.pipeline import write_docs

    path = write_docs(load_settings(warehouse=warehouse), Progress(out))
    out.print(f"Open [bold]{escape(str(path))}[/bold] in a browser")


RunOption = Annotated[
    str | None, typer.Option("--run", help="A run's id; default: the latest completed run.")
]


@app.command()
@command
def report(run_id: RunOption = None, warehouse: WarehouseOption = None) -> None:
    """Write what a run found as one HTML page, to open in any browser."""
    from ml.report.page import write_report

    settings = load_settings(warehouse=warehouse)
    with Progress(out).step("report"):
        path = write_report(settings, run_id)
    out.print(f"Open [bold]{escape(str(path))}[/bold] in a browser", soft_wrap=True)


@app.command()
@command
def card(
    run_id: Annotated[
        str | None, typer.Argument(help="A run's id; default: the latest completed run.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Write it there instead of printing it.")
    ] = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Print a run's model card: data, settings, figures, limits, cost, who decided."""
    from ml.files import write_atomically
    from ml.report.model_card import read_model_card

    text = read_model_card(load_settings(warehouse=warehouse), run_id)
    if output is None:
        sys.stdout.write(text)
    else:
        write_atomically(output, text)
        out.print(f"Wrote [bold]{escape(str(output))}[/bold]", soft_wrap=True)


def main() -> Any:
    """Entry point of the console script."""
    return app(prog_name="cross-sell")
