"""The backtest as a command, on a small world; the user's warehouse stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml import contracts
from ml.contracts import Columns
from ml.warehouse import connect, count_rows, read_table
from tests.commands import run_cli

QUICK = {"CROSS_SELL_LIGHTFM__MAX_EPOCHS": "3", "CROSS_SELL_LIGHTFM__FACTORS": "4"}


@pytest.mark.long
def test_policies_are_replayed_and_kept(built_copy: Path) -> None:
    with connect(built_copy, read_only=True, wait_seconds=5) as connection:
        windows = read_table(connection, contracts.TRAINING_WINDOWS)
    left = built_copy.parent / "backtest" / "warehouse.duckdb.wal"
    left.parent.mkdir()
    left.write_bytes(b"of a backtest that was killed")
    result = run_cli(
        built_copy, "backtest", "--from", "2024-05-20", "--drift-on", "2024-06-19", "--champions",
        CROSS_SELL_BACKTEST__DRIFT_DROP="0.0001", **QUICK,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    assert "never retrain" in result.stdout

    run = json.loads((built_copy.parent / "benchmarks" / "backtest.json").read_text())
    found = {
        (r[Columns.CASE_NAME], r[Columns.MODEL_NAME], r[Columns.METRIC]): r[Columns.VALUE]
        for r in run["results"]
    }
    first, second = run["settings"]["dates"]
    assert (first, second) == ("2024-05-20", "2024-06-19")
    for metric in ("ndcg@10", "auc", "calibration_error", "hits"):
        # One training serves all on the first date.
        values = {
            found[first, p, metric] for p in ("never retrain", "always cold", "warm on drift")
        }
        assert len(values) == 1
        assert found[second, "never retrain", metric] >= 0
    assert found[second, "always cold", "train_seconds"] > 0
    assert found[second, "never retrain", "train_seconds"] == 0

    with connect(built_copy, read_only=True, wait_seconds=5) as connection:
        assert count_rows(connection, contracts.BENCHMARK_RESULTS) == len(run["results"])
        assert read_table(connection, contracts.TRAINING_WINDOWS) == windows
    assert not (built_copy.parent / "backtest").exists()


def test_dates_outside_the_data_and_unfit_models_get_one_line(built_world: Path) -> None:
    for arguments, text in (
        (["--from", "2023-01-01"], "is too early"),
        (["--from", "2024-05-01", "--until", "2024-12-01"], "is too late"),
        (["--from", "May"], "a date like 2024-05-31"),
        (["--from", "2024-05-01", "--model", "popularity"], "choose --model lightfm"),
        (["--from", "2024-05-01", "--drift-on", "2024-05-02"], "observed to their end before it"),
    ):
        result = run_cli(built_world, "backtest", *arguments)
        assert result.returncode != 0
        assert text in result.stderr
        assert "Traceback" not in result.stderr
