"""Of the events only what has changed is built again, to the same tables as building all of them.

Each kind of change by itself is in ``tests/benchmark/test_incremental.py``.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from ml.warehouse import connect, differing_rows
from tests.commands import dbt_command, environment, run_cli, run_dbt
from tests.conftest import made_once

EVENTS = ("run", "-s", "+fct_interactions", "+fct_web_events", "+data_quality_counts")
SIZE = ("--clients", "100", "--services", "20", "--partners", "3", "--days", "100", "--seed", "6")
KEPT = {
    "int_transactions_classified": "transaction_id",
    "int_web_events_classified": "event_id",
    "fct_interactions": "interaction_id",
    "fct_web_events": "event_id",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world, its events built; treat as read-only."""

    def make(folder: Path) -> None:
        path = folder / "warehouse.duckdb"
        loaded = run_cli(path, "load", "simulated", *SIZE)
        assert loaded.returncode == 0, loaded.stderr
        build(path)

    return made_once(tmp_path_factory, "kept_rows", make) / "warehouse.duckdb"


@pytest.fixture
def warehouse(world: Path, tmp_path: Path) -> Path:
    """The small world, of the test's own."""
    return Path(shutil.copy(world, tmp_path / world.name))


def build(warehouse: Path, *options: str) -> None:
    built = run_dbt(warehouse, *EVENTS, *options)
    assert built.returncode == 0, built.stdout[-3000:]


def change(warehouse: Path, *statements: str) -> None:
    with connect(warehouse, read_only=False, wait_seconds=20) as connection:
        for statement in statements:
            connection.execute(statement)


def rows_of(warehouse: Path, query: str) -> list[tuple[Any, ...]]:
    with connect(warehouse, read_only=True, wait_seconds=20) as connection:
        return connection.execute(query).fetchall()


def one(warehouse: Path, query: str) -> int:
    [(value,)] = rows_of(warehouse, query)
    return int(value)


def assert_is_as_built_anew(warehouse: Path, seed: object = None) -> None:
    # Of the same name, which is the connection's, so that dbt knows the project already.
    anew = warehouse.parent / "anew" / warehouse.name
    anew.parent.mkdir(exist_ok=True)
    shutil.copy(warehouse, anew)
    build(anew, "--full-refresh")
    with connect(warehouse, read_only=False, wait_seconds=20) as connection:
        different = differing_rows(connection, anew)
    assert {"core.fct_interactions", "core.data_quality_counts"} <= set(different)
    assert not any(different.values()), (seed, different)


def table_of(model: str) -> str:
    return f"{'core' if model.startswith('fct') else 'intermediate'}.{model}"


def mark(warehouse: Path, *models: str) -> None:
    """Say something of every row that a build would not say of it."""
    change(
        warehouse,
        *(f"update {table_of(model)} set service_id = 'mark'" for model in models or KEPT),
    )


def rewritten(warehouse: Path) -> dict[str, int]:
    return {
        model: one(
            warehouse,
            f"select count(*) from {table_of(model)} where service_id is distinct from 'mark'",
        )
        for model in KEPT
    }


@pytest.mark.long
def test_only_changed_rows_are_made_again(warehouse: Path) -> None:
    mark(warehouse)
    build(warehouse)
    assert not any(rewritten(warehouse).values())

    # Eleven rows come in one hour that has no others, and one is corrected.
    change(
        warehouse,
        "insert into raw.transactions by name "
        "select * replace ('n' || transaction_id as transaction_id, "
        "timestamp '2023-12-24 01:30:00' as transacted_at) "
        "from raw.transactions where client_id in (select client_id from raw.clients) "
        "order by transaction_id limit 11",
    )
    build(warehouse)
    new = rewritten(warehouse)
    assert new["int_transactions_classified"] == 11
    assert 0 < new["fct_interactions"] <= 11
    assert new["int_web_events_classified"] == new["fct_web_events"] == 0


@pytest.mark.long
def test_what_is_joined_changes_the_rows_that_name_it(warehouse: Path) -> None:
    mark(warehouse)
    change(
        warehouse,
        "update raw.services set partner_id = 'nobody' "
        "where service_id = 'S00001' and source_partner_id = 'P01'",
    )
    expected = {
        model: one(
            warehouse,
            f"select count(*) from raw.{entity} "
            "where service_id = 'S00001' and source_partner_id = 'P01'",
        )
        for model, entity in (
            ("int_transactions_classified", "transactions"),
            ("int_web_events_classified", "web_events"),
        )
    }
    build(warehouse)
    new = rewritten(warehouse)
    for model, rows in expected.items():
        # Duplicates are one row.
        assert rows * 0.9 < new[model] <= rows
    assert new["fct_interactions"] == new["fct_web_events"] == 0

    # A price is joined to no event.
    mark(warehouse)
    change(warehouse, "update raw.services set typical_price = 5")
    build(warehouse)
    assert not any(rewritten(warehouse).values())


@pytest.mark.long
def test_all_is_built_where_too_much_changed(warehouse: Path) -> None:
    mark(warehouse, "int_transactions_classified", "fct_interactions")
    change(warehouse, "update raw.transactions set amount = amount + 1")
    build(warehouse)
    assert_is_as_built_anew(warehouse)


@pytest.mark.long
def test_all_is_built_where_it_is_not_known_what_changed(warehouse: Path) -> None:
    # A parent changed twice, and tells only what changed the second time.
    mark(warehouse, "fct_interactions")
    for _ in range(2):
        change(
            warehouse,
            "delete from raw.transactions where transaction_id in "
            "(select min(transaction_id) from raw.transactions)",
        )
        only = run_dbt(warehouse, "run", "-s", "int_transactions_classified")
        assert only.returncode == 0, only.stdout[-3000:]
    # As in a warehouse that was made before anything was remembered.
    mark(warehouse, "int_web_events_classified", "fct_web_events")
    change(
        warehouse,
        "delete from intermediate.kept_sources where table_name like '%web_events%'",
        "delete from intermediate.kept_states where table_name like '%web_events%'",
    )
    build(warehouse)
    assert_is_as_built_anew(warehouse)


RANDOM_CHANGES = (
    # Rows with their keys anew, late or early.
    "insert into raw.{entity} by name select * replace ({key} || '{tag}' as {key}, "
    "{at} + {days} * interval 1 day as {at}) from {some}",
    # The same keys, loaded later or earlier, of another time.
    "insert into raw.{entity} by name select * replace ({at} - {days} * interval 1 hour as {at}, "
    "loaded_at + {days} * interval 1 hour as loaded_at) from {some}",
    # The same keys, of another client.
    "insert into raw.{entity} by name select * replace ("
    "(select client_id from raw.clients order by hash(client_id, '{tag}') limit 1) as client_id, "
    "loaded_at + {days} * interval 1 hour as loaded_at) from {some}",
    "delete from raw.{entity} where ({key}, loaded_at) in (select ({key}, loaded_at) from {some})",
    "update raw.{entity} set {at} = null where {key} in (select {key} from {some})",
    "update raw.{entity} set {key} = ' ' where {key} in (select {key} from {some})",
    "update raw.{entity} set source_partner_id = null where {key} in (select {key} from {some})",
    "update raw.{entity} set service_id = 'S{tag}' where {key} in (select {key} from {some})",
    "update raw.clients set email_hash = 'mail {days}' where client_id in "
    "(select client_id from raw.clients order by hash(client_id, '{tag}') limit 3)",
    "update raw.clients set email_hash = null, phone_hash = null, loyalty_hash = null "
    "where hash(client_id, '{tag}') % 40 = 0",
    "delete from raw.clients where hash(client_id, '{tag}') % 60 = 0",
    "insert into raw.clients by name select * replace (client_id || '{tag}' as client_id) "
    "from raw.clients order by hash(client_id, '{tag}') limit 2",
    "update raw.services set partner_id = 'nobody' where {service}",
    "update raw.services set partner_id = 'P0' || abs({days} % 3) where {service}",
    "delete from raw.services where {service}",
)
A_SERVICE = (
    "hash(service_id, source_partner_id) = "
    "(select min(hash(service_id, source_partner_id)) from raw.services "
    "where hash(service_id, source_partner_id, '{tag}') % 5 = 0)"
)


@pytest.mark.parametrize(
    ("seed", "steps"),
    [(None, 1), *(pytest.param(seed, 3, marks=pytest.mark.long) for seed in (1, 2))],
)
def test_changes_at_random(warehouse: Path, suite_seed: int, seed: int | None, steps: int) -> None:
    """Mixed, a few of them between two builds, none of which makes all of a table again."""
    seed = suite_seed if seed is None else seed
    draw = random.Random(seed)
    for step in range(steps):
        for number in range(draw.randint(4, 7)):
            entity, key, at = draw.choice(
                [
                    ("transactions", "transaction_id", "transacted_at"),
                    ("web_events", "event_id", "occurred_at"),
                ]
            )
            tag = f"{seed}-{step}-{number}"
            some = (
                f"(from raw.{entity} order by hash({key}, loaded_at, '{tag}') "
                f"limit {draw.randint(1, 15)})"
            )
            template = draw.choice(RANDOM_CHANGES)
            change(
                warehouse,
                template.format(
                    entity=entity,
                    key=key,
                    at=at,
                    tag=tag,
                    some=some,
                    service=A_SERVICE.format(tag=tag),
                    days=draw.randint(-30, 30),
                ),
            )
        build(warehouse)
        told = rows_of(
            warehouse,
            "select table_name from intermediate.kept_sources where source_name = 'earlier'",
        )
        assert set(KEPT) <= {table for (table,) in told}
    assert_is_as_built_anew(warehouse, seed)


MIXED = (
    "insert into raw.transactions by name select * replace (amount + 1 as amount, "
    "loaded_at + interval {hours} hour as loaded_at) "
    "from raw.transactions order by hash(transaction_id, {hours}) limit 20",
    "delete from raw.web_events where hash(event_id, {hours}) % 200 = 0",
    "update raw.clients set email_hash = 'mail {hours}' where client_id in "
    "(select client_id from raw.clients order by hash(client_id, {hours}) limit 3)",
)


@pytest.mark.parametrize("kills", [1, pytest.param(5, marks=pytest.mark.long)])
def test_killed_at_any_moment_the_next_build_makes_up_for_it(
    warehouse: Path, suite_seed: int, kills: int
) -> None:
    """Killed while tables are made, with changes in between; never half of one stays."""
    draw = random.Random(suite_seed)
    models = draw.sample(("client_identities", *KEPT), kills)
    for hours, model in enumerate(models, start=1):
        change(warehouse, *(statement.format(hours=hours) for statement in MIXED))
        process = subprocess.Popen(
            dbt_command(*EVENTS, "--threads", "1"),
            cwd=warehouse.parent,
            env=environment(Path(warehouse.name)),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            if "START" in line and f".{model} " in line:
                break
        time.sleep(draw.uniform(0, 0.15))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    build(warehouse)
    assert_is_as_built_anew(warehouse)


@pytest.mark.long
def test_a_snapshot_is_left_out_while_nothing_has_changed(warehouse: Path) -> None:
    counted = "select count(*) from snapshots.client_versions"
    taken = ("build", "-s", "+client_versions", "--exclude-resource-type", "test")
    chosen = (*taken, "--exclude-resource-type", "unit_test")

    def take() -> None:
        result = run_dbt(warehouse, *chosen)
        assert result.returncode == 0, result.stdout[-3000:]

    take()
    versions = one(warehouse, counted)
    # A snapshot would find another word, and make a version of it.
    change(warehouse, "update snapshots.client_versions set region = 'mark'")
    take()
    assert one(warehouse, counted) == versions
    # Rows that are gone are missed,
    change(
        warehouse,
        "update snapshots.client_versions set region = clients.region "
        "from staging.stg_clients as clients where clients.client_id = client_versions.client_id",
        "delete from snapshots.client_versions where client_id in "
        "(select min(client_id) from snapshots.client_versions)",
    )
    take()
    assert one(warehouse, counted) == versions
    # and changes seen.
    change(
        warehouse,
        "update raw.clients set region = 'elsewhere' "
        "where client_id = (select min(client_id) from raw.clients)",
    )
    take()
    assert one(warehouse, counted) > versions


@pytest.mark.long
def test_a_forgotten_client_leaves_no_trace_and_all_else_stays(warehouse: Path) -> None:
    [(client,)] = rows_of(
        warehouse, "select client_id from core.fct_interactions group by 1 order by 1 limit 1"
    )
    result = run_cli(warehouse, "forget", client, "--yes")
    assert result.returncode == 0, result.stdout + result.stderr
    for model in KEPT:
        assert not rows_of(warehouse, f"from {table_of(model)} where client_id = '{client}'")
    build(warehouse)
    assert_is_as_built_anew(warehouse)
