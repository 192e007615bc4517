"""Which of a file's columns become which of the contract's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ml.contracts import (
    ATTRIBUTES_OF,
    RAW_CLIENT_ATTRIBUTES,
    RAW_CLIENTS,
    RAW_PARTNERS,
    RAW_REVIEWS,
    RAW_SERVICES,
    RAW_TRANSACTIONS,
    RAW_WEB_EVENTS,
    Columns,
    Table,
)
from ml.sources.files import identity
from ml.sources.files.mapping import Mapping as PartnerMapping
from ml.sources.files.mapping import deliverable
from ml.sources.files.outcome import FileRefusedError
from ml.sources.files.rows import RowBatch
from ml.warehouse import LINE, factor_names

_OWN_IDS: Final = {
    RAW_TRANSACTIONS: Columns.TRANSACTION_ID,
    RAW_WEB_EVENTS: Columns.EVENT_ID,
    RAW_REVIEWS: Columns.REVIEW_ID,
}
"""Keys that a file may lack: its name and the row's line stand in."""

_STAND_INS: Final = {
    RAW_PARTNERS: {Columns.PARTNER_NAME: Columns.PARTNER_ID},
    RAW_SERVICES: {Columns.SERVICE_NAME: Columns.SERVICE_ID},
}
"""Columns that a file may lack, and the columns that stand in for them."""

_KEPT_NAMES: Final = 12


@dataclass(frozen=True)
class ColumnPlan:
    """How rows of a file become rows of the contract, still as text.

    Parameters
    ----------
    table : Table
    sources : mapping of str to str
        The file's column by the contract's (or by e-mail, phone and loyalty id).
    constants : mapping of str to str
        Values of columns that the file lacks.
    values : mapping of str to mapping of str to str
        By the contract's column: the partner's values to the contract's.
    hidden : tuple of str
        The file's columns that are never shown or kept.
    made_id : str or None
        Key column that the file lacks.
    stand_ins : mapping of str to str
        Columns whose blank values another's stand in for.
    normalise : mapping of str to callable
        How e-mail, phone and loyalty id are written before they are hashed.
    secret : bytes or None
    factors : mapping of str to pair of str
        By the contract's column: the two columns whose product it is, each by the contract's name
        or the file's.
    attributes : mapping of str to str
        The file's column by the attribute's name.
    """

    table: Table
    sources: Mapping[str, str]
    constants: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]
    hidden: tuple[str, ...]
    made_id: str | None
    stand_ins: Mapping[str, str]
    normalise: Mapping[str, Callable[[str], str | None]]
    secret: bytes | None
    factors: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)

    def rows(self, batch: RowBatch) -> pa.Table:
        """Rows by the contract's names, with their lines; texts are not yet converted."""
        columns = {}
        for name, source in self.sources.items():
            column = batch.columns.column(source)
            column = replaced(column, self.values.get(name, {}))
            if name in identity.HASHED and self.secret is not None:
                column = identity.hash_column(column, self.normalise[name], self.secret)
            columns[identity.HASHED.get(name, name)] = column
        for name, value in self.constants.items():
            columns[name] = pa.repeat(pa.scalar(value, pa.string()), len(batch.lines))
        for name, pair in self.factors.items():
            texts = [columns[f] if f in columns else batch.columns.column(f) for f in pair]
            columns |= dict(zip(factor_names(name), texts, strict=True))
            # What a rejected row shows.
            columns[name] = pc.binary_join_element_wise(*texts, " * ")
        columns[LINE] = batch.lines
        return pa.table(columns)


def replaced(column: pa.ChunkedArray, values: Mapping[str, str]) -> pa.ChunkedArray | pa.Array:
    """A column of text with the partner's values in the contract's words."""
    if not values:
        return column
    encoded = pc.dictionary_encode(column.combine_chunks())
    replaced = [values.get(text.strip(), text) for text in encoded.dictionary.to_pylist()]
    return pc.take(pa.array(replaced, pa.string()), encoded.indices)


def plan_columns(
    table: Table, names: Sequence[str], mapping: PartnerMapping, partner: str
) -> ColumnPlan:
    """Match a file's columns with the contract's.

    Parameters
    ----------
    table : Table
    names : sequence of str
        The file's columns.
    mapping : PartnerMapping
    partner : str
        The folder's name.

    Raises
    ------
    FileRefusedError
        A column comes twice, is unknown, or is required and lacking.
    """
    entity = mapping.entity(table)
    known = deliverable(table)
    ignored = [name for name in names if name in entity.ignore_columns]
    wanted = [name for name in names if name and name not in entity.ignore_columns]
    _refuse_twice(wanted, "the header names {} twice: rename or drop one")
    multiplied = {name for pair in entity.factors.values() for name in pair}
    attributes = {entity.attributes[name]: name for name in wanted if name in entity.attributes}
    targets = {}
    for name in wanted:
        if name in entity.attributes:
            continue
        target = entity.columns.get(name, name)
        # What is only multiplied need be no column of the contract.
        if name not in multiplied or (target in known and target not in entity.computed):
            targets[name] = target
    unknown = [name for name, target in targets.items() if target not in known]
    if unknown:
        raise FileRefusedError(_unknown(table, wanted, unknown, known))
    if not wanted:
        raise FileRefusedError("it has no column that is wanted: see ignore_columns in mapping.yml")
    _refuse_twice(list(targets.values()), "two columns become {}: ignore one in mapping.yml")
    sources = {target: name for name, target in targets.items()}
    both = [name for name in entity.constants if name in sources]
    if both:
        raise FileRefusedError(
            f"{identity.shown(both)} is a column of the file and a constant of mapping.yml: "
            "ignore the one or drop the other"
        )
    constants = dict(entity.constants)
    if table in (RAW_PARTNERS, RAW_SERVICES) and Columns.PARTNER_ID not in sources:
        constants.setdefault(Columns.PARTNER_ID, partner)
    if table is RAW_TRANSACTIONS and Columns.QUANTITY not in sources:
        constants.setdefault(Columns.QUANTITY, "1")
    for name, stand_in in _STAND_INS.get(table, {}).items():
        if name not in sources and name not in constants:
            if stand_in in sources:
                sources[name] = sources[stand_in]
            elif stand_in in constants:
                constants[name] = constants[stand_in]
    there = {*sources, *constants}
    stand_ins = {n: s for n, s in _STAND_INS.get(table, {}).items() if {n, s} <= there}
    own_id = _OWN_IDS.get(table)
    made_id = own_id if own_id and own_id not in sources and own_id not in constants else None
    factors = {
        name: (
            _factor(name, pair[0], wanted, {*sources, *constants}),
            _factor(name, pair[1], wanted, {*sources, *constants}),
        )
        for name, pair in entity.factors.items()
    }
    both = [name for name in factors if name in sources]
    if both:
        raise FileRefusedError(
            f"{identity.shown(both)} is a column of the file and computed in mapping.yml: "
            "ignore the one or drop the other"
        )
    _refuse_lacking(table, known, {*sources, *constants, *factors, made_id})
    hashed = [name for name in identity.HASHED if name in sources]
    key = identity.secret() if hashed else None
    if hashed and key is None:
        raise FileRefusedError(
            f"{identity.shown(hashed)} must be hashed: set {identity.SECRET} to a secret of "
            f"{identity.SHORTEST_SECRET} characters or more, the same for every load"
        )
    return ColumnPlan(
        table,
        sources,
        constants,
        entity.values,
        (*(sources[name] for name in hashed), *ignored),
        made_id,
        stand_ins,
        _normalisers(mapping),
        key,
        factors,
        attributes,
    )


def _factor(name: str, factor: str, wanted: Sequence[str], ours: Collection[str]) -> str:
    """Where a factor stands: in a column of the contract or, under its own name, of the file."""
    if (factor in ours and factor != name) or factor in wanted:
        return factor
    raise FileRefusedError(
        f"'{name}' is computed in mapping.yml from {identity.shown([factor])}, which is no column "
        f"of it: there are {identity.shown(wanted)}"
    )


def _normalisers(mapping: PartnerMapping) -> dict[str, Callable[[str], str | None]]:
    phone = partial(
        identity.normal_phone,
        country_code=mapping.phone_country_code,
        trunk_prefix=mapping.phone_trunk_prefix,
    )
    functions = (identity.normal_email, phone, identity.normal_loyalty)
    return dict(zip(identity.HASHED, functions, strict=True))


def _refuse_twice(names: Sequence[str], message: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FileRefusedError(message.format(identity.shown(twice)))


def _unknown(
    table: Table, names: Sequence[str], unknown: Sequence[str], known: Sequence[str]
) -> str:
    if len(unknown) == len(names):
        return (
            f"its first line names no column of {table.name} ({identity.shown(unknown)}): does it "
            "lack a header? Else name its columns in mapping.yml"
        )
    declare = ", or declare it under attributes" if table in ATTRIBUTES_OF else ""
    return (
        f"{identity.shown(unknown)}: no such column in {table.name}; rename or ignore it in "
        f"mapping.yml{declare}. There are {', '.join(known[:_KEPT_NAMES])}"
        + (", ..." if len(known) > _KEPT_NAMES else "")
    )


def _refuse_lacking(table: Table, known: Sequence[str], there: set[str | None]) -> None:
    lacking = [c.name for c in table.columns if c.is_required and c.name in known]
    lacking = [name for name in lacking if name not in there]
    if lacking:
        raise FileRefusedError(
            f"it has no column {identity.shown(lacking)}, which {table.name} need: rename one "
            "to it, or set a constant, in mapping.yml"
        )


def holds_people(table: Table) -> bool:
    """Whether rows of a table may tell who a person is."""
    return table in (RAW_CLIENTS, RAW_CLIENT_ATTRIBUTES)
