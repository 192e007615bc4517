"""Read the learning marts in one short, read-only look at the warehouse."""

from __future__ import annotations

from datetime import datetime

import pyarrow.compute as pc

from ml import contracts
from ml.contracts import Columns
from ml.dataset import Marts
from ml.errors import InputError
from ml.progress import RunningStep
from ml.settings import Settings
from ml.warehouse import connect, read_table


def read_marts(settings: Settings, step: RunningStep) -> Marts:
    """Everything the jobs learn from, as Arrow; the warehouse is closed again on return.

    Raises
    ------
    InputError
        A mart is missing or not as contracted.
    WarehouseBusyError, WarehouseAccessError
        The warehouse cannot be opened.
    """
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        tables = {}
        for field, table in (
            ("clients", contracts.DIM_CLIENTS),
            ("services", contracts.DIM_SERVICES),
            ("windows", contracts.TRAINING_WINDOWS),
            ("interactions", contracts.INTERACTIONS),
            ("labels", contracts.LABELS),
            ("client_features", contracts.CLIENT_FEATURES),
            ("client_segments", contracts.CLIENT_SEGMENTS),
            ("service_features", contracts.SERVICE_FEATURES),
            ("ineligible_clients", contracts.INELIGIBLE_CLIENTS),
            ("ineligible_services", contracts.INELIGIBLE_SERVICES),
            ("ineligible_pairs", contracts.INELIGIBLE_PAIRS),
            ("interests", contracts.INTERESTS),
            ("eligibility_counts", contracts.ELIGIBILITY_COUNTS),
        ):
            step.update(table.qualified_name)
            tables[field] = read_table(connection, table)
    step.outcome = f"{sum(len(t) for t in tables.values()):,} rows"
    return Marts(**tables)


def as_of_at(marts: Marts) -> datetime:
    """The serving fold's cutoff: everything before it is known.

    Raises
    ------
    InputError
        There is no serving fold.
    """
    windows = marts.windows
    serving = windows.filter(pc.equal(windows.column(Columns.FOLD), contracts.FOLD_SERVING))
    if len(serving) != 1:
        raise InputError(
            f"{contracts.TRAINING_WINDOWS.qualified_name} needs one row for fold "
            f"'{contracts.FOLD_SERVING}', found {len(serving)}: run 'dbt build'"
        )
    cutoff: datetime = serving.column(Columns.CUTOFF_AT)[0].as_py()
    return cutoff
