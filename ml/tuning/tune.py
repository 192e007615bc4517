"""The job behind ``cross-sell tune``: search, and save what beats the defaults."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import mean
from typing import Final

from rich.console import Console
from rich.table import Table as RichTable

from ml import contracts
from ml.dataset import Fold
from ml.errors import InputError, ModelError, WarehouseAccessError, WarehouseBusyError
from ml.files import make_folder
from ml.marts import read_folds
from ml.progress import Progress
from ml.report.summary import shown
from ml.settings import Settings
from ml.trials import CHAMPION_METRIC
from ml.tuning.saved import TUNED_FILE, Provenance, Tuned, read_tuned, write_tuned
from ml.tuning.search import TUNING_FOLDER, Search
from ml.tuning.space import SPACES
from ml.versions import package_versions

LOCK_FILE: Final = "lock"


@dataclass(frozen=True)
class Found:
    """What the search for one model has come to.

    Parameters
    ----------
    search : Search
    tuned : Tuned or None
        None where nothing beats the defaults.
    """

    search: Search
    tuned: Tuned | None


def read_validation(settings: Settings, progress: Progress) -> Fold:
    """The validation fold of the built marts: all that tuning ever looks at."""
    with progress.step("read marts") as step:
        return read_folds(settings, step)[1][contracts.FOLD_VALIDATION]


def tune(
    settings: Settings, progress: Progress, models: Sequence[str], trials: int, minutes: float
) -> list[Found]:
    """Search for each model's settings and save those that beat the defaults.

    Parameters
    ----------
    settings : Settings
        Without what an earlier search saved.
    progress : Progress
    models : sequence of str
    trials : int
        Finished trials per model, earlier ones on the same data included.
    minutes : float
        Per model.

    Returns
    -------
    list of Found
        In the order of ``models``.

    Raises
    ------
    ModelError
        A model that has nothing to tune.
    InputError
        Marts that are missing, or a storage of trials that cannot be read.
    WarehouseBusyError
        Another tuning runs on the same warehouse.
    """
    for name in models:
        if name not in SPACES:
            raise ModelError(f"'{name}' has nothing to tune; there are {', '.join(SPACES)}")
    with tuning_alone(settings):
        fold = read_validation(settings, progress)
        found = []
        for name in models:
            search = Search(name, settings, fold)
            if search.finished:
                progress.console.print(
                    f"[dim]{name}: {len(search.finished)} trials on this data are kept[/dim]"
                )
            search.run(trials, minutes, progress)
            found.append(Found(search, _better(search, settings)))
            _save(settings, name, found[-1].tuned)
    return found


@contextmanager
def tuning_alone(settings: Settings) -> Iterator[None]:
    """Hold the lock on a warehouse's trials; the system gives it back however a process ends.

    Raises
    ------
    WarehouseBusyError
        Another process holds it.
    WarehouseAccessError
        The folder cannot be written.
    """
    folder = settings.folder / TUNING_FOLDER
    make_folder(folder)
    try:
        file = (folder / LOCK_FILE).open("w")
    except OSError as error:
        raise WarehouseAccessError(f"cannot write {folder}: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WarehouseBusyError(
                f"another tuning holds {folder}: wait for it, or stop it and tune again"
            ) from None
        yield


def _better(search: Search, settings: Settings) -> Tuned | None:
    """The best trial's settings, where they beat the defaults with the same seed."""
    best, default = search.best, search.default
    if best is None or default is None or best.value <= default.value:
        return None
    return Tuned(
        parameters=dict(best.parameters),
        provenance=Provenance(
            study=search.study_name,
            trial=best.number,
            trials=len(search.finished),
            metric=CHAMPION_METRIC,
            value=best.value,
            default_value=default.value,
            seed=settings.seed,
            data=search.data,
            saved_at=datetime.now(UTC).replace(microsecond=0, tzinfo=None),
            package_versions=package_versions(),
        ),
    )


def _save(settings: Settings, name: str, tuned: Tuned | None) -> None:
    """Replace one model's part of the file; what does not beat the defaults goes."""
    try:
        kept = read_tuned(settings.folder)
    except InputError:
        kept = {}  # Nothing to keep of a file that cannot be read.
    kept.pop(name, None)
    write_tuned(settings.folder, kept if tuned is None else {**kept, name: tuned})


def print_found(console: Console, settings: Settings, found: Sequence[Found]) -> None:
    """Print what tuning came to, and what happens next.

    Parameters
    ----------
    console : rich.console.Console
    settings : Settings
    found : sequence of Found
    """
    table = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("model")
    for heading in (
        f"{CHAMPION_METRIC}\ndefaults", "\nbest", "auc\nmean", "\nbest", "\nworst",
        "trials\ncompleted", "\npruned",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    for one in found:
        search = one.search
        best, default, completed = search.best, search.default, search.completed
        if best is None or default is None:
            continue
        aucs = [run.auc for run in completed]
        table.add_row(
            search.name,
            *(f"{x:.4f}" for x in (default.value, best.value, mean(aucs), max(aucs), min(aucs))),
            str(len(completed)),
            str(len(search.finished) - len(completed)),
        )
    console.print()
    console.print(table)
    console.print("[dim]On the validation fold; the test fold was not read.[/dim]")
    saved = [one.search.name for one in found if one.tuned is not None]
    for one in found:
        if one.tuned is None:
            console.print(f"{one.search.name}: nothing beats the defaults, which stay.")
    if saved:
        console.print(
            f"Saved [bold]{shown(settings.folder / TUNED_FILE)}[/bold] ({', '.join(saved)}): "
            "[bold]make train[/bold] uses it.",
            soft_wrap=True,
        )
