"""What the exit codes of every command mean; README.md and docs/runbook.md say the same."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
REFUSED: Final = 1
INTERRUPTED: Final = 130
TERMINATED: Final = 143

EXIT_CODES: Final = {
    DONE: "done",
    REFUSED: "doctor found something that fails; forget got no yes; or a fault of the program",
    2: "input, an option or a setting is not as it must be; the line says which",
    3: "another process holds the warehouse; the line says who",
    4: "the warehouse or a folder cannot be opened or written",
    5: "a dbt model or test failed",
    6: "a model cannot be used",
    7: "a run failed a check before publishing; readers keep the release they have",
    8: "a long trial (soak) found an error",
    INTERRUPTED: "interrupted: nothing half-written, the last release stays",
    TERMINATED: "terminated: nothing half-written, the last release stays",
}


def told() -> str:
    """All codes for ``--help``, a paragraph each."""
    return "\n\n".join(
        ["Exit codes:", *(f"{code}: {meaning}" for code, meaning in EXIT_CODES.items())]
    )
