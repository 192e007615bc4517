"""Fill the raw tables from a source, all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import pyarrow as pa

from ml.contracts import RAW_TABLES, RAW_TRANSACTIONS, Table
from ml.errors import InputError
from ml.progress import Progress
from ml.settings import Settings
from ml.sources import complete_journey, insurer, wholesaler
from ml.warehouse import (
    connect,
    count_rows,
    existing_columns,
    keep_forgotten_out,
    replace_tables,
)

RawTables = Iterator[tuple[Table, pa.Table]]

SOURCES: Final[dict[str, Callable[[], RawTables]]] = {
    "complete-journey": complete_journey.read_tables,
    "wholesaler": wholesaler.read_tables,
    "insurer": insurer.read_tables,
}


def load_source(settings: Settings, source: str, progress: Progress) -> dict[str, int]:
    """Replace the raw tables by what a source has.

    Parameters
    ----------
    settings : Settings
    source : str
        A key of ``SOURCES``.
    progress : Progress

    Returns
    -------
    dict of str to int
        Rows by table.

    Raises
    ------
    InputError
        Unknown source, or the source lacks something.
    WarehouseBusyError, WarehouseAccessError
        The warehouse cannot be written; what was there stays.
    """
    if source not in SOURCES:
        raise InputError(f"unknown source '{source}': there are {', '.join(sorted(SOURCES))}")
    with progress.step(f"load {source}") as step:
        # Everything is made before the warehouse is opened: it is held for the write only.
        tables = []
        for table, rows in SOURCES[source]():
            step.update(table.qualified_name)
            tables.append((table, rows))
        there = {table for table, _ in tables}
        tables += [(t, t.arrow_schema.empty_table()) for t in RAW_TABLES if t not in there]
        with connect(
            settings.warehouse_file, read_only=False, wait_seconds=settings.lock_wait_seconds
        ) as connection:
            step.update("writing")
            replace_tables(
                connection, tables, is_other_source=True, before_commit=keep_forgotten_out
            )
        counts = {table.name: len(rows) for table, rows in tables}
        step.outcome = f"{sum(counts.values()):,} rows"
    return counts


def loaded_transactions(settings: Settings) -> int:
    """Rows of ``raw.transactions``; 0 where there is no warehouse or no such table yet."""
    if not settings.warehouse_file.exists():
        return 0
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        if not existing_columns(connection, RAW_TRANSACTIONS):
            return 0
        return count_rows(connection, RAW_TRANSACTIONS)
