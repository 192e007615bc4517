"""What a user may get wrong: one clear line, a non-zero exit, and the last release stays."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb

from ml import contracts
from ml.contracts import Columns
from ml.warehouse import connect
from tests.commands import run_cli, run_dbt
from tests.conftest import load_world
from tests.worlds import DAYS, LOADED_AT, STARTS_AT, small_world, with_rows


def change(warehouse: Path, sql: str) -> None:
    with connect(warehouse, read_only=False, wait_seconds=20) as connection:
        connection.execute(sql)


def one_line_error(stderr: str) -> str:
    lines = stderr.strip().splitlines()
    assert len(lines) == 1, stderr
    assert "Traceback" not in stderr
    return lines[0]


def test_broken_raw_tables_stop_the_build_and_leave_the_release(trained_copy: Path) -> None:
    """Each kind of break is in ``tests/dbt/test_project.py``."""
    change(trained_copy, "alter table raw.transactions alter amount type varchar")
    result = run_cli(trained_copy, "build")
    assert result.returncode == 5
    error = one_line_error(result.stderr)
    for word in ("raw.transactions", "amount", "double"):
        assert word in error
    scores = trained_copy.parent / "current" / "cross_sell_scores.parquet"
    row = duckdb.execute("select count(*) from read_parquet(?)", [str(scores)]).fetchone()
    assert row is not None
    assert row[0] > 0


def test_bad_rows_are_counted_and_can_be_queried(tmp_path: Path) -> None:
    at = STARTS_AT + timedelta(days=30)
    line = {
        Columns.CLIENT_ID: "C001",
        Columns.SERVICE_ID: "S01",
        Columns.QUANTITY: 1.0,
        Columns.AMOUNT: 2.0,
        Columns.TRANSACTED_AT: at,
    }
    raw = with_rows(
        small_world(),
        contracts.RAW_TRANSACTIONS,
        [
            {**line, Columns.TRANSACTION_ID: "T0"},
            {
                **line,
                Columns.TRANSACTION_ID: "late",
                Columns.TRANSACTED_AT: LOADED_AT + timedelta(days=1),
            },
            {**line, Columns.TRANSACTION_ID: "who", Columns.CLIENT_ID: "nobody"},
            {**line, Columns.TRANSACTION_ID: "what", Columns.SERVICE_ID: "nothing"},
            {**line, Columns.TRANSACTION_ID: "unnamed", Columns.SERVICE_ID: None},
            {**line, Columns.TRANSACTION_ID: "none", Columns.QUANTITY: 0.0},
            {**line, Columns.TRANSACTION_ID: "back", Columns.QUANTITY: -1.0, Columns.AMOUNT: -2.0},
        ],
    )
    warehouse = load_world(tmp_path / "warehouse.duckdb", raw)
    result = run_dbt(
        warehouse, "build", "-s",
        "+rejected_transactions", "+data_quality_counts", "+training_windows",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-3000:]
    with connect(warehouse, read_only=True, wait_seconds=20) as connection:
        rejected = connection.execute(
            "select transaction_id, rejection_reason from core.rejected_transactions order by all"
        ).fetchall()
        counts = dict(
            connection.execute(
                "select outcome, row_count from core.data_quality_counts "
                "where entity = 'transactions'"
            ).fetchall()
        )
        windows = connection.execute(
            "select max(cutoff_at) from learning.training_windows"
        ).fetchone()
    assert rejected == [
        ("late", "future_event"),
        ("none", "zero_quantity"),
        ("unnamed", "missing_service"),
        ("what", "unknown_service"),
        ("who", "unknown_client"),
    ]
    assert counts["refund"] == 1
    assert counts["duplicate"] == 1
    # The event in the future does not move the end of the data.
    assert windows == (STARTS_AT + timedelta(days=DAYS),)


def test_training_before_the_build(tmp_path: Path) -> None:
    warehouse = load_world(tmp_path / "warehouse.duckdb", small_world())
    result = run_cli(warehouse, "train")
    assert result.returncode == 2
    assert "does not exist: run 'dbt build" in one_line_error(result.stderr)


def test_nobody_who_may_be_offered_anything(built_copy: Path) -> None:
    with connect(built_copy, read_only=False, wait_seconds=20) as connection:
        connection.execute("update raw.clients set unread_columns = 'has_marketing_consent'")
    result = run_dbt(built_copy, "run", "-s", "+path:models/marts/learning")
    assert result.returncode == 0, result.stdout[-3000:]
    result = run_cli(built_copy, "train")
    assert result.returncode == 2
    assert "80 consent_unreadable" in one_line_error(result.stderr)


def test_no_warehouse_at_all(tmp_path: Path) -> None:
    result = run_cli(tmp_path / "none.duckdb", "train")
    assert result.returncode == 2
    assert "there is no warehouse at" in one_line_error(result.stderr)
    assert not (tmp_path / "none.duckdb").exists()


def test_history_that_is_too_short(tmp_path: Path) -> None:
    raw = small_world()
    rows = raw[contracts.RAW_TRANSACTIONS]
    at = rows.column_names.index(Columns.TRANSACTED_AT)
    days = [STARTS_AT + timedelta(hours=i % 200) for i in range(len(rows))]
    raw[contracts.RAW_TRANSACTIONS] = rows.set_column(at, Columns.TRANSACTED_AT, [days]).cast(
        rows.schema
    )
    warehouse = load_world(tmp_path / "warehouse.duckdb", raw)
    built = run_dbt(warehouse, "run", "--selector", "learning")
    assert built.returncode == 0, built.stdout[-3000:]
    result = run_cli(warehouse, "train")
    assert result.returncode == 2
    assert "must reach further back" in one_line_error(result.stderr)


def test_a_warehouse_held_by_somebody(built_copy: Path) -> None:
    with connect(built_copy, read_only=False, wait_seconds=0):
        result = run_cli(built_copy, "train", CROSS_SELL_LOCK_WAIT_SECONDS="1")
    assert result.returncode == 3
    assert "is held by" in one_line_error(result.stderr)


def test_a_setting_that_cannot_be(built_copy: Path) -> None:
    result = run_cli(built_copy, "train", CROSS_SELL_SEED="minus one")
    assert result.returncode == 2
    assert "setting 'seed'" in one_line_error(result.stderr)


def test_an_unknown_model(built_copy: Path) -> None:
    result = run_cli(built_copy, "train", CROSS_SELL_MODELS='["ease", "oracle"]')
    assert result.returncode != 0
    assert "oracle" in one_line_error(result.stderr)


def test_publishing_before_training(built_copy: Path) -> None:
    result = run_cli(built_copy, "publish")
    assert result.returncode == 2
    assert "nothing to publish" in one_line_error(result.stderr)


def test_an_optional_column_that_the_contract_gained_is_added(trained_copy: Path) -> None:
    with duckdb.connect(trained_copy, read_only=True) as connection:
        before = connection.sql("select run_id, step, seconds from ml.run_steps").fetchall()
    change(trained_copy, "alter table ml.run_steps drop column cpu_seconds")
    result = run_dbt(trained_copy, "build", "-s", "run_steps")
    assert result.returncode == 0, result.stdout
    with duckdb.connect(trained_copy, read_only=True) as connection:
        rows = connection.sql("select run_id, step, seconds, cpu_seconds from ml.run_steps")
        found = rows.fetchall()
    assert sorted(row[:3] for row in found) == sorted(before)
    assert {row[3] for row in found} == {None}


def test_an_ml_table_that_lost_a_column_stops_the_build(trained_copy: Path) -> None:
    change(trained_copy, "alter table ml.run_steps drop column seconds")
    result = run_dbt(trained_copy, "build", "-s", "run_steps")
    assert result.returncode != 0
    assert "run_steps" in result.stdout
    assert "seconds" in result.stdout
