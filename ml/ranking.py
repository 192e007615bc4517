"""Top-k and ranks of labels under a mask, block by block; knows no model.

Ties go to the lower service index, so candidates are ordered the same way on every machine, for
every block size and number of threads. Each core scores blocks of its own and takes them apart
(:mod:`ml.selection`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ml import selection
from ml.dataset import BoolArray, FloatArray, Fold, IntArray, block_coordinates, entries_at
from ml.errors import ModelError
from ml.parallel import blocks, in_order
from ml.selection import Excluded, Ranked

Scorer = Callable[[IntArray], FloatArray]
"""Scores of all services for a block of clients: (b,) int32 -> (b, n_services) float32.

A new array each time; called from several threads, each with clients of its own."""

Integers = npt.NDArray[np.int64]

BLOCK_SIZE = 1024
DEPTH = 20


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
    yield from in_order(
        lambda block: _scored(score, fold, block, k).top, _blocks(clients, block_size)
    )


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
        return _no_top(np.empty(0, np.int32), k)
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
    tops: list[TopK] = []
    pairs: list[PlacedPairs] = []
    candidates = [np.empty(0, np.float32)]
    first = 0
    for part in in_order(
        lambda block: _find_labels(_scored(score, fold, block, depth), fold, keep_scores),
        _blocks(clients, block_size),
    ):
        tops.append(part.top)
        pairs.append(part.pairs.moved(first))
        candidates.append(part.candidates)
        first += len(part.top.clients)
    found = PlacedPairs.join(pairs)
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
        candidate_scores=np.concatenate(candidates),
        eligible_service_count=int(fold.is_eligible_service.sum()),
    )


def iter_sampled(
    score: Scorer, fold: Fold, clients: IntArray, depth: int, step: int, block_size: int
) -> Iterator[tuple[TopK, PlacedPairs, PlacedPairs]]:
    """Yield the best candidates, where the labels lie, and where some other candidates lie.

    Nothing is sorted, so that time grows with the catalogue and not faster.

    Parameters
    ----------
    score : callable
    fold : Fold
    clients : ndarray of int32, (n,)
    depth : int
        How many of the best.
    step : int
        Of the candidates below, each is drawn with probability ``1 / step``: every ``step``-th
        service, from another one on for each client.
    block_size : int
        Clients scored at once. The result does not depend on it.

    Yields
    ------
    tuple of TopK, PlacedPairs, PlacedPairs
        Positions count from the first client of the block; no pair is both a label and drawn.
    """

    def look(block: IntArray) -> tuple[TopK, PlacedPairs, PlacedPairs]:
        found = _scored(score, fold, block, depth)
        labels = _rank(found.scores, *block_coordinates(fold.labels, block))
        # Multiplied by an odd constant (Knuth), so that neighbours begin far from each other.
        starts = (block.astype(np.int64) * 2_654_435_761 >> 8) % step
        drawn = starts[:, None] + np.arange(0, fold.n_services, step)
        rows, places = np.nonzero(drawn < fold.n_services)
        others = _rank(found.scores, rows, drawn[rows, places].astype(np.int32))
        is_label = entries_at(fold.labels, block[others.positions], others.services) > 0
        return found.top, labels, others.where(~is_label & (others.ranks > depth))

    yield from in_order(look, _blocks(clients, block_size))


@dataclass(frozen=True)
class _Block:
    """Some clients' scores, -inf where excluded, and the best of them."""

    clients: IntArray
    scores: FloatArray
    top: TopK


def _blocks(clients: IntArray, block_size: int) -> Iterator[IntArray]:
    return (clients[part] for part in blocks(len(clients), block_size))


def _scored(score: Scorer, fold: Fold, clients: IntArray, depth: int) -> _Block:
    # Written into later on.
    scores = np.require(score(clients), np.float32, ("C", "W"))
    expected = (len(clients), fold.n_services)
    if scores.shape != expected:
        raise ModelError(f"the model's scores have shape {scores.shape}, expected {expected}")
    found = selection.take(scores, Excluded.of(fold, clients), depth)
    if found.first_bad >= 0:
        raise ModelError(
            f"the model's scores for client_idx {clients[found.first_bad]}"
            " are not all finite numbers; a lower learning rate usually mends it"
        )
    spread = Spread(found.counts, found.means, found.deviations)
    return _Block(clients, scores, TopK(clients, found.services, found.values, spread))


def _no_top(clients: IntArray, k: int) -> TopK:
    count = len(clients)
    return TopK(
        clients,
        np.full((count, k), -1, dtype=np.int32),
        np.full((count, k), -np.inf, dtype=np.float32),
        Spread(np.zeros(count, np.int64), np.zeros(count), np.zeros(count)),
    )


@dataclass(frozen=True)
class _Found:
    """The best of a block, where its labels ended up, and all scores if they were to be kept."""

    top: TopK
    pairs: PlacedPairs
    candidates: FloatArray


def _find_labels(block: _Block, fold: Fold, keep_scores: bool) -> _Found:
    rows, services = block_coordinates(fold.labels, block.clients)
    candidates = np.empty(0, np.float32)
    if keep_scores:
        ordered = selection.descending(block.scores)
        # Zero minus a negated zero is the zero without a sign.
        candidates = np.float32(0) - ordered[ordered < np.inf]
    return _Found(block.top, _rank(block.scores, rows, services), candidates)


def _rank(scores: FloatArray, rows: Integers, services: IntArray) -> PlacedPairs:
    """Rank the labels of some rows; those that are excluded are no candidates."""
    is_candidate = scores[rows, services] > -np.inf
    rows, services = rows[is_candidate], services[is_candidate]
    return PlacedPairs.of(scores, rows, services, selection.rank(scores, rows, services))


@dataclass(frozen=True)
class PlacedPairs:
    """Where some pairs lie among their clients' candidates: as in ``LabelRanks``, (p,) each."""

    positions: Integers
    services: IntArray
    scores: FloatArray
    ranks: Integers
    first_ranks: Integers
    mid_ranks: npt.NDArray[np.float64]

    @classmethod
    def of(
        cls, scores: FloatArray, rows: Integers, services: IntArray, ranked: Ranked
    ) -> PlacedPairs:
        """Pairs of a block of scores, sorted by row and rank."""
        order = np.lexsort((ranked.ranks, rows))
        rows, services = rows[order], services[order]
        return cls(
            rows,
            services,
            scores[rows, services] + np.float32(0),
            ranked.ranks[order],
            ranked.first_ranks[order],
            ranked.mid_ranks[order],
        )

    @classmethod
    def join(cls, parts: list[PlacedPairs]) -> PlacedPairs:
        """Pairs of several blocks, one after the other."""
        return cls(
            np.concatenate([np.empty(0, np.int64), *(p.positions for p in parts)]),
            np.concatenate([np.empty(0, np.int32), *(p.services for p in parts)]),
            np.concatenate([np.empty(0, np.float32), *(p.scores for p in parts)]),
            np.concatenate([np.empty(0, np.int64), *(p.ranks for p in parts)]),
            np.concatenate([np.empty(0, np.int64), *(p.first_ranks for p in parts)]),
            np.concatenate([np.empty(0, np.float64), *(p.mid_ranks for p in parts)]),
        )

    def where(self, is_kept: BoolArray) -> PlacedPairs:
        """Some of the pairs."""
        return PlacedPairs(**{name: values[is_kept] for name, values in vars(self).items()})

    def moved(self, count: int) -> PlacedPairs:
        """The same of clients that come so many further down."""
        return replace(self, positions=self.positions + count)
