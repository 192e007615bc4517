"""What releases there are, which one readers have, and what became of them.

Layout, in the warehouse's folder::

    releases/<release>/<table>.parquet   what one release holds, and manifest.json
    live/<table>/<moment>/<table>.parquet  the same files, by the moment from which they count
    current -> releases/<release>        for readers of plain Parquet
    serving.duckdb                       views over live/; opens with DuckDB 1.1 and later
    release_history.jsonl                every switch of readers, one line each
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ml.contracts import CROSS_SELL_SCORES, Columns
from ml.errors import InputError
from ml.settings import Settings
from ml.warehouse import count_parquet_rows

RELEASES: Final = "releases"
CURRENT: Final = "current"
LIVE: Final = "live"
MANIFEST: Final = "manifest.json"
HISTORY: Final = "release_history.jsonl"
UNFINISHED: Final = ".unfinished-"
REMOVED: Final = ".removed-"

PUBLISHED_EVENT: Final = "published"
ROLLED_BACK_EVENT: Final = "rolled_back"


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
    model_name : str
        The champion that scored; empty in releases of earlier versions.
    as_of : str
        Day that the offers stand on, ISO 8601; empty in releases of earlier versions.
    """

    release_id: str
    folder: Path
    run_id: str
    row_counts: dict[str, int]
    model_name: str = ""
    as_of: str = ""

    @property
    def offer_count(self) -> int:
        """Rows of the score table."""
        return self.row_counts.get(CROSS_SELL_SCORES.name, 0)

    @property
    def byte_count(self) -> int:
        """Size of its Parquet files."""
        return sum(path.stat().st_size for path in self.folder.glob("*.parquet"))


@dataclass(frozen=True)
class Event:
    """Readers were switched to a release.

    Parameters
    ----------
    happened_at : datetime
        The moment from which readers saw it, UTC.
    event : str
        ``published`` or ``rolled_back``.
    release_id, run_id : str
    previous_release_id : str or None
    """

    happened_at: datetime
    event: str
    release_id: str
    run_id: str
    previous_release_id: str | None


def parquet_file(folder: Path, name: str) -> Path:
    """A table's file in a release."""
    return folder / f"{name}.parquet"


def write_manifest(release: Release, folder: Path) -> None:
    """Say beside a release's files what they are; on the disk before returning."""
    manifest = {
        Columns.RELEASE_ID: release.release_id,
        Columns.RUN_ID: release.run_id,
        Columns.MODEL_NAME: release.model_name,
        Columns.AS_OF_DATE: release.as_of,
        "row_counts": release.row_counts,
    }
    with (folder / MANIFEST).open("w") as file:
        json.dump(manifest, file, indent=2)
        file.flush()
        os.fsync(file.fileno())


def read_release(folder: Path) -> Release | None:
    """The release in a folder; None where there is none, or not a whole one."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        return Release(
            manifest[Columns.RELEASE_ID],
            folder,
            manifest[Columns.RUN_ID],
            manifest["row_counts"],
            manifest.get(Columns.MODEL_NAME, ""),
            manifest.get(Columns.AS_OF_DATE, ""),
        )
    except (OSError, ValueError, KeyError):
        return None


def kept_releases(settings: Settings) -> list[Release]:
    """Releases that are kept, the oldest first."""
    folders = sorted((settings.folder / RELEASES).glob("[!.]*"))
    return [release for path in folders if (release := read_release(path)) is not None]


def current_release(settings: Settings) -> Release | None:
    """The release that readers have; None before the first."""
    link = settings.folder / CURRENT
    return read_release(link.resolve()) if link.is_symlink() else None


def check_whole(release: Release) -> None:
    """Hold a release's files against its manifest.

    Raises
    ------
    InputError
        A table is missing or has lost rows.
    """
    # A release of an earlier version may lack tables that have been added since.
    for name in {CROSS_SELL_SCORES.name, *release.row_counts}:
        path = parquet_file(release.folder, name)
        found = count_parquet_rows(path) if path.exists() else None
        if found is None or found != release.row_counts.get(name):
            raise InputError(
                f"release {release.release_id} cannot be used: {name} "
                + ("is missing" if found is None else f"has {found:,} rows")
                + f", its manifest says {release.row_counts.get(name, 0):,}; "
                "'cross-sell releases' lists the others"
            )


def append_event(settings: Settings, event: Event) -> None:
    """Note a switch of readers; on the disk before returning."""
    line = json.dumps(
        {
            Columns.HAPPENED_AT: event.happened_at.isoformat(),
            Columns.EVENT_KIND: event.event,
            Columns.RELEASE_ID: event.release_id,
            Columns.RUN_ID: event.run_id,
            Columns.PREVIOUS_RELEASE_ID: event.previous_release_id,
        }
    )
    with (settings.folder / HISTORY).open("a+b") as file:
        # What a kill left of a line must not swallow this one.
        file.seek(0, os.SEEK_END)
        if file.tell():
            file.seek(-1, os.SEEK_END)
            line = line if file.read(1) == b"\n" else "\n" + line
        file.write((line + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def read_events(settings: Settings) -> list[Event]:
    """All switches of readers, in order; half a line that a kill left is no event."""
    try:
        lines = (settings.folder / HISTORY).read_text().splitlines()
    except OSError:
        return []
    events = []
    for line in lines:
        try:
            row = json.loads(line)
            events.append(
                Event(
                    datetime.fromisoformat(row[Columns.HAPPENED_AT]),
                    row[Columns.EVENT_KIND],
                    row[Columns.RELEASE_ID],
                    row[Columns.RUN_ID],
                    row[Columns.PREVIOUS_RELEASE_ID],
                )
            )
        except (ValueError, KeyError, TypeError):
            continue
    return events
