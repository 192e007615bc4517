"""One simulated world of the scale benchmark, and the commands that are run on it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from ml import contracts
from ml.benchmark.process_tree import Usage, run_measured
from ml.contracts import Columns
from ml.files import make_folder
from ml.pipeline import SELECT_AFTER_TRAINING, SELECT_BEFORE_TRAINING
from ml.settings import PROJECT_ROOT, Settings
from ml.trials import CHAMPION_METRIC
from ml.warehouse import connect, read_table

LOAD: Final = "load"
TRAIN: Final = "train"
PUBLISH: Final = "publish"
WHOLE: Final = "whole job"
_BUDGET: Final = "sample_budget"
# dbt's engine gets so much of what is allowed: its process needs some beside.
_ENGINE_SHARE: Final = 2 / 3
_MIB_PER_GIB: Final = 1024
_ALL: Final = "all"


@dataclass(frozen=True)
class JobStep:
    """What a step of the job cost.

    Parameters
    ----------
    name : str
        A command's; of a step of the training ``train: <step>``.
    seconds : float
    cpu_seconds : float or None
        None where it was not measured.
    peak_memory_gib : float
    is_part : bool, default False
        Whether it is a step of a command that has a line of its own.
    """

    name: str
    seconds: float
    cpu_seconds: float | None
    peak_memory_gib: float
    is_part: bool = False


@dataclass(frozen=True)
class ModelQuality:
    """NDCG@10 of a model on the test fold, with its interval, and what its fit took.

    Parameters
    ----------
    ndcg, low, high : float or None
    client_count : int
    fit_seconds : float
        Epochs of the validation fit, without their evaluation.
    """

    ndcg: float | None
    low: float | None
    high: float | None
    client_count: int
    fit_seconds: float


def budgeted_models(settings: Settings) -> list[str]:
    """Those of the competing models that can learn within a budget of samples."""
    return [name for name in settings.models if hasattr(getattr(settings, name, None), _BUDGET)]


class World:
    """A simulated world in a warehouse of its own.

    Parameters
    ----------
    folder : Path
        Made anew.
    clients : int
    settings : Settings
    """

    def __init__(self, folder: Path, clients: int, settings: Settings) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        make_folder(folder)
        self.folder = folder
        self._clients = clients
        self._settings = settings

    @property
    def warehouse(self) -> Path:
        """Its DuckDB file."""
        return self.folder / "warehouse.duckdb"

    def commands(self) -> Iterator[tuple[str, Callable[[], Usage]]]:
        """Yield the job's commands, loading first, each with its name."""
        size = self._settings.benchmark
        yield (
            LOAD,
            partial(
                self._run, LOAD, "load", "simulated", f"--clients={self._clients}",
                f"--services={size.scale_services}", f"--partners={size.scale_partners}",
                f"--events-per-client={size.scale_events_per_client:g}",
                f"--seed={self._settings.seed}",
            ),
        )  # fmt: skip
        for name, command in (
            (SELECT_BEFORE_TRAINING, partial(self._build, SELECT_BEFORE_TRAINING)),
            (TRAIN, self.train),
            (SELECT_AFTER_TRAINING, partial(self._build, SELECT_AFTER_TRAINING)),
        ):
            yield (name if name == TRAIN else f"dbt build {name}"), command
        yield PUBLISH, partial(self._run, PUBLISH, "publish")

    def train(self, *, has_budget: bool = True) -> Usage:
        """Train as the settings say, or only the models with a budget, without it.

        Raises
        ------
        CommandFailedError
            The training failed or took too much memory.
        """
        models = budgeted_models(self._settings)
        budget = self._settings.benchmark.scale_sample_budget
        extra = {
            f"CROSS_SELL_{name.upper()}__{_BUDGET.upper()}": str(budget)
            for name in models
            if has_budget
        }
        if not has_budget:
            names = ",".join(f'"{name}"' for name in models)
            extra["CROSS_SELL_MODELS"] = f"[{names}]"
        log = TRAIN if has_budget else f"{TRAIN}_without_budget"
        return self._run(log, "train", f"--seed={self._settings.seed}", **extra)

    def _build(self, selector: str) -> Usage:
        return self._run(selector, "build", "--selector", selector)

    def _run(self, log: str, *arguments: str, **extra: str) -> Usage:
        allowed = self._settings.benchmark.scale_memory_gib
        environment = {
            **os.environ,
            "CROSS_SELL_WAREHOUSE": str(self.warehouse),
            # Beside the world, so that nothing of the project's own builds is overwritten.
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            "CROSS_SELL_THREADS": str(self._settings.threads),
            **extra,
        }
        environment.setdefault(
            "CROSS_SELL_MEMORY_LIMIT", f"{allowed * _ENGINE_SHARE * _MIB_PER_GIB:.0f}MiB"
        )
        return run_measured(
            [sys.executable, "-m", "ml", *arguments],
            folder=PROJECT_ROOT,
            environment=environment,
            log=self.folder / f"{log}.log",
            memory_gib=allowed,
        )

    def training_steps(self) -> list[JobStep]:
        """What the steps of the latest training cost, as the warehouse has it."""
        return [
            JobStep(
                f"{TRAIN}: {row[Columns.STEP]}",
                row[Columns.SECONDS],
                None,
                row[Columns.PEAK_MEMORY_MIB] / _MIB_PER_GIB,
                is_part=True,
            )
            for row in self._of_latest_run(contracts.RUN_STEPS)
        ]

    def qualities(self) -> dict[str, ModelQuality]:
        """How good the models of the latest training are on the test fold."""
        fit_seconds: dict[str, float] = {}
        for row in self._of_latest_run(contracts.LEARNING_CURVES):
            name = row[Columns.MODEL_NAME]
            fit_seconds[name] = fit_seconds.get(name, 0.0) + row[Columns.SECONDS]
        wanted = (contracts.FOLD_TEST, _ALL, CHAMPION_METRIC)
        return {
            row[Columns.MODEL_NAME]: ModelQuality(
                row[Columns.VALUE],
                row[Columns.CI_LOW],
                row[Columns.CI_HIGH],
                row[Columns.CLIENT_COUNT],
                fit_seconds[row[Columns.MODEL_NAME]],
            )
            for row in self._of_latest_run(contracts.METRICS)
            if (row[Columns.FOLD], row[Columns.SEGMENT], row[Columns.METRIC]) == wanted
        }

    def _of_latest_run(self, table: contracts.Table) -> list[dict[str, Any]]:
        with connect(
            self.warehouse, read_only=True, wait_seconds=self._settings.lock_wait_seconds
        ) as connection:
            runs = read_table(connection, contracts.RUNS).to_pylist()
            latest = max(runs, key=lambda run: (run[Columns.FINISHED_AT], run[Columns.RUN_ID]))
            found: list[dict[str, Any]] = read_table(
                connection, table, where={Columns.RUN_ID: latest[Columns.RUN_ID]}
            ).to_pylist()
        return found
