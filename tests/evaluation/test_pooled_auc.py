"""The AUC over all pairs against scikit-learn, with each client's part in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.metrics import roc_auc_score

from ml.evaluation.pooled_auc import pool, pooled_auc
from ml.ranking import rank_labels
from tests.evaluation.folds import Case, cases, everybody, ranking_fold, scorer


@given(cases())
@settings(deadline=None)
def test_pooled_auc_is_that_of_scikit_learn(case: Case) -> None:
    ranks = rank_labels(case.score, case.fold, case.clients, keep_scores=True)
    everyone = pool(ranks)
    cold = case.fold.is_cold_client
    for members in (np.ones(len(cold), bool), cold, ~cold):
        mask = case.mask & members[:, None]
        labels, scores = case.labels[mask], case.scores[mask]
        found = pooled_auc(ranks, members, everyone)
        if len(labels) == 0 or labels.all() or not labels.any():
            assert found.value is None
            continue
        assert found.value == pytest.approx(roc_auc_score(labels, scores))
        # Both sides' parts add up to the same figure, client by client.
        assert found.label_sums.sum() / found.label_counts.sum() == pytest.approx(found.value)
        assert found.other_sums.sum() / found.other_counts.sum() == pytest.approx(found.value)
        for client in np.flatnonzero(members):
            own = case.scores[client, case.labels[client]]
            others = scores[~labels]
            wins = (own[:, None] > others).sum() + (own[:, None] == others).sum() / 2
            assert found.label_sums[client] == pytest.approx(wins / len(others))
            own = case.scores[client, case.mask[client] & ~case.labels[client]]
            wins = (scores[labels][:, None] > own).sum() + (
                scores[labels][:, None] == own
            ).sum() / 2
            assert found.other_sums[client] == pytest.approx(wins / labels.sum())


def test_pooled_auc_needs_the_scores() -> None:
    fold = ranking_fold([[1, 0]])
    ranks = rank_labels(scorer([[1.0, 0.0]]), fold, everybody(fold))
    with pytest.raises(ValueError, match="keep_scores"):
        pooled_auc(ranks)
