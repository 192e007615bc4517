from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from ml.adjustment import (
    DAYS,
    EVER,
    Adjusted,
    Adjustment,
    choose_adjustment,
    scorer,
)
from ml.dataset import FloatArray, Fold, IntArray
from ml.enough import LEAST_LABELLED
from ml.models.adoption import log_adoption_rate
from ml.models.ease import Ease
from ml.models.settings import EaseSettings
from tests.evaluation.folds import ranking_fold


class Table:
    """Scores from a table."""

    def __init__(self, scores: FloatArray) -> None:
        self.scores = scores

    def score(self, clients: IntArray) -> FloatArray:
        return self.scores[clients].copy()


def looked_at(fold: Fold, interests: FloatArray | None) -> Fold:
    return replace(fold, interests=None if interests is None else sparse.csr_matrix(interests))


@pytest.fixture
def world() -> tuple[Table, Fold]:
    """Forty clients, ten services; each takes one that random scores know nothing of."""
    generator = np.random.default_rng(0)
    labels = np.zeros((40, 10), dtype=bool)
    labels[np.arange(40), generator.integers(1, 10, 40)] = True
    return Table(generator.normal(size=(40, 10)).astype(np.float32)), ranking_fold(labels)


def test_interest_is_added_by_client_and_service() -> None:
    fold = looked_at(
        ranking_fold(np.eye(3, dtype=bool)), np.array([[0, 2, 0], [0, 0, 0], [1, 0, 3]], np.float32)
    )
    model = Table(np.ones((3, 3), dtype=np.float32))
    adjusted = Adjusted.of(model, fold, Adjustment(interest_weight=0.5))
    found = adjusted.score(np.array([2, 0], dtype=np.int32))
    assert found.tolist() == [[1.5, 1.0, 2.5], [1.0, 2.0, 1.0]]
    assert found.dtype == np.float32
    assert (model.scores == 1).all()


def test_what_sells_now_is_added_by_service(turning: tuple[Table, Fold]) -> None:
    model, fold = turning
    adjustment = Adjustment(adoption_weight=2.0, adoption_days=7.0)
    everybody = np.arange(fold.n_clients, dtype=np.int32)
    expected = model.scores + 2 * log_adoption_rate(fold, 7.0)
    found = scorer(model, fold, adjustment)(everybody)
    assert found == pytest.approx(expected, abs=1e-6)
    assert str(adjustment).startswith("what sold in the last 7 days counts")


def test_without_a_weight_the_model_itself_scores(world: tuple[Table, Fold]) -> None:
    model, fold = world
    assert scorer(model, fold, Adjustment()) == model.score
    nothing_known = Adjusted.of(model, fold, Adjustment(interest_weight=1.0))
    assert np.array_equal(nothing_known.score(np.arange(40, dtype=np.int32)), model.scores)
    assert not str(Adjustment())


@pytest.mark.parametrize("interests", [None, np.zeros((40, 10), np.float32)])
def test_no_interest_has_no_weight(world: tuple[Table, Fold], interests: FloatArray | None) -> None:
    model, fold = world
    assert choose_adjustment(model, looked_at(fold, interests), 16) == Adjustment()


def test_nobody_with_a_label_leaves_nothing_to_choose_by(world: tuple[Table, Fold]) -> None:
    model, fold = world
    none = replace(fold, labels=sparse.csr_matrix(fold.labels.shape, dtype=np.float32))
    assert choose_adjustment(model, none, 16) == Adjustment()


def test_interest_that_tells_is_weighed_and_noise_is_not(world: tuple[Table, Fold]) -> None:
    model, fold = world
    labels = fold.labels.toarray()
    telling = looked_at(fold, labels.astype(np.float32))
    chosen = choose_adjustment(model, telling, 16)
    assert chosen.interest_weight > 0
    ranks = Adjusted.of(model, telling, chosen).score(np.arange(40, dtype=np.int32))
    assert (ranks.argmax(axis=1) == labels.argmax(axis=1)).mean() > 0.9
    # A model that already knows gains nothing from what clients looked at in vain.
    knowing = Table((labels * 5 + model.scores * 0.01).astype(np.float32))
    misleading = looked_at(fold, (labels == 0).astype(np.float32))
    assert choose_adjustment(knowing, misleading, 16) == Adjustment()


@pytest.fixture
def turning() -> tuple[Table, Fold]:
    """A market that turns over fast: who takes something takes what came up in the last days.

    Ten services were taken up months ago by most, ten within the last ten days by a few.
    """
    generator = np.random.default_rng(1)
    n_clients, n_services = 300, 20
    is_new = np.arange(n_services) >= 10
    owned = generator.random((n_clients, n_services)) < np.where(is_new, 0.1, 0.6)
    ages = np.where(is_new, generator.uniform(1, 10, owned.shape), 100.0) * owned
    labels = (generator.random(owned.shape) < np.where(is_new, 0.3, 0.02)) & ~owned
    fold = replace(
        ranking_fold(labels),
        interactions=sparse.csr_matrix(owned.astype(np.float32)),
        adoption_age=sparse.csr_matrix(ages.astype(np.float32)),
    )
    return Table(generator.normal(size=owned.shape).astype(np.float32)), fold


def test_a_fast_market_is_read_from_its_last_days(turning: tuple[Table, Fold]) -> None:
    model, fold = turning
    chosen = choose_adjustment(model, fold, 64)
    assert chosen.adoption_days in DAYS
    assert chosen.adoption_days < 100
    assert chosen.adoption_share > 0.5
    best = scorer(model, fold, chosen)(np.arange(300, dtype=np.int32)).argmax(axis=1)
    assert (best >= 10).mean() > 0.95


def test_what_gains_no_more_than_chance_is_left_out(turning: tuple[Table, Fold]) -> None:
    model, fold = turning
    knowing = Table((fold.labels.toarray() * 5 + model.scores * 0.01).astype(np.float32))
    assert choose_adjustment(knowing, fold, 64) == Adjustment()
    # Blocks change nothing.
    assert choose_adjustment(model, fold, 7) == choose_adjustment(model, fold, 64)


def test_too_few_labels_choose_nothing(turning: tuple[Table, Fold]) -> None:
    model, fold = turning
    few = replace(fold, is_measured_client=np.cumsum(np.diff(fold.labels.indptr) > 0) < 30)
    assert len(few.labelled_clients) == LEAST_LABELLED - 1
    assert choose_adjustment(model, few, 64) == Adjustment()


def test_without_adoption_times_popularity_is_what_can_be_added(
    turning: tuple[Table, Fold],
) -> None:
    model, fold = turning
    popular = replace(fold, adoption_age=None, labels=fold.interactions)
    chosen = choose_adjustment(model, replace(popular, ineligible_pairs=fold.labels * 0), 64)
    assert chosen.adoption_days == EVER
    assert str(chosen).startswith("what sold at any time counts for")


def test_the_newest_service_speaks_loudest_where_it_tells() -> None:
    """Everybody takes the partner of what it took up last; what it had before tells nothing."""
    generator = np.random.default_rng(2)
    n_clients, pairs = 400, 10
    owned = np.zeros((n_clients, 2 * pairs))
    ages = np.zeros_like(owned)
    labels = np.zeros_like(owned, dtype=bool)
    for client in range(n_clients):
        some = generator.permutation(pairs)[:4]
        owned[client, some] = 1
        ages[client, some] = [10, 100, 110, 120]
        # Half of the clients have the partners of all: so is it known what goes with what.
        owned[client, some + pairs] = client % 2
        ages[client, some + pairs] = 130 * (client % 2)
        labels[client, some[0] + pairs] = client % 2 == 0
    fold = replace(
        ranking_fold(labels),
        interactions=sparse.csr_matrix(owned.astype(np.float32)),
        ineligible_pairs=sparse.csr_matrix(owned.astype(np.float32)),
        adoption_age=sparse.csr_matrix(ages.astype(np.float32)),
    )
    model = Ease(EaseSettings(regularisation=10.0))
    model.fit(fold)
    chosen = choose_adjustment(model, fold, 64)
    assert chosen.recency_weight > 0
    assert str(chosen).startswith("a client's newest service counts")
    everybody = np.flatnonzero(labels.any(axis=1)).astype(np.int32)
    wanted = labels[everybody].argmax(axis=1)

    def right(adjustment: Adjustment) -> float:
        found = scorer(model, fold, adjustment)(everybody)
        best = np.where(owned[everybody] > 0, -np.inf, found).argmax(axis=1)
        return float((best == wanted).mean())

    assert right(chosen) > 2 * right(Adjustment())
    # The model itself stays as it is, and one that was told how to read is left alone.
    assert model.owned.data.max() == 1
    told = Ease(EaseSettings(regularisation=10.0, recency_weight=3.0))
    told.fit(fold)
    assert not choose_adjustment(told, fold, 64).recency_weight


def test_interest_is_weighed_in_the_spread_of_what_it_is_added_to(
    turning: tuple[Table, Fold],
) -> None:
    """What sells now is many times louder here than the model, and interest still tells more."""
    model, fold = turning
    labels = fold.labels.toarray()
    everybody = np.arange(fold.n_clients, dtype=np.int32)
    telling = looked_at(fold, 0.5 * labels.astype(np.float32))
    chosen = choose_adjustment(model, telling, 16)
    assert chosen.adoption_share > 0.8
    found = Adjusted.of(model, telling, chosen).score(everybody)
    of_labels = np.where(labels > 0, found, -np.inf).max(axis=1)
    others = np.where(labels > 0, -np.inf, found).max(axis=1)
    is_met = labels.any(axis=1)
    assert (of_labels > others)[is_met].mean() > 0.9
