"""Folders, disk space, and what interrupted jobs left."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ml.doctor.finding import Finding, fail, ok, warn
from ml.releases import RELEASES
from ml.settings import Settings
from ml.transform import DBT_PROJECT

AREA: Final = "storage"
_MIB: Final = 1 << 20
LEAST_FREE: Final = 256 * _MIB
"""Below this a job is likely to fail half-way."""
COMFORTABLE: Final = 1024 * _MIB
"""A small world's needs; a larger warehouse wants twice its own size."""
_OLD_SECONDS: Final = 3600.0


def check_storage(settings: Settings) -> Iterator[Finding]:
    """Whether the jobs can write what they have to."""
    yield _writable("warehouse folder", settings.folder)
    for name, variable in (("target", "DBT_TARGET_PATH"), ("logs", "DBT_LOG_PATH")):
        yield _writable(f"dbt {name}", Path(os.environ.get(variable, DBT_PROJECT / name)))
    yield _space(settings)
    yield _leftovers(settings)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next((path for path in (folder, *folder.parents) if path.exists()), folder)


def _writable(check: str, folder: Path) -> Finding:
    there = _existing(folder)
    try:
        # Permissions alone do not tell: the file system may be read-only, or full.
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"x")
    except OSError as error:
        return fail(
            AREA,
            check,
            f"{there} cannot be written: {error.strerror}",
            f"mend its permissions, or choose another folder ({_named(check)})",
        )
    return ok(AREA, check, f"{folder} can be written")


def _named(check: str) -> str:
    if check.startswith("dbt"):
        return f"DBT_{check.split()[1].removesuffix('s').upper()}_PATH"
    return "CROSS_SELL_WAREHOUSE"


def _space(settings: Settings) -> Finding:
    try:
        free = shutil.disk_usage(_existing(settings.folder)).free
        size = settings.warehouse_file.stat().st_size if settings.warehouse_file.exists() else 0
    except OSError as error:
        return fail(AREA, "disk space", f"unknown: {error.strerror}", "look at the folder's disk")
    found = f"{free / _MIB:,.0f} MiB free; the warehouse has {size / _MIB:,.0f} MiB"
    remedy = "free space, keep fewer releases and models (releases_kept, models_kept), or move it"
    if free < LEAST_FREE:
        return fail(AREA, "disk space", found, remedy)
    if free < max(COMFORTABLE, 2 * size):
        return warn(AREA, "disk space", found, remedy)
    return ok(AREA, "disk space", found)


def _leftovers(settings: Settings) -> Finding:
    """What a killed job left: harmless, and mostly tidied up by the next one."""
    before = time.time() - _OLD_SECONDS
    folder = settings.folder
    found = [
        path
        for pattern in (f"{RELEASES}/.unfinished-*", ".*.*", f"{settings.warehouse_file.name}.tmp")
        for path in folder.glob(pattern)
        if path.name != ".gitkeep" and _modified(path) < before
    ]
    if found:
        names = ", ".join(sorted(path.name for path in found)[:5])
        return warn(
            AREA,
            "leftovers",
            f"{len(found)} of jobs that were killed: {names}",
            f"while no job runs, delete them from {folder}",
        )
    return ok(AREA, "leftovers", "none")


def _modified(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return time.time()
