"""The dbt project as an analytics engineer meets it."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ml import contracts
from ml.contracts import Columns
from ml.settings import PROJECT_ROOT
from ml.warehouse import connect, count_rows, read_table
from tests.commands import environment, run_dbt, target_path
from tests.conftest import load_world, made_once
from tests.worlds import small_world


@pytest.fixture(scope="module")
def manifest(built_world: Path) -> dict[str, Any]:
    result = run_dbt(built_world, "parse", DBT_WRITE_JSON="true")
    assert result.returncode == 0, result.stdout
    content: dict[str, Any] = json.loads((target_path() / "manifest.json").read_text())
    return content


def models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [n for n in manifest["nodes"].values() if n["resource_type"] == "model"]


def snapshots(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [n for n in manifest["nodes"].values() if n["resource_type"] == "snapshot"]


def test_a_fresh_warehouse_builds_before_any_training(built_world: Path) -> None:
    with connect(built_world, read_only=True, wait_seconds=20) as connection:
        for table in (*contracts.ML_TABLES, *contracts.BENCHMARK_TABLES):
            assert count_rows(connection, table) == 0
        assert count_rows(connection, contracts.CROSS_SELL_SCORES) == 0
        assert count_rows(connection, contracts.LABELS) > 0


def test_the_first_build_passes_without_a_warning_unit_tests_too(first_build: Path) -> None:
    told = (first_build / "dbt.txt").read_text()
    assert "WARN=0" in told
    assert "unit test" in told.lower()
    assert "eprecat" not in told
    assert "WARNING" not in told.upper().replace("WARN=0", "")


def test_both_selectors_together_are_the_whole_project(built_world: Path) -> None:
    def nodes(*arguments: str) -> set[str]:
        result = run_dbt(built_world, "--quiet", "ls", *arguments, DBT_EXCLUDE_RESOURCE_TYPES="")
        assert result.returncode == 0, result.stdout
        return set(result.stdout.split())

    kinds = ("--resource-types", "model", "snapshot", "test", "unit_test")
    before = nodes("--selector", "raw_to_learning", *kinds)
    after = nodes("--selector", "after_training", *kinds)
    assert before | after == nodes(*kinds)


def copied_project(folder: Path) -> Path:
    """The dbt project and its profile in a folder of their own, to be changed."""
    shutil.copy(PROJECT_ROOT / "profiles.yml", folder)
    shutil.copytree(
        PROJECT_ROOT / "dbt_project",
        folder / "dbt_project",
        symlinks=True,
        ignore=shutil.ignore_patterns("target", "logs"),
    )
    return folder / "dbt_project"


def test_the_project_builds_from_its_own_folder_too(tmp_path: Path) -> None:
    """With the default path of the warehouse, as a person types it."""
    copied_project(tmp_path)
    (tmp_path / "warehouse").mkdir()
    load_world(tmp_path / "warehouse" / "warehouse.duckdb", small_world(n_clients=20))
    variables = environment(
        Path("warehouse/warehouse.duckdb"), DBT_TARGET_PATH=str(tmp_path / "target")
    )
    for folder, where in (
        (tmp_path, ("--project-dir", "dbt_project")),
        (tmp_path / "dbt_project", ()),
    ):
        command = [str(Path(sys.executable).with_name("dbt")), "run", *where, "-s", "stg_partners"]
        result = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout[-3000:]
    assert len({path.resolve() for path in tmp_path.rglob("*.duckdb")}) == 1


@pytest.mark.parametrize(
    "exposure", ["cross_sell_dashboard", "partner_sales_app", "next_offer_champion"]
)
def test_lineage_runs_from_the_raw_sources_to_each_exposure(
    built_world: Path, exposure: str
) -> None:
    result = run_dbt(built_world, "--quiet", "ls", "--select", f"+exposure:{exposure}")
    assert result.returncode == 0, result.stdout
    for table in contracts.RAW_ENTITIES:
        assert f"source:cross_sell.raw.{table.name}" in result.stdout
    assert "cross_sell.ml.scores" in result.stdout
    assert "cross_sell.marts.learning.interactions" in result.stdout


def test_exposures_of_all_kinds_have_an_owner_and_a_maturity(manifest: dict[str, Any]) -> None:
    exposures = manifest["exposures"].values()
    assert {exposure["type"] for exposure in exposures} >= {"ml", "dashboard", "application"}
    for exposure in exposures:
        assert exposure["owner"]["email"] or exposure["owner"]["name"]
        assert exposure["maturity"]
        assert exposure["description"]


def test_everything_is_described(manifest: dict[str, Any]) -> None:
    for model in (*models(manifest), *snapshots(manifest)):
        assert model["description"], model["name"]
        assert model["columns"], model["name"]
        for column in model["columns"].values():
            assert column["description"], (model["name"], column["name"])
    for source in manifest["sources"].values():
        assert source["description"]
        assert all(column["description"] for column in source["columns"].values())
    for macro in manifest["macros"].values():
        if macro["package_name"] == "cross_sell" and not macro["name"].startswith(
            ("_", "default__", "duckdb__", "spark__", "test_", "materialization_")
        ):
            assert macro["description"], macro["name"]


def test_every_mart_and_ml_table_has_a_contract_and_a_key(manifest: dict[str, Any]) -> None:
    for model in models(manifest):
        if model["fqn"][1] in ("marts", "ml"):
            assert model["contract"]["enforced"], model["name"]
            kinds = {
                constraint["type"]
                for holder in (model, *model["columns"].values())
                for constraint in holder["constraints"]
            }
            assert "primary_key" in kinds, model["name"]
        assert model["group"], model["name"]


def test_every_key_is_proved_by_a_test(manifest: dict[str, Any]) -> None:
    """Tables that dbt builds have no index on their key: the tests are all that holds it."""
    tested: set[tuple[str, tuple[str, ...]]] = set()
    for node in manifest["nodes"].values():
        test = node.get("test_metadata")
        if test and test["name"] in ("unique", "unique_combination"):
            columns = test["kwargs"].get("column_names") or [test["kwargs"]["column_name"]]
            tested.add((node["attached_node"], tuple(columns)))
    for model in models(manifest):
        if model["config"]["materialized"] == "ml_table":
            continue
        keys = [tuple(c["columns"]) for c in model["constraints"] if c["type"] == "primary_key"]
        keys += [
            (name,)
            for name, column in model["columns"].items()
            if any(c["type"] == "primary_key" for c in column["constraints"])
        ]
        for key in keys:
            assert (model["unique_id"], key) in tested, (model["name"], key)


def test_only_tables_that_jobs_write_have_an_index(built_world: Path) -> None:
    with connect(built_world, read_only=True, wait_seconds=20) as connection:
        indexed = {
            schema
            for (schema,) in connection.execute(
                "select schema_name from duckdb_constraints() "
                "where constraint_type in ('PRIMARY KEY', 'UNIQUE')"
            ).fetchall()
        }
    assert indexed == {"ml"}


def test_a_key_that_is_there_twice_fails_its_test(built_copy: Path) -> None:
    with connect(built_copy, read_only=False, wait_seconds=20) as connection:
        for table in ("core.dim_clients", "learning.interactions"):
            connection.execute(f"insert into {table} select * from {table} limit 1")
    result = run_dbt(
        built_copy, "test",
        "-s", "unique_dim_clients_client_id",
        "unique_combination_interactions_fold__client_idx__service_idx",
    )  # fmt: skip
    assert "ERROR=2" in result.stdout, result.stdout[-3000:]
    assert result.stdout.count("Got 1 result, configured to fail if != 0") == 2


def test_described_columns_are_the_real_ones(manifest: dict[str, Any], built_world: Path) -> None:
    with connect(built_world, read_only=True, wait_seconds=20) as connection:
        real: dict[tuple[str, str], set[str]] = {}
        for schema, table, column in connection.execute(
            "select table_schema, table_name, column_name from information_schema.columns"
        ).fetchall():
            real.setdefault((schema, table), set()).add(column)
    for model in (*models(manifest), *snapshots(manifest)):
        found = real[model["schema"], model["alias"]]
        assert set(model["columns"]) == found, model["name"]


def test_nothing_engine_specific_outside_macros() -> None:
    """Words that Spark SQL does not know, or understands otherwise."""
    words = (
        "epoch(", "strftime", "list(", "unnest(", "arg_max", "arg_min", "date_diff", "datediff(",
        "quantile_cont", "exclude (", "::", "dayofweek", "any_value(", "generate_series", "varchar",
        "interval ",
    )  # fmt: skip
    for path in (PROJECT_ROOT / "dbt_project" / "models").rglob("*.sql"):
        text = path.read_text().lower()
        assert not [word for word in words if word in text], path


LEARNING = ("+path:models/marts/learning",)
LEAK_TESTS = (
    "test_name:known_before_cutoff",
    "assert_events_end_at_the_cutoff",
    "assert_counts_end_at_the_cutoff",
    "accepted_range_int_*events_by_fold_age_days_*",
)


@pytest.fixture(scope="module")
def visited_world(built_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small world, whose clients also looked at what they bought, and rated it."""

    def visit(folder: Path) -> None:
        warehouse = Path(shutil.copy(built_world, folder))
        add_visits(warehouse)
        result = run_dbt(warehouse, "run", "-s", *LEARNING)
        assert result.returncode == 0, result.stdout[-3000:]

    return made_once(tmp_path_factory, "visited_and_rated", visit) / built_world.name


@pytest.fixture
def visited_copy(visited_world: Path, tmp_path: Path) -> Path:
    """That world, of the test's own."""
    return Path(shutil.copy(visited_world, tmp_path))


def add_visits(warehouse: Path) -> None:
    with connect(warehouse, read_only=False, wait_seconds=20) as connection:
        connection.execute(
            """
            insert into raw.web_events (
                event_id, client_id, service_id, event_type, occurred_at, loaded_at
            )
            select 'W' || transaction_id, client_id, service_id,
                case when quantity > 0 and amount > 3 then 'cart' else 'view' end,
                transacted_at, loaded_at
            from raw.transactions
            """
        )
        connection.execute(
            """
            insert into raw.reviews (
                review_id, client_id, service_id, rating, reviewed_at, loaded_at
            )
            select 'R' || transaction_id, client_id, service_id,
                1 + hash(transaction_id) % 5, transacted_at, loaded_at
            from raw.transactions where hash(transaction_id) % 3 = 0
            """
        )
        connection.execute(
            "insert into raw.campaign_contacts (campaign_id, client_id, contacted_at, loaded_at) "
            "select 'K1', client_id, max(transacted_at), max(loaded_at) from raw.transactions "
            "where client_id not in (select client_id from raw.campaign_contacts) "
            "group by client_id"
        )


def test_a_planted_leak_reaches_the_features_and_fails_their_tests(visited_copy: Path) -> None:
    """The leak tests can fail: with the gates a day too wide, each of them does."""
    planted = ("--vars", "{plant_leak: true}")
    honest = run_dbt(visited_copy, "test", "-s", *LEAK_TESTS)
    assert honest.returncode == 0, honest.stdout[-3000:]
    built = run_dbt(visited_copy, "run", *planted, "-s", *LEARNING)
    assert built.returncode == 0, built.stdout[-3000:]
    tested = run_dbt(visited_copy, "test", *planted, "-s", *LEAK_TESTS)
    assert tested.returncode != 0
    failed = {line.split(" FAIL ")[1] for line in tested.stdout.splitlines() if " FAIL " in line}
    for mart in (
        "interactions", "interests", "client_features", "client_segments", "service_features",
    ):  # fmt: skip
        assert any(f"known_before_cutoff_{mart}_" in line for line in failed), mart
    for test in ("assert_events_end", "assert_counts_end", "accepted_range_int_events_by_fold",
                 "accepted_range_int_web_events_by_fold"):  # fmt: skip
        assert any(test in line for line in failed), test


def test_who_does_not_ask_what_a_fold_knows_is_refused(built_copy: Path, tmp_path: Path) -> None:
    """Neither a measure over all events nor a model that reads a gate by itself gets through."""
    project = copied_project(tmp_path)
    model = project / "models" / "intermediate" / "int_client_web_activity_by_fold.sql"
    honest = model.read_text()
    model.write_text(honest.replace("count(*) filter (where is_known)", "count(*)", 1))
    parsed = run_dbt(built_copy, "parse", project=tmp_path)
    assert parsed.returncode != 0
    assert "it would learn from events after the cutoff" in parsed.stdout
    model.write_text(f"{honest}\n-- {{{{ ref('int_web_events_by_fold') }}}}\n")
    tested = run_dbt(built_copy, "test", "-s", "assert_history_passes_the_gates", project=tmp_path)
    assert "FAIL 1 assert_history_passes_the_gates" in tested.stdout, tested.stdout[-3000:]


LEARNED_FROM = (
    contracts.INTERACTIONS,
    contracts.INTERESTS,
    contracts.CLIENT_FEATURES,
    contracts.CLIENT_SEGMENTS,
    contracts.SERVICE_FEATURES,
    contracts.INELIGIBLE_SERVICES,
    contracts.INELIGIBLE_PAIRS,
)


PAST_FOLDS = (contracts.FOLD_VALIDATION, contracts.FOLD_TEST)
NEWCOMERS = """
    insert into raw.clients (client_id, registered_at, age_band, birth_year, updated_at, loaded_at)
    select '{prefix}' || n, timestamp '2024-06-25', '19-24', 2001, '2024-06-25', '2024-08-01'
    from range(5) as numbers (n);
    insert into raw.transactions (
        transaction_id, client_id, service_id, basket_id, quantity, amount, discount_amount,
        transacted_at, loaded_at
    )
    select '{prefix}' || n, '{prefix}' || n, 'S01', '{prefix}', 1, 2, 0, timestamp '2024-06-26',
        timestamp '2024-08-01'
    from range(5) as numbers (n)
"""


def test_another_future_leaves_what_a_fold_learns_from(visited_copy: Path) -> None:
    """Everything from the test cutoff on is replaced by made-up events: no row may differ.

    Who exists is part of it: clients who came after the cutoff go, and others come, so that all
    have other numbers. Rows are compared by the clients' ids.
    """

    def learned() -> dict[str, list[Any]]:
        with connect(visited_copy, read_only=True, wait_seconds=20) as connection:
            clients = read_table(connection, contracts.DIM_CLIENTS).to_pylist()
            ids = {row[Columns.CLIENT_IDX]: row[Columns.CLIENT_ID] for row in clients}
            found: dict[str, list[Any]] = {}
            for table, fold in itertools.product(LEARNED_FROM, PAST_FOLDS):
                rows = read_table(connection, table, where={Columns.FOLD: fold}).to_pylist()
                for row in rows:
                    if Columns.CLIENT_IDX in row:
                        row[Columns.CLIENT_IDX] = ids[row[Columns.CLIENT_IDX]]
                found[f"{fold} {table.name}"] = sorted(rows, key=str)
            for fold in PAST_FOLDS:
                barred = read_table(
                    connection, contracts.INELIGIBLE_CLIENTS, where={Columns.FOLD: fold}
                ).to_pylist()
                unknown = {ids[row[Columns.CLIENT_IDX]] for row in barred}
                found[f"{fold} clients"] = sorted(set(ids.values()) - unknown)
            return found

    with connect(visited_copy, read_only=False, wait_seconds=20) as connection:
        # Some register in the label interval of the test fold, and buy at once.
        connection.execute(NEWCOMERS.format(prefix="new"))
    marts = ("build", "-s", *LEARNING, "--exclude-resource-types", "test", "unit_test")
    result = run_dbt(visited_copy, *marts)
    assert result.returncode == 0, result.stdout[-3000:]
    before = learned()
    with connect(visited_copy, read_only=False, wait_seconds=20) as connection:
        [(cutoff, as_of)] = connection.execute(
            "select min(cutoff_at) filter (where fold = 'test'), max(cutoff_at) "
            "from learning.training_windows"
        ).fetchall()
        for table, time in (
            ("transactions", "transacted_at"), ("web_events", "occurred_at"),
            ("reviews", "reviewed_at"), ("campaign_contacts", "contacted_at"),
        ):  # fmt: skip
            connection.execute(f"delete from raw.{table} where {time} >= ?", [cutoff])
        connection.execute("delete from raw.clients where client_id like 'new%'")
        connection.execute(NEWCOMERS.format(prefix="another"))
        connection.execute(
            """
            insert into raw.transactions (
                transaction_id, client_id, service_id, basket_id, quantity, amount,
                discount_amount, transacted_at, loaded_at
            )
            select 'false-' || client_id, client_id, 'S00', 'false', 9, 900, 0, ?, loaded_at
            from raw.clients
            """,
            [cutoff],
        )
        connection.execute(
            """
            insert into raw.web_events (
                event_id, client_id, service_id, event_type, occurred_at, loaded_at
            )
            select 'false-' || client_id, client_id, 'S00', 'cart', ?, loaded_at
            from raw.clients
            """,
            [cutoff],
        )
        connection.execute(
            """
            insert into raw.reviews (
                review_id, client_id, service_id, rating, reviewed_at, loaded_at
            )
            select 'false-' || client_id, client_id, 'S00', 5, ?, loaded_at from raw.clients
            """,
            [cutoff],
        )
    result = run_dbt(visited_copy, *marts, "--vars", f"{{as_of: '{as_of.isoformat()}'}}")
    assert result.returncode == 0, result.stdout[-3000:]
    after = learned()
    for name, rows in before.items():
        assert rows or "ineligible_services" in name, name
        assert after[name] == rows, name


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("drop table raw.transactions", "raw.transactions is missing"),
        ("alter table raw.clients drop column age_band", "raw.clients.age_band"),
        ("alter table raw.transactions alter amount type varchar", "raw.transactions.amount"),
        ("delete from raw.transactions", "raw.transactions is empty"),
    ],
)
def test_a_broken_raw_contract_is_named_before_anything_is_built(
    built_copy: Path, sql: str, words: str
) -> None:
    with connect(built_copy, read_only=False, wait_seconds=20) as connection:
        connection.execute(sql)
    result = run_dbt(built_copy, "build")
    assert result.returncode != 0
    assert words in result.stdout
    assert "docs/raw_contract.md" in result.stdout
    assert "OK created" not in result.stdout
