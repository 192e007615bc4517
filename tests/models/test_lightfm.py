from __future__ import annotations

import numpy as np

from ml.models.lightfm import LightFM
from ml.models.lightfm_settings import LightFMSettings
from ml.models.lightfm_training import Training
from ml.models.visits import Visits
from tests.models.folds import two_tastes


def test_one_matrix_product_equals_lightfm_predict() -> None:
    fold = two_tastes()
    model = LightFM(LightFMSettings(factors=8, adoption_weight=0.0), seed=5)
    training = Training(fold, model.settings, 5, model.take)
    training.epoch()
    training.show()
    clients, services = (
        part.ravel().astype(np.int32)
        for part in np.meshgrid(
            np.arange(fold.n_clients), np.arange(fold.n_services), indexing="ij"
        )
    )
    plain = np.mean(
        [
            member.predict(
                clients,
                services,
                user_features=training.client_columns,
                item_features=training.service_columns,
            )
            for member in training.members.models
        ],
        axis=0,
    )
    ours = model.score(np.arange(fold.n_clients, dtype=np.int32))
    assert np.allclose(ours.ravel(), plain, atol=1e-5)


def test_members_are_trainings_of_their_own_and_scores_their_mean() -> None:
    clients = np.arange(60, dtype=np.int32)
    found = []
    for members, seed in ((1, 5), (1, 6), (2, 5)):
        model = LightFM(LightFMSettings(factors=8, members=members), seed=seed)
        model.fit(two_tastes(), epochs=3)
        found.append(model.score(clients))
    assert not np.allclose(found[0], found[1], atol=1e-3)
    assert np.allclose(found[2], (found[0] + found[1]) / 2, atol=1e-5)


def test_the_loss_proxy_falls() -> None:
    epochs = LightFM(LightFMSettings(factors=8), seed=5).fit(two_tastes(), epochs=15)
    losses = [epoch.loss for epoch in epochs]
    assert losses[0] is not None and losses[-1] is not None
    assert losses[-1] < losses[0]


def test_recent_adoptions_move_the_scores_by_their_weight() -> None:
    fold = two_tastes()
    clients = np.arange(4, dtype=np.int32)
    without, with_rate = (LightFM(LightFMSettings(adoption_weight=w), seed=5) for w in (0.0, 1.0))
    without.fit(fold, epochs=1)
    with_rate.fit(fold, epochs=1)
    moved = with_rate.score(clients) - without.score(clients)
    assert np.allclose(moved, moved[0], atol=1e-5)
    assert moved[0].std() > 0


def test_recent_services_are_features_and_not_learned_at_once() -> None:
    fold = two_tastes()
    settings = LightFMSettings(factors=8, recent_services=4, reach_services=0.0)
    training = Training(fold, settings, 5, LightFM(settings).take)
    assert training._order is not None
    columns, learned = training._columns_at_random_moment(training._order)
    history = columns[:, -fold.n_services :]
    assert np.diff(history.indptr).max() == 4
    sums = np.asarray(history.sum(axis=1)).ravel()
    assert np.allclose(sums[np.diff(history.indptr) > 0], 1.0)
    is_learned = learned.tocsr().toarray() > 0
    assert is_learned.any()
    assert not (is_learned & (history.toarray() > 0)).any()
    # What is not learned is stored as zero: LightFM then never draws it as a negative.
    assert learned.nnz == fold.interactions.nnz


def test_recent_services_keep_scores_equal_bit_for_bit() -> None:
    clients = np.arange(60, dtype=np.int32)
    found = []
    for _ in range(2):
        model = LightFM(LightFMSettings(factors=8, recent_services=4), seed=5)
        model.fit(two_tastes(), epochs=3)
        found.append(model.score(clients))
    assert np.array_equal(found[0], found[1])


def test_a_budget_that_is_no_limit_changes_no_bit() -> None:
    fold = two_tastes()
    clients = np.arange(60, dtype=np.int32)
    found = []
    for budget in (None, 10 * fold.interactions.nnz):
        model = LightFM(LightFMSettings(factors=8, max_epochs=10, sample_budget=budget), seed=5)
        model.fit(fold, epochs=3)
        found.append(model.score(clients))
    assert np.array_equal(found[0], found[1])


def test_an_epoch_learns_from_those_it_visits_and_draws_nothing_they_have() -> None:
    """Whole clients are visited; nobody else's vectors move."""
    fold = two_tastes()
    budget = fold.interactions.nnz
    settings = LightFMSettings(
        factors=8, members=1, client_feature_weight=0.0, max_epochs=4, sample_budget=budget
    )
    training = Training(fold, settings, 5, LightFM(settings).take)
    parts = Visits(np.diff(fold.interactions.indptr), budget, 4, np.random.default_rng((5, 1)))
    training.epoch()
    [member] = training.members.models
    before = member.user_embeddings.copy()
    parts.part()
    visited = parts.part()
    training.epoch()
    has_moved = (member.user_embeddings != before).any(axis=1)
    assert visited is not None
    assert 0 < len(visited) < 57
    assert set(np.flatnonzero(has_moved)) == set(visited.tolist())
