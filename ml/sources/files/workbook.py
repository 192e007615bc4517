"""Read a sheet of a workbook (.xlsx): every cell as the text that a CSV of it would hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Final

import pyarrow as pa
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from ml.sources.files.identity import MASK, shown
from ml.sources.files.mapping import EntityMapping, Mapping, one_line
from ml.sources.files.outcome import FileRefusedError
from ml.sources.files.packing import Content
from ml.sources.files.rows import RowBatch, nameless, text_table

Cell = str | bool | int | float | datetime | date | time | timedelta | None
_ROWS_AT_ONCE: Final = 50_000
_EXACT: Final = 1e15
"""Excel keeps 15 digits of a number: what is beyond is not what was typed."""


class WorkbookReader:
    """Rows of one sheet; their lines are the sheet's rows.

    Parameters
    ----------
    content : Content
    mapping : Mapping
    entity : EntityMapping

    Raises
    ------
    FileRefusedError
        It is no workbook, has no such sheet, or no row that names the columns.
    """

    def __init__(self, content: Content, mapping: Mapping, entity: EntityMapping) -> None:
        self._sheet, others = _sheet(content, entity.sheet)
        self._formats = mapping.timestamp_formats
        self._decimal = mapping.decimal
        self._skipped = entity.skip_lines or 0
        header = next(_rows(self._sheet, self._skipped), None)
        if header is None:
            raise FileRefusedError(
                f"its sheet '{self._sheet.name}' has no row {self._skipped + 1}, which names the "
                "columns: state sheet and skip_lines in mapping.yml"
            )
        names = [one_line(self._text(cell) or "") for cell in header]
        # What lies beside the table is no column.
        width = max((i for i, name in enumerate(names, 1) if name), default=0)
        if not width:
            raise FileRefusedError(
                f"row {self._skipped + 1} of its sheet '{self._sheet.name}' is empty: it names the "
                "columns; state skip_lines in mapping.yml where other rows come before"
            )
        self.names = names[:width]
        self.notes = content.notes + nameless(self.names)
        if others and entity.sheet is None:
            self.notes.append(
                f"read sheet '{self._sheet.name}', not {shown(others)}: state sheet in mapping.yml "
                "for another"
            )
        self._wanted = [i for i, n in enumerate(self.names) if n and n not in entity.ignore_columns]
        kinds = self._kinds()
        self._dates = {i for i, kind in kinds.items() if kind == {date}}
        self.iso_names = frozenset(self.names[i] for i in self._dates)
        self.float_names = frozenset(self.names[i] for i, kind in kinds.items() if kind == {float})

    def _kinds(self) -> dict[int, set[type]]:
        """What the cells of each column are: dates, numbers and texts."""
        kinds: dict[int, set[type]] = {i: set() for i in self._wanted}
        for row in _rows(self._sheet, self._skipped + 1):
            for i, kind in kinds.items():
                if row[i] not in (None, ""):
                    kind.add(_kind(row[i]))
        return kinds

    def mask(self, text: str, hidden: Collection[str]) -> str:
        """A row's text without what hidden columns hold."""
        content = json.loads(text)
        return _json({k: MASK if k in hidden and v else v for k, v in content.items()})

    def __iter__(self) -> Iterator[RowBatch]:
        rows = enumerate(_rows(self._sheet, self._skipped + 1), self._skipped + 2)
        while some := list(islice(rows, _ROWS_AT_ONCE)):
            filled = [(line, row) for line, row in some if any(c not in (None, "") for c in row)]
            columns = [
                [self._text(row[i], is_iso=i in self._dates) for _, row in filled]
                for i in self._wanted
            ]
            table = text_table([self.names[i] for i in self._wanted], columns)
            lines = pa.array([line for line, _ in filled], pa.int64())
            yield RowBatch(table, lines, _texts(table), [])

    def _text(self, cell: Cell, *, is_iso: bool = True) -> str | None:
        if cell is None or cell == "":
            return None
        if isinstance(cell, bool):
            return "true" if cell else "false"
        if isinstance(cell, int | float):
            return self._number(float(cell))
        if isinstance(cell, datetime | date):
            moment = cell if isinstance(cell, datetime) else datetime.combine(cell, time())
            return moment.isoformat(" ") if is_iso else self._moment(moment)
        return str(cell).replace("\0", "\N{SYMBOL FOR NULL}")

    def _number(self, value: float) -> str:
        """Whole numbers as such: a workbook writes ids and years as 12.0."""
        if value.is_integer() and abs(value) < _EXACT:
            return str(int(value))
        text = repr(value) if abs(value) < _EXACT else f"{value:.16e}"
        return text.replace(".", self._decimal)

    def _moment(self, moment: datetime) -> str:
        """A date among texts: as the texts are written, where that loses nothing."""
        for text_format in self._formats:
            try:
                text = moment.strftime(text_format)
                if datetime.strptime(text, text_format) == moment:
                    return text
            except ValueError:
                continue
        return moment.isoformat(" ")


def _kind(cell: Cell) -> type:
    if isinstance(cell, date):
        return date
    return float if isinstance(cell, int | float) and not isinstance(cell, bool) else str


def _sheet(content: Content, name: str | None) -> tuple[CalamineSheet, list[str]]:
    try:
        book = CalamineWorkbook.from_filelike(content.stream)
        seen = [one for one in book.sheets_metadata if one.visible == SheetVisibleEnum.Visible]
        names = [one.name for one in seen]
        if name is None and names:
            return book.get_sheet_by_name(names[0]), names[1:]
        if name in book.sheet_names:
            return book.get_sheet_by_name(name), []
    except (CalamineError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:200]
        raise FileRefusedError(f"it cannot be read as .xlsx: {reason}") from None
    raise FileRefusedError(
        f"it has no sheet '{name}', there are {shown(book.sheet_names)}: state sheet in mapping.yml"
        if name
        else "all its sheets are hidden: state sheet in mapping.yml"
    )


def _rows(sheet: CalamineSheet, first: int) -> Iterator[Sequence[Cell]]:
    """Rows from a place on, counted from the top of the sheet."""
    return islice(sheet.iter_rows(), first, None)


def _texts(table: pa.Table) -> Callable[[Sequence[int]], list[str]]:
    def texts(positions: Sequence[int]) -> list[str]:
        rows = table.take(pa.array(positions, pa.int64())).to_pylist()
        return [_json({k: v if v is None else v[:1000] for k, v in row.items()}) for row in rows]

    return texts


def _json(content: dict[str, str | None]) -> str:
    return json.dumps(content, ensure_ascii=False)


def first_rows(content: Content, name: str | None, count: int) -> list[list[str]]:
    """The first rows of a sheet, as text."""
    sheet, _ = _sheet(content, name)
    return [[_plain(cell) for cell in row] for row in islice(_rows(sheet, 0), count)]


def _plain(cell: Cell) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell)
