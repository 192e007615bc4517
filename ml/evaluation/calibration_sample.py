"""What the calibrator is fitted on: figures of pairs and clients, and a sample of pairs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ml.dataset import Fold, IntArray, entries_at
from ml.ranking import PlacedPairs, Scorer, TopK, iter_sampled

Values = npt.NDArray[np.float64]

BREADTH = "log(1 + services used)"
# Where the curve may change its steepness: ranks, and arsinh of standard deviations.
RANK_KNOTS = (4.0, 16.0, 64.0, 256.0, 1024.0)
SCORE_KNOTS = (0.0, 1.0, 2.0)
SCORE_FEATURES = len(SCORE_KNOTS) + 1
FEATURES = len(RANK_KNOTS) + 1 + SCORE_FEATURES
# Shares of all pairs whose least scores are compared between folds: half of them to one in 5,000.
TAILS = (0.9, 0.75, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002)
# All labels and the first HEAD candidates are fitted on, of each client's others about DRAWN.
HEAD = 32
DRAWN = 32
# Keeps the scores of a block, of which each core has two, to 16 MiB.
SCORES_AT_ONCE = 1 << 22


def client_covariates(fold: Fold, clients: IntArray) -> tuple[tuple[str, ...], Values]:
    """Figures that say how much a client takes up: breadth and all numeric features.

    One-hot features (``name=value``) are left out: in number they overfit, and the numeric
    ones hold what they hold.

    Parameters
    ----------
    fold : Fold
    clients : ndarray of int32, (n,)

    Returns
    -------
    names : tuple of str, (q,)
    figures : ndarray of float64, (n, q)
    """
    columns = [i for i, name in enumerate(fold.client_feature_names) if "=" not in name]
    breadth = np.log1p(np.diff(fold.interactions.indptr)[clients])
    numeric = fold.client_features[clients][:, columns].toarray()
    names = (BREADTH, *(fold.client_feature_names[i] for i in columns))
    return names, np.column_stack([breadth, numeric]).astype(np.float64)


@dataclass(frozen=True)
class PairSample:
    """Pairs to fit on, weighted so that they stand for all pairs.

    Parameters
    ----------
    owners : ndarray of int64, (m,)
        Positions of the pairs' clients among those given.
    features : ndarray of float64, (m, q)
        As from ``pair_features``.
    outcomes, weights : ndarray of float64, (m,)
    adoptions : ndarray of float64, (n_clients,)
        Labels of each client given.
    """

    owners: npt.NDArray[np.int64]
    features: Values
    outcomes: Values
    weights: Values
    adoptions: Values

    @classmethod
    def draw(cls, score: Scorer, fold: Fold, clients: IntArray, block_size: int) -> PairSample:
        """Stream a model's scores and keep the pairs worth fitting on.

        Parameters
        ----------
        score : callable
        fold : Fold
        clients : ndarray of int32, (n_clients,)
        block_size : int

        Returns
        -------
        PairSample
        """
        step = max(1, (fold.n_services - HEAD) // DRAWN)
        at_once = max(1, min(block_size, SCORES_AT_ONCE // fold.n_services))
        parts = [_no_pairs()]
        adoptions = [np.empty(0, np.int64)]
        first = 0
        for top, labels, others in iter_sampled(score, fold, clients, HEAD, step, at_once):
            owners, features, outcomes, weights = _pairs_of(top, labels, others, fold, step)
            parts.append((owners + first, features, outcomes, weights))
            adoptions.append(np.bincount(labels.positions, minlength=len(top.clients)))
            first += len(top.clients)
        owners, features, outcomes, weights = (
            np.concatenate(column) for column in zip(*parts, strict=True)
        )
        # Client by client, so that sums do not depend on the blocks.
        order = np.argsort(owners, kind="stable")
        return cls(
            owners[order],
            features[order],
            outcomes[order],
            weights[order],
            np.concatenate(adoptions).astype(np.float64),
        )

    def like_elsewhere(self, quantiles: Sequence[float]) -> PairSample:
        """The sample with the scores of another one, by the quantiles of that."""
        here = score_quantiles(self).tolist()
        return replace(self, features=like_elsewhere(self.features, here, quantiles))

    @classmethod
    def joined(cls, samples: Sequence[PairSample]) -> PairSample:
        """Several samples as one, their clients one after the other."""
        counts = [len(sample.adoptions) for sample in samples]
        firsts = np.cumsum(counts) - counts
        return cls(
            np.concatenate([s.owners + first for s, first in zip(samples, firsts, strict=True)]),
            np.concatenate([s.features for s in samples]),
            np.concatenate([s.outcomes for s in samples]),
            np.concatenate([s.weights for s in samples]),
            np.concatenate([s.adoptions for s in samples]),
        )


_Pairs = tuple[npt.NDArray[np.int64], Values, Values, Values]
"""Owners, features, outcomes and weights, as in :class:`PairSample`."""


def _pairs_of(top: TopK, labels: PlacedPairs, others: PlacedPairs, fold: Fold, step: int) -> _Pairs:
    """The first candidates of a block of clients, the labels below them, and those drawn."""
    rows, places = np.nonzero(top.services >= 0)
    is_taken = entries_at(fold.labels, top.clients[rows], top.services[rows, places]) > 0
    deep = labels.where(labels.ranks > HEAD)
    owners = np.concatenate([rows, deep.positions, others.positions])
    features = pair_features(
        np.concatenate([top.scores[rows, places], deep.scores, others.scores]),
        np.concatenate([top.first_ranks[rows, places], deep.first_ranks, others.first_ranks]),
        top.spread.means[owners],
        top.spread.deviations[owners],
    )
    counts = len(rows), len(deep.positions), len(others.positions)
    outcomes = np.concatenate([is_taken, np.ones(counts[1]), np.zeros(counts[2])])
    return owners, features, outcomes, np.repeat([1.0, 1.0, float(step)], counts)


def _no_pairs() -> _Pairs:
    return np.empty(0, np.int64), np.empty((0, FEATURES)), np.empty(0), np.empty(0)


def pair_features(
    scores: npt.NDArray[np.float32],
    first_ranks: npt.NDArray[np.int64],
    means: Values,
    deviations: Values,
) -> Values:
    """Where each score stands among its client's: all non-decreasing in the score.

    Parameters
    ----------
    scores : ndarray of float32, (m,)
    first_ranks : ndarray of int64, (m,)
        Ties share the best of their ranks.
    means, deviations : ndarray of float64, (m,)
        Of all candidates of each score's client.

    Returns
    -------
    ndarray of float64, (m, 10)
    """
    standardised = np.divide(
        scores - means, deviations, out=np.zeros(len(scores)), where=deviations > 0
    )
    nearness = -np.log(first_ranks)
    return np.column_stack(
        [
            *_segments(nearness, -np.log(RANK_KNOTS[::-1])),
            *_segments(np.arcsinh(standardised), np.array(SCORE_KNOTS)),
        ]
    )


def _segments(values: Values, knots: Values) -> list[Values]:
    """Parts of each value below, between and above the knots; together they add up to it."""
    edges = [-np.inf, *knots.tolist(), np.inf]
    return [
        np.clip(values, low, high) - (low if np.isfinite(low) else high)
        for low, high in itertools.pairwise(edges)
    ]


def score_quantiles(sample: PairSample) -> Values:
    """The standardised score that each of the ``TAILS`` of all pairs lies above.

    Parameters
    ----------
    sample : PairSample

    Returns
    -------
    ndarray of float64, (len(TAILS),)
        arsinh of standard deviations, ascending.
    """
    scores = sample.features[:, -SCORE_FEATURES:].sum(axis=1)
    order = np.argsort(-scores, kind="stable")
    above = np.cumsum(sample.weights[order])
    places = np.searchsorted(above, np.array(TAILS) * above[-1])
    quantiles: Values = scores[order][np.minimum(places, len(order) - 1)]
    return quantiles


def like_elsewhere(features: Values, here: Sequence[float], elsewhere: Sequence[float]) -> Values:
    """Features with the scores that stand as high elsewhere as these do here.

    Where a fold's best candidates are more, or less, than usual ahead of all others, their scores
    say so; how likely they are to be taken does not follow from that. The share of pairs
    that a score lies above tells more from one fold to the next (quantile mapping).

    Parameters
    ----------
    features : ndarray of float64, (m, 10)
        As from ``pair_features``.
    here, elsewhere : sequence of float
        As from ``score_quantiles``.

    Returns
    -------
    ndarray of float64, (m, 10)
    """
    scores = features[:, -SCORE_FEATURES:].sum(axis=1)
    known, wanted = np.array(here), np.array(elsewhere)
    beyond = np.minimum(scores - known[0], 0) + np.maximum(scores - known[-1], 0)
    found = np.interp(scores, known, wanted) + beyond
    return np.column_stack(
        [features[:, :-SCORE_FEATURES], *_segments(found, np.array(SCORE_KNOTS))]
    )
