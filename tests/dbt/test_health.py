"""Mart model_health: its figures computed once more in numpy, scipy and scikit-learn."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import rankdata
from sklearn.metrics import brier_score_loss, log_loss, ndcg_score

from ml.warehouse import connect
from tests.commands import run_cli, run_dbt
from tests.conftest import made_once

# Data end on 2024-07-19: the horizon of the first run is over, that of the second half over.
WHOLE, PARTLY = "2024-06-19", "2024-07-04"
HEALTH = ("models/intermediate/health", "models/marts/health", "tests/health")

Values = npt.NDArray[np.float64]
Rows = list[tuple[Any, ...]]


def query(warehouse: Path, sql: str) -> Rows:
    with connect(warehouse, read_only=True, wait_seconds=20) as connection:
        return connection.execute(sql).fetchall()


def execute(warehouse: Path, sql: str) -> None:
    with connect(warehouse, read_only=False, wait_seconds=20) as connection:
        connection.execute(sql)


def build(warehouse: Path, *arguments: str) -> str:
    result = run_dbt(warehouse, "build", *arguments)
    assert result.returncode == 0, result.stdout[-4000:]
    return result.stdout


@pytest.fixture(scope="module")
def aged_world(built_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small world with two runs of earlier days; treat as read-only."""

    def age(folder: Path) -> None:
        warehouse = folder / "warehouse.duckdb"
        shutil.copy(built_world, warehouse)
        execute(warehouse, "create table sales as from raw.transactions")
        marts = ("--selector", "learning", "--exclude-resource-types", "test", "unit_test")
        for as_of in (WHOLE, PARTLY):
            # The end of the data is that of the sales.
            execute(
                warehouse,
                "delete from raw.transactions; insert into raw.transactions "
                f"from sales where transacted_at < '{as_of}'",
            )
            build(warehouse, *marts)
            trained = run_cli(warehouse, "train", CROSS_SELL_MODELS='["popularity", "ease"]')
            assert trained.returncode == 0, trained.stderr[-2000:]
        execute(
            warehouse,
            "delete from raw.transactions; insert into raw.transactions from sales; "
            "drop table sales",
        )
        build(warehouse, *marts)
        build(warehouse, "-s", *HEALTH, "--exclude-resource-types", "test", "unit_test")

    return made_once(tmp_path_factory, "aged", age) / "warehouse.duckdb"


@pytest.fixture(scope="module")
def whole_run(aged_world: Path) -> str:
    [(run_id,)] = query(aged_world, f"select run_id from ml.runs where as_of_at = '{WHOLE}'")
    return str(run_id)


def stability(reference: Values, current: Values, n_reference: int, n_current: int) -> float:
    """Population stability index of values in [0, 1]; whoever has none is missing."""
    reference, current = np.floor(reference * 100), np.floor(current * 100)
    counts: dict[int, list[int]] = {}

    def add(bins: npt.NDArray[np.int64], side: int) -> None:
        for number, count in zip(*np.unique(bins, return_counts=True), strict=True):
            counts.setdefault(int(number), [0, 0])[side] += int(count)

    add(np.floor((rankdata(reference) - 0.5) * 10 / max(len(reference), 1)).astype(np.int64), 0)
    if len(reference):
        values = np.unique(reference)
        bins = np.floor((rankdata(reference) - 0.5) * 10 / len(reference)).astype(np.int64)
        bin_of_value = np.array([bins[reference == value][0] for value in values])
        lower = np.searchsorted(values, current, side="right") - 1
        found = np.where(lower < 0, -1, bin_of_value[np.maximum(lower, 0)])
        add(np.where(current > values[-1], 99, found), 1)
    else:
        add(np.full(len(current), 99), 1)
    missing = [n_reference - len(reference), n_current - len(current)]
    if any(missing):
        counts[100] = missing
    table = np.array(list(counts.values()), dtype=np.float64) + 0.5
    p, q = table[:, 0] / table[:, 0].sum(), table[:, 1] / table[:, 1].sum()
    return float(((q - p) * np.log(q / p)).sum())


@pytest.mark.parametrize(
    ("scope", "known_from"), [("client", "first_event_at"), ("service", "on_sale_from_at")]
)
def test_drift_of_every_feature_equals_numpy(aged_world: Path, scope: str, known_from: str) -> None:
    known = f"""
        from learning.{scope}_features as features
        join core.dim_{scope}s using ({scope}_idx)
        join learning.training_windows as windows using (fold)
        where {known_from} < cutoff_at
    """
    values: dict[tuple[object, object], Values] = {
        (feature, fold): np.array(found)
        for feature, fold, found in query(
            aged_world, f"select feature, fold, list(value) {known} group by all"
        )
    }
    sizes: dict[object, int] = dict(
        query(
            aged_world,
            f"select fold, count(*) from core.dim_{scope}s, learning.training_windows "
            f"where {known_from} < cutoff_at group by fold",
        )
    )
    found = query(
        aged_world,
        f"select subject, value from cross_sell.model_health where scope = '{scope}_feature'",
    )
    assert {subject for subject, _ in found} == {
        feature for feature, fold in values if fold != "validation"
    }
    nobody = np.empty(0)
    for feature, value in found:
        expected = stability(
            values.get((feature, "test"), nobody),
            values.get((feature, "serving"), nobody),
            sizes["test"],
            sizes["serving"],
        )
        assert value == pytest.approx(expected, abs=1e-9), feature


def test_labels_that_arrive_are_those_of_the_test_fold(aged_world: Path, whole_run: str) -> None:
    """The run's cutoff is today's test fold's: both must know the same first purchases."""
    windows = query(
        aged_world,
        "select cutoff_at::date::varchar from learning.training_windows where fold = 'test'",
    )
    assert windows == [(WHOLE,)]
    arrived = query(
        aged_world,
        "select client_id, service_id, adopted_at from intermediate.int_arrived_labels "
        f"where run_id = '{whole_run}' order by all",
    )
    labels = query(
        aged_world,
        "select client_id, service_id, adopted_at from learning.labels "
        "join core.dim_clients using (client_idx) join core.dim_services using (service_idx) "
        "where fold = 'test' order by all",
    )
    assert len(arrived) > 50
    assert arrived == labels


def outcomes(warehouse: Path, moment: str) -> dict[object, object]:
    return dict(
        query(
            warehouse,
            "select measure, value from cross_sell.model_health "
            f"where moment = '{moment}' and scope = 'offers'",
        )
    )


def test_what_became_of_offers_equals_scikit_learn(aged_world: Path, whole_run: str) -> None:
    rows = query(
        aged_world,
        "select client_id, service_id, offer_rank, probability, adopted_at is not null "
        "from ml.scores left join intermediate.int_arrived_labels "
        f"using (run_id, client_id, service_id) where run_id = '{whole_run}'",
    )
    probability = np.array([row[3] for row in rows], dtype=np.float64)
    taken = np.array([row[4] for row in rows], dtype=bool)
    found = outcomes(aged_world, whole_run)

    assert 0 < taken.sum() < len(taken)
    assert found["brier_score"] == pytest.approx(brier_score_loss(taken, probability), abs=1e-9)
    assert found["log_loss"] == pytest.approx(log_loss(taken, probability), abs=1e-8)
    assert found["conversion_rate"] == pytest.approx(taken.mean(), abs=1e-12)
    bins = np.floor((rankdata(probability) - 0.5) * 20 / len(rows)).astype(np.int64)
    errors = np.abs(
        np.bincount(bins, probability, 20) - np.bincount(bins, taken.astype(np.float64), 20)
    )
    assert found["calibration_error"] == pytest.approx(errors.sum() / len(rows), abs=1e-9)


def test_ranking_of_offers_equals_scikit_learn(aged_world: Path, whole_run: str) -> None:
    services = [s for (s,) in query(aged_world, "select service_id from core.dim_services")]
    place = {service: i for i, service in enumerate(services)}
    offers = query(
        aged_world,
        f"select client_id, service_id, offer_rank from ml.scores where run_id = '{whole_run}'",
    )
    labels = query(
        aged_world,
        "select client_id, service_id from intermediate.int_arrived_labels "
        f"where run_id = '{whole_run}'",
    )
    offered = {client for client, *_ in offers}
    takers = {client: i for i, client in enumerate(sorted({c for c, _ in labels if c in offered}))}
    taken = np.zeros((len(takers), len(services)))
    scores = np.full((len(takers), len(services)), -1000.0)
    for client, service in labels:
        if client in takers:
            taken[takers[client], place[service]] = 1
    for client, service, rank in offers:
        if client in takers:
            assert isinstance(rank, int)
            scores[takers[client], place[service]] = -rank
    found = outcomes(aged_world, whole_run)
    assert found["ndcg@10"] == pytest.approx(ndcg_score(taken, scores, k=10), abs=1e-8)
    hits = (np.take_along_axis(taken, np.argsort(-scores, axis=1)[:, :10], axis=1) > 0).any(axis=1)
    assert found["hr@10"] == pytest.approx(hits.mean(), abs=1e-12)


def test_a_horizon_that_has_not_passed_is_told_and_not_judged(
    aged_world: Path, tmp_path: Path
) -> None:
    """With thresholds that everything breaks, only the whole horizon raises alarms: as warnings."""
    warehouse = tmp_path / "warehouse.duckdb"
    shutil.copy(aged_world, warehouse)
    strict = "{health_fewest: 1, health_ndcg_loss: -9, health_psi_alarm: 0.0001}"
    output = build(
        warehouse, "-s", *HEALTH, "--resource-type", "model", "test", "--vars", strict
    )  # fmt: skip
    assert "WARN" in output and "assert_inputs_have_not_drifted" in output
    assert "assert_offers_came_true" in output
    alarms = query(
        warehouse,
        "select as_of_at::date::varchar, measure, threshold is not null, is_alarm, is_complete "
        "from cross_sell.model_health join ml.runs on moment = run_id "
        "where measure = 'ndcg@10' order by all",
    )
    assert alarms == [
        (WHOLE, "ndcg@10", True, True, True),
        (PARTLY, "ndcg@10", False, False, False),
    ]


def test_without_an_earlier_run_only_inputs_are_measured(built_world: Path) -> None:
    kinds = query(built_world, "select distinct kind from cross_sell.model_health")
    assert kinds == [("input",)]
