"""Coverage, novelty and popularity bias by brute force and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.evaluation import catalogue
from ml.ranking import rank_labels, top_k
from tests.evaluation.folds import Case, cases, everybody, scorer
from tests.models.folds import make_fold


@given(cases(), st.integers(1, 14))
@settings(deadline=None)
def test_coverage_counts_services_in_first_places(case: Case, k: int) -> None:
    ranks = rank_labels(case.score, case.fold, case.clients)
    eligible = case.fold.is_eligible_service.sum()
    lists = ranks.top.services[:, :k]
    found = catalogue.coverage(ranks, k)
    if len(case.clients) == 0 or eligible == 0:
        assert found is None
    else:
        assert found == pytest.approx(len(set(lists[lists >= 0].tolist())) / eligible)


@given(cases(), st.integers(1, 14))
@settings(deadline=None)
def test_lists_by_brute_force(case: Case, k: int) -> None:
    """Service by service, client by client, without a sparse matrix."""
    fold = case.fold
    top = top_k(case.score, fold, case.clients, k)
    owned = fold.interactions.toarray() > 0
    clients = sum(bool(row.any()) for row in owned)
    found_novelty = catalogue.novelty(top, fold, k)
    found_bias = catalogue.popularity_bias(top, fold, k)
    for client in case.clients:
        offers = [int(s) for s in top.services[client] if s >= 0]
        candidates = np.flatnonzero(case.mask[client])
        if not offers:
            assert np.isnan(found_novelty[client]) and np.isnan(found_bias[client])
            continue
        bits = [-np.log2(max(owned[:, s].sum(), 1) / max(clients, 1)) for s in offers]
        assert found_novelty[client] == pytest.approx(np.mean(bits))
        base = np.mean([owned[:, s].sum() for s in candidates])
        if base == 0:
            assert np.isnan(found_bias[client])
        else:
            mean = np.mean([owned[:, s].sum() for s in offers])
            assert found_bias[client] == pytest.approx((mean - base) / base)


def test_by_hand() -> None:
    """Of four clients all have the first service, two the second, one the third, none the last.

    The fifth client has nothing and counts nowhere; it is offered the three that follow.
    """
    owned = [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    fold = make_fold(owned)
    scores = [[4.0, 3.0, 2.0, 1.0]] * 5
    top = top_k(scorer(scores), fold, everybody(fold), 2)
    np.testing.assert_allclose(catalogue.popularity(fold), [1, 1 / 2, 1 / 4, 0])
    # Bits: 0, 1, 2, and 2 for what nobody has. The lists: [4], [3, 4], [2, 3], [2, 3], [1, 2].
    np.testing.assert_allclose(catalogue.novelty(top, fold, 2), [2, 2, 1.5, 1.5, 0.5])
    np.testing.assert_allclose(
        catalogue.popularity_bias(top, fold, 2),
        [np.nan, 0, (3 / 8) / (1 / 4) - 1, (3 / 8) / (1 / 4) - 1, (3 / 4) / (7 / 16) - 1],
    )


def test_what_is_popular_among_nobody() -> None:
    fold = make_fold(np.zeros((2, 3)))
    top = top_k(scorer(np.zeros((2, 3))), fold, everybody(fold), 2)
    assert catalogue.novelty(top, fold, 2).tolist() == [0.0, 0.0]
    assert np.isnan(catalogue.popularity_bias(top, fold, 2)).all()
