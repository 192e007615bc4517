"""Licences of every installed package that is pinned: ``python -m ml.licences`` prints them."""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata, requires
from typing import Final

from packaging.requirements import Requirement

_LONGEST: Final = 60
_CLASSIFIER: Final = "License :: "
_UNKNOWN: Final = "not stated"


def licence_of(name: str) -> str:
    """What a package states of its licence: expression, classifiers, or a short text.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        It is not installed.
    """
    about = metadata(name)
    if "License-Expression" in about:
        return about["License-Expression"]
    classifiers = [
        text.removeprefix(_CLASSIFIER).split(" :: ")[-1]
        for text in about.get_all("Classifier") or []
        if text.startswith(_CLASSIFIER)
    ]
    if classifiers:
        return ", ".join(classifiers)
    text = about["License"].strip() if "License" in about else ""
    # Some put the whole text there: its first line names it.
    return text.splitlines()[0][:_LONGEST] if text else _UNKNOWN


def needed_packages(root: str = "cross-sell") -> list[str]:
    """Installed packages that the project needs to run, and what these need in turn."""
    found: dict[str, str] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            found[key] = str(metadata(name)["Name"])
        except PackageNotFoundError:
            continue
        for text in requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return [found[key] for key in sorted(found)]


def licence_table() -> str:
    """All of them as a page of Markdown."""
    rows = [
        f"| {name} | {metadata(name)['Version']} | {licence_of(name).replace('|', '/')} |"
        for name in needed_packages()
    ]
    return "\n".join(
        [
            "# Licences",
            "",
            "What the packages that the project needs to run state of themselves, as pinned.",
            "`make audit` writes this page anew. Tools for development are left out.",
            "",
            "| package | version | licence |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    sys.stdout.write(licence_table())
