"""EASE: the item-to-item model in closed form (Steck, WWW 2019)."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from ml.models.item_to_item import ItemToItem, Solver
from ml.models.settings import EaseSettings

# fmt: off
REGULARISATIONS: Final = (
    20_000.0, 10_000.0, 5000.0, 2000.0, 1000.0, 500.0, 200.0, 100.0, 50.0, 20.0, 10.0,
)
# fmt: on
"""Tried on validation labels, in clients."""

MOST_SERVICES: Final = 8192
"""Beyond it the matrices, all services by all services, would take more than 3 GiB."""


class Ease(ItemToItem):
    """Each owned service speaks for every other one, with weights from one ridge regression.

    ``B = I - P diag(1 / diag(P))`` with ``P = (X'X + λI)^-1`` (Steck 2019, equation 8), regularised
    less and less while that helps.
    """

    name: ClassVar[str] = "ease"
    settings_class = EaseSettings
    axes = ("regularisation",)
    grid = (REGULARISATIONS,)
    usual = (3,)

    def _solver(self, owned: sparse.csr_matrix) -> Solver:
        gram = (owned.T @ owned).toarray().astype(np.float64)
        return lambda values: _solve(gram, *values)


def _solve(gram: npt.NDArray[np.float64], regularisation: float) -> npt.NDArray[np.float64]:
    gram = gram.copy()
    gram[np.diag_indices_from(gram)] += regularisation
    inverse = linalg.cho_solve(
        linalg.cho_factor(gram, lower=True, overwrite_a=True), np.eye(len(gram))
    )
    weights: npt.NDArray[np.float64] = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights
