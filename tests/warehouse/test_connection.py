from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from ml.errors import InputError, WarehouseAccessError, WarehouseBusyError
from ml.warehouse import connect

HOLD = """
import duckdb, sys, time
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@contextmanager
def held(path: Path, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the file for writing."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_waits_until_the_holder_is_done(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with held(path, 1.0), connect(path, read_only=False, wait_seconds=20) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_says_who_holds_the_warehouse(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with held(path, 30) as holder:
        start = time.monotonic()
        with (
            pytest.raises(WarehouseBusyError, match=rf"process {holder.pid}\)"),
            connect(path, read_only=True, wait_seconds=0.5),
        ):
            pass
        assert time.monotonic() - start < 15


def test_a_dead_holder_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with held(path, 30):
        pass
    with connect(path, read_only=False, wait_seconds=0) as connection:
        connection.execute("create table t (i integer)")


def test_missing_file_to_read(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="there is no warehouse at"),
        connect(tmp_path / "none.duckdb", read_only=True, wait_seconds=0),
    ):
        pass


def test_a_folder_is_no_warehouse(tmp_path: Path) -> None:
    with (
        pytest.raises(WarehouseAccessError, match="is a folder"),
        connect(tmp_path, read_only=True, wait_seconds=0),
    ):
        pass


def test_a_file_of_another_kind_is_no_warehouse(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    path.write_text("not a database" * 1000)
    with (
        pytest.raises(WarehouseAccessError, match="not a valid DuckDB"),
        connect(path, read_only=True, wait_seconds=0),
    ):
        pass
    assert path.read_text().startswith("not a database")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(WarehouseAccessError, match="cannot create"),
        connect(tmp_path / "file" / "w.duckdb", read_only=False, wait_seconds=0),
    ):
        pass


def test_engine_errors_inside_become_one_line(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with (
        pytest.raises(WarehouseAccessError, match="no_such_table") as caught,
        connect(path, read_only=False, wait_seconds=0) as connection,
    ):
        connection.execute("from no_such_table")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, duckdb.Error)
