"""Run a command and measure what it costs with all its children: time, CPU time, peak memory."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ml.errors import CrossSellError

BYTES_PER_GIB: Final = 2**30
_PROC: Final = Path("/proc")
_EVERY_SECONDS: Final = 0.2
_PATIENCE_SECONDS: Final = 30.0


class CommandFailedError(CrossSellError):
    """A measured command ended with an error or took more memory than allowed."""


@dataclass(frozen=True)
class Usage:
    """What a command cost.

    Parameters
    ----------
    seconds : float
        Wall time.
    cpu_seconds : float
        User and system time of the process and of the children it waited for.
    peak_memory_gib : float
        Largest sum of the resident memory of the process and all below it, sampled five times
        a second. Pages that processes share count for each of them, so it is an upper bound.
        Where the system has no ``/proc``, that of the largest single process.
    """

    seconds: float
    cpu_seconds: float
    peak_memory_gib: float


def run_measured(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    memory_gib: float,
) -> Usage:
    """Run a command to its end.

    Parameters
    ----------
    command : sequence of str
    folder : Path
        To run in.
    environment : mapping of str to str
        All of it.
    log : Path
        Takes what the command prints.
    memory_gib : float
        The process tree is ended when it has more.

    Returns
    -------
    Usage

    Raises
    ------
    CommandFailedError
        With the last line that the command printed; or it took too much memory.
    """
    start, peak = time.perf_counter(), 0
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    is_too_large = False
    try:
        while True:
            # Not Popen.wait, which keeps no account of what the process used.
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
            if done:
                process.returncode = os.waitstatus_to_exitcode(status)
                break
            peak = max(peak, tree_memory(process.pid))
            if peak > memory_gib * BYTES_PER_GIB and not is_too_large:
                is_too_large = True
                process.terminate()
            time.sleep(_EVERY_SECONDS)
    finally:
        if process.returncode is None:
            _end(process)
    seconds = time.perf_counter() - start
    if is_too_large:
        raise CommandFailedError(
            f"took {peak / BYTES_PER_GIB:.1f} GiB and was ended: {memory_gib:g} GiB are allowed "
            "(CROSS_SELL_BENCHMARK__SCALE_MEMORY_GIB)"
        )
    if process.returncode != 0:
        raise CommandFailedError(f"{_last_line(log)} (all it printed: {log})")
    # Not beside samples: a program inherits its parent's largest memory in this figure.
    peak = peak or usage.ru_maxrss * 1024
    return Usage(seconds, usage.ru_utime + usage.ru_stime, peak / BYTES_PER_GIB)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupted: the command must not go on alone. It ends its own children."""
    process.terminate()
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"


def tree_memory(root: int) -> int:
    """Resident memory of a process and all below it, bytes; 0 where it cannot be read."""
    parents: dict[int, int] = {}
    for entry in _PROC.glob("[0-9]*/stat"):
        try:
            # The name, in brackets, may hold anything: what follows the last bracket counts.
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:  # It ended meanwhile.
            continue
        parents[int(entry.parent.name)] = int(fields[1])
    tree, found = {root}, True
    while found:
        below = {child for child, parent in parents.items() if parent in tree} - tree
        tree |= below
        found = bool(below)
    return sum(_resident(process) for process in tree)


def _resident(process: int) -> int:
    try:
        pages = int((_PROC / str(process) / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
