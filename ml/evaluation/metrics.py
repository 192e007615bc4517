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

Two of six services lead the only list; one client pools to its own AUC:

>>> round(coverage(toy, 2), 4), round(pooled_auc(toy).value, 4)
(0.3333, 0.8333)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.dataset import BoolArray
from ml.ranking import LabelRanks, float_order

Values = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CUTOFFS = (5, 10, 20)


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


def coverage(ranks: LabelRanks, k: int, members: BoolArray | None = None) -> float | None:
    """Share of the eligible services that are among the first k of some client.

    Parameters
    ----------
    ranks : LabelRanks
        Its ``top`` must be at least k deep.
    k : int
    members : ndarray of bool, (n,), optional
        Which clients to look at; all by default.

    Returns
    -------
    float or None
        None without clients or without eligible services.
    """
    lists = ranks.top.services[:, :k] if members is None else ranks.top.services[members, :k]
    if len(lists) == 0 or ranks.eligible_service_count == 0:
        return None
    return len(np.unique(lists[lists >= 0])) / ranks.eligible_service_count


@dataclass(frozen=True)
class PooledAuc:
    """The AUC over all (client, candidate) pairs together, and each client's part in it.

    Parameters
    ----------
    value : float or None
        None where there are no labels or nothing but labels.
    label_sums, other_sums : ndarray of float64, (n,)
        Sum over a client's labels of the share of all other pairs that they outrank, and
        over its other candidates of the share of all labels that outrank them.
    label_counts, other_counts : ndarray of float64, (n,)
    """

    value: float | None
    label_sums: Values
    other_sums: Values
    label_counts: Values
    other_counts: Values


@dataclass(frozen=True)
class Pool:
    """All candidates of all clients, by score.

    Parameters
    ----------
    order : ndarray of int32, (pairs,)
        ``float_order`` of their scores, ascending.
    owners : ndarray of int64, (pairs,)
        The position of each one's client.
    """

    order: npt.NDArray[np.int32]
    owners: Integers


def pool(ranks: LabelRanks) -> Pool:
    """Sort the candidates of all clients together.

    Parameters
    ----------
    ranks : LabelRanks
        Made with ``keep_scores=True``.

    Returns
    -------
    Pool
    """
    if len(ranks.candidate_scores) != ranks.candidate_counts.sum():
        raise ValueError("rank the labels with keep_scores=True for the pooled AUC")
    # Score and owner in one integer: sorting those is several times faster than an argsort.
    packed = float_order(ranks.candidate_scores).astype(np.int64)
    packed <<= 32
    packed |= np.repeat(np.arange(len(ranks.clients)), ranks.candidate_counts)
    packed.sort()
    owners = packed & np.int64(0xFFFFFFFF)
    packed >>= 32
    return Pool(packed.astype(np.int32), owners)


def pooled_auc(
    ranks: LabelRanks, members: BoolArray | None = None, pooled: Pool | None = None
) -> PooledAuc:
    """Compare every label with every other candidate, also across clients, exactly.

    Needs scores that compare across clients to be high. The parts of each client are the
    structural components of Obuchowski (1997), *Biometrics* 53, for clustered data.

    Parameters
    ----------
    ranks : LabelRanks
        Made with ``keep_scores=True``.
    members : ndarray of bool, (n,), optional
        Which clients to pool; all by default.
    pooled : Pool, optional
        Of the same ranks, where several groups of members are looked at.

    Returns
    -------
    PooledAuc
    """
    candidates = pool(ranks) if pooled is None else pooled
    n = len(ranks.clients)
    is_member = np.ones(n, dtype=bool) if members is None else members
    label_counts = np.where(is_member, ranks.positive_counts, 0).astype(np.float64)
    other_counts = np.where(is_member, ranks.candidate_counts, 0) - label_counts
    n_labels, n_others = label_counts.sum(), other_counts.sum()
    if n_labels == 0 or n_others == 0:
        return PooledAuc(None, np.zeros(n), np.zeros(n), label_counts, other_counts)
    is_pooled = is_member[ranks.positions]
    labels, label_owners = float_order(ranks.scores[is_pooled]), ranks.positions[is_pooled]
    order, owners = candidates.order, candidates.owners
    if not is_member.all():
        is_in = is_member[owners]
        order, owners = order[is_in], owners[is_in]
    # Twice the number of labels above, ties once: integers, so that sums stay exact. Every
    # label is also a candidate, so what labels do among themselves is taken off again.
    starts = np.searchsorted(order, labels, side="left")
    stops = np.searchsorted(order, labels, side="right")
    steps = np.bincount(starts, minlength=len(order) + 1)
    steps += np.bincount(stops, minlength=len(order) + 1)
    labels_above = 2 * len(labels) - np.cumsum(steps)[:-1]
    ascending = np.sort(labels)
    labels_below_label = np.searchsorted(ascending, labels, side="left")
    labels_below_label += np.searchsorted(ascending, labels, side="right")
    above_others = _totals(owners, labels_above, n)
    above_others -= _totals(label_owners, 2 * len(labels) - labels_below_label, n)
    below_labels = _totals(label_owners, starts + stops - labels_below_label, n)
    return PooledAuc(
        value=float(above_others.sum() / (2 * n_labels * n_others)),
        label_sums=below_labels / (2 * n_others),
        other_sums=above_others / (2 * n_labels),
        label_counts=label_counts,
        other_counts=other_counts,
    )


def _hits(ranks: LabelRanks, k: int) -> Values:
    return _sum(ranks, (ranks.ranks <= k).astype(np.float64))


def _sum(ranks: LabelRanks, values: Values) -> Values:
    return _totals(ranks.positions, values, len(ranks.clients))


def _totals(owners: Integers, values: Values | Integers, size: int) -> Values:
    # bincount returns integers where there is nothing to count.
    return np.bincount(owners, weights=values, minlength=size).astype(np.float64, copy=False)


def _ratio(numerator: Values, denominator: Values | Integers) -> Values:
    undefined = np.full(len(numerator), np.nan)
    ratio: Values = np.divide(numerator, denominator, out=undefined, where=denominator > 0)
    return ratio


def _defined(ranks: LabelRanks, values: Values) -> Values:
    return np.where(ranks.positive_counts > 0, values, np.nan)
