"""Whether the raw tables have changed, without knowing who fills them."""

from __future__ import annotations

import duckdb

from ml.contracts import RAW_TABLES
from ml.warehouse.tables import existing_columns, table_relation


def raw_state(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Fingerprint of every raw table that is there.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection

    Returns
    -------
    dict of str to str
        By table: number of rows, and the sum of the rows' hashes, which any added, removed or
        changed row changes, whatever the order. Another version of DuckDB may hash otherwise:
        then everything counts as new, once.
    """
    found = {}
    for table in RAW_TABLES:
        if not existing_columns(connection, table):
            continue
        [(count, digest)] = connection.execute(
            "select count(*), coalesce(sum(cast(hash(t) as hugeint)), 0) "
            f"from {table_relation(connection, table)} as t"
        ).fetchall()
        found[table.name] = f"{count}:{digest:x}"
    return found
