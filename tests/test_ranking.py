"""Top-k and ranks of labels against the obvious way to compute them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ml.errors import ModelError
from ml.ranking import LabelRanks, TopK, iter_top_k, rank_labels, top_k
from ml.selection import float_order
from tests.evaluation.folds import Case, cases, everybody, ranking_fold, scorer


def best_first(case: Case, client: int) -> npt.NDArray[np.int64]:
    """Candidates of a client, by score from high to low, ties by index."""
    candidates = np.flatnonzero(case.mask[client])
    return candidates[np.lexsort((candidates, -case.scores[client, candidates]))]


def assert_equal(first: object, second: object) -> None:
    """All arrays of two results are equal, in value and type."""
    for name, value in vars(first).items():
        other = getattr(second, name)
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, other)
            assert value.dtype == other.dtype, name
        elif hasattr(value, "__dict__"):
            assert_equal(value, other)
        else:
            assert value == other


@given(cases(), st.integers(0, 15))
@settings(deadline=None)
def test_top_k_sorts_candidates_by_score_then_index(case: Case, k: int) -> None:
    found = top_k(case.score, case.fold, case.clients, k)
    assert found.services.shape == found.scores.shape == (len(case.clients), k)
    assert found.services.dtype == np.int32 and found.scores.dtype == np.float32
    for client in case.clients:
        expected = best_first(case, client)[:k]
        n = len(expected)
        assert found.services[client, :n].tolist() == expected.tolist()
        assert found.scores[client, :n].tolist() == case.scores[client, expected].tolist()
        assert (found.services[client, n:] == -1).all()
        assert np.isneginf(found.scores[client, n:]).all()


@given(cases(), st.integers(1, 15))
@settings(deadline=None)
def test_spread_and_first_ranks_of_the_best(case: Case, k: int) -> None:
    found = top_k(case.score, case.fold, case.clients, k)
    for client in case.clients:
        scores = case.scores[client, case.mask[client]]
        assert found.spread.counts[client] == len(scores)
        size = float(np.abs(scores).max(initial=1.0))
        assert found.spread.means[client] == pytest.approx(
            scores.mean(dtype=np.float64) if len(scores) else 0.0, abs=1e-6 * size
        )
        assert found.spread.deviations[client] == pytest.approx(
            scores.std(dtype=np.float64) if len(scores) else 0.0, abs=1e-6 * size
        )
        ranks = np.sort(stats.rankdata(-scores, method="min"))[:k]
        assert found.first_ranks[client, : len(ranks)].tolist() == ranks.tolist()


@given(cases())
@settings(deadline=None)
def test_labels_are_ranked_among_candidates(case: Case) -> None:
    found = rank_labels(case.score, case.fold, case.clients, keep_scores=True)
    np.testing.assert_array_equal(found.candidate_counts, case.mask.sum(axis=1))
    np.testing.assert_array_equal(found.positive_counts, case.labels.sum(axis=1))
    assert found.eligible_service_count == case.fold.is_eligible_service.sum()
    pair = 0
    for client in case.clients:
        order = best_first(case, client)
        mid = stats.rankdata(-case.scores[client, order], method="average")
        first = stats.rankdata(-case.scores[client, order], method="min")
        for place in np.flatnonzero(case.labels[client, order]):
            assert found.positions[pair] == client
            assert found.services[pair] == order[place]
            assert found.scores[pair] == case.scores[client, order[place]]
            assert found.ranks[pair] == place + 1
            assert found.mid_ranks[pair] == mid[place]
            assert found.first_ranks[pair] == first[place]
            pair += 1
    assert pair == len(found.ranks)
    expected = [case.scores[c, best_first(case, c)] for c in case.clients]
    np.testing.assert_array_equal(found.candidate_scores, np.concatenate([np.empty(0), *expected]))
    assert_equal(found.top, top_k(case.score, case.fold, case.clients, 20))


@given(cases(), st.integers(1, 9))
@settings(deadline=None)
def test_results_do_not_depend_on_block_size(case: Case, block_size: int) -> None:
    score, fold, clients = case.score, case.fold, case.clients
    assert_equal(top_k(score, fold, clients, 3, block_size), top_k(score, fold, clients, 3))
    assert_equal(
        rank_labels(score, fold, clients, block_size, keep_scores=True),
        rank_labels(score, fold, clients, keep_scores=True),
    )


def large_case() -> Case:
    """More clients than fit one chunk of keys, scores from a few values only."""
    generator = np.random.default_rng(3)
    shape = (333, 50)
    fold = ranking_fold(
        generator.random(shape) < 0.1,
        generator.random(shape) < 0.8,
        is_eligible_client=generator.random(shape[0]) < 0.9,
        is_eligible_service=generator.random(shape[1]) < 0.9,
    )
    return Case(generator.integers(-3, 3, shape).astype(np.float32), fold)


@pytest.mark.parametrize("block_size", [1, 63, 64, 65, 200, 1024])
def test_many_clients_rank_alike_in_all_blocks(block_size: int) -> None:
    case = large_case()
    found = rank_labels(case.score, case.fold, case.clients, block_size, keep_scores=True)
    whole = rank_labels(case.score, case.fold, case.clients, 10_000, keep_scores=True)
    assert_equal(found, whole)
    for client in (0, 63, 64, 300, 332):
        expected = best_first(case, client)[:20].tolist()
        assert [s for s in found.top.services[client].tolist() if s >= 0] == expected


def test_blocks_come_one_by_one() -> None:
    case = large_case()
    blocks = list(iter_top_k(case.score, case.fold, case.clients, 5, block_size=100))
    assert [len(block.clients) for block in blocks] == [100, 100, 100, 33]
    np.testing.assert_array_equal(
        np.concatenate([block.services for block in blocks]),
        top_k(case.score, case.fold, case.clients, 5).services,
    )


def test_only_the_clients_asked_for_are_scored() -> None:
    case = large_case()
    chosen = np.array([300, 7, 7], dtype=np.int32)
    found = top_k(case.score, case.fold, chosen, 4)
    whole = top_k(case.score, case.fold, case.clients, 4)
    np.testing.assert_array_equal(found.clients, chosen)
    np.testing.assert_array_equal(found.services, whole.services[chosen])


def test_nothing_to_rank() -> None:
    fold = ranking_fold(np.zeros((0, 4)))
    found: TopK = top_k(scorer(np.zeros((0, 4))), fold, everybody(fold), 3)
    assert found.services.shape == (0, 3)
    ranks: LabelRanks = rank_labels(scorer(np.zeros((0, 4))), fold, everybody(fold))
    assert len(ranks.ranks) == len(ranks.candidate_counts) == len(ranks.top.clients) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_no_numbers_are_refused(bad: float) -> None:
    scores = np.zeros((3, 2))
    scores[1, 1] = bad
    fold = ranking_fold(np.ones((3, 2)))
    with pytest.raises(ModelError, match="client_idx 1 "):
        top_k(scorer(scores), fold, everybody(fold), 1)


def test_scores_of_another_shape_are_refused() -> None:
    fold = ranking_fold(np.ones((3, 2)))
    with pytest.raises(ModelError, match=r"\(3, 5\), expected \(3, 2\)"):
        top_k(scorer(np.zeros((3, 5))), fold, everybody(fold), 1)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=2))
def test_float_order_keeps_the_order(values: list[float]) -> None:
    floats = np.array(values, dtype=np.float32) + np.float32(0)
    order = float_order(floats)
    np.testing.assert_array_equal(
        np.argsort(order, kind="stable"), np.argsort(floats, kind="stable")
    )
    np.testing.assert_array_equal(float_order(order.view(np.float32)).view(np.float32), floats)
