"""A draft of ``mapping.yml`` for files that nobody has described yet."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from ml.contracts import ATTRIBUTES_OF, RAW_ENTITIES, RAW_TRANSACTIONS, Columns, Table
from ml.contracts.table import DOUBLE, TIMESTAMP
from ml.sources.files.delimited import OTHER_DELIMITERS
from ml.sources.files.encodings import UTF_8
from ml.sources.files.landing import MAPPING, LandingFile
from ml.sources.files.likely import is_unit_price, known_keys, likely_columns
from ml.sources.files.mapping import EntityMapping, Mapping, deliverable, one_line
from ml.sources.files.openings import Opening, opening
from ml.sources.files.outcome import REFUSED, FileOutcome, FileRefusedError
from ml.sources.files.packing import CSV, EXCEL

_DAYS: Final = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y"),
    *("%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%y"),
)
_FORMATS: Final = tuple(day + time for day in _DAYS for time in (" %H:%M:%S", " %H:%M", ""))
_ISO_FORMATS: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_ISO: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{2}.*)?")
_COMMA: Final = re.compile(r"[+-]?\d[\d \xa0]*,\d+")
_POINT: Final = re.compile(r"[+-]?\d[\d \xa0]*[.]\d+")
_LEAST: Final = 0.8
"""Share of a column's values that a date format must read."""


@dataclass(frozen=True)
class _Sample:
    """What was found out of one file."""

    name: str
    table: Table
    kind: str
    encoding: str
    delimiter: str
    delimiter_share: float
    above: int
    names: list[str]
    values: dict[str, list[str]]
    columns: dict[str, tuple[str, float]]


def undescribed(
    folder: Path, files: Iterable[LandingFile], outcomes: Iterable[FileOutcome]
) -> list[str]:
    """Partners without a mapping some of whose files are not taken, or not half of their rows."""
    by_name = {outcome.name: outcome for outcome in outcomes}
    found: dict[str, None] = {}
    for file in files:
        outcome = by_name[file.name]
        is_taken = outcome.status != REFUSED and outcome.rejected <= outcome.accepted
        if file.partner and not is_taken and not (folder / file.partner / MAPPING).is_file():
            found[file.partner] = None
    return list(found)


def draft_mapping(files: Sequence[LandingFile]) -> str | None:
    """Text of a mapping for one partner's files; None where their beginnings tell nothing.

    Every line that is a guess ends in its confidence.
    """
    samples = [sample for file in files if (sample := _sampled(file)) is not None]
    if not samples:
        return None
    lines = [*_renames(files, samples), *_writing(samples), "entities:"]
    for table in RAW_ENTITIES:
        of_table = [sample for sample in samples if sample.table is table]
        if of_table:
            lines += _entity(table, of_table)
    return "\n".join(lines) + "\n"


def _sampled(file: LandingFile) -> _Sample | None:
    if file.format is None or file.problem is not None:
        return None
    try:
        found = opening(file.parts[0], Mapping(), EntityMapping())
    except FileRefusedError:
        return None
    tables = [file.table] if file.table else list(RAW_ENTITIES)
    samples = [one for table in tables if (one := _sample(file.name, found, table)) is not None]
    return max(samples, key=_support, default=None)


def _support(sample: _Sample) -> float:
    required = {column.name for column in sample.table.columns if column.is_required}
    return sum(share * (2 if ours in required else 1) for ours, share in sample.columns.values())


def _sample(name: str, found: Opening, table: Table) -> _Sample | None:
    delimiter, share = _delimiter(found)
    rows = found.table(delimiter)
    if not rows:
        return None
    known = known_keys(table, deliverable(table))
    named = found.named_in(delimiter, known) if found.kind in (CSV, EXCEL) else None
    widths = Counter(len(row) for _, row in rows)
    usual = widths.most_common(1)[0][0]
    above = named[0] if named else next(a for a, row in rows if len(row) == usual)
    place = next(i for i, (a, _) in enumerate(rows) if a == above)
    names = [one_line(cell) for cell in rows[place][1]]
    body = [row for _, row in rows[place + 1 :] if len(row) == len(names)]
    values = {
        column: [row[i].strip() for row in body if row[i].strip()]
        for i, column in enumerate(names)
        if column
    }
    columns = {
        column: (ours, share * _fits(table, ours, values[column]))
        for column, (ours, share) in likely_columns(table, deliverable(table), list(values)).items()
    }
    columns = {column: match for column, match in columns.items() if match[1] >= 0.3}
    return _Sample(
        name, table, found.kind, found.encoding, delimiter, share, above, names, values, columns
    )


def _delimiter(found: Opening) -> tuple[str, float]:
    """What parts most lines into equally many fields."""
    best, best_share, best_width = ",", 0.0, 1
    for delimiter in OTHER_DELIMITERS:
        widths = Counter(len(row) for _, row in found.table(delimiter) if row)
        if not widths:
            continue
        width, count = max(widths.items(), key=lambda one: (one[0] > 1, one[1]))
        share = count / widths.total()
        if width > 1 and (share, width) > (best_share, best_width):
            best, best_share, best_width = delimiter, share, width
    return best, best_share


def _fits(table: Table, column: str, values: Sequence[str]) -> float:
    """How well values are of a column's type."""
    types = {c.name: c.type for c in table.columns}
    kind = types.get(column)
    if not values or kind not in (TIMESTAMP, DOUBLE):
        return 1.0
    if kind == TIMESTAMP:
        share = max((_share(values, one) for one in _FORMATS), default=0.0)
        share = max(share, sum(bool(_ISO.fullmatch(v)) for v in values) / len(values))
    else:
        share = sum(_is_number(value) for value in values) / len(values)
    return share


def _is_number(value: str) -> bool:
    plain = re.sub(r"[\s\xa0]", "", value).replace(",", ".")
    return bool(re.fullmatch(r"[+-]?\d*[.]?\d+", plain))


def _share(values: Sequence[str], text_format: str) -> float:
    return sum(_reads(value, text_format) for value in values) / len(values)


def _reads(value: str, text_format: str) -> bool:
    try:
        datetime.strptime(value, text_format)
    except ValueError:
        return False
    return True


def _renames(files: Sequence[LandingFile], samples: Sequence[_Sample]) -> list[str]:
    by_name = {sample.name: sample for sample in samples}
    lines = []
    for file in files:
        sample = by_name.get(file.name)
        if file.table is None and sample is not None:
            name = Path(file.name).name
            lines.append(
                f"# {name} looks like {sample.table.name}: rename it to {sample.table.name}_{name}"
            )
    return lines


def _writing(samples: Sequence[_Sample]) -> list[str]:
    """How the files are written, where it is not the default."""
    lines = []
    texts = [sample for sample in samples if sample.kind == CSV]
    if texts:
        delimiter, share = _most([(s.delimiter, s.delimiter_share) for s in texts])
        if delimiter != ",":
            lines.append(_line(f"delimiter: {json.dumps(delimiter)}", share))
        encoding, share = _most([(s.encoding, 0.9) for s in texts if s.encoding != UTF_8])
        if encoding:
            lines.append(_line(f"encoding: {encoding}", share))
    values = [v for s in samples if s.kind in (CSV, EXCEL) for c in s.values for v in s.values[c]]
    commas = sum(bool(_COMMA.fullmatch(value)) for value in values)
    points = sum(bool(_POINT.fullmatch(value)) for value in values)
    if commas > points:
        lines.append(_line('decimal: ","', commas / (commas + points)))
    return lines + _formats(samples)


def _most(found: Sequence[tuple[str, float]]) -> tuple[str, float]:
    """What most files have, and how sure it is."""
    if not found:
        return "", 0.0
    usual, count = Counter(value for value, _ in found).most_common(1)[0]
    return usual, max(share for value, share in found if value == usual) * count / len(found)


def _formats(samples: Sequence[_Sample]) -> list[str]:
    found: dict[str, float] = {}
    has_iso = False
    for sample in samples:
        times = {c.name for c in sample.table.columns if c.type == TIMESTAMP}
        for column, (ours, _) in sample.columns.items():
            values = sample.values[column]
            if ours not in times or not values:
                continue
            if all(_ISO.fullmatch(value) for value in values):
                has_iso = True
                continue
            for text_format, share in _formats_of(values):
                found[text_format] = min(share, found.get(text_format, 1.0))
    if not found:
        return []
    formats = [*found, *(_ISO_FORMATS if has_iso else ())]
    return [_line(f"timestamp_formats: {json.dumps(formats)}", min(found.values()))]


def _formats_of(values: Sequence[str]) -> list[tuple[str, float]]:
    """Formats that read all values; where day and month could be changed, half as sure."""
    left = list(values)
    found: list[tuple[str, float]] = []
    while left and len(found) < 3:
        shares = [(sum(_reads(v, one) for v in left), one) for one in _FORMATS]
        most, best = max(shares, key=lambda one: one[0])
        if not most:
            break
        others = [one for count, one in shares if count == most and one != best]
        is_unsure = best.startswith("%d/%m") and any(one.startswith("%m/%d") for one in others)
        found.append((best, 0.5 if is_unsure else 1.0))
        left = [value for value in left if not _reads(value, best)]
    read = (len(values) - len(left)) / len(values)
    return [(one, share * read) for one, share in found] if read >= _LEAST else []


def _entity(table: Table, samples: Sequence[_Sample]) -> list[str]:
    lines = [f"  {table.name}:"]
    above = max(sample.above for sample in samples)
    if above:
        lines.append(_line(f"    skip_lines: {above}", 0.8))
    columns: dict[str, tuple[str, float]] = {}
    for sample in samples:
        columns |= sample.columns
    names = list(dict.fromkeys(name for sample in samples for name in sample.names if name))
    renamed = {name: match for name, match in columns.items() if match[0] != name}
    if renamed:
        lines.append("    columns:")
        lines += [
            _line(f"      {_quoted(name)}: {ours}", share)
            for name, (ours, share) in renamed.items()
        ]
    there = {ours for ours, _ in columns.values()}
    price = next((n for n in names if n not in columns and is_unit_price(n)), None)
    multiplied = set()
    is_without_amount = table is RAW_TRANSACTIONS and Columns.AMOUNT not in there
    if is_without_amount and Columns.QUANTITY in there and price is not None:
        multiplied.add(price)
        lines.append("    computed:")
        product = _quoted(f"{Columns.QUANTITY} * {price}")
        lines.append(_line(f"      {Columns.AMOUNT}: {product}", 0.7))
    ignored = [name for name in names if name not in columns and name not in multiplied]
    if ignored:
        shown = ", ".join(_quoted(name) for name in ignored)
        hint = "; what tells of them may be attributes" if table in ATTRIBUTES_OF else ""
        lines.append(
            f"    ignore_columns: [{shown}]  # nothing in the contract is named like it{hint}"
        )
    lacking = [
        column.name
        for column in table.columns
        if column.is_required
        and column.name in deliverable(table)
        and column.name not in there | ({Columns.AMOUNT} if multiplied else set())
        and column.name not in _STAND_IN
    ]
    if lacking:
        lines.append(f"    # lacking and needed: {', '.join(lacking)}")
    return lines if len(lines) > 1 else [f"  {table.name}: {{}}"]


_STAND_IN: Final = {
    Columns.TRANSACTION_ID,
    Columns.QUANTITY,
    Columns.EVENT_ID,
    Columns.REVIEW_ID,
    Columns.PARTNER_ID,
    Columns.PARTNER_NAME,
    Columns.SERVICE_NAME,
}
"""Columns that something stands in for (docs/delivering_files.md)."""


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _line(text: str, share: float) -> str:
    return f"{text}  # {share:.0%}"
