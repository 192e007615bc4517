"""What the models do with the sparse feature matrices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ml.dataset import BoolArray
from ml.parallel import blocks

_BLOCK = 65_536
"""Rows that are sorted at once."""

_SIMILARITIES = 1 << 24
"""Similarities that are held together, 8 bytes each."""


def normalise_rows(matrix: sparse.csr_matrix, power: float = 1.0) -> sparse.csr_matrix:
    """Divide each row by its sum to some power; rows without entries stay empty.

    Parameters
    ----------
    matrix : csr_matrix, (n, m)
        No negative values.
    power : float, default 1
        1 makes rows sum to one; 0.5 divides by the root of the sum.

    Returns
    -------
    csr_matrix, float32, (n, m)
    """
    sums = np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()
    divisors = np.where(sums > 0, sums, 1.0) ** power
    data = matrix.data / np.repeat(divisors, np.diff(matrix.indptr))
    return sparse.csr_matrix(
        (data.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape
    )


def keep_largest(matrix: sparse.csr_matrix, count: int) -> sparse.csr_matrix:
    """Only the largest entries of each row; of equal ones, those of the first columns.

    Parameters
    ----------
    matrix : csr_matrix, (n, m)
    count : int
        Entries kept per row.

    Returns
    -------
    csr_matrix, (n, m)

    Examples
    --------
    >>> keep_largest(sparse.csr_matrix(np.array([[3, 1, 2], [0, 5, 0]])), 2).toarray().tolist()
    [[3, 0, 2], [0, 5, 0]]
    """
    matrix = matrix.sorted_indices()
    counts = np.diff(matrix.indptr)
    if counts.max(initial=0) <= count:
        return matrix
    # By blocks of rows: sorting takes several times the memory of what is sorted.
    kept = np.concatenate([_largest(matrix, rows, count) for rows in blocks(len(counts), _BLOCK)])
    ends = np.concatenate([[0], np.cumsum(np.minimum(counts, count))])
    return sparse.csr_matrix((matrix.data[kept], matrix.indices[kept], ends), shape=matrix.shape)


def _largest(matrix: sparse.csr_matrix, rows: slice, count: int) -> npt.NDArray[np.int64]:
    """Places, ascending, of the stored entries that ``keep_largest`` keeps in some rows."""
    starts = matrix.indptr[rows.start : rows.stop + 1]
    counts = np.diff(starts)
    owner = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((-matrix.data[starts[0] : starts[-1]], owner))
    place = np.arange(len(order)) - np.repeat(starts[:-1] - starts[0], counts)
    kept: npt.NDArray[np.int64] = np.sort(order[place < count]) + starts[0]
    return kept


def smooth_over_features(
    features: sparse.csr_matrix, is_new: BoolArray, neighbours: int
) -> sparse.csr_matrix:
    """Weights with which known services stand in for new ones.

    Cosine similarity of the feature rows, the largest ``neighbours`` of each new service,
    scaled to sum to one. A new service that shares no feature with a known one has weights
    of zero.

    Parameters
    ----------
    features : csr_matrix, float32, (n, m)
    is_new : ndarray of bool, (n,)
    neighbours : int

    Returns
    -------
    csr_matrix, float64, (n, n_new)
        Column j belongs to the j-th new service; rows of new services are zero.
    """
    norms = np.sqrt(np.asarray(features.multiply(features).sum(axis=1), dtype=np.float64)).ravel()
    scaled = sparse.diags(1.0 / np.where(norms > 0, norms, 1.0)) @ features
    known = scaled[~is_new].T.tocsr()
    parts = [sparse.csr_matrix((0, int((~is_new).sum())))]
    new = np.flatnonzero(is_new)
    for rows in blocks(len(new), max(1, _SIMILARITIES // max(len(norms), 1))):
        similarity = (scaled[new[rows]] @ known).toarray().astype(np.float64)
        if neighbours < similarity.shape[1]:
            least = np.partition(similarity, -neighbours, axis=1)[:, -neighbours]
            similarity[similarity < least[:, None]] = 0.0
        sums = similarity.sum(axis=1)
        parts.append(sparse.csr_matrix(similarity / np.where(sums > 0, sums, 1.0)[:, None]))
    stacked = sparse.vstack(parts, format="csr")
    places = np.flatnonzero(~is_new)
    return sparse.csr_matrix(
        (stacked.data, places[stacked.indices], stacked.indptr), shape=(len(new), len(is_new))
    ).T.tocsr()
