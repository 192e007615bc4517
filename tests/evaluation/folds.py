"""Folds whose scores, masks and labels are given or drawn, for ranking and evaluation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import sparse

from ml.dataset import FloatArray, Fold, IntArray
from ml.ranking import Scorer
from tests.models.folds import make_fold


def ranking_fold(
    labels: npt.ArrayLike,
    is_candidate: npt.ArrayLike | None = None,
    *,
    is_cold: npt.ArrayLike | None = None,
    is_eligible_client: npt.ArrayLike | None = None,
    is_eligible_service: npt.ArrayLike | None = None,
) -> Fold:
    """A fold of which only the labels, who may be offered what, and who is new matter."""
    wanted = np.asarray(labels, dtype=bool)
    allowed = np.ones(wanted.shape, bool) if is_candidate is None else np.asarray(is_candidate)
    warm = np.ones(len(wanted), bool) if is_cold is None else ~np.asarray(is_cold, dtype=bool)
    owned = np.zeros(wanted.shape)
    owned[warm, :1] = 1.0
    fold = make_fold(owned, labels=wanted)
    return replace(
        fold,
        ineligible_pairs=sparse.csr_matrix((~allowed).astype(np.float32)),
        is_eligible_client=_flags(is_eligible_client, len(wanted)),
        is_eligible_service=_flags(is_eligible_service, wanted.shape[1]),
    )


def _flags(given: npt.ArrayLike | None, size: int) -> npt.NDArray[np.bool_]:
    return np.ones(size, bool) if given is None else np.asarray(given, dtype=bool)


def scorer(scores: npt.ArrayLike) -> Scorer:
    """What a model does, from a table of its scores."""
    table = np.asarray(scores, dtype=np.float32)

    def score(clients: IntArray) -> FloatArray:
        return table[clients]

    return score


def everybody(fold: Fold) -> IntArray:
    return np.arange(fold.n_clients, dtype=np.int32)


@dataclass(frozen=True)
class Case:
    """Drawn scores with many ties, masks and labels."""

    scores: FloatArray
    fold: Fold

    @property
    def score(self) -> Scorer:
        return scorer(self.scores)

    @property
    def clients(self) -> IntArray:
        return everybody(self.fold)

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        return self.fold.candidate_mask(self.clients)

    @property
    def labels(self) -> npt.NDArray[np.bool_]:
        """Labels that are candidates."""
        found: npt.NDArray[np.bool_] = (self.fold.labels.toarray() > 0) & self.mask
        return found


TIED = st.sampled_from([-2.5, -1.0, -0.0, 0.0, 0.5, 0.5000001, 3.0])
FREE = st.floats(-1e6, 1e6, width=32)


@st.composite
def cases(draw: st.DrawFn, max_clients: int = 8, max_services: int = 12) -> Case:
    shape = (draw(st.integers(0, max_clients)), draw(st.integers(1, max_services)))
    values: Any = draw(st.sampled_from([TIED, FREE]))
    flags = st.booleans()
    scores = draw(npst.arrays(np.float32, shape, elements=values))
    fold = ranking_fold(
        draw(npst.arrays(bool, shape, elements=flags)),
        draw(npst.arrays(bool, shape, elements=st.sampled_from([True, True, False]))),
        is_cold=draw(npst.arrays(bool, shape[0], elements=flags)),
        is_eligible_client=draw(
            npst.arrays(bool, shape[0], elements=st.sampled_from([True, True, True, False]))
        ),
        is_eligible_service=draw(
            npst.arrays(bool, shape[1], elements=st.sampled_from([True, True, True, False]))
        ),
    )
    return Case(scores, fold)
