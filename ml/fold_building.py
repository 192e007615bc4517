"""From Arrow tables to folds; knows no engine and no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from ml import contracts
from ml.contracts import Columns, Table
from ml.dataset import BoolArray, Fold, IntArray
from ml.errors import InputError
from ml.measured import choose_measured

PARTNER_PREFIX = "partner: "
"""Begins the name of the segment that holds a partner's services."""


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
    build_vars : pyarrow.Table, optional
        The vars that the marts were built with: kept with a run.
    """

    clients: pa.Table
    services: pa.Table
    windows: pa.Table
    eligibility_counts: pa.Table = field(
        default_factory=contracts.ELIGIBILITY_COUNTS.arrow_schema.empty_table
    )
    build_vars: pa.Table = field(default_factory=contracts.BUILD_VARS.arrow_schema.empty_table)

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
