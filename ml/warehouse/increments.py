"""Hold the newest events back and give them again; compare what two builds made."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from ml.contracts import RAW_TRANSACTIONS, RAW_WEB_EVENTS, TRAINING_WINDOWS, Columns, Table
from ml.warehouse.connection import Connection
from ml.warehouse.tables import quoted, relation, table_relation

_WITHHELD: Final = "withheld"
_EVENTS: Final[tuple[tuple[Table, str], ...]] = (
    (RAW_TRANSACTIONS, Columns.TRANSACTED_AT),
    (RAW_WEB_EVENTS, Columns.OCCURRED_AT),
)
_COMPARED: Final = ("core", "learning")


def withhold_newest(connection: Connection, share: float) -> int:
    """Take the newest sales lines and web events out of the raw tables and keep them aside.

    Parameters
    ----------
    connection : Connection
    share : float
        Of each table's rows, in (0, 1).

    Returns
    -------
    int
        Rows taken out.
    """
    connection.execute(f"create schema if not exists {_WITHHELD}")
    count = 0
    for table, moment in _EVENTS:
        kept = relation(connection, _WITHHELD, table.name)
        raw = table_relation(connection, table)
        connection.execute(
            f"create or replace table {kept} as select * from {raw} where {quoted(moment)} > "
            f"(select quantile_disc({quoted(moment)}, ?) from {raw})",
            [1 - share],
        )
        connection.execute(
            f"delete from {raw} where {quoted(moment)} > "
            f"(select quantile_disc({quoted(moment)}, ?) from {raw})",
            [1 - share],
        )
        [(rows,)] = connection.execute(f"select count(*) from {kept}").fetchall()
        count += rows
    return count


def give_back(connection: Connection) -> None:
    """Append what was withheld to the raw tables."""
    for table, _ in _EVENTS:
        kept = relation(connection, _WITHHELD, table.name)
        connection.execute(
            f"insert into {table_relation(connection, table)} by name select * from {kept}"
        )
    connection.execute(f"drop schema {_WITHHELD} cascade")


def cutoffs_of(connection: Connection) -> dict[str, datetime]:
    """Each fold's cutoff, UTC without a zone, as the marts were last built."""
    fold, cutoff = quoted(Columns.FOLD), quoted(Columns.CUTOFF_AT)
    windows = table_relation(connection, TRAINING_WINDOWS)
    return dict(connection.execute(f"select {fold}, {cutoff} from {windows}").fetchall())


def differing_rows(connection: Connection, other: Path) -> dict[str, int]:
    """Compare every table of the core and learning marts with those of another warehouse.

    Parameters
    ----------
    connection : Connection
    other : Path
        A warehouse file that nobody writes.

    Returns
    -------
    dict of str to int
        Per table, rows that only one of the two has; doubles are compared bit by bit.
    """
    [(here,)] = connection.execute("select current_database()").fetchall()
    connection.execute(f"attach '{str(other).replace(chr(39), chr(39) * 2)}' as other (read_only)")
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() "
        "where database_name = ? and schema_name in (?, ?) order by all",
        [here, *_COMPARED],
    ).fetchall()
    found = {}
    for schema, name in tables:
        ours = f"{quoted(here)}.{quoted(schema)}.{quoted(name)}"
        theirs = f"other.{quoted(schema)}.{quoted(name)}"
        [(rows,)] = connection.execute(
            f"select (select count(*) from (from {ours} except all from {theirs}))"
            f" + (select count(*) from (from {theirs} except all from {ours}))"
        ).fetchall()
        found[f"{schema}.{name}"] = int(rows)
    connection.execute("detach other")
    return found
