"""Selection over wide rows against plain sorting: groups of columns, left-overs, ties."""

from __future__ import annotations

import numpy as np
import pytest

from ml.dataset import FloatArray
from ml.errors import ModelError
from ml.selection import MOST_SERVICES, best, descending, rank, rows_at_once


def drawn(kind: str, n_services: int) -> FloatArray:
    rng = np.random.default_rng(n_services)
    scores = rng.standard_normal((7, n_services)).astype(np.float32)
    if kind == "ties":
        scores = np.round(scores)  # Has zeros of both signs.
    if kind == "all equal":
        scores[:] = 1.0
    scores[rng.random(scores.shape) < 0.3] = -np.inf
    scores[0] = -np.inf
    scores[1, 3:] = -np.inf
    return scores


@pytest.mark.parametrize("kind", ["distinct", "ties", "all equal"])
@pytest.mark.parametrize("n_services", [1, 4, 99, 997, 1000, 1024])
@pytest.mark.parametrize("depth", [1, 7, 20])
def test_best_is_what_sorting_finds(kind: str, n_services: int, depth: int) -> None:
    scores = drawn(kind, n_services)
    depth = min(depth, n_services)
    services, values = best(scores, depth)
    for row, found, value in zip(scores, services, values, strict=True):
        candidates = np.flatnonzero(row > -np.inf)
        order = candidates[np.lexsort((candidates, -row[candidates]))][:depth]
        missing = depth - len(order)
        assert found.tolist() == [*order.tolist(), *[-1] * missing]
        assert value.tolist() == [*row[order].tolist(), *[-np.inf] * missing]


@pytest.mark.parametrize("kind", ["distinct", "ties", "all equal"])
@pytest.mark.parametrize("n_services", [1, 2, 63, 64, 65])
def test_rank_counts_who_stands_before(kind: str, n_services: int) -> None:
    scores = drawn(kind, n_services)
    rows, columns = np.nonzero(scores > -np.inf)
    found = rank(scores, descending(scores), rows, columns.astype(np.int32))
    for i, (row, column) in enumerate(zip(rows, columns, strict=True)):
        above = (scores[row] > scores[row, column]).sum()
        equal = scores[row] == scores[row, column]
        assert found.ranks[i] == above + equal[:column].sum() + 1
        assert found.first_ranks[i] == above + 1
        assert found.mid_ranks[i] == above + (equal.sum() + 1) / 2


@pytest.mark.parametrize("n_services", [1, 1_000, 100_000, MOST_SERVICES])
def test_keys_of_all_rows_at_once_fit(n_services: int) -> None:
    bits = max(1, (n_services - 1).bit_length())
    assert (rows_at_once(n_services) - 1) << (32 + bits) < 2**63 - (1 << (31 + bits))


def test_too_many_services_are_refused() -> None:
    with pytest.raises(ModelError, match="more than the"):
        rows_at_once(MOST_SERVICES + 1)
