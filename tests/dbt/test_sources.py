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
from tests.conftest import load_world, run_dbt
from tests.worlds import as_contract, small_world

PROJECT = ("--project-dir", "dbt_project")
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
    """A small world whose clients look at services and rate them, built whole."""
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
    warehouse = load_world(tmp_path_factory.mktemp("visited") / "warehouse.duckdb", raw)
    result = run_dbt(warehouse, "build", *PROJECT)
    assert result.returncode == 0, result.stdout[-4000:]
    return warehouse


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
        copy, "run", *PROJECT, "-s", "+path:models/marts/learning",
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
    result = run_dbt(warehouse, "run", *PROJECT, "-s", "path:models/staging")
    assert result.returncode == 0, result.stdout[-3000:]
    assert rows_of(warehouse, "select count(*) from raw.web_events") == [(0,)]
    assert rows_of(warehouse, "select distinct region from staging.stg_clients") == [(None,)]
