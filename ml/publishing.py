"""Releases for readers: Parquet files, switched to at one moment, and a catalog that shows them.

Layout, in the warehouse's folder::

    releases/<release>/<table>.parquet   what one release holds, and manifest.json
    live/<table>/<moment>.parquet        the same files, by the moment from which they count
    current -> releases/<release>        for readers of plain Parquet
    serving.duckdb                       views over live/; opens with DuckDB 1.1 and later

A new release is put into ``live/`` shortly before its moment; a query that starts after that
moment reads it, in all tables. Then the one before it is retired: its files in ``live/`` become
links, which queries under way can still open and new ones no longer see. Readers never open
the file that dbt and the jobs write, so neither waits for the other.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ml import contracts
from ml.contracts import Columns
from ml.errors import InputError, WarehouseAccessError
from ml.progress import RunningStep
from ml.settings import Settings
from ml.warehouse import connect, read_table
from ml.warehouse.releases import copy_to_parquet, snapshot, write_catalog

RELEASES: Final = "releases"
CURRENT: Final = "current"
LIVE: Final = "live"
SERVING: Final = "serving.duckdb"
MANIFEST: Final = "manifest.json"
_UNFINISHED: Final = ".unfinished-"
# Longer than any publish takes: a younger folder may belong to one that still runs.
_ABANDONED_AFTER_SECONDS: Final = 3600.0


@dataclass(frozen=True)
class Release:
    """A published set of tables.

    Parameters
    ----------
    release_id : str
        Sorts by time.
    folder : Path
    run_id : str
        The training run that its scores come from.
    row_counts : dict of str to int
        By table.
    """

    release_id: str
    folder: Path
    run_id: str
    row_counts: dict[str, int]


def publish(settings: Settings, step: RunningStep) -> Release:
    """Make a release of the published marts and switch readers to it.

    Parameters
    ----------
    settings : Settings
    step : RunningStep

    Returns
    -------
    Release

    Raises
    ------
    InputError
        There are no offers yet, or offers of more than one run.
    WarehouseBusyError, WarehouseAccessError
        The warehouse is held, or the folder cannot be written.
    """
    releases = settings.folder / RELEASES
    release_id = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    unfinished = releases / f"{_UNFINISHED}{release_id}"
    try:
        unfinished.mkdir(parents=True)
        try:
            run_id, row_counts = _export(settings, unfinished, step)
            release = Release(release_id, releases / release_id, run_id, row_counts)
            _write_manifest(release, unfinished)
            unfinished.rename(release.folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        moment = _put_live(settings, release)
        _show(settings.folder)
        step.update("switching readers")
        _sleep_until(moment)
        _switch(settings.folder, release)
        _sleep_until(moment + settings.publish_lead_seconds)
        _retire(settings.folder)
        _prune(settings)
    except OSError as error:
        raise WarehouseAccessError(
            f"cannot write the release in {releases}: {error.strerror}; the last one stays"
        ) from None
    step.outcome = f"{row_counts[contracts.CROSS_SELL_SCORES.name]:,} offers"
    return release


def _export(settings: Settings, folder: Path, step: RunningStep) -> tuple[str, dict[str, int]]:
    with (
        connect(
            settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
        ) as connection,
        snapshot(connection),
    ):
        scores = read_table(connection, contracts.CROSS_SELL_SCORES)
        run_ids = scores.column(Columns.RUN_ID).unique().to_pylist()
        if not run_ids:
            raise InputError(
                "nothing to publish: no offers yet; run 'cross-sell train', then 'cross-sell build'"
            )
        if len(run_ids) > 1:
            raise InputError(
                f"{contracts.CROSS_SELL_SCORES.qualified_name} mixes the runs "
                f"{', '.join(sorted(run_ids))}: run 'cross-sell build'"
            )
        counts = {}
        for schema_name, name in contracts.PUBLISHED:
            step.update(name)
            counts[name] = copy_to_parquet(connection, schema_name, name, _parquet(folder, name))
    return run_ids[0], counts


def _parquet(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"


def _write_manifest(release: Release, folder: Path) -> None:
    manifest = {
        "release_id": release.release_id,
        Columns.RUN_ID: release.run_id,
        "row_counts": release.row_counts,
    }
    with (folder / MANIFEST).open("w") as file:
        json.dump(manifest, file, indent=2)
        file.flush()
        os.fsync(file.fileno())


def _put_live(settings: Settings, release: Release) -> float:
    """Put a release's files where the views list them; return the moment they count from.

    The first release counts at once: there is none to take over from.
    """
    folder = settings.folder
    is_first = not any((folder / LIVE).glob("*/*.parquet"))
    lead = 0.0 if is_first else settings.publish_lead_seconds
    while True:
        moment = time.time() + lead
        files = {
            _live_file(folder, name, moment): _parquet(release.folder, name)
            for _, name in contracts.PUBLISHED
        }
        for live, source in files.items():
            live.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(source, live)
        if is_first or time.time() < moment - lead / 2:
            return moment
        # The machine stalled: tables might come to count one after another. Once more. A query
        # may have listed these files already, so they stay to be opened.
        for live, source in files.items():
            _unlist(live, source)
        lead *= 2


def _live_file(folder: Path, name: str, moment: float) -> Path:
    return folder / LIVE / name / f"{int(moment * 1e6)}.parquet"


def _link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; on a file system without hard links, a copy, whole at once."""
    try:
        target.hardlink_to(source)
    except OSError:
        partial = target.with_suffix(".partial")
        shutil.copyfile(source, partial)
        partial.replace(target)


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))


def _switch(folder: Path, release: Release) -> None:
    """Point ``current`` at the release; renaming over a link is atomic."""
    link = folder / f".{CURRENT}.{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(Path(RELEASES) / release.release_id)
    link.replace(folder / CURRENT)


def _show(folder: Path) -> None:
    write_catalog(folder / SERVING, {name: folder / LIVE / name for _, name in contracts.PUBLISHED})


def _retire(folder: Path) -> None:
    """Turn all but the newest file of each table into a link to where it also is."""
    releases = {path.stat().st_ino: path for path in (folder / RELEASES).glob("[!.]*/*.parquet")}
    for table in (folder / LIVE).iterdir():
        listed = sorted(path for path in table.glob("*.parquet") if not path.is_symlink())
        for path in listed[:-1]:
            source = releases.get(path.stat().st_ino)
            if source is None:
                path.unlink()
                continue
            _unlist(path, source)


def _unlist(path: Path, source: Path) -> None:
    """Turn a listed file into a link to the same file of its release.

    A view's ``**`` no longer lists it; a query that has listed it can still open it.
    """
    link = path.with_suffix(f".{os.getpid()}")
    link.unlink(missing_ok=True)
    link.symlink_to(Path("..", "..", RELEASES, source.parent.name, source.name))
    link.replace(path)


def _prune(settings: Settings) -> None:
    """Remove all but the newest releases; what a killed publish left goes too."""
    releases = settings.folder / RELEASES
    finished = sorted(path for path in releases.iterdir() if not path.name.startswith(_UNFINISHED))
    current = (settings.folder / CURRENT).resolve()
    for path in finished[: -settings.releases_kept]:
        if path != current:
            shutil.rmtree(path, ignore_errors=True)
    for path in (settings.folder / LIVE).glob("*/*"):
        if path.is_symlink() and not path.exists():
            path.unlink()
    abandoned = time.time() - _ABANDONED_AFTER_SECONDS
    for path in releases.glob(f"{_UNFINISHED}*"):
        if path.stat().st_mtime < abandoned:
            shutil.rmtree(path, ignore_errors=True)
