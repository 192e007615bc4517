"""The long trials in short: the same code as ``cross-sell soak``."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from ml.contracts import RUNS, SCORES
from ml.settings import Settings
from ml.soak.jobs import TrialError, World
from ml.soak.kills import Kills, _State, kill_at_random
from ml.soak.reading import read_while_publishing
from ml.soak.show import print_kills, print_readings
from ml.warehouse import connect

KILLS = 10


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("soak"))


def test_ten_kills_lose_nothing(world: World) -> None:
    done = kill_at_random(world, KILLS, 20240501, print)
    assert done.by_stage.total() == KILLS
    assert done.whole_passes == 2
    assert done.rows_compared > 0
    console = Console(file=StringIO(), width=100, record=True)
    print_kills(console, done)
    assert f"{done.rows_compared:,} rows of earlier runs" in console.export_text()


def test_readers_see_no_error_while_jobs_run(world: World) -> None:
    readings, releases = read_while_publishing(world, 0, print)
    assert releases == 2
    assert len(readings) == 8
    print_readings(Console(quiet=True), readings, releases, Settings(warehouse=world.warehouse))


def test_a_lost_row_and_a_torn_run_are_found(world: World) -> None:
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
