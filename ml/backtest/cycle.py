"""What the warehouse would have known on a date, and what then happened."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from ml import contracts
from ml.backtest.dates import History
from ml.contracts import RAW_SCHEMA, SNAPSHOTS_SCHEMA, Columns
from ml.dataset import Fold
from ml.files import make_folder
from ml.locks import hold
from ml.marts import read_folds
from ml.progress import Progress
from ml.settings import Settings
from ml.transform import run_dbt
from ml.warehouse import connect, copy_schemas

BACKTEST_FOLDER: Final = "backtest"
"""Of the working copy, beside the warehouse."""
BACKTEST_LOCK: Final = "backtest.lock"
"""Held as long as the working copy is used."""

_SELECTOR: Final = "learning"


@dataclass(frozen=True)
class Cycle:
    """One date of a backtest.

    Parameters
    ----------
    date : datetime
        Offers are made with what was known before.
    past : Fold
        A horizon earlier, with the labels that have arrived since: what is trained, stopped,
        chosen and calibrated on.
    present : Fold
        As of the date, with the labels of the horizon after it: read to observe, never to learn.
    """

    date: datetime
    past: Fold
    present: Fold


@contextmanager
def working_copy(settings: Settings, progress: Progress) -> Iterator[Settings]:
    """Settings of a warehouse of the backtest's own, gone afterwards.

    The user's warehouse is read once, for its raw tables and versions, and never written. What a
    killed backtest left is removed first.

    Raises
    ------
    WarehouseBusyError
        Another backtest of this warehouse is under way, or a client is being forgotten.
    """
    folder = settings.folder / BACKTEST_FOLDER
    with hold(settings.folder / BACKTEST_LOCK, settings.lock_wait_seconds):
        shutil.rmtree(folder, ignore_errors=True)
        make_folder(folder)
        try:
            path = folder / "warehouse.duckdb"
            _copy(settings, path, progress)
            yield settings.model_copy(update={"warehouse": path})
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _copy(settings: Settings, path: Path, progress: Progress) -> None:
    with (
        progress.step("copy raw tables") as step,
        connect(
            settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
        ) as connection,
    ):
        copy_schemas(connection, path, (RAW_SCHEMA, SNAPSHOTS_SCHEMA))
        step.outcome = f"{path.stat().st_size / 2**20:,.0f} MiB"


def build_cycle(copy: Settings, history: History, date: datetime, progress: Progress) -> Cycle:
    """Build the marts of a date with dbt, once for all policies.

    With ``as_of`` a horizon after the date, the test fold's cutoff is the date, and its labels are
    what happened to its offers; validation is the horizon before, whose labels were just known.

    Parameters
    ----------
    copy : Settings
        Of the working copy.
    history : History
    date : datetime
    progress : Progress

    Returns
    -------
    Cycle

    Raises
    ------
    TransformError
        dbt failed.
    InputError
        Nothing to learn from before the date.
    """
    as_of = (date + history.horizon).isoformat(sep=" ")
    variables = json.dumps({"as_of": as_of, Columns.HORIZON_DAYS: history.horizon.days})
    with progress.step(f"dbt run as of {date:%Y-%m-%d}") as step:
        run_dbt(copy, ["run", "--selector", _SELECTOR, "--vars", variables], step)
    with progress.step("read marts") as step:
        _, folds = read_folds(copy, step)
    return Cycle(date, folds[contracts.FOLD_VALIDATION], folds[contracts.FOLD_TEST])
