"""Variables of the environment: which there are, and what a misspelt name likely meant."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import BaseModel

from ml.errors import InputError

PREFIX: Final = "CROSS_SELL_"
DELIMITER: Final = "__"

OTHERS: Final = frozenset(
    f"{PREFIX}{name}"
    for name in (
        "HASH_SECRET",
        "MEMORY_LIMIT",
        "TEMP_DIRECTORY",
        "CONNECT_ATTEMPTS",
        "CHROMIUM",
        "LOG_FORMAT",
    )
)
"""Variables of the environment that are no settings of the jobs."""


def nearest(name: str, known: Iterable[str]) -> str:
    """What a misspelt name was likely meant to be, as the end of a sentence."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f": did you mean {found[0]}?" if found else "."


def given_variables() -> list[str]:
    """Names of this project's variables that are set."""
    return sorted(name for name in os.environ if name.upper().startswith(PREFIX))


def check_environment(settings: type[BaseModel]) -> None:
    """Refuse a variable that nobody reads: what it was to change would stay as it is, in silence.

    Parameters
    ----------
    settings : type
        The jobs' settings; nested ones are read from variables of their own.

    Raises
    ------
    InputError
        Names the variable and the nearest that there is.
    """
    names = (name.upper().replace(".", DELIMITER) for name in setting_names(settings))
    known = OTHERS | {f"{PREFIX}{name}" for name in names}
    for name in given_variables():
        if name.upper() not in known:
            raise InputError(
                f"nobody reads the variable {name}{nearest(name.upper(), known)} "
                "Correct the name or unset it; settings are listed in ml/settings.py"
            )


def setting_names(settings: type[BaseModel]) -> Iterator[str]:
    """Names of all settings, nested ones as ``ncf.dropout``."""
    for name, field in settings.model_fields.items():
        yield name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from (f"{name}.{rest}" for rest in setting_names(field.annotation))
