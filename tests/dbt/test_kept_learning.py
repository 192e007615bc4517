"""What is learned from is built again only where a fold knows something new."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ml.warehouse import connect, differing_rows
from tests.commands import run_cli, run_dbt
from tests.conftest import made_once

# Steps of a year: whatever comes, the cutoffs stay.
BUILD = (
    "run", "--selector", "learning",
    "--vars", "{as_of_step_days: 365, horizon_days: 20}",
)  # fmt: skip
SIZE = ("--clients", "100", "--services", "20", "--partners", "3", "--days", "400", "--seed", "6")
KEPT = (
    "intermediate.int_client_activity_by_fold",
    "intermediate.int_client_web_activity_by_fold",
    "learning.interactions",
    "learning.interests",
    "learning.client_features",
)
LATEST = """
    insert into raw.transactions by name
    select * replace ('new' || transaction_id as transaction_id,
        transacted_at + interval 1 hour as transacted_at,
        loaded_at + interval 9 day as loaded_at)
    from raw.transactions order by transacted_at desc limit 20;
    insert into raw.web_events by name
    select * replace ('new' || event_id as event_id,
        occurred_at + interval 1 hour as occurred_at,
        loaded_at + interval 9 day as loaded_at)
    from raw.web_events order by occurred_at desc limit 20
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world, built; treat as read-only."""

    def make(folder: Path) -> None:
        path = folder / "warehouse.duckdb"
        loaded = run_cli(path, "load", "simulated", *SIZE)
        assert loaded.returncode == 0, loaded.stderr
        build(path)

    return made_once(tmp_path_factory, "kept_learning", make) / "warehouse.duckdb"


@pytest.fixture
def warehouse(world: Path, tmp_path: Path) -> Path:
    """The small world, of the test's own."""
    return Path(shutil.copy(world, tmp_path / world.name))


def build(warehouse: Path, *options: str) -> None:
    built = run_dbt(warehouse, *BUILD, *options)
    assert built.returncode == 0, built.stdout[-3000:]


def rebuilt_after(warehouse: Path, change: str, *options: str) -> set[str]:
    """Which tables a build makes anew; all must be what building everything makes."""
    with connect(warehouse, read_only=False, wait_seconds=20) as connection:
        connection.execute(change)
    # Of the same name, which is the connection's, so that dbt knows the project already.
    (warehouse.parent / "anew").mkdir()
    anew = Path(shutil.copy(warehouse, warehouse.parent / "anew" / warehouse.name))
    build(anew, *options, "--full-refresh")
    # A table that is made anew has the columns of its contract.
    with connect(warehouse, read_only=False, wait_seconds=20) as connection:
        for table in KEPT:
            connection.execute(f"alter table {table} add column mark int")
    build(warehouse, *options)
    with connect(warehouse, read_only=False, wait_seconds=20) as connection:
        found = connection.execute(
            "select schema_name || '.' || table_name from duckdb_columns() "
            "where column_name = 'mark'"
        ).fetchall()
        for (table,) in found:
            connection.execute(f"alter table {table} drop column mark")
        assert not any(differing_rows(connection, anew).values())
    return set(KEPT) - {table for (table,) in found}


@pytest.mark.long
def test_what_no_fold_may_know_of_leaves_all_as_it_is(warehouse: Path) -> None:
    assert rebuilt_after(warehouse, LATEST) == set()


def test_what_a_fold_learns_late_reaches_what_rests_on_it(warehouse: Path) -> None:
    late = LATEST.replace("+ interval 1 hour", "- interval 300 day")
    assert rebuilt_after(warehouse, late) == set(KEPT)


@pytest.mark.long
def test_web_events_alone_leave_what_was_bought(warehouse: Path) -> None:
    _, web_events = LATEST.replace("+ interval 1 hour", "- interval 300 day").split(";")
    assert rebuilt_after(warehouse, web_events) == {
        "intermediate.int_client_web_activity_by_fold",
        "learning.interests",
        "learning.client_features",
    }


@pytest.mark.long
def test_a_var_reaches_what_it_is_said_in(warehouse: Path) -> None:
    changed = BUILD[-1].replace("}", ", interest_half_life_days: 3}")
    assert rebuilt_after(warehouse, "select 1", "--vars", changed) == {
        "learning.interests",
        "learning.client_features",
    }
