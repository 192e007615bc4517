from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from ml.interest import with_interests
from tests.evaluation.folds import ranking_fold


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
