"""Row by row over a block of scores: the best, their spread, the ranks of some entries.

What ranking is built from; knows no client and no model. Rows do not depend on each other, so
neither does any result depend on how rows are grouped. Excluded entries hold ``-inf``.

A row must be looked at once, wherever it comes from, so that is what is aimed at: ``_rows.c``
keeps it in the cache nearest to the core while it is checked, masked, summed and searched, and
leaves the interpreter to other threads meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ml.dataset import BoolArray, FloatArray, Fold, IntArray
from ml.errors import CrossSellError

try:
    from ml import _rows
except ImportError as error:  # Installed without its compiled part.
    raise CrossSellError(f"the ranking is not compiled: run 'make setup' ({error})") from error

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_NOTHING_BAD = -1
_MAGNITUDE = np.int32(0x7FFFFFFF)


@dataclass(frozen=True)
class Excluded:
    """What may not be offered to some clients.

    Parameters
    ----------
    begins, ends : ndarray of int64, (n,)
        Where each client's part of ``services`` begins and ends.
    services : ndarray of int32
        Ineligible one by one.
    closed : ndarray of int32, (c,)
        Services that nobody may be offered.
    is_shut_out : ndarray of bool, (n,)
        Clients that may be offered nothing.
    """

    begins: Integers
    ends: Integers
    services: IntArray
    closed: IntArray
    is_shut_out: BoolArray

    @classmethod
    def of(cls, fold: Fold, clients: IntArray) -> Excluded:
        """Read from a fold, for clients in the order given."""
        pairs = fold.ineligible_pairs
        return cls(
            pairs.indptr[clients].astype(np.int64),
            pairs.indptr[clients + 1].astype(np.int64),
            np.require(pairs.indices, np.int32, "C"),
            np.flatnonzero(~fold.is_eligible_service).astype(np.int32),
            ~fold.is_eligible_client[clients],
        )


@dataclass(frozen=True)
class Taken:
    """The best of some rows, and how all their candidates lie.

    Parameters
    ----------
    services : ndarray of int32, (b, depth)
        Best first, ties to the lower column; -1 where a row has fewer candidates.
    values : ndarray of float32, (b, depth)
        -inf there.
    counts : ndarray of int64, (b,)
        Candidates.
    means, deviations : ndarray of float64, (b,)
        Mean and standard deviation of their scores; zero without any.
    first_bad : int
        The first row whose scores are not all finite, from which on nothing was done; -1 without.
    """

    services: IntArray
    values: FloatArray
    counts: Integers
    means: Floats
    deviations: Floats
    first_bad: int


def take(scores: FloatArray, excluded: Excluded, depth: int) -> Taken:
    """Mask a block of scores, and take the best of each row.

    The deviation is taken in a second pass: the difference of two large sums would lose that of
    scores that lie close together far from zero.

    Parameters
    ----------
    scores : ndarray of float32, (b, n), contiguous
        Excluded entries are overwritten with ``-inf``.
    excluded : Excluded
    depth : int

    Returns
    -------
    Taken
    """
    count, n_services = scores.shape
    taken = Taken(
        np.empty((count, depth), np.int32),
        np.empty((count, depth), np.float32),
        np.empty(count, np.int64),
        np.empty(count),
        np.empty(count),
        _NOTHING_BAD,
    )
    bad = _rows.take(
        n_services,
        depth,
        scores,
        excluded.begins,
        excluded.ends,
        excluded.services,
        excluded.closed,
        excluded.is_shut_out,
        taken.services,
        taken.values,
        taken.counts,
        taken.means,
        taken.deviations,
    )
    return taken if bad == _NOTHING_BAD else replace(taken, first_bad=bad)


@dataclass(frozen=True)
class Ranked:
    """Ranks of some entries among their row's candidates, from 1 = best.

    Parameters
    ----------
    ranks, first_ranks : ndarray of int64, (p,)
        Ties go to the lower column; ties share the best of their ranks.
    mid_ranks : ndarray of float64, (p,)
        Ties share their mean rank.
    """

    ranks: Integers
    first_ranks: Integers
    mid_ranks: Floats


def rank(scores: FloatArray, rows: Integers, columns: IntArray) -> Ranked:
    """Rank some candidates of each row.

    Parameters
    ----------
    scores : ndarray of float32, (b, n), contiguous
        ``-inf`` where excluded.
    rows : ndarray of int64, (p,)
    columns : ndarray of int32, (p,)

    Returns
    -------
    Ranked
    """
    above, before, ties = (np.empty(len(rows), np.int64) for _ in range(3))
    rows, columns = np.ascontiguousarray(rows), np.ascontiguousarray(columns)
    _rows.rank(scores.shape[1], scores, rows, columns, above, before, ties)
    return Ranked(above + before + 1, above + 1, above + (ties + 1) / 2)


def descending(scores: FloatArray) -> FloatArray:
    """Each row's scores negated and sorted: excluded ones are ``inf`` and come last."""
    negated = np.negative(scores)
    negated.sort(axis=1)
    return negated


def float_order(values: FloatArray) -> npt.NDArray[np.int32]:
    """Map floats to integers of the same order; applied to its own bits, it maps back.

    Parameters
    ----------
    values : ndarray of float32
        Finite, without -0.0.

    Returns
    -------
    ndarray of int32

    Examples
    --------
    >>> order = float_order(np.array([-1.5, 0.0, 2.0], dtype=np.float32))
    >>> bool((np.diff(order) > 0).all())
    True
    >>> float_order(order.view(np.float32)).view(np.float32).tolist()
    [-1.5, 0.0, 2.0]
    """
    bits = values.view(np.int32)
    # The bits of negative floats ascend with magnitude: flip all but the sign.
    order = bits >> np.int32(31)
    order &= _MAGNITUDE
    order ^= bits
    return order
