"""What stands beside every figure of money: its currency, and whether its margin is assumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ml.contracts import DIM_SERVICES_MONEY, Columns, Table
from ml.report import numbers
from ml.warehouse import Connection, existing_columns, read_table


@dataclass(frozen=True)
class Money:
    """How amounts are to be read.

    Parameters
    ----------
    currency : str or None
        As the var ``currency`` names it.
    are_margins_assumed : bool
        No partner states a margin: all are the share of the price that a var assumes.
    """

    currency: str | None = None
    are_margins_assumed: bool = False

    def shown(self, value: float | None) -> str:
        """An amount of margin with all that belongs to it."""
        text = numbers.money(value)
        if text == numbers.NOTHING:
            return text
        return text + (f" {self.currency}" if self.currency else "") + self._assumed

    def heading(self, what: str) -> str:
        """The title of a column or an axis of margins, whose cells are bare numbers."""
        return what + (f", {self.currency}" if self.currency else "") + self._assumed

    @property
    def terms(self) -> str:
        """All of it in a sentence."""
        currency = self.currency or "the programme's currency"
        if not self.are_margins_assumed:
            return f"Money is in {currency}, at each service's margin."
        return (
            f"Money is in {currency}, at assumed margins: no partner states one, so each is the"
            " share of the price that the var default_margin_rate says."
        )

    @property
    def _assumed(self) -> str:
        return " (margin assumed)" if self.are_margins_assumed else ""


UNKNOWN: Final = Money()
"""What a release of an earlier version tells of it."""


def read_money(
    connection: Connection, place: Callable[[Table], Table] = lambda table: table
) -> Money:
    """Read it from the services; a release of an earlier version does not tell.

    Parameters
    ----------
    connection : Connection
    place : callable
        Says where the table is; the warehouse's own place by default.
    """
    table = place(DIM_SERVICES_MONEY)
    if not set(table.column_names) <= existing_columns(connection, table).keys():
        return UNKNOWN
    rows = read_table(connection, table)
    currencies = [value for value in rows.column(Columns.CURRENCY).unique().to_pylist() if value]
    is_assumed = rows.column(Columns.IS_MARGIN_ASSUMED).to_pylist()
    return Money(currencies[0] if currencies else None, bool(is_assumed) and all(is_assumed))
