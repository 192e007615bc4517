"""The vars of the dbt project: a name in its file that nobody reads is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import yaml

from ml.environment import nearest
from ml.errors import InputError

PROJECT_FILE: Final = "dbt_project.yml"
KNOWN_VARS_FILE: Final = Path("macros", "known_vars.sql")
_LIST: Final = re.compile(r"return\((.*?)\) *\}\}", re.DOTALL)


def known_vars(project: Path) -> set[str]:
    """Names that the project reads, as the macros ``known_vars`` and ``measured_with`` list."""
    text = (project / KNOWN_VARS_FILE).read_text(encoding="utf-8")
    return {name for names in _LIST.findall(text) for name in re.findall(r"'(\w+)'", names)}


def check_vars(project: Path) -> None:
    """Refuse a var of the project's file that nobody reads; dbt itself would take it in silence.

    Parameters
    ----------
    project : Path
        The dbt project's folder.

    Raises
    ------
    InputError
        Names the var and the nearest that there is.
    """
    content = yaml.safe_load((project / PROJECT_FILE).read_text(encoding="utf-8"))
    known = known_vars(project)
    for name in content.get("vars") or {}:
        if name not in known:
            raise InputError(
                f"{PROJECT_FILE}: there is no var '{name}'{nearest(str(name), known)} "
                "Correct the name, or remove it"
            )
