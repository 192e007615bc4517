"""Data that is there is measured; data that is not is told, and stops nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from rich.markup import escape

from ml.errors import InputError
from ml.progress import Progress
from ml.settings import Settings

Data = TypeVar("Data")


def available(
    sources: Mapping[str, Callable[[Settings, Progress], Data]],
    settings: Settings,
    progress: Progress,
) -> Iterator[tuple[str, Data]]:
    """Make each source's data, one after the other.

    Parameters
    ----------
    sources : mapping of str to callable
        Raises an InputError where its data is not there.
    settings : Settings
    progress : Progress

    Yields
    ------
    name : str
    data

    Raises
    ------
    InputError
        The last source's, where none has data.
    """
    count = 0
    missing: InputError | None = None
    for name, source in sources.items():
        try:
            data = source(settings, progress)
        except InputError as error:
            missing = error
            progress.console.print(
                f"[yellow]{name} is left out:[/yellow] {escape(str(error))}", soft_wrap=True
            )
            continue
        count += 1
        yield name, data
    if missing is not None and not count:
        raise missing
