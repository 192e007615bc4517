from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from ml.reasons import NO_REASON, strongest_owned


@given(st.integers(0, 10_000), st.integers(1, 7))
def test_equals_the_plain_loop(seed: int, block_size: int) -> None:
    generator = np.random.default_rng(seed)
    n, m, k = 6, 9, 4
    owned = sparse.csr_matrix(
        (generator.random((n, m)) < 0.3) * generator.random((n, m)), dtype=np.float32
    )
    association = generator.normal(size=(m, m)).astype(np.float32)
    offers = generator.integers(-1, m, size=(n, k)).astype(np.int32)
    found = strongest_owned(
        association, owned, np.arange(n, dtype=np.int32), offers, block_size=block_size
    )
    dense = owned.toarray()
    for row in range(n):
        for place in range(k):
            offer = offers[row, place]
            parts = dense[row] * association[:, offer]
            expected = NO_REASON
            if offer >= 0 and parts.max() > 0:
                expected = int(parts.argmax())
            assert found[row, place] == expected


def test_nobody_owns_anything() -> None:
    nothing = sparse.csr_matrix((2, 3), dtype=np.float32)
    offers = np.zeros((2, 2), dtype=np.int32)
    association = np.ones((3, 3), dtype=np.float32)
    found = strongest_owned(association, nothing, np.arange(2, dtype=np.int32), offers)
    assert (found == NO_REASON).all()


def test_no_clients() -> None:
    nothing = sparse.csr_matrix((2, 3), dtype=np.float32)
    found = strongest_owned(
        np.ones((3, 3), dtype=np.float32),
        nothing,
        np.empty(0, dtype=np.int32),
        np.empty((0, 5), dtype=np.int32),
    )
    assert found.shape == (0, 5)
