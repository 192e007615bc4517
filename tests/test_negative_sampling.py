from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from ml.dataset import BoolArray
from ml.negative_sampling import NegativeSampler

owned_matrices = arrays.arrays(
    np.bool_, st.tuples(st.integers(1, 8), st.integers(1, 12)), elements=st.booleans()
)


@given(owned=owned_matrices, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_no_draw_hits_what_a_client_has(owned: BoolArray, seed: int) -> None:
    sampler = NegativeSampler(sparse.csr_matrix(owned.astype(np.float32)))
    assert sampler.can_draw.tolist() == (~owned.all(axis=1)).tolist()
    clients = np.repeat(np.flatnonzero(sampler.can_draw), 5).astype(np.int32)
    drawn = sampler.draw(clients, np.random.default_rng(seed))
    assert ((drawn >= 0) & (drawn < owned.shape[1])).all()
    assert not owned[clients, drawn].any()


def test_unsorted_rows_and_stored_zeros_are_known_too() -> None:
    owned = sparse.csr_matrix(
        (np.array([1.0, 0.0], np.float32), np.array([2, 0]), np.array([0, 2])), shape=(1, 4)
    )
    drawn = NegativeSampler(owned).draw(np.zeros(100, np.int32), np.random.default_rng(0))
    assert set(drawn.tolist()) == {1, 3}


def test_draws_are_uniform() -> None:
    owned = np.zeros((2, 10), dtype=np.float32)
    owned[0, [0, 1, 5]] = 1.0
    owned[1, 9] = 1.0
    sampler = NegativeSampler(sparse.csr_matrix(owned))
    drawn = sampler.draw(np.zeros(70_000, np.int32), np.random.default_rng(1))
    counts = np.bincount(drawn, minlength=10)
    assert (counts[owned[0] > 0] == 0).all()
    # Ten thousand each; three times the standard deviation is about 280.
    assert (abs(counts[owned[0] == 0] - 10_000) < 400).all()
