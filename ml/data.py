"""What ``cross-sell run --data`` takes: a source by name, or a folder of partners' files."""

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
        ``complete-journey``, ``simulated``, or the folder as the user wrote it.
    folder : Path, optional
        The landing folder; None for the two sources by name.
    """

    name: str
    folder: Path | None = None

    @property
    def warehouse(self) -> Path | None:
        """Its own file where no other is set: worlds do not mix. None for the default file."""
        if self.name == COMPLETE_JOURNEY:
            return None
        label = self.name if self.folder is None else self.folder.resolve().name
        return Path("warehouse") / label / "warehouse.duckdb"


def parse_data(text: str) -> Data:
    """Read what the user wrote.

    Raises
    ------
    InputError
        Neither a source nor a folder.
    """
    if text in (COMPLETE_JOURNEY, SIMULATED):
        return Data(text)
    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise InputError(
            f"'{text}' is no source ({COMPLETE_JOURNEY}, {SIMULATED}) and no folder: "
            "give a landing folder with one folder per partner"
        )
    return Data(text, folder)


def load(data: Data, settings: Settings, progress: Progress, *, reload: bool) -> None:
    """Fill the raw tables, unless a source by name has filled them already.

    A landing folder is always looked at: files that are loaded already change nothing.

    Raises
    ------
    InputError
        The source lacks something, or a file is refused.
    """
    if data.folder is not None:
        from ml.sources.files.load import load_files  # type: ignore[import-untyped]

        load_files(settings, data.folder, progress)
        return
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
