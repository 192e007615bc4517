"""Read CSV: in bulk where lines are plain, line by line where they are not."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator
from typing import Final

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from ml.sources.files.blocks import LONGEST_LINE, Block, BlockReader
from ml.sources.files.encodings import open_text
from ml.sources.files.identity import mask_all, mask_fields, shown
from ml.sources.files.mapping import EntityMapping, Mapping, one_line
from ml.sources.files.outcome import FileRefusedError
from ml.sources.files.packing import Content
from ml.sources.files.rows import BrokenRow, RowBatch, nameless, shortened, text_table

_LONGEST_ROW: Final = 100
"""Lines that one quoted row may take."""
OTHER_DELIMITERS: Final = (",", ";", "\t", "|")
_NEWLINE, _RETURN, _QUOTE = 10, b"\r", b'"'
SEPARATOR: Final = re.compile(rb'"?sep=([^"])"?\r?', re.IGNORECASE)
"""A line with which Excel is told the delimiter."""


class _OpenQuoteError(Exception):
    """The lines at hand end inside a quoted field."""


class CsvReader:
    """Rows of one CSV file.

    Parameters
    ----------
    content : Content
    mapping : Mapping
    entity : EntityMapping

    Raises
    ------
    FileRefusedError
        No header that can be read.
    """

    iso_names: frozenset[str] = frozenset()
    float_names: frozenset[str] = frozenset()

    def __init__(self, content: Content, mapping: Mapping, entity: EntityMapping) -> None:
        stream, self._encoding = open_text(content.stream, mapping.encoding)
        self._blocks = BlockReader(stream)
        self._delimiter = mapping.delimiter or ("\t" if content.is_tabbed else ",")
        self._is_stated = mapping.delimiter is not None
        self._line = 1
        self.names = self._header(entity.skip_lines or 0)
        self._refuse_other_delimiter(self.names)
        ignored = entity.ignore_columns
        self._wanted = [i for i, n in enumerate(self.names) if n and n not in ignored]
        self._noted = content.notes + nameless(self.names)

    @property
    def notes(self) -> list[str]:
        """What was found out, not stated."""
        return [*self._encoding.notes, *self._noted]

    def mask(self, text: str, hidden: Collection[str]) -> str:
        """A row's text without what hidden columns hold."""
        places = [i for i, name in enumerate(self.names) if name in hidden or not name]
        if not places:
            return text
        try:
            return mask_fields(text, self._delimiter, places)
        except (csv.Error, IndexError, StopIteration):
            return mask_all(text)

    def _header(self, skipped: int) -> list[str]:
        for _ in range(skipped):
            self._next_line()
        lines = self._header_lines()
        try:
            first = next(lines)
            if (said := SEPARATOR.fullmatch(first.strip().encode())) is not None:
                if not self._is_stated:
                    self._delimiter = said[1].decode()
                first = next(lines)
            if not first.strip():
                raise FileRefusedError(
                    "its first line is empty: the first line of a CSV file names the columns; "
                    "state skip_lines in mapping.yml where other lines come before"
                )
            names = next(csv.reader(_chained(first, lines), delimiter=self._delimiter))
        except UnicodeDecodeError:
            raise FileRefusedError(
                f"its first line is not {self._encoding.name}: state encoding in mapping.yml"
            ) from None
        except (csv.Error, StopIteration):
            raise FileRefusedError("its first line is no header: is it CSV?") from None
        return [one_line(name) for name in names]

    def _header_lines(self) -> Iterator[str]:
        """Lines for the parser, which asks for another while a quote is open."""
        for _ in range(_LONGEST_ROW):
            line = self._next_line()
            if _RETURN in line and _QUOTE not in line:
                raise FileRefusedError("its lines end in CR alone: save it with LF or CRLF")
            if b"\0" in line:
                raise FileRefusedError("its first line has NUL bytes: is it CSV?")
            yield line.decode(self._encoding.name) + "\n"
        raise FileRefusedError("a quote opens in its first line and is not closed: mend it")

    def _next_line(self) -> bytes:
        line = self._blocks.first_line()
        if line is None:
            raise FileRefusedError(
                f"its first line is longer than {LONGEST_LINE:,} bytes: is it CSV?"
            )
        if self._line > 1 and not line and self._blocks.is_read:
            raise FileRefusedError(
                "it ends before a line that names its columns: are skip_lines and its quotes right?"
            )
        ahead = self._blocks.ahead
        self._encoding.settle(line + b"\n" + ahead[: ahead.rfind(b"\n") + 1])
        self._line += 1
        return line.removesuffix(_RETURN)

    def _refuse_other_delimiter(self, names: list[str]) -> None:
        [only, *more] = names
        if more:
            return
        for other in OTHER_DELIMITERS:
            if other != self._delimiter and other in only:
                raise FileRefusedError(
                    f"its first line has no {self._delimiter!r}, but {only.count(other)} "
                    f"{other!r}: state delimiter in mapping.yml"
                )

    def __iter__(self) -> Iterator[RowBatch]:
        kept = b""
        while (block := self._blocks.read(kept)) is not None:
            if block.long_line is not None:
                kept = b""
                yield self._long_line(block.long_line)
                continue
            self._encoding.settle(block.data)
            batch = self._bulk(block.data)
            kept = b""
            if batch is None:
                batch, kept = self._by_line(block)
            yield batch

    # --- in bulk ----------------------------------------------------------------------

    def _bulk(self, data: bytes) -> RowBatch | None:
        """All rows of plain lines at once; None where some line is not plain."""
        ends = _plain_line_ends(data)
        if ends is None:
            return None
        try:
            # The parser's handler of invalid rows cannot meet bytes that are no text.
            text = data.decode(self._encoding.name)
            utf8 = data if self._encoding.name == "utf-8" else text.encode()
            parsed, invalid = self._parse(utf8)
        except (UnicodeDecodeError, pa.ArrowInvalid):
            return None
        if len(parsed) + len(invalid) != len(ends):
            # An open quote has swallowed line ends.
            return None
        bad = np.array([number - 1 for number, _ in invalid], np.int64)
        places = np.delete(np.arange(len(ends)), bad)
        starts = np.concatenate(([0], ends[:-1] + 1))
        first = self._line
        self._line += len(ends)

        def row_text(place: int) -> str:
            line = data[starts[place] : ends[place]].rstrip(_RETURN)
            return shortened(line.decode(self._encoding.name))

        broken = [
            self._wrong_count(first + number - 1, found, row_text(number - 1))
            for number, found in invalid
        ]
        return RowBatch(
            parsed,
            pa.array(places + first, pa.int64()),
            lambda positions: [row_text(places[p]) for p in positions],
            broken,
        )

    def _parse(self, utf8: bytes) -> tuple[pa.Table, list[tuple[int, int]]]:
        invalid: list[tuple[int, int]] = []
        wanted = [str(i) for i in self._wanted]

        def note(row: arrow_csv.InvalidRow) -> str:
            invalid.append((row.number, row.actual_columns))
            return "skip"

        parsed = arrow_csv.read_csv(
            pa.BufferReader(utf8),
            # Rows are numbered only without threads.
            arrow_csv.ReadOptions(
                use_threads=False,
                # Names of columns that are not wanted may come twice.
                column_names=[str(i) for i in range(len(self.names))],
                block_size=len(utf8) + 1,
            ),
            arrow_csv.ParseOptions(
                delimiter=self._delimiter, invalid_row_handler=note, ignore_empty_lines=False
            ),
            arrow_csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string()),
                strings_can_be_null=False,
            ),
        )
        return parsed.rename_columns([self.names[i] for i in self._wanted]), invalid

    # --- line by line -------------------------------------------------------------------

    def _by_line(self, block: Block) -> tuple[RowBatch, bytes]:
        """All rows that end in a block, and the bytes of one that goes on after it."""
        lines = block.data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        columns: list[list[str]] = [[] for _ in self._wanted]
        numbers: list[int] = []
        texts: list[str] = []
        broken: list[BrokenRow] = []
        place = 0
        kept = b""
        while place < len(lines):
            taken = 1
            if lines[place].strip(b"\r"):
                try:
                    row, taken = self._row(lines, place, block.may_grow)
                except _OpenQuoteError:
                    kept = b"\n".join(lines[place:]) + b"\n"
                    break
                if isinstance(row, BrokenRow):
                    broken.append(row)
                else:
                    fields, text = row
                    for column, i in zip(columns, self._wanted, strict=True):
                        column.append(fields[i])
                    numbers.append(self._line)
                    texts.append(text)
            place += taken
            self._line += taken
        batch = RowBatch(
            text_table([self.names[i] for i in self._wanted], columns),
            pa.array(numbers, pa.int64()),
            lambda positions: [texts[p] for p in positions],
            broken,
        )
        return batch, kept

    def _row(
        self, lines: list[bytes], place: int, may_grow: bool
    ) -> tuple[BrokenRow | tuple[list[str], str], int]:
        """The row that begins at a line, and the lines that it takes."""
        first = lines[place]
        if (problem := self._unreadable(first)) is not None:
            return problem, 1
        feed = _Feed(lines, place, self._encoding.name)
        try:
            fields = next(csv.reader(feed, delimiter=self._delimiter))
        except csv.Error as error:
            return self._broken("bad_quotes", str(error), first), 1
        except (_OpenQuoteError, UnicodeDecodeError):
            is_short = feed.taken < _LONGEST_ROW and feed.size <= LONGEST_LINE
            if may_grow and is_short and place + feed.taken >= len(lines):
                raise _OpenQuoteError from None
            return self._broken("open_quote", "a quote opens and is not closed", first), 1
        text = shortened(feed.text)
        if len(fields) != len(self.names):
            return self._wrong_count(self._line, len(fields), text), feed.taken
        return (fields, text), feed.taken

    def _unreadable(self, line: bytes) -> BrokenRow | None:
        if len(line) > LONGEST_LINE:
            return self._broken("line_too_long", f"{len(line):,} bytes", line)
        if b"\0" in line:
            return self._broken("nul_byte", "the line has NUL bytes", line)
        try:
            line.decode(self._encoding.name)
        except UnicodeDecodeError as error:
            detail = f"byte {error.start + 1} of the line is not {self._encoding.name}"
            return self._broken("bad_encoding", detail, line)
        return None

    def _broken(self, reason: str, detail: str, line: bytes) -> BrokenRow:
        text = (
            line[: LONGEST_LINE // 8]
            .rstrip(_RETURN)
            .decode(self._encoding.name, "backslashreplace")
        )
        return BrokenRow(self._line, reason, detail, shortened(text))

    def _wrong_count(self, line: int, found: int, text: str) -> BrokenRow:
        detail = f"{found} fields, the header has {len(self.names)}: {shown(self.names)}"
        return BrokenRow(line, "wrong_field_count", detail, text)

    def _long_line(self, beginning: bytes) -> RowBatch:
        broken = self._broken("line_too_long", f"over {LONGEST_LINE:,} bytes", beginning)
        self._line += 1
        empty = text_table([self.names[i] for i in self._wanted], [[] for _ in self._wanted])
        return RowBatch(empty, pa.array([], pa.int64()), lambda _: [], [broken])


class _Feed:
    """Lines for the parser, which asks for another while a quote is open."""

    def __init__(self, lines: list[bytes], place: int, encoding: str) -> None:
        self._lines = lines
        self._place = place
        self._encoding = encoding
        self._texts: list[str] = []
        self.size = 0

    @property
    def taken(self) -> int:
        return len(self._texts)

    @property
    def text(self) -> str:
        return "\n".join(self._texts)

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        place = self._place + self.taken
        if place >= len(self._lines) or self.taken >= _LONGEST_ROW or self.size > LONGEST_LINE:
            raise _OpenQuoteError
        line = self._lines[place]
        if b"\0" in line:
            raise _OpenQuoteError
        self.size += len(line)
        text = line.removesuffix(_RETURN).decode(self._encoding)
        self._texts.append(text)
        # The parser needs the line end to keep it within quotes.
        return text + "\n"


def _plain_line_ends(data: bytes) -> np.ndarray | None:
    """Where the lines end, if each line can be one row; else None."""
    if b"\0" in data or data.count(_RETURN) != data.count(b"\r\n"):
        return None
    characters = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(characters == _NEWLINE)
    if not len(ends) or ends[-1] != len(data) - 1:
        ends = np.append(ends, len(data))
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts
    shortest = 2 if _RETURN in data else 1
    if lengths.min() < shortest or lengths.max() > LONGEST_LINE:
        return None
    if _QUOTE in data:
        quotes = np.add.reduceat(characters == _QUOTE[0], starts, dtype=np.int64)
        if (quotes % 2).any():
            return None
    return ends


def _chained(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines
