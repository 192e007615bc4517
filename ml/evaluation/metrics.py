"""Ranking metrics per client, all read from one ``LabelRanks``.

A client without a label among its candidates has no value (NaN) and is left out of every
mean. Labels outside the candidates are ignored. Formulas follow Järvelin and Kekäläinen
(2002) for NDCG, Manning, Raghavan and Schütze (2008), chapter 8, for precision, recall and
average precision, and Hanley and McNeil (1982) for AUC.

The examples use one client with five candidates whose two labels rank first and third.

>>> import numpy as np
>>> from ml.ranking import LabelRanks, Spread, TopK
>>> client = np.array([7], dtype=np.int32)
>>> toy = LabelRanks(
...     clients=client,
...     candidate_counts=np.array([5]),
...     positive_counts=np.array([2]),
...     positions=np.array([0, 0]),
...     services=np.array([4, 2], dtype=np.int32),
...     scores=np.array([0.9, 0.5], dtype=np.float32),
...     ranks=np.array([1, 3]),
...     first_ranks=np.array([1, 3]),
...     mid_ranks=np.array([1.0, 3.0]),
...     top=TopK(
...         client,
...         np.array([[4, 0, 2]], dtype=np.int32),
...         np.array([[0.9, 0.7, 0.5]], dtype=np.float32),
...         Spread(np.array([5]), np.array([0.48]), np.array([0.3])),
...     ),
...     candidate_scores=np.array([0.9, 0.7, 0.5, 0.2, 0.1], dtype=np.float32),
...     eligible_service_count=6,
... )

Of the six (label, other candidate) pairs one is in the wrong order:

>>> auc(toy).round(4).tolist()
[0.8333]
>>> hit_rate(toy, 1).tolist(), recall(toy, 2).tolist(), precision(toy, 4).tolist()
([1.0], [0.5], [0.5])

``(1 + 1/log2(4)) / (1 + 1/log2(3)) = 1.5 / 1.6309``, and ``(1/1 + 2/3) / 2``:

>>> ndcg(toy, 5).round(4).tolist(), average_precision(toy, 5).round(4).tolist()
([0.9197], [0.8333])
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ml.dataset import BoolArray
from ml.ranking import LabelRanks

Values = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CUTOFFS = (1, 3, 5, 10, 20)
"""Numbers of first candidates that figures are about."""

SHOWN_CUTOFFS = (1, 3, 5, 10)
"""Those that people are shown, the largest that a catalogue is large enough for."""


def cutoffs_of(ranks: LabelRanks) -> tuple[int, ...]:
    """Numbers of first candidates that tell something: below half of what can be offered.

    That some of ten offers out of twenty is taken, says nothing.

    Parameters
    ----------
    ranks : LabelRanks
        Clients with a label count; where there is none, the services that may be offered.

    Returns
    -------
    tuple of int
        Of ``CUTOFFS``, the first in any case.
    """
    counts = ranks.candidate_counts[ranks.positive_counts > 0]
    offered = float(counts.mean()) if len(counts) else float(ranks.eligible_service_count)
    return tuple(k for k in CUTOFFS if k == CUTOFFS[0] or 2 * k < offered)


def shown_cutoff(cutoffs: Iterable[int]) -> int:
    """The one of some cutoffs that people are shown, and that models are chosen by."""
    return max(k for k in cutoffs if k in SHOWN_CUTOFFS)


def auc(ranks: LabelRanks) -> Values:
    """Share of a client's (label, other candidate) pairs in the right order, ties half.

    ``1 - (sum of mid-ranks - P (P + 1) / 2) / (P N)`` with P labels and N other
    candidates: the Mann-Whitney form of Hanley and McNeil (1982), *Radiology* 143.
    NaN also where every candidate is a label.

    Parameters
    ----------
    ranks : LabelRanks

    Returns
    -------
    ndarray of float64, (n,)
    """
    positives = ranks.positive_counts.astype(np.float64)
    others = ranks.candidate_counts - positives
    passed = _sum(ranks, ranks.mid_ranks) - positives * (positives + 1) / 2
    return 1.0 - _ratio(passed, positives * others)


def hit_rate(ranks: LabelRanks, k: int) -> Values:
    """Whether any label is among the first k.

    Parameters
    ----------
    ranks : LabelRanks
    k : int

    Returns
    -------
    ndarray of float64, (n,)
    """
    return _defined(ranks, (_hits(ranks, k) > 0).astype(np.float64))


def recall(ranks: LabelRanks, k: int) -> Values:
    """Labels among the first k, as a share of the client's labels.

    Parameters
    ----------
    ranks : LabelRanks
    k : int

    Returns
    -------
    ndarray of float64, (n,)
    """
    return _ratio(_hits(ranks, k), ranks.positive_counts)


def precision(ranks: LabelRanks, k: int) -> Values:
    """Labels among the first k, divided by k even where there are fewer candidates.

    Parameters
    ----------
    ranks : LabelRanks
    k : int

    Returns
    -------
    ndarray of float64, (n,)
    """
    return _defined(ranks, _hits(ranks, k) / k)


def ndcg(ranks: LabelRanks, k: int) -> Values:
    """Discounted gain of the first k, as a share of the best possible.

    ``DCG = sum over labels with rank <= k of 1 / log2(rank + 1)``; the ideal puts
    ``min(k, P)`` labels first. Järvelin and Kekäläinen (2002), *ACM TOIS* 20(4), with the
    discount from rank 1 on and gain 1.

    Parameters
    ----------
    ranks : LabelRanks
    k : int

    Returns
    -------
    ndarray of float64, (n,)
    """
    gains = np.where(ranks.ranks <= k, 1.0 / np.log2(ranks.ranks + 1.0), 0.0)
    ideal = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(k) + 2.0))])
    return _ratio(_sum(ranks, gains), ideal[np.minimum(ranks.positive_counts, k)])


def average_precision(ranks: LabelRanks, k: int) -> Values:
    """Precision at each label among the first k, summed and divided by ``min(k, P)``.

    The normalisation is that of the KDD Cup 2012 and Kaggle ("MAP@k"): a perfect list
    reaches 1 also where a client has more labels than k.

    Parameters
    ----------
    ranks : LabelRanks
    k : int

    Returns
    -------
    ndarray of float64, (n,)
    """
    ends = np.cumsum(ranks.positive_counts)
    ordinal = np.arange(len(ranks.ranks)) - (ends - ranks.positive_counts)[ranks.positions] + 1
    gains = np.where(ranks.ranks <= k, ordinal / ranks.ranks, 0.0)
    return _ratio(_sum(ranks, gains), np.minimum(ranks.positive_counts, k))


def client_metrics(ranks: LabelRanks, cutoffs: tuple[int, ...] = CUTOFFS) -> dict[str, Values]:
    """Compute every metric that is a mean over clients.

    Parameters
    ----------
    ranks : LabelRanks
    cutoffs : tuple of int, default (5, 10, 20)

    Returns
    -------
    dict of str to ndarray of float64, (n,)
        By metric name, as in the metrics table: ``auc``, ``hr@5``, ``recall@5``, ...
    """
    found = {"auc": auc(ranks)}
    for k in cutoffs:
        found[f"hr@{k}"] = hit_rate(ranks, k)
        found[f"recall@{k}"] = recall(ranks, k)
        found[f"precision@{k}"] = precision(ranks, k)
        found[f"ndcg@{k}"] = ndcg(ranks, k)
        found[f"map@{k}"] = average_precision(ranks, k)
    return found


def labels_of(ranks: LabelRanks, is_wanted: BoolArray) -> LabelRanks:
    """Keep the labels of some services only, where they rank among all candidates.

    Parameters
    ----------
    ranks : LabelRanks
    is_wanted : ndarray of bool, (n_services,)

    Returns
    -------
    LabelRanks
        The other labels count as candidates that the client did not take.
    """
    kept = is_wanted[ranks.services]
    positions = ranks.positions[kept]
    return replace(
        ranks,
        positive_counts=np.bincount(positions, minlength=len(ranks.clients)),
        positions=positions,
        services=ranks.services[kept],
        scores=ranks.scores[kept],
        ranks=ranks.ranks[kept],
        first_ranks=ranks.first_ranks[kept],
        mid_ranks=ranks.mid_ranks[kept],
    )


def _hits(ranks: LabelRanks, k: int) -> Values:
    return _sum(ranks, (ranks.ranks <= k).astype(np.float64))


def _sum(ranks: LabelRanks, values: Values) -> Values:
    return totals(ranks.positions, values, len(ranks.clients))


def totals(owners: Integers, values: Values | Integers, size: int) -> Values:
    """Sum values by owner.

    Parameters
    ----------
    owners : ndarray of int64, (m,)
        From 0 to ``size - 1``.
    values : ndarray of float64 or int64, (m,)
    size : int

    Returns
    -------
    ndarray of float64, (size,)
    """
    # bincount returns integers where there is nothing to count.
    return np.bincount(owners, weights=values, minlength=size).astype(np.float64, copy=False)


def _ratio(numerator: Values, denominator: Values | Integers) -> Values:
    undefined = np.full(len(numerator), np.nan)
    ratio: Values = np.divide(numerator, denominator, out=undefined, where=denominator > 0)
    return ratio


def _defined(ranks: LabelRanks, values: Values) -> Values:
    return np.where(ranks.positive_counts > 0, values, np.nan)
