"""Read and write contracted tables as Arrow; the only place with their SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

import duckdb
import pyarrow as pa

from ml.contracts import SNAPSHOTS_SCHEMA, Table
from ml.errors import InputError

_SQL_TYPES: dict[pa.DataType, str] = {
    pa.string(): "varchar",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.timestamp("us"): "timestamp",
    pa.date32(): "date",
}

ArrowRows: TypeAlias = "pa.Table | pa.RecordBatchReader"


def quoted(name: str) -> str:
    """An identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def file_pattern(path: Path) -> str:
    """A pattern that the engine's readers of files match with this path alone."""
    return re.sub(r"([\[*?])", r"[\1]", str(path))


def _catalog(connection: duckdb.DuckDBPyConnection) -> str:
    # fetchone() would leave the result open, and the connection refuse other work.
    [(name,)] = connection.execute("select current_database()").fetchall()
    return quoted(name)


def relation(connection: duckdb.DuckDBPyConnection, schema_name: str, name: str) -> str:
    """A table's full name; a file called like a schema makes the short one ambiguous."""
    return f"{_catalog(connection)}.{quoted(schema_name)}.{quoted(name)}"


def table_relation(connection: duckdb.DuckDBPyConnection, table: Table) -> str:
    """A contracted table's full name."""
    return relation(connection, table.schema_name, table.name)


def create_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Make an empty table as contracted, in place of one that is there."""
    columns = ", ".join(f"{quoted(c.name)} {_SQL_TYPES[c.type]}" for c in table.columns)
    schema = f"{_catalog(connection)}.{quoted(table.schema_name)}"
    connection.execute(f"create schema if not exists {schema}")
    connection.execute(f"create or replace table {table_relation(connection, table)} ({columns})")


def make_or_complete_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Make a table that is not there; add the optional columns that one of earlier days lacks."""
    found = existing_columns(connection, table)
    if not found:
        create_table(connection, table)
        return
    for column in table.columns:
        if column.name not in found and not column.is_required:
            connection.execute(
                f"alter table {table_relation(connection, table)} "
                f"add column {quoted(column.name)} {_SQL_TYPES[column.type]}"
            )


def existing_columns(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[str, str]:
    """Columns that the warehouse has for a contracted table: name to SQL type, lowercase.

    Empty when there is no such table.
    """
    rows = connection.execute(
        "select column_name, lower(data_type) from information_schema.columns "
        "where table_catalog = current_database() and table_schema = ? and table_name = ? "
        "order by ordinal_position",
        [table.schema_name, table.name],
    ).fetchall()
    return dict(rows)


def check_contract(connection: duckdb.DuckDBPyConnection, table: Table, remedy: str) -> None:
    """Hold a warehouse table against its contract.

    Raises
    ------
    InputError
        Names the table, the column, what was found and what to do (``remedy``).
    """
    found = existing_columns(connection, table)
    if not found:
        raise InputError(f"{table.qualified_name} does not exist: {remedy}")
    for column in table.columns:
        expected = _SQL_TYPES[column.type]
        if column.name not in found:
            raise InputError(
                f"{table.qualified_name} has no column {column.name} "
                f"(an earlier version of this project made it?): {remedy}"
            )
        if found[column.name] != expected:
            raise InputError(
                f"{table.qualified_name}.{column.name} is {found[column.name]}, "
                f"the contract says {expected}: {remedy}"
            )


def read_table(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    *,
    where: Mapping[str, str | int] | None = None,
    limit: int | None = None,
) -> pa.Table:
    """Contracted columns of a table, ordered by its key so that every run sees one order.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    table : Table
    where : mapping of str to str or int, optional
        Column values to keep.
    limit : int, optional
        First rows to keep.

    Returns
    -------
    pyarrow.Table
        In the contract's schema.

    Raises
    ------
    InputError
        The table is missing or is not as contracted.
    """
    check_contract(connection, table, "run 'dbt build --project-dir dbt_project'")
    columns = ", ".join(quoted(name) for name in table.column_names)
    conditions = " and ".join(f"{quoted(name)} = ?" for name in (where or {}))
    query = (
        f"select {columns} from {table_relation(connection, table)} "
        + (f"where {conditions} " if conditions else "")
        + "order by "
        + ", ".join(quoted(name) for name in table.key)
        + (f" limit {int(limit)}" if limit is not None else "")
    )
    rows = connection.sql(query, params=list((where or {}).values())).to_arrow_table()
    return rows.cast(pa.schema([pa.field(c.name, c.type) for c in table.columns]))


# Rows of a batch: enough that the dictionary of each is small beside them.
_BATCH_ROWS = 1 << 20


def read_compact(
    connection: duckdb.DuckDBPyConnection, table: Table, where: Mapping[str, str]
) -> pa.Table:
    """Some rows of a table for matrices: no order, texts as dictionaries, 4 bytes per number.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    table : Table
    where : mapping of str to str
        Column values to keep; these columns are left out.

    Returns
    -------
    pyarrow.Table
        Other contracted columns: dictionaries for string, float for double.

    Raises
    ------
    InputError
        The table is missing or is not as contracted.
    """
    check_contract(connection, table, "run 'dbt build --project-dir dbt_project'")
    columns = [column for column in table.columns if column.name not in where]
    selected = ", ".join(
        f"cast({quoted(c.name)} as float) as {quoted(c.name)}"
        if c.type == pa.float64()
        else quoted(c.name)
        for c in columns
    )
    conditions = " and ".join(f"{quoted(name)} = ?" for name in where)
    reader = connection.sql(
        f"select {selected} from {table_relation(connection, table)} where {conditions}",
        params=list(where.values()),
    ).to_arrow_reader(_BATCH_ROWS)
    schema = pa.schema([(c.name, _compact_type(c.type)) for c in columns])
    return pa.Table.from_batches(
        [pa.RecordBatch.from_arrays(_compact(batch), schema=schema) for batch in reader], schema
    )


def _compact_type(type_: pa.DataType) -> pa.DataType:
    if type_ == pa.float64():
        return pa.float32()
    return pa.dictionary(pa.int32(), pa.string()) if type_ == pa.string() else type_


def _compact(batch: pa.RecordBatch) -> list[pa.Array]:
    return [
        column.dictionary_encode() if column.type == pa.string() else column
        for column in batch.columns
    ]


def read_table_if_there(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    *,
    where: Mapping[str, str | int] | None = None,
) -> pa.Table:
    """As ``read_table``; no rows where a warehouse has no such table yet."""
    if existing_columns(connection, table):
        return read_table(connection, table, where=where)
    return table.arrow_schema.empty_table()


def count_rows(connection: duckdb.DuckDBPyConnection, table: Table) -> int:
    """Rows of a table."""
    return count_rows_of(connection, table.schema_name, table.name)


def count_rows_of(connection: duckdb.DuckDBPyConnection, schema_name: str, name: str) -> int:
    """Rows of a table that has no contract here.

    Raises
    ------
    InputError
        There is no such table.
    """
    try:
        [(count,)] = connection.execute(
            f"select count(*) from {relation(connection, schema_name, name)}"
        ).fetchall()
    except duckdb.CatalogException:
        raise InputError(
            f"{schema_name}.{name} does not exist: run 'dbt build --project-dir dbt_project'"
        ) from None
    return int(count)


def distinct_values(connection: duckdb.DuckDBPyConnection, table: Table, column: str) -> list[str]:
    """The different texts of a column, in the order of their bytes.

    Raises
    ------
    InputError
        The table is missing or is not as contracted.
    """
    check_contract(connection, table, "run 'dbt build --project-dir dbt_project'")
    rows = connection.execute(
        f"select distinct {quoted(column)} from {table_relation(connection, table)} order by 1"
    ).fetchall()
    return [value for (value,) in rows]


def insert_rows(connection: duckdb.DuckDBPyConnection, table: Table, rows: ArrowRows) -> None:
    """Append rows, within the transaction that is under way."""
    view = f"incoming_{table.name}"
    names = ", ".join(quoted(name) for name in table.column_names)
    connection.register(view, rows)
    connection.execute(
        f"insert into {table_relation(connection, table)} ({names}) select {names} from {view}"
    )
    # Not after an error: the transaction is then aborted, and this would hide why.
    connection.unregister(view)


def drop_versions(connection: duckdb.DuckDBPyConnection) -> None:
    """Forget the versions of clients and services; within the caller's transaction.

    They belong to the source that is replaced: another's clients may have the same ids.
    """
    schema = f"{_catalog(connection)}.{quoted(SNAPSHOTS_SCHEMA)}"
    connection.execute(f"drop schema if exists {schema} cascade")


def replace_tables(
    connection: duckdb.DuckDBPyConnection,
    tables: Iterable[tuple[Table, ArrowRows]],
    *,
    is_other_source: bool = False,
    before_commit: Callable[[duckdb.DuckDBPyConnection], object] | None = None,
) -> None:
    """Replace whole tables in one transaction: all of them or none.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    tables : iterable of (Table, Arrow rows)
    is_other_source : bool, default False
        Whether the raw tables come from another source, so that what was kept of the one
        before is forgotten too; see ``drop_versions``.
    before_commit : callable, optional
        What else belongs to the transaction, once the rows are in.
    """
    connection.execute("begin transaction")
    try:
        if is_other_source:
            drop_versions(connection)
        for table, rows in tables:
            create_table(connection, table)
            insert_rows(connection, table, rows)
        if before_commit is not None:
            before_commit(connection)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise


def append_tables(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[tuple[Table, ArrowRows]]
) -> None:
    """Append rows to existing tables in one transaction: all rows become visible at once."""
    pairs = list(tables)
    for table, _ in pairs:
        check_contract(connection, table, "run 'dbt build --project-dir dbt_project'")
    connection.execute("begin transaction")
    try:
        for table, rows in pairs:
            insert_rows(connection, table, rows)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
