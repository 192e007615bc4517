"""Who holds a file's lock, asked of the system without taking the lock."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FLOCK: Final = "hhqqi4x"
"""``struct flock`` of 64-bit Linux: type, whence, start, length, process."""


@dataclass(frozen=True)
class Holder:
    """A process that has a file open under a lock.

    Parameters
    ----------
    process_id : int
    program : str
        Its command line, shortened; empty where the system does not tell.
    is_writer : bool
    """

    process_id: int
    program: str
    is_writer: bool

    def __str__(self) -> str:
        return f"{self.program or 'a process'} (process {self.process_id})"


def holder_of(path: Path) -> Holder | None:
    """The first process whose lock would keep a writer out; None where there is none.

    Systems that do not answer the question (it is asked as Linux wants it) look like nobody:
    opening the file then still tells.
    """
    try:
        import fcntl

        with path.open("rb+") as file:
            asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, _, _, _, process_id = struct.unpack(
                _FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked)
            )
    except (ImportError, OSError, struct.error):
        return None
    if kind == fcntl.F_UNLCK or process_id <= 0:
        return None
    return Holder(process_id, _program(process_id), kind == fcntl.F_WRLCK)


def _program(process_id: int) -> str:
    try:
        words = Path(f"/proc/{process_id}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return ""
    return " ".join([Path(words[0]).name, *words[1:4]]).strip()[:80]
