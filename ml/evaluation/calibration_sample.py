"""What the calibrator is fitted on: figures of pairs and clients, and a sample of pairs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.dataset import Fold, IntArray
from ml.ranking import Scorer, iter_sampled

Values = npt.NDArray[np.float64]

BREADTH = "log(1 + services used)"
# Where the curve may change its steepness: ranks, and arsinh of standard deviations.
RANK_KNOTS = (4.0, 16.0, 64.0, 256.0, 1024.0)
SCORE_KNOTS = (0.0, 1.0, 2.0)
FEATURES = len(RANK_KNOTS) + 1 + len(SCORE_KNOTS) + 1
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
        parts, adoptions = [_no_pairs()], []
        first = 0
        for top, labels, others in iter_sampled(
            score, fold, clients, HEAD, step, _clients_at_once(fold, block_size)
        ):
            spread = top.spread
            is_taken = np.take_along_axis(
                fold.labels[top.clients].toarray() > 0, top.services, axis=1
            ) & (top.services >= 0)
            rows, places = np.nonzero(top.services >= 0)
            deep = labels.where(labels.ranks > HEAD)
            for owners, scores, ranks, outcome, weight in (
                (rows, top.scores[rows, places], top.first_ranks[rows, places],
                 is_taken[rows, places], 1.0),
                (deep.positions, deep.scores, deep.first_ranks, np.True_, 1.0),
                (others.positions, others.scores, others.first_ranks, np.False_, float(step)),
            ):  # fmt: skip
                features = pair_features(
                    scores, ranks, spread.means[owners], spread.deviations[owners]
                )
                parts.append(
                    (
                        owners + first,
                        features,
                        np.broadcast_to(outcome, owners.shape).astype(np.float64),
                        np.full(len(owners), weight),
                    )
                )
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
            np.concatenate([np.empty(0), *adoptions]).astype(np.float64),
        )


def _no_pairs() -> tuple[npt.NDArray[np.int64], Values, Values, Values]:
    return np.empty(0, np.int64), np.empty((0, FEATURES)), np.empty(0), np.empty(0)


def _clients_at_once(fold: Fold, block_size: int) -> int:
    return max(1, min(block_size, SCORES_AT_ONCE // fold.n_services))


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
