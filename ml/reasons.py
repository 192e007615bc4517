"""Why an offer: the owned service that speaks most for it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ml.dataset import IntArray, entries_at

NO_REASON = -1


def strongest_owned(
    association: npt.NDArray[np.float32] | sparse.csr_matrix,
    owned: sparse.csr_matrix,
    clients: IntArray,
    offers: IntArray,
    block_size: int = 256,
) -> IntArray:
    """Find, for each offer, the owned service with the largest positive contribution.

    The contribution of owned service ``o`` to offer ``s`` for client ``u`` is
    ``owned[u, o] * association[o, s]``: the summand of a linear item-to-item model.

    Parameters
    ----------
    association : ndarray or csr_matrix of float32, (n_services, n_services)
        Row: owned; column: offered.
    owned : csr_matrix, float32, (n_clients, n_services)
        As the linear model takes it in.
    clients : ndarray of int32, (n,)
    offers : ndarray of int32, (n, k)
        Service indices; negative where there is no offer.
    block_size : int, default 256
        Clients at once; the result does not depend on it.

    Returns
    -------
    ndarray of int32, (n, k)
        Service index, or -1 where nothing owned speaks for the offer.

    Examples
    --------
    >>> association = np.array([[0, .2, .5], [.1, 0, .9], [0, 0, 0]], dtype=np.float32)
    >>> owned = sparse.csr_matrix(np.array([[1, 0, 0], [1, 2, 0], [0, 0, 0]], dtype=np.float32))
    >>> strongest_owned(association, owned, np.arange(3), np.array([[2], [2], [2]]))
    array([[ 0],
           [ 1],
           [-1]], dtype=int32)
    """
    reasons = np.full(offers.shape, NO_REASON, dtype=np.int32)
    for start in range(0, len(clients), block_size):
        stop = start + block_size
        block = owned[clients[start:stop]]
        reasons[start:stop] = _strongest_in_block(association, block, offers[start:stop])
    return reasons


def _strongest_in_block(
    association: npt.NDArray[np.float32] | sparse.csr_matrix,
    owned: sparse.csr_matrix,
    offers: IntArray,
) -> IntArray:
    counts = np.diff(owned.indptr)
    width = int(counts.max(initial=0))
    if width == 0 or offers.shape[1] == 0:
        return np.full(offers.shape, NO_REASON, dtype=np.int32)
    # Ragged rows side by side, padded with weight 0, so that one gather serves the block.
    rows = np.repeat(np.arange(owned.shape[0]), counts)
    places = np.arange(owned.nnz) - np.repeat(owned.indptr[:-1], counts)
    services = np.zeros((owned.shape[0], width), dtype=np.int32)
    weights = np.zeros((owned.shape[0], width), dtype=np.float32)
    services[rows, places] = owned.indices
    weights[rows, places] = owned.data
    contributions = _looked_up(association, services[:, :, None], np.maximum(offers, 0)[:, None, :])
    contributions *= weights[:, :, None]
    best = contributions.argmax(axis=1)
    strength = np.take_along_axis(contributions, best[:, None, :], axis=1)[:, 0, :]
    reason = np.take_along_axis(services, best, axis=1)
    found: IntArray = np.where((strength > 0) & (offers >= 0), reason, NO_REASON).astype(np.int32)
    return found


def _looked_up(
    association: npt.NDArray[np.float32] | sparse.csr_matrix, rows: IntArray, columns: IntArray
) -> npt.NDArray[np.float32]:
    """Entries of a matrix, a new array in the common shape of rows and columns."""
    if not sparse.issparse(association):
        found: npt.NDArray[np.float32] = association[rows, columns]
        return found
    rows, columns = np.broadcast_arrays(rows, columns)
    return entries_at(association, rows.ravel(), columns.ravel()).reshape(rows.shape)
