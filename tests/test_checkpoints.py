"""Checkpoint files: what is taken up, what is not, what is left of them."""

from __future__ import annotations

import os
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console
from safetensors import safe_open
from scipy import sparse

from ml.checkpoints import MOST_KEPT, Checkpoints, FitCheckpoint
from ml.fingerprint import digest_of
from ml.models.base import Epoch, Saved
from ml.models.lightfm_settings import LightFMSettings
from ml.progress import Progress
from ml.settings import Settings
from tests.models.folds import two_tastes
from tests.models.test_learned import named
from tests.test_disk import largest_file

FOLD = named(two_tastes())
OWN = LightFMSettings()
SAVED = Saved(
    [Epoch(1, 0.1 + 0.2, None, 1 / 3, 2.5), Epoch(2, None, 0.5, 0.25, 0.5)],
    1,
    1 / 3,
    False,
    {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "count": np.array(7),
        "none": np.zeros((0, 4), dtype=np.float32),
        "bytes": np.frombuffer(b"state", dtype=np.uint8),
    },
)


class Run:
    """One process's view of the checkpoints."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.settings = Settings(
            warehouse=folder / "w.duckdb", **{"checkpoint_seconds": 0.0, **settings}
        )
        self.told = StringIO()
        self.all = Checkpoints(self.settings, Progress(Console(file=self.told, width=1000)))

    def of(self, name: str = "lightfm", **other: Any) -> FitCheckpoint:
        given: dict[str, Any] = {"own": OWN, "fold": FOLD, "start": None}
        given |= {"epochs": None, "is_monitored": True, **other}
        return self.all.of(name, given.pop("own"), given.pop("fold"), **given)


def test_what_was_written_is_read_back_as_it_was(tmp_path: Path) -> None:
    Run(tmp_path).of().write(SAVED)
    run = Run(tmp_path)
    found = run.of().read(20)
    assert found is not None
    assert replace(found, arrays={}) == replace(SAVED, arrays={})
    assert found.arrays.keys() == SAVED.arrays.keys()
    for name, array in SAVED.arrays.items():
        assert np.array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype
        assert found.arrays[name].flags.writeable
    assert run.told.getvalue().startswith("  resumes lightfm at epoch 3 of 20, from checkpoints/")
    [path] = (tmp_path / "checkpoints").iterdir()
    assert path.name.startswith("lightfm-validation-")
    # A file that any reader of safetensors opens.
    with safe_open(path, framework="numpy") as file:
        assert set(file.keys()) == set(SAVED.arrays)


@pytest.mark.parametrize("kept", [0, 7, 200, -1])
def test_a_torn_file_is_told_of_and_ignored(tmp_path: Path, kept: int) -> None:
    Run(tmp_path).of().write(SAVED)
    [path] = (tmp_path / "checkpoints").iterdir()
    path.write_bytes(path.read_bytes()[:kept])
    run = Run(tmp_path)
    assert run.of().read(20) is None
    [line] = run.told.getvalue().splitlines()
    assert line.startswith(f"lightfm trains anew: {path} is no readable checkpoint")
    # And the training that begins anew writes over it.
    run.of().write(SAVED)
    assert Run(tmp_path).of().read(20) is not None


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    Run(tmp_path).of().write(SAVED)
    [path] = (tmp_path / "checkpoints").iterdir()
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    run = Run(tmp_path)
    assert run.of().read(20) is None
    assert "its checksum is wrong" in run.told.getvalue()


@pytest.mark.parametrize(
    "other",
    [
        {"own": LightFMSettings(factors=8)},
        {"fold": replace(FOLD, interactions=FOLD.interactions * 2)},
        {"fold": replace(FOLD, labels=sparse.csr_matrix(FOLD.labels.shape, dtype=np.float32))},
        {"fold": replace(FOLD, client_ids=FOLD.client_ids.slice(1))},  # type: ignore[union-attr]
        {"epochs": 4},
        {"is_monitored": False},
    ],
    ids=["settings", "history", "labels", "ids", "epochs", "monitor"],
)
def test_another_fit_is_not_taken_up(tmp_path: Path, other: dict[str, Any]) -> None:
    Run(tmp_path).of().write(SAVED)
    run = Run(tmp_path)
    assert run.of(**other).read(20) is None
    assert run.told.getvalue().strip() == (
        "lightfm trains anew: what lies in checkpoints is of other data, settings or versions"
    )


@pytest.mark.parametrize("other", [{"seed": 1}, {"threads": 1}, {"learns_from_web_events": False}])
def test_another_jobs_setting_is_another_fit(tmp_path: Path, other: dict[str, Any]) -> None:
    Run(tmp_path).of().write(SAVED)
    assert Run(tmp_path, **other).of().read(20) is None


def test_told_not_to_resume_it_begins_anew_and_says_nothing(tmp_path: Path) -> None:
    Run(tmp_path).of().write(SAVED)
    run = Run(tmp_path, resumes=False)
    assert run.of().read(20) is None
    assert not run.told.getvalue()


def test_not_due_before_its_time(tmp_path: Path) -> None:
    assert Run(tmp_path).of().is_due()
    assert not Run(tmp_path, checkpoint_seconds=60).of().is_due()


def test_the_newest_few_are_kept_and_a_complete_run_leaves_none(tmp_path: Path) -> None:
    run = Run(tmp_path)
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for age in range(MOST_KEPT + 3):
        path = folder / f"lightfm-test-{age:012}.safetensors"
        path.write_bytes(b"")
        os.utime(path, (1e9 - age, 1e9 - age))
    torn = folder / ".lightfm-test-0.safetensors.99"
    torn.write_bytes(b"")
    run.of().write(SAVED)
    left = {path.name for path in folder.iterdir()}
    assert left == {
        run.of().path.name,
        *(f"lightfm-test-{age:012}.safetensors" for age in range(MOST_KEPT - 1)),
    }
    run.all.clear()
    assert not folder.exists()


def test_where_nothing_can_be_written_training_goes_on(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("not a folder")
    run = Run(tmp_path)
    run.of().write(SAVED)
    run.of("ncf").write(SAVED)
    [line] = run.told.getvalue().splitlines()
    assert line.startswith("no checkpoints: ")
    assert not run.of().is_due()


def test_a_file_that_cannot_be_written_whole_leaves_the_one_before(tmp_path: Path) -> None:
    Run(tmp_path).of().write(SAVED)
    run = Run(tmp_path)
    with largest_file(200):
        run.of().write(replace(SAVED, best_epoch=2))
    assert run.told.getvalue().startswith("no checkpoints: ")
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1
    found = Run(tmp_path).of().read(20)
    assert found is not None and found.best_epoch == 1


def test_digests_see_values_types_order_and_names() -> None:
    array = np.arange(4)
    ids = pa.chunked_array([["a", "b"], ["c"]])
    values: list[object] = [
        array, array[::-1], array.reshape(2, 2), array.astype(np.int32), [0, 1, 2, 3],
        {"x": 1}, {"y": 1}, None, ids, ids.slice(1), sparse.csr_matrix(np.eye(2)),
        sparse.csr_matrix(np.eye(3)[:2]),
    ]  # fmt: skip
    assert len({digest_of(value) for value in values}) == len(values)
    assert digest_of(ids) == digest_of(pa.chunked_array([["a"], ["b", "c"]]))
    assert digest_of(FOLD) == digest_of(named(two_tastes()))
