"""What became of a landing file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LOADED: Final = "loaded"
REFUSED: Final = "refused"
UNCHANGED: Final = "unchanged"
SKIPPED: Final = "skipped"


class FileRefusedError(Exception):
    """A file that is not taken; the text says why and what to do."""


@dataclass
class Warned:
    """Values of an optional column that could not be read.

    Parameters
    ----------
    reason : str
        One word for counting.
    line : int
        Of the first of them.
    count : int
    """

    reason: str
    line: int
    count: int = 0


@dataclass
class FileOutcome:
    """What became of a landing file.

    Parameters
    ----------
    name : str
        Path relative to the landing folder.
    partner : str or None
        Folder name; None where the file lies in no partner's folder.
    kind : str
        Which of the contract's tables it fills; empty where its name does not say.
    status : str
        ``loaded``, ``refused``, ``unchanged`` or ``skipped`` (known under another name).
    sha256 : str or None
        Of content, mapping, partner and table.
    size : int
        Bytes.
    read, accepted : int
        Rows; the others were rejected.
    reasons : collections.Counter
        Rejected rows by reason.
    first_rejected : str
        Line, and the column or what else was found there.
    warned : int
        Accepted rows of which an optional value could not be read and is null.
    warnings : dict of str to Warned
        Why, by column.
    notes : list of str
        How it was read where nothing states it, and what else a person should know of its values.
    problem : str or None
        Why it was refused or skipped, and what to do.
    is_held : bool
        Whether it was refused for what the partner's other files show.
    accepted_rows, rejected_rows, attribute_rows : Path or None
        Where its rows are staged.
    content_id : str or None
        Key column that is made of what the rows say.
    """

    name: str
    partner: str | None
    kind: str
    status: str = LOADED
    sha256: str | None = None
    size: int = 0
    read: int = 0
    accepted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first_rejected: str = ""
    warned: int = 0
    warnings: dict[str, Warned] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problem: str | None = None
    is_held: bool = False
    accepted_rows: Path | None = None
    rejected_rows: Path | None = None
    attribute_rows: Path | None = None
    content_id: str | None = None

    @property
    def rejected(self) -> int:
        """Rows that were not accepted."""
        return sum(self.reasons.values())

    @property
    def told_warnings(self) -> str | None:
        """The values that could not be read, in one line; None: there are none."""
        told = [
            f"{one.count:,} {one.reason} in {name} (first in line {one.line:,})"
            for name, one in self.warnings.items()
        ]
        return ", ".join(told) or None
