from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.dataset import Fold
from ml.models.base import Recommender
from ml.models.ease import Ease
from ml.models.lightfm import LightFM
from ml.models.lightfm_settings import LightFMSettings
from ml.models.ncf import NCF
from ml.models.ncf_settings import NCFSettings
from ml.models.recency import AdoptionOrder, reach_weights, recency_weights, without_order
from ml.models.settings import EaseSettings, ModelSettings, PopularitySettings
from tests.models.folds import make_fold

GROUPS, SIZE, SHARE = 6, 8, 0.6


def order_of(ages: list[list[float]]) -> AdoptionOrder:
    order = AdoptionOrder.of(make_fold(np.array(ages) > 0, adoption_age=ages))
    assert order is not None
    return order


def test_the_newest_is_at_distance_zero() -> None:
    order = order_of([[3.0, 0.0, 1.0, 2.0], [0.0, 0.0, 0.0, 0.0], [0.0, 7.0, 0.0, 0.0]])
    assert order.positions.tolist() == [0, 2, 1, 0]
    assert order.from_cutoff().tolist() == [2, 0, 1, 0]


def test_adoptions_of_one_moment_go_by_service() -> None:
    assert order_of([[5.0, 5.0, 5.0]]).positions.tolist() == [0, 1, 2]


def test_without_ages_there_is_no_order() -> None:
    assert AdoptionOrder.of(make_fold(np.ones((2, 2)))) is None


@given(st.integers(0, 2**31), st.integers(1, 30))
def test_a_random_moment_lies_between_two_adoptions(seed: int, count: int) -> None:
    order = order_of([[float(i) for i in range(count, 0, -1)]])
    distances = order.from_random_moment(np.random.default_rng(seed)).tolist()
    before = distances.index(0) + 1
    assert distances == [*range(before - 1, -1, -1), *range(count - before)]


def test_weights_fall_with_distance() -> None:
    distances = np.arange(200)
    assert (np.diff(recency_weights(distances, 3.0, 30.0)) < 0).all()
    assert recency_weights(np.array([10_000]), 3.0, 30.0).tolist() == [1.0]
    learned = reach_weights(distances, 30.0)
    assert learned[0] == 1.0
    assert learned[117] > 0 and learned[118] == 0


def wandering_tastes(seed: int = 3) -> Fold:
    """Clients who have moved on from one group of services to the next, three groups long."""
    rng = np.random.default_rng(seed)
    owned = np.zeros((240, GROUPS * SIZE))
    ages = np.zeros_like(owned)
    for client in range(len(owned)):
        for step in range(3):
            group = (client + step) % GROUPS
            chosen = group * SIZE + np.flatnonzero(rng.random(SIZE) < SHARE)
            owned[client, chosen] = 1.0
            ages[client, chosen] = 100.0 * (3 - step) + rng.uniform(0, 90, len(chosen))
    return make_fold(owned, adoption_age=ages)


def preference_for_the_newest_group(model: Recommender) -> float:
    """How often a lacking service of the newest group outranks one of the oldest group."""
    fold = wandering_tastes()
    model.fit(fold, epochs=12)
    clients = np.arange(fold.n_clients, dtype=np.int32)
    scores = np.where(fold.interactions.toarray() > 0, np.nan, model.score(clients))
    groups = scores.reshape(len(clients), GROUPS, SIZE)
    newest, oldest = groups[clients, (clients + 2) % GROUPS], groups[clients, clients % GROUPS]
    wins = newest[:, :, None] > oldest[:, None, :]
    is_known = ~np.isnan(newest)[:, :, None] & ~np.isnan(oldest)[:, None, :]
    return float(wins[is_known].mean())


LATE = {"recency_weight": 20.0, "recency_services": 5.0}


@pytest.mark.parametrize(
    ("plain", "recent"),
    [
        (
            Ease(EaseSettings(regularisation=20.0, adoption_weight=0.0)),
            Ease(EaseSettings(regularisation=20.0, adoption_weight=0.0, **LATE)),
        ),
        (
            LightFM(LightFMSettings(factors=16, adoption_weight=0.0)),
            LightFM(LightFMSettings(factors=16, adoption_weight=0.0, recent_services=8, **LATE)),
        ),
        (
            NCF(NCFSettings(adoption_weight=0.0, recency_weight=0.0), threads=1),
            NCF(NCFSettings(adoption_weight=0.0, reach_services=5.0, **LATE), threads=1),
        ),
    ],
    ids=lambda model: model.name,
)
def test_recent_adoptions_decide_where_tastes_wander(
    plain: Recommender, recent: Recommender
) -> None:
    without = preference_for_the_newest_group(plain)
    assert 0.3 < without < 0.7
    assert preference_for_the_newest_group(recent) > max(0.8, without + 0.2)


@pytest.mark.parametrize(
    "settings",
    [
        EaseSettings(**LATE),
        NCFSettings(**LATE, reach_services=9.0),
        LightFMSettings(**LATE, recent_services=8, reach_services=9.0),
    ],
    ids=lambda settings: type(settings).__name__,
)
def test_without_order_settings_that_come_to_the_same_are_equal(settings: ModelSettings) -> None:
    plain = without_order(settings)
    assert plain == without_order(settings.model_copy(update={"recency_services": 7.0}))
    assert without_order(plain) is plain
    assert type(plain).model_validate(plain.model_dump()) == plain


def test_settings_without_an_order_stay_as_they_are() -> None:
    settings = PopularitySettings()
    assert without_order(settings) is settings
