"""A training that was stopped goes on bit for bit as if it had not been, whatever the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console

from ml.checkpoints import Checkpoints
from ml.dataset import Fold
from ml.evaluation.protocol import EpochEvaluator
from ml.models.base import Epoch, Monitor
from ml.models.generators import set_state, state_of
from ml.models.learned import Adaptable, Learned
from ml.models.lightfm_settings import LightFMSettings
from ml.models.ncf_settings import NCFSettings
from ml.models.registry import create
from ml.models.settings import ModelSettings
from ml.progress import Progress
from ml.settings import Settings
from ml.trials import fit_model
from tests.models.folds import two_tastes
from tests.models.test_learned import named

PAIRS = two_tastes().interactions.nnz
LIGHTFM = LightFMSettings(factors=8, max_epochs=12)
NCF = NCFSettings(
    gmf_factors=16, mlp_factors=8, hidden=(16, 8), clients_per_step=8, max_epochs=12,
)  # fmt: skip
KINDS: dict[str, tuple[str, ModelSettings]] = {
    "lightfm": ("lightfm", LIGHTFM),
    "lightfm, one member": ("lightfm", LIGHTFM.model_copy(update={"members": 1})),
    "lightfm, histories as features": (
        "lightfm", LIGHTFM.model_copy(update={"recent_services": 4}),
    ),
    "lightfm, a part of the clients": (
        "lightfm", LIGHTFM.model_copy(update={"sample_budget": 5 * PAIRS}),
    ),
    "ncf": ("ncf", NCF),
    "ncf, last weights": ("ncf", NCF.model_copy(update={"averaging": 0.0})),
    "ncf, identities": ("ncf", NCF.model_copy(update={"uses_identity": True})),
    "ncf, pairs": (
        "ncf",
        NCF.model_copy(
            update={
                "uses_identity": True,
                "uses_history": False,
                "loss": "bce",
                "positives_per_step": 16,
                "negatives": 4,
            }
        ),
    ),
    "ncf, a part of the clients": ("ncf", NCF.model_copy(update={"sample_budget": 5 * PAIRS})),
}  # fmt: skip
Result = tuple[npt.NDArray[np.float32], list[tuple[object, ...]], int]


class StoppedError(Exception):
    """Stands for a kill."""


class Job:
    """Fits on one warehouse's folder."""

    def __init__(self, folder: Path, kind: str, fold: Fold, start: Learned | None = None) -> None:
        self.name, own = KINDS[kind]
        given: dict[str, Any] = {self.name: own}
        self.settings = Settings(warehouse=folder / "w.duckdb", checkpoint_seconds=0, **given)
        self.fold, self.start = fold, start
        self.told = StringIO()

    def fit(
        self,
        *,
        monitor: Monitor | None = None,
        epochs: int | None = None,
        stop_after: int | None = None,
        is_kept: bool = True,
    ) -> Result:
        """Scores, the history without its seconds, and the best epoch."""
        heard: list[str] = []

        def tell(text: str) -> None:
            heard.append(text)
            if len(heard) == stop_after:
                raise StoppedError

        progress = Progress(Console(file=self.told, width=1000))
        model, history = fit_model(
            self.name,
            self.settings,
            self.fold,
            start=self.start,
            monitor=monitor,
            epochs=epochs,
            tell=tell,
            checkpoints=Checkpoints(self.settings, progress) if is_kept else None,
        )
        scores = model.score(np.arange(self.fold.n_clients, dtype=np.int32))
        return scores, [_without_seconds(epoch) for epoch in history], model.best_epoch


def _without_seconds(epoch: Epoch) -> tuple[object, ...]:
    return astuple(epoch)[:-1]


def assert_same(one: Result, other: Result) -> None:
    assert np.array_equal(one[0], other[0])
    assert one[1:] == other[1:]


@pytest.fixture(scope="module")
def world() -> Fold:
    return named(two_tastes())


@pytest.mark.parametrize("stop_after", [1, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_stopped_and_resumed_is_the_same_bits(
    kind: str, stop_after: int, world: Fold, tmp_path: Path
) -> None:
    job = Job(tmp_path, kind, world)
    whole = job.fit(epochs=7, is_kept=False)
    with pytest.raises(StoppedError):
        job.fit(epochs=7, stop_after=stop_after)
    assert_same(job.fit(epochs=7), whole)
    assert f"resumes {job.name} at epoch {stop_after + 1} of 7, from checkpoints/" in (
        job.told.getvalue()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_stopped_at_every_epoch_with_early_stopping(kind: str, world: Fold, tmp_path: Path) -> None:
    def monitor() -> Monitor:
        return EpochEvaluator(world)

    job = Job(tmp_path, kind, world)
    whole = job.fit(monitor=monitor(), is_kept=False)
    for _ in whole[1][:-1]:
        with pytest.raises(StoppedError):
            job.fit(monitor=monitor(), stop_after=1)
    assert_same(job.fit(monitor=monitor()), whole)


@pytest.mark.parametrize("kind", ["lightfm", "ncf"])
@pytest.mark.parametrize("values", [[0.1, 0.3, 0.2, 0.2, 0.2, 0.2], [0.1, 0.2, 0.3]])
def test_what_was_finished_is_read_back_and_not_trained(
    kind: str, values: list[float], world: Fold, tmp_path: Path
) -> None:
    """Also where the best epoch is not the last one."""

    class Quality:
        def __init__(self, value: float) -> None:
            self.auc, self.ndcg_at_10 = 0.5, value

    job = Job(tmp_path, kind, world)
    left = iter([*values, *[0.0] * 9])
    whole = job.fit(monitor=lambda _: Quality(next(left)))
    assert whole[2] == values.index(0.3) + 1

    def fail(_: object) -> Quality:
        raise AssertionError("nothing is trained")

    assert_same(job.fit(monitor=fail), whole)
    assert f"{job.name} was trained already: read back from checkpoints/" in job.told.getvalue()


@pytest.mark.parametrize("kind", ["lightfm", "ncf"])
def test_a_warm_start_is_resumed_too(kind: str, world: Fold, tmp_path: Path) -> None:
    before = create(kind, KINDS[kind][1], seed=9, threads=1)
    before.fit(world, epochs=3)
    assert isinstance(before, Adaptable)
    job = Job(tmp_path, kind, world, before.learned)
    whole = job.fit(epochs=5, is_kept=False)
    with pytest.raises(StoppedError):
        job.fit(epochs=5, stop_after=2)
    assert_same(job.fit(epochs=5), whole)
    assert f"resumes {kind} warm at epoch 3 of 5" in job.told.getvalue()
    # From nothing it is another fit.
    cold = Job(tmp_path, kind, world)
    assert not np.array_equal(cold.fit(epochs=5)[0], whole[0])
    assert "resumes" not in cold.told.getvalue()


@pytest.mark.parametrize(
    "make",
    [np.random.default_rng, np.random.RandomState],
    ids=["Generator", "RandomState"],
)
def test_generators_go_on_where_they_were(
    make: Callable[[int], np.random.Generator | np.random.RandomState],
) -> None:
    one, other = make(1), make(2)
    one.normal(size=3)  # Leaves half of a pair behind, where the generator draws pairs.
    set_state(other, state_of(one))
    assert np.array_equal(one.normal(size=5), other.normal(size=5))
    assert np.array_equal(one.permutation(9), other.permutation(9))
