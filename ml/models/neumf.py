"""The NeuMF network of :mod:`ml.models.ncf`: both sides' vectors, pairs, and the losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from ml.models.ncf import NCFSettings


@dataclass(frozen=True)
class Histories:
    """What some clients have, as ragged rows for ``embedding_bag``.

    Parameters
    ----------
    services : Tensor of int64, (nnz,)
    offsets : Tensor of int64, (n,)
        Where each client's services begin.
    weights : Tensor of float32, (nnz,)
        What each says, over the sum of what the client's services say, to a power.
    """

    services: Tensor
    offsets: Tensor
    weights: Tensor

    @classmethod
    def of(cls, owned: sparse.csr_matrix, power: float) -> Self:
        """From a matrix, (n, n_services), of what each service says: at least 1."""
        counts = np.diff(owned.indptr)
        rows = np.repeat(np.arange(len(counts)), counts)
        sums = np.bincount(rows, weights=owned.data, minlength=len(counts))
        scales = np.maximum(sums, 1.0) ** -power
        weights = (owned.data * scales[rows]).astype(np.float32)
        return cls(
            torch.from_numpy(owned.indices.astype(np.int64)),
            torch.from_numpy(owned.indptr[:-1].astype(np.int64)),
            torch.from_numpy(weights),
        )

    def sum(self, embeddings: Tensor) -> Tensor:
        """Weighted sums of embeddings, (n_services, d) -> (n, d)."""
        return functional.embedding_bag(
            self.services,
            embeddings,
            self.offsets,
            mode="sum",
            per_sample_weights=self.weights,
        )


@dataclass(frozen=True)
class ClientSide:
    """All that scoring needs to know of some clients: (n, gmf_factors) and (n, hidden[0])."""

    gmf: Tensor
    mlp: Tensor


@dataclass(frozen=True)
class ServiceSide:
    """All that scoring needs to know of the services.

    Parameters
    ----------
    gmf : Tensor, (n_services, gmf_factors)
    mlp : Tensor, (n_services, hidden[0])
        The first layer's bias is in here.
    linear : Tensor, (n_services,)
        Bias plus the wide term.
    """

    gmf: Tensor
    mlp: Tensor
    linear: Tensor


class NeuMF(nn.Module):
    """The network, with its first layer split between client and service.

    ``W [u; v] = Wu u + Wv v``: both sides are computed once, and a pair costs an addition.

    Parameters
    ----------
    n_clients, n_services, n_client_features, n_service_features : int
    settings : NCFSettings
    generator : torch.Generator
        Of the initial weights.
    """

    def __init__(
        self,
        n_clients: int,
        n_services: int,
        n_client_features: int,
        n_service_features: int,
        settings: NCFSettings,
        generator: torch.Generator,
    ) -> None:
        super().__init__()

        def normal(*shape: int, scale: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=generator) * scale)

        first, second = settings.hidden
        self.gmf_factors = settings.gmf_factors
        width = settings.gmf_factors + settings.mlp_factors
        joined = settings.mlp_factors + settings.feature_factors
        # GMF and MLP embeddings side by side: one lookup serves both halves.
        self.history = normal(n_services, width, scale=0.05)
        self.services = normal(n_services, width, scale=0.05)
        self.clients = normal(n_clients if settings.uses_identity else 0, width, scale=0.05)
        self.client_features = normal(n_client_features, settings.feature_factors, scale=0.05)
        self.service_features = normal(n_service_features, settings.feature_factors, scale=0.05)
        self.client_layer = normal(joined, first, scale=joined**-0.5)
        self.service_layer = normal(joined, first, scale=joined**-0.5)
        self.first_bias = nn.Parameter(torch.zeros(first))
        self.second_layer = normal(first, second, scale=(2 / first) ** 0.5)
        self.second_bias = nn.Parameter(torch.zeros(second))
        self.gmf_output = nn.Parameter(torch.ones(settings.gmf_factors))
        self.mlp_output = normal(second, scale=second**-0.5)
        self.wide = nn.Parameter(torch.zeros(n_service_features))
        self.bias = nn.Parameter(torch.zeros(n_services))
        self.base = nn.Parameter(torch.zeros(1))

    def embeddings(self) -> list[nn.Parameter]:
        """Parameters with ``embedding_decay``."""
        return [self.history, self.services, self.clients]

    def client_side(
        self, histories: Histories, identities: Tensor | None, features: Tensor, shown: Tensor
    ) -> ClientSide:
        """Compute clients' vectors.

        Parameters
        ----------
        histories : Histories
        identities : Tensor of int64, (n,), optional
            Their indices, where clients have vectors of their own.
        features : sparse Tensor, (n, n_client_features)
        shown : Tensor of float32, (n, 1)
            0 for clients who are known by their features alone.
        """
        vectors = histories.sum(self.history)
        if identities is not None:
            vectors = vectors + _rows_of(self.clients, identities)
        vectors = vectors * shown
        gmf, mlp = vectors[:, : self.gmf_factors], vectors[:, self.gmf_factors :]
        joined = torch.cat([mlp, torch.sparse.mm(features, self.client_features)], dim=1)
        # The output weights are folded in here: GMF is then one matrix product.
        return ClientSide(gmf * self.gmf_output, joined @ self.client_layer)

    def service_side(self, features: Tensor, shown: Tensor) -> ServiceSide:
        """Compute services' vectors.

        Parameters
        ----------
        features : sparse Tensor, (n_services, n_service_features)
        shown : Tensor of float32, (n_services, 1)
            0 for services that are known by their features alone.
        """
        vectors = self.services * shown
        gmf, mlp = vectors[:, : self.gmf_factors], vectors[:, self.gmf_factors :]
        joined = torch.cat([mlp, torch.sparse.mm(features, self.service_features)], dim=1)
        linear = torch.sparse.mm(features, self.wide[:, None])[:, 0]
        return ServiceSide(
            gmf,
            joined @ self.service_layer + self.first_bias,
            linear + self.bias * shown[:, 0] + self.base,
        )

    def output(self, first: Tensor) -> Tensor:
        """Run the MLP's second layer and its share of the output, (..., hidden[0]) -> (...)."""
        second = torch.relu(first @ self.second_layer + self.second_bias)
        return second @ self.mlp_output

    def pairs(
        self,
        clients: ClientSide,
        services: ServiceSide,
        rows: Tensor,
        columns: Tensor,
        drop: Tensor | None = None,
    ) -> Tensor:
        """Logits of some pairs: the plain forward that training uses.

        Parameters
        ----------
        clients, services
        rows, columns : Tensor of int64, (n,)
        drop : Tensor, (n, hidden[0]), optional
            Factors of the first layer's units: 0 where dropped.
        """
        first = torch.relu(_rows_of(clients.mlp, rows) + _rows_of(services.mlp, columns))
        if drop is not None:
            first = first * drop
        gmf = (_rows_of(clients.gmf, rows) * _rows_of(services.gmf, columns)).sum(dim=1)
        return gmf + self.output(first) + _rows_of(services.linear[:, None], columns)[:, 0]


def _rows_of(table: Tensor, rows: Tensor) -> Tensor:
    """``table[rows]``, with a gradient that is the same bit for bit on several threads.

    Plain indexing adds up its gradient in whatever order the threads arrive; an embedding's
    gradient gives each thread rows of its own.
    """
    return functional.embedding(rows, table)


def softmax_loss(
    logits: Tensor, rows: Tensor, weights: Tensor, n_clients: int, stands_for: Tensor
) -> Tensor:
    """Weighted mean over positives of ``-log`` of their share among all services, from a sample.

    Parameters
    ----------
    logits : Tensor, (n,)
        Positives first.
    rows : Tensor of int64, (n,)
        Client of each logit.
    weights : Tensor of float32, (n_positives,)
        Of the positives.
    n_clients : int
    stands_for : Tensor of float32, (n - n_positives,)
        Number of lacking services that each negative stands in for.

    Returns
    -------
    Tensor, ()
    """
    n_positives = len(weights)
    weighted = torch.cat([logits[:n_positives], logits[n_positives:] + stands_for.log()])
    largest = torch.full((n_clients,), -torch.inf).scatter_reduce(
        0, rows, weighted.detach(), "amax"
    )
    sums = torch.zeros(n_clients).index_add(0, rows, (weighted - largest[rows]).exp())
    owner = rows[:n_positives]
    totals = sums.log() + largest
    losses = _rows_of(totals[:, None], owner)[:, 0] - logits[:n_positives]
    return (losses * weights).sum() / weights.sum()


def binary_loss(
    logits: Tensor, rows: Tensor, weights: Tensor, n_clients: int, stands_for: Tensor
) -> Tensor:
    """Binary cross-entropy per weight of positives, over positives and all lacking services.

    Parameters
    ----------
    logits, rows, weights, n_clients, stands_for
        As in :func:`softmax_loss`.

    Returns
    -------
    Tensor, ()
    """
    n_positives = len(weights)
    positive = (functional.softplus(-logits[:n_positives]) * weights).sum()
    negative = (functional.softplus(logits[n_positives:]) * stands_for).sum()
    return (positive + negative) / weights.sum()
