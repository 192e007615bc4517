"""What all commands share: consoles, common options, errors turned into exit codes."""

from __future__ import annotations

import functools
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, Final, ParamSpec, TypeVar

import typer
from rich.console import Console

from ml import logs
from ml.errors import CrossSellError
from ml.exit_codes import DONE, INTERRUPTED, REFUSED, TERMINATED

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
        logs.bind(command=function.__name__)
        logs.info("started")
        start, code = time.perf_counter(), REFUSED
        try:
            result = function(*args, **kwargs)
            code = DONE
            return result
        except typer.Exit as end:
            code = end.exit_code
            raise
        except CrossSellError as error:
            code = error.exit_code
            _tell("error", str(error))
        except KeyboardInterrupt:
            code = INTERRUPTED
            _tell("interrupted", _UNTOUCHED)
        except Terminated:
            code = TERMINATED
            _tell("terminated", _UNTOUCHED)
        except Exception as error:
            if not logs.is_json():
                raise
            logs.crash(error)
        finally:
            logs.info("finished", exit_code=code, seconds=time.perf_counter() - start)
        raise typer.Exit(code) from None

    return wrapped


def _tell(event: str, text: str) -> None:
    if logs.is_json():
        logs.error(event, message=text)
    else:
        err.print(f"[bold red]{event}:[/bold red] {_plain(text)}", soft_wrap=True)


_UNTOUCHED: Final = (
    "the step under way left nothing half-written, and the last release stays readable; "
    "run the same command again"
)


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
