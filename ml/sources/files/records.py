"""Read NDJSON and Parquet: every field as text, as its own format writes it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ml.sources.files.blocks import LONGEST_LINE, Block, BlockReader
from ml.sources.files.encodings import open_text
from ml.sources.files.identity import MASK, mask_all, shown
from ml.sources.files.mapping import EntityMapping, Mapping, one_line
from ml.sources.files.outcome import FileRefusedError
from ml.sources.files.packing import Content
from ml.sources.files.rows import BrokenRow, RowBatch, nameless, shortened, text_table

_ROWS_AT_ONCE: Final = 100_000
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class _RowError(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it is written: keys in order, and twice where they come twice."""


class NdjsonReader:
    """Rows of a file with one JSON object in each line.

    Its columns are all keys of all lines: exporters leave out keys without a value.

    Parameters
    ----------
    content : Content
    mapping : Mapping
    entity : EntityMapping

    Raises
    ------
    FileRefusedError
        No line is an object.
    """

    iso_names: frozenset[str] = frozenset()
    # Whole ones are texts of their digits, others say of themselves that they are no ids.
    float_names: frozenset[str] = frozenset()

    def __init__(self, content: Content, mapping: Mapping, entity: EntityMapping) -> None:
        # Numbers are written with a point in JSON, whatever the partner's texts do.
        self._decimal = mapping.decimal
        self._ignored = set(entity.ignore_columns)
        self._known_names: dict[str, str] = {}
        self._line = 1
        stream, self._encoding = open_text(content.stream, mapping.encoding)
        self.names = self._all_names(BlockReader(stream))
        self._noted = content.notes + nameless(self.names)
        content.stream.seek(0)
        stream, again = open_text(content.stream, mapping.encoding)
        again.name = self._encoding.name
        self._blocks = BlockReader(stream)

    @property
    def notes(self) -> list[str]:
        """What was found out, not stated."""
        return self._noted + self._encoding.notes

    def _all_names(self, blocks: BlockReader) -> list[str]:
        names: dict[str, None] = {}
        problem = None
        for block in _all_blocks(blocks):
            self._encoding.settle(block.data)
            for line in block.data.split(b"\n"):
                if not line.strip():
                    continue
                try:
                    names.update((name, None) for name, _ in self._pairs(line))
                except _RowError as error:
                    problem = problem or error
        if not names:
            detail = f"the first that is none: {problem.detail}" if problem else "it is blank"
            raise FileRefusedError(f"no line of it is a JSON object ({detail}): is it NDJSON?")
        return list(names)

    def mask(self, text: str, hidden: Collection[str]) -> str:
        """A row's text without what hidden columns hold."""
        if not hidden:
            return text
        try:
            content = self._object(text.encode(self._encoding.name))
        except _RowError:
            return mask_all(text)
        return _json({k: MASK if k in hidden and v else v for k, v in content.items()})

    def __iter__(self) -> Iterator[RowBatch]:
        for block in _all_blocks(self._blocks):
            if block.long_line is not None:
                detail = f"over {LONGEST_LINE:,} bytes"
                broken = self._broken(_RowError("line_too_long", detail), block.long_line)
                self._line += 1
                yield self._batch([], [], [], [broken])
                continue
            lines = block.data.split(b"\n")
            if not lines[-1]:
                lines.pop()
            yield self._rows(lines)

    def _rows(self, lines: list[bytes]) -> RowBatch:
        rows, numbers, texts, broken = [], [], [], []
        for line in lines:
            if line.strip():
                try:
                    rows.append(self._object(line))
                    numbers.append(self._line)
                    texts.append(line)
                except _RowError as error:
                    broken.append(self._broken(error, line))
            self._line += 1
        return self._batch(rows, numbers, texts, broken)

    def _batch(
        self,
        rows: list[dict[str, str | None]],
        numbers: list[int],
        texts: list[bytes],
        broken: list[BrokenRow],
    ) -> RowBatch:
        names = [name for name in self.names if name and name not in self._ignored]
        return RowBatch(
            text_table(names, [[row.get(name) for row in rows] for name in names]),
            pa.array(numbers, pa.int64()),
            lambda positions: [shortened(texts[p].decode(self._encoding.name)) for p in positions],
            broken,
        )

    def _float(self, text: str) -> str:
        """A number with a fraction; its exponent keeps it from being taken for an id."""
        number = float(text)
        if number.is_integer() and abs(number) < _JUST_WHOLE:
            return str(int(number))
        text = text.replace(".", self._decimal)
        return text if "e" in text.lower() else f"{text}e0"

    def _broken(self, error: _RowError, line: bytes) -> BrokenRow:
        text = line[: LONGEST_LINE // 8].decode(self._encoding.name, "backslashreplace")
        return BrokenRow(self._line, error.reason, error.detail, shortened(text))

    def _object(self, line: bytes) -> dict[str, str | None]:
        content: dict[str, str | None] = {}
        pairs = self._pairs(line)
        for name, value in pairs:
            if name and name not in self._ignored:
                content[name] = _as_text(name, value)
        if len(content) < len(pairs):
            self._refuse_twice([name for name, _ in pairs])
            content.update((name, "") for name, _ in pairs if name in self._ignored)
        return content

    def _refuse_twice(self, names: Sequence[str]) -> None:
        wanted = [name for name in names if name and name not in self._ignored]
        if len(set(wanted)) < len(wanted):
            raise _RowError("duplicate_column", "a key comes twice")

    def _pairs(self, line: bytes) -> list[tuple[str, Any]]:
        """Keys and values of a line; keys in one line each."""
        if len(line) > LONGEST_LINE:
            raise _RowError("line_too_long", f"{len(line):,} bytes")
        if b"\0" in line:
            raise _RowError("nul_byte", "the line has NUL bytes")
        try:
            content = json.loads(
                line.decode(self._encoding.name),
                parse_float=self._float,
                parse_int=str,
                parse_constant=str,
                object_pairs_hook=_Pairs,
            )
        except UnicodeDecodeError as error:
            detail = f"byte {error.start + 1} of the line is not {self._encoding.name}"
            raise _RowError("bad_encoding", detail) from None
        except json.JSONDecodeError as error:
            raise _RowError("bad_json", f"{error.msg} at character {error.colno}") from None
        except RecursionError:
            raise _RowError("bad_json", "nested too deep") from None
        if not isinstance(content, _Pairs):
            raise _RowError("bad_json", "the line is no object")
        return [(self._known_names.get(n) or self._name(n), value) for n, value in content]

    def _name(self, key: str) -> str:
        if _SURROGATE.search(key):
            raise _RowError("bad_encoding", "a key holds half a character")
        if "\0" in key:
            raise _RowError("nul_byte", "a key holds NUL")
        return self._known_names.setdefault(key, one_line(key))


def _all_blocks(blocks: BlockReader) -> Iterator[Block]:
    while (block := blocks.read()) is not None:
        yield block


_JUST_WHOLE: Final = 2.0**53
"""Up to here each whole number is a floating one too."""


def _as_text(name: str, value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise _RowError(
            "bad_json", f"{shown([name])} holds more than one value: ignore it, or write it flat"
        )
    if _SURROGATE.search(value):
        raise _RowError("bad_encoding", f"{shown([name])} holds half a character")
    if "\0" in value:
        raise _RowError("nul_byte", f"{shown([name])} holds NUL")
    return value


class ParquetReader:
    """Rows of a Parquet file; their lines are counted from 1.

    Parameters
    ----------
    content : Content
    mapping : Mapping
    entity : EntityMapping

    Raises
    ------
    FileRefusedError
        It is no Parquet, or a wanted column's type is no value of ours.
    """

    def __init__(self, content: Content, mapping: Mapping, entity: EntityMapping) -> None:
        try:
            # Spark writes times as INT96, and 9999-12-31 is beyond what nanoseconds can say.
            self._file = pq.ParquetFile(content.stream, coerce_int96_timestamp_unit="us")
            schema = self._file.schema_arrow
        except (pa.ArrowException, OSError, ValueError) as error:
            reason = str(error).splitlines()[0][:200]
            raise FileRefusedError(f"it cannot be read as Parquet: {reason}") from None
        self.names: list[str] = [one_line(name) for name in schema.names]
        self.notes = content.notes + nameless(self.names)
        # What is ignored is not read: its type may be any.
        self._wanted = {
            field.name: name
            for field, name in zip(schema, self.names, strict=True)
            if name and name not in entity.ignore_columns
        }
        wanted = [field for field in schema if field.name in self._wanted]
        self.iso_names = frozenset(
            self._wanted[field.name]
            for field in wanted
            if pa.types.is_timestamp(field.type) or pa.types.is_date(field.type)
        )
        self.float_names = frozenset(
            self._wanted[field.name] for field in wanted if _has_fraction(field.type)
        )
        self._nested = {
            self._wanted[f.name]: str(f.type) for f in wanted if pa.types.is_nested(f.type)
        }
        self._decimal = mapping.decimal

    def mask(self, text: str, hidden: Collection[str]) -> str:
        """A row's text without what hidden columns hold."""
        content = json.loads(text)
        return _json({k: MASK if k in hidden and v else v for k, v in content.items()})

    def __iter__(self) -> Iterator[RowBatch]:
        for name, kind in self._nested.items():
            raise FileRefusedError(
                f"its column {shown([name])} is a {kind[:80]}: ignore it in mapping.yml, or write "
                "it flat"
            )
        line = 1
        try:
            for batch in self._file.iter_batches(_ROWS_AT_ONCE, columns=list(self._wanted)):
                columns = pa.table(
                    [self._texts(n, batch.column(column)) for column, n in self._wanted.items()],
                    names=list(self._wanted.values()),
                )
                yield RowBatch(
                    columns,
                    pa.array(range(line, line + len(batch)), pa.int64()),
                    _ParquetTexts(columns),
                    [],
                )
                line += len(batch)
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0][:200]
            raise FileRefusedError(f"it cannot be read to its end: {reason}") from None

    def _texts(self, name: str, column: pa.Array) -> pa.Array:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_timestamp(column.type):
            zone = column.type.tz
            return _times(column, "Z" if zone else "")
        if _has_fraction(column.type):
            texts = pc.replace_substring(column.cast(pa.string()), ".", self._decimal)
            if not pa.types.is_floating(column.type):
                return texts
            is_whole = pc.and_(
                pc.equal(pc.floor(column), column),
                pc.less(pc.abs(column.cast(pa.float64())), _LARGEST[column.type]),
            )
            whole = pc.if_else(is_whole, column.cast(pa.float64()), None).cast(pa.int64())
            return pc.coalesce(whole.cast(pa.string()), texts)
        try:
            texts = column.cast(pa.string())
            texts.validate(full=True)
        except pa.ArrowException:
            raise FileRefusedError(
                f"its column {shown([name])} ({column.type}) is no text, number or time"
            ) from None
        return pc.replace_substring(texts, "\0", "\N{SYMBOL FOR NULL}")


_LARGEST: Final = {
    pa.float16(): 2.0**11,
    pa.float32(): 2.0**24,
    pa.float64(): _JUST_WHOLE,
}
"""From here on a whole number may stand for its neighbours too."""

_UNITS: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_YEARS: Final = (datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59))


def _has_fraction(type_: pa.DataType) -> bool:
    return bool(pa.types.is_floating(type_) or (pa.types.is_decimal(type_) and type_.scale > 0))


def _times(column: pa.Array, suffix: str) -> pa.Array:
    """Times as ISO 8601; beyond the years that it can write, the number that stands there."""
    numbers = column.cast(pa.int64())
    unit = _UNITS[column.type.unit]
    first, last = (int((year - datetime(1970, 1, 1)).total_seconds()) for year in _YEARS)
    fits = pc.and_(
        pc.greater_equal(pc.divide(numbers, unit), first),
        pc.less_equal(pc.divide(numbers, unit), last),
    )
    there = pc.if_else(fits, numbers, None).cast(pa.timestamp(column.type.unit))
    texts = there.cast(pa.timestamp("us"), safe=False).cast(pa.string())
    texts = pc.binary_join_element_wise(texts, suffix, "")
    return pc.coalesce(texts, pc.binary_join_element_wise("time ", numbers.cast(pa.string()), ""))


class _ParquetTexts:
    """Rows have no text of their own in Parquet: they are shown as JSON."""

    def __init__(self, columns: pa.Table) -> None:
        self._columns = columns

    def __call__(self, positions: Sequence[int]) -> list[str]:
        rows = self._columns.take(pa.array(positions, pa.int64())).to_pylist()
        return [_json({k: v if v is None else v[:1000] for k, v in row.items()}) for row in rows]


def _json(content: dict[str, str | None]) -> str:
    return json.dumps(content, ensure_ascii=False)
