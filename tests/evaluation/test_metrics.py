"""Metrics against scikit-learn, and by hand where it has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import average_precision_score, ndcg_score, roc_auc_score

from ml.evaluation import metrics
from ml.ranking import LabelRanks, rank_labels
from tests.evaluation.folds import Case, cases, everybody, ranking_fold, scorer


def ranked(case: Case) -> LabelRanks:
    return rank_labels(case.score, case.fold, case.clients, keep_scores=True)


@given(cases())
@settings(deadline=None)
def test_auc_is_that_of_scikit_learn(case: Case) -> None:
    found = metrics.auc(ranked(case))
    for client in case.clients:
        mask = case.mask[client]
        labels = case.labels[client, mask]
        if labels.all() or not labels.any():
            assert np.isnan(found[client])
        else:
            expected = roc_auc_score(labels, case.scores[client, mask])
            assert found[client] == pytest.approx(expected)


@given(cases(), st.integers(1, 14))
@settings(deadline=None)
def test_metrics_at_k_are_those_of_scikit_learn(case: Case, k: int) -> None:
    ranks = ranked(case)
    found = metrics.client_metrics(ranks, (k,))
    for client in case.clients:
        mask = case.mask[client]
        labels = case.labels[client, mask]
        values = {name: column[client] for name, column in found.items()}
        if not labels.any():
            assert all(np.isnan(value) for value in values.values())
            continue
        order = np.argsort(-case.scores[client, mask], kind="stable")
        places = np.empty(len(order))
        places[order] = np.arange(len(order))
        hits = labels[order][:k]
        assert values[f"hr@{k}"] == hits.any()
        assert values[f"recall@{k}"] == pytest.approx(hits.sum() / labels.sum())
        assert values[f"precision@{k}"] == pytest.approx(hits.sum() / k)
        if len(labels) > 1:
            expected = ndcg_score([labels], [-places], k=k)
            assert values[f"ndcg@{k}"] == pytest.approx(expected)
        precisions = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        average = precisions[hits].sum() / min(k, labels.sum())
        assert values[f"map@{k}"] == pytest.approx(average)
        if k >= len(labels):
            assert average == pytest.approx(average_precision_score(labels, -places))


def test_by_hand() -> None:
    """Three clients, six services; the third client's labels are all it may be offered."""
    scores = [
        [0.9, 0.8, 0.7, 0.6, 0.5, 0.4],
        [0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
        [0.3, 0.2, 0.1, 0.0, 0.0, 0.0],
    ]
    labels = [[0, 1, 0, 1, 0, 0], [0, 0, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0]]
    candidates = [[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0], [1, 1, 0, 0, 0, 0]]
    fold = ranking_fold(labels, np.array(candidates, dtype=bool))
    ranks = rank_labels(scorer(scores), fold, everybody(fold))
    # First client: of 2 x 4 pairs, the label in place 2 wins three, that in place 4 two.
    # Second: all tied. Third: nothing to compare with.
    np.testing.assert_allclose(metrics.auc(ranks), [5 / 8, 0.5, np.nan])
    np.testing.assert_allclose(metrics.hit_rate(ranks, 2), [1, 0, 1])
    np.testing.assert_allclose(metrics.recall(ranks, 3), [1 / 2, 1, 1])
    np.testing.assert_allclose(metrics.precision(ranks, 4), [2 / 4, 1 / 4, 2 / 4])
    log = np.log2
    np.testing.assert_allclose(
        metrics.ndcg(ranks, 4),
        [(1 / log(3) + 1 / log(5)) / (1 + 1 / log(3)), 1 / log(4), 1],
    )
    np.testing.assert_allclose(metrics.average_precision(ranks, 4), [(1 / 2 + 2 / 4) / 2, 1 / 3, 1])


def test_labels_that_may_not_be_offered_are_ignored() -> None:
    fold = ranking_fold([[1, 1, 0], [1, 0, 0]], np.array([[1, 0, 1], [0, 1, 1]], dtype=bool))
    ranks = rank_labels(scorer([[3.0, 2.0, 1.0]] * 2), fold, everybody(fold))
    assert ranks.positive_counts.tolist() == [1, 0]
    np.testing.assert_array_equal(metrics.recall(ranks, 1), [1, np.nan])


@given(cases())
@settings(deadline=None)
def test_values_lie_between_zero_and_one(case: Case) -> None:
    for values in metrics.client_metrics(ranked(case)).values():
        known = values[~np.isnan(values)]
        assert ((known >= 0) & (known <= 1 + 1e-12)).all()


@given(cases(), st.integers(0, 2))
@settings(deadline=None)
def test_labels_of_some_services_rank_among_all_candidates(case: Case, part: int) -> None:
    """As if the client had taken nothing else; every third service is wanted."""
    is_wanted = np.arange(case.fold.n_services) % 3 == part
    found = metrics.client_metrics(metrics.labels_of(ranked(case), is_wanted), (3,))
    kept = sparse.csr_matrix(case.fold.labels.toarray() * is_wanted)
    alone = Case(case.scores, replace(case.fold, labels=kept))
    for name, values in metrics.client_metrics(ranked(alone), (3,)).items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
