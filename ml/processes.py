"""Children that end with their parent, however it ends, and the memory that a process has had."""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_SET_DEATH_SIGNAL: Final = 1
_EVERY_SECONDS: Final = 0.1


def end_with_parent() -> None:
    """Have the system terminate this process when its parent dies; for ``preexec_fn``.

    A job that is killed cannot end its dbt, which would go on alone and keep the warehouse
    from the next job. Linux only (``prctl(2)``, PR_SET_PDEATHSIG); elsewhere the next job waits.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGTERM)


def peak_memory_mib(process: int | None = None) -> float | None:
    """Largest resident memory that a process has had, MiB (VmHWM in ``/proc/<pid>/status``).

    Parameters
    ----------
    process : int, optional
        Its id; by default this one.

    Returns
    -------
    float or None
        None where it cannot be told: the process has ended, or the system has no ``/proc``.
    """
    try:
        text = Path(f"/proc/{process or 'self'}/status").read_text()
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return None


class MemoryWatch(threading.Thread):
    """Watches a child's peak memory until it ends; a context manager around its run.

    What the system tells after the end (``ru_maxrss``) is no use: a program inherits the largest
    memory of the process that started it. The mark in ``/proc`` begins anew with the program, and
    ends with it, so it is read ten times a second; it never falls, so only what is taken in the
    very last moment can be missed.

    Parameters
    ----------
    process : int
        Of a child that runs its own program already.
    """

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._ended = threading.Event()
        self.peak_mib = peak_memory_mib(process)

    def run(self) -> None:
        """Look until the context ends."""
        while not self._ended.wait(_EVERY_SECONDS):
            self.peak_mib = peak_memory_mib(self._process) or self.peak_mib

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self.join()
