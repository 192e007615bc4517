"""Top-k and ranks of labels under a mask, block by block; knows no model.

Everything rests on one sort key per (client, service): row, then score from high to low,
then service index, packed into one int64. Keys are unique, so a plain (partial) sort orders
candidates the same way on every machine and for every block size, and ties go to the lower
service index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.dataset import BoolArray, FloatArray, Fold, IntArray, block_coordinates
from ml.errors import ModelError

Scorer = Callable[[IntArray], FloatArray]
"""Scores of all services for a block of clients: (b,) int32 -> (b, n_services) float32."""

Integers = npt.NDArray[np.int64]

BLOCK_SIZE = 1024
DEPTH = 20

# 6 bits of row, 32 of score, 25 of service fit a non-negative int64. Sixty-four rows of
# keys also stay in the processor's cache, which halves the time of building and sorting.
_ROWS = 64
_SERVICE_BITS = 25
_SERVICE_MASK = np.int64((1 << _SERVICE_BITS) - 1)
_ROW_SHIFT = 32 + _SERVICE_BITS
_INELIGIBLE = np.int32(np.iinfo(np.int32).max)
_MAGNITUDE = np.int32(0x7FFFFFFF)


@dataclass(frozen=True)
class Spread:
    """How a client's scores lie over all of its candidates: what puts one score in place.

    Parameters
    ----------
    counts : ndarray of int64, (n,)
        Candidates.
    means, deviations : ndarray of float64, (n,)
        Mean and standard deviation of their scores; zero without candidates.
    """

    counts: Integers
    means: npt.NDArray[np.float64]
    deviations: npt.NDArray[np.float64]


@dataclass(frozen=True)
class TopK:
    """The best candidates of some clients, best first.

    Parameters
    ----------
    clients : ndarray of int32, (n,)
    services : ndarray of int32, (n, k)
        -1 where a client has fewer than k candidates.
    scores : ndarray of float32, (n, k)
        -inf where ``services`` is -1.
    spread : Spread
        Over all candidates, not only these.
    """

    clients: IntArray
    services: IntArray
    scores: FloatArray
    spread: Spread

    def first(self, k: int) -> TopK:
        """Keep the k best of each client."""
        return TopK(self.clients, self.services[:, :k], self.scores[:, :k], self.spread)

    @property
    def first_ranks(self) -> Integers:
        """Rank of each score from 1 = best, ties sharing the best of their ranks, (n, k)."""
        is_new = np.ones(self.scores.shape, dtype=bool)
        is_new[:, 1:] = self.scores[:, 1:] != self.scores[:, :-1]
        places = np.arange(1, self.scores.shape[1] + 1)
        ranks: Integers = np.maximum.accumulate(np.where(is_new, places, 1), axis=1)
        return ranks


@dataclass(frozen=True)
class LabelRanks:
    """Where the labels of some clients ended up: what every ranking metric is read from.

    Labels that are no candidates (owned, withdrawn, ...) are left out: no ranking could
    have offered them.

    Parameters
    ----------
    clients : ndarray of int32, (n,)
    candidate_counts, positive_counts : ndarray of int64, (n,)
        Candidates of each client, and how many of them are labels.
    positions : ndarray of int64, (p,)
        For each (client, label) pair, the client's position in ``clients``. Pairs are
        sorted by position, then by rank.
    services : ndarray of int32, (p,)
    scores : ndarray of float32, (p,)
    ranks : ndarray of int64, (p,)
        From 1 = best; ties go to the lower service index.
    first_ranks : ndarray of int64, (p,)
        From 1 = best; ties share the best of their ranks.
    mid_ranks : ndarray of float64, (p,)
        From 1 = best; ties share their mean rank.
    top : TopK
        The best candidates of the same clients, as deep as asked for.
    candidate_scores : ndarray of float32, (sum of candidate_counts,)
        Scores of all candidates, client after client, best first; empty unless kept.
    eligible_service_count : int
        Services that at least the fold's own rules allow to be offered.
    """

    clients: IntArray
    candidate_counts: Integers
    positive_counts: Integers
    positions: Integers
    services: IntArray
    scores: FloatArray
    ranks: Integers
    first_ranks: Integers
    mid_ranks: npt.NDArray[np.float64]
    top: TopK
    candidate_scores: FloatArray
    eligible_service_count: int


def top_k(
    score: Scorer, fold: Fold, clients: IntArray, k: int, block_size: int = BLOCK_SIZE
) -> TopK:
    """Find the k best candidates of each client.

    Parameters
    ----------
    score : callable
    fold : Fold
        Says who may be offered what.
    clients : ndarray of int32, (n,)
    k : int
    block_size : int, default 1024
        Clients scored at once. The result does not depend on it.

    Returns
    -------
    TopK
    """
    blocks = list(iter_top_k(score, fold, clients, k, block_size))
    return join_tops(blocks, k)


def iter_top_k(
    score: Scorer, fold: Fold, clients: IntArray, k: int, block_size: int = BLOCK_SIZE
) -> Iterator[TopK]:
    """Yield ``top_k`` block by block, so that results can be written as they come.

    Parameters
    ----------
    score : callable
    fold : Fold
    clients : ndarray of int32, (n,)
    k : int
    block_size : int, default 1024

    Yields
    ------
    TopK
        Of at most ``block_size`` clients, in the order given.
    """
    depth = min(k, fold.n_services)
    for block, scores, mask in iter_blocks(score, fold, clients, block_size):
        keys = np.empty((len(block), depth), dtype=np.int64)
        for start, chunk in _iter_keys(scores, mask):
            if 0 < depth < fold.n_services:
                chunk.partition(depth - 1, axis=1)
            keys[start : start + len(chunk)] = chunk[:, :depth]
        keys.sort(axis=1)
        yield _decode(block, keys, k, _spread(scores, mask))


def join_tops(blocks: list[TopK], k: int) -> TopK:
    """Put the candidates of several groups of clients one below the other.

    Parameters
    ----------
    blocks : list of TopK
        All k deep.
    k : int

    Returns
    -------
    TopK
    """
    if not blocks:
        nobody = np.empty(0, np.float64)
        spread = Spread(np.empty(0, np.int64), nobody, nobody)
        return _decode(np.empty(0, np.int32), np.empty((0, 0), np.int64), k, spread)
    return TopK(
        np.concatenate([b.clients for b in blocks]),
        np.concatenate([b.services for b in blocks]),
        np.concatenate([b.scores for b in blocks]),
        Spread(
            np.concatenate([b.spread.counts for b in blocks]),
            np.concatenate([b.spread.means for b in blocks]),
            np.concatenate([b.spread.deviations for b in blocks]),
        ),
    )


def rank_labels(
    score: Scorer,
    fold: Fold,
    clients: IntArray,
    block_size: int = BLOCK_SIZE,
    *,
    depth: int = DEPTH,
    keep_scores: bool = False,
) -> LabelRanks:
    """Rank every label among its client's candidates, in one pass over the scores.

    Parameters
    ----------
    score : callable
    fold : Fold
        Its labels are the positives.
    clients : ndarray of int32, (n,)
        Clients without labels are allowed: they count for coverage only.
    block_size : int, default 1024
        Clients scored at once. The result does not depend on it.
    depth : int, default 20
        How deep ``top`` goes: the largest k that a metric will ask for.
    keep_scores : bool, default False
        Keep the scores of all candidates, 4 bytes each, for the AUC over all pairs.

    Returns
    -------
    LabelRanks
    """
    kept = min(depth, fold.n_services)
    tops: list[TopK] = []
    candidates: list[FloatArray] = []
    pairs: list[_Pairs] = []
    first = 0
    for block, scores, mask in iter_blocks(score, fold, clients, block_size):
        rows, services = block_coordinates(fold.labels, block)
        is_candidate = mask[rows, services]
        rows, services = rows[is_candidate], services[is_candidate]
        keys = np.empty((len(block), kept), dtype=np.int64)
        for start, chunk in _iter_keys(scores, mask):
            stop = start + len(chunk)
            inside = slice(*np.searchsorted(rows, (start, stop)))
            label_keys = chunk[rows[inside] - start, services[inside]]
            chunk.sort(axis=1)
            keys[start:stop] = chunk[:, :kept]
            pairs.append(_find(chunk, label_keys, rows[inside] + first, rows[inside] - start))
            if keep_scores:
                candidates.append(_key_scores(chunk)[_is_candidate(chunk)])
        tops.append(_decode(block, keys, depth, _spread(scores, mask)))
        first += len(block)
    found = _Pairs.join(pairs)
    top = join_tops(tops, depth)
    return LabelRanks(
        clients=clients,
        candidate_counts=top.spread.counts,
        positive_counts=np.bincount(found.positions, minlength=len(clients)),
        positions=found.positions,
        services=found.services,
        scores=found.scores,
        ranks=found.ranks,
        first_ranks=found.first_ranks,
        mid_ranks=found.mid_ranks,
        top=top,
        candidate_scores=np.concatenate([np.empty(0, np.float32), *candidates]),
        eligible_service_count=int(fold.is_eligible_service.sum()),
    )


def iter_blocks(
    score: Scorer, fold: Fold, clients: IntArray, block_size: int = BLOCK_SIZE
) -> Iterator[tuple[IntArray, FloatArray, BoolArray]]:
    """Score clients block by block, each with the mask of what may be offered.

    Parameters
    ----------
    score : callable
    fold : Fold
    clients : ndarray of int32, (n,)
    block_size : int, default 1024

    Yields
    ------
    clients : ndarray of int32, (b,)
    scores : ndarray of float32, (b, n_services)
    mask : ndarray of bool, (b, n_services)
    """
    for start in range(0, len(clients), block_size):
        block = clients[start : start + block_size]
        scores = np.asarray(score(block), dtype=np.float32)
        expected = (len(block), fold.n_services)
        if scores.shape != expected:
            raise ModelError(f"the model's scores have shape {scores.shape}, expected {expected}")
        if not np.isfinite(scores).all():
            row = int(np.argmin(np.isfinite(scores).all(axis=1)))
            raise ModelError(
                f"the model's scores for client_idx {block[row]} are not all finite numbers; "
                "a lower learning rate usually mends it"
            )
        yield block, scores, fold.candidate_mask(block)


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


@dataclass(frozen=True)
class _Pairs:
    """The columns of ``LabelRanks`` that have one entry per (client, label)."""

    positions: Integers
    services: IntArray
    scores: FloatArray
    ranks: Integers
    first_ranks: Integers
    mid_ranks: npt.NDArray[np.float64]

    @classmethod
    def join(cls, parts: list[_Pairs]) -> _Pairs:
        return cls(
            np.concatenate([np.empty(0, np.int64), *(p.positions for p in parts)]),
            np.concatenate([np.empty(0, np.int32), *(p.services for p in parts)]),
            np.concatenate([np.empty(0, np.float32), *(p.scores for p in parts)]),
            np.concatenate([np.empty(0, np.int64), *(p.ranks for p in parts)]),
            np.concatenate([np.empty(0, np.int64), *(p.first_ranks for p in parts)]),
            np.concatenate([np.empty(0, np.float64), *(p.mid_ranks for p in parts)]),
        )


def _iter_keys(scores: FloatArray, mask: BoolArray) -> Iterator[tuple[int, Integers]]:
    n_services = scores.shape[1]
    if n_services > _SERVICE_MASK:
        raise ModelError(f"{n_services} services are more than the {_SERVICE_MASK} a key can hold")
    low = (np.arange(_ROWS, dtype=np.int64) << _ROW_SHIFT)[:, None] + np.arange(n_services)
    for start in range(0, len(scores), _ROWS):
        # Adding zero turns -0.0 into 0.0: equal scores must have equal bits.
        order = float_order(scores[start : start + _ROWS] + np.float32(0))
        np.invert(order, out=order)
        np.putmask(order, ~mask[start : start + _ROWS], _INELIGIBLE)
        keys = order.astype(np.int64)
        keys <<= _SERVICE_BITS
        keys += low[: len(keys)]
        yield start, keys


def _key_order(keys: Integers) -> npt.NDArray[np.int32]:
    # The cast keeps the low 32 bits, which drops the row.
    return (keys >> _SERVICE_BITS).astype(np.int32)


def _is_candidate(keys: Integers) -> BoolArray:
    is_candidate: BoolArray = _key_order(keys) != _INELIGIBLE
    return is_candidate


def _key_scores(keys: Integers) -> FloatArray:
    return float_order((~_key_order(keys)).view(np.float32)).view(np.float32)


def _key_services(keys: Integers) -> IntArray:
    return (keys & _SERVICE_MASK).astype(np.int32)


def _find(
    sorted_keys: Integers,
    label_keys: Integers,
    positions: Integers,
    rows: Integers,
) -> _Pairs:
    # Keys start with the row, so a chunk sorted row by row is sorted as a whole.
    flat = sorted_keys.ravel()
    order = np.argsort(label_keys)
    label_keys, positions, rows = label_keys[order], positions[order], rows[order]
    first = rows * sorted_keys.shape[1]
    tie_start = np.searchsorted(flat, label_keys & ~_SERVICE_MASK, side="left") - first
    tie_stop = np.searchsorted(flat, label_keys | _SERVICE_MASK, side="right") - first
    return _Pairs(
        positions=positions,
        services=_key_services(label_keys),
        scores=_key_scores(label_keys),
        ranks=np.searchsorted(flat, label_keys) - first + 1,
        first_ranks=tie_start + 1,
        mid_ranks=(tie_start + tie_stop + 1) / 2,
    )


def _spread(scores: FloatArray, mask: BoolArray) -> Spread:
    counts = mask.sum(axis=1, dtype=np.int64)
    divisors = np.maximum(counts, 1)
    means, variances = np.empty(len(scores)), np.empty(len(scores))
    for start in range(0, len(scores), _ROWS):
        rows = slice(start, start + _ROWS)
        chunk = scores[rows] * mask[rows]
        means[rows] = chunk.sum(axis=1, dtype=np.float64) / divisors[rows]
        # Two passes: the difference of two large sums would lose the deviation of scores
        # that lie close together far from zero.
        chunk = (scores[rows] - means[rows, None].astype(np.float32)) * mask[rows]
        variances[rows] = np.square(chunk).sum(axis=1, dtype=np.float64) / divisors[rows]
    return Spread(counts, means, np.sqrt(variances))


def _decode(clients: IntArray, keys: Integers, k: int, spread: Spread) -> TopK:
    services = np.full((len(clients), k), -1, dtype=np.int32)
    scores = np.full((len(clients), k), -np.inf, dtype=np.float32)
    depth = keys.shape[1]
    is_candidate = _is_candidate(keys)
    services[:, :depth][is_candidate] = _key_services(keys)[is_candidate]
    scores[:, :depth][is_candidate] = _key_scores(keys)[is_candidate]
    return TopK(clients, services, scores, spread)
