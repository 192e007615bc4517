"""Checkpoints of a training run on disk: each fit goes on from where a killed run left it.

A file per fit, ``checkpoints/<model>-<fold>-<fingerprint>.safetensors`` beside the warehouse, with
the arrays as they are and the rest as JSON in its header. The fingerprint is of everything that
decides what a fit comes to: the fold's data, the model, its settings and start, seed, threads,
epochs, packages and the code here. So what is taken up is always a stopped run of the very same
fit, and goes on bit for bit. Runs of one warehouse take turns (:mod:`ml.locks`), and one that
completes removes the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
import zlib
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ml.dataset import Fold
from ml.errors import WarehouseAccessError
from ml.files import make_folder
from ml.fingerprint import digest_of
from ml.models.base import Arrays, Epoch, Saved
from ml.models.learned import Learned
from ml.models.settings import ModelSettings
from ml.progress import Progress
from ml.settings import Settings
from ml.versions import package_versions

CHECKPOINTS_FOLDER: Final = "checkpoints"
MOST_KEPT: Final = 8
"""Files kept while no run completes: what one run leaves of two models, warm starts included."""

_MOST_SHARE: Final = 0.05
"""Of a training's time that writing checkpoints may take."""

_SUFFIX: Final = ".safetensors"
_HEADER: Final = "training"
_IN_NAME: Final = 12


class Checkpoints:
    """The checkpoints of one warehouse, during one run.

    Parameters
    ----------
    settings : Settings
    progress : Progress
        Told what is taken up, and what cannot be.
    """

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self.folder = settings.folder / CHECKPOINTS_FOLDER
        self.progress = progress
        self.settings = settings
        self.is_writable = True
        self._digests: dict[str, tuple[Fold, str]] = {}

    def of(
        self,
        name: str,
        own: ModelSettings | None,
        fold: Fold,
        *,
        start: Learned | None,
        epochs: int | None,
        is_monitored: bool,
    ) -> FitCheckpoint:
        """Checkpoint of one fit.

        Parameters
        ----------
        name : str
            Of the model.
        own : ModelSettings or None
            Its settings.
        fold : Fold
            As it was read, before what clients looked at is added.
        start : Learned or None
        epochs : int or None
        is_monitored : bool
        """
        settings = self.settings
        key = {
            "model": name,
            "settings": None if own is None else own.model_dump(mode="json"),
            "device": "cpu" if own is None else own.chosen_device,
            "fold": self._digest(fold),
            "learns_from_web_events": settings.learns_from_web_events,
            "start": None if start is None else digest_of(start),
            "seed": settings.seed,
            "threads": settings.threads,
            "block_size": settings.block_size,
            "epochs": epochs,
            "is_monitored": is_monitored,
            "versions": package_versions(),
            "python": (platform.python_version(), platform.machine()),
            "code": _code(),
        }
        text = json.dumps(key, sort_keys=True)
        return FitCheckpoint(
            self, name, fold.name, hashlib.sha256(text.encode()).hexdigest(), is_warm=bool(start)
        )

    def _digest(self, fold: Fold) -> str:
        found = self._digests.get(fold.name)
        if found is None or found[0] is not fold:
            found = self._digests[fold.name] = fold, digest_of(fold)
        return found[1]

    def prune(self, newest: Path) -> None:
        """Keep the newest few files: fits of other data or settings may never be taken up."""
        with suppress(OSError):
            for path in self.folder.glob(f".*{_SUFFIX}.*"):
                path.unlink(missing_ok=True)
            others = [path for path in self.folder.glob(f"*{_SUFFIX}") if path != newest]
            others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
            for path in others[MOST_KEPT - 1 :]:
                path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove all of them: the run is complete."""
        remove_checkpoints(self.folder)


def remove_checkpoints(folder: Path) -> None:
    """Remove a folder of checkpoints, as far as that can be done."""
    with suppress(OSError):
        for path in folder.iterdir():
            path.unlink(missing_ok=True)
        folder.rmdir()


class FitCheckpoint:
    """Where one fit leaves its state (:class:`ml.models.base.Checkpoint`).

    Parameters
    ----------
    run : Checkpoints
    name, fold_name : str
        Of model and fold; begin the file's name.
    key : str
        Fingerprint of the fit.
    is_warm : bool
        Whether it goes on from an earlier model; for the person who reads along.
    """

    def __init__(
        self, run: Checkpoints, name: str, fold_name: str, key: str, *, is_warm: bool
    ) -> None:
        self._run = run
        self._name = f"{name}{' warm' if is_warm else ''}"
        self._prefix = f"{name}-{fold_name}-"
        self._key = key
        self.path = run.folder / f"{self._prefix}{key[:_IN_NAME]}{_SUFFIX}"
        self._due_at = self._next(0.0)

    def read(self, last: int) -> Saved | None:
        """See :class:`Checkpoint`; what is damaged or of another fit is told of, and left alone."""
        self._due_at = self._next(0.0)
        if not self._run.settings.resumes:
            return None
        if not self.path.exists():
            self._tell_of_others()
            return None
        try:
            saved = _read(self.path, self._key)
        except Exception as error:  # safetensors' own, JSON's, the system's: all mean the same.
            self._run.progress.warn(
                f"{self._name} trains anew:",
                f"{self.path} is no readable checkpoint of this training ({error})",
            )
            return None
        place = f"from {CHECKPOINTS_FOLDER}/{self.path.name}"
        self._run.progress.note(
            f"{self._name} was trained already: read back {place}"
            if saved.is_finished
            else f"resumes {self._name} at epoch {len(saved.history) + 1} of {last}, {place}"
        )
        return saved

    def is_due(self) -> bool:
        """See :class:`Checkpoint`."""
        return self._run.is_writable and time.monotonic() >= self._due_at

    def write(self, saved: Saved) -> None:
        """See :class:`Checkpoint`; where it cannot be written, training goes on without."""
        if not self._run.is_writable:
            return
        started = time.monotonic()
        try:
            make_folder(self.path.parent)
            _write(self.path, self._key, saved)
        except (OSError, SafetensorError, WarehouseAccessError) as error:
            self._run.is_writable = False
            self._run.progress.warn(
                "no checkpoints:",
                f"{self.path.parent} cannot be written ({error}); training goes on",
            )
            return
        self._run.prune(self.path)
        self._due_at = self._next(time.monotonic() - started)

    def _next(self, cost: float) -> float:
        """When to write again; not so often that it takes more than its share."""
        seconds = self._run.settings.checkpoint_seconds
        return time.monotonic() + (max(seconds, cost / _MOST_SHARE) if seconds else 0.0)

    def _tell_of_others(self) -> None:
        if any(self._run.folder.glob(f"{self._prefix}*{_SUFFIX}")):
            self._run.progress.note(
                f"{self._name} trains anew: what lies in {CHECKPOINTS_FOLDER} is of other data, "
                "settings or versions"
            )


def _write(path: Path, key: str, saved: Saved) -> None:
    """Write a file and put it in place at once, on the disk before returning."""
    # Not ascontiguousarray, which gives a scalar a dimension.
    arrays = {name: np.asarray(array, order="C") for name, array in saved.arrays.items()}
    header = {
        "key": key,
        "history": [asdict(epoch) for epoch in saved.history],
        "best_epoch": saved.best_epoch,
        "best": saved.best,
        "is_finished": saved.is_finished,
        "checksum": _checksum(arrays),
    }
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(arrays, partial, metadata={_HEADER: json.dumps(header)})
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _read(path: Path, key: str) -> Saved:
    """Read back what ``_write`` wrote; anything may be wrong with it."""
    with safe_open(path, framework="numpy") as file:
        header: dict[str, Any] = json.loads(file.metadata()[_HEADER])
        if header["key"] != key:
            raise ValueError("it is of another one")
        # Copies: training writes into its arrays.
        arrays: Arrays = {name: np.array(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    if header["checksum"] != _checksum(arrays):
        raise ValueError("its checksum is wrong")
    return Saved(
        [Epoch(**epoch) for epoch in header["history"]],
        header["best_epoch"],
        header["best"],
        header["is_finished"],
        arrays,
    )


def _checksum(arrays: Arrays) -> int:
    total = 0
    for name in sorted(arrays):
        array = arrays[name]
        total = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), total)
        total = zlib.crc32(array.reshape(-1).view(np.uint8).data, total)
    return total


@cache
def _code() -> str:
    """Hash of this package's own code: another version of it may learn or stop otherwise."""
    folder = Path(__file__).parent
    files = sorted([*folder.rglob("*.py"), *folder.rglob("*.[ch]")])
    return digest_of([path.read_text() for path in files])
