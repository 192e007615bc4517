"""What NCF learns from, step by step: groups of clients with all they have, or pairs by themselves.

Clients meet the whole catalogue where it is small. Of a larger one, services are dealt out to
groups of clients as cards are, from a shuffled catalogue, so that a step meets nearly all of them;
those that a client has count nothing for it. Of pairs, each positive brings negatives of its own,
as NeuMF is usually trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from torch import Tensor
from torch.nn import functional

from ml.dataset import BoolArray, FloatArray, Fold, IntArray
from ml.models.losses import binary_loss, softmax_loss
from ml.models.ncf_settings import NCFSettings
from ml.models.neumf import histories
from ml.models.recency import AdoptionOrder, random_distances, reach_weights, recency_weights
from ml.negative_sampling import NegativeSampler
from ml.parallel import blocks

_WHOLE = 8192
"""Largest catalogue that is met whole where the MLP half reads no vectors: products cost little."""

_STEPS_AT_ONCE = 64
"""Steps whose random draws are made together: memory for these, not for everybody."""


@dataclass(frozen=True)
class Batch:
    """What one step learns from.

    Parameters
    ----------
    clients : ndarray of int32, (n,)
        Each once.
    history : csr_matrix, (n, n_services), or None
        What each is known by, where clients are what they have.
    pairs : two ndarray of int32, (p,), or None
        Place of each pair's client among ``clients``, and its service; None for every client with
        every service.
    samples : int
        Pairs that count.
    positives : int
    loss : callable
        Of the pairs' logits, (p,) or (n, n_services).
    """

    clients: IntArray
    history: sparse.csr_matrix | None
    pairs: tuple[IntArray, IntArray] | None
    samples: int
    positives: int
    loss: Callable[[Tensor], Tensor]


class Batches(Protocol):
    """Where batches come from."""

    def of(self, clients: IntArray) -> Iterator[Batch]:
        """Batches of one epoch over some clients, in a random order."""

    def whole_history(self, part: slice) -> sparse.csr_matrix | None:
        """What some clients are known by at the cutoff; None where histories are not read."""


def batches_of(
    fold: Fold, settings: NCFSettings, rng: np.random.Generator, device: torch.device
) -> Batches:
    """Batches as the settings want them."""
    if settings.positives_per_step is not None:
        return PairBatches(fold, settings, rng, device)
    return ClientBatches(fold, settings, rng, device)


@dataclass(frozen=True)
class Drawn:
    """What some clients show and have to learn, drawn anew in each epoch.

    Parameters
    ----------
    clients : ndarray of int32, (n,)
    ends : ndarray of int, (n + 1,)
        Where each client's services begin and end.
    services : ndarray of int32, (nnz,)
        All that they have.
    said : ndarray of float32, (nnz,)
        What each says in the history; 0 where it is hidden.
    learned : ndarray of float32, (nnz,)
        Weight of each as a positive; 0 where it is none.
    """

    clients: IntArray
    ends: npt.NDArray[np.integer]
    services: IntArray
    said: FloatArray
    learned: FloatArray

    def __getitem__(self, part: slice) -> Drawn:
        """Some of the clients."""
        ends = self.ends[part.start : part.stop + 1]
        own = slice(ends[0], ends[-1])
        return Drawn(
            self.clients[part],
            ends - ends[0],
            self.services[own],
            self.said[own],
            self.learned[own],
        )

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Of each service, its client's place, (nnz,)."""
        return np.repeat(np.arange(len(self.clients)), np.diff(self.ends))


class ClientBatches:
    """Some clients with all that they have, against services drawn for groups of them.

    Parameters
    ----------
    fold : Fold
    settings : NCFSettings
    rng : numpy.random.Generator
    device : torch.device
        Where losses are computed.
    """

    def __init__(
        self, fold: Fold, settings: NCFSettings, rng: np.random.Generator, device: torch.device
    ) -> None:
        self._settings, self._rng, self._device = settings, rng, device
        order = AdoptionOrder.of(fold) if settings.recency_weight else None
        self._has_order = order is not None
        # Places in the order ride along as values, so that a client's rows bring both.
        owned = fold.interactions.sorted_indices()
        places = np.zeros(owned.nnz, dtype=np.int32) if order is None else order.positions
        self._owned = sparse.csr_matrix((places, owned.indices, owned.indptr), owned.shape)
        self._n_services = fold.n_services
        least = settings.negatives if settings.mlp_factors else max(settings.negatives, _WHOLE)
        self._takes_all = fold.n_services <= least

    def of(self, clients: IntArray) -> Iterator[Batch]:
        """See :class:`Batches`."""
        size = self._settings.clients_per_step
        for some in blocks(len(clients), size * _STEPS_AT_ONCE):
            drawn = self.draw(clients[some])
            for part in blocks(len(drawn.clients), size):
                batch = self._batch(drawn[part])
                if batch is not None:
                    yield batch

    def draw(self, clients: IntArray) -> Drawn:
        """Hide a part of what some clients have, and look at it from a moment."""
        settings = self._settings
        owned = self._owned[clients]
        is_visible = np.zeros(owned.nnz, dtype=np.bool_)
        if settings.uses_history:
            is_visible = self._rng.random(owned.nnz, dtype=np.float32) < settings.history_kept
        said = learned = np.ones(owned.nnz, dtype=np.float32)
        if self._has_order:
            distances = random_distances(owned.data, np.diff(owned.indptr), self._rng)
            said = self._recency(distances)
            if settings.reach_services:
                learned = reach_weights(distances, settings.reach_services)
        is_positive = ~is_visible | settings.learns_visible
        return Drawn(clients, owned.indptr, owned.indices, said * is_visible, learned * is_positive)

    def whole_history(self, part: slice) -> sparse.csr_matrix | None:
        """See :class:`Batches`."""
        owned = self._owned[part]
        counts = np.diff(owned.indptr)
        said = np.ones(owned.nnz, dtype=np.float32)
        if self._has_order:
            said = self._recency(np.repeat(counts, counts) - 1 - owned.data)
        clients = np.arange(part.start, part.stop, dtype=np.int32)
        return self._history(Drawn(clients, owned.indptr, owned.indices, said, said))

    def _batch(self, drawn: Drawn) -> Batch | None:
        """A batch of some clients; None where they have nothing to learn."""
        is_positive = drawn.learned > 0
        if not is_positive.any():
            return None
        rows, n_clients = drawn.rows, len(drawn.clients)
        positive_rows, positives = rows[is_positive], drawn.services[is_positive]
        pairs, places = None, None
        if self._takes_all:
            stands_for = np.ones((n_clients, self._n_services), dtype=np.float32)
            stands_for[rows, drawn.services] = 0.0
            places = positive_rows * self._n_services + positives
        else:
            services = self._deal(n_clients)
            stands_for = stands_for_lacking(
                rows, drawn.services, n_clients, self._n_services, services
            )
            pairs = _pairs(services, n_clients, positive_rows, positives)
        learned = drawn.learned[is_positive]
        return Batch(
            drawn.clients,
            self._history(drawn),
            pairs,
            samples=int(np.count_nonzero(stands_for)) + len(positive_rows),
            positives=len(positive_rows),
            loss=self._loss(stands_for, positive_rows, learned, places),
        )

    def _loss(
        self,
        stands_for: FloatArray,
        rows: npt.NDArray[np.int64],
        weights: FloatArray,
        places: npt.NDArray[np.int64] | None,
    ) -> Callable[[Tensor], Tensor]:
        """The loss; ``places`` of positives in the grid where they do not come behind it."""
        measure = softmax_loss if self._settings.loss == "softmax" else binary_loss
        counts, of_rows, weighs = (
            torch.from_numpy(array).to(self._device) for array in (stands_for, rows, weights)
        )

        def loss(logits: Tensor) -> Tensor:
            if places is None:
                grid, positives = torch.split(logits, [counts.numel(), len(of_rows)])
                grid = grid.view(counts.shape)
            else:
                grid = logits
                positives = logits.view(-1).index_select(
                    0, torch.from_numpy(places).to(self._device)
                )
            return measure(grid, counts, positives, of_rows, weighs)

        return loss

    def _deal(self, n_clients: int) -> npt.NDArray[np.int64]:
        """Services of each group of a step, (groups, m), none twice in a group."""
        n_services, size = self._n_services, self._settings.negatives
        groups = -(-n_clients // self._settings.clients_per_draw)
        hands = n_services // size
        decks = [
            self._rng.permutation(n_services)[: hands * size] for _ in range(-(-groups // hands))
        ]
        return np.concatenate(decks).reshape(-1, size)[:groups]

    def _recency(self, distances: npt.NDArray[np.integer]) -> FloatArray:
        settings = self._settings
        return recency_weights(distances, settings.recency_weight, settings.recency_services)

    def _history(self, drawn: Drawn) -> sparse.csr_matrix | None:
        if not self._settings.uses_history:
            return None
        said = sparse.csr_matrix(
            (drawn.said, drawn.services, drawn.ends), (len(drawn.clients), self._n_services)
        )
        return histories(said, self._settings.history_power)


class PairBatches:
    """Positives of all clients in a random order, each with negatives that its client lacks.

    Clients who lack nothing have no negatives, and nothing to learn from.

    Parameters
    ----------
    fold : Fold
    settings : NCFSettings
        With ``positives_per_step``.
    rng : numpy.random.Generator
    device : torch.device
        Where losses are computed.
    """

    def __init__(
        self, fold: Fold, settings: NCFSettings, rng: np.random.Generator, device: torch.device
    ) -> None:
        assert settings.positives_per_step is not None
        self._size, self._each = settings.positives_per_step, settings.negatives
        self._rng, self._device = rng, device
        self._owned = fold.interactions.sorted_indices()
        self._sampler = NegativeSampler(self._owned)

    def of(self, clients: IntArray) -> Iterator[Batch]:
        """See :class:`Batches`."""
        clients = clients[self._sampler.can_draw[clients]]
        owned = self._owned[clients]
        of_client = np.repeat(clients, np.diff(owned.indptr))
        order = self._rng.permutation(owned.nnz)
        for some in blocks(len(order), self._size * _STEPS_AT_ONCE):
            drawn, services = of_client[order[some]], owned.indices[order[some]]
            negatives = self._sampler.draw(np.repeat(drawn, self._each), self._rng)
            for part in blocks(len(drawn), self._size):
                lacking = negatives[part.start * self._each : part.stop * self._each]
                yield self._batch(drawn[part], services[part], lacking)

    def whole_history(self, part: slice) -> None:
        """See :class:`Batches`."""
        return

    def _batch(
        self, clients: IntArray, services: IntArray, lacking: npt.NDArray[np.int64]
    ) -> Batch:
        met, rows = np.unique(clients, return_inverse=True)
        labels = torch.zeros(len(services) + len(lacking), device=self._device)
        labels[: len(services)] = 1
        return Batch(
            met,
            None,
            (
                np.concatenate([rows, np.repeat(rows, self._each)]).astype(np.int32),
                np.concatenate([services, lacking], dtype=np.int32, casting="same_kind"),
            ),
            samples=len(labels),
            positives=len(services),
            loss=lambda logits: functional.binary_cross_entropy_with_logits(logits, labels),
        )


def _pairs(
    drawn: npt.NDArray[np.int64], n_clients: int, rows: npt.NDArray[np.int64], owned: IntArray
) -> tuple[IntArray, IntArray]:
    """Clients and services of a step's pairs: those drawn, client by client, then the positives."""
    of_group = np.repeat(drawn.astype(np.int32), -(-n_clients // len(drawn)), axis=0)[:n_clients]
    clients = np.repeat(np.arange(n_clients, dtype=np.int32), drawn.shape[1])
    return (
        np.concatenate([clients, rows], dtype=np.int32, casting="same_kind"),
        np.concatenate([of_group.ravel(), owned], dtype=np.int32, casting="same_kind"),
    )


def stands_for_lacking(
    rows: npt.NDArray[np.int64],
    owned: IntArray,
    n_clients: int,
    n_services: int,
    drawn: npt.NDArray[np.int64],
) -> FloatArray:
    """How many lacking services each drawn one stands in for.

    Parameters
    ----------
    rows, owned : ndarray of int, (nnz,)
        Who has what.
    n_clients, n_services : int
    drawn : ndarray of int64, (groups, m)
        Services of each group of clients, one after the other.

    Returns
    -------
    ndarray of float32, (n_clients, m)
        0 for owned ones.

    Examples
    --------
    >>> stands_for_lacking(np.array([0]), np.array([1]), 2, 6, np.array([[0, 1]])).tolist()
    [[5.0, 0.0], [3.0, 3.0]]
    """
    is_owned: BoolArray = np.zeros((n_clients, n_services), dtype=np.bool_)
    is_owned[rows, owned] = True
    of_group = np.repeat(drawn, -(-n_clients // len(drawn)), axis=0)[:n_clients]
    is_lacking = ~np.take_along_axis(is_owned, of_group, axis=1)
    lacking = n_services - np.bincount(rows, minlength=n_clients)
    share = lacking / np.maximum(is_lacking.sum(axis=1), 1)
    stands_for: FloatArray = is_lacking * share.astype(np.float32)[:, None]
    return stands_for
