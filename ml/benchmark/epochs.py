"""Quality after 10, 20 and 50 epochs: one training, measured on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import sparse

from ml.benchmark import study
from ml.benchmark.available import available
from ml.benchmark.folds import plain_fold, random_split
from ml.benchmark.generated import Size, generate
from ml.benchmark.leave_one_out_data import ITEM, USER
from ml.benchmark.movielens import ML_100K, read_ml_100k
from ml.benchmark.results import BenchmarkResult, spread
from ml.benchmark.runner import Measured
from ml.dataset import Fold
from ml.evaluation.protocol import EpochEvaluator, EpochQuality, Scores
from ml.models.base import Recommender
from ml.progress import Progress
from ml.settings import Settings
from ml.trials import new_model

GENERATED: Final = "generated"
ORACLE: Final = "oracle"
HELD_OUT: Final = 0.2
"""Share of the records that is held out, at random."""


@dataclass(frozen=True)
class Split:
    """Data of one seed.

    Parameters
    ----------
    fold : Fold
        Its labels are the held-out records.
    truth : object with ``score``, optional
        What no model can beat, where it is known.
    """

    fold: Fold
    truth: Scores | None = None


Splitter = Callable[[int], Split]
"""Makes the data of one seed."""

Source = Callable[[Settings, Progress], Splitter]
"""Reads what all seeds share, or raises an InputError where it is not there."""


def generated(seed: int, size: Size = study.EPOCHS_SIZE) -> Split:
    """Draw a world of the study's shape, other for every seed, and hold a fifth out."""
    world = generate(size, seed)
    known, labels = random_split(world.records, HELD_OUT, np.random.default_rng(seed))
    return Split(plain_fold(known, labels), world)


def ml_100k(_settings: Settings, progress: Progress) -> Splitter:
    """Read the 100,000 ratings of MovieLens, as "has seen"; a fifth is held out by seed."""
    with progress.step("read ml-100k") as step:
        ratings = read_ml_100k().ratings
        step.outcome = f"{len(ratings):,} ratings"
    _, users = np.unique(ratings.column(USER).to_numpy(zero_copy_only=False), return_inverse=True)
    _, films = np.unique(ratings.column(ITEM).to_numpy(zero_copy_only=False), return_inverse=True)
    ones = np.ones(len(users), dtype=np.float32)
    records = sparse.csr_matrix((ones, (users, films)))

    def split(seed: int) -> Split:
        known, labels = random_split(records, HELD_OUT, np.random.default_rng(seed))
        return Split(plain_fold(known, labels))

    return split


class _AtEpochs:
    """A monitor that measures after some epochs only, and keeps what it found."""

    def __init__(self, evaluator: EpochEvaluator, epochs: Sequence[int]) -> None:
        self._evaluator = evaluator
        self._epochs = frozenset(epochs)
        self._seen = 0
        self.found: dict[int, EpochQuality] = {}

    def __call__(self, model: Recommender) -> EpochQuality:
        self._seen += 1
        if self._seen in self._epochs:
            self.found[self._seen] = self._evaluator(model)
        return self.found.get(self._seen, EpochQuality(0.0, 0.0))


def measure_epochs(
    settings: Settings,
    progress: Progress,
    sources: Mapping[str, Source] | None = None,
    epochs: Sequence[int] = study.EPOCHS,
) -> Measured:
    """Train both models on every source and seed, without early stopping.

    AUC and NDCG@10 are means over clients, every service that the client is not known to have
    being ranked. Values are means over seeds; low and high are the least and the largest.

    Parameters
    ----------
    settings : Settings
    progress : Progress
    sources : mapping of str to callable, optional
        Generated data and MovieLens 100K by default; data that is not there is left out, and
        the console says so.
    epochs : sequence of int
        The study's by default.

    Returns
    -------
    Measured
    """
    results: list[BenchmarkResult] = []
    seeds = [settings.seed + i for i in range(settings.benchmark.epochs_seeds)]
    found_sources = sources or {GENERATED: lambda _s, _p: generated, ML_100K: ml_100k}
    for case, splitter in available(found_sources, settings, progress):
        best: list[float] = []
        found: dict[str, list[dict[int, EpochQuality]]] = {name: [] for name in study.MODELS}
        for seed in seeds:
            split = splitter(seed)
            evaluator = EpochEvaluator(split.fold, settings.block_size)
            if split.truth is not None:
                best.append(evaluator(split.truth).auc)
            seeded = settings.model_copy(update={"seed": seed})
            for name in study.MODELS:
                with progress.step(f"{case} {seed} {name}") as step:
                    monitor = _AtEpochs(evaluator, epochs)
                    new_model(seeded, name).fit(
                        split.fold,
                        monitor=monitor,
                        epochs=max(epochs),
                        progress=lambda epoch: step.update(f"epoch {epoch.number}"),
                    )
                    found[name].append(monitor.found)
                    step.outcome = ", ".join(
                        f"{number}: auc {quality.auc:.4f}"
                        for number, quality in monitor.found.items()
                    )
        results += [
            result for name in study.MODELS for result in _figures(case, name, found[name], epochs)
        ]
        if best:
            results.append(
                spread(case, ORACLE, "auc", best, note="by the true probability: best possible")
            )
    return Measured(results, _settings(settings, seeds, epochs))


def _figures(
    case: str, name: str, found: Sequence[Mapping[int, EpochQuality]], epochs: Sequence[int]
) -> list[BenchmarkResult]:
    aucs = [
        spread(
            case, name, f"auc_after_{number}", [one[number].auc for one in found],
            study_value=study.AUC_AFTER.get((name, number)),
        )
        for number in epochs
    ]  # fmt: skip
    gains = [
        spread(case, name, f"ndcg@10_after_{number}", [one[number].ndcg_at_10 for one in found])
        for number in epochs
    ]
    return [*aucs, *gains]


def _settings(settings: Settings, seeds: Sequence[int], epochs: Sequence[int]) -> dict[str, Any]:
    return {
        "seeds": list(seeds),
        "epochs": list(epochs),
        "held_out": HELD_OUT,
        **{name: getattr(settings, name).model_dump(mode="json") for name in study.MODELS},
    }
