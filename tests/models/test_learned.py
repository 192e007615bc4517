"""What was learned is moved by id: indices of another build mean other clients and services."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from ml.dataset import Fold
from ml.errors import ModelError
from ml.models.learned import (
    CLIENTS,
    SERVICES,
    VOCABULARY_FILE,
    Adaptable,
    Learned,
    Vocabulary,
    carried,
)
from ml.models.lightfm_settings import LightFMSettings
from ml.models.ncf_settings import NCFSettings
from ml.models.ncf_training import Training
from ml.models.registry import create
from ml.models.settings import ModelSettings
from tests.models.folds import two_tastes

# Without the adoption rate, which is of the fold and not of what was learned.
LIGHTFM = LightFMSettings(factors=8, members=2, max_epochs=8, adoption_weight=0.0)
NCF = NCFSettings(
    gmf_factors=16, mlp_factors=8, hidden=(16, 8), clients_per_step=8, max_epochs=8,
    uses_identity=True, adoption_weight=0.0, recency_weight=0.0,
)  # fmt: skip
SETTINGS: dict[str, ModelSettings] = {"lightfm": LIGHTFM, "ncf": NCF}


def fresh(name: str, seed: int = 3, **changed: object) -> Adaptable:
    own = SETTINGS[name].model_copy(update=changed)
    model = create(name, own, seed=seed, threads=1)
    assert isinstance(model, Adaptable)
    return model


def named(fold: Fold, clients: list[str] | None = None, services: list[str] | None = None) -> Fold:
    return replace(
        fold,
        client_ids=pa.chunked_array([clients or [f"C{i}" for i in range(fold.n_clients)]]),
        service_ids=pa.chunked_array([services or [f"S{i}" for i in range(fold.n_services)]]),
    )


def everybody(fold: Fold) -> npt.NDArray[np.int32]:
    return np.arange(fold.n_clients, dtype=np.int32)


def reordered(fold: Fold, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> Fold:
    """The same world as another build may number it, perhaps without some."""
    assert fold.client_ids is not None and fold.service_ids is not None
    assert fold.adoption_age is not None
    return replace(
        fold,
        interactions=fold.interactions[rows][:, columns],
        client_features=fold.client_features[rows],
        service_features=fold.service_features[columns],
        labels=fold.labels[rows][:, columns],
        is_eligible_client=fold.is_eligible_client[rows],
        is_eligible_service=fold.is_eligible_service[columns],
        ineligible_pairs=fold.ineligible_pairs[rows][:, columns],
        adoption_age=fold.adoption_age[rows][:, columns],
        client_ids=fold.client_ids.take(pa.array(rows)),
        service_ids=fold.service_ids.take(pa.array(columns)),
    )


@pytest.fixture(scope="module")
def world() -> Fold:
    return named(two_tastes())


@pytest.fixture(scope="module", params=SETTINGS)
def model(world: Fold, request: pytest.FixtureRequest) -> Adaptable:
    model = fresh(request.param)
    model.fit(world, epochs=8)
    return model


def vocabulary(clients: list[str], services: list[str]) -> Vocabulary:
    none = pa.array([], pa.string())
    return Vocabulary(
        {
            CLIENTS: pa.array(clients),
            SERVICES: pa.array(services),
            "client_features": none,
            "service_features": none,
        }
    )


def test_rows_go_to_their_ids_new_ones_stay_fresh_gone_ones_are_dropped() -> None:
    before = Learned(
        vocabulary(["a", "b"], ["x", "y"]),
        {
            "w": np.array([[1.0], [2.0], [3.0], [4.0]], dtype=np.float32),
            "v": np.ones(2, np.float32),
        },
    )
    after = vocabulary(["b", "new"], ["z", "x", "y"])
    fresh = {"w": np.full((5, 1), -1, np.float32), "v": np.zeros(2, np.float32)}
    found = carried(before, after, fresh, {"w": (CLIENTS, SERVICES), "v": ()})
    assert found["w"].ravel().tolist() == [2.0, -1.0, -1.0, 3.0, 4.0]
    assert found["v"].tolist() == [1.0, 1.0]


def test_another_width_is_refused() -> None:
    before = Learned(vocabulary(["a"], []), {"w": np.ones((1, 2), np.float32)})
    with pytest.raises(ModelError, match="other settings"):
        carried(before, before.vocabulary, {"w": np.ones((1, 3), np.float32)}, {"w": (CLIENTS,)})
    # Where rows stand for no ids, their number is a width too.
    with pytest.raises(ModelError, match="other settings"):
        carried(before, before.vocabulary, {"w": np.ones((2, 2), np.float32)}, {"w": ()})


def test_applied_to_its_own_fold_scores_are_the_same_bits(world: Fold, model: Adaptable) -> None:
    assert model.learned is not None
    again = fresh(model.name, seed=8)
    again.apply(world, model.learned)
    assert np.array_equal(again.score(everybody(world)), model.score(everybody(world)))


def test_applied_to_another_build_it_maps_by_id(world: Fold, model: Adaptable) -> None:
    rng = np.random.default_rng(1)
    rows, columns = rng.permutation(world.n_clients), rng.permutation(world.n_services)
    other = reordered(world, rows, columns)
    assert model.learned is not None
    applied = fresh(model.name)
    applied.apply(other, model.learned)
    expected = model.score(everybody(world))[rows][:, columns]
    np.testing.assert_allclose(applied.score(everybody(other)), expected, rtol=1e-4, atol=1e-5)


def test_with_clients_and_services_gone_and_new(world: Fold, model: Adaptable) -> None:
    # NCF's clients are what they have: with services gone they would be others.
    gone = 3 if model.name == "lightfm" else 0
    fewer = reordered(world, np.arange(5, world.n_clients), np.arange(gone, world.n_services))
    assert fewer.client_ids is not None
    renamed = ["newcomer", *fewer.client_ids.to_pylist()[1:]]
    other = replace(fewer, client_ids=pa.chunked_array([renamed]))
    assert model.learned is not None
    applied = fresh(model.name)
    applied.apply(other, model.learned)
    scores = applied.score(everybody(other))
    assert np.isfinite(scores).all()
    expected = model.score(everybody(world))[6:, gone:]
    np.testing.assert_allclose(scores[1:], expected, rtol=1e-4, atol=1e-5)
    assert not np.allclose(scores[0], model.score(everybody(world))[5, gone:], atol=1e-3)


def test_a_warm_start_is_ahead_and_deterministic(world: Fold, model: Adaptable) -> None:
    assert model.learned is not None
    kept = {name: array.copy() for name, array in model.learned.arrays.items()}
    warm, again, cold = (fresh(model.name) for _ in range(3))
    [after_warm] = warm.fit(world, epochs=1, start=model.learned)
    again.fit(world, epochs=1, start=model.learned)
    [after_cold] = cold.fit(world, epochs=1)
    assert np.array_equal(warm.score(everybody(world)), again.score(everybody(world)))
    assert after_warm.loss is not None and after_cold.loss is not None
    assert after_warm.loss < after_cold.loss
    # The start is another run's: training on must not write into it.
    assert all(np.array_equal(kept[name], model.learned.arrays[name]) for name in kept)


@pytest.mark.parametrize("name", SETTINGS)
def test_early_stopping_keeps_what_belongs_to_the_best_epoch(name: str, world: Fold) -> None:
    qualities = iter([0.1, 0.3, 0.2, 0.2])

    class Quality:
        def __init__(self, value: float) -> None:
            self.auc, self.ndcg_at_10 = 0.5, value

    stopped = fresh(name, patience=2)
    stopped.fit(world, monitor=lambda _: Quality(next(qualities)))
    assert stopped.best_epoch == 2 and stopped.learned is not None
    applied = fresh(name, patience=2)
    applied.apply(world, stopped.learned)
    assert np.array_equal(applied.score(everybody(world)), stopped.score(everybody(world)))


def test_saved_with_its_vocabulary_and_checked_when_loaded(
    world: Fold, model: Adaptable, tmp_path: Path
) -> None:
    model.save(tmp_path)
    loaded = type(model).load(tmp_path)
    assert loaded.learned is not None and model.learned is not None
    applied = fresh(model.name)
    applied.apply(world, loaded.learned)
    assert np.array_equal(applied.score(everybody(world)), model.score(everybody(world)))

    path = tmp_path / VOCABULARY_FILE
    entries = json.loads(path.read_text())
    path.write_text(json.dumps(entries | {SERVICES: entries[SERVICES][:-1]}))
    with pytest.raises(ModelError, match="rows, its vocabulary"):
        type(model).load(tmp_path)
    path.write_text(json.dumps(entries | {SERVICES: ["S0", *entries[SERVICES][:-1]]}))
    with pytest.raises(ModelError, match="not unique"):
        type(model).load(tmp_path)
    path.unlink()
    with pytest.raises(ModelError, match="no readable vocabulary"):
        type(model).load(tmp_path)


def test_what_is_new_says_nothing_to_ncf_until_it_is_learned(world: Fold) -> None:
    before = fresh("ncf")
    before.fit(world, epochs=2)
    assert before.learned is not None and world.service_ids is not None
    other = replace(
        world,
        service_ids=pa.chunked_array([["new", *world.service_ids.to_pylist()[1:]]]),
        service_feature_names=("renamed", *world.service_feature_names[1:]),
    )
    training = Training(other, NCF, 3, lambda sides: None, before.learned)
    now = training.parameters()
    for name, axes in (("history", 0), ("services", 0), ("bias", 0), ("service_features", 0)):
        assert not now[name][axes].any()
        assert np.array_equal(now[name][1:], before.learned.arrays[name][1:])
    assert np.array_equal(now["clients"], before.learned.arrays["clients"])
    training.epoch()
    assert all(training.parameters()[n][0].any() for n in ("history", "services", "bias"))


def test_another_network_is_no_start(world: Fold) -> None:
    before = fresh("ncf")
    before.fit(world, epochs=1)
    for changed in ({"hidden": (12, 8)}, {"gmf_factors": 8}, {"uses_identity": False}):
        with pytest.raises(ModelError, match="other settings"):
            fresh("ncf", **changed).fit(world, epochs=1, start=before.learned)


def test_without_ids_there_is_nothing_to_go_on_from(model: Adaptable) -> None:
    fold = two_tastes()
    plain = fresh(model.name)
    plain.fit(fold, epochs=1)
    assert plain.learned is None
    assert model.learned is not None
    with pytest.raises(ModelError, match="without ids"):
        plain.apply(fold, model.learned)
