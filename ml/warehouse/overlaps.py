"""Files of one partner that have the same lines, which would count twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import duckdb

from ml.contracts import RAW_TRANSACTIONS, Columns
from ml.warehouse.tables import quoted, table_relation

# Equal lines are told where they are this share of the shorter file's lines of that time.
_LEAST_SHARE: Final = 0.5


@dataclass(frozen=True)
class Overlap:
    """Two files that have the same lines.

    Parameters
    ----------
    first, second : str
        Names of the files.
    line_count : int
        Lines of the one that the other has too.
    from_at, to_at : datetime
        The time that both files have lines of.
    """

    first: str
    second: str
    line_count: int
    from_at: datetime
    to_at: datetime


def overlapping_files(
    connection: duckdb.DuckDBPyConnection, partners: Iterable[str]
) -> list[Overlap]:
    """Files of transactions without ids that have largely the same lines of the same time.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    partners : iterable of str
        Whose files are looked at.
    """
    names = {name: quoted(name) for name in RAW_TRANSACTIONS.column_names}
    file, at = names[Columns.SOURCE_FILE], names[Columns.TRANSACTED_AT]
    apart = {
        *(Columns.TRANSACTION_ID, Columns.SOURCE_FILE, Columns.SOURCE_LINE),
        Columns.LOADED_AT,
    }
    content = ", ".join(text for name, text in names.items() if name not in apart)
    rows = connection.execute(
        f"""
        with

        lines as (
            select *
            from {table_relation(connection, RAW_TRANSACTIONS)}
            where
                list_contains(?, {names[Columns.SOURCE_PARTNER_ID]})
                and starts_with({names[Columns.TRANSACTION_ID]}, {file} || '#')
        ),

        files as (
            select
                {names[Columns.SOURCE_PARTNER_ID]} as partner,
                {file} as file,
                min({at}) as from_at,
                max({at}) as to_at
            from lines
            group by all
        ),

        pairs as (
            select
                one.file as first,
                other.file as second,
                greatest(one.from_at, other.from_at) as from_at,
                least(one.to_at, other.to_at) as to_at
            from files as one
            inner join files as other
                on
                    one.partner = other.partner
                    and one.file < other.file
                    and one.from_at <= other.to_at
                    and other.from_at <= one.to_at
        ),

        contents as (
            select
                {file} as file,
                {at} as at,
                hash({content}) as content,
                count(*) as line_count
            from lines
            where {file} in (select first from pairs union select second from pairs)
            group by all
        ),

        shared as (
            select
                one.file as first,
                other.file as second,
                sum(least(one.line_count, other.line_count)) as line_count
            from contents as one
            inner join contents as other
                on one.content = other.content and one.file < other.file
            group by all
        ),

        lengths as (
            select pairs.first, pairs.second, contents.file, sum(contents.line_count) as line_count
            from pairs
            inner join shared on pairs.first = shared.first and pairs.second = shared.second
            inner join contents
                on
                    contents.file in (pairs.first, pairs.second)
                    and contents.at between pairs.from_at and pairs.to_at
            group by all
        )

        select
            pairs.first,
            pairs.second,
            cast(any_value(shared.line_count) as bigint) as equal_count,
            any_value(pairs.from_at),
            any_value(pairs.to_at)
        from pairs
        inner join shared on pairs.first = shared.first and pairs.second = shared.second
        inner join lengths on pairs.first = lengths.first and pairs.second = lengths.second
        group by pairs.first, pairs.second
        having any_value(shared.line_count) >= {_LEAST_SHARE} * min(lengths.line_count)
        order by equal_count desc, pairs.first, pairs.second
        """,
        [sorted(partners)],
    ).fetchall()
    return [Overlap(*row) for row in rows]
