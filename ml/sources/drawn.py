"""From drawn sales to raw tables: a partner who delivers transactions and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.contracts import RAW_TRANSACTIONS, Columns, Table, arrow_table
from ml.contracts.table import constant

ENDS_AT: Final = datetime(2024, 12, 10)
"""End of the drawn history, UTC; in the last weeks before Christmas."""

_MICROSECONDS_PER_DAY: Final = 86_400_000_000


@dataclass(frozen=True)
class Sales:
    """Lines of invoices or contracts, in any order.

    Parameters
    ----------
    partner : str
        Whose they are, and whose numbers.
    clients, services : ndarray of int64, (n,)
        Numbers of buyers and of what they bought.
    days : ndarray of float64, (n,)
        When, in days before the end of the history; above zero.
    amounts : ndarray of float64, (n,)
    """

    partner: str
    clients: npt.NDArray[np.int64]
    services: npt.NDArray[np.int64]
    days: npt.NDArray[np.float64]
    amounts: npt.NDArray[np.float64]

    def tables(self) -> Iterator[tuple[Table, pa.Table]]:
        """The raw tables: clients, services and partners are left to be derived."""
        n = len(self.clients)
        moments = np.datetime64(ENDS_AT, "us") - np.ceil(self.days * _MICROSECONDS_PER_DAY).astype(
            "timedelta64[us]"
        )
        nothing = {
            column.name: pa.nulls(n, column.type)
            for column in RAW_TRANSACTIONS.columns
            if not column.is_required
        }
        yield (
            RAW_TRANSACTIONS,
            arrow_table(
                RAW_TRANSACTIONS,
                {
                    **nothing,
                    Columns.SOURCE_PARTNER_ID: constant(self.partner, n),
                    Columns.TRANSACTION_ID: [f"{line:07d}" for line in range(n)],
                    Columns.CLIENT_ID: [f"C{number:05d}" for number in self.clients.tolist()],
                    Columns.SERVICE_ID: [f"S{number:04d}" for number in self.services.tolist()],
                    Columns.QUANTITY: np.ones(n),
                    Columns.AMOUNT: self.amounts,
                    Columns.TRANSACTED_AT: moments,
                    Columns.LOADED_AT: pa.repeat(pa.scalar(ENDS_AT, pa.timestamp("us")), n),
                },
            ),
        )
