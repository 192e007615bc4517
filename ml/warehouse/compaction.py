"""Write the warehouse anew: what was deleted leaves no bytes behind."""

from __future__ import annotations

import os
from pathlib import Path

from ml.errors import WarehouseAccessError
from ml.warehouse.connection import connect
from ml.warehouse.tables import quoted

_MEMORY = "2GB"


def compact(path: Path, wait_seconds: float) -> tuple[int, int]:
    """Copy everything into a fresh file that takes the old one's place at once.

    Parameters
    ----------
    path : Path
        The warehouse; held for writing meanwhile.
    wait_seconds : float
        How long to wait for it.

    Returns
    -------
    (int, int)
        Bytes before and after.

    Raises
    ------
    WarehouseBusyError, WarehouseAccessError
        It cannot be opened, or there is no room for a second copy; the old file stays.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    before = path.stat().st_size
    try:
        with connect(path, read_only=False, wait_seconds=wait_seconds) as connection:
            connection.execute(f"set memory_limit = '{_MEMORY}'")
            [(name,)] = connection.execute("select current_database()").fetchall()
            connection.execute("attach '" + str(fresh).replace("'", "''") + "' as fresh")
            connection.execute(f"copy from database {quoted(name)} to fresh")
            connection.execute("detach fresh")
            # Nothing may be left to write when the old file closes: its name is then the new one's.
            connection.execute("checkpoint")
            with fresh.open("rb") as file:
                os.fsync(file.fileno())
            fresh.replace(path)
    except OSError as error:
        raise WarehouseAccessError(f"cannot write {path}: {error.strerror}") from None
    finally:
        for left in (fresh, fresh.with_name(f"{fresh.name}.wal")):
            left.unlink(missing_ok=True)
    return before, path.stat().st_size
