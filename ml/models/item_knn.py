"""Item-kNN: each service is spoken for by those that most of its clients also have."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
from scipy import sparse

from ml.models.item_to_item import ItemToItem, Solver, Weights
from ml.models.settings import ItemKNNSettings
from ml.parallel import blocks

NEAREST: Final = (20, 50, 100, 200, 500, 1000)
"""Numbers of services that speak for each one, tried on validation labels."""

SHRINKAGES: Final = (0.0, 20.0, 100.0, 500.0)
"""Tried on validation labels, in clients."""

# Similarities of some services to all are held together, 16 bytes each: 256 MiB at most.
_AT_ONCE: Final = 1 << 24
# Where so few services are sold, products with all similarities are faster than with the nearest.
_FEW_SERVICES: Final = 8192


class ItemKNN(ItemToItem):
    """A service is spoken for by its nearest, by the cosine of who has them, shrunk.

    ``n_ij / (sqrt(n_i n_j) + shrinkage)`` with ``n_ij`` the clients that have both services;
    scores are plain sums, not divided by similarities (Cremonesi, Koren and Turrin, RecSys 2010,
    section 3.1). Only the nearest are kept, so that memory grows with the catalogue and not
    with its square.
    """

    name: ClassVar[str] = "item_knn"
    settings_class = ItemKNNSettings
    axes = ("nearest", "shrinkage")
    grid = (NEAREST, SHRINKAGES)
    usual = (3, 0)

    def _solver(self, owned: sparse.csr_matrix) -> Solver:
        most = max(NEAREST) if self.settings.nearest is None else self.settings.nearest
        found: dict[float, sparse.csr_matrix] = {}

        def solve(values: tuple[float, ...]) -> Weights:
            nearest, shrinkage = values
            if shrinkage not in found:
                # One at a time: they are the largest part of it.
                found.clear()
                found[shrinkage] = _nearest_first(owned, shrinkage, int(most))
            kept = _first(found[shrinkage], int(nearest)).T.tocsr()
            return kept.toarray() if owned.shape[1] <= _FEW_SERVICES else kept

        return solve


def _nearest_first(owned: sparse.csr_matrix, shrinkage: float, most: int) -> sparse.csr_matrix:
    """Each service's nearest, in descending order, and how near they are, (n, n)."""
    owners = owned.T.tocsr()
    norms = np.sqrt(np.asarray(owned.multiply(owned).sum(axis=0), dtype=np.float64)).ravel()
    parts = [sparse.csr_matrix((0, owned.shape[1]), dtype=np.float32)]
    for rows in blocks(owned.shape[1], max(1, _AT_ONCE // max(owned.shape[1], 1))):
        both = (owners[rows] @ owned).tocsr().sorted_indices()
        own = np.repeat(np.arange(rows.stop - rows.start), np.diff(both.indptr))
        shared = both.data / (norms[own + rows.start] * norms[both.indices] + shrinkage)
        shared[own + rows.start == both.indices] = 0.0
        order = np.lexsort((-shared, own))
        both.data, both.indices = shared[order].astype(np.float32), both.indices[order]
        parts.append(_first(both, most))
    return sparse.vstack(parts, format="csr")


def _first(matrix: sparse.csr_matrix, count: int) -> sparse.csr_matrix:
    """The first stored entries of each row."""
    counts = np.diff(matrix.indptr)
    places = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], counts)
    is_kept = places < count
    ends = np.concatenate([[0], np.cumsum(np.minimum(counts, count))])
    return sparse.csr_matrix((matrix.data[is_kept], matrix.indices[is_kept], ends), matrix.shape)
