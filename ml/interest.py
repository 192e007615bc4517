"""What clients looked at is history too: of old it tells tastes.

Who keeps looking at running shoes likes them, bought or not. So a pair that was looked at and
not bought is history that models learn tastes from (:func:`with_interests`), beside purchases;
it stays a candidate, is no label and no reason, and only what was bought is owned. What it tells of
intents is added to the scores (:mod:`ml.adjustment`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from ml.dataset import Fold


def with_interests(fold: Fold) -> Fold:
    """The fold that models learn from: pairs that were looked at count as history too.

    Parameters
    ----------
    fold : Fold

    Returns
    -------
    Fold
        ``fold`` itself where no web events are known.

    Notes
    -----
    A pair of its own gets the weight 1, as a fresh purchase has it: how often a client looked
    says less than that it did. Its age is that of the last event.
    """
    if fold.interests is None or fold.interest_age is None or not fold.interests.nnz:
        return fold
    only_seen = _without(fold.interest_age, fold.interactions)
    history = only_seen.copy()
    history.data = np.ones_like(history.data)
    return replace(
        fold,
        interactions=sparse.csr_matrix(fold.interactions + history),
        adoption_age=None
        if fold.adoption_age is None
        else sparse.csr_matrix(fold.adoption_age + only_seen),
    )


def _without(matrix: sparse.csr_matrix, others: sparse.csr_matrix) -> sparse.csr_matrix:
    """Entries of a matrix where another one has none."""
    there = others.copy()
    there.data = np.ones_like(there.data)
    kept = sparse.csr_matrix(matrix - matrix.multiply(there))
    kept.eliminate_zeros()
    return kept
