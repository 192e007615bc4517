from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml import contracts
from ml.contracts import Columns, Table
from ml.dataset import Marts, build_folds
from ml.errors import InputError


def rows(table: Table, values: list[tuple[Any, ...]]) -> pa.Table:
    return pa.table(
        [
            pa.array([row[i] for row in values], column.type)
            for i, column in enumerate(table.columns)
        ],
        names=list(table.column_names),
    )


@pytest.fixture
def marts() -> Marts:
    """Three clients, four services; one fold."""
    now = datetime(2024, 5, 1)
    interaction_rows = [("test", 0, 1, 0.5), ("test", 1, 3, 2.0), ("test", 1, 0, 1.0)]
    table = contracts.INTERACTIONS
    padded = [row + (now,) * (len(table.columns) - len(row)) for row in interaction_rows]
    return Marts(
        clients=rows(contracts.DIM_CLIENTS, [(0, "a"), (1, "b"), (2, "c")]),
        services=rows(
            contracts.DIM_SERVICES, [(0, "p", "X"), (1, "q", "Y"), (2, "r", "X"), (3, "s", "X")]
        ),
        windows=rows(contracts.TRAINING_WINDOWS, [("test", now, now)]),
        interactions=rows(table, padded),
        labels=rows(contracts.LABELS, [("test", 0, 2), ("test", 2, 0)]),
        client_features=rows(
            contracts.CLIENT_FEATURES, [("test", 0, "x", 1.0), ("test", 2, "b", 0.25)]
        ),
        client_segments=rows(
            contracts.CLIENT_SEGMENTS,
            [("test", 0, "age: 65+"), ("test", 2, "age: 65+"), ("serving", 1, "age: 65+")],
        ),
        service_features=rows(contracts.SERVICE_FEATURES, [("test", 3, "price", 0.5)]),
        ineligible_clients=rows(contracts.INELIGIBLE_CLIENTS, [("test", 2, "no_consent")]),
        ineligible_services=rows(
            contracts.INELIGIBLE_SERVICES, [("test", 3, "withdrawn"), ("test", 3, "not_on_sale")]
        ),
        ineligible_pairs=rows(
            contracts.INELIGIBLE_PAIRS, [("test", 0, 1, "owned"), ("test", 1, 0, "owned")]
        ),
    )


def test_matrices_hold_what_the_marts_say(marts: Marts) -> None:
    fold = build_folds(marts)["test"]
    assert fold.interactions.toarray().tolist() == [[0, 0.5, 0, 0], [1, 0, 0, 2], [0, 0, 0, 0]]
    assert fold.client_feature_names == ("b", "x")
    assert fold.client_features.toarray().tolist() == [[0, 1], [0, 0], [0.25, 0]]
    assert fold.service_features.toarray().tolist() == [[0], [0], [0], [0.5]]
    assert fold.is_cold_client.tolist() == [False, False, True]
    assert fold.is_cold_service.tolist() == [False, False, True, False]


def test_candidates_leave_out_owned_withdrawn_and_refused(marts: Marts) -> None:
    fold = build_folds(marts)["test"]
    mask = fold.candidate_mask(np.array([2, 0, 1], dtype=np.int32))
    assert mask.tolist() == [
        [False, False, False, False],
        [True, False, True, False],
        [False, True, True, False],
    ]
    # Client 2 has a label but may not be offered anything.
    assert fold.labelled_clients.tolist() == [0]


def test_indices_outside_the_dimension_are_named(marts: Marts) -> None:
    broken = replace(marts, labels=rows(contracts.LABELS, [("test", 9, 0)]))
    with pytest.raises(InputError, match=r"learning\.labels: client_idx must lie in 0\.\.2"):
        build_folds(broken)


def test_indices_must_be_dense(marts: Marts) -> None:
    broken = replace(marts, clients=rows(contracts.DIM_CLIENTS, [(0, "a"), (2, "c")]))
    with pytest.raises(InputError, match=r"core\.dim_clients\.client_idx is not dense"):
        build_folds(broken)


def test_empty_interactions_say_that_history_is_too_short(marts: Marts) -> None:
    empty = marts.interactions.slice(0, 0)
    with pytest.raises(InputError, match="must reach further back"):
        build_folds(replace(marts, interactions=empty))


def test_duplicate_ineligibility_counts_once(marts: Marts) -> None:
    twice = pa.concat_tables([marts.ineligible_pairs, marts.ineligible_pairs])
    fold = build_folds(replace(marts, ineligible_pairs=twice))["test"]
    assert fold.ineligible_pairs.max() == 1
    assert Columns.SERVICE_IDX in contracts.INELIGIBLE_PAIRS.column_names


def test_segments_are_those_of_the_fold_and_of_partners(marts: Marts) -> None:
    fold = build_folds(marts)["test"]
    assert {name: flags.tolist() for name, flags in fold.client_segments.items()} == {
        "age: 65+": [True, False, True]
    }
    assert {name: flags.tolist() for name, flags in fold.service_segments.items()} == {
        "partner: X": [True, False, True, True],
        "partner: Y": [False, True, False, False],
    }
    strange = rows(contracts.CLIENT_SEGMENTS, [("test", 3, "age: 65+")])
    with pytest.raises(InputError, match=r"learning\.client_segments: client_idx"):
        build_folds(replace(marts, client_segments=strange))
