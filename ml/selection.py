"""Row by row over a block of scores: the best, their spread, the ranks of some entries.

What ranking is built from; knows no client and no model. Rows do not depend on each other, so
neither does any result depend on how rows are grouped. Excluded entries hold ``-inf``.

One pass over all scores is what a row must cost, so that is what is aimed at: the best of a row
are found through the maxima of groups of services (the k-th largest maximum cannot lie above
the k-th largest score), and only what reaches that bound is ordered.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import numpy as np
import numpy.typing as npt

from ml.dataset import BoolArray, FloatArray, Fold, IntArray, block_coordinates
from ml.errors import ModelError

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOST_SERVICES = 1 << 25
"""A key has 63 bits: 32 of the score, and at least 6 of the row."""

_LOWEST = np.finfo(np.float32).min
_MAGNITUDE = np.int32(0x7FFFFFFF)
# Values compared at once where the order among equal scores is looked up.
_COMPARED = 1 << 20


def rows_at_once(n_services: int) -> int:
    """Rows whose scores stay in a core's cache and whose keys fit 63 bits.

    Raises
    ------
    ModelError
        More services than a key can hold.
    """
    if n_services > MOST_SERVICES:
        raise ModelError(f"{n_services} services are more than the {MOST_SERVICES} that are ranked")
    return max(1, min((1 << 17) // max(n_services, 1), 1 << (31 - _service_bits(n_services))))


@dataclass(frozen=True)
class Excluded:
    """What may not be offered to some clients.

    Parameters
    ----------
    starts : ndarray of int64, (n + 1,)
        Where each client's part of ``services`` starts and ends.
    services : ndarray of int32, (nnz,)
        Ineligible one by one; eligible in general.
    closed : ndarray of int64, (c,)
        Services that nobody may be offered.
    is_shut_out : ndarray of bool, (n,)
        Clients that may be offered nothing.
    n_services : int
    """

    starts: Integers
    services: IntArray
    closed: Integers
    is_shut_out: BoolArray
    n_services: int

    @classmethod
    def of(cls, fold: Fold, clients: IntArray) -> Excluded:
        """Read from a fold, for clients in the order given."""
        pairs = fold.ineligible_pairs
        if not pairs.has_canonical_format:
            # An entry stored twice would be counted twice.
            pairs = pairs[clients]
            pairs.sum_duplicates()
            rows, services = block_coordinates(pairs, np.arange(len(clients), dtype=np.int32))
        else:
            rows, services = block_coordinates(pairs, clients)
        closed = np.flatnonzero(~fold.is_eligible_service)
        if len(closed):
            is_open = fold.is_eligible_service[services]
            rows, services = rows[is_open], services[is_open]
        return cls(
            np.searchsorted(rows, np.arange(len(clients) + 1)).astype(np.int64),
            services,
            closed,
            ~fold.is_eligible_client[clients],
            fold.n_services,
        )

    def rows(self, part: slice) -> ExcludedRows:
        """Those of some of the clients."""
        start, stop = part.start, part.stop
        first, last = self.starts[start], self.starts[stop]
        lengths: Integers = np.diff(self.starts[start : stop + 1])
        places: Integers = np.repeat(np.arange(stop - start) * self.n_services, lengths)
        shut_out = np.flatnonzero(self.is_shut_out[start:stop])
        counts: Integers = self.n_services - len(self.closed) - lengths
        counts[shut_out] = 0
        return ExcludedRows(
            places + self.services[first:last],
            self.closed,
            shut_out,
            counts,
        )


@dataclass(frozen=True)
class ExcludedRows:
    """Where the excluded entries of a few rows lie, and how many others there are.

    Parameters
    ----------
    places : ndarray of int64
        In the flattened rows.
    columns, rows : ndarray of int64
        Excluded as a whole.
    counts : ndarray of int64, (b,)
        Candidates of each row.
    """

    places: Integers
    columns: Integers
    rows: Integers
    counts: Integers

    def fill(self, scores: FloatArray, value: float) -> None:
        """Write a value to all of them; ``scores`` is contiguous."""
        scores.reshape(-1)[self.places] = value
        if len(self.columns):
            scores[:, self.columns] = value
        if len(self.rows):
            scores[self.rows] = value


def spread(scores: FloatArray, excluded: ExcludedRows) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each row's candidates; zero without any.

    Parameters
    ----------
    scores : ndarray of float32, (b, n)
        Excluded entries are overwritten.
    excluded : ExcludedRows

    Returns
    -------
    means, deviations : ndarray of float64, (b,)
    """
    divisors = np.maximum(excluded.counts, 1)
    excluded.fill(scores, 0.0)
    means = scores.sum(axis=1).astype(np.float64) / divisors
    # Two passes: the difference of two large sums would lose the deviation of scores
    # that lie close together far from zero.
    rest = scores - means.astype(np.float32)[:, None]
    excluded.fill(rest, 0.0)
    return means, np.sqrt(np.einsum("ij,ij->i", rest, rest).astype(np.float64) / divisors)


def best(scores: FloatArray, depth: int) -> tuple[IntArray, FloatArray]:
    """The highest scores of each row, best first; ties go to the lower column.

    Parameters
    ----------
    scores : ndarray of float32, (b, n), contiguous
        At most ``rows_at_once(n)`` rows; ``-inf`` where excluded.
    depth : int
        At most n.

    Returns
    -------
    services : ndarray of int32, (b, depth)
        -1 where a row has fewer candidates.
    values : ndarray of float32, (b, depth)
        -inf there.
    """
    n_services = scores.shape[1]
    services = np.full((len(scores), depth), -1, dtype=np.int32)
    values = np.full((len(scores), depth), -np.inf, dtype=np.float32)
    if not depth:
        return services, values
    # The square root balances the maxima to be searched with the members to be looked at.
    layers = isqrt(n_services // depth)
    flat = scores.reshape(-1)
    places = _reaching(scores, depth, layers) if layers > 1 else np.flatnonzero(flat >= _LOWEST)
    rows = places // n_services
    bits = _service_bits(n_services)
    # Adding zero turns -0.0 into 0.0: equal scores must have equal bits.
    order = ~float_order(flat[places] + np.float32(0))
    keys = (rows << (32 + bits)) + (order.astype(np.int64) << bits) + (places - rows * n_services)
    keys.sort()
    starts = _starts(rows, len(scores))
    taken = starts[:-1, None] + np.arange(depth)
    is_there = taken < starts[1:, None]
    found = keys[taken[is_there]]
    services[is_there] = found & ((1 << bits) - 1)
    # The cast keeps the low 32 bits, which drops the row.
    values[is_there] = float_order((~(found >> bits).astype(np.int32)).view(np.float32)).view(
        np.float32
    )
    return services, values


def _reaching(scores: FloatArray, depth: int, layers: int) -> Integers:
    """Places of all scores that may be among the ``depth`` highest of their row."""
    n_services = scores.shape[1]
    flat = scores.reshape(-1)
    width = n_services // layers
    # Group j holds the columns j, j + width, j + 2 width, ...
    maxima = scores[:, :width].copy()
    for layer in range(1, layers):
        np.maximum(maxima, scores[:, layer * width : (layer + 1) * width], out=maxima)
    left = n_services - layers * width
    if left:
        np.maximum(maxima[:, :left], scores[:, layers * width :], out=maxima[:, :left])
    bounds = np.partition(maxima, width - depth, axis=1)[:, width - depth]
    np.maximum(bounds, _LOWEST, out=bounds)
    hits = np.flatnonzero(maxima >= bounds[:, None])
    rows = hits // width
    first = hits + rows * (n_services - width)
    members = first[:, None] + np.arange(layers) * width
    places: Integers = members[flat[members] >= bounds[rows, None]]
    if left:
        has_more = hits - rows * width < left
        more = first[has_more] + layers * width
        places = np.concatenate([places, more[flat[more] >= bounds[rows[has_more]]]])
    return places


def _starts(rows: Integers, count: int) -> Integers:
    starts = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=count), out=starts[1:])
    return starts


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


def descending(scores: FloatArray) -> FloatArray:
    """Each row's scores negated and sorted: excluded ones are ``inf`` and come last."""
    negated = np.negative(scores)
    negated.sort(axis=1)
    return negated


def rank(
    scores: FloatArray, sorted_scores: FloatArray, rows: Integers, columns: IntArray
) -> Ranked:
    """Rank some candidates of each row.

    Parameters
    ----------
    scores : ndarray of float32, (b, n), contiguous
    sorted_scores : ndarray of float32, (b, n)
        ``descending(scores)``.
    rows : ndarray of int64, (p,)
    columns : ndarray of int32, (p,)

    Returns
    -------
    Ranked
    """
    n_services = scores.shape[1]
    values = scores[rows, columns]
    flat, starts = sorted_scores.reshape(-1), rows * n_services
    before = _count_below(flat, starts, n_services, -values)
    ranks, ties = before + 1, np.ones(len(rows), dtype=np.int64)
    following = np.minimum(before + 1, n_services - 1)
    tied = np.flatnonzero((flat[starts + following] == -values) & (before + 1 < n_services))
    size = max(1, _COMPARED // max(n_services, 1))
    for start in range(0, len(tied), size):
        part = tied[start : start + size]
        is_equal = scores[rows[part]] == values[part, None]
        ties[part] = np.count_nonzero(is_equal, axis=1)
        is_equal &= np.arange(n_services) < columns[part, None]
        ranks[part] += np.count_nonzero(is_equal, axis=1)
    return Ranked(ranks, before + 1, before + (ties + 1) / 2)


def _count_below(flat: FloatArray, starts: Integers, length: int, values: FloatArray) -> Integers:
    """How many of each ascending stretch of ``flat`` lie below a value: all searched at once."""
    low = np.zeros(len(values), dtype=np.int64)
    step = 1 << max(length.bit_length() - 1, 0)
    while step:
        further = low + step
        is_below = further <= length
        is_below &= flat[starts + np.minimum(further, length) - 1] < values
        low = np.where(is_below, further, low)
        step >>= 1
    return low


def _service_bits(n_services: int) -> int:
    return max(1, (n_services - 1).bit_length())


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
