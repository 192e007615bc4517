"""Selection over wide rows against plain sorting: left-overs, ties, what is excluded."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import _rows
from ml.dataset import FloatArray
from ml.selection import Excluded, rank, take


def drawn(kind: str, n_services: int) -> FloatArray:
    rng = np.random.default_rng(n_services)
    scores = rng.standard_normal((7, n_services)).astype(np.float32)
    if kind == "ties":
        scores = np.round(scores)  # Has zeros of both signs.
    if kind == "all equal":
        scores[:] = 0.1
    if kind == "far from zero":
        scores += 10_000
    return scores


def some_excluded(n_services: int) -> tuple[Excluded, list[set[int]]]:
    """A client who may be offered all, one a few, one nothing, others most; some are told twice."""
    rng = np.random.default_rng(n_services + 1)
    chosen = [rng.integers(0, n_services, max(1, n_services // 3)).tolist() for _ in range(7)]
    chosen[1] = []
    chosen[2] = list(range(3, n_services))
    closed = np.unique(rng.integers(0, n_services, n_services // 10))
    is_shut_out = np.zeros(7, dtype=np.bool_)
    is_shut_out[3] = True
    ends = np.cumsum([len(some) for some in chosen]).astype(np.int64)
    excluded = Excluded(
        ends - np.array([len(some) for some in chosen]),
        ends,
        np.concatenate(chosen).astype(np.int32),
        closed.astype(np.int32),
        is_shut_out,
    )
    out = [{*some, *closed.tolist()} for some in chosen]
    out[3] = set(range(n_services))
    return excluded, out


@pytest.mark.parametrize("kind", ["distinct", "ties", "all equal", "far from zero"])
@pytest.mark.parametrize("n_services", [1, 4, 15, 16, 17, 99, 997, 1024])
@pytest.mark.parametrize("depth", [0, 1, 7, 20])
def test_the_best_are_what_sorting_finds(kind: str, n_services: int, depth: int) -> None:
    scores = drawn(kind, n_services)
    excluded, out = some_excluded(n_services)
    masked = scores.copy()
    found = take(masked, excluded, depth)
    assert found.first_bad == -1
    for i, (row, gone) in enumerate(zip(scores, out, strict=True)):
        candidates = np.array([j for j in range(n_services) if j not in gone], dtype=np.int64)
        assert (np.flatnonzero(masked[i] > -np.inf) == candidates).all()
        assert found.counts[i] == len(candidates)
        order = candidates[np.lexsort((candidates, -row[candidates]))][:depth]
        missing = depth - len(order)
        assert found.services[i].tolist() == [*order.tolist(), *[-1] * missing]
        assert found.values[i].tolist() == [*row[order].tolist(), *[-np.inf] * missing]
        assert not np.signbit(found.values[i][found.values[i] == 0]).any()
        values = row[candidates].astype(np.float64)
        assert found.means[i] == pytest.approx(values.mean() if len(values) else 0.0, abs=1e-12)
        expected = values.std() if len(values) else 0.0
        assert found.deviations[i] == pytest.approx(expected, rel=1e-9, abs=1e-9)
        if kind == "all equal":
            assert found.deviations[i] == 0.0


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("place", [0, 17, 30])
def test_a_score_that_is_no_number_is_found(bad: float, place: int) -> None:
    scores = drawn("distinct", 31)
    scores[4, place] = bad
    excluded, _ = some_excluded(31)
    assert take(scores, excluded, 3).first_bad == 4


@pytest.mark.parametrize("kind", ["distinct", "ties", "all equal"])
@pytest.mark.parametrize("n_services", [1, 2, 63, 64, 65])
def test_rank_counts_who_stands_before(kind: str, n_services: int) -> None:
    scores = drawn(kind, n_services)
    scores[np.random.default_rng(3).random(scores.shape) < 0.3] = -np.inf
    rows, columns = np.nonzero(scores > -np.inf)
    found = rank(scores, rows, columns.astype(np.int32))
    for i, (row, column) in enumerate(zip(rows, columns, strict=True)):
        above = (scores[row] > scores[row, column]).sum()
        equal = scores[row] == scores[row, column]
        assert found.ranks[i] == above + equal[:column].sum() + 1
        assert found.first_ranks[i] == above + 1
        assert found.mid_ranks[i] == above + (equal.sum() + 1) / 2


@given(
    st.integers(1, 70).flatmap(
        lambda n: st.lists(
            st.lists(st.sampled_from([-2.5, -1.0, -0.0, 0.0, 1.0, 7.0]), min_size=n, max_size=n),
            min_size=1,
            max_size=5,
        )
    ),
    st.integers(0, 25),
)
def test_rows_do_not_depend_on_each_other(values: list[list[float]], depth: int) -> None:
    scores = np.array(values, dtype=np.float32)
    count = len(scores)
    nothing = np.zeros(count, dtype=np.int64)
    none = np.empty(0, dtype=np.int32)
    whole = take(
        scores.copy(), Excluded(nothing, nothing, none, none, nothing.astype(np.bool_)), depth
    )
    for i in range(count):
        one = slice(i, i + 1)
        alone = take(
            scores[one].copy(),
            Excluded(nothing[one], nothing[one], none, none, nothing[one].astype(np.bool_)),
            depth,
        )
        assert (alone.services == whole.services[one]).all()
        assert (alone.values == whole.values[one]).all()
        assert (alone.deviations == whole.deviations[one]).all()


def test_what_lies_outside_the_rows_is_refused() -> None:
    scores = np.zeros((1, 3), dtype=np.float32)
    nothing, one = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)
    is_in = np.zeros(1, dtype=np.bool_)
    none = np.empty(0, dtype=np.int32)
    for outside in (3, -1):
        place = np.array([outside], dtype=np.int32)
        with pytest.raises(ValueError, match="no place in a row"):
            take(scores, Excluded(nothing, one, place, none, is_in), 1)
        with pytest.raises(ValueError, match="no place in a row"):
            take(scores, Excluded(nothing, nothing, none, place, is_in), 1)
        with pytest.raises(ValueError, match="no place in the scores"):
            rank(scores, nothing, place)
    with pytest.raises(ValueError, match="no place in a row"):
        take(scores, Excluded(nothing, one, none, none, is_in), 1)
    with pytest.raises(ValueError, match="another size or type"):
        take(scores.astype(np.float64), Excluded(nothing, nothing, none, none, is_in), 1)
    with pytest.raises(ValueError, match="another size or type"):
        _rows.rank(3, scores, nothing, np.empty(0, np.int32), one, one, one)
