"""Keep forgotten clients out of what was written past the loaders."""

from __future__ import annotations

from ml.progress import Progress
from ml.settings import Settings
from ml.warehouse import connect
from ml.warehouse.forgetting import has_forgotten, keep_forgotten_out


def close_gate(settings: Settings, progress: Progress) -> None:
    """Take out again who was forgotten; does nothing where nobody was.

    ``cross-sell load`` does it within its own transaction. This is for raw tables that were
    written by other means, and for a training that read the client before it was erased.
    """
    if not settings.warehouse_file.exists():
        return
    wait = settings.lock_wait_seconds
    with connect(settings.warehouse_file, read_only=True, wait_seconds=wait) as connection:
        if not has_forgotten(connection):
            return
    with (
        progress.step("keep forgotten clients out") as step,
        connect(settings.warehouse_file, read_only=False, wait_seconds=wait) as connection,
    ):
        connection.execute("begin transaction")
        try:
            erased = keep_forgotten_out(connection, is_everywhere=True)
            connection.execute("commit")
        except BaseException:
            connection.execute("rollback")
            raise
        step.outcome = f"{sum(erased.rows.values()):,} rows"
