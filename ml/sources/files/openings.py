"""How a file begins: its first lines as text, and which of them names the columns."""

from __future__ import annotations

import csv
import gzip
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ml.contracts import Table
from ml.sources.files.delimited import OTHER_DELIMITERS, SEPARATOR
from ml.sources.files.encodings import UTF_8, open_text
from ml.sources.files.landing import Part
from ml.sources.files.likely import key_of, known_keys
from ml.sources.files.mapping import EntityMapping, Mapping, deliverable
from ml.sources.files.outcome import FileRefusedError
from ml.sources.files.packing import CSV, EXCEL, NDJSON, Content, opened
from ml.sources.files.records import NdjsonReader, ParquetReader

_BYTES: Final = 1 << 18
_LINES: Final = 300
_HIGHEST: Final = 30
"""Lines within which the columns are named."""


@dataclass(frozen=True)
class Opening:
    """The first rows of a file.

    Parameters
    ----------
    kind : str
    lines : list of str
        Of CSV.
    rows : list of list of str
        Of other kinds, with their names as the first.
    encoding : str
    """

    kind: str
    lines: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    encoding: str = UTF_8

    def table(self, delimiter: str) -> list[tuple[int, list[str]]]:
        """Rows, each with the lines above it."""
        if self.kind != CSV:
            return list(enumerate(self.rows))
        return list(_parsed(self.lines, delimiter))

    def named_in(self, delimiter: str, known: frozenset[str]) -> tuple[int, int] | None:
        """Lines above the row that names most columns, and how many it names; two at least."""
        best = None
        for above, row in self.table(delimiter):
            named = len({key_of(cell) for cell in row} & known)
            if above <= _HIGHEST and named >= 2 and (best is None or named > best[1]):
                best = above, named
        return best


def _parsed(lines: list[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter)
    above = 0
    try:
        for row in reader:
            yield above, row
            above = reader.line_num
    except csv.Error:
        return


def opening(part: Part, mapping: Mapping, entity: EntityMapping) -> Opening:
    """Read how a file begins.

    Raises
    ------
    FileRefusedError
        It cannot be opened.
    """
    try:
        with opened(part.path, part.format) as content:
            return _opening(content, mapping, entity)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise FileRefusedError(str(error)) from None


def _opening(content: Content, mapping: Mapping, entity: EntityMapping) -> Opening:
    if content.kind == EXCEL:
        from ml.sources.files.workbook import first_rows

        return Opening(EXCEL, rows=first_rows(content, entity.sheet, _LINES))
    if content.kind != CSV:
        return Opening(content.kind, rows=_records(content, mapping, entity))
    stream, encoding = open_text(content.stream, mapping.encoding)
    data = stream.read(_BYTES)
    if len(data) >= _BYTES:
        data = data[: data.rfind(b"\n") + 1]
    encoding.settle(data)
    lines = data.decode(encoding.name, "replace").replace("\r\n", "\n").split("\n")
    return Opening(CSV, lines[:_LINES], encoding=encoding.of_file)


def _records(content: Content, mapping: Mapping, entity: EntityMapping) -> list[list[str]]:
    kind = NdjsonReader if content.kind == NDJSON else ParquetReader
    reader = kind(content, mapping, entity)
    rows: list[list[str]] = [list(reader.names)]
    try:
        batch = next(iter(reader), None)
    except FileRefusedError:
        batch = None
    if batch is not None:
        columns = batch.columns.slice(0, _LINES).to_pydict()
        length = len(batch.columns.slice(0, _LINES))
        values = [columns.get(name, [None] * length) for name in reader.names]
        rows += [[value or "" for value in row] for row in zip(*values, strict=True)]
    return rows


def title_hint(part: Part, table: Table, mapping: Mapping) -> str | None:
    """What to state where the columns are named in another line than the one that was taken."""
    entity = mapping.entity(table)
    try:
        found = opening(part, mapping, entity)
    except FileRefusedError:
        return None
    own = mapping.delimiter or ","
    known = known_keys(table, deliverable(table)) | {key_of(name) for name in entity.columns}
    best: tuple[int, int, str] | None = None
    for delimiter in (own, *(d for d in OTHER_DELIMITERS if d != own)):
        named = found.named_in(delimiter, known)
        if named is not None and (best is None or named[1] > best[1]):
            best = (*named, delimiter)
    taken = entity.skip_lines or 0
    is_told = bool(found.lines and SEPARATOR.fullmatch(found.lines[0].encode()))
    if best is None or found.kind not in (CSV, EXCEL) or best[0] == taken + is_told:
        return None
    above, _, delimiter = best
    more = f" and delimiter: {delimiter!r}" if found.kind == CSV and delimiter != own else ""
    return (
        f"its line {taken + 1} names no columns, line {above + 1} does: state skip_lines: "
        f"{above}{more} in mapping.yml"
    )
