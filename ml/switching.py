"""Switch readers to a release at one moment, and clear away what no reader can need.

A release is put into ``live/`` shortly before its moment; a query that starts after that
moment reads it, in all tables. Then the one before it is retired: its folders in ``live/`` become
links, through which queries under way still open its files and which new ones do not look into.
Readers never open the file that dbt and the jobs write, so neither waits for the other.

One file decides for all tables: the score table's, which is put in place last. A process that
dies before that leaves files that no view looks at.
"""

from __future__ import annotations

import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

from ml import contracts
from ml.exchange import exchange
from ml.progress import RunningStep
from ml.releases import (
    CURRENT,
    LIVE,
    PUBLISHED_EVENT,
    RELEASES,
    REMOVED,
    UNFINISHED,
    Event,
    Release,
    append_event,
    current_release,
    kept_releases,
    parquet_file,
    read_events,
    read_release,
)
from ml.settings import Settings
from ml.warehouse.releases import SERVING, write_catalog

_DECIDING = contracts.CROSS_SELL_SCORES.name
_SPARE = ".spare-"
_RETIRED = ".retired"


def switch_readers(settings: Settings, release: Release, event: str, step: RunningStep) -> None:
    """Let readers see a release from one moment on; the caller holds the release lock.

    Parameters
    ----------
    settings : Settings
    release : Release
        Whole and in its place.
    event : str
        What this is: ``published`` or ``rolled_back``.
    step : RunningStep
    """
    previous = current_release(settings)
    moment = _put_live(settings, release)
    _show(settings.folder)
    step.update("switching readers")
    _sleep_until(moment)
    _point_current(settings.folder, release)
    happened_at = datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)
    previous_id = previous.release_id if previous else None
    append_event(
        settings, Event(happened_at, event, release.release_id, release.run_id, previous_id)
    )
    _sleep_until(moment + settings.publish_lead_seconds)
    _retire(settings.folder)
    _prune(settings, {release.release_id, previous_id})


def mend_switch(settings: Settings) -> None:
    """Finish what a killed switch began: ``current`` and the history follow what views show.

    The caller holds the release lock.
    """
    listed = _listed(settings.folder / LIVE / _DECIDING)
    if not listed:
        return
    newest = listed[-1]
    inode = (newest / f"{_DECIDING}.parquet").stat().st_ino
    for release in kept_releases(settings):
        file = parquet_file(release.folder, _DECIDING)
        if not file.exists() or file.stat().st_ino != inode:
            continue
        events = read_events(settings)
        moment = int(newest.name) / 1e6
        _sleep_until(moment)
        current = current_release(settings)
        if current is None or current.release_id != release.release_id:
            _point_current(settings.folder, release)
        if not events or events[-1].release_id != release.release_id:
            append_event(
                settings,
                Event(
                    datetime.fromtimestamp(moment, UTC).replace(tzinfo=None),
                    PUBLISHED_EVENT,
                    release.release_id,
                    release.run_id,
                    events[-1].release_id if events else None,
                ),
            )


def show_live(settings: Settings) -> None:
    """Write the catalog and ``current`` anew where they lie; the caller holds the release lock.

    A copy that followed links has a folder of files instead of ``current``.
    """
    current = settings.folder / CURRENT
    release = read_release(current)
    kept = {one.release_id for one in kept_releases(settings)}
    if release is not None and release.release_id in kept and not current.is_symlink():
        _point_current(settings.folder, release)
    _show(settings.folder)


def _put_live(settings: Settings, release: Release) -> float:
    """Put a release's files where the views list them; return the moment they count from.

    The first release counts at once: there is none to take over from.
    """
    folder = settings.folder
    is_first = not _listed(folder / LIVE / _DECIDING)
    lead = 0.0 if is_first else settings.publish_lead_seconds
    while True:
        moment = time.time() + lead
        names = sorted((name for _, name in contracts.PUBLISHED), key=lambda n: n == _DECIDING)
        # Of a table that a release of an earlier version lacks, the view shows no rows.
        files = {
            _live_file(folder, name, moment): parquet_file(release.folder, name)
            for name in names
            if name in release.row_counts
        }
        for live, source in files.items():
            live.parent.mkdir(parents=True)
            _link_or_copy(source, live)
        if is_first or time.time() < moment - lead / 2:
            return moment
        # The machine stalled: tables might come to count one after another. Once more. A query
        # may have listed these files already, so they stay to be opened.
        for live in files:
            _unlist(live.parent, release.folder)
        lead *= 2


def _live_file(folder: Path, name: str, moment: float) -> Path:
    return folder / LIVE / name / str(int(moment * 1e6)) / f"{name}.parquet"


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


def _point_current(folder: Path, release: Release) -> None:
    """Point ``current`` at the release; renaming over a link is atomic."""
    link = folder / f".{CURRENT}.{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(Path(RELEASES) / release.release_id)
    if (folder / CURRENT).is_dir() and not (folder / CURRENT).is_symlink():
        # The folder is a copy by something that follows links.
        shutil.rmtree(folder / CURRENT)
    link.replace(folder / CURRENT)


def _show(folder: Path) -> None:
    write_catalog(
        folder,
        {name: Path(LIVE, name) for _, name in contracts.PUBLISHED},
        deciding=Path(LIVE, _DECIDING),
    )


def _listed(table: Path) -> list[Path]:
    """Folders that views look into, the oldest first; one without its file shows nothing."""
    return sorted(path.parent for path in table.glob("*/*.parquet") if not path.parent.is_symlink())


def _retire(folder: Path) -> None:
    """Turn all but the newest folder of each table into a link."""
    releases = {path.stat().st_ino: path for path in (folder / RELEASES).glob("[!.]*/*.parquet")}
    for table in _tables(folder):
        for path in _listed(table)[:-1]:
            source = releases.get((path / f"{table.name}.parquet").stat().st_ino)
            if source is None:
                shutil.rmtree(path)
                continue
            _unlist(path, source.parent)


def _unlist(path: Path, release: Path) -> None:
    """Turn a listed folder into a link to one that has the same file, of the release.

    A view's ``**`` does not look into linked folders; a query that has listed the file can still
    open it, under the same name. One that is about to look into the folder at this very moment
    looks into the link instead, so nothing else may be there: not the release's other tables.
    """
    table = path.parent
    name = f"{table.name}.parquet"
    retired = _retired(path)
    retired.mkdir(parents=True, exist_ok=True)
    (retired / name).unlink(missing_ok=True)
    (retired / name).symlink_to(Path("..", "..", "..", "..", RELEASES, release.name, name))
    spare = table.parent / f"{_SPARE}{table.name}-{path.name}"
    spare.unlink(missing_ok=True)
    spare.symlink_to(Path("..", _RETIRED, table.name, path.name))
    exchange(path, spare)
    shutil.rmtree(spare)


def _retired(path: Path) -> Path:
    """Where a table's folder of one moment leads to once it is a link."""
    return path.parent.parent / _RETIRED / path.parent.name / path.name


def _tables(folder: Path) -> list[Path]:
    return [path for path in (folder / LIVE).iterdir() if not path.name.startswith(".")]


def _prune(settings: Settings, in_use: set[str | None]) -> None:
    """Remove all but the newest releases; what a killed publish left goes too.

    A release in use stays: readers have it, or had it until a moment ago.
    """
    releases = settings.folder / RELEASES
    finished = sorted(path for path in releases.iterdir() if not path.name.startswith("."))
    for path in finished[: -settings.releases_kept]:
        if path.name not in in_use:
            # Renamed first: half a release must never look like one.
            path.rename(releases / f"{REMOVED}{path.name}")
    for pattern in (f"{REMOVED}*", f"{UNFINISHED}*"):
        # Whoever publishes holds the lock: what is unfinished was left by a dead process.
        for path in releases.glob(pattern):
            shutil.rmtree(path, ignore_errors=True)
    for table in _tables(settings.folder):
        for path in table.iterdir():
            # Links are not looked into, so that nobody misses those that lead nowhere.
            if path.is_symlink() and not (path / f"{table.name}.parquet").exists():
                path.unlink(missing_ok=True)
                shutil.rmtree(_retired(path), ignore_errors=True)
    for path in (settings.folder / LIVE).glob(f"{_SPARE}*"):
        path.unlink() if path.is_symlink() else shutil.rmtree(path, ignore_errors=True)
    for pattern in (f".{CURRENT}.*", f".{SERVING}.*"):
        for path in settings.folder.glob(pattern):
            path.unlink(missing_ok=True)
