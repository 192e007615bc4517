from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml import contracts
from ml.contracts import Columns, Table
from ml.dataset import Fold
from ml.errors import InputError
from ml.fold_building import FoldTables, Marts, build_folds
from ml.measured import choose_measured


def rows(table: Table, values: list[tuple[Any, ...]]) -> pa.Table:
    return pa.table(
        [
            pa.array([row[i] for row in values], column.type)
            for i, column in enumerate(table.columns)
        ],
        names=list(table.column_names),
    )


@dataclass(frozen=True)
class World:
    """Marts in memory."""

    marts: Marts
    tables: dict[Table, pa.Table]

    def folds(self, measured: int | None = None) -> dict[str, Fold]:
        return build_folds(self.marts, FoldTables(self.tables), measured)

    def having(self, table: Table, values: pa.Table) -> World:
        return replace(self, tables={**self.tables, table: values})


@pytest.fixture
def world() -> World:
    """Three clients, four services; one fold."""
    now = datetime(2024, 5, 1)
    interaction_rows = [("test", 0, 1, 0.5), ("test", 1, 3, 2.0), ("test", 1, 0, 1.0)]
    padding = (now,) * (len(contracts.INTERACTIONS.columns) - 4)
    tables: dict[Table, list[tuple[Any, ...]]] = {
        contracts.INTERACTIONS: [row + padding for row in interaction_rows],
        contracts.LABELS: [("test", 0, 2), ("test", 2, 0)],
        contracts.CLIENT_FEATURES: [("test", 0, "x", 1.0), ("test", 2, "b", 0.25)],
        contracts.CLIENT_SEGMENTS: [
            ("test", 0, "age: 65+"),
            ("test", 2, "age: 65+"),
            ("serving", 1, "age: 65+"),
        ],
        contracts.SERVICE_FEATURES: [("test", 3, "price", 0.5)],
        contracts.INELIGIBLE_CLIENTS: [("test", 2, "no_consent")],
        contracts.INELIGIBLE_SERVICES: [("test", 3, "withdrawn"), ("test", 3, "not_on_sale")],
        contracts.INELIGIBLE_PAIRS: [("test", 0, 1, "owned"), ("test", 1, 0, "owned")],
    }
    return World(
        Marts(
            clients=rows(contracts.DIM_CLIENTS, [(0, "a"), (1, "b"), (2, "c")]),
            services=rows(
                contracts.DIM_SERVICES, [(0, "p", "X"), (1, "q", "Y"), (2, "r", "X"), (3, "s", "X")]
            ),
            windows=rows(contracts.TRAINING_WINDOWS, [("test", now, now)]),
        ),
        {table: rows(table, values) for table, values in tables.items()},
    )


def test_matrices_hold_what_the_marts_say(world: World) -> None:
    fold = world.folds()["test"]
    assert fold.interactions.toarray().tolist() == [[0, 0.5, 0, 0], [1, 0, 0, 2], [0, 0, 0, 0]]
    assert fold.client_feature_names == ("b", "x")
    assert fold.client_features.toarray().tolist() == [[0, 1], [0, 0], [0.25, 0]]
    assert fold.service_features.toarray().tolist() == [[0], [0], [0], [0.5]]
    assert fold.is_cold_client.tolist() == [False, False, True]
    assert fold.is_cold_service.tolist() == [False, False, True, False]


def test_candidates_leave_out_owned_withdrawn_and_refused(world: World) -> None:
    fold = world.folds()["test"]
    mask = fold.candidate_mask(np.array([2, 0, 1], dtype=np.int32))
    assert mask.tolist() == [
        [False, False, False, False],
        [True, False, True, False],
        [False, True, True, False],
    ]
    # Client 2 has a label but may not be offered anything.
    assert fold.labelled_clients.tolist() == [0]


def test_indices_outside_the_dimension_are_named(world: World) -> None:
    broken = world.having(contracts.LABELS, rows(contracts.LABELS, [("test", 9, 0)]))
    with pytest.raises(InputError, match=r"learning\.labels: client_idx must lie in 0\.\.2"):
        broken.folds()


def test_indices_must_be_dense(world: World) -> None:
    clients = rows(contracts.DIM_CLIENTS, [(0, "a"), (2, "c")])
    broken = replace(world, marts=replace(world.marts, clients=clients))
    with pytest.raises(InputError, match=r"core\.dim_clients\.client_idx is not dense"):
        broken.folds()


def test_empty_interactions_say_that_history_is_too_short(world: World) -> None:
    empty = rows(contracts.INTERACTIONS, [])
    with pytest.raises(InputError, match="must reach further back"):
        world.having(contracts.INTERACTIONS, empty).folds()


def test_duplicate_ineligibility_counts_once(world: World) -> None:
    once = world.tables[contracts.INELIGIBLE_PAIRS]
    twice = pa.concat_tables([once, once])
    fold = world.having(contracts.INELIGIBLE_PAIRS, twice).folds()["test"]
    assert fold.ineligible_pairs.max() == 1
    assert Columns.SERVICE_IDX in contracts.INELIGIBLE_PAIRS.column_names


def test_segments_are_those_of_the_fold_and_of_partners(world: World) -> None:
    fold = world.folds()["test"]
    assert {name: flags.tolist() for name, flags in fold.client_segments.items()} == {
        "age: 65+": [True, False, True]
    }
    assert {name: flags.tolist() for name, flags in fold.service_segments.items()} == {
        "partner: X": [True, False, True, True],
        "partner: Y": [False, True, False, False],
    }
    strange = rows(contracts.CLIENT_SEGMENTS, [("test", 3, "age: 65+")])
    with pytest.raises(InputError, match=r"learning\.client_segments: client_idx"):
        world.having(contracts.CLIENT_SEGMENTS, strange).folds()


def test_figures_are_taken_on_a_sample_that_rests_on_ids_alone() -> None:
    ids = [f"client {number}" for number in range(1000)]
    is_eligible = np.arange(1000) % 3 > 0
    chosen = choose_measured(pa.chunked_array([ids]), is_eligible, 200)
    assert chosen is not None
    assert chosen.sum() == 200
    assert not (chosen & ~is_eligible).any()
    # Another order, and ten more clients: the same ones, but for a few.
    order = np.random.default_rng(3).permutation(1010)
    more = [[*ids, *(f"new {number}" for number in range(10))][place] for place in order]
    again = choose_measured(
        pa.chunked_array([more]), np.append(is_eligible, [True] * 10)[order], 200
    )
    assert again is not None
    before = {text for text, is_chosen in zip(ids, chosen, strict=True) if is_chosen}
    after = {text for text, is_chosen in zip(more, again, strict=True) if is_chosen}
    assert len(before & after) >= 190
    assert choose_measured(pa.chunked_array([ids]), is_eligible, 1000) is None


def test_labels_of_those_that_are_not_measured_do_not_count(world: World) -> None:
    fold = world.folds()["test"]
    assert fold.measured_clients.tolist() == [0, 1]
    sampled = world.folds(measured=1)["test"]
    assert len(sampled.measured_clients) == 1
    assert sampled.eligible_clients.tolist() == [0, 1]
    assert set(sampled.labelled_clients.tolist()) <= set(sampled.measured_clients.tolist())


def test_texts_may_come_as_dictionaries(world: World) -> None:
    plain = world.folds()["test"]
    for table in (contracts.CLIENT_FEATURES, contracts.CLIENT_SEGMENTS):
        encoded = world.tables[table]
        column = len(encoded.column_names) - (2 if table is contracts.CLIENT_FEATURES else 1)
        name = encoded.column_names[column]
        # One dictionary per row: codes differ between chunks.
        chunks = [encoded.slice(i, 1).column(name).combine_chunks() for i in range(len(encoded))]
        parts = pa.chunked_array([chunk.dictionary_encode() for chunk in chunks])
        world = world.having(table, encoded.set_column(column, name, parts))
    fold = world.folds()["test"]
    assert (fold.client_features != plain.client_features).nnz == 0
    assert fold.client_segments.keys() == plain.client_segments.keys()
    for name, members in plain.client_segments.items():
        assert np.array_equal(fold.client_segments[name], members)
