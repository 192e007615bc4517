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

    settings = load_settings(is_tuned=False, warehouse=warehouse, seed=seed)
    run_benchmark("speed", measure_speed, settings, Progress(out))


@app.command()
@command
def epochs(warehouse: WarehouseOption = None, seed: SeedOption = None) -> None:
    """AUC and NDCG@10 after 10, 20 and 50 epochs, beside the best possible."""
    from ml.benchmark.epochs import measure_epochs
    from ml.benchmark.runner import run_benchmark

    settings = load_settings(is_tuned=False, warehouse=warehouse, seed=seed)
    run_benchmark("epochs", measure_epochs, settings, Progress(out))


@app.command()
@command
def trials(warehouse: WarehouseOption = None, seed: SeedOption = None) -> None:
    """Average, best and worst AUC over Optuna's trial runs ('cross-sell tune')."""
    from ml.benchmark.runner import run_benchmark
    from ml.benchmark.trials import measure_trials

    settings = load_settings(is_tuned=False, warehouse=warehouse, seed=seed)
    run_benchmark("trials", measure_trials, settings, Progress(out))
