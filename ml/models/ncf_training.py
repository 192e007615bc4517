"""How :class:`ml.models.ncf.NCF` learns: steps over batches from :mod:`ml.models.ncf_batches`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from torch import Tensor

from ml.dataset import Fold, IntArray
from ml.models.adoption import log_adoption_rate
from ml.models.base import Arrays
from ml.models.epochs import Trainee
from ml.models.generators import set_state, state_of
from ml.models.learned import Learned, Vocabulary
from ml.models.ncf_batches import Batch, batches_of
from ml.models.ncf_parameters import (
    Optimizer,
    arrays_of,
    begin_from,
    fill,
    flattened,
)
from ml.models.ncf_settings import NCFSettings
from ml.models.neumf import NeuMF, SparseRows
from ml.models.visits import Visits
from ml.parallel import blocks

_NEARLY_ALL = 0.85
"""A step that meets a smaller share of the catalogue computes only what it meets."""

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
        Of the MLP half no columns where it reads nothing. The GMF's output weights are in the
        clients' vectors, the first bias in the services'.
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
        self._batches = batches_of(fold, settings, self._rng, self.device)
        self._owned_counts = np.diff(fold.interactions.indptr)
        self._visits = Visits(
            self._owned_counts, settings.sample_budget, settings.most_epochs, self._rng
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
        share = (fold.interactions.nnz + 1) / (fold.n_clients * fold.n_services + 2)
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
        clients = self._visits.part()
        if clients is None:
            owners = np.flatnonzero(self._owned_counts).astype(np.int32)
            clients = self._rng.permutation(owners)
        total, count = 0.0, 0
        for batch in self._batches.of(clients):
            total += self._step(batch) * batch.positives
            count += batch.positives
        return total / count if count else None

    def _step(self, batch: Batch) -> float:
        settings, network = self._settings, self.network
        n_clients, n_services = len(batch.clients), self._fold.n_services
        pairs, some = None, None
        if batch.pairs is not None:
            some, columns = _met(batch.pairs[1], n_services)
            pairs = self._tensor(batch.pairs[0]), self._tensor(columns)
        clients = network.client_side(
            self._history(batch.history),
            self._tensor(batch.clients.astype(np.int64)) if settings.uses_identity else None,
            self._client_features(batch.clients),
            self._survivors(n_clients, share=settings.client_dropout),
        )
        logits = network.logits(
            clients,
            network.service_side(
                self._service_features,
                self._survivors(n_services, share=settings.service_dropout),
                None if some is None else self._tensor(some),
            ),
            pairs,
            (self._random(n_clients, settings.hidden[0]) < settings.dropout).float(),
        )
        loss = batch.loss(logits)
        self._optimizer.step(loss)
        self._average()
        self.samples += batch.samples
        return loss.item()

    def _client_features(self, some: IntArray | slice) -> Tensor | None:
        features = self._fold.client_features
        return self._tensor(features[some].toarray()) if features.nnz else None

    def _history(self, history: sparse.csr_matrix | None) -> SparseRows | None:
        return None if history is None else SparseRows(history, self.device)

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
        # An MLP that reads nothing adds the same to every score, and is left out.
        width = self._settings.hidden[0] if network.has_mlp else 0
        gmf = services.gmf.new_empty(fold.n_clients, network.gmf_factors)
        mlp = services.mlp.new_empty(fold.n_clients, width)
        for part in blocks(fold.n_clients, _CLIENTS_AT_ONCE):
            side = network.client_side(*self._whole(part))
            gmf[part], mlp[part] = side.gmf, side.mlp[:, :width]
        self._shown(
            Sides(
                gmf,
                mlp,
                services.gmf.contiguous(),
                services.mlp[:, :width].contiguous(),
                services.linear + self._offset,
                network.second_layer.detach().clone(),
                network.second_bias.detach().clone(),
                network.mlp_output.detach().clone(),
            )
        )

    def _whole(self, part: slice) -> tuple[SparseRows | None, Tensor | None, Tensor | None, Tensor]:
        """Everything that is known of some clients, seen from the cutoff."""
        clients = np.arange(part.start, part.stop)
        return (
            self._history(self._batches.whole_history(part)),
            self._tensor(clients) if self._settings.uses_identity else None,
            self._client_features(part),
            self._tensor((self._owned_counts[part] > 0).astype(np.float32))[:, None],
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


def _met(columns: IntArray, n_services: int) -> tuple[npt.NDArray[np.int64] | None, IntArray]:
    """Services that a step meets, and where among them those of its pairs are.

    None where they are nearly all of the catalogue: computing it costs less than picking some.
    """
    is_met = np.zeros(n_services, dtype=np.bool_)
    is_met[columns] = True
    met = np.flatnonzero(is_met)
    if len(met) >= _NEARLY_ALL * n_services:
        return None, columns
    places = np.cumsum(is_met, dtype=np.int32) - 1
    return met, places[columns]
