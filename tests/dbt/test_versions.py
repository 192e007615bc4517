"""Folds see clients and services as they were: versions, on a real warehouse."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ml import contracts
from ml.warehouse import connect
from tests.commands import run_cli, run_dbt
from tests.conftest import load_world, made_once
from tests.worlds import small_world

# Of the small world: validation is cut off on 2024-05-20, test on 06-19, serving on 07-19; it is
# loaded on 08-01.
CHANGES = (
    # A price of before the test cutoff, and one of after it.
    "update raw.services set typical_price = 11, margin_rate = 0.5, updated_at = '2024-06-01'"
    " where service_id = 'S00'",
    "update raw.services set typical_price = 12, margin_rate = 0.5, updated_at = '2024-06-25'"
    " where service_id = 'S02'",
    "update raw.services set withdrawn_at = '2024-06-25', updated_at = '2024-06-25'"
    " where service_id = 'S04'",
    "update raw.services set service_category = 'new', updated_at = '2024-06-25'"
    " where service_id = 'S06'",
    "update raw.clients set age_band = '35-44', updated_at = '2024-06-25' where client_id = 'C000'",
    "update raw.clients set has_marketing_consent = false, updated_at = '2024-06-25'"
    " where client_id = 'C001'",
    "update raw.client_attributes set value = 'gold', updated_at = '2024-06-25'"
    " where client_id in ('C000', 'C002')",
    "update raw.clients set loaded_at = '2024-09-01'",
    "update raw.services set loaded_at = '2024-09-01'",
)


VERSIONS = (
    "build", "-s", "+client_versions", "+service_versions",
    "--exclude-resource-types", "test", "unit_test",
)  # fmt: skip
WITHOUT_TESTS = (
    "build", "--selector", "raw_to_learning", "--exclude-resource-types", "test", "unit_test",
)  # fmt: skip


def change(warehouse: Path, *statements: str) -> None:
    with connect(warehouse, read_only=False, wait_seconds=20) as connection:
        for statement in statements:
            connection.execute(statement)


def rows_of(warehouse: Path, query: str) -> list[tuple[Any, ...]]:
    with connect(warehouse, read_only=True, wait_seconds=20) as connection:
        found: list[tuple[Any, ...]] = connection.execute(query).fetchall()
        return found


def dbt(warehouse: Path, *arguments: str) -> None:
    result = run_dbt(warehouse, *arguments[:1], *arguments[1:])
    assert result.returncode == 0, result.stdout[-4000:]


def versions_of(warehouse: Path, service_id: str) -> list[tuple[Any, ...]]:
    """Price, beginning and end of each version of a service; ends by the wall clock are 'gone'."""
    return rows_of(
        warehouse,
        f"""
        select
            typical_price,
            strftime(valid_from_at, '%m-%d %H:%M:%S.%f'),
            case
                when valid_to_at > '2025-01-01' then 'gone'
                else strftime(valid_to_at, '%m-%d %H:%M:%S.%f')
            end
        from snapshots.service_versions
        where service_id = '{service_id}'
        order by valid_from_at
        """,
    )


@pytest.fixture(scope="module")
def dated_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world whose attributes hold since January, built once; treat as read-only."""

    def build(folder: Path) -> None:
        warehouse = load_world(folder / "warehouse.duckdb", small_world())
        change(
            warehouse,
            "update raw.services set updated_at = '2024-01-01'",
            "update raw.clients set updated_at = '2024-01-01'",
            "insert into raw.client_attributes (client_id, attribute, value, updated_at, loaded_at)"
            " select client_id, 'plan', case when client_id in ('C003', 'C004') then 'gold'"
            " else 'basic' end, '2024-01-01', loaded_at from raw.clients",
        )
        dbt(warehouse, *WITHOUT_TESTS)

    return made_once(tmp_path_factory, "dated", build) / "warehouse.duckdb"


@pytest.fixture
def dated_copy(dated_world: Path, tmp_path: Path) -> Path:
    warehouse = tmp_path / "warehouse.duckdb"
    shutil.copy(dated_world, warehouse)
    return warehouse


@pytest.fixture(scope="module")
def changed_world(dated_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dated world after changes that some folds know of, built again; treat as read-only."""

    def build(folder: Path) -> None:
        warehouse = folder / "warehouse.duckdb"
        shutil.copy(dated_world, warehouse)
        change(
            warehouse,
            *CHANGES,
            "insert into ml.runs (run_id, status, as_of_at, champion_model, champion_reason, seed,"
            " settings_json, package_versions_json, started_at, finished_at) values ('r', 'failed',"
            " '2024-07-19', 'ease', '', 1, '{}', '{}', '2024-08-01', '2024-08-01')",
        )
        dbt(warehouse, *WITHOUT_TESTS)
        dbt(warehouse, "run", "-s", "int_holdout_unit_margins")

    return made_once(tmp_path_factory, "changed", build) / "warehouse.duckdb"


def features(warehouse: Path, kind: str, one: str, name: str) -> dict[str, str]:
    """Category of a feature by fold."""
    return dict(
        rows_of(
            warehouse,
            f"select fold, split_part(feature, '=', 2) from learning.{kind}_features "
            f"inner join core.dim_{kind}s using ({kind}_idx) "
            f"where {kind}_id = '{one}' and feature like '{name}=%'",
        )
    )


def test_old_folds_see_the_old_and_serving_the_new(changed_world: Path) -> None:
    assert features(changed_world, "client", "C000", "age_band") == {
        "validation": "25-34",
        "test": "25-34",
        "serving": "35-44",
    }
    assert features(changed_world, "client", "C000", "attribute_plan") == {
        "validation": "basic",
        "test": "basic",
        "serving": "gold",
    }
    assert features(changed_world, "service", "S06", "category") == {
        "validation": "category 0",
        "test": "category 0",
        "serving": "new",
    }
    segments = rows_of(
        changed_world,
        "select fold, segment from learning.client_segments inner join core.dim_clients "
        "using (client_idx) where client_id = 'C000' and segment like 'age%' order by all",
    )
    assert segments == [
        ("serving", "age: 35-44"),
        ("test", "age: 25-34"),
        ("validation", "age: 25-34"),
    ]
    barred = rows_of(
        changed_world,
        "select fold, service_id, reason from learning.ineligible_services "
        "inner join core.dim_services using (service_idx) where reason = 'withdrawn'",
    )
    assert barred == [("serving", "S04", "withdrawn")]
    silent = rows_of(
        changed_world,
        "select fold, client_id from learning.ineligible_clients "
        "inner join core.dim_clients using (client_idx)",
    )
    assert silent == [("serving", "C001")]


def test_shares_of_what_clients_spent_follow_the_folds_categories(changed_world: Path) -> None:
    spent = rows_of(
        changed_world,
        "select distinct fold from intermediate.int_client_spend_by_fold where part = 'new'",
    )
    assert spent == [("serving",)]


def test_a_fold_is_valued_at_its_own_prices(changed_world: Path) -> None:
    margins = rows_of(
        changed_world,
        "select service_id, fold, unit_margin from intermediate.int_holdout_unit_margins "
        "where service_id in ('S00', 'S02') order by all",
    )
    assert margins == [
        ("S00", "test", 5.5),
        ("S00", "validation", pytest.approx(0.4)),
        ("S02", "test", pytest.approx(1.2)),
        ("S02", "validation", pytest.approx(1.2)),
    ]
    assert rows_of(
        changed_world,
        "select service_id, typical_price from core.dim_services "
        "where service_id in ('S00', 'S02') order by all",
    ) == [("S00", 11), ("S02", 12)]


def counts(warehouse: Path) -> list[tuple[Any, ...]]:
    return rows_of(
        warehouse,
        "select (select count(*) from snapshots.client_versions), "
        "(select count(*) from snapshots.service_versions)",
    )


def test_the_same_content_makes_no_version(changed_world: Path, tmp_path: Path) -> None:
    """Loaded again, built from scratch, or both."""
    assert counts(changed_world) == [(82, 34)]
    warehouse = tmp_path / "warehouse.duckdb"
    shutil.copy(changed_world, warehouse)
    change(
        warehouse,
        "update raw.clients set loaded_at = '2024-10-01', updated_at = '2024-09-15'",
        "update raw.services set loaded_at = '2024-10-01', updated_at = null",
    )
    dbt(warehouse, *VERSIONS, "--full-refresh")
    assert counts(warehouse) == [(82, 34)]


def steps(warehouse: Path, service_id: str, loads: Sequence[tuple[float, str | None, str]]) -> None:
    for price, updated_at, loaded_at in loads:
        stated = "null" if updated_at is None else f"'{updated_at}'"
        change(
            warehouse,
            f"update raw.services set typical_price = {price}, updated_at = {stated}, "
            f"loaded_at = '{loaded_at}' where service_id = '{service_id}'",
        )
        dbt(warehouse, "snapshot")
    dbt(warehouse, "test", "-s", "test_name:intervals_apart")


def test_versions_never_overlap_whatever_partners_state(dated_copy: Path) -> None:
    steps(
        dated_copy,
        "S00",
        [
            (2, "2024-09-01", "2024-09-02"),
            # From before the version that it follows: then from when it was loaded.
            (3, "2024-03-01", "2024-09-10"),
            # Stated again for another content, and the load is no later either.
            (4, "2024-03-01", "2024-09-10"),
            # Stated for a day to come: what is loaded is used.
            (5, "2025-01-01", "2024-09-20"),
            (6, None, "2024-09-30"),
        ],
    )
    assert versions_of(dated_copy, "S00") == [
        (1, "01-01 00:00:00.000000", "09-01 00:00:00.000000"),
        (2, "09-01 00:00:00.000000", "09-10 00:00:00.000000"),
        (3, "09-10 00:00:00.000000", "09-10 00:00:00.000001"),
        (4, "09-10 00:00:00.000001", "09-20 00:00:00.000000"),
        (5, "09-20 00:00:00.000000", "09-30 00:00:00.000000"),
        (6, "09-30 00:00:00.000000", None),
    ]


def test_a_service_may_leave_and_come_back(dated_copy: Path) -> None:
    """Its version ends, and where it comes back another begins; what it was is known on."""
    change(
        dated_copy,
        "create table kept as from raw.services where service_id = 'S00'",
        "delete from raw.services where service_id = 'S00'",
    )
    dbt(dated_copy, "snapshot")
    assert versions_of(dated_copy, "S00") == [(1, "01-01 00:00:00.000000", "gone")]
    change(
        dated_copy,
        "insert into raw.services from kept",
        "update raw.services set typical_price = 7 where service_id = 'S00'",
    )
    dbt(dated_copy, "snapshot")
    dbt(dated_copy, "run", "-s", "service_features")
    first, second = versions_of(dated_copy, "S00")
    assert first == (1, "01-01 00:00:00.000000", "gone")
    assert (second[0], second[2]) == (7, None)
    assert set(features(dated_copy, "service", "S00", "category")) == {
        "validation",
        "test",
        "serving",
    }


def test_a_version_that_ended_before_it_began_is_none(dated_copy: Path) -> None:
    change(
        dated_copy,
        "update snapshots.service_versions set valid_from_at = '2999-01-01'"
        " where service_id = 'S00'",
        "delete from raw.services where service_id = 'S00'",
    )
    dbt(dated_copy, "snapshot")
    assert versions_of(dated_copy, "S00") == []


@pytest.mark.parametrize(
    "damage",
    [
        "insert into snapshots.client_versions (client_id, version_id, valid_from_at)"
        " values ('C000', 'x', '2024-02-01')",
        "insert into snapshots.client_versions (client_id, version_id, valid_from_at, valid_to_at)"
        " values ('C000', 'x', '2023-12-01', '2024-01-02')",
        "update snapshots.client_versions set valid_to_at = valid_from_at where client_id = 'C000'",
        "update snapshots.client_versions set valid_from_at = null where client_id = 'C000'",
    ],
    ids=["two hold today", "overlap", "no length", "no beginning"],
)
def test_intervals_that_cannot_be_fail_their_test(dated_copy: Path, damage: str) -> None:
    change(dated_copy, damage)
    result = run_dbt(dated_copy, "test", "-s", "test_name:intervals_apart")
    assert result.returncode != 0
    assert "FAIL 1 intervals_apart_client_versions" in result.stdout


def test_another_source_begins_without_versions(dated_copy: Path) -> None:
    loaded = run_cli(
        dated_copy, "load", "simulated", "--clients", "200", "--services", "20",
        "--partners", "2", "--days", "100",
    )  # fmt: skip
    assert loaded.returncode == 0, loaded.stderr
    assert not rows_of(
        dated_copy,
        "select 1 from information_schema.schemata "
        f"where schema_name = '{contracts.SNAPSHOTS_SCHEMA}'",
    )
    dbt(dated_copy, *VERSIONS)
    [(old,)] = rows_of(
        dated_copy, "select count(*) from snapshots.client_versions where client_id like 'C%'"
    )
    assert old == 0


def test_a_fresh_warehouse_runs_before_any_snapshot(tmp_path: Path) -> None:
    """Every fold then sees today; the first snapshot comes later and keeps what it meets."""
    warehouse = load_world(tmp_path / "warehouse.duckdb", small_world(n_clients=20))
    dbt(warehouse, "run", "-s", "+client_features", "+service_features")
    assert counts(warehouse) == [(0, 0)]
    assert set(features(warehouse, "client", "C000", "age_band")) == {
        "validation",
        "test",
        "serving",
    }
    dbt(warehouse, "snapshot")
    assert counts(warehouse) == [(20, 30)]
    dbt(warehouse, "snapshot")
    assert counts(warehouse) == [(20, 30)]


def test_who_says_no_is_left_alone_even_where_no_snapshot_was_run(dated_copy: Path) -> None:
    change(
        dated_copy, "update raw.clients set has_marketing_consent = false where client_id = 'C002'"
    )
    dbt(dated_copy, "run", "-s", "int_clients_unioned+", "--exclude", "path:models/ml")
    assert rows_of(
        dated_copy,
        "select fold, client_id from learning.ineligible_clients "
        "inner join core.dim_clients using (client_idx)",
    ) == [("serving", "C002")]


@pytest.mark.parametrize("command", ["snapshot", "run", "build"])
def test_a_dry_run_leaves_a_warehouse_in_use_as_it_is(dated_copy: Path, command: str) -> None:
    def state() -> list[tuple[Any, ...]]:
        return rows_of(
            dated_copy,
            "select (select count(*) from snapshots.client_versions where valid_to_at is null), "
            "(select count(*) from core.dim_clients), (select count(*) from raw.transactions)",
        )

    before = state()
    result = run_dbt(dated_copy, command, "--empty")
    assert result.returncode != 0
    assert "this warehouse is in use" in result.stdout
    assert state() == before


def test_a_dry_run_may_try_a_warehouse_in_which_nothing_was_built(tmp_path: Path) -> None:
    warehouse = load_world(tmp_path / "warehouse.duckdb", small_world(n_clients=20))
    dbt(warehouse, "run", "--empty", "-s", "+dim_clients")
    assert rows_of(warehouse, "select count(*) from core.dim_clients") == [(0,)]
    dbt(warehouse, "run", "-s", "+dim_clients")
    assert rows_of(warehouse, "select count(*) from core.dim_clients") == [(20,)]
