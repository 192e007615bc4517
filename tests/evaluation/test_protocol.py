"""The whole evaluation: rows, segments, intervals, and the look during training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import sparse

from ml.dataset import FloatArray, IntArray
from ml.evaluation.metrics import client_metrics
from ml.evaluation.protocol import EpochEvaluator, evaluate, segment_clients
from tests.evaluation.folds import Case, cases, ranking_fold, scorer

NAMES = ["auc"]
# Of 40 services some 36 can be offered: the first 20 would be more than half of them.
TOLD = (1, 3, 5, 10)
NAMES += [f"{m}@{k}" for k in TOLD for m in ("hr", "recall", "precision", "ndcg", "map")]
NAMES += [f"{m}@{k}" for k in TOLD for m in ("novelty", "popularity_bias")]
NAMES += ["auc_overall", *(f"coverage@{k}" for k in TOLD)]


def world(cold: int = 20) -> Case:
    generator = np.random.default_rng(5)
    shape = (120, 40)
    labels = generator.random(shape) < 0.08
    scores = generator.normal(size=shape) + 1.5 * labels
    is_cold = np.arange(shape[0]) < cold
    fold = ranking_fold(labels, generator.random(shape) < 0.9, is_cold=is_cold)
    return Case(scores.astype(np.float32), fold)


def test_every_metric_has_a_row_in_every_segment() -> None:
    case = world()
    found = evaluate(case.score, case.fold, resamples=50)
    assert [(r.segment, r.metric) for r in found.rows] == [
        (segment, name) for segment in ("all", "warm", "cold") for name in NAMES
    ]
    for row in found.rows:
        assert row.value is not None
        if row.metric.startswith("coverage"):
            assert row.ci_low is None
        else:
            assert row.ci_low is not None and row.ci_high is not None
            assert row.ci_low <= row.value <= row.ci_high
            assert type(row.value) is type(row.ci_low) is float


@pytest.mark.parametrize(
    ("services", "told"),
    [(2, (1,)), (7, (1, 3)), (20, (1, 3, 5)), (22, (1, 3, 5, 10)), (60, (1, 3, 5, 10, 20))],
)
def test_what_is_half_of_the_catalogue_is_not_told(services: int, told: tuple[int, ...]) -> None:
    labels = np.random.default_rng(0).random((30, services)) < 0.3
    fold = ranking_fold(labels)
    found = evaluate(scorer(np.zeros(labels.shape)), fold, resamples=0)
    metrics = {row.metric for row in found.rows}
    assert {name for name in metrics if name.startswith("hr@")} == {f"hr@{k}" for k in told}
    assert found.k == min(max(told), 10)
    assert found.choice_metric == f"ndcg@{found.k}"
    # What clients have cannot be offered: it counts no longer.
    owned = sparse.csr_matrix(
        np.tile(np.arange(services) < services // 2, (30, 1)), dtype=np.float32
    )
    fewer = evaluate(
        scorer(np.zeros(labels.shape)), replace(fold, ineligible_pairs=owned), resamples=0
    )
    assert fewer.k < found.k or found.k == 1 or max(told) == 20


def test_values_are_means_over_the_segments_clients() -> None:
    case = world()
    found = evaluate(case.score, case.fold, resamples=20)
    clients = found.ranks.clients
    np.testing.assert_array_equal(clients, case.fold.labelled_clients)
    values = client_metrics(found.ranks)
    assert len(found.ranks.candidate_scores) == 0
    for name, members in segment_clients(case.fold, clients).items():
        expected = np.nanmean(values["ndcg@10"][members])
        assert found.value("ndcg@10", name) == pytest.approx(expected)
        [row] = [r for r in found.rows if (r.segment, r.metric) == (name, "ndcg@10")]
        assert row.client_count == (~np.isnan(values["ndcg@10"][members])).sum()
    with pytest.raises(KeyError):
        found.value("ndcg@11")


def test_an_empty_segment_has_no_values() -> None:
    case = world(cold=0)
    cold = [r for r in evaluate(case.score, case.fold, resamples=20).rows if r.segment == "cold"]
    assert len(cold) == len(NAMES)
    for row in cold:
        assert (row.value, row.ci_low, row.ci_high, row.client_count) == (None, None, None, 0)


def test_a_fold_without_labels_has_no_values() -> None:
    fold = ranking_fold(np.zeros((4, 3)))
    found = evaluate(scorer(np.zeros((4, 3))), fold, resamples=20)
    assert all(row.value is None and row.client_count == 0 for row in found.rows)
    quality = EpochEvaluator(fold)(Table(np.zeros((4, 3), np.float32)))
    assert (quality.auc, quality.ndcg_at_10) == (0.0, 0.0)


@given(cases())
@settings(deadline=None, max_examples=50)
def test_odd_folds_give_numbers_or_none(case: Case) -> None:
    for row in evaluate(case.score, case.fold, resamples=10).rows:
        for value in (row.value, row.ci_low, row.ci_high):
            assert value is None or np.isfinite(value)


def test_same_seed_same_figures_for_any_block_size() -> None:
    case = world()
    first = evaluate(case.score, case.fold, resamples=50, seed=3, block_size=7)
    assert first.rows == evaluate(case.score, case.fold, resamples=50, seed=3).rows
    assert first.rows != evaluate(case.score, case.fold, resamples=50, seed=4).rows


def test_intervals_can_be_left_out() -> None:
    case = world()
    plain = evaluate(case.score, case.fold, resamples=0).rows
    full = evaluate(case.score, case.fold, resamples=20).rows
    assert all(row.ci_low is None and row.ci_high is None for row in plain)
    assert [row.value for row in plain] == [row.value for row in full]


def test_the_pooled_interval_is_that_of_resampled_clients() -> None:
    """Against the slow way: pool each resample's clients and compare all pairs anew."""
    case = world()
    found = evaluate(case.score, case.fold, resamples=400)
    [row] = [r for r in found.rows if (r.segment, r.metric) == ("all", "auc_overall")]
    assert row.ci_low is not None and row.ci_high is not None
    generator = np.random.default_rng(0)
    clients = case.fold.labelled_clients
    slow = []
    for _ in range(400):
        drawn = generator.choice(clients, len(clients))
        mask, labels, scores = case.mask[drawn], case.labels[drawn], case.scores[drawn]
        positive, negative = scores[labels], np.sort(scores[mask & ~labels])
        slow.append(np.searchsorted(negative, positive).mean() / len(negative))
    low, high = np.quantile(slow, [0.025, 0.975])
    width = high - low
    assert row.ci_low == pytest.approx(low, abs=0.15 * width)
    assert row.ci_high == pytest.approx(high, abs=0.15 * width)


class Table:
    """A model that only looks up."""

    def __init__(self, scores: FloatArray) -> None:
        self._scores = scores

    def score(self, clients: IntArray) -> FloatArray:
        return self._scores[clients]


def test_the_look_during_training_equals_the_evaluation() -> None:
    case = world()
    quality = EpochEvaluator(case.fold, block_size=16)(Table(case.scores))
    found = evaluate(case.score, case.fold, resamples=0)
    assert quality.auc == pytest.approx(found.value("auc"))
    assert quality.ndcg_at_10 == pytest.approx(found.value("ndcg@10"))


def test_segments_of_clients_have_the_figures_of_their_members() -> None:
    case = world()
    in_first_half = np.arange(120) < 60
    fold = replace(case.fold, client_segments={"age: 25-34": in_first_half})
    found = evaluate(case.score, fold, resamples=20)
    own = evaluate(
        case.score,
        fold,
        segments={"members": in_first_half[fold.labelled_clients]},
        resamples=20,
    )
    segment = {r.metric: r for r in found.rows if r.segment == "age: 25-34"}
    assert set(segment) == {
        *(f"{m}@10" for m in ("hr", "recall", "precision", "ndcg", "map", "coverage")),
        *("auc", "novelty@10", "popularity_bias@10"),
    }
    for metric, row in segment.items():
        [expected] = [r for r in own.rows if (r.segment, r.metric) == ("members", metric)]
        assert replace(row, segment="members") == expected


def test_partners_are_judged_by_their_own_labels() -> None:
    """Ranked among all candidates, over the clients who took something of the partner."""
    case = world()
    is_theirs = np.arange(40) < 5
    fold = replace(
        case.fold,
        service_segments={"partner: P": is_theirs, "partner: Q": np.zeros(40, dtype=bool)},
    )
    found = evaluate(case.score, fold, resamples=20)
    theirs = replace(fold, labels=sparse.csr_matrix(fold.labels.toarray() * is_theirs))
    alone = evaluate(case.score, theirs, resamples=0)
    rows = [r for r in found.rows if r.segment == "partner: P"]
    assert {r.metric for r in rows} == {
        "auc", *(f"{m}@10" for m in ("hr", "recall", "precision", "ndcg", "map")),
    }  # fmt: skip
    for row in rows:
        assert row.value == pytest.approx(alone.value(row.metric))
        assert row.ci_low is not None and row.value is not None and row.ci_low <= row.value
        assert row.client_count == (case.labels[:, is_theirs].sum(axis=1) > 0).sum()
    assert {(r.value, r.client_count) for r in found.rows if r.segment == "partner: Q"} == {
        (None, 0)
    }
