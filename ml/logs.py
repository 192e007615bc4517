"""What a job does, one JSON object per line, for whoever collects logs.

Lines go to stderr; what a command was asked for (tables, figures, a client's offers) stays on
stdout. Without ``--log-format json`` nothing is written here, and people get their own output.

Every line has ``time`` (ISO 8601, UTC), ``level`` and ``event``; further fields are named as in
``ml.run_steps``. docs/runbook.md lists the events.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

_LOGGER: Final = logging.getLogger("cross_sell")
_FIELDS: Final = "cross_sell_fields"


class LogFormat(StrEnum):
    """How what a job does is told."""

    TEXT = "text"
    JSON = "json"


class _State:
    """What is set once per process."""

    is_json = False
    bound: dict[str, object] = {}  # noqa: RUF012


class _JsonLines(logging.Formatter):
    """One object per record, also of records that other packages make."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
        }
        fields: dict[str, object] | None = getattr(record, _FIELDS, None)
        if fields is None:
            line |= {"event": "message", "logger": record.name, "message": record.getMessage()}
        else:
            line |= {"event": record.getMessage(), **_State.bound, **fields}
        return json.dumps(line, ensure_ascii=False, default=str)


def set_up(log_format: LogFormat) -> None:
    """Choose the format for this process.

    Parameters
    ----------
    log_format : LogFormat
        With ``json``, warnings of Python and of other packages become lines too.
    """
    _State.is_json = log_format is LogFormat.JSON
    if not _State.is_json:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.getLogger().handlers = [handler]
    logging.getLogger().setLevel(logging.WARNING)
    _LOGGER.setLevel(logging.INFO)
    logging.captureWarnings(True)


def is_json() -> bool:
    """Whether lines are written; then steps need not be told to people as well."""
    return _State.is_json


def bind(**fields: object) -> None:
    """Give every later line these fields (``command``, ``run_id``)."""
    _State.bound.update(fields)


def info(event: str, **fields: Any) -> None:
    """Write a line about the ordinary course."""
    _write(logging.INFO, event, fields)


def warning(event: str, **fields: Any) -> None:
    """Write a line about what somebody should look at."""
    _write(logging.WARNING, event, fields)


def error(event: str, **fields: Any) -> None:
    """Write a line about what went wrong."""
    _write(logging.ERROR, event, fields)


def crash(problem: BaseException) -> None:
    """Write a line about an error that nobody foresaw, with where it came from."""
    where = "".join(traceback.format_exception(problem))
    _write(logging.CRITICAL, "crashed", {"message": repr(problem), "traceback": where})


def _write(level: int, event: str, fields: dict[str, Any]) -> None:
    if _State.is_json:
        rounded = {k: round(v, 3) if isinstance(v, float) else v for k, v in fields.items()}
        _LOGGER.log(level, event, extra={_FIELDS: rounded})
