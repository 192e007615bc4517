"""Training speed at the study's three sizes and two larger ones."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np
from scipy import sparse

from ml.benchmark import study
from ml.benchmark.folds import plain_fold
from ml.benchmark.generated import Size, generate
from ml.benchmark.results import BenchmarkResult
from ml.benchmark.runner import Measured
from ml.benchmark.settings import BenchmarkSettings
from ml.dataset import Fold
from ml.progress import Progress
from ml.settings import Settings
from ml.trials import new_model

LARGER_SIZES: Final = (Size(30_000, 1_000, 3_000_000), Size(100_000, 1_000, 10_000_000))
"""A hundred records per client, as the study's largest size has."""

GROWTH: Final = "growth"
_SECONDS_PER_MINUTE: Final = 60.0


@dataclass(frozen=True)
class Training:
    """What one training took.

    Parameters
    ----------
    setup_seconds : float
        Before and between the epochs.
    epoch_seconds : float
        Of one pass over the records.
    """

    setup_seconds: float
    epoch_seconds: float

    def minutes(self, epochs: int) -> float:
        """Minutes that a training of so many epochs takes."""
        return (self.setup_seconds + epochs * self.epoch_seconds) / _SECONDS_PER_MINUTE


def measure_speed(
    settings: Settings, progress: Progress, sizes: Sequence[Size] = (*study.SIZES, *LARGER_SIZES)
) -> Measured:
    """Train both models at every size and take the time.

    Training is the project's own (``Recommender.fit`` without validation), loading and
    evaluation left out. Records per minute are records over the whole training time, as in
    the study.

    Parameters
    ----------
    settings : Settings
    progress : Progress
    sizes : sequence of Size
        The study's and two larger ones by default.

    Returns
    -------
    Measured
    """
    results: list[BenchmarkResult] = []
    minutes: dict[str, list[tuple[Size, float]]] = {name: [] for name in study.MODELS}
    for size in sizes:
        with progress.step(f"generate {size}"):
            records = generate(size, settings.seed).records
            fold = plain_fold(records, sparse.csr_matrix(records.shape, dtype=np.float32))
        for name in study.MODELS:
            with progress.step(f"train {name}") as step:
                trainings, epochs = _measure(name, settings, fold)
                found = _figures(size, name, trainings, epochs, settings.benchmark)
                results += found
                minutes[name].append((size, found[0].value or 0.0))
                step.outcome = f"{size}: {found[0].value:.3g} min, {len(trainings)} repeats"
    results += [_growth(name, minutes[name]) for name in study.MODELS]
    return Measured(results, _settings(settings))


def _settings(settings: Settings) -> dict[str, Any]:
    return {
        "epochs": settings.benchmark.speed_epochs,
        "seed": settings.seed,
        **{name: getattr(settings, name).model_dump(mode="json") for name in study.MODELS},
    }


def _measure(name: str, settings: Settings, fold: Fold) -> tuple[list[Training], int]:
    """Trainings of one model at one size, as many as the time allows, and their epochs.

    A first epoch is not counted: it warms up libraries and tells how long the others take.
    """
    wanted, limit = settings.benchmark.speed_epochs, settings.benchmark.speed_seconds
    pilot = _train(name, settings, fold, 1)
    whole = pilot.setup_seconds + wanted * pilot.epoch_seconds
    epochs = wanted if whole <= limit else max(1, int(limit / pilot.epoch_seconds))
    repeats = min(settings.benchmark.speed_repeats, max(1, int(limit / max(whole, 1e-9))))
    epochs = min(epochs, wanted)
    return [_train(name, settings, fold, epochs) for _ in range(repeats)], epochs


def _train(name: str, settings: Settings, fold: Fold, epochs: int) -> Training:
    model = new_model(settings, name)
    start = time.perf_counter()
    history = model.fit(fold, epochs=epochs)
    seconds = time.perf_counter() - start
    in_epochs = sum(epoch.seconds for epoch in history)
    return Training(seconds - in_epochs, in_epochs / len(history))


def _figures(
    size: Size, name: str, trainings: list[Training], epochs: int, settings: BenchmarkSettings
) -> list[BenchmarkResult]:
    minutes = [training.minutes(settings.speed_epochs) for training in trainings]
    note = (
        None
        if epochs == settings.speed_epochs
        else f"scaled up from {epochs} measured epochs to {settings.speed_epochs}"
    )
    key, middle = (size, name), median(minutes)
    return [
        BenchmarkResult(
            str(size), name, "train_minutes", middle, min(minutes), max(minutes), len(minutes),
            study.TRAIN_MINUTES.get(key), note,
        ),
        BenchmarkResult(
            str(size), name, "records_per_minute", size.records / middle,
            size.records / max(minutes), size.records / min(minutes), len(minutes),
            study.RECORDS_PER_MINUTE.get(key), note,
        ),
        BenchmarkResult(
            str(size), name, "epochs", float(settings.speed_epochs), sample_count=len(minutes)
        ),
    ]  # fmt: skip


def _growth(name: str, minutes: list[tuple[Size, float]]) -> BenchmarkResult:
    """How training time grows with the number of records; the study's from its own three."""
    in_study = [
        (size, time) for (size, model), time in study.TRAIN_MINUTES.items() if model == name
    ]
    return BenchmarkResult(
        GROWTH, name, "cost_exponent", cost_exponent(minutes), sample_count=len(minutes),
        study_value=cost_exponent(in_study),
        note="time grows as records to this power; the study's is ours, from its three times",
    )  # fmt: skip


def cost_exponent(minutes: Sequence[tuple[Size, float]]) -> float:
    """Slope of log time over log records, by least squares.

    1: twice the records take twice as long.

    Examples
    --------
    >>> round(cost_exponent([(Size(1, 1, 100), 0.5), (Size(1, 1, 10_000), 50.0)]), 6)
    1.0
    """
    records = [math.log(size.records) for size, _ in minutes]
    times = [math.log(time) for _, time in minutes]
    return float(np.polyfit(records, times, 1)[0])
