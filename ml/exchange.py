"""Two names of a folder change places at once."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Final

_RELATIVE_TO_WORKING_FOLDER: Final = -100
_EXCHANGE: Final = 2


def exchange(first: Path, second: Path) -> None:
    """Swap two paths of one file system, whatever they are; both exist at every moment.

    Linux alone can do that (``renameat2(2)``, RENAME_EXCHANGE). Elsewhere, and on file systems that
    cannot, it takes three renames, and ``first`` is missing for some microseconds.

    Parameters
    ----------
    first, second : Path

    Raises
    ------
    OSError
        One of them is missing, or a folder cannot be written.
    """
    if sys.platform.startswith("linux"):
        swap = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
        here = _RELATIVE_TO_WORKING_FOLDER
        if swap and swap(here, os.fsencode(first), here, os.fsencode(second), _EXCHANGE) == 0:
            return
    aside = second.with_name(f"{second.name}.aside")
    first.rename(aside)
    second.rename(first)
    aside.rename(second)
