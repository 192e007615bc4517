"""Short names for data: what was found on other data must not mix with what is found on this."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse

from ml.dataset import Fold
from ml.parallel import in_order

_LENGTH = 12


def fingerprint(fold: Fold) -> str:
    """Hash everything that a model can see of a fold, and its labels.

    Parameters
    ----------
    fold : Fold

    Returns
    -------
    str
        Twelve hexadecimal digits.
    """
    digest = hashlib.sha256()
    names = (*fold.client_feature_names, "", *fold.service_feature_names)
    digest.update("\n".join(names).encode())
    for matrix in (
        fold.interactions,
        fold.labels,
        fold.client_features,
        fold.service_features,
        fold.ineligible_pairs,
        fold.adoption_age,
        fold.interests,
        fold.interest_age,
    ):
        if matrix is not None:
            _update(digest, matrix)
    digest.update(fold.is_eligible_client.tobytes())
    digest.update(fold.is_eligible_service.tobytes())
    return digest.hexdigest()[:_LENGTH]


def _update(digest: hashlib._Hash, matrix: sparse.csr_matrix) -> None:
    ordered = matrix.sorted_indices()
    digest.update(repr(matrix.shape).encode())
    digest.update(np.asarray(ordered.indptr, dtype=np.int64).tobytes())
    digest.update(np.asarray(ordered.indices, dtype=np.int64).tobytes())
    digest.update(np.asarray(ordered.data, dtype=np.float32).tobytes())


def digest_of(*values: object) -> str:
    """Hash everything in some values, down to the last array and its layout.

    Faster than ``fingerprint``, on all cores and without a copy, and stricter: the same numbers as
    other dtypes are other values.

    Parameters
    ----------
    *values : object
        Arrays, sparse matrices, Arrow arrays and plain values; mappings, sequences and dataclasses
        of them.

    Returns
    -------
    str
        Hexadecimal digits.

    Examples
    --------
    >>> digest_of([1, 2]) == digest_of([1, 2])
    True
    >>> digest_of(np.array([1, 2])) == digest_of(np.array([1.0, 2.0]))
    False
    """
    hashes = in_order(lambda part: hashlib.sha256(part).digest(), _parts(values))
    return hashlib.sha256(b"".join(hashes)).hexdigest()


def _parts(value: Any) -> Iterator[Any]:
    """What there is to hash, each with what it is before it."""
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield repr(name).encode()
            yield from _parts(one)
    elif isinstance(value, tuple | list):
        yield f"{len(value)} values".encode()
        for one in value:
            yield from _parts(one)
    elif isinstance(value, sparse.csr_matrix):
        ordered = value if value.has_sorted_indices else value.sorted_indices()
        yield repr(value.shape).encode()
        yield from _parts((ordered.indptr, ordered.indices, ordered.data))
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype} {value.shape}".encode()
        yield np.ascontiguousarray(value).reshape(-1).view(np.uint8)
    elif isinstance(value, pa.Array | pa.ChunkedArray):
        whole = value.combine_chunks() if isinstance(value, pa.ChunkedArray) else value
        # As it is sent: without what lies around a slice in memory.
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, pa.schema([pa.field("values", whole.type)])) as stream:
            stream.write_batch(pa.record_batch([whole], names=["values"]))
        yield sink.getvalue()
    else:
        yield repr(value).encode()
