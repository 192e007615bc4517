"""The commands ``cross-sell benchmark ...``."""

from __future__ import annotations

import typer

from ml.commands import SeedOption, WarehouseOption, command, out
from ml.progress import Progress
from ml.settings import load_settings

app = typer.Typer(
    help="The founding study's tables and other libraries beside ours, measured on this machine.",
    no_args_is_help=True,
)


@app.command()
@command
def speed(warehouse: WarehouseOption = None, seed: SeedOption = None) -> None:
    """Training time of LightFM and NCF from 10,000 to 10,000,000 records."""
    from ml.benchmark.runner import run_benchmark
    from ml.benchmark.speed import measure_speed

    settings = load_settings(warehouse=warehouse, seed=seed)
    run_benchmark("speed", measure_speed, settings, Progress(out))
