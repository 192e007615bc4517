"""From Arrow tables to index arrays and sparse matrices; knows no engine and no model."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from ml import contracts
from ml.contracts import Columns
from ml.errors import InputError

IntArray = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]

PARTNER_PREFIX = "partner: "
"""Begins the name of the segment that holds a partner's services."""


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
    def labelled_clients(self) -> IntArray:
        """Eligible clients with at least one label, ascending: those that metrics average over."""
        has_label = np.diff(self.labels.indptr) > 0
        return np.flatnonzero(has_label & self.is_eligible_client).astype(np.int32)

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


def _indices(table: pa.Table, column: str, size: int, what: str) -> IntArray:
    values = table.column(column).to_numpy()
    if len(values) and (values.min() < 0 or values.max() >= size):
        raise InputError(
            f"{what}: {column} must lie in 0..{size - 1}, found {values.min()}..{values.max()}; "
            "run 'dbt build' so that all marts come from the same build"
        )
    indices: IntArray = values.astype(np.int32, copy=False)
    return indices


def _pairs(
    table: pa.Table, shape: tuple[int, int], what: str, value: str | None = None
) -> sparse.csr_matrix:
    rows = _indices(table, Columns.CLIENT_IDX, shape[0], what)
    columns = _indices(table, Columns.SERVICE_IDX, shape[1], what)
    if value is None:
        data = np.ones(len(rows), dtype=np.float32)
    else:
        data = table.column(value).to_numpy().astype(np.float32)
    matrix = sparse.csr_matrix((data, (rows, columns)), shape=shape)
    if value is None:
        matrix.data[:] = 1.0
    return matrix


def _age(
    table: pa.Table, moment: str, cutoff_at: datetime, shape: tuple[int, int], what: str
) -> sparse.csr_matrix:
    happened_at = table.column(moment).to_numpy()
    seconds = (np.datetime64(cutoff_at, "us") - happened_at) / np.timedelta64(1, "s")
    # A stored zero would be lost to many sparse operations: a second is the least age.
    days = np.maximum(seconds, 1.0) / 86_400.0
    rows = _indices(table, Columns.CLIENT_IDX, shape[0], what)
    columns = _indices(table, Columns.SERVICE_IDX, shape[1], what)
    return sparse.csr_matrix((days.astype(np.float32), (rows, columns)), shape=shape)


def _features(
    table: pa.Table, index: str, size: int, names: tuple[str, ...], what: str
) -> sparse.csr_matrix:
    rows = _indices(table, index, size, what)
    columns = pc.index_in(table.column(Columns.FEATURE), value_set=pa.array(names, pa.string()))
    return sparse.csr_matrix(
        (
            table.column(Columns.VALUE).to_numpy().astype(np.float32),
            (rows, columns.to_numpy().astype(np.int32)),
        ),
        shape=(size, len(names)),
    )


def _feature_names(table: pa.Table) -> tuple[str, ...]:
    return tuple(sorted(pc.unique(table.column(Columns.FEATURE)).to_pylist()))


def _client_segments(table: pa.Table, size: int, what: str) -> dict[str, BoolArray]:
    clients = _indices(table, Columns.CLIENT_IDX, size, what)
    names = np.array(table.column(Columns.SEGMENT).to_pylist(), dtype=np.str_)
    segments = {}
    for name in np.unique(names).tolist():
        members = np.zeros(size, dtype=np.bool_)
        members[clients[names == name]] = True
        segments[name] = members
    return segments


def _partners(services: pa.Table) -> dict[str, BoolArray]:
    """Services of each partner, as segments."""
    owners = np.array(services.column(Columns.PARTNER_ID).to_pylist(), dtype=np.str_)
    return {f"{PARTNER_PREFIX}{name}": owners == name for name in np.unique(owners).tolist()}


def _fold_rows(table: pa.Table, fold: str) -> pa.Table:
    return table.filter(pc.equal(table.column(Columns.FOLD), fold))


@dataclass(frozen=True)
class Marts:
    """The learning marts as Arrow tables, each in its contract's schema, all folds together.

    Parameters
    ----------
    clients, services : pyarrow.Table
        Index and id, ordered by index: row i has index i. Services name their partner.
    windows, interactions, labels, client_features, client_segments : pyarrow.Table
    service_features : pyarrow.Table
    ineligible_clients, ineligible_services, ineligible_pairs : pyarrow.Table
    interests : pyarrow.Table, optional
        What clients looked at.
    eligibility_counts : pyarrow.Table, optional
        How many clients, services and pairs may be offered, and why others may not: kept with
        a run, never learned from.
    """

    clients: pa.Table
    services: pa.Table
    windows: pa.Table
    interactions: pa.Table
    labels: pa.Table
    client_features: pa.Table
    client_segments: pa.Table
    service_features: pa.Table
    ineligible_clients: pa.Table
    ineligible_services: pa.Table
    ineligible_pairs: pa.Table
    interests: pa.Table = field(default_factory=contracts.INTERESTS.arrow_schema.empty_table)
    eligibility_counts: pa.Table = field(
        default_factory=contracts.ELIGIBILITY_COUNTS.arrow_schema.empty_table
    )

    @property
    def client_ids(self) -> pa.ChunkedArray:
        """Client ids by index, (n_clients,)."""
        return self.clients.column(Columns.CLIENT_ID)

    @property
    def service_ids(self) -> pa.ChunkedArray:
        """Service ids by index, (n_services,)."""
        return self.services.column(Columns.SERVICE_ID)


def _check_dense(table: pa.Table, index: str, what: str) -> None:
    if len(table) == 0:
        raise InputError(f"{what} is empty: load data, then run 'dbt build'")
    if not np.array_equal(table.column(index).to_numpy(), np.arange(len(table))):
        raise InputError(f"{what}.{index} is not dense from 0: run 'dbt build'")


def build_folds(marts: Marts) -> dict[str, Fold]:
    """One :class:`Fold` per row of ``training_windows``.

    Feature columns are the same, in the same order, in every fold, so that a model's
    settings and saved weights mean the same in each.

    Parameters
    ----------
    marts : Marts

    Returns
    -------
    dict of str to Fold

    Raises
    ------
    InputError
        Indices that are not dense or lie outside their dimension, or no interactions.
    """
    _check_dense(marts.clients, Columns.CLIENT_IDX, contracts.DIM_CLIENTS.qualified_name)
    _check_dense(marts.services, Columns.SERVICE_IDX, contracts.DIM_SERVICES.qualified_name)
    client_names = _feature_names(marts.client_features)
    service_names = _feature_names(marts.service_features)
    folds = {}
    for window in marts.windows.to_pylist():
        folds[window[Columns.FOLD]] = _build_fold(marts, window, client_names, service_names)
    return folds


def _build_fold(
    marts: Marts,
    window: dict[str, Any],
    client_names: tuple[str, ...],
    service_names: tuple[str, ...],
) -> Fold:
    name = window[Columns.FOLD]
    shape = (len(marts.clients), len(marts.services))
    interactions = _fold_rows(marts.interactions, name)
    if len(interactions) == 0:
        raise InputError(
            f"{contracts.INTERACTIONS.qualified_name} has no row before the cutoff of fold "
            f"'{name}' ({window[Columns.CUTOFF_AT]}): the data must reach further back than two "
            "horizons (dbt var horizon_days)"
        )
    is_eligible_client = np.ones(shape[0], dtype=np.bool_)
    rows = _fold_rows(marts.ineligible_clients, name)
    is_eligible_client[
        _indices(rows, Columns.CLIENT_IDX, shape[0], contracts.INELIGIBLE_CLIENTS.qualified_name)
    ] = False
    is_eligible_service = np.ones(shape[1], dtype=np.bool_)
    rows = _fold_rows(marts.ineligible_services, name)
    is_eligible_service[
        _indices(rows, Columns.SERVICE_IDX, shape[1], contracts.INELIGIBLE_SERVICES.qualified_name)
    ] = False
    interests = _fold_rows(marts.interests, name)
    return Fold(
        name=name,
        cutoff_at=window[Columns.CUTOFF_AT],
        horizon_end_at=window[Columns.HORIZON_END_AT],
        interactions=_pairs(
            interactions, shape, contracts.INTERACTIONS.qualified_name, value=Columns.WEIGHT
        ),
        client_features=_features(
            _fold_rows(marts.client_features, name),
            Columns.CLIENT_IDX,
            shape[0],
            client_names,
            contracts.CLIENT_FEATURES.qualified_name,
        ),
        service_features=_features(
            _fold_rows(marts.service_features, name),
            Columns.SERVICE_IDX,
            shape[1],
            service_names,
            contracts.SERVICE_FEATURES.qualified_name,
        ),
        client_feature_names=client_names,
        service_feature_names=service_names,
        labels=_pairs(_fold_rows(marts.labels, name), shape, contracts.LABELS.qualified_name),
        is_eligible_client=is_eligible_client,
        is_eligible_service=is_eligible_service,
        ineligible_pairs=_pairs(
            _fold_rows(marts.ineligible_pairs, name),
            shape,
            contracts.INELIGIBLE_PAIRS.qualified_name,
        ),
        adoption_age=_age(
            interactions,
            Columns.FIRST_PURCHASED_AT,
            window[Columns.CUTOFF_AT],
            shape,
            contracts.INTERACTIONS.qualified_name,
        ),
        interests=_pairs(
            interests, shape, contracts.INTERESTS.qualified_name, value=Columns.WEIGHT
        ),
        interest_age=_age(
            interests,
            Columns.KNOWN_AT,
            window[Columns.CUTOFF_AT],
            shape,
            contracts.INTERESTS.qualified_name,
        ),
        client_segments=_client_segments(
            _fold_rows(marts.client_segments, name),
            shape[0],
            contracts.CLIENT_SEGMENTS.qualified_name,
        ),
        service_segments=_partners(marts.services),
        client_ids=marts.client_ids,
        service_ids=marts.service_ids,
    )
