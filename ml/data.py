"""What ``cross-sell run --data`` takes: the real data, or a simulated world."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ml.errors import InputError
from ml.loading import load_source, loaded_transactions
from ml.progress import Progress
from ml.settings import Settings

COMPLETE_JOURNEY: Final = "complete-journey"
SIMULATED: Final = "simulated"


@dataclass(frozen=True)
class Data:
    """Where a whole run's raw tables come from.

    Parameters
    ----------
    name : str
        ``complete-journey`` or ``simulated``.
    """

    name: str

    @property
    def warehouse(self) -> Path | None:
        """Its own file where no other is set: worlds do not mix. None for the default file."""
        if self.name == COMPLETE_JOURNEY:
            return None
        return Path("warehouse") / self.name / "warehouse.duckdb"


def parse_data(text: str) -> Data:
    """Read what the user wrote.

    Raises
    ------
    InputError
        No such source.
    """
    if text not in (COMPLETE_JOURNEY, SIMULATED):
        raise InputError(f"unknown data '{text}': there are {COMPLETE_JOURNEY} and {SIMULATED}")
    return Data(text)


def load(data: Data, settings: Settings, progress: Progress, *, reload: bool) -> None:
    """Fill the raw tables, unless they are filled already.

    Raises
    ------
    InputError
        The source lacks something.
    """
    loaded = 0 if reload else loaded_transactions(settings)
    if loaded:
        progress.console.print(
            f"[dim]raw tables are loaded ({loaded:,} transactions): kept; "
            f"'cross-sell run --reload' loads {data.name} again[/dim]"
        )
    elif data.name == SIMULATED:
        from ml.sources.simulated.load import load_simulated

        load_simulated(settings, progress)
    else:
        load_source(settings, data.name, progress)
