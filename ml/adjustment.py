"""What is added to a model's scores after it is fitted: what sells now, and what clients look at.

Any model's score ``s`` becomes

    ``s + adoption_weight * rate + interest_weight * interest``

with ``rate`` the log adoption rate of the last ``adoption_days`` (:mod:`ml.models.adoption`) and
``interest`` as ``learning.interests`` has it, above zero and on a log scale. How fast a market
turns over is the data's to say: a wholesaler sells what last week sold, an insurer does not. And
nobody is likelier to take a service up than who just put it in the cart. So both weights, and the
days, are chosen on validation for each model, without fitting it again: scores of different models
have different scales. Where nothing is gained, scores stay as they are, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from ml.dataset import FloatArray, Fold, IntArray
from ml.evaluation.metrics import Values, ndcg
from ml.evaluation.protocol import Scores
from ml.evaluation.significance import SIGNIFICANT, standard_error
from ml.models.adoption import log_adoption_rate
from ml.ranking import Scorer, rank_labels

FACTORS: Final = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Weights that are tried, in standard deviations of a client's scores."""

DAYS: Final = (3.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0)
"""Periods that are tried for what sells now."""

_MOST_CLIENTS: Final = 4096
# Scores of the clients that choices are made on are held together: 128 MiB at most.
_MOST_SCORES: Final = 32_000_000


@dataclass(frozen=True)
class Adjustment:
    """What is added to a model's scores; nothing by default.

    Parameters
    ----------
    adoption_weight : float
        What one unit of the log adoption rate adds to a score.
    adoption_days : float
        Period that the rate counts, days before the cutoff.
    interest_weight : float
        What one unit of interest adds to a score.
    adoption_share : float
        Standard deviation of what the rate adds, as a share of it and of the model's own: how much
        of the order is what sells now. Told, not used.
    """

    adoption_weight: float = 0.0
    adoption_days: float = 60.0
    interest_weight: float = 0.0
    adoption_share: float = 0.0

    def __str__(self) -> str:
        """In words, for people; empty where nothing is added."""
        told = []
        if self.adoption_weight:
            told.append(
                f"what sold in the last {self.adoption_days:.0f} days counts for "
                f"{self.adoption_share:.0%}"
            )
        if self.interest_weight:
            told.append("what clients looked at counts")
        return ", ".join(told)


@dataclass(frozen=True)
class Adjusted:
    """A model's scores with what is added to them.

    Parameters
    ----------
    model : object with ``score``
    fold : Fold
        Whose adoptions and interests count: the fold that the model was fitted on.
    adjustment : Adjustment
    """

    model: Scores
    fold: Fold
    adjustment: Adjustment

    @cached_property
    def _rate(self) -> FloatArray | None:
        weight, days = self.adjustment.adoption_weight, self.adjustment.adoption_days
        return np.float32(weight) * log_adoption_rate(self.fold, days) if weight else None

    def score(self, clients: IntArray) -> FloatArray:
        """Scores of all services for some clients, (n,) -> (n, n_services)."""
        scores = self.model.score(clients)
        if self._rate is not None:
            scores += self._rate
        interests = self.fold.interests
        if self.adjustment.interest_weight and interests is not None:
            block = interests[clients]
            rows = np.repeat(np.arange(len(clients)), np.diff(block.indptr))
            scores[rows, block.indices] += np.float32(self.adjustment.interest_weight) * block.data
        return scores


def scorer(model: Scores, fold: Fold, adjustment: Adjustment) -> Scorer:
    """The adjusted scores; ``model.score`` itself where nothing is added."""
    is_plain = not (adjustment.adoption_weight or adjustment.interest_weight)
    return model.score if is_plain else Adjusted(model, fold, adjustment).score


def choose_adjustment(model: Scores, fold: Fold, block_size: int) -> Adjustment:
    """Choose what is added by NDCG@10 on a fold's labels.

    The rate of what sells now has to gain significantly over the model as it is: of sixty tries
    some gain by chance. Interest is chosen on top, the smallest weight of equals.

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
    Adjustment
    """
    tries = _Tries.of(model, fold, block_size)
    if tries is None:
        return Adjustment()
    chosen, gained = Adjustment(), 0.0
    before = tries.ndcg(chosen)
    for adjustment in tries.adoptions():
        gain = tries.ndcg(adjustment) - before
        if gain.mean() > max(gained, SIGNIFICANT * standard_error(gain)):
            chosen, gained = adjustment, float(gain.mean())
    best = before.mean() + gained
    base = chosen
    for weight in tries.interest_weights():
        adjustment = replace(base, interest_weight=weight)
        value = float(tries.ndcg(adjustment).mean())
        if value > best:
            chosen, best = adjustment, value
    return chosen


@dataclass(frozen=True)
class _Tries:
    """A model's scores of the clients that choices are made on, ranked again and again."""

    clients: IntArray
    scores: FloatArray
    unit: float
    fold: Fold
    block_size: int

    @classmethod
    def of(cls, model: Scores, fold: Fold, block_size: int) -> _Tries | None:
        labelled = fold.labelled_clients
        most = max(1, min(_MOST_CLIENTS, _MOST_SCORES // fold.n_services))
        clients = labelled[:: max(1, -(-len(labelled) // most))]
        if len(clients) == 0:
            return None
        scores = model.score(clients)
        unit = float(np.median(scores.std(axis=1)))
        return cls(clients, scores, unit, fold, block_size)

    def score(self, clients: IntArray) -> FloatArray:
        """Scores of some of the clients, as the model gave them."""
        return self.scores[np.searchsorted(self.clients, clients)]

    def adoptions(self) -> Sequence[Adjustment]:
        """Every period with every weight."""
        if self.fold.adoption_age is None or not self.unit:
            return ()
        found = []
        for days in DAYS:
            spread = float(log_adoption_rate(self.fold, days).std())
            found += [
                Adjustment(
                    adoption_weight=factor * self.unit / spread,
                    adoption_days=days,
                    adoption_share=factor / (1 + factor),
                )
                for factor in FACTORS
                if spread > 0
            ]
        return found

    def interest_weights(self) -> Sequence[float]:
        """Every weight of interest, where any is known."""
        if self.fold.interests is None or self.fold.interests.nnz == 0:
            return ()
        return [factor * self.unit for factor in FACTORS]

    def ndcg(self, adjustment: Adjustment) -> Values:
        """NDCG@10 of each client that has a label among its candidates."""
        score = scorer(self, self.fold, adjustment)
        ranks = rank_labels(score, self.fold, self.clients, self.block_size, depth=0)
        values = ndcg(ranks, 10)
        return values[~np.isnan(values)]
