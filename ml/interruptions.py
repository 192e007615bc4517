"""Signals that end a command are remembered: a library may lose the exception that they raise.

Python raises ``KeyboardInterrupt`` wherever the main thread happens to be. In an attribute looked
up from C, a destructor or a callback, that exception is cleared without a word, and the job would
run on as if nobody had pressed Ctrl-C. So the signal is noted as well, and steps look.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Final


class Terminated(BaseException):
    """SIGTERM, turned into an exception so that children end and files are tidied up."""


_ASKED: Final[list[type[BaseException]]] = []


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    _ASKED[:] = [KeyboardInterrupt]
    raise KeyboardInterrupt


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    _ASKED[:] = [Terminated]
    raise Terminated


def listen() -> None:
    """From now on SIGINT and SIGTERM raise, and are remembered; main thread only.

    Where SIGINT is ignored, as in a shell's background jobs, it stays so.
    """
    delivered()
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def delivered() -> None:
    """What was asked for is under way; looking raises nothing more."""
    _ASKED.clear()


def look() -> None:
    """Raise what a signal asked for and somebody lost.

    Raises
    ------
    KeyboardInterrupt, Terminated
        Once for each signal that was not delivered.
    """
    if _ASKED:
        raise _ASKED.pop()
