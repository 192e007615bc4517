"""Folds from plain interaction matrices: what the benchmarks' data has instead of marts."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ml.contracts import FOLD_TEST
from ml.dataset import Fold

# Data without times has no cutoff; a fold must name one.
_NO_TIME: Final = datetime(1970, 1, 1)


def plain_fold(known: sparse.csr_matrix, labels: sparse.csr_matrix, name: str = FOLD_TEST) -> Fold:
    """Make a fold of interactions and labels alone: no features, no times.

    Every client and service is eligible; a client is never offered what it is known to have.

    Parameters
    ----------
    known : csr_matrix, (n_clients, n_services)
        What is learned from.
    labels : csr_matrix, (n_clients, n_services)
        What is held out.
    name : str, default 'test'

    Returns
    -------
    Fold
    """
    n_clients, n_services = known.shape
    return Fold(
        name=name,
        cutoff_at=_NO_TIME,
        horizon_end_at=_NO_TIME,
        interactions=_ones(known),
        client_features=sparse.csr_matrix((n_clients, 0), dtype=np.float32),
        service_features=sparse.csr_matrix((n_services, 0), dtype=np.float32),
        client_feature_names=(),
        service_feature_names=(),
        labels=_ones(labels),
        is_eligible_client=np.ones(n_clients, dtype=np.bool_),
        is_eligible_service=np.ones(n_services, dtype=np.bool_),
        ineligible_pairs=_ones(known),
    )


def random_split(
    records: sparse.csr_matrix, held_out: float, rng: np.random.Generator
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Split records at random, each client's and each service's alike.

    Parameters
    ----------
    records : csr_matrix, (n_clients, n_services)
    held_out : float
        Share of the records in the second part.
    rng : numpy.random.Generator

    Returns
    -------
    known, labels : csr_matrix
    """
    is_held_out = np.zeros(records.nnz, dtype=np.bool_)
    is_held_out[rng.permutation(records.nnz)[: round(held_out * records.nnz)]] = True
    return _only(records, ~is_held_out), _only(records, is_held_out)


def _only(matrix: sparse.csr_matrix, chosen: npt.NDArray[np.bool_]) -> sparse.csr_matrix:
    ends = np.concatenate([[0], np.cumsum(chosen)])[matrix.indptr]
    return sparse.csr_matrix((matrix.data[chosen], matrix.indices[chosen], ends), matrix.shape)


def _ones(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    indices, ends = matrix.indices.astype(np.int32), matrix.indptr
    data = np.ones(len(indices), dtype=np.float32)
    return sparse.csr_matrix((data, indices, ends), shape=matrix.shape)
