"""Turn rows of text into a contract's types, many rows at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import duckdb
import pyarrow as pa

from ml.contracts import Table
from ml.contracts.table import BOOLEAN, DOUBLE, INT, STRING, TIMESTAMP, Column
from ml.warehouse.tables import quoted

LINE: Final = "_line"
"""Of the rows given and returned: the row's line in its file."""

PROBLEM: Final = "_problem"
"""Of the rows returned: ``reason:column`` of the first value that cannot be used, or null."""

_ISO: Final = (
    r"\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2}([.]\d{1,9})?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?"
)
_WITH_OFFSET: Final = r":.*(Z|[+-]\d{2}(:?\d{2})?)$"
_TRUE: Final = "('true', 't', 'yes', 'y', '1')"
_FALSE: Final = "('false', 'f', 'no', 'n', '0')"
_REASONS: Final = {
    DOUBLE: "bad_number",
    INT: "bad_number",
    BOOLEAN: "bad_boolean",
    TIMESTAMP: "bad_timestamp",
}
_MEMORY_LIMIT: Final = "1GB"


@dataclass(frozen=True)
class TextFormat:
    """How a file writes numbers and times.

    Parameters
    ----------
    decimal : str, default "."
        The decimal sign, a point or a comma.
    timestamp_formats : tuple of str
        As of ``strptime``; none: ISO 8601.
    time_zone : str, default "UTC"
        Of times that state no offset.
    """

    decimal: str = "."
    timestamp_formats: tuple[str, ...] = ()
    time_zone: str = "UTC"


def factor_names(name: str) -> tuple[str, str]:
    """Columns that hold the two factors of a computed column.

    >>> factor_names("amount")
    ('amount: factor 1', 'amount: factor 2')
    """
    return f"{name}: factor 1", f"{name}: factor 2"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _is_blank(column: Column) -> str:
    name = quoted(column.name)
    return f"({name} is null or trim({name}) = '')"


def _typed(column: Column, text_format: TextFormat) -> str:
    name = quoted(column.name)
    if column.type == STRING:
        return f"nullif({name}, '')"
    trimmed = f"trim({name})"
    if column.type == BOOLEAN:
        return (
            f"case when lower({trimmed}) in {_TRUE} then true "
            f"when lower({trimmed}) in {_FALSE} then false end"
        )
    if column.type == INT:
        return (
            f"case when regexp_full_match({trimmed}, '[+-]?[0-9]+') "
            f"then try_cast({trimmed} as integer) end"
        )
    if column.type == DOUBLE:
        pattern = f"[+-]?[0-9]+([{text_format.decimal}][0-9]+)?([eE][+-]?[0-9]+)?"
        number = f"try_cast(replace({trimmed}, ',', '.') as double)"
        return (
            f"case when regexp_full_match({trimmed}, '{pattern}') "
            f"and isfinite({number}) then {number} end"
        )
    return _timestamp(trimmed, text_format)


def _timestamp(text: str, text_format: TextFormat) -> str:
    zone = _text(text_format.time_zone)
    if text_format.timestamp_formats:
        formats = ", ".join(_text(f) for f in text_format.timestamp_formats)
        local = f"try_strptime({text}, [{formats}])"
        return f"cast(timezone({zone}, {local}) as timestamp)"
    as_utc = f"cast(try_cast({text} as timestamptz) as timestamp)"
    if text_format.time_zone != "UTC":
        local = f"cast(timezone({zone}, try_cast({text} as timestamp)) as timestamp)"
        as_utc = (
            f"case when regexp_matches({text}, '{_WITH_OFFSET}') then {as_utc} else {local} end"
        )
    return f"case when regexp_full_match({text}, '{_ISO}') then {as_utc} end"


class Converter:
    """Converts rows of text of one file; holds an engine of its own, not the warehouse.

    Parameters
    ----------
    table : Table
        The contract.
    columns : sequence of str
        Columns that the rows given have, all of them text.
    text_format : TextFormat
    made_ids : mapping of str to str
        Key columns that the file lacks, with the text that goes before the line number.
    iso_columns : collection of str
        Columns whose times are written in ISO 8601, whatever the format says.
    computed : collection of str
        Columns that are the product of two others (:func:`factor_names`).
    """

    def __init__(
        self,
        table: Table,
        columns: Sequence[str],
        text_format: TextFormat,
        made_ids: Mapping[str, str],
        iso_columns: Collection[str] = (),
        computed: Collection[str] = (),
    ) -> None:
        iso_format = replace(text_format, timestamp_formats=())
        present = [c for c in table.columns if c.name in set(columns)]
        typed, outputs, problems = ["*"], [LINE], []
        for column in present:
            name = quoted(f"typed {column.name}")
            written = iso_format if column.name in iso_columns else text_format
            value, blank = _typed(column, written), _is_blank(column)
            if column.name in computed:
                factors = [replace(column, name=factor) for factor in factor_names(column.name)]
                product = " * ".join(f"({_typed(factor, written)})" for factor in factors)
                value = f"case when isfinite({product}) then {product} end"
                blank = f"({' or '.join(_is_blank(factor) for factor in factors)})"
            typed.append(f"{value} as {name}")
            outputs.append(f"{name} as {quoted(column.name)}")
            if column.is_required:
                problems.append(f"when {blank} then 'missing_value:{column.name}'")
            if column.type != STRING:
                problems.append(
                    f"when {name} is null and not {blank} "
                    f"then '{_REASONS[column.type]}:{column.name}'"
                )
        outputs += [f"{_text(stem)} || {LINE} as {quoted(name)}" for name, stem in made_ids.items()]
        problem = f"case {' '.join(problems)} end" if problems else "cast(null as varchar)"
        self._query = (
            f"with typed as (select {', '.join(typed)} from incoming) "
            f"select {', '.join(outputs)}, {problem} as {PROBLEM} from typed"
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


def is_timestamp_format(text: str) -> bool:
    """Whether the engine can read times by this format; offsets are no part of one."""
    if "%z" in text.lower() or "%" not in text:
        return False
    with duckdb.connect() as connection:
        try:
            connection.execute(f"select try_strptime('x', [{_text(text)}])").fetchall()
        except duckdb.Error:
            return False
    return True
