"""Write what landing files brought, with its ledger, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from ml.contracts import (
    RAW_LOADED_FILES,
    RAW_REJECTED_ROWS,
    RAW_TABLES,
    RAW_TRANSACTIONS,
    Columns,
    Table,
)
from ml.errors import InputError
from ml.warehouse.forgetting import keep_forgotten_out
from ml.warehouse.tables import (
    add_optional_columns,
    check_contract,
    create_table,
    existing_columns,
    file_pattern,
    insert_rows,
    quoted,
    read_table_if_there,
    table_relation,
)

_OTHER: Final = "load into another warehouse with --warehouse"


@dataclass(frozen=True)
class StagedFile:
    """Rows of one landing file, ready to be written.

    Parameters
    ----------
    table : Table
        What the rows are.
    source_file : str
        Rows of this name are replaced.
    accepted, rejected : Path or None
        Parquet files; None: no rows.
    constants : mapping of str to str
        Columns with one value for the whole file.
    content_id : str or None
        Key column that is made of what the rows say; None: it is as it came.
    """

    table: Table
    source_file: str
    accepted: Path | None
    rejected: Path | None
    constants: Mapping[str, str]
    content_id: str | None = None


def check_raw_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse a warehouse whose raw tables are of another contract or another source.

    Raises
    ------
    InputError
    """
    for table in RAW_TABLES:
        if found := existing_columns(connection, table):
            # Optional columns that came with a later version are added by the load.
            there = tuple(c for c in table.columns if c.is_required or c.name in found)
            check_contract(connection, replace(table, columns=there), _OTHER)
    if not existing_columns(connection, RAW_TRANSACTIONS):
        return
    [(has_others,)] = connection.execute(
        f"select exists(from {table_relation(connection, RAW_TRANSACTIONS)} "
        f"where {quoted(Columns.SOURCE_FILE)} is null)"
    ).fetchall()
    if has_others:
        raise InputError(
            f"{RAW_TRANSACTIONS.qualified_name} has rows that came from no file (another source "
            f"was loaded): {_OTHER}"
        )


@dataclass(frozen=True)
class KnownFile:
    """What the ledger says last of a file.

    Parameters
    ----------
    loaded_sha256 : str or None
        Fingerprint of the content whose rows the raw tables have; None: none of it.
    last_sha256 : str or None
        Fingerprint of the content that came last, taken or not.
    """

    loaded_sha256: str | None
    last_sha256: str | None


def known_files(connection: duckdb.DuckDBPyConnection) -> dict[str, KnownFile]:
    """Files that the ledger knows, by name."""
    rows = read_table_if_there(connection, RAW_LOADED_FILES).sort_by(Columns.LOADED_AT)
    known: dict[str, KnownFile] = {}
    for row in rows.to_pylist():
        name, sha256 = row[Columns.SOURCE_FILE], row[Columns.CONTENT_SHA256]
        before = known.get(name, KnownFile(None, None))
        known[name] = KnownFile(sha256 if row[Columns.IS_CURRENT] else before.loaded_sha256, sha256)
    return known


def write_landing(
    connection: duckdb.DuckDBPyConnection,
    files: Iterable[StagedFile],
    ledger: pa.Table,
    loaded_at: datetime,
) -> Mapping[str, int]:
    """Replace the rows of files and add to the ledger: all of it or nothing.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    files : iterable of StagedFile
    ledger : pyarrow.Table
        Rows of ``raw.loaded_files`` to add.
    loaded_at : datetime

    Returns
    -------
    mapping of str to int
        Rows of forgotten clients, which were left out, by file; the ledger knows them.
    """
    connection.execute("begin transaction")
    try:
        for table in RAW_TABLES:
            if not existing_columns(connection, table):
                create_table(connection, table)
            add_optional_columns(connection, table)
        for file in files:
            _replace(connection, file, loaded_at)
        insert_rows(connection, RAW_LOADED_FILES, ledger)
        erased = keep_forgotten_out(connection)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return erased.by_file


def _replace(connection: duckdb.DuckDBPyConnection, file: StagedFile, loaded_at: datetime) -> None:
    by_file = f"{quoted(Columns.SOURCE_FILE)} = ?"
    for table in (file.table, RAW_REJECTED_ROWS):
        connection.execute(
            f"delete from {table_relation(connection, table)} where {by_file}", [file.source_file]
        )
    connection.execute(
        f"update {table_relation(connection, RAW_LOADED_FILES)} "
        f"set {quoted(Columns.IS_CURRENT)} = false "
        f"where {by_file} and {quoted(Columns.IS_CURRENT)}",
        [file.source_file],
    )
    values: dict[str, object]
    if file.accepted is not None:
        values = {
            **file.constants,
            Columns.SOURCE_FILE: file.source_file,
            Columns.LOADED_AT: loaded_at,
        }
        _insert_parquet(connection, file.table, file.accepted, values, file.content_id)
    if file.rejected is not None:
        values = {Columns.LOADED_AT: loaded_at}
        _insert_parquet(connection, RAW_REJECTED_ROWS, file.rejected, values)


def _insert_parquet(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    path: Path,
    values: Mapping[str, object],
    content_id: str | None = None,
) -> None:
    found = connection.execute(
        "select distinct name from parquet_schema(?)", [file_pattern(path)]
    ).fetchall()
    own = [name for name in table.column_names if (name,) in found and name not in values]
    added = [name for name in table.column_names if name in values]
    names = ", ".join(quoted(name) for name in own + added)
    sources = {name: quoted(name) for name in own}
    if content_id is not None:
        sources[content_id] = _content_id([quoted(n) for n in own if n != content_id])
    outputs = ", ".join([*sources.values(), *["?"] * len(added)])
    connection.execute(
        f"insert into {table_relation(connection, table)} ({names}) "
        f"select {outputs} from read_parquet(?)",
        [*(values[name] for name in added), file_pattern(path)],
    )


def _content_id(columns: Sequence[str]) -> str:
    """An id that equal lines of several files share, and equal lines of one file do not."""
    content = ", ".join(columns)
    return (
        f"md5(cast(row({content}) as varchar)) || '#' || row_number() over (partition by {content})"
    )
