"""How :class:`ml.models.ncf.NCF` learns: groups of clients against services drawn for them.

Services are dealt out to groups of clients as cards are, from a shuffled catalogue, so that a
step meets nearly all of them; those that a client has count nothing for it. Within a group all
products are matrix products, and no pair has to be looked up by itself.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from torch import Tensor

from ml.dataset import BoolArray, FloatArray, Fold, IntArray
from ml.models.adoption import log_adoption_rate
from ml.models.base import Arrays
from ml.models.epochs import Trainee
from ml.models.generators import set_state, state_of
from ml.models.learned import Learned, Vocabulary
from ml.models.losses import binary_loss, softmax_loss
from ml.models.ncf_parameters import (
    Optimizer,
    arrays_of,
    begin_from,
    fill,
    flattened,
)
from ml.models.ncf_settings import NCFSettings
from ml.models.neumf import NeuMF, SparseRows, histories
from ml.models.recency import AdoptionOrder, random_distances, reach_weights, recency_weights
from ml.models.visits import Visits
from ml.parallel import blocks

_STEPS_AT_ONCE = 64
"""Steps whose random draws are made together: memory for these, not for everybody."""

_MOST = 2
"""A step that draws less than one in so many of the catalogue computes only what it meets."""

_CLIENTS_AT_ONCE = 4096
"""Clients whose vectors are made together when scores are wanted."""

_OF_NETWORK, _OF_OPTIMIZER, _OF_VISITS = "network.", "optimizer.", "visits."
_GENERATOR, _TORCH_GENERATOR, _COUNTS = "generator", "torch_generator", "counts"


@dataclass(frozen=True)
class Sides:
    """All that scoring needs, with the training left behind; on the training's device.

    Parameters
    ----------
    client_gmf, client_mlp : Tensor, (n_clients, gmf_factors) and (n_clients, hidden[0])
    service_gmf, service_mlp : Tensor, (n_services, gmf_factors) and (n_services, hidden[0])
        The GMF's output weights are in the clients' vectors, the first bias in the services'.
    linear : Tensor, (n_services,)
        What a score has of the service alone.
    second_layer, second_bias, mlp_output : Tensor
    """

    client_gmf: Tensor
    client_mlp: Tensor
    service_gmf: Tensor
    service_mlp: Tensor
    linear: Tensor
    second_layer: Tensor
    second_bias: Tensor
    mlp_output: Tensor


@dataclass(frozen=True)
class _Drawn:
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

    def __getitem__(self, part: slice) -> _Drawn:
        """Some of the clients."""
        ends = self.ends[part.start : part.stop + 1]
        own = slice(ends[0], ends[-1])
        return _Drawn(
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


class Training(Trainee):
    """State of one fit.

    Parameters
    ----------
    fold : Fold
    settings : NCFSettings
    seed : int
    shown : callable
        Is given what scoring needs when it is wanted.
    start : Learned, optional
        Where to go on from.

    Attributes
    ----------
    samples : int
        (client, service, label) triples that went through the network so far.
    network, mean : NeuMF
        What is learned, and its running mean, which scores.
    """

    def __init__(
        self,
        fold: Fold,
        settings: NCFSettings,
        seed: int,
        shown: Callable[[Sides], None],
        start: Learned | None = None,
    ) -> None:
        self._settings = settings
        self._fold = fold
        self._shown = shown
        self.device = torch.device(settings.chosen_device)
        self._rng = np.random.default_rng(seed)
        self._generator = torch.Generator().manual_seed(seed)
        order = AdoptionOrder.of(fold) if settings.recency_weight else None
        self._has_order = order is not None
        # Places in the order ride along as values, so that a client's rows bring both.
        owned = fold.interactions.sorted_indices()
        places = np.zeros(owned.nnz, dtype=np.int32) if order is None else order.positions
        self._owned = sparse.csr_matrix((places, owned.indices, owned.indptr), owned.shape)
        self._visits = Visits(
            np.diff(owned.indptr), settings.sample_budget, settings.max_epochs, self._rng
        )
        self._service_features = (
            SparseRows(fold.service_features, self.device) if fold.service_features.nnz else None
        )
        self.network = NeuMF(
            fold.n_clients,
            fold.n_services,
            fold.client_features.shape[1],
            fold.service_features.shape[1],
            settings,
            self._generator,
        ).to(self.device)
        # The logit of the share of pairs that are owned: the start that learns nothing twice.
        share = (owned.nnz + 1) / (fold.n_clients * fold.n_services + 2)
        self.network.base.data.fill_(float(np.log(share / (1 - share))))
        self._vocabulary = Vocabulary.of(fold)
        if start is not None:
            begin_from(self.network, start, self._vocabulary, settings)
        # Without an average the last weights score.
        self.mean = copy.deepcopy(self.network) if settings.averaging else self.network
        self._optimizer = Optimizer(self.network, settings)
        self._mean_wholes = [g.whole for g in flattened(self.mean)] if settings.averaging else []
        self.samples = 0
        self._steps = 0
        self._offset = self._tensor(
            log_adoption_rate(fold, settings.adoption_days) * np.float32(settings.adoption_weight)
        )

    def epoch(self) -> float | None:
        """See :class:`Trainee`."""
        size = self._settings.clients_per_step
        order = self._visits.part()
        if order is None:
            owners = np.flatnonzero(np.diff(self._owned.indptr)).astype(np.int32)
            order = self._rng.permutation(owners)
        total, count = 0.0, 0
        for some in blocks(len(order), size * _STEPS_AT_ONCE):
            drawn = self._draw(order[some])
            for part in blocks(len(drawn.clients), size):
                loss, positives = self._step(drawn[part])
                total += loss * positives
                count += positives
        return total / count if count else None

    def _draw(self, clients: IntArray) -> _Drawn:
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
        return _Drawn(
            clients, owned.indptr, owned.indices, said * is_visible, learned * is_positive
        )

    def _recency(self, distances: npt.NDArray[np.integer]) -> FloatArray:
        settings = self._settings
        return recency_weights(distances, settings.recency_weight, settings.recency_services)

    def _step(self, drawn: _Drawn) -> tuple[float, int]:
        settings, network = self._settings, self.network
        is_positive = drawn.learned > 0
        if not is_positive.any():
            return 0.0, 0
        n_clients, n_services = len(drawn.clients), self._fold.n_services
        services = self._deal(n_clients)
        rows = drawn.rows
        stands_for = _stands_for(rows, drawn.services, n_clients, n_services, services)
        positive_rows = self._tensor(rows[is_positive])
        of_all, columns = _pairs(
            services, n_clients, rows[is_positive], drawn.services[is_positive]
        )
        some, columns = _met(columns, n_services, services.size)
        clients = network.client_side(
            self._history(drawn),
            self._tensor(drawn.clients.astype(np.int64)) if settings.uses_identity else None,
            self._client_features(drawn.clients),
            self._survivors(n_clients, share=settings.client_dropout),
        )
        logits = network.logits(
            clients,
            network.service_side(
                self._service_features,
                self._survivors(n_services, share=settings.service_dropout),
                None if some is None else self._tensor(some),
            ),
            self._tensor(of_all),
            self._tensor(columns),
            self._random(n_clients, settings.hidden[0]) < settings.dropout,
        )
        grid, pairs = torch.split(logits, [stands_for.size, len(positive_rows)])
        measure = softmax_loss if settings.loss == "softmax" else binary_loss
        weights = self._tensor(drawn.learned[is_positive])
        loss = measure(
            grid.view(stands_for.shape), self._tensor(stands_for), pairs, positive_rows, weights
        )
        self._optimizer.step(loss)
        self._average()
        self.samples += int(np.count_nonzero(stands_for)) + len(positive_rows)
        return loss.item(), len(positive_rows)

    def _deal(self, n_clients: int) -> npt.NDArray[np.int64]:
        """Services of each group of a step, (groups, m), none twice in a group."""
        n_services, size = self._fold.n_services, self._settings.negatives
        groups = -(-n_clients // self._settings.clients_per_draw)
        if size >= n_services:
            return np.tile(np.arange(n_services), (groups, 1))
        hands = n_services // size
        decks = [
            self._rng.permutation(n_services)[: hands * size] for _ in range(-(-groups // hands))
        ]
        return np.concatenate(decks).reshape(-1, size)[:groups]

    def _client_features(self, some: IntArray | slice) -> Tensor | None:
        features = self._fold.client_features
        return self._tensor(features[some].toarray()) if features.nnz else None

    def _history(self, drawn: _Drawn) -> SparseRows | None:
        if not self._settings.uses_history:
            return None
        said = sparse.csr_matrix(
            (drawn.said, drawn.services, drawn.ends), (len(drawn.clients), self._fold.n_services)
        )
        return SparseRows(histories(said, self._settings.history_power), self.device)

    @torch.no_grad()
    def _average(self) -> None:
        self._steps += 1
        # As Adam corrects its means: the first steps do not weigh on the average for long.
        kept = min(self._settings.averaging, 1 - 1 / self._steps)
        for mean, whole in zip(self._mean_wholes, self._optimizer.wholes, strict=False):
            mean.lerp_(whole, 1 - kept)

    def _survivors(self, count: int, share: float) -> Tensor | None:
        return (self._random(count, 1) >= share).float() if share else None

    def _random(self, *shape: int) -> Tensor:
        """Drawn on the processor, whatever the device: one stream of random numbers."""
        return torch.rand(*shape, generator=self._generator).to(self.device)

    def _tensor(self, array: npt.NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(self.device)

    @torch.no_grad()
    def show(self) -> None:
        """See :class:`Trainee`."""
        fold, network = self._fold, self.mean
        services = network.service_side(
            self._service_features,
            self._tensor((~fold.is_cold_service).astype(np.float32))[:, None],
        )
        width = self._settings.hidden[0]
        gmf = services.gmf.new_empty(fold.n_clients, network.gmf_factors)
        mlp = services.mlp.new_empty(fold.n_clients, width)
        for part in blocks(fold.n_clients, _CLIENTS_AT_ONCE):
            side = network.client_side(*self._whole(part))
            gmf[part], mlp[part] = side.gmf, side.mlp
        self._shown(
            Sides(
                gmf,
                mlp,
                services.gmf.contiguous(),
                services.mlp,
                services.linear + self._offset,
                network.second_layer.detach().clone(),
                network.second_bias.detach().clone(),
                network.mlp_output.detach().clone(),
            )
        )

    def _whole(self, part: slice) -> tuple[SparseRows | None, Tensor | None, Tensor | None, Tensor]:
        """Everything that is known of some clients, seen from the cutoff."""
        settings, owned = self._settings, self._owned[part]
        counts = np.diff(owned.indptr)
        said = np.ones(owned.nnz, dtype=np.float32)
        if self._has_order:
            said = self._recency(np.repeat(counts, counts) - 1 - owned.data)
        clients = np.arange(part.start, part.stop, dtype=np.int32)
        drawn = _Drawn(clients, owned.indptr, owned.indices, said, said)
        return (
            self._history(drawn),
            self._tensor(clients.astype(np.int64)) if settings.uses_identity else None,
            self._client_features(part),
            self._tensor((counts > 0).astype(np.float32))[:, None],
        )

    def learned(self) -> Learned | None:
        """What this training leaves to go on from; None where the fold knows no ids."""
        return None if self._vocabulary is None else Learned(self._vocabulary, self.parameters())

    def parameters(self) -> Arrays:
        """See :class:`Trainee`; of the mean, which is what scores."""
        return arrays_of(self.mean)

    def set_parameters(self, arrays: Arrays) -> None:
        """See :class:`Trainee`."""
        fill(self.mean, arrays)

    def state(self) -> Arrays:
        """See :class:`Trainee`."""
        parts = {
            _OF_NETWORK: arrays_of(self.network),
            _OF_OPTIMIZER: self._optimizer.moments(),
            _OF_VISITS: self._visits.state(),
            "": {
                _GENERATOR: state_of(self._rng),
                _TORCH_GENERATOR: self._generator.get_state().numpy(),
                _COUNTS: np.array([self.samples, self._steps]),
            },
        }
        return {f"{part}{name}": a for part, arrays in parts.items() for name, a in arrays.items()}

    def set_state(self, arrays: Arrays) -> None:
        """See :class:`Trainee`."""

        def part(prefix: str) -> Arrays:
            return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}

        fill(self.network, part(_OF_NETWORK))
        self._optimizer.set_moments(part(_OF_OPTIMIZER))
        self._visits.set_state(part(_OF_VISITS))
        # After the visits, which draw from it too.
        set_state(self._rng, arrays[_GENERATOR])
        self._generator.set_state(torch.from_numpy(arrays[_TORCH_GENERATOR]))
        self.samples, self._steps = (int(count) for count in arrays[_COUNTS])


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


def _met(
    columns: IntArray, n_services: int, n_drawn: int
) -> tuple[npt.NDArray[np.int64] | None, IntArray]:
    """Services that a step meets, and where among them those of its pairs are.

    None where they are most of the catalogue: computing all costs less than picking some.
    """
    if n_drawn >= n_services // _MOST:
        return None, columns
    is_met = np.zeros(n_services, dtype=np.bool_)
    is_met[columns] = True
    places = np.cumsum(is_met, dtype=np.int32) - 1
    return np.flatnonzero(is_met), places[columns]


def _stands_for(
    rows: npt.NDArray[np.int64],
    owned: IntArray,
    n_clients: int,
    n_services: int,
    drawn: npt.NDArray[np.int64],
) -> FloatArray:
    """How many lacking services each drawn one stands in for, (n, m); 0 for owned ones."""
    is_owned: BoolArray = np.zeros((n_clients, n_services), dtype=np.bool_)
    is_owned[rows, owned] = True
    of_group = np.repeat(drawn, -(-n_clients // len(drawn)), axis=0)[:n_clients]
    is_lacking = ~np.take_along_axis(is_owned, of_group, axis=1)
    lacking = n_services - np.bincount(rows, minlength=n_clients)
    share = lacking / np.maximum(is_lacking.sum(axis=1), 1)
    stands_for: FloatArray = is_lacking * share.astype(np.float32)[:, None]
    return stands_for
