"""A blend of models: its weights, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from ml.adjustment import Adjustment
from ml.blending import Blend, blend_weights, comparable
from ml.dataset import FloatArray, Fold, IntArray
from ml.evaluation.metrics import ndcg
from ml.evaluation.protocol import Scores
from ml.models.ease import Ease
from ml.models.popularity import Popularity
from ml.ranking import rank_labels
from tests.evaluation.folds import ranking_fold
from tests.models.folds import two_tastes

CLIENTS, SERVICES = 600, 40


class Table:
    """Scores from a table."""

    def __init__(self, scores: FloatArray) -> None:
        self.scores = scores.astype(np.float32)

    def score(self, clients: IntArray) -> FloatArray:
        return self.scores[clients].copy()


@pytest.fixture(scope="module")
def halves() -> tuple[dict[str, Scores], Fold]:
    """Each of two models knows one half of what decides; a third one knows nothing."""
    rng = np.random.default_rng(0)
    first, second, nothing = rng.normal(size=(3, CLIENTS, SERVICES))
    labels = np.zeros((CLIENTS, SERVICES), dtype=bool)
    truth = first + second + rng.normal(size=first.shape)
    labels[np.arange(CLIENTS), truth.argmax(axis=1)] = True
    members = {"a": Table(first * 100), "b": Table(second + 7), "noise": Table(nothing)}
    return dict(members), ranking_fold(labels)


def quality(model: Scores, fold: Fold) -> float:
    ranks = rank_labels(model.score, fold, fold.labelled_clients, 64, depth=0)
    return float(ndcg(ranks, 10).mean())


def test_models_that_know_different_things_are_blended(
    halves: tuple[dict[str, Scores], Fold],
) -> None:
    members, fold = halves
    weights = blend_weights(members, "a", fold)
    assert set(weights) == {"a", "b"}
    assert sum(weights.values()) == pytest.approx(1.0)
    assert 0.3 < weights["b"] < 0.7
    blend = Blend.of(weights, members, dict.fromkeys(members, Adjustment()), fold)
    assert quality(blend, fold) > quality(members["a"], fold) + 0.1
    assert list(blend.choices) == sorted(weights, key=lambda name: -weights[name])
    assert blend_weights(members, "a", fold) == weights


def test_what_adds_nothing_is_no_blend(halves: tuple[dict[str, Scores], Fold]) -> None:
    members, fold = halves
    assert blend_weights({name: members[name] for name in ("a", "noise")}, "a", fold) == {}
    twice = {"a": members["a"], "again": members["a"]}
    assert blend_weights(twice, "a", fold) == {}


def test_scores_are_comparable_whatever_their_scale() -> None:
    scores = np.array([[1.0, 2.0, 6.0], [5.0, 5.0, 5.0]], dtype=np.float32)
    found = comparable(scores)
    assert np.allclose(found[0], np.arcsinh((scores[0] - 3) / scores[0].std()))
    assert found[1].tolist() == [0, 0, 0]
    assert np.allclose(comparable(scores * 1000 + 3), found, atol=1e-4)
    assert found.dtype == np.float32


def test_saved_and_loaded_it_scores_equally(tmp_path: Path) -> None:
    fold = two_tastes()
    looked_at = sparse.random(*fold.interactions.shape, 0.1, "csr", np.float32, random_state=1)
    fold = replace(fold, interests=looked_at)
    models = {"ease": Ease(), "popularity": Popularity()}
    for model in models.values():
        model.fit(fold)
    adjustments = {
        "ease": Adjustment(interest_weight=0.5, recency_weight=3.0, recency_services=5.0),
        "popularity": Adjustment(adoption_weight=0.2, adoption_days=30.0),
    }
    blend = Blend.of({"ease": 0.75, "popularity": 0.25}, models, adjustments, fold)
    blend.save(tmp_path)
    everybody = np.arange(fold.n_clients, dtype=np.int32)
    loaded = Blend.load(tmp_path)
    assert np.array_equal(loaded.score(everybody), blend.score(everybody))
    assert loaded.choices == {"ease": 0.75, "popularity": 0.25}
    plain = Blend.of(blend.weights, models, dict.fromkeys(models, Adjustment()), fold)
    assert not np.allclose(plain.score(everybody), blend.score(everybody))
