"""What is said where there is too little to choose on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from ml.enough import LEAST_LABELLED, too_little
from tests.evaluation.folds import ranking_fold


@pytest.mark.parametrize(
    ("labelled", "words"),
    [
        (0, "0 of 50 clients took something new"),
        (LEAST_LABELLED - 1, f"{LEAST_LABELLED - 1} of 50 clients took something new"),
        (LEAST_LABELLED, ""),
    ],
)
def test_the_cause_is_named(labelled: int, words: str) -> None:
    fold = ranking_fold(np.arange(50)[:, None] * np.ones(4) < labelled)
    found = too_little(fold)
    assert words in found
    assert bool(found) == bool(words)
    if found:
        wanted = (
            f"in the 30 days of validation from 2024-05-01, at least {LEAST_LABELLED} are wanted"
        )
        assert found.endswith(wanted)


def test_a_history_that_begins_too_late_is_the_cause() -> None:
    fold = ranking_fold(np.zeros((3, 4)))
    empty = sparse.csr_matrix(fold.interactions.shape, dtype=np.float32)
    told = too_little(replace(fold, interactions=empty))
    assert told == "the data know no sale before 2024-05-01, where validation begins"
