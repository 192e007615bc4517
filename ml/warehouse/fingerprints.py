"""Counts and hashes of rows, to tell whether any was lost, doubled or changed."""

from __future__ import annotations

from typing import TypeAlias

import duckdb

from ml.contracts import Columns, Table
from ml.warehouse.tables import existing_columns, quoted, table_relation

Fingerprint: TypeAlias = tuple[int, str]
"""Number of rows, and a hash of them whatever their order."""

# A sum, not an exclusive or: a row that comes twice must not cancel out.
_HASH = "cast(sum(cast(hash(rows) as hugeint)) as varchar)"


def fingerprint_by_run(
    connection: duckdb.DuckDBPyConnection, table: Table
) -> dict[str, Fingerprint]:
    """Fingerprint of each run's rows of a table; empty where there is no such table."""
    if not existing_columns(connection, table):
        return {}
    run_id = quoted(Columns.RUN_ID)
    found = connection.execute(
        f"select {run_id}, count(*), {_HASH} from {table_relation(connection, table)} as rows "
        f"group by {run_id}"
    ).fetchall()
    return {str(run): (int(count), str(total)) for run, count, total in found}


def fingerprint_of(connection: duckdb.DuckDBPyConnection, table: Table) -> Fingerprint:
    """Fingerprint of a whole table; of no rows where there is none."""
    if not existing_columns(connection, table):
        return 0, ""
    [(count, total)] = connection.execute(
        f"select count(*), {_HASH} from {table_relation(connection, table)} as rows"
    ).fetchall()
    return int(count), str(total)
