"""Run another library as a process of its own: pairs in, a score for every pair out."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ml.dataset import FloatArray, Fold, IntArray

_SCRIPTS: Final = Path(__file__).parent / "scripts"
_LAST_LINES: Final = 1


class PeerError(Exception):
    """A library that is not there, fails, or takes too long; the text says which."""


@dataclass(frozen=True)
class PeerEpoch:
    """One epoch of a library, traced.

    Parameters
    ----------
    scores : ndarray of float32, (n_clients, n_services)
        After it.
    seconds : float
        Of its training alone.
    samples : int
        (client, service, label) triples that it trained on.
    """

    scores: FloatArray
    seconds: float
    samples: int

    def score(self, clients: IntArray) -> FloatArray:
        """Scores of all services for some clients."""
        found: FloatArray = self.scores[clients]
        return found


@dataclass(frozen=True)
class PeerFit:
    """One fit of a library.

    Parameters
    ----------
    scores : ndarray of float32, (n_clients, n_services)
    seconds : float
        Of its training and scoring, without the start of its process.
    best_epoch : int or None
        Its own early stopping's choice, where it has one.
    epochs : tuple of PeerEpoch
        Where tracing was asked for.
    """

    scores: FloatArray
    seconds: float
    best_epoch: int | None
    epochs: tuple[PeerEpoch, ...] = ()

    def score(self, clients: IntArray) -> FloatArray:
        """Scores of all services for some clients."""
        found: FloatArray = self.scores[clients]
        return found


@dataclass(frozen=True)
class Job:
    """What a library is asked to do.

    Parameters
    ----------
    python : Path
        Interpreter that has the library.
    script : str
        Name of a program in ``scripts``.
    kind : str
        Which of its models.
    seed, threads : int
    seconds : float
        Time after which it is given up.
    """

    python: Path
    script: str
    kind: str
    seed: int
    threads: int
    seconds: float


@contextmanager
def peer_fits(
    job: Job, fold: Fold, settings: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[list[PeerFit], dict[str, str]]]:
    """Fit a library on a fold's interactions, once per settings.

    Parameters
    ----------
    job : Job
    fold : Fold
        Only who has what is passed on: no features, no times, no labels.
    settings : sequence of mapping
        As the library's own names have it.

    Yields
    ------
    fits : list of PeerFit
        In the order of ``settings``; read from disk as they are used.
    versions : dict of str to str
        Of the library.

    Raises
    ------
    PeerError
        It could not be run.
    """
    with tempfile.TemporaryDirectory(prefix="cross-sell-peer-") as name:
        folder = Path(name)
        _write(folder, job, fold, settings)
        run_peer(job, folder)
        yield _read(folder, fold, len(settings))


def _write(folder: Path, job: Job, fold: Fold, settings: Sequence[Mapping[str, Any]]) -> None:
    owned = fold.interactions.tocoo()
    np.savez(
        folder / "pairs.npz",
        clients=owned.row.astype(np.int32),
        services=owned.col.astype(np.int32),
    )
    content = {
        "kind": job.kind,
        "seed": job.seed,
        "threads": job.threads,
        "shape": [fold.n_clients, fold.n_services],
        "settings": [dict(one) for one in settings],
    }
    (folder / "job.json").write_text(json.dumps(content))


def run_peer(job: Job, folder: Path) -> None:
    """Run a program of another library in a folder that holds its job, and wait for it.

    Raises
    ------
    PeerError
        It is not installed, failed, or took too long.
    """
    threads = str(job.threads)
    environment = {
        **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        "OMP_NUM_THREADS": threads,
        # implicit runs threads of its own and warns where BLAS has more than one.
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    command = [str(job.python), str(_SCRIPTS / f"{job.script}.py"), str(folder)]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=job.seconds,
        )
    except OSError as error:
        raise PeerError(f"no interpreter for it ({error.strerror}): run 'make peers'") from None
    except subprocess.TimeoutExpired:
        raise PeerError(f"given up after {job.seconds:.0f} s") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()[-_LAST_LINES:] or [f"exit {done.returncode}"]
        raise PeerError(f"it failed ({lines[0][:200]}): run 'make peers'")


def _read(folder: Path, fold: Fold, count: int) -> tuple[list[PeerFit], dict[str, str]]:
    result = json.loads((folder / "result.json").read_text())
    fits = []
    for i, run in enumerate(result["runs"][:count]):
        scores = np.load(folder / f"scores_{i}.npy", mmap_mode="r")
        if scores.shape != (fold.n_clients, fold.n_services):
            raise PeerError(f"its scores have shape {scores.shape}")
        if not np.isfinite(scores).all():
            raise PeerError("its scores are not all finite numbers")
        epochs = tuple(
            PeerEpoch(
                np.load(folder / f"trace_{i}_{number}.npy", mmap_mode="r"),
                epoch["seconds"],
                int(epoch["samples"]),
            )
            for number, epoch in enumerate(run.get("epochs", ()))
        )
        fits.append(PeerFit(scores, run["seconds"], run.get("best_epoch"), epochs))
    return fits, result["versions"]
