from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from ml.dataset import FloatArray, Fold, IntArray
from ml.interest import WithInterest, choose_weight, scorer, with_interests
from tests.evaluation.folds import ranking_fold


class Table:
    """Scores from a table."""

    def __init__(self, scores: FloatArray) -> None:
        self.scores = scores

    def score(self, clients: IntArray) -> FloatArray:
        return self.scores[clients].copy()


def looked_at(fold: Fold, interests: FloatArray | None) -> Fold:
    return replace(fold, interests=None if interests is None else sparse.csr_matrix(interests))


@pytest.fixture
def world() -> tuple[Table, Fold]:
    """Forty clients, ten services; each takes one that random scores know nothing of."""
    generator = np.random.default_rng(0)
    labels = np.zeros((40, 10), dtype=bool)
    labels[np.arange(40), generator.integers(1, 10, 40)] = True
    return Table(generator.normal(size=(40, 10)).astype(np.float32)), ranking_fold(labels)


def test_interest_is_added_by_client_and_service() -> None:
    fold = looked_at(
        ranking_fold(np.eye(3, dtype=bool)), np.array([[0, 2, 0], [0, 0, 0], [1, 0, 3]], np.float32)
    )
    model = Table(np.ones((3, 3), dtype=np.float32))
    found = WithInterest(model, fold, 0.5).score(np.array([2, 0], dtype=np.int32))
    assert found.tolist() == [[1.5, 1.0, 2.5], [1.0, 2.0, 1.0]]
    assert found.dtype == np.float32
    assert (model.scores == 1).all()


def test_without_a_weight_the_model_itself_scores(world: tuple[Table, Fold]) -> None:
    model, fold = world
    assert scorer(model, fold, 0.0) == model.score
    nothing_known = WithInterest(model, fold, 1.0).score(np.arange(40, dtype=np.int32))
    assert np.array_equal(nothing_known, model.scores)


@pytest.mark.parametrize("interests", [None, np.zeros((40, 10), np.float32)])
def test_no_interest_has_no_weight(world: tuple[Table, Fold], interests: FloatArray | None) -> None:
    model, fold = world
    assert choose_weight(model, looked_at(fold, interests), 16) == 0.0


def test_interest_that_tells_is_weighed_and_noise_is_not(world: tuple[Table, Fold]) -> None:
    model, fold = world
    labels = fold.labels.toarray()
    telling = looked_at(fold, labels.astype(np.float32))
    weight = choose_weight(model, telling, 16)
    assert weight > 0
    ranks = WithInterest(model, telling, weight).score(np.arange(40, dtype=np.int32))
    assert (ranks.argmax(axis=1) == labels.argmax(axis=1)).mean() > 0.9
    # A model that already knows gains nothing from what clients looked at in vain.
    knowing = Table((labels * 5 + model.scores * 0.01).astype(np.float32))
    misleading = looked_at(fold, (labels == 0).astype(np.float32))
    assert choose_weight(knowing, misleading, 16) == 0.0


def test_what_was_only_looked_at_becomes_history_and_nothing_else() -> None:
    fold = ranking_fold(np.eye(3, dtype=bool))
    owned = np.array([[0.5, 0, 0], [0, 0, 2.0], [0, 0, 0]], np.float32)
    seen = np.array([[0.1, 0.2, 0], [0, 0, 0], [0, 0, 0.3]], np.float32)
    fold = replace(
        fold,
        interactions=sparse.csr_matrix(owned),
        adoption_age=sparse.csr_matrix(owned * 10),
        interests=sparse.csr_matrix(seen),
        interest_age=sparse.csr_matrix(seen * 100),
    )
    learned = with_interests(fold)
    assert learned.interactions.toarray().tolist() == [[0.5, 1, 0], [0, 0, 2], [0, 0, 1]]
    assert learned.adoption_age is not None
    expected = np.array([[5, 20, 0], [0, 0, 20], [0, 0, 30]], np.float32)
    assert np.allclose(learned.adoption_age.toarray(), expected)
    # What may be offered, and what is a hit, stay as they were.
    assert learned.labels is fold.labels
    assert learned.ineligible_pairs is fold.ineligible_pairs


def test_without_web_events_models_learn_from_the_fold_itself() -> None:
    fold = ranking_fold(np.eye(3, dtype=bool))
    assert with_interests(fold) is fold
