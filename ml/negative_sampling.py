"""Services that a client does not have, drawn uniformly, without loops and without rejection."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ml.dataset import BoolArray, IntArray


class NegativeSampler:
    """Draws uniformly from the complement of each client's services.

    The r-th service that a client lacks is ``r`` plus the number of owned services before it.
    Owned services sorted, the i-th one, ``c_i``, has ``c_i - i`` lacking services before it, so
    that number is one binary search in the sorted ``c_i - i``. Each draw is exact: no draw
    hits an owned service, and none is thrown away, however much a client owns.

    Parameters
    ----------
    owned : csr_matrix, (n_clients, n_services)
        Stored entries are never drawn, whatever their value.

    Attributes
    ----------
    lacking : ndarray of int, (n_clients,)
        Number of services that each client lacks.

    Examples
    --------
    >>> owned = sparse.csr_matrix(np.array([[1, 0, 1, 0], [1, 1, 1, 1]]))
    >>> sampler = NegativeSampler(owned)
    >>> sorted(set(sampler.draw(np.zeros(50, np.int32), np.random.default_rng(0)).tolist()))
    [1, 3]
    >>> sampler.can_draw.tolist()
    [True, False]
    """

    def __init__(self, owned: sparse.csr_matrix) -> None:
        owned = owned.sorted_indices()
        counts = np.diff(owned.indptr)
        rows = np.repeat(np.arange(owned.shape[0], dtype=np.int64), counts)
        positions = np.arange(owned.nnz, dtype=np.int64) - owned.indptr[rows]
        self._n_services = int(owned.shape[1])
        self._starts = owned.indptr.astype(np.int64)
        self.lacking = self._n_services - counts
        # One more than the number of services, so that rows never touch each other.
        self._stride = self._n_services + 1
        self._keys = rows * self._stride + owned.indices - positions

    @property
    def can_draw(self) -> BoolArray:
        """Clients who lack at least one service, (n_clients,)."""
        can_draw: BoolArray = self.lacking > 0
        return can_draw

    def draw(self, clients: IntArray, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """One service that each of these clients lacks.

        Parameters
        ----------
        clients : ndarray of int, (n,)
            Repeated for several draws; each must lack something (``can_draw``).
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of int64, (n,)
        """
        ranks = (rng.random(len(clients)) * self.lacking[clients]).astype(np.int64)
        keys = clients.astype(np.int64) * self._stride + ranks
        owned_before = np.searchsorted(self._keys, keys, side="right") - self._starts[clients]
        drawn: npt.NDArray[np.int64] = ranks + owned_before
        return drawn
