"""Holdout rows: all labels, the first offers of every eligible client, and nothing twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml import contracts
from ml.contracts import Columns
from ml.evaluation.calibration import Calibrator
from ml.evaluation.protocol import Evaluation, evaluate
from ml.fold_building import Marts
from ml.holdout import holdout_rows
from ml.ranking import DEPTH
from tests.evaluation.folds import Case, ranking_fold

CLIENTS, SERVICES = 90, 50


def world() -> tuple[Case, Calibrator, Evaluation]:
    generator = np.random.default_rng(21)
    shape = (CLIENTS, SERVICES)
    labels = generator.random(shape) < np.where(np.arange(CLIENTS) % 4 == 0, 0, 0.1)[:, None]
    # Rounded, so that there are ties.
    scores = np.round(generator.normal(size=shape) + labels, 1)
    fold = ranking_fold(
        labels, generator.random(shape) < 0.8, is_eligible_client=np.arange(CLIENTS) % 9 > 0
    )
    case = Case(scores.astype(np.float32), fold)
    calibrator = Calibrator.fit(case.score, fold)
    return case, calibrator, evaluate(case.score, fold, calibrator=calibrator, resamples=0)


def only_ids() -> Marts:
    nothing = pa.table({})
    clients = pa.table({Columns.CLIENT_ID: [f"c{i}" for i in range(CLIENTS)]})
    services = pa.table({Columns.SERVICE_ID: [f"s{i}" for i in range(SERVICES)]})
    return Marts(clients, services, nothing)


@pytest.fixture(scope="module")
def found() -> tuple[Case, Evaluation, list[dict[str, Any]]]:
    case, _, evaluation = world()
    rows = holdout_rows("r", "ease", case.fold, evaluation, only_ids())
    assert rows.schema.names == list(contracts.HOLDOUT_PREDICTIONS.column_names)
    return case, evaluation, rows.to_pylist()


def pair(row: dict[str, Any]) -> tuple[int, int]:
    return int(row[Columns.CLIENT_ID][1:]), int(row[Columns.SERVICE_ID][1:])


def test_rows_are_the_labels_and_the_first_offers(
    found: tuple[Case, Evaluation, list[dict[str, Any]]],
) -> None:
    case, _, rows = found
    kept = [pair(row) for row in rows]
    assert len(set(kept)) == len(kept)
    places = np.full(case.mask.shape, 10_000)
    for client in case.fold.eligible_clients:
        candidates = np.flatnonzero(case.mask[client])
        order = candidates[np.argsort(-case.scores[client, candidates], kind="stable")]
        places[client, order] = np.arange(1, len(order) + 1)
    wanted = (places <= DEPTH) | case.labels
    assert set(kept) == set(zip(*(axis.tolist() for axis in np.nonzero(wanted)), strict=True))
    assert any(row[Columns.CANDIDATE_RANK] > DEPTH for row in rows)
    for row in rows:
        client, service = pair(row)
        assert row[Columns.CANDIDATE_RANK] == places[client, service]
        assert row[Columns.IS_POSITIVE] == case.labels[client, service]
        assert row[Columns.CANDIDATE_COUNT] == case.mask[client].sum()
        assert row[Columns.SCORE] == case.scores[client, service]
        own = case.scores[client, case.mask[client]]
        mid = (own > row[Columns.SCORE]).sum() + ((own == row[Columns.SCORE]).sum() + 1) / 2
        assert row[Columns.MID_RANK] == (mid if row[Columns.IS_POSITIVE] else None)


def test_figures_can_be_computed_again(
    found: tuple[Case, Evaluation, list[dict[str, Any]]],
) -> None:
    _, evaluation, rows = found
    offers = [row for row in rows if row[Columns.CANDIDATE_RANK] <= DEPTH]
    errors = [(row[Columns.PROBABILITY] - row[Columns.IS_POSITIVE]) ** 2 for row in offers]
    assert np.mean(errors) == pytest.approx(evaluation.value("brier_score"), abs=1e-12)
    takers = {pair(row)[0] for row in rows if row[Columns.IS_POSITIVE]}
    hits = {
        pair(row)[0]
        for row in rows
        if row[Columns.IS_POSITIVE] and row[Columns.CANDIDATE_RANK] <= 10
    }
    assert len(hits) / len(takers) == pytest.approx(evaluation.value("hr@10"))


def test_deeper_labels_are_no_likelier_than_the_offers_before_them(
    found: tuple[Case, Evaluation, list[dict[str, Any]]],
) -> None:
    _, _, rows = found
    least: dict[int, float] = {}
    for row in sorted(rows, key=lambda row: int(row[Columns.CANDIDATE_RANK])):
        client = pair(row)[0]
        assert row[Columns.PROBABILITY] <= least.get(client, 1.0) + 1e-12
        least[client] = row[Columns.PROBABILITY]
