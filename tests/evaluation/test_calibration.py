"""Probabilities that are right, in the order of the offers, and the same wherever asked for."""

from __future__ import annotations

import functools
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import sparse
from scipy.special import expit

from ml.dataset import FloatArray, Fold
from ml.errors import InputError
from ml.evaluation.calibration import Calibrator, Evidence
from ml.evaluation.calibration_sample import client_covariates
from ml.evaluation.offers import judge_offers
from ml.evaluation.reliability import Calibration, measure_calibration
from ml.ranking import iter_top_k, rank_labels, top_k
from tests.evaluation.folds import Case, cases, everybody, ranking_fold, scorer
from tests.models.folds import make_fold

CLIENTS, SERVICES = 1500, 60


def world(seed: int) -> tuple[Case, FloatArray]:
    """Clients who differ in appetite; scores that know taste but not appetite.

    Each client's scores are stretched and moved in its own way, so that they do not compare
    across clients. Also gives the true probabilities.
    """
    generator = np.random.default_rng(seed)
    appetite = generator.normal(0, 1, CLIENTS)
    taste = generator.normal(0, 1.2, (CLIENTS, SERVICES))
    truth = expit(taste + appetite[:, None] - 3.5)
    breadth = np.clip(np.round(10 * np.exp(0.5 * appetite)), 1, 40).astype(int)
    owned = np.arange(SERVICES) < breadth[:, None]
    labels = (generator.random(truth.shape) < truth) & ~owned
    activity = expit(appetite + generator.normal(0, 0.5, CLIENTS))
    fold = make_fold(owned, labels=labels, client_features=np.column_stack([activity, owned[:, 3]]))
    fold = replace(fold, client_feature_names=("activity", "band=3"))
    stretch = np.exp(generator.normal(0, 1, (CLIENTS, 1)))
    scores = stretch * taste + generator.normal(0, 5, (CLIENTS, 1))
    return Case(scores.astype(np.float32), fold), truth


def measured(calibrator: Calibrator, case: Case, depth: int = SERVICES) -> Calibration:
    """Of the first candidates of every client, or of all."""
    top = top_k(case.score, case.fold, case.clients, depth)
    return judge_offers(top, case.fold, calibrator).calibration


@pytest.fixture(scope="module")
def validation() -> Case:
    return world(1)[0]


@pytest.fixture(scope="module")
def test_case() -> tuple[Case, FloatArray]:
    return world(2)


@pytest.fixture(scope="module")
def calibrator() -> Calibrator:
    return fitted_on_world()


def test_probabilities_hold_on_new_clients(
    calibrator: Calibrator, test_case: tuple[Case, FloatArray]
) -> None:
    case, _ = test_case
    for depth in (10, SERVICES):
        found = measured(calibrator, case, depth)
        assert found.mean_probability == pytest.approx(found.positive_rate, rel=0.05)
        assert found.expected_calibration_error < 0.1 * found.positive_rate


def test_probabilities_know_appetite_and_taste(
    calibrator: Calibrator, test_case: tuple[Case, FloatArray]
) -> None:
    """Nearly as good as the truth, much better than one rate for all."""
    case, truth = test_case
    mask = case.mask
    taken = case.labels[mask]
    best = measure_calibration(truth[mask].astype(np.float64), taken)
    flat = measure_calibration(np.full(mask.sum(), taken.mean()), taken)
    found = measured(calibrator, case)
    assert found.pair_count == mask.sum()
    share = (flat.log_loss - found.log_loss) / (flat.log_loss - best.log_loss)
    assert share > 0.8


def test_expected_adoptions_add_up(
    calibrator: Calibrator, test_case: tuple[Case, FloatArray]
) -> None:
    case, truth = test_case
    expected = calibrator.expected_adoptions(case.fold)
    assert expected.sum() == pytest.approx(case.labels.sum(), rel=0.05)
    assert np.corrcoef(expected, (truth * case.mask).sum(axis=1))[0, 1] > 0.7


@given(cases())
@settings(deadline=None, max_examples=60)
def test_probabilities_follow_the_offers(case: Case) -> None:
    calibrator = fitted_on_world()
    top = top_k(case.score, case.fold, case.clients, case.fold.n_services)
    found = calibrator.transform_top(top, case.fold)
    assert (np.isnan(found) == (top.services < 0)).all()
    for row, scores in zip(found, top.scores, strict=True):
        known = row[~np.isnan(row)]
        assert ((known > 0) & (known < 1)).all()
        assert (np.diff(known) <= 0).all()
        ties = np.diff(scores[: len(known)]) == 0
        assert (np.diff(known)[ties] == 0).all()


@functools.cache
def fitted_on_world() -> Calibrator:
    case, _ = world(1)
    return Calibrator.fit(case.score, case.fold)


def test_depth_does_not_change_a_probability(calibrator: Calibrator, validation: Case) -> None:
    fold, clients = validation.fold, validation.clients
    few = calibrator.transform_top(top_k(validation.score, fold, clients, 5), fold)
    many = calibrator.transform_top(top_k(validation.score, fold, clients, SERVICES), fold)
    np.testing.assert_array_equal(few, many[:, :5])


def test_labels_get_the_probability_of_their_place(
    calibrator: Calibrator, validation: Case
) -> None:
    fold, clients = validation.fold, validation.clients
    ranks = rank_labels(validation.score, fold, clients)
    found = calibrator.transform_labels(ranks, fold)
    whole = calibrator.transform_top(top_k(validation.score, fold, clients, SERVICES), fold)
    np.testing.assert_allclose(found, whole[ranks.positions, ranks.ranks - 1], rtol=1e-12)


def test_blocks_change_nothing(calibrator: Calibrator, validation: Case) -> None:
    assert Calibrator.fit(validation.score, validation.fold, block_size=77) == calibrator
    parts = [
        calibrator.transform_top(top, validation.fold)
        for top in iter_top_k(validation.score, validation.fold, validation.clients, 9, 100)
    ]
    whole = top_k(validation.score, validation.fold, validation.clients, 9)
    np.testing.assert_array_equal(
        np.concatenate(parts), calibrator.transform_top(whole, validation.fold)
    )


def test_stretched_and_moved_scores_give_equal_probabilities(
    calibrator: Calibrator, validation: Case
) -> None:
    """A refit may change the scale of scores; powers of two keep every bit."""
    fold, clients = validation.fold, validation.clients
    first = top_k(validation.score, fold, clients, 9)
    second = top_k(scorer(validation.scores * 4), fold, clients, 9)
    np.testing.assert_allclose(
        calibrator.transform_top(first, fold), calibrator.transform_top(second, fold), rtol=1e-9
    )


def test_state_survives_json(calibrator: Calibrator) -> None:
    assert Calibrator.from_dict(json.loads(json.dumps(calibrator.to_dict()))) == calibrator


def test_labelled_clients_alone_would_promise_too_much(
    calibrator: Calibrator, validation: Case
) -> None:
    narrow = Calibrator.fit(
        validation.score, validation.fold, clients=validation.fold.labelled_clients
    )
    found = measured(narrow, validation)
    assert found.mean_probability > 1.02 * found.positive_rate


def test_one_hot_features_are_left_out(validation: Case) -> None:
    names, figures = client_covariates(
        validation.fold, np.arange(validation.fold.n_clients, dtype=np.int32)
    )
    assert names[1:] == ("activity",)
    assert figures.shape == (CLIENTS, 2)


def test_a_fold_without_the_features_still_gets_probabilities(
    calibrator: Calibrator, validation: Case
) -> None:
    bare = replace(
        validation.fold,
        client_features=sparse.csr_matrix((CLIENTS, 0), dtype=np.float32),
        client_feature_names=(),
    )
    found = calibrator.transform_top(top_k(validation.score, bare, validation.clients, 3), bare)
    assert np.isfinite(found).all()


def tiny(labels: list[list[int]]) -> tuple[Fold, Calibrator]:
    fold = ranking_fold(labels)
    scores = np.arange(fold.n_clients * fold.n_services).reshape(fold.labels.shape)
    return fold, Calibrator.fit(scorer(scores), fold)


@pytest.mark.parametrize(
    ("labels", "low", "high"),
    [
        ([[0, 0, 0, 0]] * 10, 0.0, 0.03),
        ([[1, 1, 1, 1]] * 10, 0.97, 1.0),
        ([[0, 0, 0, 1]], 0.1, 0.5),
        ([[1]], 0.5, 1.0),
    ],
)
def test_few_or_one_sided_labels(labels: list[list[int]], low: float, high: float) -> None:
    fold, calibrator = tiny(labels)
    table = np.zeros(fold.labels.shape)
    top = top_k(scorer(table), fold, everybody(fold), fold.n_services)
    mean = calibrator.transform_top(top, fold).mean()
    assert low < mean < high


def test_nobody_may_be_offered_anything() -> None:
    fold = ranking_fold([[1, 0]], is_eligible_client=[False])
    with pytest.raises(InputError, match="fold 'validation' has no pair"):
        Calibrator.fit(scorer([[1.0, 0.0]]), fold)
    assert len(fold.eligible_clients) == 0


def test_one_client_with_few_candidates_can_be_calibrated_on() -> None:
    """No candidate is left to draw beside the first ones."""
    labels = np.zeros((1, 5), dtype=bool)
    labels[0, 2] = True
    fold = ranking_fold(labels)
    score = scorer(np.arange(5, dtype=np.float32)[None, :])
    found = Calibrator.fit(score, fold).transform_top(
        top_k(score, fold, np.zeros(1, np.int32), 5), fold
    )
    assert ((found > 0) & (found < 1)).all()


def later(case: Case) -> Case:
    """The same a month later."""
    fold = case.fold
    step = fold.horizon_end_at - fold.cutoff_at
    return replace(
        case,
        fold=replace(
            fold, cutoff_at=fold.horizon_end_at, horizon_end_at=fold.horizon_end_at + step
        ),
    )


def test_on_its_own_fold_nothing_moves(calibrator: Calibrator, validation: Case) -> None:
    assert calibrator.moved_to(validation.score, validation.fold) is calibrator


def test_scores_that_are_spread_otherwise_are_told_alike(
    calibrator: Calibrator, test_case: tuple[Case, FloatArray]
) -> None:
    """Half of the candidates fall far behind: the first are then less ahead of all others."""
    case = later(test_case[0])
    order = case.scores.argsort(axis=1).argsort(axis=1)
    behind = np.where(order < SERVICES // 2, 20 * case.scores.std(axis=1, keepdims=True), 0)
    spread = replace(case, scores=(case.scores - behind).astype(np.float32))
    plain, moved = (
        measured(found, spread, 10)
        for found in (calibrator, calibrator.moved_to(spread.score, spread.fold))
    )
    assert plain.mean_probability < 0.8 * plain.positive_rate
    assert moved.mean_probability == pytest.approx(moved.positive_rate, rel=0.1)
    assert moved.expected_calibration_error < 0.8 * plain.expected_calibration_error


def test_what_all_candidates_promise_is_what_a_client_takes_up(
    calibrator: Calibrator, test_case: tuple[Case, FloatArray]
) -> None:
    case = later(test_case[0])
    moved = calibrator.moved_to(case.score, case.fold)
    assert Calibrator.from_dict(json.loads(json.dumps(moved.to_dict()))) == moved
    top = top_k(case.score, case.fold, case.clients, SERVICES)
    promised = np.nansum(moved.transform_top(top, case.fold))
    assert promised == pytest.approx(moved.expected_adoptions(case.fold).sum(), rel=0.02)


def test_moving_looks_at_no_label(
    calibrator: Calibrator, test_case: tuple[Case, FloatArray]
) -> None:
    case = later(test_case[0])
    blind = replace(case.fold, labels=case.fold.interactions)
    assert calibrator.moved_to(case.score, case.fold) == calibrator.moved_to(case.score, blind)


def test_several_folds_count_together(validation: Case, test_case: tuple[Case, FloatArray]) -> None:
    """One month takes half of what the other does: together they promise what lies between."""
    second = later(test_case[0])
    kept = np.random.default_rng(1).random(second.fold.labels.nnz) < 0.5
    few = second.fold.labels.copy()
    few.data = kept.astype(np.float32)
    few.eliminate_zeros()
    second = replace(second, fold=replace(second.fold, labels=few))
    evidence = [Evidence.of(case.score, case.fold) for case in (validation, second)]
    alone, other, both = (
        measured(Calibrator.fit_on(chosen), validation, 10).mean_probability
        for chosen in (evidence[:1], evidence[1:], evidence)
    )
    assert both == pytest.approx((alone + other) / 2, rel=0.1)
    assert other < 0.7 * alone
