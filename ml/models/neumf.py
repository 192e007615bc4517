"""The NeuMF network of :mod:`ml.models.ncf`: both sides' vectors, and logits of pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ml.models.pairs import ClientSide, SecondLayer, ServiceSide, grid_logits, pair_logits

if TYPE_CHECKING:
    from ml.models.ncf_settings import NCFSettings


_FAR_BELOW = -1e30


class _Bags:
    """A sparse matrix, (n, m), as ragged rows for ``embedding_bag``."""

    def __init__(self, matrix: sparse.csr_matrix, device: torch.device) -> None:
        def tensor(array: npt.NDArray[np.generic]) -> Tensor:
            return torch.from_numpy(array).to(device)

        self._columns = tensor(matrix.indices.astype(np.int64))
        self._begins = tensor(matrix.indptr[:-1].astype(np.int64))
        self._weights = tensor(matrix.data.astype(np.float32))

    def sum(self, table: Tensor) -> Tensor:
        """The product, (m, d) -> (n, d)."""
        return functional.embedding_bag(
            self._columns, table, self._begins, mode="sum", per_sample_weights=self._weights
        )


def histories(said: sparse.csr_matrix, power: float) -> sparse.csr_matrix:
    """What each service of some clients says, at least 1, over their sum to a power.

    Parameters
    ----------
    said : csr_matrix, (n, n_services)
    power : float

    Returns
    -------
    csr_matrix, (n, n_services)
    """
    counts = np.diff(said.indptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    sums = np.bincount(rows, weights=said.data, minlength=len(counts))
    scales = np.maximum(sums, 1.0) ** -power
    scaled = (said.data * scales[rows]).astype(np.float32)
    return sparse.csr_matrix((scaled, said.indices, said.indptr), said.shape)


class SparseRows:
    """A constant sparse matrix to be multiplied by tables that are learned.

    Holds its transpose too: the gradient is a product with it. Torch's own products of sparse
    tensors take eighteen times as long, and bags would sort their columns for each gradient.

    Parameters
    ----------
    matrix : csr_matrix, (n, m)
    device : torch.device
    """

    def __init__(self, matrix: sparse.csr_matrix, device: torch.device) -> None:
        self._bags, self._transposed = _Bags(matrix, device), _Bags(matrix.T.tocsr(), device)

    def times(self, table: Tensor) -> Tensor:
        """The product, (m, d) -> (n, d)."""
        product: Tensor = _SparseProduct.apply(table, self._bags, self._transposed)  # type: ignore[no-untyped-call]
        return product


class _SparseProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, bags: _Bags, transposed: _Bags) -> Tensor:
        ctx.transposed = transposed
        return bags.sum(table)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return ctx.transposed.sum(gradient), None, None


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
        start = settings.embedding_scale
        self.gmf_factors, self.mlp_factors = settings.gmf_factors, settings.mlp_factors
        self.kept_units = 1 - settings.dropout
        # An MLP that reads nothing adds the same to every score.
        self.has_mlp = bool(settings.mlp_factors or n_client_features or n_service_features)
        width = settings.gmf_factors + settings.mlp_factors
        joined = settings.mlp_factors + settings.feature_factors
        # GMF and MLP embeddings side by side: one lookup serves both halves.
        self.history = normal(n_services if settings.uses_history else 0, width, scale=start)
        self.services = normal(n_services, width, scale=start)
        self.clients = normal(n_clients if settings.uses_identity else 0, width, scale=start)
        self.client_features = normal(n_client_features, settings.feature_factors, scale=start)
        self.service_features = normal(n_service_features, settings.feature_factors, scale=start)
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
        history: SparseRows | None,
        identities: Tensor | None,
        features: Tensor | None,
        shown: Tensor | None,
    ) -> ClientSide:
        """Compute clients' vectors.

        Parameters
        ----------
        history : SparseRows, (n, n_services), optional
            Where clients are what they have.
        identities : Tensor of int64, (n,), optional
            Their indices, where clients have vectors of their own.
        features : Tensor, (n, n_client_features), optional
            Where there are any.
        shown : Tensor of float32, (n, 1), optional
            0 for clients who are known by their features alone; None without any.
        """
        parts = [] if history is None else [history.times(self.history)]
        if identities is not None:
            parts.append(distinct_rows_of(self.clients, identities))
        gmf, mlp = self._halves(sum(parts[1:], parts[0]), shown)
        of_vectors, of_features = self._parts(self.client_layer)
        first = mlp @ of_vectors
        if features is not None:
            first = torch.addmm(first, features @ self.client_features, of_features)
        # The output weights are folded in here: GMF is then one product.
        return ClientSide(gmf * self.gmf_output, first)

    def service_side(
        self, features: SparseRows | None, shown: Tensor | None, some: Tensor | None = None
    ) -> ServiceSide:
        """Compute services' vectors.

        Parameters
        ----------
        features : SparseRows, (n_services, n_service_features), optional
            Where there are any.
        shown : Tensor of float32, (n_services, 1), optional
            0 for services that are known by their features alone; None without any.
        some : Tensor of int64, (m,), optional
            Services to compute, each once; all without it.
        """
        vectors: Tensor = self.services
        linear: Tensor = self.bias
        if some is not None:
            vectors, linear = distinct_rows_of(vectors, some), linear.index_select(0, some)
            shown = None if shown is None else shown.index_select(0, some)
        gmf, mlp = self._halves(vectors, shown)
        if shown is not None:
            linear = linear * shown[:, 0]
        of_vectors, of_features = self._parts(self.service_layer)
        first = torch.addmm(self.first_bias, mlp, of_vectors)
        if features is not None:
            # The wide term's weights are one more column: one product serves both.
            said = features.times(torch.cat([self.service_features, self.wide[:, None]], dim=1))
            if some is not None:
                said = said.index_select(0, some)
            projected, wide = torch.split(said, [said.shape[1] - 1, 1], dim=1)
            first = torch.addmm(first, projected, of_features)
            linear = linear + wide[:, 0]
        return ServiceSide(gmf, first, linear + self.base)

    def _parts(self, layer: Tensor) -> list[Tensor]:
        """Rows of a first layer that meet embeddings, and those that meet projected features."""
        return list(torch.split(layer, [self.mlp_factors, len(layer) - self.mlp_factors]))

    def _halves(self, vectors: Tensor, shown: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take vectors apart, for GMF and for MLP; where they are not shown, zeros."""
        if shown is not None:
            vectors = vectors * shown
        gmf, mlp = torch.split(vectors, [self.gmf_factors, self.mlp_factors], dim=1)
        return gmf, mlp

    def logits(
        self,
        clients: ClientSide,
        services: ServiceSide,
        pairs: tuple[Tensor, Tensor] | None,
        dropped: Tensor,
    ) -> Tensor:
        """Logits of some pairs, or of all.

        Parameters
        ----------
        clients : ClientSide, n
        services : ServiceSide
        pairs : two Tensor of int32, (p,), optional
            Client and service of each pair; without it, every client with every service.
        dropped : Tensor of float32, (n, hidden[0])
            1 for units of the first layer that a client does without, 0 for the others, which make
            up for them.

        Returns
        -------
        Tensor, (p,) or (n, m)
        """
        if pairs is None and not self.has_mlp:
            return grid_logits(clients, services, None)
        # Far below zero a unit's ReLU is 0 whatever the service adds, and so is its gradient.
        kept = ClientSide(clients.gmf, clients.mlp.add(dropped, alpha=_FAR_BELOW))
        second = SecondLayer(self.second_layer / self.kept_units, self.second_bias, self.mlp_output)
        if pairs is None:
            return grid_logits(kept, services, second)
        return pair_logits(kept, services, second, *pairs)


class _DistinctRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor) -> Tensor:
        ctx.table, ctx.rows = table, rows
        return table.index_select(0, rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None]:
        if ctx.table.grad is None:
            return torch.zeros_like(ctx.table).index_add_(0, ctx.rows, gradient), None
        # Where it adds up anyway: a table of zeros around some rows costs more than these.
        ctx.table.grad.index_add_(0, ctx.rows, gradient)
        return None, None


def distinct_rows_of(table: Tensor, rows: Tensor) -> Tensor:
    """``table[rows]``, each row at most once, so that no order of threads changes its gradient."""
    found: Tensor = _DistinctRows.apply(table, rows)  # type: ignore[no-untyped-call]
    return found
