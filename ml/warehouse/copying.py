"""Copy parts of a warehouse into a file of its own, to work on without touching the original."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ml.warehouse.connection import Connection
from ml.warehouse.tables import quoted


def copy_schemas(connection: Connection, target: Path, schemas: Iterable[str]) -> None:
    """Copy all tables of some schemas into a new DuckDB file; views are left out.

    Parameters
    ----------
    connection : Connection
        Of the original; read-only will do.
    target : Path
        A file that is not there yet.
    schemas : iterable of str
        Those that the original lacks are passed over.
    """
    name = "copy_of_warehouse"
    path = str(target).replace("'", "''")
    [(source,)] = connection.execute("select current_database()").fetchall()
    connection.execute(f"attach '{path}' as {quoted(name)} (read_write)")
    try:
        for schema in schemas:
            rows = connection.execute(
                "select table_name from information_schema.tables where table_catalog = ? "
                "and table_schema = ? and table_type = 'BASE TABLE' order by table_name",
                [source, schema],
            ).fetchall()
            if rows:
                connection.execute(f"create schema {quoted(name)}.{quoted(schema)}")
            for (table,) in rows:
                place = f"{quoted(schema)}.{quoted(table)}"
                connection.execute(
                    f"create table {quoted(name)}.{place} as select * from {quoted(source)}.{place}"
                )
    finally:
        connection.execute(f"detach {quoted(name)}")
