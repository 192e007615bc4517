"""Attributes of clients and services: columns of a file become rows of a table of their own."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from ml.contracts import ATTRIBUTES_OF, Columns, Table
from ml.sources.files.columns import ColumnPlan, replaced
from ml.warehouse import LINE, Converter, Incoming, TextFormat


class AttributeReader:
    """Makes one row per accepted row and attribute, blank values included.

    A value that is blank now takes the place of one that an earlier file stated.

    Parameters
    ----------
    plan : ColumnPlan
        With at least one attribute.
    text_format : TextFormat
        How numbers are written.
    """

    def __init__(self, plan: ColumnPlan, text_format: TextFormat) -> None:
        self._attributes: Mapping[str, str] = plan.attributes
        self._values = plan.values
        self._of: Table = plan.table
        incoming = Incoming([Columns.VALUE, Columns.VALUE_NUMBER])
        self._converter = Converter(ATTRIBUTES_OF[plan.table], incoming, text_format)

    def close(self) -> None:
        """Let the engine go."""
        self._converter.close()

    def rows(self, accepted: pa.Table, texts: pa.Table) -> pa.Table:
        """Rows of the attributes' table.

        Parameters
        ----------
        accepted : pyarrow.Table
            Converted rows, with their lines.
        texts : pyarrow.Table
            The same rows by the file's names.
        """
        own = [n for n in (*self._of.key, Columns.UPDATED_AT) if n in accepted.column_names]
        parts = []
        for attribute, source in self._attributes.items():
            column = replaced(texts.column(source), self._values.get(attribute, {}))
            text = pc.utf8_trim_whitespace(column)
            typed = self._converter.convert(
                pa.table(
                    {Columns.VALUE: text, Columns.VALUE_NUMBER: text, LINE: accepted.column(LINE)}
                )
            )
            parts.append(
                pa.table(
                    {
                        **{name: accepted.column(name) for name in own},
                        Columns.ATTRIBUTE: pa.repeat(pa.scalar(attribute), len(accepted)),
                        Columns.VALUE: typed.column(Columns.VALUE),
                        Columns.VALUE_NUMBER: typed.column(Columns.VALUE_NUMBER),
                        Columns.SOURCE_LINE: accepted.column(LINE),
                    }
                )
            )
        return pa.concat_tables(parts)
