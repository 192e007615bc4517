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
    problem : str or None
        Why it was refused or skipped, and what to do.
    accepted_rows, rejected_rows : Path or None
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
    problem: str | None = None
    accepted_rows: Path | None = None
    rejected_rows: Path | None = None
    content_id: str | None = None

    @property
    def rejected(self) -> int:
        """Rows that were not accepted."""
        return sum(self.reasons.values())
