"""What was judged and what was switched, kept in the warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa

from ml.contracts import RELEASE_CHECKS, RELEASE_EVENTS, RUNS, Columns, Table, arrow_table
from ml.errors import InputError
from ml.gates.checks import FORCED, Check
from ml.releases import read_events
from ml.settings import Settings
from ml.warehouse import Connection, append_tables, connect, read_table


def record_checks(settings: Settings, run_id: str, checks: Sequence[Check]) -> None:
    """Keep a judgement, and the switches that the warehouse has not heard of yet."""
    checked_at = datetime.now(UTC).replace(tzinfo=None)
    rows = arrow_table(
        RELEASE_CHECKS,
        {
            Columns.RUN_ID: [run_id] * len(checks),
            Columns.CHECKED_AT: [checked_at] * len(checks),
            Columns.CHECK_NAME: [check.name for check in checks],
            Columns.VALUE: [check.value for check in checks],
            Columns.BOUND: [check.bound for check in checks],
            Columns.IS_PASSED: [check.is_passed for check in checks],
            Columns.DETAIL: [check.detail for check in checks],
        },
    )
    _append(settings, [(RELEASE_CHECKS, rows)], settings.lock_wait_seconds)


def record_events(settings: Settings, wait_seconds: float) -> None:
    """Bring the switches of readers into the warehouse.

    Raises
    ------
    WarehouseBusyError
        Held for longer than ``wait_seconds``; the next publish brings them.
    """
    _append(settings, [], wait_seconds)


def force(settings: Settings, run_id: str) -> None:
    """Let a run pass whatever its checks say; a person's decision, kept as a row.

    Raises
    ------
    InputError
        There is no such run.
    """
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        if not len(read_table(connection, RUNS, where={Columns.RUN_ID: run_id})):
            raise InputError(f"there is no run {run_id}: cross_sell.run_history lists them")
    record_checks(settings, run_id, [forced()])


def was_forced(connection: Connection, run_id: str) -> bool:
    """Whether a person has let this run pass before."""
    where = {Columns.RUN_ID: run_id, Columns.CHECK_NAME: FORCED}
    return len(read_table(connection, RELEASE_CHECKS, where=where)) > 0


def forced() -> Check:
    """The check that a person has passed."""
    return Check(FORCED, True, "a person had it published whatever its checks say")


def _append(settings: Settings, tables: list[tuple[Table, pa.Table]], wait_seconds: float) -> None:
    with connect(settings.warehouse_file, read_only=False, wait_seconds=wait_seconds) as connection:
        known = set(read_table(connection, RELEASE_EVENTS).column(Columns.HAPPENED_AT).to_pylist())
        events = [event for event in read_events(settings) if event.happened_at not in known]
        rows = arrow_table(
            RELEASE_EVENTS,
            {
                Columns.HAPPENED_AT: [event.happened_at for event in events],
                Columns.EVENT_KIND: [event.event for event in events],
                Columns.RELEASE_ID: [event.release_id for event in events],
                Columns.RUN_ID: [event.run_id for event in events],
                Columns.PREVIOUS_RELEASE_ID: [event.previous_release_id for event in events],
            },
        )
        append_tables(connection, [*tables, (RELEASE_EVENTS, rows)])
