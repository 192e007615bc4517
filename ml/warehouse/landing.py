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
    ATTRIBUTES_OF,
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
    check_contract,
    existing_columns,
    file_pattern,
    insert_rows,
    make_or_complete_table,
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
    attributes : Path or None
        Parquet file of the rows' attributes, which go to a table of their own.
    """

    table: Table
    source_file: str
    accepted: Path | None
    rejected: Path | None
    constants: Mapping[str, str]
    content_id: str | None = None
    attributes: Path | None = None


def check_raw_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse a warehouse whose raw tables are of another contract or another source.

    Raises
    ------
    InputError
    """
    for table in RAW_TABLES:
        if found := existing_columns(connection, table):
            check_contract(connection, _as_found(table, found), _OTHER)
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


def _as_found(table: Table, found: Mapping[str, str]) -> Table:
    """A table without the optional columns that a warehouse of earlier days lacks."""
    return replace(
        table, columns=tuple(c for c in table.columns if c.is_required or c.name in found)
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
    accepted_count : int
        Rows that the raw tables have of it.
    """

    loaded_sha256: str | None
    last_sha256: str | None
    accepted_count: int = 0


def known_files(connection: duckdb.DuckDBPyConnection) -> dict[str, KnownFile]:
    """Files that the ledger knows, by name."""
    table = _as_found(RAW_LOADED_FILES, existing_columns(connection, RAW_LOADED_FILES))
    rows = read_table_if_there(connection, table).sort_by(Columns.LOADED_AT)
    known: dict[str, KnownFile] = {}
    for row in rows.to_pylist():
        name, sha256 = row[Columns.SOURCE_FILE], row[Columns.CONTENT_SHA256]
        before = known.get(name, KnownFile(None, None))
        if row[Columns.IS_CURRENT]:
            known[name] = KnownFile(sha256, sha256, row[Columns.ACCEPTED_COUNT])
        else:
            known[name] = replace(before, last_sha256=sha256)
    return known


@dataclass(frozen=True)
class Rejections:
    """What the loads left out of the files whose rows the raw tables have.

    Parameters
    ----------
    partner, entity : str
    read, rejected, warned : int
        Rows; the warned ones were accepted without a value that could not be read.
    reasons : mapping of str to int
        Rejected rows by reason.
    """

    partner: str
    entity: str
    read: int
    rejected: int
    warned: int
    reasons: Mapping[str, int]


def count_rejections(connection: duckdb.DuckDBPyConnection) -> list[Rejections]:
    """What was rejected, by partner and entity; nothing where no files were loaded."""
    columns = existing_columns(connection, RAW_LOADED_FILES)
    if not columns or not existing_columns(connection, RAW_REJECTED_ROWS):
        return []
    partner, entity, reason = Columns.PARTNER_ID, Columns.ENTITY, Columns.REASON
    warned = Columns.WARNED_COUNT if Columns.WARNED_COUNT in columns else "0"
    totals = connection.execute(
        f"select {partner}, {entity}, sum({Columns.READ_COUNT})::bigint, "
        f"sum({Columns.REJECTED_COUNT})::bigint, coalesce(sum({warned}), 0)::bigint "
        f"from {table_relation(connection, RAW_LOADED_FILES)} "
        f"where {Columns.IS_CURRENT} and {partner} is not null group by all order by all"
    ).fetchall()
    reasons: dict[tuple[str, str], dict[str, int]] = {}
    for of_partner, of_entity, why, count in connection.execute(
        f"select {partner}, {entity}, {reason}, count(*) "
        f"from {table_relation(connection, RAW_REJECTED_ROWS)} group by all order by all"
    ).fetchall():
        reasons.setdefault((of_partner, of_entity), {})[why] = count
    return [
        Rejections(
            of_partner, of_entity, read, rejected, told, reasons.get((of_partner, of_entity), {})
        )
        for of_partner, of_entity, read, rejected, told in totals
    ]


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
            make_or_complete_table(connection, table)
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
    attributes = ATTRIBUTES_OF.get(file.table)
    for table in (file.table, RAW_REJECTED_ROWS, *([attributes] if attributes else [])):
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
        if file.attributes is not None and attributes is not None:
            _insert_parquet(connection, attributes, file.attributes, values)
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
        apart = {content_id, Columns.SOURCE_LINE}
        sources[content_id] = _content_id([quoted(n) for n in own if n not in apart])
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
