"""A build after new events makes the same tables as building everything anew."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ml.benchmark.incremental import DAILY, WITHIN_A_STEP
from ml.warehouse import connect, differing_rows
from tests.commands import run_cli, run_dbt

BUILD = (
    "build", "--selector", "raw_to_learning",
    "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test",
)  # fmt: skip
SIZE = ("--clients", "150", "--services", "30", "--partners", "3", "--days", "120", "--seed", "5")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world whose partners have ids of their own, loaded."""
    path = tmp_path_factory.mktemp("incremental") / "warehouse.duckdb"
    loaded = run_cli(path, "load", "simulated", *SIZE)
    assert loaded.returncode == 0, loaded.stderr
    return path


@pytest.mark.long
def test_the_benchmark_as_a_command(world: Path) -> None:
    result = run_cli(world, "benchmark", "incremental")
    assert result.returncode == 0, result.stderr + result.stdout
    kept = json.loads((world.parent / "benchmarks" / "incremental.json").read_text())
    rows = {(r["case_name"], r["model_name"], r["metric"]): r for r in kept["results"]}
    for case, moved in ((DAILY, "moved"), (WITHIN_A_STEP, "stood still")):
        assert rows[case, "incremental", "new events"]["value"] > 0
        assert rows[case, "incremental", "differing rows"]["value"] == 0
        share = rows[case, "incremental", "share of full"]
        assert share["value"] > 0
        assert share["note"] == f"the cutoffs {moved}"
    assert not list((world.parent / "benchmarks").glob("incremental-*"))


MARKED = "from intermediate.int_client_groups where client_id = 'mark'"
CHANGES = {
    "events that come late, are corrected, or move the end; clients who come and go": """
        insert into raw.transactions by name
        select * replace ('late' || transaction_id as transaction_id,
            transacted_at - interval 60 day as transacted_at)
        from raw.transactions order by transaction_id limit 50;
        insert into raw.transactions by name
        select * replace (amount * 2 as amount, loaded_at + interval 1 day as loaded_at)
        from raw.transactions order by transaction_id limit 50;
        insert into raw.transactions by name
        select * replace ('later' || transaction_id as transaction_id,
            transacted_at + interval 3 day as transacted_at,
            loaded_at + interval 9 day as loaded_at)
        from raw.transactions order by transacted_at desc limit 20;
        delete from raw.clients where client_id in (select min(client_id) from raw.clients);
        insert into raw.clients by name
        select * replace ('new' || client_id as client_id)
        from raw.clients order by client_id limit 5;
        insert into raw.web_events by name
        select * replace ('of new ' || event_id as event_id, clients.client_id as client_id,
            clients.source_partner_id as source_partner_id)
        from (from raw.web_events order by event_id limit 2) as web_events,
        (select client_id, source_partner_id from raw.clients where client_id like 'new%')
            as clients
    """,
    "events that are corrected to another day, client and service, or have no key or time": """
        insert into raw.transactions by name
        select * replace (transacted_at - interval 10 day as transacted_at,
            (select min(client_id) from raw.clients where source_partner_id = 'P01') as client_id,
            'P01' as source_partner_id, loaded_at + interval 2 day as loaded_at)
        from raw.transactions where source_partner_id = 'P01' order by transaction_id desc limit 30;
        insert into raw.web_events by name
        select * replace (occurred_at - interval 10 day as occurred_at, 'S00000' as service_id,
            loaded_at + interval 2 day as loaded_at)
        from raw.web_events order by event_id desc limit 30;
        insert into raw.transactions by name
        select * replace (case when transaction_id < 'T2' then transaction_id || 'x' end
            as transaction_id, null as transacted_at)
        from raw.transactions order by transaction_id limit 30;
        insert into raw.web_events by name
        select * replace (case when event_id < 'W2' then event_id || 'x' end as event_id,
            null as occurred_at)
        from raw.web_events order by event_id limit 30
    """,
    "identities that change": """
        update raw.clients set email_hash = (select max(email_hash) from raw.clients)
        where client_id in (select client_id from raw.clients order by client_id limit 2)
    """,
    "events that go: keys, newest and older rows of a key, no time; identities that part": """
        delete from raw.transactions where loaded_at in
            (select loaded_at from raw.transactions where source_partner_id = 'P01'
            order by loaded_at desc limit 1) and source_partner_id = 'P01';
        delete from raw.web_events where (event_id, loaded_at) in
            (select (event_id, max(loaded_at)) from raw.web_events group by event_id
            having count(*) > 1 order by event_id limit 10);
        delete from raw.web_events where (event_id, loaded_at) in
            (select (event_id, min(loaded_at)) from raw.web_events group by event_id
            having count(*) > 1 order by event_id limit 10);
        delete from raw.transactions where transaction_id in
            (select transaction_id from raw.transactions order by transaction_id limit 9);
        delete from raw.transactions where transacted_at is null and transaction_id < 'T15';
        update raw.web_events set occurred_at = null where event_id like 'W77%';
        update raw.transactions set transaction_id = null where transaction_id like 'T77%';
        update raw.clients set email_hash = null, phone_hash = null, loyalty_hash = null
        where client_id in (select client_id from raw.clients
            where email_hash = (select max(email_hash) from raw.clients))
    """,
    "services that are rejected, come, or change partners": """
        update raw.services set partner_id = 'nobody' where service_id in ('S00000', 'S00003');
        update raw.services set partner_id = 'P02'
        where source_partner_id = 'P01' and service_id in ('S00001', 'S00002');
        update raw.web_events set service_id = 'S0new' where event_id like 'W5%0'
    """,
    "services that are accepted again, or known at last": """
        update raw.services set partner_id = source_partner_id where partner_id = 'nobody';
        insert into raw.services by name
        select * replace ('S0new' as service_id) from raw.services where service_id = 'S00001'
    """,
    "vars": "select 1",
}
OPTIONS = {"vars": ("--vars", "{smallest_amount: 3.0, identity_max_records_per_key: 2}")}
# What these change beyond core follows from it, as after the others.
UP_TO_CORE = {
    "events that are corrected to another day, client and service, or have no key or time",
    "events that go: keys, newest and older rows of a key, no time; identities that part",
    "services that are rejected, come, or change partners",
    "services that are accepted again, or known at last",
}
BUILD_CORE = (
    "build", "-s", "+path:models/marts/core",
    "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test",
)  # fmt: skip


@pytest.mark.long
def test_every_change_gives_what_a_full_build_gives(world: Path, tmp_path: Path) -> None:
    """One after the other on one warehouse, each compared with a full refresh of a copy."""

    def build(path: Path, *arguments: str) -> None:
        built = run_dbt(path, *arguments)
        assert built.returncode == 0, built.stdout[-3000:]

    warehouse, anew = (tmp_path / name / "warehouse.duckdb" for name in ("kept", "anew"))
    for path in (warehouse, anew):
        path.parent.mkdir()
    shutil.copy(world, warehouse)
    build(warehouse, *BUILD)
    assert set(CHANGES) > UP_TO_CORE
    for name, change in CHANGES.items():
        with connect(warehouse, read_only=False, wait_seconds=20) as connection:
            connection.execute(change)
        shutil.copy(warehouse, anew)
        chosen = (*(BUILD_CORE if name in UP_TO_CORE else BUILD), *OPTIONS.get(name, ()))
        build(warehouse, *chosen)
        build(anew, *chosen, "--full-refresh")
        with connect(warehouse, read_only=False, wait_seconds=20) as connection:
            different = differing_rows(connection, anew)
        assert len(different) > 20
        assert not any(different.values()), (name, different)


@pytest.mark.long
def test_only_what_changed_is_built_again(world: Path, tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    shutil.copy(world, warehouse)
    chosen = ("run", "-s", "+int_client_groups")

    def was_kept() -> bool:
        """Build, and see whether a mark in the table is still there; leave one."""
        built = run_dbt(warehouse, *chosen)
        assert built.returncode == 0, built.stdout[-3000:]
        with connect(warehouse, read_only=False, wait_seconds=20) as connection:
            [(marks,)] = connection.execute(f"select count(*) {MARKED}").fetchall()
            connection.execute(f"delete {MARKED}")
            connection.execute(
                "insert into intermediate.int_client_groups by name select 'mark' as client_id"
            )
        return bool(marks)

    assert not was_kept()
    assert was_kept()
    with connect(warehouse, read_only=False, wait_seconds=20) as connection:
        connection.execute("delete from raw.clients where email_hash is not null")
    assert not was_kept()


def test_a_warehouse_without_a_simulated_world_is_told(built_world: Path) -> None:
    result = run_cli(built_world, "benchmark", "incremental")
    assert result.returncode == 2
    assert "has no simulated_truth.worlds" in result.stderr
