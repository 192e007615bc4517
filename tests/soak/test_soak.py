"""The long trials in short: the same code as ``cross-sell soak``."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from ml.contracts import RUNS, SCORES
from ml.settings import Settings
from ml.soak.jobs import TrialError, World
from ml.soak.kills import Kills, _State, kill_at_random
from ml.soak.reading import read_while_publishing
from ml.soak.show import print_kills, print_readings
from ml.warehouse import connect
from tests.commands import environment

KILLS = 10


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path)
    for name, value in environment(world.warehouse).items():
        monkeypatch.setenv(name, value)
    return world


def test_ten_kills_lose_nothing_and_what_is_lost_is_found(world: World, suite_seed: int) -> None:
    done = kill_at_random(world, KILLS, suite_seed, print)
    assert done.by_stage.total() == KILLS
    assert done.whole_passes == 2
    assert done.rows_compared > 0
    console = Console(file=StringIO(), width=100, record=True)
    print_kills(console, done)
    assert f"{done.rows_compared:,} rows of earlier runs" in console.export_text()

    state = _State(world)
    state.check(Kills())
    with connect(world.warehouse, read_only=False, wait_seconds=20) as connection:
        connection.execute(
            f"delete from {SCORES.qualified_name} where client_id = "
            f"(select min(client_id) from {SCORES.qualified_name})"
        )
    with pytest.raises(TrialError, match=r"scores of run .* has .* and had"):
        state.check(Kills())
    with connect(world.warehouse, read_only=False, wait_seconds=20) as connection:
        connection.execute(f"delete from {RUNS.qualified_name}")
    with pytest.raises(TrialError, match=r"runs of run|never completed"):
        _State(world).check(Kills())


@pytest.mark.long
def test_readers_see_no_error_while_jobs_run(world: World) -> None:
    """In short by ``test_readers_never_see_an_error_half_a_release_or_two``, without the jobs."""
    readings, releases = read_while_publishing(world, 0, print)
    assert releases == 2
    assert len(readings) == 8
    print_readings(Console(quiet=True), readings, releases, Settings(warehouse=world.warehouse))
