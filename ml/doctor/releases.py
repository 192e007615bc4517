"""What readers have: the current release, its files, and the catalog that shows them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ml import contracts
from ml.contracts import Columns, Table
from ml.doctor.finding import Finding, fail, ok, warn
from ml.errors import CrossSellError
from ml.releases import CURRENT, MANIFEST, RELEASES
from ml.settings import Settings
from ml.warehouse import SERVING, connect, count_rows, is_made_for

AREA: Final = "releases"
_PUBLISH: Final = "run 'cross-sell publish'"


@dataclass(frozen=True)
class _Manifest:
    release_id: str
    run_id: str
    row_counts: dict[str, int]


def check_releases(settings: Settings, completed_run: str | None) -> Iterator[Finding]:
    """Whether readers get whole, current tables.

    Parameters
    ----------
    settings : Settings
    completed_run : str or None
        The latest completed run, where the warehouse could be read.
    """
    releases = settings.folder / RELEASES
    kept = sorted(p.name for p in releases.glob("[!.]*") if p.is_dir())
    current = settings.folder / CURRENT
    if not kept and not current.is_symlink():
        yield warn(AREA, "current", "nothing is published yet", "run 'cross-sell run'")
        return
    if not current.exists():
        state = "points at a release that is gone" if current.is_symlink() else "is missing"
        yield fail(AREA, "current", f"{current} {state}", _PUBLISH)
        return
    try:
        manifest = _read_manifest(current / MANIFEST)
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield fail(AREA, "current", f"its {MANIFEST} cannot be read ({error})", _PUBLISH)
        return
    found = f"{manifest.release_id} of run {manifest.run_id}; {len(kept)} kept"
    if completed_run is not None and manifest.run_id != completed_run:
        yield warn(AREA, "current", f"{found}; the latest run is {completed_run}", _PUBLISH)
    else:
        yield ok(AREA, "current", found)
    yield _files(current.resolve(), manifest)
    yield _personal([releases / name for name in kept])
    yield _catalog(settings, manifest)


def _read_manifest(path: Path) -> _Manifest:
    content = json.loads(path.read_text())
    return _Manifest(
        str(content[Columns.RELEASE_ID]), str(content[Columns.RUN_ID]), dict(content["row_counts"])
    )


def _files(folder: Path, manifest: _Manifest) -> Finding:
    """Whether every file of the release is there and has the rows that its manifest says."""
    problems = []
    for name, count in manifest.row_counts.items():
        path = folder / f"{name}.parquet"
        try:
            there = pq.read_metadata(path).num_rows
        except FileNotFoundError:
            problems.append(f"{path.name} is missing")
        except (pa.ArrowException, OSError):
            problems.append(f"{path.name} cannot be read as Parquet")
        else:
            if there != count:
                problems.append(f"{path.name} has {there:,} rows, its manifest says {count:,}")
    if problems:
        return fail(AREA, "files", "; ".join(problems[:3]), _PUBLISH)
    lacking = {name for _, name in contracts.PUBLISHED} - set(manifest.row_counts)
    if lacking:
        return warn(AREA, "files", f"made before there was {', '.join(sorted(lacking))}", _PUBLISH)
    return ok(AREA, "files", f"{len(manifest.row_counts)} tables, whole")


def _personal(kept: list[Path]) -> Finding:
    """Whether a release tells more of a person than ids; earlier versions of this did."""
    found = set()
    for path in (path for folder in kept for path in folder.glob("*.parquet")):
        try:
            columns = contracts.PERSONAL_COLUMNS & set(pq.read_schema(path).names)
        except (pa.ArrowException, OSError):
            continue
        if columns:
            found.add(f"{path.parent.name}/{path.name} has {', '.join(sorted(columns)[:3])}")
    if found:
        return warn(
            AREA,
            "personal fields",
            "; ".join(sorted(found)[:2]),
            f"{_PUBLISH} until that release is pruned, or delete its folder",
        )
    return ok(AREA, "personal fields", "none beyond ids")


def _catalog(settings: Settings, manifest: _Manifest) -> Finding:
    """Whether readers' catalog opens, and shows the rows of the current release."""
    path = settings.folder / SERVING
    if not path.exists():
        return fail(AREA, "serving", f"{path} is missing", _PUBLISH)
    try:
        with connect(path, read_only=True, wait_seconds=0) as connection:
            shown = {
                name: count_rows(connection, Table("main", name, (), ()))
                for name in manifest.row_counts
            }
    except CrossSellError as error:
        return fail(AREA, "serving", str(error), _PUBLISH)
    other = [name for name, count in manifest.row_counts.items() if shown[name] != count]
    if other:
        return fail(
            AREA,
            "serving",
            f"shows another release of {', '.join(other[:3])}",
            f"{_PUBLISH}, unless one runs right now",
        )
    if not is_made_for(settings.folder):
        return warn(
            AREA,
            "serving",
            f"{path} was made for another folder: who attaches it, or has a temp_directory of "
            "their own, cannot read it here",
            "run 'cross-sell releases --relocate'",
        )
    return ok(AREA, "serving", f"{path} opens")
