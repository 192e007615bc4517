"""Few candidates per test instead of the whole catalogue: sampled metrics by the same code.

A list of candidates is ranked as a small fold of its own, whose "services" are the places in
the list: metrics, intervals and paired tests are those of :mod:`ml.evaluation`. Mind what
sampled metrics are: they are comparable within one set of negatives only, and can order models
otherwise than the full ranking does (Krichene and Rendle, KDD 2020).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from ml.benchmark.folds import plain_fold
from ml.dataset import BoolArray, FloatArray, Fold, IntArray
from ml.evaluation.metrics import Integers
from ml.evaluation.protocol import EpochEvaluator, EpochQuality, Evaluation, Scores, evaluate

CUTOFFS = (10,)


@dataclass(frozen=True)
class Candidates:
    """Held-out items, each among its negatives.

    Parameters
    ----------
    users : ndarray of int32, (n,)
        A user may come several times.
    targets : ndarray of int32, (n,)
        The held-out items.
    items : ndarray of int32, (n, c)
        Target and negatives, ascending, so that ties favour nobody; -1 after the last.
    """

    users: IntArray
    targets: IntArray
    items: IntArray

    @classmethod
    def of(
        cls, users: IntArray, targets: IntArray, rows: Integers, negatives: IntArray
    ) -> Candidates:
        """From long lists.

        Parameters
        ----------
        users, targets : ndarray of int32, (n,)
        rows : ndarray of int64, (m,)
            Which test each negative belongs to.
        negatives : ndarray of int32, (m,)
            Not the target, none twice.

        Returns
        -------
        Candidates
        """
        rows = np.concatenate([np.arange(len(users)), rows])
        together = np.concatenate([targets, negatives])
        order = np.lexsort((together, rows))
        rows, together = rows[order], together[order]
        counts = np.bincount(rows, minlength=len(users))
        starts = np.cumsum(counts) - counts
        items = np.full((len(users), int(counts.max(initial=1))), -1, dtype=np.int32)
        items[rows, np.arange(len(rows)) - starts[rows]] = together
        return cls(users, targets, items)

    def where(self, chosen: BoolArray) -> Candidates:
        """Some of the tests."""
        return Candidates(self.users[chosen], self.targets[chosen], self.items[chosen])

    @property
    def fold(self) -> Fold:
        """The small fold: a client is a test, a service is a place in its list."""
        is_padding = self.items < 0
        labels = sparse.csr_matrix((self.items == self.targets[:, None]).astype(np.float32))
        nothing = sparse.csr_matrix(self.items.shape, dtype=np.float32)
        return replace(
            plain_fold(nothing, labels),
            ineligible_pairs=sparse.csr_matrix(is_padding.astype(np.float32)),
        )

    def scorer(self, model: Scores) -> Scores:
        """Scores of the candidates alone."""
        return _Gathered(model, self)


@dataclass(frozen=True)
class _Gathered:
    model: Scores
    candidates: Candidates

    def score(self, clients: IntArray) -> FloatArray:
        users, back = np.unique(self.candidates.users[clients], return_inverse=True)
        scores = self.model.score(users.astype(np.int32))
        gathered: FloatArray = scores[back[:, None], self.candidates.items[clients]]
        return gathered


def candidate_monitor(candidates: Candidates, block_size: int) -> Callable[[Scores], EpochQuality]:
    """Make what early stopping looks at: AUC and NDCG@10 among the candidates.

    Parameters
    ----------
    candidates : Candidates
    block_size : int

    Returns
    -------
    callable
        Measures a model as it is when called.
    """
    evaluator = EpochEvaluator(candidates.fold, block_size)
    return lambda model: evaluator(candidates.scorer(model))


def evaluate_candidates(
    model: Scores,
    candidates: Candidates,
    is_cold: BoolArray,
    *,
    block_size: int,
    resamples: int,
    seed: int,
) -> Evaluation:
    """Measure a model with intervals.

    Parameters
    ----------
    model : object with ``score``
    candidates : Candidates
    is_cold : ndarray of bool, (n_users,)
        Users of whom training knows nothing.
    block_size, resamples, seed : int

    Returns
    -------
    Evaluation
        Segments ``all``, ``warm`` and ``cold``.
    """
    cold = is_cold[candidates.users]
    return evaluate(
        candidates.scorer(model).score,
        candidates.fold,
        segments={"all": np.ones(len(cold), dtype=bool), "warm": ~cold, "cold": cold},
        cutoffs=CUTOFFS,
        block_size=block_size,
        resamples=resamples,
        seed=seed,
    )
