"""Children that end with their parent, however it ends."""

from __future__ import annotations

import ctypes
import signal
import sys
from typing import Final

_SET_DEATH_SIGNAL: Final = 1


def end_with_parent() -> None:
    """Have the system terminate this process when its parent dies; for ``preexec_fn``.

    A job that is killed cannot end its dbt, which would go on alone and keep the warehouse
    from the next job. Linux only (``prctl(2)``, PR_SET_PDEATHSIG); elsewhere the next job waits.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGTERM)
