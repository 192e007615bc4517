"""Plain columns of a Parquet file as the sparse features in [0, 1] that models read."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from ml.dataset import IntArray

QUANTILES: Final = 8
"""Bands of a number column: a model that adds up embeddings cannot read a number itself."""

LEAST_ROWS: Final = 5
"""Values of fewer rows are left out: nothing can be learned of them."""


def feature_matrix(
    table: pa.Table, columns: list[str], rows: IntArray, n_rows: int
) -> tuple[sparse.csr_matrix, tuple[str, ...]]:
    """Turn columns into features.

    Strings and booleans become one feature per value, lists one per element, numbers one per
    quantile band (or per value, where there are few). Missing values have no feature.

    Parameters
    ----------
    table : pyarrow.Table
    columns : list of str
        Which of its columns to read; those of other types are left out.
    rows : ndarray of int32, (len(table),)
        Row of the matrix for each row of the table.
    n_rows : int

    Returns
    -------
    csr_matrix, float32 ones, (n_rows, n_features)
    names : tuple of str
        ``column: value``.
    """
    matrices = [sparse.csr_matrix((n_rows, 0), dtype=np.float32)]
    names: list[str] = []
    for column in columns:
        owners, values = _values(table.column(column).combine_chunks(), rows)
        found, codes = np.unique(values, return_inverse=True)
        counts = np.bincount(codes, minlength=len(found))
        kept = np.flatnonzero(counts >= min(LEAST_ROWS, n_rows))
        place = np.full(len(found), -1)
        place[kept] = np.arange(len(kept))
        is_kept = place[codes] >= 0
        matrix = sparse.csr_matrix(
            (
                np.ones(int(is_kept.sum()), dtype=np.float32),
                (owners[is_kept], place[codes[is_kept]]),
            ),
            shape=(n_rows, len(kept)),
        )
        matrix.data[:] = 1.0
        matrices.append(matrix)
        names += [f"{column}: {found[i]}" for i in kept]
    return sparse.hstack(matrices).tocsr().astype(np.float32), tuple(names)


def _values(column: pa.Array, rows: IntArray) -> tuple[IntArray, npt.NDArray[np.str_]]:
    """Matrix row and text of every value of a column."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        parents = pc.list_parent_indices(column).to_numpy()
        elements = pc.list_flatten(column)
        return _values(elements, rows[parents])
    is_known = pc.is_valid(column)
    known = column.filter(is_known)
    owners = rows[is_known.to_numpy(zero_copy_only=False)]
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return owners, _bands(known.cast(pa.float64()).to_numpy(zero_copy_only=False))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind):
        texts = known.cast(pa.string()).to_numpy(zero_copy_only=False).astype(str)
        is_text = texts != ""
        return owners[is_text], texts[is_text]
    return owners[:0], np.empty(0, dtype=str)


def _bands(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.str_]:
    different = np.unique(numbers)
    if len(different) <= 2 * QUANTILES:
        return np.array([f"{number:g}" for number in numbers], dtype=str)
    edges = np.unique(np.quantile(numbers, np.arange(1, QUANTILES) / QUANTILES))
    labels = np.array([f"below {edges[0]:g}"] + [f"from {edge:g}" for edge in edges], dtype=str)
    banded: npt.NDArray[np.str_] = labels[np.searchsorted(edges, numbers, side="right")]
    return banded
