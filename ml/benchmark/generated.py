"""Clients with latent tastes, services with popularity: data whose truth is known.

Client i takes service j up at the rate

    ``w_ij = exp(strength * <u_i, v_j> / sqrt(tastes) + popularity_spread * b_j)``

with standard normal ``u_i``, ``v_j`` and ``b_j``: independent exponential clocks, of which
client i's first ``n_i`` to ring are its records. So a pair occurs once at most, the number of
records is exact, and the chance that a pair is among them is

    ``p_ij = 1 - exp(-w_ij t_i)``, with ``t_i`` such that ``sum_j p_ij = n_i``

(exact given the time of a client's last ring, around which ``t_i`` lies). Records are held out
at random, so what a client lacks in training is held out the more likely the larger ``p_ij``:
no ranking can have a higher expected AUC than that by ``p_ij``. A model must find ``w_ij`` from
the records alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ml.dataset import FloatArray, IntArray
from ml.parallel import blocks

STRENGTH: Final = 2.0
POPULARITY_SPREAD: Final = 1.0
ACTIVITY_SPREAD: Final = 0.5
TASTES: Final = 8
_BLOCK: Final = 1000
_MOST_OF_A_CLIENT: Final = 0.8
_ROOT_STEPS: Final = 60

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """How large a world is: clients × services × records."""

    clients: int
    services: int
    records: int

    def __str__(self) -> str:
        return f"{self.clients:,}×{self.services:,}×{self.records:,}"


@dataclass(frozen=True)
class World:
    """Generated records and the truth behind them.

    Parameters
    ----------
    records : csr_matrix, float32 ones, (n_clients, n_services)
    clients : ndarray of float32, (n_clients, tastes)
    services : ndarray of float32, (n_services, tastes)
        With ``clients``, scaled so that the product is the taste's part of ``ln w``.
    popularity : ndarray of float32, (n_services,)
        The other part of ``ln w``.
    """

    records: sparse.csr_matrix
    clients: FloatArray
    services: FloatArray
    popularity: FloatArray

    def score(self, clients: IntArray) -> FloatArray:
        """``ln w``: orders each client's services as the true probability does, (n, n_services)."""
        scores: FloatArray = self.clients[clients] @ self.services.T + self.popularity
        return scores

    def probability(self, clients: IntArray) -> Floats:
        """Chance that each pair is among the records, before any was held out.

        Parameters
        ----------
        clients : ndarray of int32, (n,)

        Returns
        -------
        ndarray of float64, (n, n_services)
            Each row sums to the client's number of records.
        """
        log_rate = self.score(clients).astype(np.float64)
        wanted = np.diff(self.records.indptr)[clients].astype(np.float64)
        low, high = np.full(len(clients), -100.0), np.full(len(clients), 100.0)
        # Bisection on ln t: the expected number of records grows with it.
        for _ in range(_ROOT_STEPS):
            middle = (low + high) / 2
            expected = _rung(log_rate, middle).sum(axis=1)
            low, high = (
                np.where(expected < wanted, middle, low),
                np.where(expected < wanted, high, middle),
            )
        return _rung(log_rate, (low + high) / 2)


def _rung(log_rate: Floats, log_time: Floats) -> Floats:
    chance: Floats = -np.expm1(-np.exp(log_rate + log_time[:, None]))
    return chance


def generate(
    size: Size,
    seed: int,
    *,
    strength: float = STRENGTH,
    popularity_spread: float = POPULARITY_SPREAD,
    activity_spread: float = ACTIVITY_SPREAD,
    tastes: int = TASTES,
) -> World:
    """Draw a world; the same arguments give the same records.

    Parameters
    ----------
    size : Size
        At most 80% of each client's services can be records.
    seed : int
    strength : float
        Standard deviation of the taste's part of ``ln w``. 0: nothing but popularity.
    popularity_spread : float
        Standard deviation of the services' part of ``ln w``.
    activity_spread : float
        Standard deviation of the log of the clients' numbers of records.
    tastes : int
        Number of latent dimensions.

    Returns
    -------
    World
    """
    rng = np.random.default_rng(seed)
    clients = rng.standard_normal((size.clients, tastes), dtype=np.float32)
    services = rng.standard_normal((size.services, tastes), dtype=np.float32)
    services *= np.float32(strength / np.sqrt(tastes))
    popularity = rng.standard_normal(size.services, dtype=np.float32)
    popularity *= np.float32(popularity_spread)
    counts = _share_out(size, np.exp(activity_spread * rng.standard_normal(size.clients)))
    indices = []
    for block in blocks(size.clients, _BLOCK):
        log_rate = clients[block] @ services.T + popularity
        rings = rng.standard_exponential(log_rate.shape, dtype=np.float32) / np.exp(log_rate)
        indices += _earliest(rings, counts[block])
    ends = np.concatenate([[0], np.cumsum(counts)])
    records = sparse.csr_matrix(
        (np.ones(ends[-1], dtype=np.float32), np.concatenate(indices), ends),
        shape=(size.clients, size.services),
    )
    return World(records, clients, services, popularity)


def _earliest(rings: FloatArray, counts: npt.NDArray[np.int64]) -> list[IntArray]:
    """Each row's services whose clocks ring first, by index."""
    order = rings.argsort(axis=1)
    return [np.sort(row[:n]).astype(np.int32) for row, n in zip(order, counts, strict=True)]


def _share_out(size: Size, activity: Floats) -> npt.NDArray[np.int64]:
    """Whole numbers of records per client, in proportion to activity, that sum to the size's."""
    most = int(_MOST_OF_A_CLIENT * size.services)
    if not 0 < size.records <= most * size.clients:
        raise ValueError(f"{size}: between 1 and {most * size.clients:,} records can be drawn")
    counts = np.zeros(size.clients, dtype=np.int64)
    left = size.records
    # What a full client cannot take goes to the others, in proportion again.
    while left:
        room = most - counts
        weights = np.where(room > 0, activity, 0.0)
        shares = left * weights / weights.sum()
        given = np.minimum(np.floor(shares).astype(np.int64), room)
        if not given.any():
            first = np.argsort(-np.where(room > 0, shares, -1.0), kind="stable")[:left]
            given[first] = 1
        counts += given
        left -= int(given.sum())
    return counts
