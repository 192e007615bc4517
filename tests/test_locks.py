"""One job at a time, named to whoever waits; the dead hold nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ml.errors import WarehouseAccessError, WarehouseBusyError
from ml.locks import hold, holder_of
from ml.settings import PROJECT_ROOT
from tests.commands import run_cli

HOLD = """
import sys, time
from pathlib import Path
from ml.locks import hold
with hold(Path(sys.argv[1]), 0):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@contextmanager
def held(path: Path, seconds: float) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), str(seconds)],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_second_job_is_told_who_holds(tmp_path: Path) -> None:
    path = tmp_path / "job.lock"
    with (
        held(path, 60) as holder,
        pytest.raises(WarehouseBusyError, match=rf"-c .*process {holder.pid} on .*since 20"),
        hold(path, 0.3),
    ):
        pass


def test_a_second_job_waits(tmp_path: Path) -> None:
    path = tmp_path / "job.lock"
    told: list[str] = []
    with held(path, 0.5), hold(path, 30, tell=told.append):
        assert len(told) == 1
        assert told[0].startswith("waiting for ")


def test_a_dead_holder_blocks_nobody(tmp_path: Path) -> None:
    path = tmp_path / "job.lock"
    with held(path, 60):
        pass
    assert holder_of(path) is not None, "its name is still there"
    with hold(path, 0):
        pass


def test_a_job_may_ask_for_its_lock_again(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "job.lock"
    with hold(path, 0), hold(path, 0):
        pass
    with held(path, 60):
        pass


def test_a_lock_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "job.lock").mkdir()
    with pytest.raises(WarehouseAccessError, match="cannot write"), hold(tmp_path / "job.lock", 0):
        pass


@pytest.mark.parametrize("command", [["build"], ["train"], ["publish"], ["run"]], ids=" ".join)
def test_jobs_wait_for_each_other(tmp_path: Path, command: list[str]) -> None:
    start = time.monotonic()
    with held(tmp_path / "job.lock", 60) as holder:
        result = run_cli(
            tmp_path / "warehouse.duckdb", *command, CROSS_SELL_LOCK_WAIT_SECONDS="0.2"
        )
    assert result.returncode == 3, result.stderr
    assert f"process {holder.pid} on" in result.stderr
    assert result.stdout.startswith("waiting for ")
    assert time.monotonic() - start < 60


def test_a_rollback_does_not_wait_for_a_job(tmp_path: Path) -> None:
    with held(tmp_path / "job.lock", 60):
        result = run_cli(
            tmp_path / "warehouse.duckdb", "rollback", CROSS_SELL_LOCK_WAIT_SECONDS="0.2"
        )
    assert result.returncode == 2
    assert "there is no release to go back from" in result.stderr
