"""What one check found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Health(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Parameters
    ----------
    area : str
        Part of the installation: ``installation``, ``settings``, ``storage``, ``warehouse``,
        ``runs`` or ``releases``.
    check : str
        What was looked at; unique within its area.
    health : Health
    found : str
        What is there, in one line.
    remedy : str
        What to do; empty where all is well.
    """

    area: str
    check: str
    health: Health
    found: str
    remedy: str = ""

    def to_dict(self) -> dict[str, str]:
        """Plain data for JSON."""
        return {name: str(value) for name, value in asdict(self).items()}


def ok(area: str, check: str, found: str) -> Finding:
    """All is well."""
    return Finding(area, check, Health.OK, found)


def warn(area: str, check: str, found: str, remedy: str) -> Finding:
    """Jobs run, but somebody should look."""
    return Finding(area, check, Health.WARN, found, remedy)


def fail(area: str, check: str, found: str, remedy: str) -> Finding:
    """A job or a reader would fail."""
    return Finding(area, check, Health.FAIL, found, remedy)
