"""Which runs their checks kept from readers."""

from __future__ import annotations

from typing import Final

from ml.contracts import RUNS_JUDGED, Columns
from ml.warehouse import Connection, read_table_if_there

REJECTED: Final = "rejected"


def rejected_runs(connection: Connection) -> set[str]:
    """Ids of the runs that are rejected now."""
    judged = read_table_if_there(connection, RUNS_JUDGED, where={Columns.STATUS: REJECTED})
    return set(judged.column(Columns.RUN_ID).to_pylist())
