"""What the calibrator is fitted on: figures of pairs and clients, and a sample of pairs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.dataset import BoolArray, Fold, IntArray
from ml.ranking import Scorer, TopK, iter_top_k

Values = npt.NDArray[np.float64]

BREADTH = "log(1 + services used)"
# Where the curve may change its steepness: ranks, and arsinh of standard deviations.
RANK_KNOTS = (4.0, 16.0, 64.0, 256.0, 1024.0)
SCORE_KNOTS = (0.0, 1.0, 2.0)
FEATURES = len(RANK_KNOTS) + 1 + len(SCORE_KNOTS) + 1
# All labels and the first HEAD candidates are fitted on, of the others one in STRIDE.
HEAD = 32
STRIDE = 32
# Keeps the features of a block of pairs to some 20 MiB.
PAIRS_AT_ONCE = 1 << 18


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
        owners, features, outcomes, weights, adoptions = [], [], [], [], []
        first = 0
        for top, is_label in iter_labelled(score, fold, clients, fold.n_services, block_size):
            places = np.arange(top.services.shape[1])
            is_head = is_label | (places < HEAD)
            is_drawn = (places + top.clients[:, None]) % STRIDE == 0
            rows, columns = np.nonzero((is_head | is_drawn) & (top.services >= 0))
            owners.append(rows + first)
            features.append(
                pair_features(
                    top.scores[rows, columns],
                    top.first_ranks[rows, columns],
                    top.spread.means[rows],
                    top.spread.deviations[rows],
                )
            )
            outcomes.append(is_label[rows, columns].astype(np.float64))
            weights.append(np.where(is_head[rows, columns], 1.0, float(STRIDE)))
            adoptions.append(is_label.sum(axis=1).astype(np.float64))
            first += len(top.clients)
        return cls(
            np.concatenate([np.empty(0, np.int64), *owners]),
            np.concatenate([np.empty((0, FEATURES)), *features]),
            np.concatenate([np.empty(0), *outcomes]),
            np.concatenate([np.empty(0), *weights]),
            np.concatenate([np.empty(0), *adoptions]),
        )


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


def iter_labelled(
    score: Scorer, fold: Fold, clients: IntArray, depth: int, block_size: int
) -> Iterator[tuple[TopK, BoolArray]]:
    """Yield ranked candidates with whether each is a label, block by block."""
    size = max(1, min(block_size, PAIRS_AT_ONCE // max(depth, 1)))
    for top in iter_top_k(score, fold, clients, depth, size):
        labels = fold.labels[top.clients].toarray() > 0
        yield top, np.take_along_axis(labels, top.services, axis=1) & (top.services >= 0)
