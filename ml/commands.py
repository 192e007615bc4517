"""What all commands share: consoles, common options, errors turned into exit codes."""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, Final, ParamSpec, TypeVar

import typer
from rich.console import Console

from ml.errors import CrossSellError

EXIT_INTERRUPTED: Final = 130
EXIT_TERMINATED: Final = 143

# A log has no width of its own: lines stay whole there.
_LOG_WIDTH: Final = 100
out = Console(highlight=False, width=None if sys.stdout.isatty() else _LOG_WIDTH)
err = Console(stderr=True, highlight=False)

P = ParamSpec("P")
R = TypeVar("R")

WarehouseOption = Annotated[
    Path | None,
    typer.Option("--warehouse", help="DuckDB file; default warehouse/warehouse.duckdb."),
]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Of everything random; default 42.")]


class Terminated(BaseException):
    """SIGTERM, turned into an exception so that children end and files are tidied up."""


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Say a user's errors in one line and turn them into exit codes."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        signal.signal(signal.SIGTERM, _terminate)
        try:
            return function(*args, **kwargs)
        except CrossSellError as error:
            err.print(f"[bold red]error:[/bold red] {_plain(str(error))}", soft_wrap=True)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            err.print("[bold red]interrupted:[/bold red] " + _UNTOUCHED, soft_wrap=True)
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except Terminated:
            err.print("[bold red]terminated:[/bold red] " + _UNTOUCHED, soft_wrap=True)
            raise typer.Exit(EXIT_TERMINATED) from None

    return wrapped


_UNTOUCHED: Final = (
    "the step under way left nothing half-written, and the last release stays readable; "
    "run the same command again"
)


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
