"""Which clients an epoch visits: everybody, or in turn those within a budget of samples.

At a million clients an epoch over everybody is longer than learning takes. With a budget, the
clients are shuffled and cut into parts of about equal numbers of owned pairs; an epoch visits
one part, and when all have had their turn, the clients are shuffled anew.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ml.dataset import IntArray
from ml.models.base import Arrays
from ml.models.generators import set_state, state_of


class Visits:
    """Takes turns over the clients who own something.

    Parameters
    ----------
    counts : ndarray of int, (n_clients,)
        Owned pairs of each client.
    sample_budget : int or None
        Most pairs that all epochs together visit; None for everybody in every epoch. An epoch
        visits one client at least, however small the budget.
    epochs : int
        Among which the budget is shared out.
    rng : numpy.random.Generator
        Of the order; not drawn from without a budget, or with one that is no limit.

    Attributes
    ----------
    parts : int
        Epochs that it takes to visit everybody once.

    Examples
    --------
    >>> visits = Visits(np.array([2, 0, 2, 2]), 8, 4, np.random.default_rng(0))
    >>> visits.parts
    3
    >>> sorted(int(client) for _ in range(3) for client in visits.part())
    [0, 2, 3]
    """

    def __init__(
        self,
        counts: npt.NDArray[np.integer],
        sample_budget: int | None,
        epochs: int,
        rng: np.random.Generator,
    ) -> None:
        self._counts = counts
        self._rng = rng
        self._done = 0
        self._order: IntArray = np.zeros(0, dtype=np.int32)
        total = int(counts.sum())
        share = total if sample_budget is None else max(1, sample_budget // epochs)
        present = int(np.count_nonzero(counts))
        self.parts = max(1, min(math.ceil(total / share) if share else 1, present))

    def part(self) -> IntArray | None:
        """Clients of the next epoch in the order of their visit; None for everybody.

        Returns
        -------
        ndarray of int32, (n,), or None
        """
        if self.parts == 1:
            return None
        turn = self._done % self.parts
        if turn == 0:
            self._order = self._rng.permutation(np.flatnonzero(self._counts).astype(np.int32))
        self._done += 1
        # A client belongs to the part in which the middle of its pairs lies.
        pairs = self._counts[self._order].astype(np.int64)
        middles = np.cumsum(pairs) - pairs / 2
        share = float(pairs.sum()) / self.parts
        chosen: IntArray = self._order[(middles // share).astype(np.int64) == turn]
        return chosen

    def state(self) -> Arrays:
        """Whose turn it is, and what decides the next orders."""
        return {
            "done": np.array(self._done),
            "order": self._order,
            "generator": state_of(self._rng),
        }

    def set_state(self, arrays: Arrays) -> None:
        """Go on with another one's turns."""
        self._done = int(arrays["done"])
        self._order = arrays["order"]
        set_state(self._rng, arrays["generator"])
