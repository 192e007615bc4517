"""Read one file to its end: what is accepted and what is rejected, as Parquet beside each other."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ml.contracts import RAW_REJECTED_ROWS, Columns, Table, arrow_table
from ml.contracts.table import TIMESTAMP
from ml.sources.files.attributes import AttributeReader
from ml.sources.files.columns import ColumnPlan, holds_people, plan_columns
from ml.sources.files.delimited import CsvReader
from ml.sources.files.identity import HASHED, MASK, mask_all
from ml.sources.files.landing import LandingFile, Part
from ml.sources.files.mapping import Mapping
from ml.sources.files.openings import title_hint
from ml.sources.files.outcome import FileOutcome, FileRefusedError, Warned
from ml.sources.files.packing import EXCEL, NDJSON, PARQUET, Content, opened
from ml.sources.files.records import NdjsonReader, ParquetReader
from ml.sources.files.remedies import remedy
from ml.sources.files.rows import BrokenRow, Reader, RowBatch, shortened
from ml.warehouse import LINE, PROBLEM, UNREAD, Converter, Incoming, reason_of

_LONGEST_VALUE: Final = 200


class _Sink:
    """A Parquet file that is made when its first rows come."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    def write(self, rows: pa.Table) -> None:
        if not len(rows):
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, rows.schema, compression="lz4")
        self._writer.write_table(rows)

    @property
    def path(self) -> Path | None:
        return self._path if self._writer else None

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def stage_file(
    file: LandingFile,
    table: Table,
    mapping: Mapping,
    outcome: FileOutcome,
    target: Path,
    loaded_at: datetime,
) -> None:
    """Read a file and stage its rows.

    Parameters
    ----------
    file : LandingFile
    table : Table
        What its rows are.
    mapping : Mapping
    outcome : FileOutcome
        Told what came out.
    target : Path
        Stem of the files that rows are staged in.
    loaded_at : datetime

    Raises
    ------
    FileRefusedError
        The file cannot be taken as a whole.
    """
    partner = outcome.partner or ""
    notes: dict[str, None] = {}
    with ExitStack() as stack:
        accepted = stack.enter_context(closing(_Sink(target.with_suffix(".accepted"))))
        attributes = stack.enter_context(closing(_Sink(target.with_suffix(".attributes"))))
        rejected = stack.enter_context(closing(_Sink(target.with_suffix(".rejected"))))
        clock = _Clock(table, loaded_at)
        for reader, plan, place in _readers(file, table, mapping, partner):
            if mapping.entity(table).id_from_content:
                outcome.content_id = plan.made_id
            incoming = _incoming(file, plan, reader)
            with ExitStack() as engines:
                converter = engines.enter_context(
                    closing(Converter(table, incoming, mapping.text_format))
                )
                attribute_reader = (
                    engines.enter_context(closing(AttributeReader(plan, mapping.text_format)))
                    if plan.attributes
                    else None
                )
                for batch in map(place.placed, reader):
                    good, texts, bad = _convert(batch, plan, converter, reader)
                    _count_unread(good, plan.table, outcome)
                    if attribute_reader is not None:
                        attributes.write(attribute_reader.rows(good, texts))
                    good = good.drop_columns([UNREAD]).rename_columns({LINE: Columns.SOURCE_LINE})
                    clock.look_at(good)
                    accepted.write(good)
                    bad = [replace(r, detail=r.detail + remedy(r.reason, r.detail)) for r in bad]
                    rows = _rejected_rows(bad, file.name, partner, table, loaded_at)
                    rejected.write(rows)
                    if bad and not outcome.first_rejected:
                        outcome.first_rejected = _told_place(bad[0])
                    outcome.accepted += len(good)
                    outcome.reasons.update(Counter(row.reason for row in bad))
                    outcome.read += len(good) + len(bad)
            notes.update(dict.fromkeys(reader.notes))
    outcome.notes += [*notes, *clock.told("time_zone" in mapping.model_fields_set)]
    outcome.accepted_rows, outcome.rejected_rows = accepted.path, rejected.path
    outcome.attribute_rows = attributes.path


def _incoming(file: LandingFile, plan: ColumnPlan, reader: Reader) -> Incoming:
    """What a reader's rows bring to the contract."""
    return Incoming(
        [*(HASHED.get(name, name) for name in (*plan.sources, *plan.constants)), *plan.factors],
        {plan.made_id: f"{file.name}#"} if plan.made_id else {},
        plan.stand_ins,
        {name for name, source in plan.sources.items() if source in reader.iso_names},
        {name for name, source in plan.sources.items() if source in reader.float_names},
        plan.factors,
    )


class _Clock:
    """Looks for events that lie after the load: often a local clock that nobody stated.

    Parameters
    ----------
    table : Table
    loaded_at : datetime
    """

    def __init__(self, table: Table, loaded_at: datetime) -> None:
        self._columns = [c.name for c in table.columns if c.type == TIMESTAMP and c.is_required]
        self._loaded_at = pa.scalar(loaded_at, TIMESTAMP)
        self._counts: Counter[str] = Counter()

    def look_at(self, rows: pa.Table) -> None:
        for name in self._columns:
            if name in rows.column_names and len(rows):
                late = pc.greater(rows.column(name), self._loaded_at)
                self._counts[name] += pc.sum(late).as_py() or 0

    def told(self, is_zone_stated: bool) -> list[str]:
        zone = "" if is_zone_stated else " (times without an offset are UTC: state time_zone)"
        return [
            f"{count:,} {name} lie after this load{zone}; SQL leaves them out until then"
            for name, count in self._counts.items()
            if count
        ]


def _count_unread(good: pa.Table, table: Table, outcome: FileOutcome) -> None:
    """Tell the outcome of optional values that could not be read."""
    unread = good.column(UNREAD)
    outcome.warned += len(unread) - unread.null_count
    columns = {column.name: column for column in table.columns}
    for position in pc.indices_nonzero(pc.is_valid(unread)).to_pylist():
        line = good.column(LINE)[position].as_py()
        for name in unread[position].as_py().split(";"):
            warned = outcome.warnings.setdefault(name, Warned(reason_of(columns[name]), line))
            warned.count += 1


class _Place:
    """Where a part's rows stand among all rows of a file, and what its folders say of them."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._lines_before = 0
        self._last_line = 0
        self._values: dict[str, str | None] = {}

    def enter(self, part: Part) -> None:
        """Begin a part: lines are counted on from the part before."""
        self._lines_before += self._last_line
        self._last_line = 0
        self._values = dict(part.values)

    def placed(self, batch: RowBatch) -> RowBatch:
        """Rows with all columns of the file, and lines of the file."""
        lines = [pc.max(batch.lines).as_py() or 0, *(row.line for row in batch.broken)]
        self._last_line = max(self._last_line, *lines)
        columns = batch.columns
        for name in self._names:
            if name not in columns.column_names:
                text = pa.scalar(self._values.get(name), pa.string())
                columns = columns.append_column(name, pa.repeat(text, len(batch.lines)))
        if not self._lines_before and columns is batch.columns:
            return batch
        return RowBatch(
            columns,
            pc.add(batch.lines, self._lines_before),
            batch.texts,
            [replace(row, line=row.line + self._lines_before) for row in batch.broken],
        )


def _readers(
    file: LandingFile, table: Table, mapping: Mapping, partner: str
) -> Iterator[tuple[Reader, ColumnPlan, _Place]]:
    """A reader of each part, with how the rows of all of them become rows of the contract."""
    parts = [part for part in file.parts if part.path.stat().st_size]
    entity = mapping.entity(table)
    with ExitStack() as stack:
        try:
            first = stack.enter_context(_open(parts[0], table, mapping))
            names = list(first.names)
            for part in parts[1:]:
                with _open(part, table, mapping) as reader:
                    names += [name for name in reader.names if name not in names]
            names += dict.fromkeys(n for part in parts for n in part.values if n not in names)
            plan = plan_columns(table, names, mapping, partner)
        except FileRefusedError:
            if (hint := title_hint(parts[0], table, mapping)) is not None:
                raise FileRefusedError(hint) from None
            raise
        place = _Place([n for n in dict.fromkeys(names) if n and n not in entity.ignore_columns])
        place.enter(parts[0])
        yield first, plan, place
        for part in parts[1:]:
            with _open(part, table, mapping) as reader:
                place.enter(part)
                yield reader, plan, place


@contextmanager
def _open(part: Part, table: Table, mapping: Mapping) -> Iterator[Reader]:
    """A reader of a file; all that can be wrong with its bytes becomes one error."""
    try:
        with opened(part.path, part.format) as content:
            yield _reader(content, mapping, table)
    except EOFError:
        raise FileRefusedError(
            "what it is packed in ends too early: deliver it again, whole"
        ) from None
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error) as error:
        packed = "zip" if isinstance(error, zipfile.BadZipFile) else "gzip"
        raise FileRefusedError(f"its {packed} is damaged ({error}): deliver it again") from None
    except OSError as error:
        raise FileRefusedError(f"it cannot be read: {error.strerror or error}") from None


def _reader(content: Content, mapping: Mapping, table: Table) -> Reader:
    entity = mapping.entity(table)
    if content.kind == EXCEL:
        # Only who has workbooks waits for the library.
        from ml.sources.files.workbook import WorkbookReader

        return WorkbookReader(content, mapping, entity)
    if content.kind == PARQUET:
        return ParquetReader(content, mapping, entity)
    if content.kind == NDJSON:
        return NdjsonReader(content, mapping, entity)
    return CsvReader(content, mapping, entity)


def _convert(
    batch: RowBatch, plan: ColumnPlan, converter: Converter, reader: Reader
) -> tuple[pa.Table, pa.Table, list[BrokenRow]]:
    """Rows of the contract, their texts, and what is known of those that cannot be any."""
    incoming = plan.rows(batch)
    typed = converter.convert(incoming)
    problems = typed.column(PROBLEM)
    is_good = pc.is_null(problems)
    good = typed.filter(is_good).drop_columns([PROBLEM])
    types = {c.name: c.type for c in plan.table.columns} | {LINE: pa.int64()}
    good = good.cast(pa.schema([(f.name, types.get(f.name, f.type)) for f in good.schema]))
    positions = pc.indices_nonzero(pc.is_valid(problems)).to_pylist()
    texts = batch.texts(positions) if positions else []
    bad = []
    for position, text in zip(positions, texts, strict=True):
        reason, column = problems[position].as_py().split(":", 1)
        line, detail = batch.lines[position].as_py(), _detail(column, incoming, position)
        bad.append(BrokenRow(line, reason, detail, reader.mask(text, plan.hidden)))
    is_private = bool(plan.hidden) or holds_people(plan.table)
    bad += [replace(r, text=mask_all(r.text)) if is_private else r for r in batch.broken]
    return good, batch.columns.filter(is_good), bad


def _told_place(row: BrokenRow) -> str:
    """Where a rejected row is, and what to do; not its value: messages end in logs."""
    return f"line {row.line:,} ({row.detail.partition(':')[0]}){remedy(row.reason, row.detail)}"


def _detail(column: str, incoming: pa.Table, position: int) -> str:
    if column in HASHED.values():
        return f"{column}: {MASK}"
    value = incoming.column(column)[position].as_py()
    if value is None or not value.strip():
        return column
    return f"{column}: '{shortened(value[:_LONGEST_VALUE])}'"


def _rejected_rows(
    bad: Sequence[BrokenRow], name: str, partner: str, table: Table, loaded_at: datetime
) -> pa.Table:
    return arrow_table(
        RAW_REJECTED_ROWS,
        {
            Columns.SOURCE_FILE: [name] * len(bad),
            Columns.LINE_NUMBER: [row.line for row in bad],
            Columns.PARTNER_ID: [partner] * len(bad),
            Columns.ENTITY: [table.name] * len(bad),
            Columns.REASON: [row.reason for row in bad],
            Columns.DETAIL: [row.detail for row in bad],
            Columns.ORIGINAL_TEXT: [row.text for row in bad],
            Columns.LOADED_AT: [loaded_at] * len(bad),
        },
    )
