"""Locks between jobs: one holder at a time, named to whoever waits, gone with its process."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from ml.errors import WarehouseAccessError, WarehouseBusyError
from ml.files import make_folder

JOB_LOCK: Final = "job.lock"
"""Held by whatever writes the warehouse; beside the warehouse."""
RELEASE_LOCK: Final = "release.lock"
"""Held while readers are switched; so a rollback need not wait for a training."""

_PAUSE_SECONDS: Final = 0.1

# A job holds its lock while the steps inside it ask for the same one.
_held: dict[Path, int] = {}


@dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Parameters
    ----------
    pid : int
    host : str
    command : str
        As a person would type it.
    since : str
        ISO 8601, UTC.
    """

    pid: int
    host: str
    command: str
    since: str

    def __str__(self) -> str:
        return f"'{self.command}' (process {self.pid} on {self.host}, since {self.since})"


def this_process() -> Holder:
    """What this process writes into the locks that it holds."""
    # Without what it was given: 'forget' is told a client's id, and this file stays.
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]])
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Holder(os.getpid(), socket.gethostname(), command, since)


def holder_of(path: Path) -> Holder | None:
    """Who wrote the lock file last; whether it still holds is for ``hold`` to find out."""
    try:
        return Holder(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def hold(
    path: Path,
    wait_seconds: float,
    *,
    tell: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Hold a lock, again where this process has it already.

    The system's own lock on the file (``flock``) decides: it ends with its process, however
    that dies, so what a dead process wrote into the file blocks nobody.

    Parameters
    ----------
    path : Path
        The lock file; made where it is missing, and left there.
    wait_seconds : float
        How long to wait for another holder.
    tell : callable, optional
        Told once, in one line, who is waited for.

    Raises
    ------
    WarehouseBusyError
        Still held after ``wait_seconds``; says by whom and since when.
    WarehouseAccessError
        The file cannot be written.
    """
    path = path.resolve()
    if path in _held:
        _held[path] += 1
        try:
            yield
        finally:
            _held[path] -= 1
        return
    make_folder(path.parent)
    try:
        file = path.open("a+")
    except OSError as error:
        raise WarehouseAccessError(
            f"cannot write {path}: {error.strerror}; mend the permissions of {path.parent} or "
            "set CROSS_SELL_WAREHOUSE"
        ) from None
    with file:
        _acquire(file, path, wait_seconds, tell)
        _held[path] = 1
        try:
            yield
        finally:
            del _held[path]


def _acquire(
    file: IO[str], path: Path, wait_seconds: float, tell: Callable[[str], None] | None
) -> None:
    until = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = str(holder_of(path) or "another process")
            if time.monotonic() >= until:
                raise WarehouseBusyError(
                    f"{path.parent} is held by {holder}, and stayed so for {wait_seconds:.0f} s: "
                    "wait for it to end, or wait longer with CROSS_SELL_LOCK_WAIT_SECONDS"
                ) from None
            if tell is not None:
                tell(f"waiting for {holder}")
                tell = None
            time.sleep(_PAUSE_SECONDS)
        else:
            break
    try:
        file.truncate(0)
        json.dump(asdict(this_process()), file)
        file.flush()
    except OSError:
        # Disk full: the lock holds all the same, without a name.
        return
