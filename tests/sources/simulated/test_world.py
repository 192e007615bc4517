"""Small simulated worlds: in their contract, the same again, and true to what they state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from ml import contracts
from ml.contracts import Columns, Table
from ml.errors import InputError
from ml.progress import Progress
from ml.settings import PROJECT_ROOT, Settings
from ml.sources.simulated.load import load_world
from ml.sources.simulated.settings import WorldSettings
from ml.sources.simulated.world import World
from ml.warehouse import Connection, connect, read_table
from tests.commands import run_cli

SMALL = WorldSettings(clients=3000, services=60, partners=4, days=180, seed=3)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A small world in which each partner has ids of its own, half of the clients drifting."""
    world = replace(SMALL, drift_day=90.0, audience_share=0.5, uplift=1.0)
    path = tmp_path_factory.mktemp("noisy") / "warehouse.duckdb"
    load_world(Settings(warehouse=path), world, Progress(Console(quiet=True)))
    with connect(path, read_only=True, wait_seconds=5) as connection:
        yield connection


@pytest.mark.parametrize(
    "table",
    # Its partners deliver no attributes.
    [t for t in contracts.RAW_ENTITIES if t not in contracts.ATTRIBUTES_OF.values()]
    + [*contracts.TRUTH_TABLES],
    ids=lambda table: table.qualified_name,
)
def test_every_table_is_in_its_contract(noisy: Connection, table: Table) -> None:
    rows = read_table(noisy, table)
    assert len(rows) > 0
    for column in table.columns:
        if column.is_required:
            assert rows.column(column.name).null_count == 0, column.name
    keys = rows.select(list(table.key)).group_by(list(table.key)).aggregate([])
    # Duplicates of receipt lines are part of the dirt.
    expected_duplicates = table is contracts.RAW_TRANSACTIONS
    assert (len(keys) < len(rows)) == expected_duplicates


def test_the_dirt_is_there(noisy: Connection) -> None:
    [counts] = noisy.execute(
        "select count(*) filter (where quantity = 0), count(*) filter (where quantity < 0),"
        " count(*) filter (where transacted_at > loaded_at),"
        " count(*) filter (where service_id = 'discontinued') from raw.transactions"
    ).fetchall()
    assert min(counts) > 0


def test_one_seed_makes_one_world() -> None:
    world = replace(SMALL, clients=300)
    first, again = list(World(world).drafts()), list(World(world).drafts())
    assert [kind for kind, _ in first] == [kind for kind, _ in again]
    assert all(a.equals(b) for (_, a), (_, b) in zip(first, again, strict=True))
    other = dict(World(replace(world, seed=4)).drafts())
    assert not dict(first)["purchases"].equals(other["purchases"])


def test_labels_come_as_often_as_stated(noisy: Connection) -> None:
    """In eight groups of pairs by probability, and for those with an open intent alone."""
    rows = noisy.execute(
        """
        with bought as (
            select i.person_index, s.service_number
            from raw.transactions as t
            inner join simulated_truth.identities as i using (source_partner_id, client_id)
            inner join simulated_truth.services as s using (source_partner_id, service_id)
            where t.quantity > 0 and t.transacted_at <= t.loaded_at
            group by all
        ), opened as (
            select distinct person_index, service_number
            from simulated_truth.open_intents where fold = 'test'
        ), pairs as (
            select p.probability, p.probability_without_web, b.person_index is not null as is_label,
                ntile(8) over (order by p.probability) as eighth,
                o.person_index is not null as is_open
            from simulated_truth.probabilities as p
            left join bought as b using (person_index, service_number)
            left join opened as o using (person_index, service_number)
            where p.fold = 'test'
        )
        select sum(is_label::int), sum(probability), sum(probability * (1 - probability))
        from pairs group by eighth
        union all
        select sum(is_label::int), sum(probability), sum(probability * (1 - probability))
        from pairs where is_open
        union all
        select sum(is_label::int), sum(probability_without_web),
            sum(probability_without_web * (1 - probability_without_web))
        from pairs
        """
    ).fetchall()
    assert len(rows) == 10
    for seen, expected, variance in rows:
        assert seen > 0
        assert abs(seen - expected) < 4 * np.sqrt(variance), rows


def test_contacts_add_the_intents_that_the_truth_states(noisy: Connection) -> None:
    rows = noisy.execute(
        """
        with members as (
            select c.*, u.extra_intent_count
            from raw.campaign_contacts as c
            inner join simulated_truth.identities as i using (source_partner_id, client_id)
            inner join simulated_truth.uplifts as u
                using (source_partner_id, campaign_id, person_index)
        ), views as (
            select m.source_partner_id, m.campaign_id, m.client_id, count(*) as view_count
            from members as m
            inner join raw.web_events as w
                on w.source_partner_id = m.source_partner_id and w.client_id = m.client_id
                and w.event_type = 'view' and w.occurred_at >= m.contacted_at
                and w.occurred_at < m.contacted_at + interval 14 day
            group by all
        )
        select is_control, count(*), avg(coalesce(view_count, 0)),
            var_samp(coalesce(view_count, 0)), avg(extra_intent_count), var_samp(extra_intent_count)
        from members left join views using (source_partner_id, campaign_id, client_id)
        group by is_control order by is_control
        """
    ).fetchall()
    (_, n, views, spread, extra, extra_spread), (_, held, base, base_spread, held_extra, _) = rows
    share = held / (n + held)
    assert abs(share - 0.3) < 4 * np.sqrt(0.3 * 0.7 / (n + held))
    # Chosen by lot: what a contact would add is the same in both groups.
    assert abs(extra - held_extra) < 4 * np.sqrt(extra_spread * (1 / n + 1 / held))
    error = np.sqrt(spread / n + base_spread / held)
    assert abs(views - base - extra) < 4 * error
    assert views - base > 4 * error


def test_keys_join_records_of_a_person(noisy: Connection) -> None:
    [(joined, right)] = noisy.execute(
        """
        with records as (
            select c.email_hash, i.person_index from raw.clients as c
            inner join simulated_truth.identities as i using (source_partner_id, client_id)
            where c.email_hash is not null
        ), common as (select email_hash from records group by 1 having count(*) > 8)
        select count(*), count(*) filter (where a.person_index = b.person_index)
        from records as a inner join records as b using (email_hash)
        where email_hash not in (select email_hash from common)
        """
    ).fetchall()
    assert joined == right
    [(junk, lengths)] = noisy.execute(
        "select max(n), max(length(email_hash)) from (select email_hash, count(*) as n"
        " from raw.clients where email_hash is not null group by 1)"
    ).fetchall()
    assert junk > 8
    assert lengths == 64


def test_ids_of_the_whole_programme(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    result = run_cli(
        path, "load", "simulated", "--clients", "200", "--services", "20", "--partners", "2",
        "--days", "100", "--seed", "1", "--one-id",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    with connect(path, read_only=True, wait_seconds=5) as connection:
        clients = read_table(connection, contracts.RAW_CLIENTS)
    assert len(clients) == 200
    assert clients.column(Columns.SOURCE_PARTNER_ID).null_count == 200


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"partners": 100}, "--partners"),
        ({"clients": 0}, "--clients"),
        ({"days": 89}, "--days"),
        ({"drift_day": 170.0}, "--drift-day"),
    ],
)
def test_a_world_that_cannot_be_is_refused(change: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        replace(SMALL, **change)  # type: ignore[arg-type]


def test_no_model_reads_the_truth() -> None:
    files = [
        path
        for folder in ("models", "macros", "tests", "snapshots", "seeds")
        for path in (PROJECT_ROOT / "dbt_project" / folder).rglob("*")
        if path.is_file()
    ]
    assert len(files) > 50
    assert not [path for path in files if contracts.TRUTH_SCHEMA in path.read_text()]
