"""Identity resolution: compiled SQL against scipy on random graphs, and a world built whole."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ml import contracts
from ml.contracts import Columns
from ml.warehouse import connect
from tests.commands import run_dbt, target_path
from tests.conftest import load_world
from tests.worlds import DAYS, STARTS_AT, as_contract, sales_of_two_partners

PARTNERS, CHOICES = 4, 6
# Large enough for any chain of so few records.
ROUNDS = 12
MOST_PER_KEY, MOST_PER_CLIENT = 5, 6
MOST_PER_PARTNER = {"email": 2, "loyalty": 2, "phone": 1}
VARS = {
    "identity_rounds": ROUNDS,
    "identity_max_records_per_key": MOST_PER_KEY,
    "identity_max_records_per_partner_key": MOST_PER_PARTNER,
    "identity_max_records_per_client": MOST_PER_CLIENT,
}
# In the order in which they read each other.
MODELS = (
    "int_client_keys", "int_client_key_uses", "int_client_links", "int_client_labels",
    "int_client_groups", "client_identities",
)  # fmt: skip


@pytest.fixture(scope="module")
def resolver(
    built_world: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty table of records in memory, and the compiled models as views over it."""
    chosen = ("-s", *MODELS, "--vars", json.dumps(VARS))
    compiled = run_dbt(built_world, "compile", *chosen)
    assert compiled.returncode == 0, compiled.stdout[-3000:]
    kept = tmp_path_factory.mktemp("compiled")
    shutil.copytree(target_path(chosen) / "compiled", kept, dirs_exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"attach ':memory:' as {built_world.stem}")
        connection.execute(f"use {built_world.stem}")
        connection.execute("create schema intermediate; create schema core")
        connection.execute(
            "create table intermediate.int_clients_unioned (client_id varchar, "
            "source_partner_id varchar, email_hash varchar, phone_hash varchar, "
            "loyalty_hash varchar)"
        )
        for name in MODELS:
            # Unit tests of a model are compiled beside it, in a folder named for their YAML.
            [path] = [p for p in kept.rglob(f"{name}.sql") if ".yml/" not in p.as_posix()]
            schema = "core" if name == "client_identities" else "intermediate"
            connection.execute(f"create view {schema}.{name} as {path.read_text()}")
        yield connection


# A record: its partner (the last is the shared scope) and its e-mail, phone and loyalty id.
key = st.none() | st.integers(0, CHOICES)
worlds = st.lists(
    st.tuples(st.integers(0, PARTNERS), st.tuples(key, key, key)), min_size=1, max_size=16
)


def record_id(number: int, partner: int) -> str:
    return f"{number:02d}" if partner == PARTNERS else f"P{partner}:{number:02d}"


def expected_clients(world: list[tuple[int, tuple[int | None, ...]]]) -> dict[str, str]:
    """By record id, as the rules are told, with scipy's connected components."""
    kinds = ("email", "phone", "loyalty")
    held: dict[tuple[str, int], list[int]] = {}
    for number, (_, keys) in enumerate(world):
        for kind, value in zip(kinds, keys, strict=True):
            if value is not None:
                held.setdefault((kind, value), []).append(number)
    scopes = {partner for partner, keys in world if any(k is not None for k in keys)}
    joining = [
        records
        for (kind, _), records in held.items()
        if len(records) <= max(MOST_PER_KEY, len(scopes))
        and max(Counter(world[r][0] for r in records).values()) <= MOST_PER_PARTNER[kind]
    ]
    pairs = [(records[0], other) for records in joining for other in records]
    rows, columns = np.array(pairs, dtype=int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(pairs)), (rows, columns)), shape=(len(world), len(world)))
    _, component = connected_components(graph, directed=False)
    ids = [record_id(number, partner) for number, (partner, _) in enumerate(world)]
    members: dict[int, list[str]] = {}
    for found, name in zip(component, ids, strict=True):
        members.setdefault(int(found), []).append(name)
    return {
        name: min(group) if len(group) <= MOST_PER_CLIENT else name
        for group in members.values()
        for name in group
    }


@settings(max_examples=150, deadline=None, derandomize=True)
@given(world=worlds)
def test_clients_are_connected_components(
    resolver: duckdb.DuckDBPyConnection, world: list[tuple[int, tuple[int | None, ...]]]
) -> None:
    rows = [
        (
            record_id(number, partner),
            None if partner == PARTNERS else f"P{partner}",
            *(None if value is None else f"key {value}" for value in keys),
        )
        for number, (partner, keys) in enumerate(world)
    ]
    resolver.execute("delete from intermediate.int_clients_unioned")
    resolver.executemany(
        "insert into intermediate.int_clients_unioned values (?, ?, ?, ?, ?)", rows
    )
    found = resolver.execute(
        "select source_client_id, client_id, record_count, joined_by from core.client_identities"
    ).fetchall()
    expected = expected_clients(world)
    assert {record: client for record, client, _, _ in found} == expected
    sizes = Counter(expected.values())
    for _, client, record_count, joined_by in found:
        assert record_count == sizes[client]
        assert (joined_by is None) == (record_count == 1)


def test_everything_downstream_speaks_of_clients(tmp_path: Path) -> None:
    """Two partners know the same 75 people, and bakery one of them twice."""
    names = [f"C{number:03d}" for number in range(75)]
    partners = ["bakery"] * 75 + ["dairy"] * 75 + ["bakery"]
    n = len(partners)
    raw = sales_of_two_partners()
    raw[contracts.RAW_CLIENTS] = as_contract(
        contracts.RAW_CLIENTS,
        {
            Columns.SOURCE_PARTNER_ID: partners,
            Columns.CLIENT_ID: [*names, *names, "again"],
            Columns.EMAIL_HASH: [*names, *names, "C000"],
            Columns.HAS_MARKETING_CONSENT: [True] * 76 + [False] + [True] * (n - 77),
        },
        n,
    )
    raw[contracts.RAW_CAMPAIGNS] = as_contract(
        contracts.RAW_CAMPAIGNS,
        {
            Columns.SOURCE_PARTNER_ID: ["bakery"],
            Columns.CAMPAIGN_ID: ["K1"],
            Columns.STARTED_AT: [STARTS_AT],
        },
        1,
    )
    early, late = STARTS_AT + timedelta(days=20), STARTS_AT + timedelta(days=21)
    raw[contracts.RAW_CAMPAIGN_CONTACTS] = as_contract(
        contracts.RAW_CAMPAIGN_CONTACTS,
        {
            Columns.SOURCE_PARTNER_ID: ["bakery"] * 3,
            Columns.CAMPAIGN_ID: ["K1"] * 3,
            Columns.CLIENT_ID: ["C000", "again", "C002"],
            Columns.CONTACTED_AT: [late, early, late],
            Columns.RESPONDED_AT: [STARTS_AT + timedelta(days=DAYS), None, None],
        },
        3,
    )
    warehouse = load_world(tmp_path / "warehouse.duckdb", raw)
    # With their tests, what the figures below are read from.
    built = run_dbt(
        warehouse, "build", "-s", "+client_identities", "+ineligible_clients",
        "+fct_interactions", "+fct_campaign_contacts", "+data_quality_counts",
    )  # fmt: skip
    assert built.returncode == 0, built.stdout[-4000:]
    with connect(warehouse, read_only=True, wait_seconds=20) as connection:

        def rows(query: str) -> list[tuple[object, ...]]:
            return connection.execute(query).fetchall()

        assert rows("select client_id from core.dim_clients order by client_idx") == [
            (f"bakery:{name}",) for name in names
        ]
        assert rows(
            "select client_id, record_count from core.client_identities "
            "where source_client_id = 'bakery:again'"
        ) == [("bakery:C000", 3)]
        assert rows("select distinct split_part(client_id, ':', 1) from core.fct_interactions") == [
            ("bakery",)
        ]
        assert rows("select count(*) from core.fct_interactions") == [
            (raw[contracts.RAW_TRANSACTIONS].num_rows,)
        ]
        # Dairy's no holds at bakery too.
        assert rows(
            "select distinct client_id from learning.ineligible_clients "
            "inner join core.dim_clients using (client_idx)"
        ) == [("bakery:C001",)]
        assert rows(
            "select client_id, contacted_at, responded_at is not null "
            "from core.fct_campaign_contacts order by all"
        ) == [("bakery:C000", early, True), ("bakery:C002", late, False)]
        assert rows(
            "select outcome, outcome_kind, row_count from core.data_quality_counts "
            "where entity in ('clients', 'campaign_contacts') order by all"
        ) == [
            ("accepted", "accepted", n),
            ("not_responded", "accepted", 1),
            ("read", "read", 3),
            ("read", "read", n),
            ("responded", "accepted", 1),
            ("same_client", "duplicate", 1),
        ]
