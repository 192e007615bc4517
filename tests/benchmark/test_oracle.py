"""The oracle on a small world, built by dbt: no model is better, and its figures are kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from ml import contracts
from ml.benchmark.oracle import ORACLE_NAME, WITHOUT_WEB_NAME
from ml.contracts import Columns
from ml.errors import InputError
from ml.marts import read_folds
from ml.progress import Progress
from ml.settings import Settings
from ml.sources.simulated.oracle import read_oracle
from ml.warehouse import connect, read_table
from tests.commands import run_cli, run_dbt
from tests.conftest import made_once


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated world with shared ids, its marts built."""

    def make(folder: Path) -> None:
        path = folder / "warehouse.duckdb"
        loaded = run_cli(
            path, "load", "simulated", "--clients", "1500", "--services", "40", "--partners", "3",
            "--days", "150", "--seed", "5", "--one-id",
        )  # fmt: skip
        assert loaded.returncode == 0, loaded.stderr
        built = run_dbt(path, "run", "-s", "+path:models/marts/learning", "path:models/ml")
        assert built.returncode == 0, built.stdout[-3000:]

    return made_once(tmp_path_factory, "oracle", make) / "warehouse.duckdb"


def test_scores_are_the_stated_probabilities(world: Path) -> None:
    settings = Settings(warehouse=world)
    with Progress(Console(quiet=True)).step("read") as step:
        marts, folds = read_folds(settings, step)
    fold = folds[contracts.FOLD_TEST]
    oracle = read_oracle(settings, marts, fold)
    with connect(world, read_only=True, wait_seconds=5) as connection:
        rows = read_table(
            connection, contracts.TRUTH_PROBABILITIES, where={Columns.FOLD: fold.name}
        )
    # With shared ids both indices follow the ids, as persons and services do.
    clients = np.arange(fold.n_clients, dtype=np.int32)
    person = rows.column(Columns.PERSON_INDEX).to_numpy()
    service = rows.column(Columns.SERVICE_NUMBER).to_numpy()
    for scores, column in (
        (oracle.score(clients), Columns.PROBABILITY),
        (oracle.score_without_web(clients), Columns.PROBABILITY_WITHOUT_WEB),
    ):
        stated = rows.column(column).to_numpy()
        np.testing.assert_allclose(scores[person, service], stated, rtol=1e-4, atol=1e-6)
    # What the truth holds for owned is what the marts hold for owned.
    owned = np.ones((fold.n_clients, fold.n_services), dtype=bool)
    owned[person, service] = False
    assert np.array_equal(owned, fold.ineligible_pairs.toarray() > 0)


@pytest.mark.long
def test_the_benchmark_as_a_command(world: Path) -> None:
    result = run_cli(
        world, "benchmark", "oracle", CROSS_SELL_NCF__MAX_EPOCHS="2",
        CROSS_SELL_LIGHTFM__MAX_EPOCHS="4", CROSS_SELL_THREADS="1",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr + result.stdout
    kept = json.loads((world.parent / "benchmarks" / "oracle.json").read_text())
    value = {(r["model_name"], r["metric"]): r["value"] for r in kept["results"]}
    best, blind = value[ORACLE_NAME, "auc"], value[WITHOUT_WEB_NAME, "auc"]
    assert best > blind > 0.6
    for model in ("popularity", "ease", "lightfm", "ncf"):
        auc = value[model, "auc"]
        assert auc < best
        assert np.isclose(value[model, "auc_share_of_oracle"], auc / best)
        assert np.isclose(value[model, "auc_share_of_oracle_without_web"], auc / blind)


def test_a_warehouse_without_a_simulated_world_is_told(built_world: Path) -> None:
    settings = Settings(warehouse=built_world)
    with Progress(Console(quiet=True)).step("read") as step:
        marts, folds = read_folds(settings, step)
    fold = folds[contracts.FOLD_TEST]
    with pytest.raises(InputError, match="has no simulated world"):
        read_oracle(settings, marts, fold)
