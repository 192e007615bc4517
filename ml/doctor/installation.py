"""Python, packages and the dbt project."""

from __future__ import annotations

import ctypes
import importlib.util
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from ml.doctor.finding import Finding, fail, ok, warn

AREA: Final = "installation"
ROOT: Final = Path(__file__).resolve().parents[2]
"""The project's root. Not taken from ``ml.settings``, which a broken installation cannot import."""

OLDEST_PYTHON: Final = (3, 11)
_SETUP: Final = "run 'make setup'"
_PARSE_SECONDS: Final = 300
_SHOWN: Final = 4


def check_installation(root: Path = ROOT) -> Iterator[Finding]:
    """Everything that has to be there before any data is.

    Parameters
    ----------
    root : Path
        Folder of ``constraints.txt``, ``profiles.yml`` and ``dbt_project``.
    """
    yield _python()
    yield _packages(root / "constraints.txt")
    yield _torch()
    yield _compiled()
    yield _dbt(root)


def _python() -> Finding:
    found = f"Python {sys.version.split()[0]} in {sys.prefix}"
    if sys.version_info[:2] < OLDEST_PYTHON:
        return fail(AREA, "python", found, "install Python 3.11 or newer and run 'make setup'")
    return ok(AREA, "python", found)


def _packages(constraints: Path) -> Finding:
    """Hold what is installed against what is required, and against what is pinned."""
    missing, unfit = _required()
    if missing or unfit:
        return fail(AREA, "packages", _listed([*missing, *unfit]), _SETUP)
    if not constraints.is_file():
        return ok(AREA, "packages", "all required; no constraints.txt to compare with")
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", constraints.read_text(), re.MULTILINE))
    other = [
        f"{name} is {there}, pinned {pin}"
        for name, pin in pins.items()
        if (there := _version(name)) is not None and there.split("+")[0] != pin.split("+")[0]
    ]
    if other:
        return warn(AREA, "packages", _listed(other), f"{_SETUP} to have the tested versions")
    return ok(AREA, "packages", f"{len(pins)} pinned versions hold")


def _required() -> tuple[list[str], list[str]]:
    """Requirements of the project that are not installed, and those of another version."""
    missing, unfit = [], []
    for text in requires("cross-sell") or ():
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        there = _version(requirement.name)
        if there is None:
            missing.append(f"{requirement.name} is not installed")
        elif not requirement.specifier.contains(there, prereleases=True):
            unfit.append(f"{requirement.name} is {there}, needed {requirement.specifier}")
    return missing, unfit


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _listed(problems: list[str]) -> str:
    rest = f" (and {len(problems) - _SHOWN} more)" if len(problems) > _SHOWN else ""
    return "; ".join(problems[:_SHOWN]) + rest


def _torch() -> Finding:
    there = _version("torch")
    if there is None:
        return fail(AREA, "torch", "not installed", _SETUP)
    package = importlib.util.find_spec("torch")
    folders = None if package is None else package.submodule_search_locations
    try:
        # What is compiled alone: to import all of it takes seconds.
        ctypes.CDLL(str(Path(folders[0] if folders else "") / "lib" / "libtorch.so"))
    except OSError as error:
        return fail(AREA, "torch", f"cannot be loaded: {error}", _SETUP)
    _, _, build = there.partition("+")
    kind = "CPU build" if build in ("", "cpu") else f"build for {build}"
    return ok(AREA, "torch", f"{there}: {kind}")


def _compiled() -> Finding:
    """Whether the compiled half of lightfm is there: it is built while installing."""
    package = importlib.util.find_spec("lightfm")
    # Found as a file: to ask for it by its full name would import the whole package.
    folders = None if package is None else package.submodule_search_locations
    if folders is None or PathFinder.find_spec("_lightfm_fast", folders) is None:
        return fail(
            AREA, "lightfm", "its compiled part is missing", "install gcc, then run 'make setup'"
        )
    return ok(AREA, "lightfm", "compiled part found")


def _dbt(root: Path) -> Finding:
    """Whether dbt can parse the project; needs no warehouse.

    Parsing takes seconds, so a parse that dbt kept after the project's last change counts.
    """
    project = root / "dbt_project"
    target = os.environ.get("DBT_TARGET_PATH") if root == ROOT else None
    kept = Path(target or project / "target") / "partial_parse.msgpack"
    if kept.is_file() and kept.stat().st_mtime > _changed_at(root):
        return ok(AREA, "dbt project", "parses: nothing has changed since dbt last did")
    dbt = Path(sys.executable).with_name("dbt")
    with tempfile.TemporaryDirectory(prefix="cross-sell-doctor-") as folder:
        command = [str(dbt), "--quiet", "--no-use-colors", "parse", "--project-dir", str(project)]
        command += ["--profiles-dir", str(root), "--target-path", f"{folder}/target"]
        command += ["--log-path", f"{folder}/logs"]
        try:
            result = subprocess.run(
                command, cwd=root, capture_output=True, text=True, timeout=_PARSE_SECONDS
            )
        except (FileNotFoundError, PermissionError):
            return fail(AREA, "dbt project", f"{dbt} cannot be run", _SETUP)
        except subprocess.TimeoutExpired:
            return fail(
                AREA,
                "dbt project",
                f"not parsed within {_PARSE_SECONDS} s",
                "run 'dbt parse --project-dir dbt_project'",
            )
    if result.returncode != 0:
        return fail(
            AREA,
            "dbt project",
            f"dbt cannot parse it: {_telling(result.stdout + result.stderr)}",
            "mend what dbt names; 'dbt parse --project-dir dbt_project' says it in full",
        )
    return ok(AREA, "dbt project", "parses")


def _changed_at(root: Path) -> float:
    """When a file of the dbt project was last changed, added or removed."""
    project = root / "dbt_project"
    parts = [root / "profiles.yml", *project.glob("*.yml")]
    for name in ("models", "macros", "tests", "snapshots"):
        # A folder changes when a file in it comes or goes.
        parts += [project / name, *(project / name).rglob("*")]
    return max((part.stat().st_mtime for part in parts if part.exists()), default=math.inf)


def _telling(output: str) -> str:
    """The lines of dbt's output that say what is wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [
        line
        for line in lines
        if not line.endswith(("Error", "error:")) and "Encountered an error" not in line
    ]
    return " | ".join((telling or lines or ["no message"])[:2])
