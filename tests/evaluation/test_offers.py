"""Offers of every eligible client, judged: against a plain loop, and their odd cases."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings

from ml.evaluation.calibration import Calibrator
from ml.evaluation.figures import metric_rows
from ml.evaluation.lift import probability_deciles
from ml.evaluation.offers import judge_offers, offer_figures
from ml.evaluation.protocol import evaluate
from ml.ranking import DEPTH, top_k
from tests.evaluation.folds import Case, cases, ranking_fold, scorer


@functools.cache
def world() -> Case:
    generator = np.random.default_rng(11)
    shape = (200, 60)
    labels = generator.random(shape) < np.where(np.arange(200) % 3 == 0, 0.0, 0.06)[:, None]
    scores = generator.normal(size=shape) + 1.2 * labels
    fold = ranking_fold(
        labels, generator.random(shape) < 0.9, is_eligible_client=np.arange(200) % 10 > 0
    )
    return Case(scores.astype(np.float32), fold)


@functools.cache
def calibrator() -> Calibrator:
    return Calibrator.fit(world().score, world().fold)


def test_every_eligible_client_is_judged_once() -> None:
    case = world()
    found = evaluate(case.score, case.fold, calibrator=calibrator(), resamples=10)
    assert found.offers is not None
    top = found.offers.top
    assert sorted(top.clients.tolist()) == case.fold.eligible_clients.tolist()
    labelled = case.fold.labelled_clients
    np.testing.assert_array_equal(top.clients[: len(labelled)], labelled)
    whole = top_k(case.score, case.fold, top.clients, DEPTH)
    np.testing.assert_array_equal(top.services, whole.services)
    np.testing.assert_array_equal(top.spread.counts, whole.spread.counts)


def test_figures_by_a_plain_loop() -> None:
    case = world()
    evaluation = evaluate(case.score, case.fold, calibrator=calibrator(), resamples=50)
    assert evaluation.offers is not None
    offers, taken = evaluation.offers, case.labels
    pairs = [
        (offers.probabilities[row, place], bool(taken[client, service]))
        for row, client in enumerate(offers.top.clients)
        for place, service in enumerate(offers.top.services[row])
        if service >= 0
    ]
    stated, outcomes = (np.array(column) for column in zip(*pairs, strict=True))
    best = probability_deciles(stated) == 1
    expected = {
        "brier_score": np.mean((stated - outcomes) ** 2),
        "mean_probability": stated.mean(),
        "positive_rate": outcomes.mean(),
        "lift_top_decile": outcomes[best].mean() / outcomes.mean(),
        "gain_top_decile": outcomes[best].sum() / outcomes.sum(),
        "conversions_top_decile": outcomes[best].sum(),
    }
    for metric, value in expected.items():
        [row] = [r for r in evaluation.rows if r.metric == metric]
        assert row.segment == "all"
        assert row.value == pytest.approx(value, abs=1e-12)
        assert row.client_count == len(case.fold.eligible_clients)
        if metric != "conversions_top_decile":
            assert row.value is not None and row.ci_low is not None and row.ci_high is not None
            assert row.ci_low < row.value < row.ci_high
    assert evaluation.value("lift_top_decile") == pytest.approx(offers.lift.lifts[0])
    assert evaluation.value("calibration_error") == (offers.calibration.expected_calibration_error)


def test_the_interval_of_a_lift_is_that_of_resampled_clients() -> None:
    """Against the slow way: draw clients and divide their rates anew."""
    case = world()
    offers = judge_offers(
        top_k(case.score, case.fold, case.fold.eligible_clients, DEPTH), case.fold, calibrator()
    )
    rows = metric_rows("all", offer_figures(offers), resamples=600, seed=1)
    [row] = [r for r in rows if r.metric == "lift_top_decile"]
    is_offer = offers.top.services >= 0
    is_best = np.zeros(is_offer.shape, bool)
    is_best[is_offer] = probability_deciles(offers.probabilities[is_offer]) == 1
    generator = np.random.default_rng(2)
    slow = []
    for _ in range(600):
        drawn = generator.integers(0, len(is_offer), len(is_offer))
        taken = offers.is_taken[drawn]
        rate = taken[is_best[drawn]].mean()
        slow.append(rate / taken[is_offer[drawn]].mean())
    low, high = np.quantile(slow, [0.025, 0.975])
    assert row.ci_low == pytest.approx(low, abs=0.15 * (high - low))
    assert row.ci_high == pytest.approx(high, abs=0.15 * (high - low))


@given(cases())
@settings(deadline=None, max_examples=60)
def test_odd_folds_give_numbers_or_none(case: Case) -> None:
    found = evaluate(case.score, case.fold, calibrator=calibrator(), resamples=10)
    assert found.offers is not None
    assert not found.offers.is_taken[found.offers.top.services < 0].any()
    for row in found.rows:
        for value in (row.value, row.ci_low, row.ci_high):
            assert value is None or np.isfinite(value)


def test_where_nobody_may_be_offered_anything() -> None:
    fold = ranking_fold([[1, 0]], is_eligible_client=[False])
    top = top_k(scorer([[1.0, 0.0]]), fold, fold.eligible_clients, 2)
    figures = offer_figures(judge_offers(top, fold, calibrator()))
    assert {figure.value for figure in figures.values()} == {None}
    assert {figure.client_count for figure in figures.values()} == {0}


def test_where_nothing_converts() -> None:
    fold = ranking_fold(np.zeros((6, 5)))
    top = top_k(scorer(np.arange(30).reshape(6, 5)), fold, fold.eligible_clients, 5)
    figures = offer_figures(judge_offers(top, fold, calibrator()))
    assert figures["lift_top_decile"].value is None
    assert figures["gain_top_decile"].value is None
    assert figures["conversions_top_decile"].value == 0.0
    assert figures["positive_rate"].value == 0.0


def test_where_equals_leave_the_top_decile_empty() -> None:
    """No probability stands out: no lift to tell, and no conversion in the top decile."""
    fold = ranking_fold([[1, 0], [1, 0], [0, 0]])
    top = top_k(scorer(np.zeros((3, 2))), fold, fold.eligible_clients, 2)
    figures = offer_figures(judge_offers(top, fold, calibrator()))
    assert figures["lift_top_decile"].value is None
    assert figures["gain_top_decile"].value == 0.0
    assert figures["conversions_top_decile"].value == 0.0
