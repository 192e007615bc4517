"""The generated world is what it says: exact counts, no repetition, a truth that holds."""

from __future__ import annotations

import numpy as np
import pytest

from ml.benchmark.folds import plain_fold, random_split
from ml.benchmark.generated import Size, generate
from ml.evaluation.protocol import EpochEvaluator

SIZE = Size(300, 200, 6_000)


def everyone(size: Size) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.arange(size.clients, dtype=np.int32)


def test_the_number_of_records_is_exact_and_no_pair_occurs_twice() -> None:
    records = generate(SIZE, seed=3).records
    assert records.shape == (SIZE.clients, SIZE.services)
    assert records.nnz == SIZE.records
    for row in range(SIZE.clients):
        services = records.indices[records.indptr[row] : records.indptr[row + 1]]
        assert len(set(services.tolist())) == len(services)
    assert set(records.data.tolist()) == {1.0}


def test_the_same_seed_draws_the_same_world_and_another_one_another() -> None:
    one, same, other = (generate(SIZE, seed).records for seed in (3, 3, 4))
    assert np.array_equal(one.indices, same.indices)
    assert np.array_equal(one.indptr, same.indptr)
    assert not np.array_equal(one.indices, other.indices)


def test_blocks_of_clients_share_one_truth() -> None:
    """More clients than a block holds: every one has the records that were shared out."""
    size = Size(2_300, 50, 20_000)
    world = generate(size, seed=1)
    assert world.records.nnz == size.records
    assert np.diff(world.records.indptr).max() <= 0.8 * size.services


@pytest.mark.parametrize("records", [0, 300 * 160 + 1])
def test_a_number_that_cannot_be_drawn_is_refused(records: int) -> None:
    with pytest.raises(ValueError, match="can be drawn"):
        generate(Size(300, 200, records), seed=0)


def test_as_many_as_can_be_drawn_are_drawn() -> None:
    assert generate(Size(30, 20, 30 * 16), seed=0).records.nnz == 30 * 16


def test_the_stated_probability_is_the_share_that_happens() -> None:
    """Over many worlds with one truth, pairs come up as often as stated."""
    size = Size(40, 60, 480)
    first = generate(size, seed=11)
    expected = first.probability(everyone(size))
    assert np.allclose(expected.sum(axis=1), np.diff(first.records.indptr))
    rng = np.random.default_rng(0)
    rate = np.exp(first.score(everyone(size)).astype(np.float64))
    counts = np.diff(first.records.indptr)
    happened = np.zeros(expected.shape)
    draws = 2_000
    for _ in range(draws):
        rings = rng.exponential(size=rate.shape) / rate
        for row, n in enumerate(counts):
            happened[row, np.argsort(rings[row])[:n]] += 1
    share = happened / draws
    for low, high in ((0, 0.02), (0.02, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 1)):
        inside = (expected >= low) & (expected < high)
        assert inside.sum() > 20
        assert share[inside].mean() == pytest.approx(expected[inside].mean(), rel=0.06, abs=0.002)


def test_no_scorer_beats_the_truth_and_its_auc_is_realistic() -> None:
    size = Size(1_000, 1_000, 100_000)
    world = generate(size, seed=5)
    known, labels = random_split(world.records, 0.2, np.random.default_rng(5))
    measure = EpochEvaluator(plain_fold(known, labels))
    best = measure(world).auc
    assert 0.90 < best < 0.95
    rng = np.random.default_rng(6)

    class Blurred:
        def score(self, clients: np.ndarray[tuple[int], np.dtype[np.int32]]) -> object:
            scores = world.score(clients)
            return scores + rng.standard_normal(scores.shape, dtype=np.float32)

    class PopularityOnly:
        def score(self, clients: np.ndarray[tuple[int], np.dtype[np.int32]]) -> object:
            return np.repeat(world.popularity[None, :], len(clients), axis=0)

    assert measure(Blurred()).auc < best  # type: ignore[arg-type]
    assert measure(PopularityOnly()).auc < best - 0.1  # type: ignore[arg-type]


def test_a_split_keeps_every_record_once() -> None:
    records = generate(SIZE, seed=3).records
    known, labels = random_split(records, 0.2, np.random.default_rng(1))
    assert labels.nnz == round(0.2 * SIZE.records)
    assert not known.multiply(labels).nnz
    assert (abs(known + labels - records)).nnz == 0
    fold = plain_fold(known, labels)
    clients = everyone(SIZE)
    mask = fold.candidate_mask(clients)
    assert not mask[known.toarray() > 0].any()
    assert mask[labels.toarray() > 0].all()
