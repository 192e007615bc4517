"""Read the learning marts in one short, read-only look at the warehouse."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from ml import contracts
from ml.contracts import Columns, Table
from ml.dataset import Fold
from ml.errors import InputError
from ml.fold_building import Marts, build_folds
from ml.progress import RunningStep
from ml.settings import Settings
from ml.warehouse import Connection, connect, distinct_values, read_compact, read_table, snapshot


class _WarehouseRows:
    """Rows of one fold after the other, out of an open warehouse."""

    def __init__(self, connection: Connection, step: RunningStep) -> None:
        self._connection = connection
        self._step = step
        self.row_count = 0

    def rows(self, table: Table, fold: str) -> pa.Table:
        self._step.update(f"{table.qualified_name}, {fold}")
        found = read_compact(self._connection, table, {Columns.FOLD: fold})
        self.row_count += len(found)
        return found

    def names(self, table: Table) -> tuple[str, ...]:
        return tuple(distinct_values(self._connection, table, Columns.FEATURE))


def read_folds(settings: Settings, step: RunningStep) -> tuple[Marts, dict[str, Fold]]:
    """Everything the jobs learn from; the warehouse is closed again on return.

    Folds are read one after the other into matrices, so that the long tables of one fold at most
    are in memory.

    Returns
    -------
    marts : Marts
    folds : dict of str to Fold

    Raises
    ------
    InputError
        A mart is missing or not as contracted, or nobody may be offered anything.
    WarehouseBusyError, WarehouseAccessError
        The warehouse cannot be opened.
    """
    with (
        connect(
            settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
        ) as connection,
        snapshot(connection),
    ):
        marts = Marts(
            clients=read_table(connection, contracts.DIM_CLIENTS),
            services=read_table(connection, contracts.DIM_SERVICES),
            windows=read_table(connection, contracts.TRAINING_WINDOWS),
            eligibility_counts=read_table(connection, contracts.ELIGIBILITY_COUNTS),
            build_vars=read_table(connection, contracts.BUILD_VARS),
        )
        source = _WarehouseRows(connection, step)
        folds = build_folds(marts, source, settings.evaluation_clients)
    _refuse_nobody(marts, folds)
    step.outcome = f"{source.row_count:,} rows"
    return marts, folds


def _refuse_nobody(marts: Marts, folds: dict[str, Fold]) -> None:
    serving = folds.get(contracts.FOLD_SERVING)
    if serving is None or serving.is_eligible_client.any():
        return
    reasons = ", ".join(
        f"{row[Columns.ROW_COUNT]:,} {row[Columns.REASON]}"
        for row in marts.eligibility_counts.to_pylist()
        if row[Columns.FOLD] == contracts.FOLD_SERVING and row[Columns.SCOPE] == "client"
    )
    raise InputError(
        f"nobody may be offered anything (clients by reason: {reasons}): see the reasons in "
        f"{contracts.INELIGIBLE_CLIENTS.qualified_name}; readers keep what they have"
    )


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
