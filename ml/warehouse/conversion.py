"""Turn rows of text into a contract's types, many rows at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import duckdb
import pyarrow as pa

from ml.contracts import Columns, Table
from ml.contracts.table import BOOLEAN, DOUBLE, INT, TIMESTAMP, Column
from ml.warehouse.tables import quoted
from ml.warehouse.values import TextFormat, is_blank, parsed, text, typed

LINE: Final = "_line"
"""Of the rows given and returned: the row's line in its file."""

PROBLEM: Final = "_problem"
"""Of the rows returned: ``reason:column`` of the value that rejects the row, or null."""

UNREAD: Final = "_unread"
"""Of the rows returned: optional columns whose text is no value, by semicolons, or null."""

_REASONS: Final = {
    DOUBLE: "bad_number",
    INT: "bad_number",
    BOOLEAN: "bad_boolean",
    TIMESTAMP: "bad_timestamp",
}
_MEMORY_LIMIT: Final = "1GB"


def reason_of(column: Column) -> str:
    """Why a text is no value of a column, in one word for counting."""
    if column.is_hash:
        return "bad_key"
    return "bad_id" if column.is_id else _REASONS.get(column.type, "missing_value")


@dataclass(frozen=True)
class Incoming:
    """What the rows of a file bring.

    Parameters
    ----------
    columns : collection of str
        Of the contract, all of them text.
    made_ids : mapping of str to str
        Key columns that the file lacks, with the text that goes before the line number.
    stand_ins : mapping of str to str
        Columns, and those whose values stand in where theirs are blank.
    iso_columns : collection of str
        Columns whose times are written in ISO 8601, whatever the format says.
    float_columns : collection of str
        Columns that are numbers with a fraction in the file.
    computed : collection of str
        Columns that are the product of two others (:func:`factor_names`).
    """

    columns: Collection[str]
    made_ids: Mapping[str, str] = field(default_factory=dict)
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    iso_columns: Collection[str] = ()
    float_columns: Collection[str] = ()
    computed: Collection[str] = ()


def factor_names(name: str) -> tuple[str, str]:
    """Columns that hold the two factors of a computed column.

    >>> factor_names("amount")
    ('amount: factor 1', 'amount: factor 2')
    """
    return f"{name}: factor 1", f"{name}: factor 2"


class Converter:
    """Converts rows of text of one file; holds an engine of its own, not the warehouse.

    A required value that is missing or cannot be read is the row's problem. An optional one becomes
    null, and its column is named among the unread ones.

    Parameters
    ----------
    table : Table
        The contract.
    incoming : Incoming
    text_format : TextFormat
    """

    def __init__(self, table: Table, incoming: Incoming, text_format: TextFormat) -> None:
        iso_format = replace(text_format, timestamp_formats=())
        parses, values, outputs, problems, unread = ["*"], ["*"], [LINE], [], []
        for column in table.columns:
            if column.name not in incoming.columns:
                continue
            written = iso_format if column.name in incoming.iso_columns else text_format
            is_float = column.name in incoming.float_columns
            is_computed = column.name in incoming.computed
            texts = [
                replace(column, name=name)
                for name in (factor_names(column.name) if is_computed else [column.name])
            ]
            reads = [quoted(f"read {one.name}") for one in texts]
            parses += [f"{parsed(t, written)} as {r}" for t, r in zip(texts, reads, strict=True)]
            value = " * ".join(
                f"({typed(column, written, read, is_float=is_float)})" for read in reads
            )
            if is_computed:
                value = f"case when isfinite({value}) then {value} end"
            name = quoted(f"typed {column.name}")
            values.append(f"{value} as {name}")
            output, stand_in = name, incoming.stand_ins.get(column.name)
            if stand_in is not None:
                output = f"coalesce({name}, {quoted(f'typed {stand_in}')})"
            outputs.append(f"{output} as {quoted(column.name)}")
            blank = f"({' or '.join(is_blank(one, written) for one in texts)})"
            if column.is_required and stand_in is None:
                problems.append(
                    f"when {name} is null then case when {blank} "
                    f"then 'missing_value:{column.name}' "
                    f"else '{reason_of(column)}:{column.name}' end"
                )
            elif not column.is_required and (
                column.is_id or column.is_hash or column.type in _REASONS
            ):
                unread.append(f"case when {name} is null and not {blank} then '{column.name}' end")
        outputs += [
            f"{text(stem)} || {LINE} as {quoted(name)}" for name, stem in incoming.made_ids.items()
        ]
        problem = f"case {' '.join(problems)} end" if problems else "cast(null as varchar)"
        names = (
            f"nullif(concat_ws(';', {', '.join(unread)}), '')"
            if unread
            else "cast(null as varchar)"
        )
        outputs += [f"{problem} as {PROBLEM}", f"{names} as {UNREAD}"]
        if Columns.UNREAD_COLUMNS in table.column_names:
            outputs.append(f"{names} as {quoted(Columns.UNREAD_COLUMNS)}")
        self._query = (
            f"with parsed as (select {', '.join(parses)} from incoming), "
            f"typed as (select {', '.join(values)} from parsed) "
            f"select {', '.join(outputs)} from typed"
        )
        self._connection = duckdb.connect(config={"memory_limit": _MEMORY_LIMIT, "threads": 2})
        self._connection.execute("set TimeZone = 'UTC'")

    def close(self) -> None:
        """Let the engine go."""
        self._connection.close()

    def convert(self, rows: pa.Table) -> pa.Table:
        """Typed rows in the order given, with their line and what is wrong with them."""
        self._connection.register("incoming", rows)
        try:
            return self._connection.sql(self._query).to_arrow_table()
        finally:
            self._connection.unregister("incoming")


def is_time_zone(name: str) -> bool:
    """Whether the engine knows a time zone of this name."""
    with duckdb.connect() as connection:
        found = connection.execute(
            "select count(*) from pg_timezone_names() where name = ?", [name]
        ).fetchall()
    return bool(found[0][0])


def is_timestamp_format(name: str) -> bool:
    """Whether the engine can read times by this format; offsets are no part of one."""
    if "%z" in name.lower() or "%" not in name:
        return False
    with duckdb.connect() as connection:
        try:
            connection.execute(f"select try_strptime('x', [{text(name)}])").fetchall()
        except duckdb.Error:
            return False
    return True
