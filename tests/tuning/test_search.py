"""Trial runs: pruned, reproducible, resumed after a kill, and kept apart by data."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from ml.dataset import Fold
from ml.errors import InputError, ModelError, WarehouseBusyError
from ml.fingerprint import fingerprint
from ml.models.lightfm_settings import LightFMSettings
from ml.models.ncf_settings import NCFSettings
from ml.progress import Progress
from ml.settings import PROJECT_ROOT, Settings, load_settings
from ml.tuning.saved import TUNED_FILE, TUNED_MODELS, Provenance, Tuned, write_tuned
from ml.tuning.search import Search, TrialRun, storage_file
from ml.tuning.space import SPACES, default_parameters, open_dimensions
from ml.tuning.tune import read_validation, tune
from ml.warehouse import connect
from tests.commands import environment, run_cli
from tests.models.folds import two_tastes

QUICK = LightFMSettings(max_epochs=6, patience=6)


def quiet() -> Progress:
    return Progress(Console(file=io.StringIO()))


def settings_in(folder: Path, seed: int = 42) -> Settings:
    return load_settings(
        is_tuned=False, warehouse=folder / "warehouse.duckdb", seed=seed, lightfm=QUICK, threads=1
    )


@pytest.fixture(scope="module")
def fold() -> Fold:
    return two_tastes()


@pytest.fixture(scope="module")
def whole(fold: Fold, tmp_path_factory: pytest.TempPathFactory) -> Search:
    """Twenty trials in one go; treat as read-only."""
    search = Search("lightfm", settings_in(tmp_path_factory.mktemp("whole")), fold)
    search.run(20, 5, quiet())
    return search


def plain(runs: list[TrialRun]) -> list[tuple[object, ...]]:
    return [(r.number, dict(r.parameters), r.value, r.auc, r.epochs, r.is_pruned) for r in runs]


def test_the_first_trial_is_the_defaults(whole: Search, fold: Fold) -> None:
    dimensions = open_dimensions("lightfm", QUICK)
    assert whole.default is not None
    assert whole.default.parameters == default_parameters(dimensions, QUICK)
    assert not whole.default.is_pruned


def test_trials_that_lag_behind_are_pruned(whole: Search) -> None:
    runs = whole.finished
    pruned = [run for run in runs if run.is_pruned]
    assert len(runs) == 20
    assert pruned
    assert all(run.number >= 4 for run in pruned)
    assert all(2 < run.epochs <= QUICK.max_epochs for run in pruned)
    assert any(run.epochs < QUICK.max_epochs for run in pruned)
    assert all(run.epochs == QUICK.max_epochs for run in whole.completed)
    assert whole.best is not None
    assert whole.best.value == max(run.value for run in whole.completed)


def test_parameters_lie_in_their_limits(whole: Search) -> None:
    for run in whole.finished:
        for dimension in SPACES["lightfm"]:
            value = run.parameters[dimension.name]
            assert dimension.holds(value)
            assert isinstance(value, int) == dimension.is_whole
    assert len({str(run.parameters) for run in whole.finished}) == 20


def test_in_pieces_it_is_the_same_search(whole: Search, fold: Fold, tmp_path: Path) -> None:
    for trials in (3, 11, 20):
        search = Search("lightfm", settings_in(tmp_path), fold)
        search.run(trials, 5, quiet())
        assert len(search.finished) == trials
    assert plain(search.finished) == plain(whole.finished)


def test_the_time_limit_lets_one_trial_end(fold: Fold, tmp_path: Path) -> None:
    search = Search("lightfm", settings_in(tmp_path), fold)
    search.run(20, 0, quiet())
    assert len(search.finished) == 1


def test_other_data_seed_or_settings_are_another_search(fold: Fold, tmp_path: Path) -> None:
    first = Search("lightfm", settings_in(tmp_path), fold)
    first.run(1, 5, quiet())
    labels = fold.labels.copy()
    labels.data[0] = 2.0
    others = [
        Search("lightfm", settings_in(tmp_path), replace(fold, labels=labels)),
        Search("lightfm", settings_in(tmp_path, seed=1), fold),
        Search(
            "lightfm",
            settings_in(tmp_path).model_copy(update={"lightfm": LightFMSettings(max_epochs=3)}),
            fold,
        ),
        Search("ncf", settings_in(tmp_path), fold),
    ]
    names = [first.study_name, *(search.study_name for search in others)]
    assert len(set(names)) == len(names)
    assert all(not search.finished for search in others)
    assert Search("lightfm", settings_in(tmp_path), two_tastes()).finished


def test_the_fingerprint_sees_all_that_a_model_sees(fold: Fold) -> None:
    eligible = fold.is_eligible_service.copy()
    eligible[0] = False
    features = fold.client_features.copy()
    features.data[0] += np.float32(0.01)
    changed = [
        replace(fold, is_eligible_service=eligible),
        replace(fold, client_features=features),
        replace(fold, adoption_age=None),
        replace(fold, service_feature_names=("other", *fold.service_feature_names[1:])),
    ]
    assert len({fingerprint(fold), *map(fingerprint, changed)}) == len(changed) + 1
    assert fingerprint(fold) == fingerprint(two_tastes())


@pytest.mark.parametrize("name", SPACES)
def test_the_defaults_are_a_point_of_the_search(name: str) -> None:
    base = TUNED_MODELS[name]()
    for dimension in open_dimensions(name, base):
        assert dimension.holds(getattr(base, dimension.name)), dimension
    assert TUNED_MODELS[name].model_validate({d.name: d.low for d in SPACES[name]}) != TUNED_MODELS[
        name
    ].model_validate({d.name: d.high for d in SPACES[name]})


def test_what_the_user_fixed_is_not_tuned() -> None:
    names = {d.name for d in open_dimensions("ncf", NCFSettings(dropout=0.1))}
    assert names == {d.name for d in SPACES["ncf"]} - {"dropout"}


def test_a_storage_that_is_none_is_told(fold: Fold, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    storage_file(settings).parent.mkdir()
    storage_file(settings).write_bytes(b"no database at all" * 100)
    with pytest.raises(InputError, match="no readable storage of trials"):
        Search("lightfm", settings, fold)


def test_scores_that_are_not_finite_end_a_trial_and_not_the_search(
    fold: Fold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml.models.lightfm import LightFM

    fit = LightFM.fit

    def broken(self: LightFM, *args: object, **kwargs: object) -> object:
        if self.settings.factors == QUICK.factors:
            return fit(self, *args, **kwargs)  # type: ignore[arg-type]
        raise ModelError("scores are not all finite numbers")

    monkeypatch.setattr(LightFM, "fit", broken)
    search = Search("lightfm", settings_in(tmp_path), fold)
    search.run(3, 5, quiet())
    assert [run.is_pruned for run in search.finished] == [False, True, True]
    assert search.best == search.default


# --- the command ---------------------------------------------------------------------


def command(warehouse: Path, *extra: str) -> list[str]:
    return [sys.executable, "-m", "ml", "tune", "--model", "lightfm", "--trials", "6", *extra]


def variables(warehouse: Path) -> dict[str, str]:
    return environment(warehouse, CROSS_SELL_LIGHTFM__MAX_EPOCHS="4", CROSS_SELL_THREADS="1")


def search_of(warehouse: Path) -> Search:
    settings = load_settings(
        is_tuned=False,
        warehouse=warehouse,
        threads=1,
        lightfm=LightFMSettings(max_epochs=4),
        lock_wait_seconds=20,
    )
    return Search("lightfm", settings, read_validation(settings, quiet()))


def test_killed_half_way_the_next_command_goes_on_as_if_it_had_not_been(
    built_copy: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "warehouse.duckdb"
    other.parent.mkdir()
    shutil.copy(built_copy, other)
    process = subprocess.Popen(
        command(built_copy), cwd=PROJECT_ROOT, env=variables(built_copy),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if "trial 2" in line:
            break
    time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = search_of(built_copy).finished
    assert 3 <= len(before) < 6
    for warehouse in (built_copy, other):
        result = subprocess.run(
            command(warehouse), cwd=PROJECT_ROOT, env=variables(warehouse),
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
    after, uninterrupted = search_of(built_copy).finished, search_of(other).finished
    assert plain(after)[: len(before)] == plain(before)
    assert plain(after) == plain(uninterrupted)
    assert len(after) == 6


def test_what_beats_the_defaults_is_saved_and_train_uses_it(
    built_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So few epochs want another learning rate than the defaults'.
    monkeypatch.setenv("CROSS_SELL_LIGHTFM__MAX_EPOCHS", "2")
    result = run_cli(built_copy, "tune", "--model", "lightfm", "--trials", "8")
    assert result.returncode == 0, result.stderr
    search = search_after(built_copy)
    assert search.best is not None
    assert search.default is not None
    # The small world is one where something else is better; otherwise this tests nothing.
    assert search.best.value > search.default.value
    content = tomllib.loads((built_copy.parent / TUNED_FILE).read_text())
    assert content["lightfm"] == dict(search.best.parameters)
    assert content["tuned"]["lightfm"]["value"] == search.best.value
    assert content["tuned"]["lightfm"]["data"] == search.data
    trained = run_cli(built_copy, "train")
    assert trained.returncode == 0, trained.stderr
    assert "lightfm uses tuned.toml: trial" in trained.stdout
    assert "tuned on other data" not in trained.stdout
    with connect(built_copy, read_only=True, wait_seconds=20) as connection:
        [(text,)] = connection.execute("select settings_json from ml.runs").fetchall()
    kept = json.loads(text)
    assert kept["lightfm"]["factors"] == search.best.parameters["factors"]
    assert kept["tuned"]["lightfm"]["study"] == search.study_name


def test_tuned_on_other_data_is_told(built_copy: Path) -> None:
    elsewhere = Provenance(
        study="lightfm-of-another-warehouse", trial=1, trials=2, metric="ndcg@10", value=0.2,
        default_value=0.1, seed=42, data="0" * 12, saved_at=datetime(2026, 1, 2),
        package_versions={},
    )  # fmt: skip
    tuned = Tuned(parameters={"factors": 4}, provenance=elsewhere)
    write_tuned(built_copy.parent, {"lightfm": tuned})
    trained = run_cli(built_copy, "train", CROSS_SELL_MODELS='["popularity", "lightfm"]')
    assert trained.returncode == 0, trained.stderr
    assert "lightfm was tuned on other data (2026-01-02)" in trained.stdout


def search_after(warehouse: Path) -> Search:
    settings = load_settings(is_tuned=False, warehouse=warehouse, lock_wait_seconds=20)
    return Search("lightfm", settings, read_validation(settings, quiet()))


def test_two_tunings_at_once_are_refused(built_copy: Path) -> None:
    settings = settings_in(built_copy.parent)
    with pytest.raises(ModelError, match="there are ease, lightfm, ncf"):
        tune(settings, quiet(), ["popularity"], 1, 1)
    lock = built_copy.parent / "tuning" / "lock"
    lock.parent.mkdir()
    code = (
        f"import fcntl; f = open({str(lock)!r}, 'w'); fcntl.flock(f, 2); print(flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(WarehouseBusyError, match="another tuning"):
            tune(settings, quiet(), ["lightfm"], 1, 1)
    finally:
        holder.kill()
        holder.wait()
