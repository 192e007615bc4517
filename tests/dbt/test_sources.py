"""Sources beside purchases, and raw schemas made before they existed, on a real warehouse."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ml import contracts
from ml.contracts import Columns, Table
from ml.warehouse import connect
from tests.commands import run_cli, run_dbt
from tests.conftest import load_world, made_once
from tests.worlds import as_contract, sales_of_two_partners, small_world

# The small world's last purchase is on its last day, 2024-07-18; test begins on 2024-06-19.
BEFORE_TEST = datetime(2024, 6, 18, 12)
IN_TEST = datetime(2024, 6, 20, 12)


def rows_of(warehouse: Path, query: str) -> list[tuple[Any, ...]]:
    with connect(warehouse, read_only=True, wait_seconds=20) as connection:
        found: list[tuple[Any, ...]] = connection.execute(query).fetchall()
        return found


def table_of(table: Table, rows: list[dict[str, object]]) -> pa.Table:
    names = {name for row in rows for name in row}
    return as_contract(table, {name: [row.get(name) for row in rows] for name in names}, len(rows))


@pytest.fixture(scope="module")
def visited_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world whose clients look at services and rate them, built."""
    events = [
        # C079 never bought anything.
        {Columns.CLIENT_ID: "C079", Columns.SERVICE_ID: "S03", Columns.EVENT_TYPE: " View ",
         Columns.OCCURRED_AT: BEFORE_TEST},
        {Columns.CLIENT_ID: "C079", Columns.SERVICE_ID: "S03", Columns.EVENT_TYPE: "cart",
         Columns.OCCURRED_AT: BEFORE_TEST},
        {Columns.CLIENT_ID: "C079", Columns.SERVICE_ID: "S04", Columns.EVENT_TYPE: "cart",
         Columns.OCCURRED_AT: IN_TEST},
        {Columns.CLIENT_ID: "C000", Columns.SERVICE_ID: "gone", Columns.EVENT_TYPE: "view",
         Columns.OCCURRED_AT: BEFORE_TEST},
        {Columns.CLIENT_ID: "C000", Columns.SERVICE_ID: "S01", Columns.EVENT_TYPE: "hover",
         Columns.OCCURRED_AT: BEFORE_TEST},
    ]  # fmt: skip
    reviews = [
        {Columns.CLIENT_ID: "C001", Columns.SERVICE_ID: "S02", Columns.RATING: 5.0,
         Columns.REVIEWED_AT: BEFORE_TEST},
        {Columns.CLIENT_ID: "C001", Columns.SERVICE_ID: "S02", Columns.RATING: -3.0,
         Columns.REVIEWED_AT: BEFORE_TEST + timedelta(hours=1)},
    ]  # fmt: skip
    for number, row in enumerate(events):
        row[Columns.EVENT_ID] = f"E{number}"
    for number, row in enumerate(reviews):
        row[Columns.REVIEW_ID] = f"R{number}"
    raw = small_world()
    raw[contracts.RAW_WEB_EVENTS] = table_of(contracts.RAW_WEB_EVENTS, events)
    raw[contracts.RAW_REVIEWS] = table_of(contracts.RAW_REVIEWS, reviews)

    def build(folder: Path) -> None:
        warehouse = load_world(folder / "warehouse.duckdb", raw)
        result = run_dbt(
            warehouse, "run", "-s", "+path:models/marts/learning", "+data_quality_counts"
        )
        assert result.returncode == 0, result.stdout[-4000:]

    return made_once(tmp_path_factory, "visited", build) / "warehouse.duckdb"


def test_what_clients_looked_at_reaches_the_folds_that_may_know_it(visited_world: Path) -> None:
    found = rows_of(
        visited_world,
        "select fold, client_id, service_id, event_count, cart_count from learning.interests "
        "inner join core.dim_clients using (client_idx) "
        "inner join core.dim_services using (service_idx) order by all",
    )
    assert found == [
        ("serving", "C079", "S03", 2, 1),
        ("serving", "C079", "S04", 1, 1),
        ("test", "C079", "S03", 2, 1),
    ]


def test_a_client_who_never_bought_has_features_of_the_web(visited_world: Path) -> None:
    features = dict(
        rows_of(
            visited_world,
            "select feature, value from learning.client_features "
            "inner join core.dim_clients using (client_idx) "
            "where client_id = 'C079' and fold = 'test' and feature like 'web%'",
        )
    )
    assert features["web_partner=P3"] == 1.0
    assert features["web_category=category 0"] == 1.0
    assert features["web_cart_share"] == 0.5
    rated = rows_of(
        visited_world,
        "select fold, value from learning.client_features where feature = 'review_mean'",
    )
    assert sorted(rated) == [("serving", 1.0), ("test", 1.0)]


def test_what_cannot_be_used_is_counted_by_reason(visited_world: Path) -> None:
    counts = rows_of(
        visited_world,
        "select entity, outcome, row_count from core.data_quality_counts "
        "where entity in ('web_events', 'reviews') order by all",
    )
    assert counts == [
        ("reviews", "accepted", 1),
        ("reviews", "impossible_rating", 1),
        ("reviews", "read", 2),
        ("web_events", "cart", 2),
        ("web_events", "read", 5),
        ("web_events", "unknown_event_type", 1),
        ("web_events", "unknown_service", 1),
        ("web_events", "view", 1),
    ]


def test_a_source_that_is_turned_off_leaves_nothing(visited_world: Path, tmp_path: Path) -> None:
    copy = tmp_path / "warehouse.duckdb"
    copy.write_bytes(visited_world.read_bytes())
    result = run_dbt(
        copy, "run", "-s", "+path:models/marts/learning",
        "--vars", "{use_web_events: false, use_reviews: false, use_campaign_contacts: false}",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-3000:]
    assert rows_of(copy, "select * from learning.interests") == []
    assert not rows_of(
        copy,
        "select feature from learning.client_features where feature like 'web%' "
        "or feature like 'review%' or feature like 'campaign%'",
    )


def test_a_raw_schema_from_before_gets_what_it_lacks_empty(tmp_path: Path) -> None:
    warehouse = load_world(tmp_path / "warehouse.duckdb", small_world(n_clients=20))
    with connect(warehouse, read_only=False, wait_seconds=20) as connection:
        for change in (
            "drop table raw.web_events",
            "drop table raw.reviews",
            "drop table raw.loaded_files",
            "drop table raw.rejected_rows",
            "alter table raw.clients drop column region",
            "alter table raw.transactions drop column source_partner_id",
        ):
            connection.execute(change)
    result = run_dbt(warehouse, "run", "-s", "path:models/staging")
    assert result.returncode == 0, result.stdout[-3000:]
    assert rows_of(warehouse, "select count(*) from raw.web_events") == [(0,)]
    assert rows_of(warehouse, "select distinct region from staging.stg_clients") == [(None,)]


def test_sales_alone_are_enough(tmp_path: Path) -> None:
    """Clients, services and partners follow from them, and get offers."""
    raw = sales_of_two_partners()
    warehouse = load_world(tmp_path / "warehouse.duckdb", raw)
    with connect(warehouse, read_only=False, wait_seconds=20) as connection:
        for table in contracts.RAW_TABLES:
            if table not in raw:
                connection.execute(f"drop table {table.qualified_name}")
    trained = run_cli(warehouse, "run", CROSS_SELL_MODELS='["popularity", "ease"]')
    assert trained.returncode == 0, trained.stderr
    warnings = [line for line in trained.stdout.splitlines() if "dbt warns" in line]
    # So small a world drifts.
    assert all("assert_inputs_have_not_drifted" in line for line in warnings), warnings
    for dimension, column in (("clients", "client_id"), ("services", "service_id")):
        sold = rows_of(
            warehouse,
            f"select distinct source_partner_id || ':' || {column} from raw.transactions "
            "order by all",
        )
        assert rows_of(warehouse, f"select {column} from core.dim_{dimension} order by 1") == sold
    assert rows_of(
        warehouse,
        "select partner_id, partner_name, is_active, service_count from core.dim_partners "
        "order by all",
    ) == [("bakery", "bakery", True, 30), ("dairy", "dairy", True, 30)]
    assert rows_of(
        warehouse, "select service_name from core.dim_services where service_id = 'dairy:S07'"
    ) == [("S07",)]
    # Derived records have no raw row, and are not counted as if they had.
    assert rows_of(
        warehouse,
        "select distinct entity from core.data_quality_counts where row_count > 0",
    ) == [("transactions",)]
    [(clients, partners)] = rows_of(
        warehouse,
        "select count(distinct client_id), count(distinct partner_id) "
        "from cross_sell.cross_sell_scores",
    )
    assert (clients, partners) == (150, 2)


def test_a_partner_who_delivers_clients_gets_none_derived(tmp_path: Path) -> None:
    raw = sales_of_two_partners()
    raw[contracts.RAW_CLIENTS] = table_of(
        contracts.RAW_CLIENTS,
        [{Columns.SOURCE_PARTNER_ID: "bakery", Columns.CLIENT_ID: f"C{i:03d}"} for i in range(70)],
    )
    warehouse = load_world(tmp_path / "warehouse.duckdb", raw)
    built = run_dbt(warehouse, "run", "-s", "+path:models/marts/core")
    assert built.returncode == 0, built.stdout[-4000:]
    assert rows_of(
        warehouse,
        "select split_part(client_id, ':', 1), count(*) from core.dim_clients "
        "group by all order by all",
    ) == [("bakery", 70), ("dairy", 75)]
    assert rows_of(
        warehouse,
        "select distinct client_id, rejection_reason from core.rejected_transactions order by all",
    ) == [(f"bakery:C{i:03d}", "unknown_client") for i in range(70, 75)]
