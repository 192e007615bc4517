"""What ``cross-sell run --data`` takes: real or made-up data, or partners' files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ml.errors import InputError
from ml.loading import SOURCES, load_source, loaded_transactions
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
        A source of ``ml.loading``, ``simulated``, or the landing folder's name.
    folder : Path or None
        The landing folder; None: not from files.
    """

    name: str
    folder: Path | None = None

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
        No such source and no such folder.
    """
    names = (*SOURCES, SIMULATED)
    if text in names:
        return Data(text)
    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise InputError(
            f"unknown data '{text}': there are {', '.join(names)}, "
            "and any landing folder by its path"
        )
    return Data(folder.resolve().name, folder)


def load(data: Data, settings: Settings, progress: Progress, *, reload: bool) -> str | None:
    """Fill the raw tables, unless they are filled already; of a folder, load what is new.

    Returns
    -------
    str or None
        What is to be told at the end of the run: files that were refused.

    Raises
    ------
    InputError
        The source lacks something.
    """
    if data.folder is not None:
        return _load_folder(data.folder, settings, progress)
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
    return None


def _load_folder(folder: Path, settings: Settings, progress: Progress) -> str | None:
    from ml.sources.files.load import load_files
    from ml.sources.files.report import print_outcomes, told_refusals

    outcomes = load_files(settings, folder, progress)
    print_outcomes(progress.console, outcomes, is_check=False)
    problem = told_refusals(outcomes, "the run is complete without them")
    if problem is not None and not loaded_transactions(settings):
        raise InputError(
            problem.replace("the run is complete without them", "nothing is there yet")
        )
    return problem
