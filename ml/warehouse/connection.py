"""Open the warehouse file: wait for its lock, and say clearly why it cannot be opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import duckdb
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from ml.errors import InputError, WarehouseAccessError, WarehouseBusyError

Connection: TypeAlias = duckdb.DuckDBPyConnection

_LOCK_MESSAGE = re.compile(r"[Cc]ould not set lock|[Cc]onflicting lock")
_HOLDER = re.compile(r"in (\S+)? ?\(PID (\d+)\)")


class _LockedError(Exception):
    """The file is held by another process; worth another try."""


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _holder(message: str) -> str:
    found = _HOLDER.search(message)
    if not found:
        return "another process"
    program = Path(found.group(1)).name if found.group(1) else "a process"
    return f"{program} (process {found.group(2)})"


def _open(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        connection = duckdb.connect(path, read_only=read_only)
    except duckdb.IOException as error:
        if _LOCK_MESSAGE.search(str(error)):
            raise _LockedError(str(error)) from None
        raise
    # Timestamps are naive UTC everywhere; the machine's zone must not matter.
    connection.execute("set TimeZone = 'UTC'")
    return connection


def _refuse_unusable(path: Path, read_only: bool) -> None:
    if path.is_dir():
        raise WarehouseAccessError(
            f"{path} is a folder, not a DuckDB file: set CROSS_SELL_WAREHOUSE"
        )
    if read_only and not path.exists():
        raise InputError(
            f"there is no warehouse at {path}: run 'make train', or 'cross-sell load' first"
        )
    if not read_only:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WarehouseAccessError(f"cannot create {path.parent}: {error.strerror}") from None
        target = path if path.exists() else path.parent
        if not os.access(target, os.W_OK):
            raise WarehouseAccessError(
                f"cannot write {path}: no permission to write {target}; "
                "mend its permissions or set CROSS_SELL_WAREHOUSE"
            )


@contextmanager
def connect(
    path: Path, *, read_only: bool, wait_seconds: float
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for a short while.

    A DuckDB file takes one writing process or many reading ones, so whoever opens it
    closes it soon; a job that finds it held tries again for ``wait_seconds``.

    Parameters
    ----------
    path : Path
        The DuckDB file; created (with its folder) when opened for writing.
    read_only : bool
    wait_seconds : float

    Yields
    ------
    duckdb.DuckDBPyConnection

    Raises
    ------
    InputError
        There is no such file to read.
    WarehouseBusyError
        Still held after ``wait_seconds``; the message names the holder.
    WarehouseAccessError
        No permission, no DuckDB file, or a file of an unknown version.
    """
    _refuse_unusable(path, read_only)
    try:
        for attempt in Retrying(
            retry=retry_if_exception_type(_LockedError),
            stop=stop_after_delay(wait_seconds),
            wait=wait_random_exponential(multiplier=0.1, max=1.0),
            reraise=True,
        ):
            with attempt:
                connection = _open(path, read_only)
    except _LockedError as error:
        raise WarehouseBusyError(
            f"{path} is held by {_holder(str(error))} and stayed so for {wait_seconds:.0f} s: "
            "close it there, or wait longer with CROSS_SELL_LOCK_WAIT_SECONDS"
        ) from None
    except (duckdb.Error, OSError) as error:
        raise WarehouseAccessError(f"cannot open {path}: {_first_line(error)}") from None
    try:
        yield connection
    except duckdb.Error as error:
        # Disk full, a damaged file, a broken key: the engine's own words say which.
        raise WarehouseAccessError(f"{path}: {_first_line(error)}") from error
    finally:
        connection.close()
