"""Rows of a file as they were delivered: text, with their line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import pyarrow as pa

LONGEST_TEXT: Final = 10_000
"""Characters kept of a row that is shown to a person."""


@dataclass(frozen=True)
class BrokenRow:
    """A row whose fields cannot be told apart.

    Parameters
    ----------
    line : int
        Its first line in the file, from 1.
    reason : str
        One word for counting.
    detail : str
        What was found.
    text : str
        As it was delivered, at most ``LONGEST_TEXT`` characters.
    """

    line: int
    reason: str
    detail: str
    text: str


@dataclass(frozen=True)
class RowBatch:
    """Some rows of a file.

    Parameters
    ----------
    columns : pyarrow.Table
        Fields by the file's column names, all of them text; those that are ignored may lack.
    lines : pyarrow.Array of int64
        The first line of each row.
    texts : callable
        Text of rows by their positions, as delivered.
    broken : list of BrokenRow
    """

    columns: pa.Table
    lines: pa.Array
    texts: Callable[[Sequence[int]], list[str]]
    broken: list[BrokenRow]


class Reader(Protocol):
    """Reads one file, once and in order."""

    @property
    def names(self) -> list[str]:
        """The file's columns; those that have no name are ``""``."""

    @property
    def iso_names(self) -> frozenset[str]:
        """Columns whose times the format itself writes, as ISO 8601."""

    @property
    def float_names(self) -> frozenset[str]:
        """Columns that are numbers with a fraction, not text."""

    @property
    def notes(self) -> list[str]:
        """What was found out, not stated; whole after the last row."""

    def mask(self, text: str, hidden: Collection[str]) -> str:
        """A row's text without what hidden columns hold."""

    def __iter__(self) -> Iterator[RowBatch]: ...


def shortened(text: str) -> str:
    """A row's text as it is kept; the engine's texts hold no NUL."""
    return text[:LONGEST_TEXT].replace("\0", "\N{SYMBOL FOR NULL}")


def text_table(names: Sequence[str], columns: Sequence[Sequence[str | None]]) -> pa.Table:
    """Columns of text."""
    return pa.table([pa.array(c, pa.string()) for c in columns], names=list(names))


def nameless(names: Sequence[str]) -> list[str]:
    """A note on columns without a name, which are not read.

    >>> nameless(["a", "", "b"])
    ['its column 2 has no name: it is not read']
    """
    places = [str(i) for i, name in enumerate(names, 1) if not name]
    if not places:
        return []
    if len(places) == 1:
        return [f"its column {places[0]} has no name: it is not read"]
    return [f"its columns {', '.join(places[:8])} have no names: they are not read"]
