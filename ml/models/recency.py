"""What a client took up lately says more about what comes next than what it has had for long.

Histories are read from a moment: serving reads them from the cutoff, training from a random
place in each client's own order of adoptions, so that what is learned is what stands near
what. Distances are counted in adoptions, not in days: clients live at different speeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from ml.dataset import FloatArray, Fold, IntArray
from ml.models.settings import ModelSettings
from ml.parallel import blocks

Integers = npt.NDArray[np.integer]

_LEAST = 0.02


_BLOCK = 65_536


@runtime_checkable
class ReadsOrder(Protocol):
    """A fitted model that can read histories otherwise without being fitted again."""

    def by_recency(self, weight: float, services: float) -> Self | None:
        """The same model, newest services weighted more when it scores; None where it cannot.

        Parameters
        ----------
        weight, services : float
            As in ``recency_weights``.
        """
        ...


@dataclass(frozen=True)
class AdoptionOrder:
    """Each client's services in the order in which it took them up.

    Parameters
    ----------
    positions : ndarray of int32, (nnz,)
        Of each stored pair of ``fold.interactions`` (indices sorted): 0 = the client's first
        adoption; those of one moment in order of service index.
    counts : ndarray of int32, (n_clients,)
    """

    positions: IntArray
    counts: IntArray

    @classmethod
    def of(cls, fold: Fold) -> AdoptionOrder | None:
        """Read from a fold; None where adoption ages are not known.

        Parameters
        ----------
        fold : Fold

        Returns
        -------
        AdoptionOrder or None
        """
        if fold.adoption_age is None:
            return None
        ages = fold.adoption_age.sorted_indices()
        positions = np.empty(ages.nnz, dtype=np.int32)
        # By blocks of clients: sorting takes several times the memory of what is sorted.
        for rows in blocks(fold.n_clients, _BLOCK):
            starts = ages.indptr[rows.start : rows.stop + 1]
            own = slice(starts[0], starts[-1])
            counts = np.diff(starts)
            clients = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
            oldest_first = np.lexsort((ages.indices[own], -ages.data[own], clients))
            firsts = np.repeat(starts[:-1] - starts[0], counts)
            positions[own][oldest_first] = np.arange(len(clients)) - firsts
        return cls(positions, np.diff(ages.indptr).astype(np.int32))

    def from_cutoff(self) -> IntArray:
        """Adoptions that came after each one, (nnz,): 0 is the newest."""
        distances: IntArray = np.repeat(self.counts, self.counts) - 1 - self.positions
        return distances

    def from_random_moment(self, rng: np.random.Generator) -> IntArray:
        """Distances of all from moments drawn for their clients; see ``random_distances``."""
        return random_distances(self.positions, self.counts, rng)


def random_distances(
    positions: IntArray, counts: npt.NDArray[np.integer], rng: np.random.Generator
) -> IntArray:
    """Adoptions between each one and a moment drawn for its client, on either side.

    Parameters
    ----------
    positions : ndarray of int32, (nnz,)
        As in :class:`AdoptionOrder`, client by client.
    counts : ndarray of int, (n,)
        Of each client.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int32, (nnz,)
    """
    choices = np.maximum(counts - 1, 1)
    moments = 1 + (rng.random(len(choices)) * choices).astype(np.int32)
    steps = positions - np.repeat(moments, counts)
    distances: IntArray = np.where(steps < 0, -1 - steps, steps)
    return distances


def recency_weights(distances: Integers, weight: float, services: float) -> FloatArray:
    """Weights of adoptions in a history: ``1 + weight * exp(-distance / services)``.

    Parameters
    ----------
    distances : ndarray of int, (nnz,)
        In adoptions.
    weight : float
        How much more the newest says than an old one.
    services : float
        Distance after which that has fallen to 1/e.

    Returns
    -------
    ndarray of float32, (nnz,)

    Examples
    --------
    >>> [round(float(weight), 2) for weight in recency_weights(np.array([0, 5]), 20.0, 5.0)]
    [21.0, 8.36]
    """
    weights: FloatArray = (1.0 + weight * np.exp(-distances / services)).astype(np.float32)
    return weights


def reach_weights(distances: Integers, services: float) -> FloatArray:
    """Weights of adoptions to be learned: ``exp(-distance / services)``.

    Those that would weigh under 2% get 0, so that nothing is spent on them.

    Parameters
    ----------
    distances : ndarray of int, (nnz,)
    services : float

    Returns
    -------
    ndarray of float32, (nnz,)
    """
    weights = np.exp(-distances / services).astype(np.float32)
    weights[weights < _LEAST] = 0.0
    return weights


def without_order(settings: ModelSettings) -> ModelSettings:
    """Settings with which a model does not read the order of adoptions.

    What would have no effect then is put to its default, so that settings that come to the same
    are equal. Settings that read no order come back as they are.

    Parameters
    ----------
    settings : ModelSettings
        Of any model.

    Returns
    -------
    ModelSettings
    """
    fields = type(settings).model_fields
    # LightFM reads the order only where it reads recent services at all.
    switch = "recent_services" if "recent_services" in fields else "recency_weight"
    if not getattr(settings, switch, 0):
        return settings
    idle = {"recency_weight", "recency_services", "reach_services"} & fields.keys()
    defaults = {name: fields[name].default for name in idle}
    off = type(getattr(settings, switch))(0)
    return settings.model_copy(update={**defaults, switch: off})
