"""What all commands share: consoles, common options, errors turned into exit codes."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from ml import interruptions, logs
from ml.errors import CrossSellError
from ml.exit_codes import DONE, INTERRUPTED, REFUSED, TERMINATED

if TYPE_CHECKING:
    from ml.settings import Settings

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
DataOption = Annotated[
    str,
    typer.Option(
        help="complete-journey; in their own warehouses: simulated, wholesaler, insurer, "
        "or a landing folder."
    ),
]
ResumeOption = Annotated[
    bool | None,
    typer.Option(
        "--resume/--no-resume",
        help="Whether to go on where a killed training of the same data left off; default yes.",
    ),
]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Of everything random; default 42.")]


_claims = ExitStack()


def load_settings(*, is_tuned: bool = True, **overrides: object) -> Settings:
    """As ``ml.settings``, whose import takes torch along: not before a command needs it."""
    from ml.settings import load_settings as load

    return load(is_tuned=is_tuned, **overrides)


def claimed(settings: Settings) -> Settings:
    """The same settings, once no other job writes their warehouse; held until this process ends."""
    from ml.locks import JOB_LOCK, hold

    def tell(text: str) -> None:
        out.print(f"[dim]{escape(text)}[/dim]", soft_wrap=True)

    _claims.enter_context(hold(settings.folder / JOB_LOCK, settings.lock_wait_seconds, tell=tell))
    return settings


def is_sure(question: str) -> bool:
    """Ask; no answer, as from a job without a terminal, is a no."""
    try:
        return typer.confirm(question)
    except typer.Abort:
        out.print("")
        return False


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Say a user's errors in one line and turn them into exit codes."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        interruptions.listen()
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
        except interruptions.Terminated:
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
