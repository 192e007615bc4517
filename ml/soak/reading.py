"""Read without pause while jobs build, train and publish."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Final

from ml.releases import current_release, read_events
from ml.settings import PROJECT_ROOT, Settings
from ml.soak.jobs import BUILD, BUILD_OFFERS, LOAD, PUBLISH, STAGES, TRAIN, TrialError, World
from ml.warehouse import READER_PROGRAM

OLD_READER: Final = PROJECT_ROOT / ".readers" / "duckdb-1.1"
"""Where ``make test`` puts the oldest DuckDB that readers may have."""

_READERS: Final = ("fresh", "long", "parquet", "fresh", "long")
_OLD_READERS: Final = ("fresh", "long", "long")
_END_SECONDS: Final = 120


@dataclass(frozen=True)
class Reading:
    """What one reader saw.

    Parameters
    ----------
    kind : str
        ``fresh`` or ``long`` (lived) connections to ``serving.duckdb``, or ``parquet``.
    engine : str
        What it read with.
    reads, mixtures : int
    errors : list of str
        Mixtures among them.
    seen : dict of str to float
        Run to the time of the first read that saw it, seconds since 1970.
    """

    kind: str
    engine: str
    reads: int
    mixtures: int
    errors: list[str]
    seen: dict[str, float]

    def staleness(self, settings: Settings) -> float:
        """Longest time from a release's moment to the first read that saw its run, seconds."""
        first: dict[str, float] = {}
        for event in read_events(settings):
            first.setdefault(event.run_id, event.happened_at.replace(tzinfo=UTC).timestamp())
        ages = [at - first[run] for run, at in self.seen.items() if run in first]
        return max(ages[1:], default=0.0)


def start_readers(world: World, stop: Path) -> list[tuple[str, str, subprocess.Popen[str]]]:
    """Start eight readers; without the old DuckDB, all of them with this one."""
    has_old = (OLD_READER / ".installed").exists()
    wanted = [(kind, "") for kind in _READERS]
    wanted += [(kind, str(OLD_READER) if has_old else "") for kind in _OLD_READERS]
    readers = []
    for kind, path in wanted:
        engine = "pyarrow" if kind == "parquet" else "DuckDB 1.1" if path else "DuckDB"
        process = subprocess.Popen(
            [sys.executable, str(READER_PROGRAM), kind, str(world.folder), str(stop)],
            env={**os.environ, "PYTHONPATH": path, "TZ": "UTC"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        readers.append((kind, engine, process))
    for kind, engine, process in readers:
        assert process.stdout is not None
        if (line := process.stdout.readline()) != "reading\n":
            raise TrialError(f"a {kind} reader with {engine} did not start: {line.strip()}")
    return readers


def read_while_publishing(
    world: World, minutes: float, tell: Callable[[str], None]
) -> tuple[list[Reading], int]:
    """Build, train and publish in a loop under eight readers.

    Parameters
    ----------
    world : World
    minutes : float
        No further round begins later; at least one is made.
    tell : callable
        Told of each round, in a line.

    Returns
    -------
    (list of Reading, int)
        What each reader saw, and how many releases were published under them.
    """
    if current_release(Settings(warehouse=world.warehouse)) is None:
        for stage in STAGES:
            world.complete(stage)
    stop = world.folder / "stop"
    stop.unlink(missing_ok=True)
    readers = start_readers(world, stop)
    until = time.monotonic() + 60 * minutes
    rounds = 0
    try:
        while rounds == 0 or time.monotonic() < until:
            for stage in (LOAD, BUILD, TRAIN, BUILD_OFFERS, PUBLISH, PUBLISH):
                world.complete(stage)
            rounds += 1
            tell(f"round {rounds}: built, trained and published twice")
        # Whoever is slow sees the last release too.
        time.sleep(2)
    finally:
        stop.touch()
        found = [_collect(*reader) for reader in readers]
    return found, 2 * rounds


def _collect(kind: str, engine: str, process: subprocess.Popen[str]) -> Reading:
    try:
        text, _ = process.communicate(timeout=_END_SECONDS)
        last = json.loads(text.strip().splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        process.kill()
        return Reading(kind, engine, 0, 0, ["the reader died"], {})
    return Reading(kind, engine, last["reads"], last["mixtures"], last["errors"], last["seen"])
