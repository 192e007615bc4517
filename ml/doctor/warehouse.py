"""The warehouse: whether it opens, who holds it, and whether its tables are as contracted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ml import contracts
from ml.contracts import Table
from ml.doctor.finding import Finding, fail, ok, warn
from ml.doctor.holders import holder_of
from ml.errors import CrossSellError
from ml.rejections import in_one_line
from ml.settings import Settings
from ml.warehouse import (
    Connection,
    check_contract,
    count_rejections,
    count_rows,
    existing_columns,
)

AREA: Final = "warehouse"
PATIENCE_SECONDS: Final = 5.0
"""A job's short write is no fault: look again that long."""

_LEARNING: Final = (
    contracts.DIM_CLIENTS,
    contracts.DIM_SERVICES,
    contracts.TRAINING_WINDOWS,
    contracts.INTERACTIONS,
    contracts.LABELS,
)
_MAP: Final = "map your data as docs/raw_contract.md says, or load it again"
_BUILD: Final = "run 'cross-sell build'"


def check_file(settings: Settings) -> Iterator[Finding]:
    """Whether there is a warehouse, and who has it; needs no opening."""
    path = settings.warehouse_file
    if path.is_dir():
        yield fail(AREA, "file", f"{path} is a folder", "set CROSS_SELL_WAREHOUSE to a file")
        return
    if not path.exists():
        yield fail(
            AREA, "file", f"there is none at {path}", "run 'make train' or 'cross-sell load'"
        )
        return
    yield ok(AREA, "file", f"{path}, {path.stat().st_size / (1 << 20):,.0f} MiB")
    yield _lock(settings)


def _lock(settings: Settings) -> Finding:
    patience = min(PATIENCE_SECONDS, settings.lock_wait_seconds)
    until = time.monotonic() + patience
    while (holder := holder_of(settings.warehouse_file)) is not None and holder.is_writer:
        if time.monotonic() >= until:
            return fail(
                AREA,
                "lock",
                f"held by {holder}, which writes",
                "wait until it ends, or stop it there; nothing in it could be looked at",
            )
        time.sleep(0.1)
    if holder is not None:
        return warn(
            AREA,
            "lock",
            f"read by {holder}",
            "jobs that write wait for it: readers should open serving.duckdb instead",
        )
    return ok(AREA, "lock", "free")


def check_tables(connection: Connection) -> Iterator[Finding]:
    """Whether the tables that people and jobs fill are as their contracts say."""
    yield _raw(connection)
    yield _marts(connection)
    yield _written(connection)


def _problems(connection: Connection, table: Table) -> list[str]:
    """What breaks a contract; columns and tables that may be absent do not."""
    found = existing_columns(connection, table)
    lacking = [c.name for c in table.columns if c.is_required and c.name not in found]
    problems = [f"{table.qualified_name} has no column {name}" for name in lacking]
    there = replace(table, columns=tuple(c for c in table.columns if c.name in found))
    try:
        check_contract(connection, there, _MAP)
    except CrossSellError as error:
        problems.append(str(error).removesuffix(f": {_MAP}"))
    return problems


def _raw(connection: Connection) -> Finding:
    if not existing_columns(connection, contracts.RAW_TRANSACTIONS):
        name = contracts.RAW_TRANSACTIONS.qualified_name
        return fail(AREA, "raw tables", f"{name} is missing", "run 'cross-sell load', or " + _MAP)
    there = [table for table in contracts.RAW_TABLES if existing_columns(connection, table)]
    problems = [problem for table in there for problem in _problems(connection, table)]
    if problems:
        return fail(AREA, "raw tables", "; ".join(problems[:3]), _MAP)
    count = count_rows(connection, contracts.RAW_TRANSACTIONS)
    if not count:
        return fail(AREA, "raw tables", "there are no transactions", "run 'cross-sell load'")
    return ok(AREA, "raw tables", f"{len(there)} as contracted, {count:,} transactions")


def check_rejections(connection: Connection, most_rejected_share: float) -> Finding:
    """What the loads left out of partners' files."""
    found = count_rejections(connection)
    told = in_one_line(found)
    if told is None:
        return ok(AREA, "rejected rows", "none")
    if any(one.rejected > most_rejected_share * one.read for one in found):
        return warn(AREA, "rejected rows", told, "mend the files, and load again")
    return ok(AREA, "rejected rows", told)


def _marts(connection: Connection) -> Finding:
    missing = [table for table in _LEARNING if not existing_columns(connection, table)]
    if missing:
        names = ", ".join(table.qualified_name for table in missing[:3])
        return warn(AREA, "marts", f"not built yet: {names}", _BUILD)
    problems = [problem for table in _LEARNING for problem in _problems(connection, table)]
    if problems:
        return fail(AREA, "marts", "; ".join(problems[:3]), _BUILD)
    clients = count_rows(connection, contracts.DIM_CLIENTS)
    return ok(AREA, "marts", f"built, {clients:,} clients")


def _written(connection: Connection) -> Finding:
    there = [table for table in contracts.ML_TABLES if existing_columns(connection, table)]
    problems = [problem for table in there for problem in _problems(connection, table)]
    if problems:
        return fail(
            AREA,
            "ml tables",
            "; ".join(problems[:3]),
            "dbt never changes them: alter the table as models/ml/_ml__models.yml says",
        )
    if len(there) < len(contracts.ML_TABLES):
        return warn(AREA, "ml tables", f"{len(there)} of {len(contracts.ML_TABLES)} made", _BUILD)
    return ok(AREA, "ml tables", f"{len(there)} as contracted")
