"""Shared fixtures: small worlds loaded, built and trained by the real commands."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ml.contracts import RAW_TABLES
from ml.locks import hold
from ml.settings import PROJECT_ROOT
from ml.warehouse import connect, replace_tables
from tests.worlds import RawTables, small_world

SLOW_FOLDERS = {"benchmark", "dbt", "doctor", "end_to_end", "forget", "soak"}
DBT_FOLDER = Path(tempfile.gettempdir()) / f"cross-sell-tests-{os.getpid()}"


def load_world(warehouse: Path, raw: RawTables) -> Path:
    """Write raw tables into a warehouse file."""
    with connect(warehouse, read_only=False, wait_seconds=5) as connection:
        empty = {t: t.arrow_schema.empty_table() for t in RAW_TABLES if t not in raw}
        replace_tables(connection, {**raw, **empty}.items())
    return warehouse


def environment(warehouse: Path, **extra: str) -> dict[str, str]:
    """Of a command under test: its own warehouse, few and quick epochs."""
    return {
        **os.environ,
        "CROSS_SELL_WAREHOUSE": str(warehouse),
        "CROSS_SELL_LOCK_WAIT_SECONDS": "20",
        "CROSS_SELL_BOOTSTRAP_SAMPLES": "100",
        "CROSS_SELL_PUBLISH_LEAD_SECONDS": "0.2",
        # They say nothing of a test's data, and are a fifth of the nodes: one test runs them.
        "DBT_EXCLUDE_RESOURCE_TYPES": "unit_test",
        # One folder for the process: dbt parses the project once, then knows it.
        "DBT_TARGET_PATH": f"{DBT_FOLDER}/target",
        "DBT_LOG_PATH": f"{DBT_FOLDER}/logs",
        "COLUMNS": "160",
        "NO_COLOR": "1",
        **extra,
    }


def run_cli(warehouse: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m ml`` as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "ml", *arguments],
        cwd=PROJECT_ROOT,
        env=environment(warehouse, **extra),
        capture_output=True,
        text=True,
        timeout=600,
    )


def run_dbt(
    warehouse: Path, *arguments: str, cwd: Path = PROJECT_ROOT, **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run dbt as an analytics engineer does."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("dbt")), *arguments],
        cwd=cwd,
        env=environment(warehouse, **extra),
        capture_output=True,
        text=True,
        timeout=600,
    )


def pytest_configure() -> None:
    """Ctrl-C counts in tests that are run in the background too, where shells have it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that no process waits for another's at the end."""
    items.sort(key=lambda item: SLOW_FOLDERS.isdisjoint(item.path.parts))


@pytest.fixture(scope="session", autouse=True)
def dbt_folder() -> Iterator[None]:
    """What dbt writes beside the warehouse goes when the tests end."""
    yield
    shutil.rmtree(DBT_FOLDER, ignore_errors=True)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A copy of a folder that one of the tests' processes makes for all of them."""
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    original, is_made = shared / name, shared / f"{name}.made"
    with hold(shared / f"{name}.lock", wait_seconds=900):
        if not is_made.exists():
            shutil.rmtree(original, ignore_errors=True)
            original.mkdir()
            make(original)
            is_made.touch()
    return Path(shutil.copytree(original, factory.mktemp(name) / name, symlinks=True))


@pytest.fixture(scope="session")
def built_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with a small world loaded and built by dbt; treat as read-only."""

    def build(folder: Path) -> None:
        warehouse = load_world(folder / "warehouse.duckdb", small_world())
        result = run_dbt(warehouse, "build", "--project-dir", "dbt_project")
        assert result.returncode == 0, result.stdout[-4000:]

    return made_once(tmp_path_factory, "built", build) / "warehouse.duckdb"


@pytest.fixture(scope="session")
def trained_world(built_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small world after the whole job, published; treat as read-only."""

    def train(folder: Path) -> None:
        warehouse = folder / "warehouse.duckdb"
        shutil.copy(built_world, warehouse)
        result = run_cli(warehouse, "run")
        assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]

    return made_once(tmp_path_factory, "trained", train) / "warehouse.duckdb"


@pytest.fixture
def built_copy(built_world: Path, tmp_path: Path) -> Path:
    """A built warehouse of the test's own."""
    warehouse = tmp_path / "warehouse.duckdb"
    shutil.copy(built_world, warehouse)
    return warehouse


@pytest.fixture
def trained_copy(trained_world: Path, tmp_path: Path) -> Path:
    """A trained and published warehouse folder of the test's own."""
    folder = tmp_path / "warehouse"
    shutil.copytree(trained_world.parent, folder, symlinks=True)
    return folder / trained_world.name
