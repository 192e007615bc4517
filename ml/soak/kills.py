"""Kill jobs at random moments, and prove after each kill that nothing is lost."""

from __future__ import annotations

import random
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from ml import contracts
from ml.contracts import RAW_ENTITIES, Columns, Table
from ml.errors import CrossSellError
from ml.releases import check_whole, current_release, kept_releases
from ml.settings import Settings
from ml.soak.jobs import STAGES, TrialError, World, kill
from ml.warehouse import (
    SERVING,
    Fingerprint,
    connect,
    count_rows,
    distinct_values,
    fingerprint_by_run,
    fingerprint_of,
)

_OF_RUNS = (*contracts.ML_TABLES, contracts.RELEASE_CHECKS)
_WHOLE_EVERY = 25


@dataclass
class Kills:
    """What a trial of kills did.

    Parameters
    ----------
    by_stage : Counter of str
        Kills of each stage.
    rows_compared : int
        Rows of earlier runs found as they were, over all checks.
    whole_passes : int
        Passes that nobody disturbed, the first and the last among them.
    """

    by_stage: Counter[str] = field(default_factory=Counter)
    rows_compared: int = 0
    whole_passes: int = 0


def kill_at_random(world: World, kills: int, seed: int, tell: Callable[[str], None]) -> Kills:
    """Kill the jobs and check what is left, again and again; every kill is seeded.

    Parameters
    ----------
    world : World
    kills : int
        How many jobs to kill.
    seed : int
        Decides which stage dies when.
    tell : callable
        Told of each kill, in a line.

    Returns
    -------
    Kills

    Raises
    ------
    TrialError
        Rows were lost, doubled or changed, readers saw no whole release, or a job could not go on.
    """
    chance = random.Random(seed)
    done = Kills()
    seconds = {stage: world.complete(stage) for stage in STAGES}
    done.whole_passes += 1
    state = _State(world)
    state.check(done)
    while done.by_stage.total() < kills:
        stage = chance.choice(list(STAGES))
        delay = chance.uniform(0, seconds[stage])
        process = world.start(stage)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            kill(process)
            done.by_stage[stage] += 1
            tell(f"{done.by_stage.total():3} of {kills}: {stage} killed after {delay:.2f} s")
        state.check(done)
        # A stage that ended before its kill is none: zero kills are no round of them.
        if 0 < done.by_stage.total() < kills and done.by_stage.total() % _WHOLE_EVERY == 0:
            _whole_pass(world, state, done)
    _whole_pass(world, state, done)
    return done


def _whole_pass(world: World, state: _State, done: Kills) -> None:
    """What was killed is taken up by the next run, without help."""
    for stage in STAGES:
        world.complete(stage)
    done.whole_passes += 1
    state.check(done)


class _State:
    """What must not change: the raw tables, every run's rows, and a release that can be read."""

    def __init__(self, world: World) -> None:
        self._settings = Settings(warehouse=world.warehouse)
        self._raw = self._read_raw()
        self._runs: dict[tuple[str, str], Fingerprint] = {}

    def _read_raw(self) -> dict[str, Fingerprint]:
        with connect(self._settings.warehouse_file, read_only=True, wait_seconds=30) as connection:
            return {table.name: fingerprint_of(connection, table) for table in RAW_ENTITIES}

    def _read_runs(self) -> dict[tuple[str, str], Fingerprint]:
        with connect(self._settings.warehouse_file, read_only=True, wait_seconds=30) as connection:
            return {
                (table.name, run_id): found
                for table in _OF_RUNS
                for run_id, found in fingerprint_by_run(connection, table).items()
            }

    def check(self, done: Kills) -> None:
        """Hold everything against what it was."""
        try:
            self._check_rows(done)
            self._check_release()
        except TrialError:
            raise
        except CrossSellError as error:
            raise TrialError(f"after a kill: {error}") from None

    def _check_rows(self, done: Kills) -> None:
        raw = self._read_raw()
        if raw != self._raw:
            raise TrialError(f"raw tables are {raw}, and were {self._raw}")
        runs = self._read_runs()
        for (name, run_id), was in self._runs.items():
            # A run may be judged again; what training wrote stays as it was.
            is_judged_again = name == contracts.RELEASE_CHECKS.name
            found = runs.get((name, run_id), (0, ""))
            if found != was and not (is_judged_again and found[0] > was[0]):
                raise TrialError(f"{name} of run {run_id} has {found}, and had {was}")
            done.rows_compared += was[0]
        known = {run_id for name, run_id in runs if name == contracts.RUNS.name}
        torn = {key for key in runs if key[1] not in known}
        if torn:
            raise TrialError(f"rows of a run that was never completed: {sorted(torn)}")
        if any(count != 1 for (name, _), (count, _) in runs.items() if name == contracts.RUNS.name):
            raise TrialError("a run is there twice")
        self._runs = runs

    def _check_release(self) -> None:
        """Readers of both kinds see one whole release."""
        current = current_release(self._settings)
        if current is None:
            raise TrialError("readers of Parquet have no release")
        check_whole(current)
        scores = Table("main", contracts.CROSS_SELL_SCORES.name, (), ())
        path = self._settings.folder / SERVING
        with connect(path, read_only=True, wait_seconds=0) as connection:
            shown = distinct_values(connection, scores, Columns.RUN_ID)
            count = count_rows(connection, scores)
        published = {
            release.run_id: release.offer_count for release in kept_releases(self._settings)
        }
        if len(shown) != 1 or published.get(str(shown[0])) != count:
            raise TrialError(f"readers see {count:,} offers of {shown}; kept are {published}")
