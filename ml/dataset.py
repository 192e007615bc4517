"""What a model may know at one cutoff, as index arrays and sparse matrices."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse

IntArray = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Fold:
    """Everything a model may know at one cutoff, and the labels that came after it.

    Parameters
    ----------
    name : str
        ``validation``, ``test`` or ``serving``.
    cutoff_at, horizon_end_at : datetime
        UTC. Learns from before ``cutoff_at``; labels lie in ``[cutoff_at, horizon_end_at)``.
    interactions : csr_matrix, float32, (n_clients, n_services)
        Positive weights of services that a client used before the cutoff.
    client_features : csr_matrix, float32, (n_clients, n_client_features)
        Values in [0, 1], as of the cutoff.
    service_features : csr_matrix, float32, (n_services, n_service_features)
        Values in [0, 1], as of the cutoff.
    client_feature_names, service_feature_names : tuple of str
        Column names of the two, sorted.
    labels : csr_matrix, float32 ones, (n_clients, n_services)
        New adoptions inside the label interval; empty for ``serving``.
    is_eligible_client : ndarray of bool, (n_clients,)
    is_eligible_service : ndarray of bool, (n_services,)
    ineligible_pairs : csr_matrix, float32 ones, (n_clients, n_services)
        Pairs that may not be offered (owned, ...).
    adoption_age : csr_matrix, float32, (n_clients, n_services), optional
        Days from the client's first use of the service to the cutoff, for the pairs stored in
        ``interactions``; above zero. Without it, no adoption counts as recent.
    interests : csr_matrix, float32, (n_clients, n_services), optional
        How strongly what a client did on the web before the cutoff speaks for a service; above
        zero. No use of it: see :mod:`ml.interest`.
    interest_age : csr_matrix, float32, (n_clients, n_services), optional
        Days from the last web event of the pair to the cutoff, for the pairs stored in
        ``interests``; above zero.
    client_segments : dict of str to ndarray of bool, (n_clients,), optional
        Groups of clients that figures are broken down by, by name. Nothing is learned from it.
    service_segments : dict of str to ndarray of bool, (n_services,), optional
        The same of services, e.g. those of each partner.
    is_measured_client : ndarray of bool, (n_clients,), optional
        Clients that figures are taken on (:mod:`ml.measured`); everybody where there is none.
        Offers are made for all.
    client_ids, service_ids : pyarrow array of string, optional
        What the indices stand for in this build; what a model learned is kept by these.
    """

    name: str
    cutoff_at: datetime
    horizon_end_at: datetime
    interactions: sparse.csr_matrix
    client_features: sparse.csr_matrix
    service_features: sparse.csr_matrix
    client_feature_names: tuple[str, ...]
    service_feature_names: tuple[str, ...]
    labels: sparse.csr_matrix
    is_eligible_client: BoolArray
    is_eligible_service: BoolArray
    ineligible_pairs: sparse.csr_matrix
    adoption_age: sparse.csr_matrix | None = None
    interests: sparse.csr_matrix | None = None
    interest_age: sparse.csr_matrix | None = None
    client_segments: dict[str, BoolArray] = field(default_factory=dict)
    service_segments: dict[str, BoolArray] = field(default_factory=dict)
    is_measured_client: BoolArray | None = None
    client_ids: pa.ChunkedArray | None = None
    service_ids: pa.ChunkedArray | None = None

    @property
    def n_clients(self) -> int:
        """Number of clients, known or new."""
        return int(self.interactions.shape[0])

    @property
    def n_services(self) -> int:
        """Number of services, sold or new."""
        return int(self.interactions.shape[1])

    @property
    def is_cold_client(self) -> BoolArray:
        """Clients without any interaction before the cutoff, (n_clients,)."""
        is_cold: BoolArray = np.diff(self.interactions.indptr) == 0
        return is_cold

    @property
    def is_cold_service(self) -> BoolArray:
        """Services without any interaction before the cutoff, (n_services,)."""
        is_cold: BoolArray = np.bincount(self.interactions.indices, minlength=self.n_services) == 0
        return is_cold

    @property
    def eligible_clients(self) -> IntArray:
        """Clients that may be offered something, ascending."""
        return np.flatnonzero(self.is_eligible_client).astype(np.int32)

    @property
    def measured_clients(self) -> IntArray:
        """Eligible clients that figures are taken on, ascending."""
        return np.flatnonzero(self._is_measured).astype(np.int32)

    @property
    def labelled_clients(self) -> IntArray:
        """Those with at least one label, ascending: what ranking metrics average over."""
        has_label = np.diff(self.labels.indptr) > 0
        return np.flatnonzero(has_label & self._is_measured).astype(np.int32)

    @property
    def _is_measured(self) -> BoolArray:
        if self.is_measured_client is None:
            return self.is_eligible_client
        return self.is_eligible_client & self.is_measured_client

    def candidate_mask(self, clients: IntArray) -> BoolArray:
        """Which services may be offered to each of these clients.

        Parameters
        ----------
        clients : ndarray of int32, (n,)

        Returns
        -------
        ndarray of bool, (n, n_services)
        """
        mask = np.repeat(self.is_eligible_service[None, :], len(clients), axis=0)
        rows, columns = block_coordinates(self.ineligible_pairs, clients)
        mask[rows, columns] = False
        mask[~self.is_eligible_client[clients]] = False
        return mask


def entries_at(
    matrix: sparse.csr_matrix, rows: npt.NDArray[np.integer], columns: npt.NDArray[np.integer]
) -> FloatArray:
    """Entries of a sparse matrix, (n,); of no pairs too, for which scipy returns a matrix.

    Examples
    --------
    >>> eye = sparse.csr_matrix(np.eye(2))
    >>> entries_at(eye, np.array([0, 1]), np.array([0, 0])).tolist()
    [1.0, 0.0]
    >>> entries_at(eye, np.empty(0, int), np.empty(0, int)).tolist()
    []
    """
    if len(rows) == 0:
        return np.empty(0, dtype=np.float32)
    return np.asarray(matrix[rows, columns], dtype=np.float32).ravel()


def block_coordinates(
    matrix: sparse.csr_matrix, rows: IntArray
) -> tuple[npt.NDArray[np.int64], IntArray]:
    """Coordinates of the stored entries of some rows, rows counted from the block's start.

    Parameters
    ----------
    matrix : csr_matrix, (n, m)
    rows : ndarray of int32, (b,)

    Returns
    -------
    block_rows : ndarray of int64, (nnz,)
        Positions in ``rows``, ascending.
    columns : ndarray of int32, (nnz,)
    """
    block = matrix[rows]
    block_rows = np.repeat(np.arange(len(rows)), np.diff(block.indptr))
    return block_rows, block.indices
