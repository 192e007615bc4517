"""Shared fixtures: small worlds loaded, built and trained by the real commands."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ml.contracts import RAW_TABLES
from ml.locks import hold
from ml.warehouse import connect, replace_tables
from tests.commands import DBT_FOLDER, dbt_variables, run_cli, run_dbt
from tests.worlds import RawTables, small_world

SEED_VARIABLE = "SUITE_SEED"
# The longest first, as seconds of each file on two cores were; the others follow.
LONG_FIRST = (
    "soak", "end_to_end", "dbt", "forget", "benchmark", "doctor", "report", "tuning", "gates",
)  # fmt: skip


def load_world(warehouse: Path, raw: RawTables) -> Path:
    """Write raw tables into a warehouse file."""
    with connect(warehouse, read_only=False, wait_seconds=5) as connection:
        empty = {t: t.arrow_schema.empty_table() for t in RAW_TABLES if t not in raw}
        replace_tables(connection, {**raw, **empty}.items())
    return warehouse


def pytest_configure() -> None:
    """Draw the suite's seed once for all processes; let Ctrl-C count in the background too."""
    os.environ.setdefault(SEED_VARIABLE, str(secrets.randbelow(2**31)))
    # Shells have it ignored there.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """What to set to have the same kills and changes again."""
    return f"{SEED_VARIABLE}={os.environ[SEED_VARIABLE]}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, so that no process waits for another's at the end."""

    def place(item: pytest.Item) -> int:
        return next((i for i, part in enumerate(LONG_FIRST) if part in item.path.parts), 99)

    items.sort(key=place)


@pytest.fixture(scope="session")
def suite_seed() -> int:
    """Decides where kills and changes fall in this run of the suite; the header tells it."""
    return int(os.environ[SEED_VARIABLE])


@pytest.fixture(scope="session", autouse=True)
def dbt_folder() -> Iterator[None]:
    """Where dbt keeps what is no warehouse; it goes when the tests end."""
    DBT_FOLDER.mkdir(exist_ok=True)
    os.environ |= dbt_variables()
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
def first_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small world, loaded and built by dbt, and what dbt said; read-only.

    The only build of the suite with dbt's unit tests: they say nothing of a world.
    """

    def build(folder: Path) -> None:
        warehouse = load_world(folder / "warehouse.duckdb", small_world(n_services=50))
        result = run_dbt(warehouse, "build", DBT_EXCLUDE_RESOURCE_TYPES="")
        (folder / "dbt.txt").write_text(result.stdout)
        assert result.returncode == 0, result.stdout[-4000:]

    return made_once(tmp_path_factory, "built", build)


@pytest.fixture(scope="session")
def built_world(first_build: Path) -> Path:
    """A warehouse with a small world loaded and built by dbt; treat as read-only."""
    return first_build / "warehouse.duckdb"


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
