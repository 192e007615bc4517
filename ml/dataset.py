"""From Arrow tables to index arrays and sparse matrices; knows no engine and no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from ml import contracts
from ml.contracts import Columns, Table
from ml.errors import InputError
from ml.measured import choose_measured

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
    columns = _codes(table.column(Columns.FEATURE), names)
    values = table.column(Columns.VALUE).to_numpy().astype(np.float32, copy=False)
    return sparse.csr_matrix((values, (rows, columns)), shape=(size, len(names)))


def _codes(column: pa.ChunkedArray, names: tuple[str, ...]) -> IntArray:
    """Place of each text in ``names``; texts may be dictionary-encoded, chunk by chunk."""
    known = pa.array(names, pa.string())
    parts = [np.empty(0, np.int32)]
    for chunk in column.chunks:
        if isinstance(chunk, pa.DictionaryArray):
            codes = pc.index_in(chunk.dictionary, value_set=known).take(chunk.indices)
        else:
            codes = pc.index_in(chunk, value_set=known)
        parts.append(codes.to_numpy(zero_copy_only=False).astype(np.int32, copy=False))
    return np.concatenate(parts)


def _texts(column: pa.ChunkedArray) -> tuple[str, ...]:
    """Different texts of a column, sorted."""
    found: set[str] = set()
    for chunk in column.chunks:
        is_encoded = isinstance(chunk, pa.DictionaryArray)
        found.update((chunk.dictionary if is_encoded else pc.unique(chunk)).to_pylist())
    return tuple(sorted(found))


def _client_segments(table: pa.Table, size: int, what: str) -> dict[str, BoolArray]:
    clients = _indices(table, Columns.CLIENT_IDX, size, what)
    names = _texts(table.column(Columns.SEGMENT))
    codes = _codes(table.column(Columns.SEGMENT), names)
    segments = {}
    for code, name in enumerate(names):
        members = np.zeros(size, dtype=np.bool_)
        members[clients[codes == code]] = True
        segments[name] = members
    return segments


def _partners(services: pa.Table) -> dict[str, BoolArray]:
    """Services of each partner, as segments."""
    owners = np.array(services.column(Columns.PARTNER_ID).to_pylist(), dtype=np.str_)
    return {f"{PARTNER_PREFIX}{name}": owners == name for name in np.unique(owners).tolist()}


class FoldRows(Protocol):
    """Where the rows of a fold come from: the warehouse, fold by fold, or memory."""

    def rows(self, table: Table, fold: str) -> pa.Table:
        """Rows of a contracted mart in one fold, in any order; texts may be dictionaries."""
        ...

    def names(self, table: Table) -> tuple[str, ...]:
        """Different features of a mart over all folds, sorted."""
        ...


@dataclass(frozen=True)
class FoldTables:
    """Rows of folds out of whole tables in memory.

    Parameters
    ----------
    tables : dict of Table to pyarrow.Table
        Each in its contract's schema, all folds together.
    """

    tables: Mapping[Table, pa.Table]

    def rows(self, table: Table, fold: str) -> pa.Table:
        """See :class:`FoldRows`."""
        found = self.tables.get(table, table.arrow_schema.empty_table())
        return found.filter(pc.equal(found.column(Columns.FOLD), fold))

    def names(self, table: Table) -> tuple[str, ...]:
        """See :class:`FoldRows`."""
        return _texts(self.tables[table].column(Columns.FEATURE))


@dataclass(frozen=True)
class Marts:
    """What is the same for all folds, as Arrow tables in their contracts' schemas.

    Parameters
    ----------
    clients, services : pyarrow.Table
        Index and id, ordered by index: row i has index i. Services name their partner.
    windows : pyarrow.Table
    eligibility_counts : pyarrow.Table, optional
        How many clients, services and pairs may be offered, and why others may not: kept with
        a run, never learned from.
    """

    clients: pa.Table
    services: pa.Table
    windows: pa.Table
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


def build_folds(marts: Marts, source: FoldRows, measured: int | None = None) -> dict[str, Fold]:
    """One :class:`Fold` per row of ``training_windows``.

    Feature columns are the same, in the same order, in every fold, so that a model's
    settings and saved weights mean the same in each.

    Parameters
    ----------
    marts : Marts
    source : FoldRows
        Asked for one fold after the other.
    measured : int, optional
        Most clients of a fold that figures are taken on; None for everybody.

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
    client_names = source.names(contracts.CLIENT_FEATURES)
    service_names = source.names(contracts.SERVICE_FEATURES)
    folds = {}
    for window in marts.windows.to_pylist():
        fold = _build_fold(marts, source, window, client_names, service_names)
        chosen = choose_measured(marts.client_ids, fold.is_eligible_client, measured)
        folds[fold.name] = replace(fold, is_measured_client=chosen)
    return folds


def _flags(table: pa.Table, index: str, size: int, what: str) -> BoolArray:
    """False for those that the rows name."""
    flags = np.ones(size, dtype=np.bool_)
    flags[_indices(table, index, size, what)] = False
    return flags


def _build_fold(
    marts: Marts,
    source: FoldRows,
    window: dict[str, Any],
    client_names: tuple[str, ...],
    service_names: tuple[str, ...],
) -> Fold:
    name = window[Columns.FOLD]
    shape = (len(marts.clients), len(marts.services))
    pairs, ages = _pairs_and_ages(
        source, contracts.INTERACTIONS, Columns.FIRST_PURCHASED_AT, window, shape
    )
    if pairs.nnz == 0:
        raise InputError(
            f"{contracts.INTERACTIONS.qualified_name} has no row before the cutoff of fold "
            f"'{name}' ({window[Columns.CUTOFF_AT]}): the data must reach further back than two "
            "horizons (dbt var horizon_days)"
        )
    interests, interest_ages = _pairs_and_ages(
        source, contracts.INTERESTS, Columns.KNOWN_AT, window, shape
    )
    return Fold(
        name=name,
        cutoff_at=window[Columns.CUTOFF_AT],
        horizon_end_at=window[Columns.HORIZON_END_AT],
        interactions=pairs,
        client_features=_features(
            source.rows(contracts.CLIENT_FEATURES, name),
            Columns.CLIENT_IDX,
            shape[0],
            client_names,
            contracts.CLIENT_FEATURES.qualified_name,
        ),
        service_features=_features(
            source.rows(contracts.SERVICE_FEATURES, name),
            Columns.SERVICE_IDX,
            shape[1],
            service_names,
            contracts.SERVICE_FEATURES.qualified_name,
        ),
        client_feature_names=client_names,
        service_feature_names=service_names,
        labels=_pairs(source.rows(contracts.LABELS, name), shape, contracts.LABELS.qualified_name),
        is_eligible_client=_flags(
            source.rows(contracts.INELIGIBLE_CLIENTS, name),
            Columns.CLIENT_IDX,
            shape[0],
            contracts.INELIGIBLE_CLIENTS.qualified_name,
        ),
        is_eligible_service=_flags(
            source.rows(contracts.INELIGIBLE_SERVICES, name),
            Columns.SERVICE_IDX,
            shape[1],
            contracts.INELIGIBLE_SERVICES.qualified_name,
        ),
        ineligible_pairs=_pairs(
            source.rows(contracts.INELIGIBLE_PAIRS, name),
            shape,
            contracts.INELIGIBLE_PAIRS.qualified_name,
        ),
        adoption_age=ages,
        interests=interests,
        interest_age=interest_ages,
        client_segments=_client_segments(
            source.rows(contracts.CLIENT_SEGMENTS, name),
            shape[0],
            contracts.CLIENT_SEGMENTS.qualified_name,
        ),
        service_segments=_partners(marts.services),
        client_ids=marts.client_ids,
        service_ids=marts.service_ids,
    )


def _pairs_and_ages(
    source: FoldRows, table: Table, moment: str, window: dict[str, Any], shape: tuple[int, int]
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    rows, what = source.rows(table, window[Columns.FOLD]), table.qualified_name
    return (
        _pairs(rows, shape, what, value=Columns.WEIGHT),
        _age(rows, moment, window[Columns.CUTOFF_AT], shape, what),
    )
