"""A training that is killed outright goes on, and its offers are the same bits."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from ml.settings import PROJECT_ROOT
from ml.warehouse import connect
from tests.commands import environment, run_cli

# Long enough to be killed under way, and a checkpoint after every epoch.
SLOW = {
    "CROSS_SELL_CHECKPOINT_SECONDS": "0",
    "CROSS_SELL_LIGHTFM__PATIENCE": "60",
    "CROSS_SELL_LIGHTFM__MAX_EPOCHS": "60",
}


def scores(warehouse: Path) -> pa.Table:
    """What the only run wrote, without what tells runs apart."""
    with connect(warehouse, read_only=True, wait_seconds=20) as connection:
        return connection.sql(
            "select * exclude (run_id, scored_at) from ml.scores order by client_id, offer_rank"
        ).to_arrow_table()


def epochs(warehouse: Path) -> pa.Table:
    with connect(warehouse, read_only=True, wait_seconds=20) as connection:
        return connection.sql(
            "select * exclude (run_id, seconds) from ml.learning_curves order by all"
        ).to_arrow_table()


def kill_once_there_is(warehouse: Path, pattern: str) -> None:
    """Start a training and kill it as soon as it has left a checkpoint."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ml", "train"],
        cwd=PROJECT_ROOT,
        env=environment(warehouse, **SLOW),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not any((warehouse.parent / "checkpoints").glob(pattern)):
        assert process.poll() is None, "the training ended before it left a checkpoint"
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def undisturbed(built_world: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "undisturbed"
    folder.mkdir()
    warehouse = folder / "warehouse.duckdb"
    shutil.copy(built_world, warehouse)
    result = run_cli(warehouse, "train", **SLOW)
    assert result.returncode == 0, result.stderr
    assert "resumes" not in result.stdout
    return warehouse


def test_killed_twice_it_goes_on_and_scores_are_the_same_bits(
    built_copy: Path, undisturbed: Path
) -> None:
    kill_once_there_is(built_copy, "lightfm-validation-*")
    kill_once_there_is(built_copy, "ncf-test-*")
    result = run_cli(built_copy, "train", **SLOW)
    assert result.returncode == 0, result.stderr
    told = result.stdout
    assert "lightfm was trained already: read back from checkpoints/lightfm-validation-" in told
    assert "ncf was trained already: read back from checkpoints/ncf-validation-" in told
    assert "resumes ncf at epoch " in told or "from checkpoints/ncf-test-" in told
    assert scores(built_copy).equals(scores(undisturbed))
    assert epochs(built_copy).equals(epochs(undisturbed))
    assert not (built_copy.parent / "checkpoints").exists()


def test_killed_in_its_first_epochs_it_says_where_it_goes_on(built_copy: Path) -> None:
    kill_once_there_is(built_copy, "lightfm-validation-*")
    [path] = (built_copy.parent / "checkpoints").glob("lightfm-*")
    result = run_cli(built_copy, "train", **SLOW)
    assert result.returncode == 0, result.stderr
    assert f"of 60, from checkpoints/{path.name}" in result.stdout
    assert "resumes lightfm at epoch " in result.stdout


def test_no_resume_begins_anew(built_copy: Path) -> None:
    kill_once_there_is(built_copy, "lightfm-validation-*")
    result = run_cli(built_copy, "train", "--no-resume", **SLOW)
    assert result.returncode == 0, result.stderr
    assert "resumes" not in result.stdout
