"""The AUC over the pairs of all clients together: how far scores compare across clients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.dataset import BoolArray
from ml.evaluation.metrics import Integers, Values, totals
from ml.ranking import LabelRanks
from ml.selection import float_order


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
    above_others = totals(owners, labels_above, n)
    above_others -= totals(label_owners, 2 * len(labels) - labels_below_label, n)
    below_labels = totals(label_owners, starts + stops - labels_below_label, n)
    return PooledAuc(
        value=float(above_others.sum() / (2 * n_labels * n_others)),
        label_sums=below_labels / (2 * n_others),
        other_sums=above_others / (2 * n_labels),
        label_counts=label_counts,
        other_counts=other_counts,
    )
