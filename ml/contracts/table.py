"""What a contract is: columns, their portable types, and a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

STRING: Final = pa.string()
INT: Final = pa.int32()
BIGINT: Final = pa.int64()
DOUBLE: Final = pa.float64()
BOOLEAN: Final = pa.bool_()
TIMESTAMP: Final = pa.timestamp("us")
DATE: Final = pa.date32()


@dataclass(frozen=True)
class Column:
    """One column of a contract.

    Parameters
    ----------
    name : str
        Column name in the warehouse.
    type : pyarrow.DataType
        One of the portable types above.
    is_required : bool, default True
        Whether every row must have a value.
    """

    name: str
    type: pa.DataType
    is_required: bool = True

    @property
    def is_id(self) -> bool:
        """Whether its values name something and are never counted with."""
        return self.type == STRING and self.name.endswith("_id")

    @property
    def is_hash(self) -> bool:
        """Whether its values are keyed hashes of what tells who a person is."""
        return self.type == STRING and self.name.endswith("_hash")


@dataclass(frozen=True)
class Table:
    """A table that both sides of the border agree on.

    Parameters
    ----------
    schema_name, name : str
        Where the table is in the warehouse.
    columns : tuple of Column
        In order.
    key : tuple of str
        Columns that together are unique and never null.
    """

    schema_name: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def arrow_schema(self) -> pa.Schema:
        """Arrow schema with the contract's nullability."""
        return pa.schema(
            [pa.field(c.name, c.type, nullable=not c.is_required) for c in self.columns]
        )

    @property
    def column_names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(c.name for c in self.columns)

    @property
    def qualified_name(self) -> str:
        """``schema.table``, as a person would write it."""
        return f"{self.schema_name}.{self.name}"


def optional(name: str, type_: pa.DataType) -> Column:
    """Make a column that may be empty."""
    return Column(name, type_, is_required=False)


def constant(value: str, count: int) -> pa.DictionaryArray:
    """The same text so many times, at a byte each.

    Examples
    --------
    >>> constant("a", 3).to_pylist()
    ['a', 'a', 'a']
    """
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int8()), count), [value])


def arrow_table(table: Table, columns: Mapping[str, Any]) -> pa.Table:
    """Rows of a contracted table from their columns.

    Parameters
    ----------
    table : Table
    columns : mapping of str to sequence
        Values by column name; Arrow columns are cast to the contract's type, dictionaries stay.

    Returns
    -------
    pyarrow.Table
        In the contract's columns and types, in order.
    """
    arrays = [_as_contracted(columns[c.name], c.type) for c in table.columns]
    return pa.table(arrays, names=list(table.column_names))


def _as_contracted(column: Any, type_: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if isinstance(column, pa.DictionaryArray):
        return column
    return column.cast(type_) if isinstance(column, pa.ChunkedArray) else pa.array(column, type_)
