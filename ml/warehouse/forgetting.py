"""Erase clients from the warehouse, and recognise them when a load brings them again.

A forgotten record is kept as SHA-256 of a random salt and the record's id. Ids are `<partner>:<id>`
where a row's scope says that the id is a partner's own, else the id alone, as the dbt macro
``scoped_id`` makes them.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import duckdb

from ml.contracts import (
    CLIENT_IDENTITIES,
    RAW_CLIENTS,
    RAW_FORGOTTEN_CLIENTS,
    RAW_LOADED_FILES,
    RAW_REJECTED_ROWS,
    RAW_TRANSACTIONS,
    TRUTH_SCHEMA,
    Columns,
)
from ml.warehouse.tables import (
    create_table,
    existing_columns,
    quoted,
    relation,
    table_relation,
)

FORGOTTEN: Final = "forgotten"
"""Reason of the ledger for rows that were erased."""

MASK: Final = "***"
_LOADED_SCHEMAS: Final = (RAW_TRANSACTIONS.schema_name, TRUTH_SCHEMA)
"""Where ids are as partners write them, beside their scope."""

# What separates values in a row's text; a row's id stands between two of them.
_SEPARATORS: Final = r'[,;|\t"{}\[\]:\r\n]+'


@dataclass
class Erased:
    """What was taken out.

    Parameters
    ----------
    rows : collections.Counter
        By table.
    by_file : collections.Counter
        Rows of landing files, by file.
    """

    rows: Counter[str] = field(default_factory=Counter)
    by_file: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _ClientColumn:
    """A column of a table that says whose a row is."""

    schema_name: str
    name: str
    column: str
    is_scoped: bool
    has_file: bool

    @property
    def qualified_name(self) -> str:
        return f"{self.schema_name}.{self.name}"

    @property
    def client_id(self) -> str:
        """The SQL expression of the id that is unique over all partners."""
        if not self.is_scoped:
            return self.column
        scope = Columns.SOURCE_PARTNER_ID
        return (
            f"case when trim({scope}) <> '' then {scope} || ':' || {self.column}"
            f" else {self.column} end"
        )

    def relation(self, connection: duckdb.DuckDBPyConnection) -> str:
        return relation(connection, self.schema_name, self.name)


def _client_columns(
    connection: duckdb.DuckDBPyConnection, schemas: Sequence[str] | None = None
) -> list[_ClientColumn]:
    """All columns with clients' ids, whoever made their table; views show what tables have."""
    rows = connection.execute(
        "select columns.table_schema, columns.table_name, list(columns.column_name) "
        "from information_schema.columns as columns "
        "inner join information_schema.tables as tables "
        "using (table_catalog, table_schema, table_name) "
        "where table_catalog = current_database() and tables.table_type = 'BASE TABLE' "
        "group by all order by all"
    ).fetchall()
    return [
        _ClientColumn(
            schema_name,
            name,
            column,
            schema_name in _LOADED_SCHEMAS and Columns.SOURCE_PARTNER_ID in names,
            schema_name in _LOADED_SCHEMAS and Columns.SOURCE_FILE in names,
        )
        for schema_name, name, names in rows
        for column in (Columns.CLIENT_ID, Columns.SOURCE_CLIENT_ID)
        if column in names and (schemas is None or schema_name in schemas)
    ]


def has_forgotten(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether anybody was forgotten at all."""
    if not existing_columns(connection, RAW_FORGOTTEN_CLIENTS):
        return False
    [(found,)] = connection.execute(
        f"select exists(from {table_relation(connection, RAW_FORGOTTEN_CLIENTS)})"
    ).fetchall()
    return bool(found)


def is_forgotten(connection: duckdb.DuckDBPyConnection, client_id: str) -> bool:
    """Whether a record was forgotten."""
    if not has_forgotten(connection):
        return False
    [(found,)] = connection.execute(
        f"select exists(from {table_relation(connection, RAW_FORGOTTEN_CLIENTS)} "
        f"where {Columns.CLIENT_HASH} = sha256({Columns.HASH_SALT} || ?))",
        [client_id],
    ).fetchall()
    return bool(found)


def records_of(connection: duckdb.DuckDBPyConnection, client_id: str) -> list[str]:
    """Ids of all records of the client that one id belongs to, as the last build joined them.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    client_id : str
        Of the client, or of any of its records.

    Returns
    -------
    list of str
        Empty where no table knows the id.
    """
    found: set[str] = set()
    if existing_columns(connection, CLIENT_IDENTITIES):
        identities = table_relation(connection, CLIENT_IDENTITIES)
        client, record = Columns.CLIENT_ID, Columns.SOURCE_CLIENT_ID
        rows = connection.execute(
            f"select distinct {record} from {identities} where {client} in ("
            f"select {client} from {identities} where {client} = $id or {record} = $id)",
            {"id": client_id},
        ).fetchall()
        found |= {record for (record,) in rows}
    if not found and count_clients_rows(connection, [client_id]):
        found.add(client_id)
    return sorted(found)


def clients_with(connection: duckdb.DuckDBPyConnection, column_name: str, value: str) -> list[str]:
    """Clients of whose records one has a value in a column of ``raw.clients``.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    column_name : str
    value : str

    Returns
    -------
    list of str
        Ids, in order; those of records where no build has joined them to clients yet.
    """
    if column_name not in existing_columns(connection, RAW_CLIENTS):
        return []
    [column] = [
        c
        for c in _client_columns(connection, (RAW_CLIENTS.schema_name,))
        if c.name == RAW_CLIENTS.name
    ]
    rows = connection.execute(
        f"select distinct {column.client_id} from {column.relation(connection)} "
        f"where trim({quoted(column_name)}) = ?",
        [value],
    ).fetchall()
    found = {record: record for (record,) in rows}
    if existing_columns(connection, CLIENT_IDENTITIES):
        identities = table_relation(connection, CLIENT_IDENTITIES)
        joined = connection.execute(
            f"select {Columns.SOURCE_CLIENT_ID}, {Columns.CLIENT_ID} from {identities} "
            f"where {Columns.SOURCE_CLIENT_ID} in (select unnest(?))",
            [list(found)],
        ).fetchall()
        found |= dict(joined)
    return sorted(set(found.values()))


def count_clients_rows(
    connection: duckdb.DuckDBPyConnection, client_ids: Sequence[str]
) -> dict[str, int]:
    """Rows of clients by table; tables without any are left out."""
    counts: Counter[str] = Counter()
    for column in _client_columns(connection):
        [(count,)] = connection.execute(
            f"select count(*) from {column.relation(connection)} "
            f"where {column.client_id} in (select unnest(?))",
            [list(client_ids)],
        ).fetchall()
        counts[column.qualified_name] = max(counts[column.qualified_name], count)
    return {name: count for name, count in counts.items() if count}


def erase_clients(
    connection: duckdb.DuckDBPyConnection, client_ids: Sequence[str], at: datetime
) -> Erased:
    """Erase clients from every table, and note that they are to stay out: all of it or nothing.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    client_ids : sequence of str
        Ids of records.
    at : datetime
        When, UTC.

    Returns
    -------
    Erased
    """
    connection.execute("begin transaction")
    try:
        _remember(connection, client_ids, at)
        erased = _erase(connection, client_ids, _client_columns(connection))
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return erased


def keep_forgotten_out(
    connection: duckdb.DuckDBPyConnection, *, is_everywhere: bool = False
) -> Erased:
    """Take out what has come of forgotten clients; within the caller's transaction.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    is_everywhere : bool, default False
        Whether to look beyond what loads write: a training that was under way brings them too.

    Returns
    -------
    Erased
    """
    if not has_forgotten(connection):
        return Erased()
    columns = _client_columns(connection, None if is_everywhere else _LOADED_SCHEMAS)
    return _erase(connection, _forgotten_among(connection, columns), columns)


def _remember(
    connection: duckdb.DuckDBPyConnection, client_ids: Sequence[str], at: datetime
) -> None:
    if not existing_columns(connection, RAW_FORGOTTEN_CLIENTS):
        create_table(connection, RAW_FORGOTTEN_CLIENTS)
    name = table_relation(connection, RAW_FORGOTTEN_CLIENTS)
    salts = connection.execute(f"select distinct {Columns.HASH_SALT} from {name}").fetchall()
    salt = salts[0][0] if salts else secrets.token_hex(16)
    connection.execute(
        f"insert into {name} ({Columns.CLIENT_HASH}, {Columns.HASH_SALT}, {Columns.FORGOTTEN_AT}) "
        f"select sha256($salt || id), $salt, $at from (select unnest($ids) as id) "
        f"where sha256($salt || id) not in (select {Columns.CLIENT_HASH} from {name})",
        {"salt": salt, "ids": list(client_ids), "at": at},
    )


def _hashes(connection: duckdb.DuckDBPyConnection) -> tuple[str, str]:
    """SQL of the salt and of the hashes that are to stay out."""
    name = table_relation(connection, RAW_FORGOTTEN_CLIENTS)
    salt = f"(select any_value({Columns.HASH_SALT}) from {name})"
    return salt, f"(select {Columns.CLIENT_HASH} from {name})"


def _forgotten_among(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[_ClientColumn]
) -> list[str]:
    """Forgotten ids that tables have; each id is hashed once per table."""
    salt, hashes = _hashes(connection)
    found: set[str] = set()
    for column in columns:
        rows = connection.execute(
            f"select id from (select distinct {column.client_id} as id "
            f"from {column.relation(connection)}) where sha256({salt} || id) in {hashes}"
        ).fetchall()
        found |= {client_id for (client_id,) in rows}
    return sorted(found)


def _erase(
    connection: duckdb.DuckDBPyConnection,
    client_ids: Sequence[str],
    columns: Sequence[_ClientColumn],
) -> Erased:
    erased = Erased()
    ids = [list(client_ids)]
    for column in columns:
        where = f"where {column.client_id} in (select unnest(?))"
        name = column.relation(connection)
        if column.has_file and client_ids:
            _account(connection, f"from {name} {where}", ids, column.name, erased)
        if client_ids:
            [(count,)] = connection.execute(f"delete from {name} {where}", ids).fetchall()
            erased.rows[column.qualified_name] += count
    if existing_columns(connection, RAW_REJECTED_ROWS):
        erased.rows[f"{RAW_REJECTED_ROWS.qualified_name} (texts)"] += _mask(connection)
    erased.rows = Counter({name: count for name, count in erased.rows.items() if count})
    return erased


def _account(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    ids: list[list[str]],
    entity: str,
    erased: Erased,
) -> None:
    """Make the ledger's counts add up: rows that go were accepted, and are now rejected.

    Their lines are not told, so they are numbered from 0 down.
    """
    file, line = Columns.SOURCE_FILE, Columns.LINE_NUMBER
    if not existing_columns(connection, RAW_LOADED_FILES):
        return
    ledger = table_relation(connection, RAW_LOADED_FILES)
    # Attributes come with the rows of another entity's file, and are no rows of it.
    counts = connection.execute(
        f"select {file}, count(*) {rows} and {file} in "
        f"(select {file} from {ledger} where {Columns.ENTITY} = ?) group by 1",
        [*ids, entity],
    ).fetchall()
    rejected = table_relation(connection, RAW_REJECTED_ROWS)
    names = ", ".join(quoted(name) for name in RAW_REJECTED_ROWS.column_names)
    for name, count in counts:
        [(lowest,)] = connection.execute(
            f"select least(coalesce(min({line}), 1), 1) from {rejected} where {file} = ?", [name]
        ).fetchall()
        connection.execute(
            f"insert into {rejected} ({names}) select {file}, ? - number, {Columns.PARTNER_ID}, ?, "
            f"'{FORGOTTEN}', null, '{MASK}', {Columns.LOADED_AT} from {ledger}, "
            f"(select unnest(range(1, ? + 1)) as number) where {file} = ? and {Columns.IS_CURRENT}",
            [lowest, entity, count, name],
        )
        connection.execute(
            f"update {ledger} set {Columns.ACCEPTED_COUNT} = {Columns.ACCEPTED_COUNT} - ?, "
            f"{Columns.REJECTED_COUNT} = {Columns.REJECTED_COUNT} + ? "
            f"where {file} = ? and {Columns.IS_CURRENT}",
            [count, count, name],
        )
        erased.by_file[name] += count


def _mask(connection: duckdb.DuckDBPyConnection) -> int:
    """Hide the text of rejected rows in which a forgotten id stands as a value of its own.

    A number that happens to be such an id hides a row too: it stays counted, with its reason.
    """
    salt, hashes = _hashes(connection)
    rejected = table_relation(connection, RAW_REJECTED_ROWS)
    file, line, text = Columns.SOURCE_FILE, Columns.LINE_NUMBER, Columns.ORIGINAL_TEXT
    values = (
        f"select {file}, {line}, coalesce({Columns.PARTNER_ID} || ':', '') as scope, "
        f"trim(unnest(regexp_split_to_array({text}, ?))) as value from {rejected}"
    )
    [(count,)] = connection.execute(
        f"update {rejected} set {text} = '{MASK}', {Columns.DETAIL} = null "
        f"where {text} <> '{MASK}' and ({file}, {line}) in (select ({file}, {line}) "
        f"from ({values}) where sha256({salt} || scope || value) in {hashes})",
        [_SEPARATORS],
    ).fetchall()
    return int(count)
