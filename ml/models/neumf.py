"""The NeuMF network of :mod:`ml.models.ncf`: both sides' vectors, and logits of pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ml.models.grid import grid_output

if TYPE_CHECKING:
    from ml.models.ncf import NCFSettings


_FAR_BELOW = -1e30


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

    def to(self, device: torch.device) -> Histories:
        """The same on another device."""
        return Histories(self.services.to(device), self.offsets.to(device), self.weights.to(device))

    def sum(self, embeddings: Tensor) -> Tensor:
        """Weighted sums of embeddings, (n_services, d) -> (n, d)."""
        return functional.embedding_bag(
            self.services,
            embeddings,
            self.offsets,
            mode="sum",
            per_sample_weights=self.weights,
        )


class SparseRows:
    """A constant sparse matrix to be multiplied by tables that are learned.

    Holds its transpose too, which the gradient needs: torch would sort it anew at each step.

    Parameters
    ----------
    matrix : csr_matrix, (n, m)
    device : torch.device
    """

    def __init__(self, matrix: sparse.csr_matrix, device: torch.device) -> None:
        self._matrix = sparse_tensor(matrix).to(device)
        self._transposed = sparse_tensor(matrix.T.tocsr()).to(device)

    def times(self, table: Tensor) -> Tensor:
        """The product, (m, d) -> (n, d)."""
        product: Tensor = _SparseProduct.apply(table, self._matrix, self._transposed)  # type: ignore[no-untyped-call]
        return product


class _SparseProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, matrix: Tensor, transposed: Tensor) -> Tensor:
        ctx.transposed = transposed
        product: Tensor = torch.sparse.mm(matrix, table)
        return product

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return torch.sparse.mm(ctx.transposed, gradient), None, None


def sparse_tensor(matrix: sparse.csr_matrix) -> Tensor:
    """A matrix as torch's coordinates, columns of each row ascending."""
    coordinates = matrix.sorted_indices().tocoo()
    return torch.sparse_coo_tensor(
        torch.from_numpy(np.stack([coordinates.row, coordinates.col]).astype(np.int64)),
        torch.from_numpy(coordinates.data.astype(np.float32)),
        size=matrix.shape,
        is_coalesced=True,
        check_invariants=False,
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
        self.kept_units = 1 - settings.dropout
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
        self,
        histories: Histories | None,
        identities: Tensor | None,
        features: Tensor,
        shown: Tensor | None,
    ) -> ClientSide:
        """Compute clients' vectors.

        Parameters
        ----------
        histories : Histories, optional
            Where clients are what they have.
        identities : Tensor of int64, (n,), optional
            Their indices, where clients have vectors of their own.
        features : Tensor, (n, n_client_features)
        shown : Tensor of float32, (n, 1), optional
            0 for clients who are known by their features alone; None without any.
        """
        parts = [] if histories is None else [histories.sum(self.history)]
        if identities is not None:
            parts.append(_rows_of(self.clients, identities))
        gmf, mlp = self._halves(sum(parts[1:], parts[0]), shown)
        joined = torch.cat([mlp, features @ self.client_features], dim=1)
        # The output weights are folded in here: GMF is then one matrix product.
        return ClientSide(gmf * self.gmf_output, joined @ self.client_layer)

    def service_side(
        self, features: SparseRows, shown: Tensor | None, some: Tensor | None = None
    ) -> ServiceSide:
        """Compute services' vectors.

        Parameters
        ----------
        features : SparseRows, (n_services, n_service_features)
        shown : Tensor of float32, (n_services, 1), optional
            0 for services that are known by their features alone; None without any.
        some : Tensor of int64, (m,), optional
            Services to compute, each once; all without it.
        """
        # The wide term's weights are one more column: one product serves both.
        said = features.times(torch.cat([self.service_features, self.wide[:, None]], dim=1))
        vectors: Tensor = self.services
        bias: Tensor = self.bias
        if some is not None:
            vectors, bias = _rows_of(vectors, some), bias.index_select(0, some)
            said = said.index_select(0, some)
            shown = None if shown is None else shown.index_select(0, some)
        gmf, mlp = self._halves(vectors, shown)
        projected, wide = torch.split(said, [said.shape[1] - 1, 1], dim=1)
        joined = torch.cat([mlp, projected], dim=1)
        return ServiceSide(
            gmf,
            joined @ self.service_layer + self.first_bias,
            wide[:, 0] + (bias if shown is None else bias * shown[:, 0]) + self.base,
        )

    def _halves(self, vectors: Tensor, shown: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take vectors apart, for GMF and for MLP; where they are not shown, zeros."""
        if shown is not None:
            vectors = vectors * shown
        widths = [self.gmf_factors, vectors.shape[1] - self.gmf_factors]
        gmf, mlp = torch.split(vectors, widths, dim=1)
        return gmf, mlp

    def logits(
        self,
        clients: ClientSide,
        services: ServiceSide,
        drawn: Tensor,
        rows: Tensor,
        columns: Tensor,
        is_dropped: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Logits of clients with the services drawn for them, and of some pairs of their own.

        Parameters
        ----------
        clients : ClientSide, n
        services : ServiceSide
        drawn : Tensor of int64, (g, m)
            Services of each group of clients, each once (:func:`ml.models.grid.grid_output`).
        rows, columns : Tensor of int64, (p,)
            The pairs; each once.
        is_dropped : Tensor of bool, (n, hidden[0])
            Units of the first layer that a client does without; the others make up for them.

        Returns
        -------
        grid : Tensor, (n, m)
        pairs : Tensor, (p,)
        """
        layer = self.second_layer / self.kept_units
        # Far below zero a unit's ReLU is 0 whatever the service adds, and so is its gradient.
        first = clients.mlp.masked_fill(is_dropped, _FAR_BELOW)
        # One product of all services costs less than looking up both vectors of every pair.
        product = torch.addmm(services.linear, clients.gmf, services.gmf.T)
        n_clients, n_services = product.shape
        of_group = drawn.repeat_interleave(-(-n_clients // len(drawn)), dim=0)[:n_clients]
        starts = torch.arange(n_clients, device=drawn.device)[:, None] * n_services
        places = torch.cat([(starts + of_group).view(-1), rows * n_services + columns])
        values = product.view(-1).index_select(0, places)
        grid, pairs = values[: of_group.numel()].view(of_group.shape), values[of_group.numel() :]
        mlp = grid_output(first, services.mlp, drawn, layer, self.second_bias, self.mlp_output)
        hidden = torch.relu(_rows_of(first, rows) + _rows_of(services.mlp, columns))
        second = torch.relu(torch.addmm(self.second_bias, hidden, layer))
        return grid + mlp, pairs + second @ self.mlp_output


def _rows_of(table: Tensor, rows: Tensor) -> Tensor:
    """``table[rows]``, with a gradient that is the same bit for bit on several threads.

    Plain indexing adds up its gradient in whatever order the threads arrive; an embedding's
    gradient gives each thread rows of its own.
    """
    return functional.embedding(rows, table)
