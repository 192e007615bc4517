"""Warm starts between runs: only from what knows little enough, only where not worse, recorded."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from ml.contracts import Columns
from ml.dataset import Fold
from ml.earlier_models import EarlierModels, parse_warm_from
from ml.errors import InputError
from ml.models.learned import Learned
from ml.models.lightfm_settings import LightFMSettings
from ml.models.ncf_settings import NCFSettings
from ml.progress import Progress
from ml.settings import Settings
from ml.trials import fit_model
from tests.models.folds import two_tastes
from tests.models.test_learned import everybody, named

QUICK = LightFMSettings(factors=8, members=1, max_epochs=6)
QUICK_NCF = NCFSettings(
    gmf_factors=8, mlp_factors=4, hidden=(8, 4), clients_per_step=8, max_epochs=6,
)  # fmt: skip


def settings(warm_start: str = "auto") -> Settings:
    return Settings(
        warm_start=warm_start,
        lightfm=QUICK,
        ncf=QUICK_NCF,
        bootstrap_samples=200,
        threads=1,
    )


def progress() -> Progress:
    return Progress(Console(file=StringIO()))


@pytest.fixture
def world() -> Fold:
    return named(two_tastes())


def run(
    models: Path, run_id: str, fold: Fold, own: Settings, name: str = "lightfm"
) -> EarlierModels:
    """What a training run does with one fold."""
    earlier = EarlierModels(own, models)
    earlier.fit(name, fold, progress())
    (models / run_id).mkdir(parents=True)
    earlier.save(models / run_id)
    return earlier


def numbers(earlier: EarlierModels) -> tuple[str, dict[str, object]]:
    [(_, rows)] = earlier.decisions("run")
    [row] = rows.to_pylist()
    return row[Columns.CHOICE], json.loads(row[Columns.NUMBERS_JSON])


def test_never_keeps_nothing_and_decides_nothing(world: Fold, tmp_path: Path) -> None:
    earlier = run(tmp_path, "r1", world, settings("never"))
    assert not list((tmp_path / "r1").iterdir())
    assert earlier.decisions("run") == []
    assert earlier.start("lightfm", world) is None


@pytest.mark.parametrize("name", ["lightfm", "ncf"])
def test_the_first_run_is_cold_and_the_next_may_go_on(
    name: str, world: Fold, tmp_path: Path
) -> None:
    first = run(tmp_path, "r1", world, settings(), name)
    assert numbers(first)[0] == "cold"
    later = replace(world, cutoff_at=world.cutoff_at + timedelta(days=1))
    second = EarlierModels(settings(), tmp_path)
    fitted = second.fit(name, later, progress())
    choice, found = numbers(second)
    assert found[Columns.CLIENT_COUNT] == len(later.labelled_clients)
    assert isinstance(found[Columns.DIFFERENCE], float)
    start = second.start(name, later)
    assert (choice == "warm") == (start is not None)
    # The same again, bit for bit.
    again = EarlierModels(settings(), tmp_path).fit(name, later, progress())
    assert np.array_equal(fitted.model.score(everybody(later)), again.model.score(everybody(later)))


def test_what_has_seen_the_labels_is_no_start(world: Fold, tmp_path: Path) -> None:
    run(tmp_path, "r1", replace(world, cutoff_at=world.cutoff_at + timedelta(days=1)), settings())
    earlier = run(tmp_path, "r2", world, settings())
    choice, found = numbers(earlier)
    assert choice == "cold"
    assert Columns.DIFFERENCE not in found


def test_other_settings_begin_anew(world: Fold, tmp_path: Path) -> None:
    run(tmp_path, "r1", world, settings())
    wider = settings().model_copy(update={"lightfm": QUICK.model_copy(update={"factors": 9})})
    assert numbers(run(tmp_path, "r2", world, wider))[0] == "cold"


def test_a_worse_start_is_not_used(world: Fold, tmp_path: Path) -> None:
    first = EarlierModels(settings(), tmp_path)
    fitted = first.fit("lightfm", world, progress())
    learned = fitted.model.learned  # type: ignore[attr-defined]
    # Opposite tastes, and far too sure of them.
    spoilt = {
        name: (-40 if "item" in name else 40) * array for name, array in learned.arrays.items()
    }
    first._kept["lightfm", world.name] = (world.cutoff_at, Learned(learned.vocabulary, spoilt))
    first.save(tmp_path / "r1")
    assert numbers(run(tmp_path, "r2", world, settings()))[0] == "cold"


def test_an_unreadable_start_is_passed_over(world: Fold, tmp_path: Path) -> None:
    run(tmp_path, "r1", world, settings())
    for path in (tmp_path / "r1").rglob("*.safetensors"):
        path.write_bytes(b"torn")
    assert numbers(run(tmp_path, "r2", world, settings()))[0] == "cold"


def test_refits_go_on_from_the_start(world: Fold, tmp_path: Path) -> None:
    earlier = run(tmp_path, "r1", world, settings())
    start = earlier._newest("lightfm", world)
    assert start is not None
    warm, _ = fit_model("lightfm", settings(), world, start=start, epochs=1)
    cold, _ = fit_model("lightfm", settings(), world, epochs=1)
    assert not np.array_equal(warm.score(everybody(world)), cold.score(everybody(world)))


def test_words_of_the_option() -> None:
    assert [parse_warm_from(text) for text in (None, "latest", "none")] == [None, "auto", "never"]
    with pytest.raises(InputError, match="'latest' or 'none'"):
        parse_warm_from("yesterday")
