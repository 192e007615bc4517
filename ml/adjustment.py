"""What is chosen for each model after it is fitted: recency, what sells now, what is looked at.

Any model's score ``s`` becomes

    ``s + adoption_weight * rate + interest_weight * interest``

with ``rate`` the log adoption rate of the last ``adoption_days`` (:mod:`ml.models.adoption`), over
all time that is plain popularity, and ``interest`` as ``learning.interests`` has it, above zero and
on a log scale. A model that can weight the newest services of a history more
(:mod:`ml.models.recency`) does so before, if that helps. How fast a market turns over is the data's
to say: a wholesaler sells what last week sold, an insurer does not. And nobody is likelier to take
a service up than who just put it in the cart. So all of it is chosen on validation for each model,
without fitting it again: scores of different models have different scales. Where nothing is
gained, scores stay as they are, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from scipy import sparse

from ml.dataset import FloatArray, Fold, IntArray
from ml.enough import too_little
from ml.evaluation.metrics import Values, cutoffs_of, ndcg, shown_cutoff
from ml.evaluation.protocol import Scores
from ml.evaluation.significance import SIGNIFICANT, standard_error
from ml.models.adoption import log_adoption_rate
from ml.models.recency import ReadsOrder
from ml.ranking import Scorer, rank_labels

FACTORS: Final = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Weights that are tried, in standard deviations of a client's scores."""

EVER: Final = 36_500.0
"""A period longer than any history: what sold at all."""

DAYS: Final = (3.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0, EVER)
"""Periods that are tried for what sells now."""

RECENCIES: Final = ((1.0, 30.0), (3.0, 30.0), (5.0, 10.0), (20.0, 5.0))
"""Weights of the newest service, and services after which they have fallen, that are tried."""

_MOST_CLIENTS: Final = 4096
# Scores of the clients that choices are made on are held together: 128 MiB at most.
_MOST_SCORES: Final = 32_000_000


@dataclass(frozen=True)
class Adjustment:
    """What is chosen for a fitted model; nothing by default.

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
    recency_weight, recency_services : float
        As in :func:`ml.models.recency.recency_weights`.
    """

    adoption_weight: float = 0.0
    adoption_days: float = 60.0
    interest_weight: float = 0.0
    adoption_share: float = 0.0
    recency_weight: float = 0.0
    recency_services: float = 0.0

    def __str__(self) -> str:
        """In words, for people; empty where nothing is chosen."""
        told = []
        if self.recency_weight:
            told.append(
                f"a client's newest service counts {1 + self.recency_weight:.0f} times, "
                f"less after {self.recency_services:.0f} others"
            )
        if self.adoption_weight:
            period = (
                "at any time"
                if self.adoption_days >= EVER
                else f"in the last {self.adoption_days:.0f} days"
            )
            told.append(f"what sold {period} counts for {self.adoption_share:.0%}")
        if self.interest_weight:
            told.append("what clients looked at counts")
        return ", ".join(told)


@dataclass(frozen=True)
class Adjusted:
    """A model's scores with what is added to them.

    Parameters
    ----------
    model : object with ``score``
    rate : ndarray of float32, (n_services,), optional
        Added for everybody.
    interests : csr_matrix, float32, (n_clients, n_services), optional
        Added by client.
    """

    model: Scores
    rate: FloatArray | None = None
    interests: sparse.csr_matrix | None = None

    @classmethod
    def of(cls, model: Scores, fold: Fold, adjustment: Adjustment) -> Self:
        """Adjust a model with adoptions and interests of the fold that it was fitted on."""
        if adjustment.recency_weight and isinstance(model, ReadsOrder):
            read = model.by_recency(adjustment.recency_weight, adjustment.recency_services)
            model = model if read is None else read
        weight, days = adjustment.adoption_weight, adjustment.adoption_days
        rate = np.float32(weight) * log_adoption_rate(fold, days) if weight else None
        interests = None
        if adjustment.interest_weight and fold.interests is not None:
            interests = np.float32(adjustment.interest_weight) * fold.interests
        return cls(model, rate, interests)

    def score(self, clients: IntArray) -> FloatArray:
        """Scores of all services for some clients, (n,) -> (n, n_services)."""
        scores = self.model.score(clients)
        if self.rate is not None:
            scores += self.rate
        if self.interests is not None:
            block = self.interests[clients]
            rows = np.repeat(np.arange(len(clients)), np.diff(block.indptr))
            scores[rows, block.indices] += block.data
        return scores


def scorer(model: Scores, fold: Fold, adjustment: Adjustment) -> Scorer:
    """The adjusted scores; ``model.score`` itself where nothing is chosen."""
    chosen = adjustment.adoption_weight, adjustment.interest_weight, adjustment.recency_weight
    is_plain = not any(chosen)
    return model.score if is_plain else Adjusted.of(model, fold, adjustment).score


def choose_adjustment(model: Scores, fold: Fold, block_size: int) -> Adjustment:
    """Choose what is added by NDCG on a fold's labels.

    Recency and the rate of what sells now have to gain significantly over the model as it is: of
    sixty tries some gain by chance. Interest is chosen on top, the smallest weight of equals.

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
        The default where there is too little to choose on.
    """
    if too_little(fold):
        return Adjustment()
    tries = _Tries.of(model, fold, block_size)
    chosen = tries.best(tries.recencies(), Adjustment())
    tries = tries.read_as(chosen)
    chosen = tries.best(tries.adoptions(chosen), chosen)
    base, best = chosen, tries.ndcg(chosen).mean()
    for weight in tries.interest_weights(base):
        adjustment = replace(base, interest_weight=weight)
        value = float(tries.ndcg(adjustment).mean())
        if value > best:
            chosen, best = adjustment, value
    return chosen


@dataclass(frozen=True)
class _Tries:
    """A model's scores of the clients that choices are made on, ranked again and again."""

    model: Scores
    clients: IntArray
    scores: FloatArray
    unit: float
    fold: Fold
    block_size: int

    @classmethod
    def of(cls, model: Scores, fold: Fold, block_size: int) -> Self:
        labelled = fold.labelled_clients
        most = max(1, min(_MOST_CLIENTS, _MOST_SCORES // fold.n_services))
        clients = labelled[:: max(1, -(-len(labelled) // most))]
        scores = model.score(clients)
        unit = float(np.median(scores.std(axis=1)))
        return cls(model, clients, scores, unit, fold, block_size)

    def read_as(self, adjustment: Adjustment) -> Self:
        """The same with histories read as was chosen."""
        if not adjustment.recency_weight:
            return self
        return self.of(Adjusted.of(self.model, self.fold, adjustment), self.fold, self.block_size)

    def score(self, clients: IntArray) -> FloatArray:
        """Scores of some of the clients, as the model gave them."""
        return self.scores[np.searchsorted(self.clients, clients)]

    def best(self, tried: Iterable[tuple[Adjustment, Values]], before: Adjustment) -> Adjustment:
        """What gains most, if it gains significantly."""
        chosen, gained = before, 0.0
        reached = self.ndcg(before)
        for adjustment, values in tried:
            gain = values - reached
            if gain.mean() > max(gained, SIGNIFICANT * standard_error(gain)):
                chosen, gained = adjustment, float(gain.mean())
        return chosen

    def recencies(self) -> Iterator[tuple[Adjustment, Values]]:
        """Every way to read histories, where the model can read them otherwise."""
        if isinstance(self.model, ReadsOrder) and self.model.by_recency(*RECENCIES[0]) is not None:
            for weight, services in RECENCIES:
                adjustment = Adjustment(recency_weight=weight, recency_services=services)
                yield adjustment, self.read_as(adjustment).ndcg(adjustment)

    def adoptions(self, base: Adjustment) -> Iterator[tuple[Adjustment, Values]]:
        """Every period with every weight; without adoption times, all time is the only one."""
        for days in (EVER,) if self.fold.adoption_age is None else DAYS:
            spread = float(log_adoption_rate(self.fold, days).std())
            for factor in FACTORS if spread > 0 and self.unit else ():
                adjustment = replace(
                    base,
                    adoption_weight=factor * self.unit / spread,
                    adoption_days=days,
                    adoption_share=factor / (1 + factor),
                )
                yield adjustment, self.ndcg(adjustment)

    def interest_weights(self, base: Adjustment) -> Sequence[float]:
        """Every weight of interest, where any is known, in the spread of the adjusted scores."""
        if self.fold.interests is None or self.fold.interests.nnz == 0:
            return ()
        spread = scorer(self, self.fold, base)(self.clients).std(axis=1)
        return [factor * float(np.median(spread)) for factor in FACTORS]

    def ndcg(self, adjustment: Adjustment) -> Values:
        """NDCG of each client that has a label among its candidates."""
        score = scorer(self, self.fold, adjustment)
        ranks = rank_labels(score, self.fold, self.clients, self.block_size, depth=0)
        values = ndcg(ranks, shown_cutoff(cutoffs_of(ranks)))
        return values[~np.isnan(values)]
