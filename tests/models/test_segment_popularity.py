from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.dataset import Fold
from ml.evaluation.protocol import EpochEvaluator, EpochQuality
from ml.models.segment_popularity import EVERYBODY, SegmentPopularity, segmentations
from ml.models.settings import SegmentPopularitySettings
from tests.models.folds import make_fold

NAMES = ("age_band=old", "age_band=young", "colour=blue", "colour=red", "spend")


@pytest.fixture
def world() -> Fold:
    """What clients have and take goes by their age; their colour says nothing."""
    rng = np.random.default_rng(0)
    n_clients, n_services = 300, 20
    is_old, is_red = rng.random((2, n_clients)) < 0.5
    suits = is_old[:, None] == (np.arange(n_services) < 10)
    owned = rng.random(suits.shape) < np.where(suits, 0.4, 0.1)
    labels = ~owned & (rng.random(suits.shape) < np.where(suits, 0.3, 0.02))
    features = np.column_stack([is_old, ~is_old, ~is_red, is_red, rng.random(n_clients)])
    # One client is in no segment.
    features[0] = 0.0
    fold = make_fold(owned, client_features=features, labels=labels)
    return replace(fold, client_feature_names=NAMES)


def test_segmentations_are_the_features_that_name_a_group(world: Fold) -> None:
    found = {name: columns.tolist() for name, columns in segmentations(world)}
    assert found == {EVERYBODY: [], "age_band": [0, 1], "colour": [2, 3]}


def test_shares_of_a_segment_are_mixed_with_everybodys(world: Fold) -> None:
    model = SegmentPopularity(SegmentPopularitySettings(prior_clients=10.0))
    model.fit(world, epochs=2)
    owned = (world.interactions.toarray() > 0).astype(np.float64)
    overall = owned.mean(axis=0)
    is_old = world.client_features[:, [0]].toarray()[:, 0] > 0
    expected = (owned[is_old].sum(axis=0) + 10 * overall) / (is_old.sum() + 10)
    old = np.flatnonzero(is_old)[:2].astype(np.int32)
    assert np.allclose(model.score(old), expected, atol=1e-6)
    assert np.allclose(model.score(np.array([0], np.int32))[0], overall, atol=1e-6)


def test_the_segmentation_that_tells_is_chosen_and_a_refit_keeps_it(world: Fold) -> None:
    model, again = SegmentPopularity(), SegmentPopularity()
    history = model.fit(world, monitor=EpochEvaluator(world))
    assert model.choices == {"segmentation": "age_band"}
    values = [epoch.ndcg_at_10 or 0.0 for epoch in history]
    assert values[1] > values[0] + 0.1
    again.fit(world, epochs=model.best_epoch)
    everybody = np.arange(world.n_clients, dtype=np.int32)
    assert np.array_equal(again.score(everybody), model.score(everybody))


def test_where_nothing_tells_everybody_is_one_segment(world: Fold) -> None:
    model = SegmentPopularity()
    model.fit(world, monitor=lambda _: EpochQuality(0.5, 0.2))
    assert model.choices == {"segmentation": EVERYBODY}
    everybody = np.arange(world.n_clients, dtype=np.int32)
    assert len(np.unique(model.score(everybody), axis=0)) == 1
