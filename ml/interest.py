"""What clients looked at: of old it tells tastes, of late it tells intents.

Who keeps looking at running shoes likes them, bought or not. So a pair that was looked at and
not bought is history that models learn tastes from (:func:`with_interests`), beside purchases;
it stays a candidate, is no label and no reason, and only what was bought is owned.

And nobody is likelier to take a service up than who just put it in the cart. Any model's score
``s`` becomes

    ``s + weight * interest``

with ``interest`` as ``learning.interests`` has it (above zero, on a log scale). The weight is
chosen on validation, for each model, because scores of different models have different scales.
Where nothing is known of interest, scores stay as they are, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import sparse

from ml.dataset import FloatArray, Fold, IntArray
from ml.evaluation.protocol import EpochEvaluator, Scores
from ml.ranking import Scorer

FACTORS: Final = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Weights that are tried, in standard deviations of a client's scores."""

_SAMPLE: Final = 512


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


@dataclass(frozen=True)
class WithInterest:
    """A model's scores with what clients looked at added.

    Parameters
    ----------
    model : object with ``score``
    fold : Fold
        Whose interests count: those of the fold that the model was fitted on.
    weight : float
        What one unit of interest adds to a score.
    """

    model: Scores
    fold: Fold
    weight: float

    def score(self, clients: IntArray) -> FloatArray:
        """Scores of all services for some clients.

        Parameters
        ----------
        clients : ndarray of int32, (n,)

        Returns
        -------
        ndarray of float32, (n, n_services)
        """
        scores = self.model.score(clients)
        interests = self.fold.interests
        if self.weight and interests is not None:
            block = interests[clients]
            rows = np.repeat(np.arange(len(clients)), np.diff(block.indptr))
            scores[rows, block.indices] += np.float32(self.weight) * block.data
        return scores


def scorer(model: Scores, fold: Fold, weight: float) -> Scorer:
    """``model.score`` with interest added; ``model.score`` itself where the weight is zero."""
    return WithInterest(model, fold, weight).score if weight else model.score


def choose_weight(model: Scores, fold: Fold, block_size: int) -> float:
    """The weight with the best NDCG@10 on a fold's labels; the smallest of equals.

    Parameters
    ----------
    model : object with ``score``
        Fitted on the fold.
    fold : Fold
        Validation.
    block_size : int
        Clients ranked at once.

    Returns
    -------
    float
        0 where nothing is known of interest, or where it does not help.
    """
    if fold.interests is None or fold.interests.nnz == 0 or len(fold.labelled_clients) == 0:
        return 0.0
    sample = fold.labelled_clients[:_SAMPLE]
    unit = float(np.median(model.score(sample).std(axis=1)))
    evaluate = EpochEvaluator(fold, block_size)
    best_weight, best = 0.0, float("-inf")
    for factor in FACTORS:
        quality = evaluate(WithInterest(model, fold, factor * unit)).ndcg_at_10
        if quality > best:
            best_weight, best = factor * unit, quality
    return best_weight
