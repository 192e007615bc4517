"""Stopped at any step, the job leaves the last release and the next run completes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from ml import contracts
from ml.settings import PROJECT_ROOT
from ml.warehouse import connect, count_rows, existing_columns
from tests.commands import environment, run_cli


def published_run(folder: Path) -> tuple[str, int]:
    """Run and row count that readers see; fails on a mixture."""
    path = str(folder / "current" / "cross_sell_scores.parquet")
    rows = duckdb.execute(
        "select run_id, count(*) from read_parquet(?) group by run_id", [path]
    ).fetchall()
    [(run_id, count)] = rows
    return run_id, count


def start(warehouse: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ml", "run"],
        cwd=PROJECT_ROOT,
        # To be stopped: what the tests of dbt would say is of no interest.
        env=environment(warehouse, DBT_EXCLUDE_RESOURCE_TYPES="unit_test test"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    """Read the job's output until a step is done; the next one is then under way."""
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return
    pytest.fail(f"the job ended before '{words}': {process.stderr and process.stderr.read()}")


STEPS = ["raw tables are loaded", "dbt build raw_to_learning", "read marts", "write results"]


def test_killed_in_every_step_the_next_run_completes(trained_copy: Path, suite_seed: int) -> None:
    """One run after the other, each killed in a later step, and the last one left alone."""
    draw = random.Random(suite_seed)
    folder = trained_copy.parent
    before = published_run(folder)
    for step in STEPS:
        process = start(trained_copy)
        wait_for(process, step)
        time.sleep(draw.uniform(0.1, 1.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert published_run(folder)[1] == before[1]
        with connect(trained_copy, read_only=True, wait_seconds=20) as connection:
            torn = connection.execute(
                "select run_id from ml.scores anti join ml.runs using (run_id)"
            ).fetchall()
        assert not torn
    result = run_cli(trained_copy, "run")
    assert result.returncode == 0, result.stderr
    assert published_run(folder) != before


def test_ctrl_c_says_so_and_leaves_the_release(trained_copy: Path) -> None:
    before = published_run(trained_copy.parent)
    process = start(trained_copy)
    wait_for(process, "read marts")
    time.sleep(0.3)
    # A terminal sends it to the whole group.
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stderr.startswith("interrupted: "), stderr
    assert "Traceback" not in stderr
    assert published_run(trained_copy.parent) == before


def test_terminated_during_dbt_takes_dbt_along(trained_copy: Path) -> None:
    process = start(trained_copy)
    wait_for(process, "raw tables are loaded")
    time.sleep(1.5)
    process.terminate()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 143, stderr
    assert stderr.startswith("terminated: "), stderr
    # dbt no longer holds the warehouse.
    with connect(trained_copy, read_only=False, wait_seconds=5):
        pass


def test_killed_while_loading_there_is_all_or_nothing(tmp_path: Path, suite_seed: int) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    draw = random.Random(suite_seed)
    for seconds in (draw.uniform(0.5, 1.5), draw.uniform(1.5, 3.5)):
        process = subprocess.Popen(
            [sys.executable, "-m", "ml", "load", "complete-journey"],
            cwd=PROJECT_ROOT,
            env=environment(warehouse),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(seconds)
        process.kill()
        process.wait()
        if warehouse.exists():
            with connect(warehouse, read_only=False, wait_seconds=20) as connection:
                there = [t for t in contracts.RAW_TABLES if existing_columns(connection, t)]
            assert len(there) in (0, len(contracts.RAW_TABLES))
    result = run_cli(warehouse, "load", "complete-journey")
    assert result.returncode == 0, result.stderr
    with connect(warehouse, read_only=True, wait_seconds=20) as connection:
        assert count_rows(connection, contracts.RAW_TRANSACTIONS) == 1_469_307
