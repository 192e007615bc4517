"""Rows of a file as they were delivered: text, with their line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
        Fields by the file's column names, all of them text.
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
        """The file's columns."""

    @property
    def iso_names(self) -> frozenset[str]:
        """Columns whose times the format itself writes, as ISO 8601."""

    @property
    def float_names(self) -> frozenset[str]:
        """Columns that are numbers with a fraction, not text."""

    def mask(self, text: str, hidden: Sequence[str]) -> str:
        """A row's text without what hidden columns hold."""

    def __iter__(self) -> Iterator[RowBatch]: ...


def shortened(text: str) -> str:
    """A row's text as it is kept; the engine's texts hold no NUL."""
    return text[:LONGEST_TEXT].replace("\0", "\N{SYMBOL FOR NULL}")


def text_table(names: Sequence[str], columns: Sequence[Sequence[str | None]]) -> pa.Table:
    """Columns of text."""
    return pa.table([pa.array(c, pa.string()) for c in columns], names=list(names))
