"""Clients of a small simulated world against its persons."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml.warehouse import connect, count_identities
from tests.commands import run_cli, run_dbt
from tests.conftest import made_once

IDENTITIES = ("-s", "+client_identities")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world in which each partner has ids of its own, its records joined."""

    def make(folder: Path) -> None:
        path = folder / "warehouse.duckdb"
        loaded = run_cli(
            path, "load", "simulated", "--clients", "3000", "--services", "40", "--partners", "4",
            "--days", "120", "--seed", "5",
        )  # fmt: skip
        assert loaded.returncode == 0, loaded.stderr
        built = run_dbt(path, "run", *IDENTITIES)
        assert built.returncode == 0, built.stdout[-3000:]

    return made_once(tmp_path_factory, "identity", make) / "warehouse.duckdb"


def test_the_benchmark_as_a_command(world: Path) -> None:
    result = run_cli(world, "benchmark", "identity")
    assert result.returncode == 0, result.stderr + result.stdout
    kept = json.loads((world.parent / "benchmarks" / "identity.json").read_text())
    value = {row["metric"]: row["value"] for row in kept["results"]}
    assert value["precision"] >= 0.995
    assert value["recall"] >= 0.97
    assert value["persons"] == 3000
    assert value["persons"] <= value["clients"] <= 1.05 * value["persons"]
    assert value["largest_client"] <= 8


def test_every_record_is_one_row_and_known_to_the_truth(world: Path) -> None:
    with connect(world, read_only=True, wait_seconds=20) as connection:
        counts = count_identities(connection)
        [(rows, truth)] = connection.execute(
            "select (select count(*) from core.client_identities), "
            "(select count(*) from simulated_truth.identities)"
        ).fetchall()
    assert counts.records == rows == truth


@pytest.mark.long
def test_without_joining_every_record_is_a_client(world: Path, tmp_path: Path) -> None:
    copy = tmp_path / "warehouse.duckdb"
    copy.write_bytes(world.read_bytes())
    built = run_dbt(copy, "run", *IDENTITIES, "--vars", "{resolve_identities: false}")
    assert built.returncode == 0, built.stdout[-3000:]
    with connect(copy, read_only=True, wait_seconds=20) as connection:
        counts = count_identities(connection)
    assert counts.clients == counts.records
    assert counts.precision is None
    assert counts.recall == 0


def test_a_warehouse_without_a_simulated_world_is_told(built_world: Path) -> None:
    result = run_cli(built_world, "benchmark", "identity")
    assert result.returncode == 2
    assert "has no simulated_truth.identities" in result.stderr
