"""What clients looked at lately, added to what a model learned from purchases.

A view or a cart is no purchase, so models do not learn it as one; but nobody is likelier to take
a service up than who just put it in the cart. Any model's score ``s`` becomes

    ``s + weight * interest``

with ``interest`` as ``learning.interests`` has it (above zero, on a log scale). The weight is
chosen on validation, for each model, because scores of different models have different scales.
Where nothing is known of interest, scores stay as they are, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.dataset import FloatArray, Fold, IntArray
from ml.evaluation.protocol import EpochEvaluator, Scores
from ml.ranking import Scorer

FACTORS: Final = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Weights that are tried, in standard deviations of a client's scores."""

_SAMPLE: Final = 512


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
