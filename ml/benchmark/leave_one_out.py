"""Leave one out, rank it among sampled negatives: the protocol of the NCF paper.

He et al., WWW 2017, section 4.1. Their code picks the best epoch on the test items; here
settings and epochs are chosen on a validation split carved from train, every model is then
refitted on all of train, and the test items are looked at once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import sparse

from ml.benchmark.candidates import candidate_monitor, evaluate_candidates
from ml.benchmark.carving import Carved, carve
from ml.benchmark.choosing import Choice, best_of, try_choices
from ml.benchmark.folds import plain_fold
from ml.benchmark.leave_one_out_data import LeaveOneOut, Records, read_leave_one_out
from ml.benchmark.presets import CHOICES
from ml.benchmark.results import BenchmarkResult
from ml.benchmark.runner import Measured
from ml.dataset import Fold
from ml.evaluation.protocol import Evaluation
from ml.models.recency import without_order
from ml.models.settings import ModelSettings
from ml.progress import Progress
from ml.settings import Settings
from ml.trials import new_model

METRICS: Final = ("hr@10", "ndcg@10", "auc")
LARGEST_EASE: Final = 20_000
"""Items beyond which EASE's dense matrix takes several GiB and its inverse many minutes."""

_SECONDS_PER_DAY: Final = 86_400.0


@dataclass(frozen=True)
class Tuned:
    """What validation chose for one model.

    Parameters
    ----------
    name : str
    best : Choice
    tried : list of Choice
    seconds : float
        Of all that was tried.
    """

    name: str
    best: Choice
    tried: list[Choice]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For the benchmark's JSON."""
        return {
            "settings": _dumped(self.best),
            "epochs": self.best.epochs,
            "validation_ndcg@10": self.best.ndcg_at_10,
            "tried": [
                {"settings": _dumped(one), "epochs": one.epochs, "ndcg@10": one.ndcg_at_10}
                for one in self.tried
            ],
        }


def _dumped(choice: Choice) -> dict[str, Any]:
    return {} if choice.settings is None else choice.settings.model_dump(mode="json")


def leave_one_out_fold(data: LeaveOneOut, train: Records) -> Fold:
    """What models learn from.

    Parameters
    ----------
    data : LeaveOneOut
    train : Records
        All of ``data.train`` or a part of it.

    Returns
    -------
    Fold
        Without labels.
    """
    shape = (data.n_users, data.n_items)
    known = train.matrix(*shape)
    fold = plain_fold(known, sparse.csr_matrix(shape, dtype=np.float32))
    ages = None
    if train.seconds is not None:
        # A stored zero would be lost to many sparse operations: a second is the least age.
        days = np.maximum(train.seconds.max() - train.seconds, 1.0) / _SECONDS_PER_DAY
        ages = sparse.csr_matrix((days.astype(np.float32), (train.users, train.items)), shape)
    return Fold(
        **{
            **vars(fold),
            "client_features": data.user_features,
            "service_features": data.item_features,
            "client_feature_names": data.user_feature_names,
            "service_feature_names": data.item_feature_names,
            "adoption_age": ages,
        }
    )


def measure_folder(folder: Path, settings: Settings, progress: Progress) -> Measured:
    """Tune, refit and measure every model on a leave-one-out folder.

    Parameters
    ----------
    folder : Path
    settings : Settings
        Its models, seed, threads and bootstrap samples.
    progress : Progress

    Returns
    -------
    Measured

    Raises
    ------
    InputError
        The folder is not as :mod:`ml.benchmark.leave_one_out_data` wants it.
    """
    with progress.step("read leave-one-out folder") as step:
        data = read_leave_one_out(folder)
        step.outcome = (
            f"{data.n_users:,} users, {data.n_items:,} items, {len(data.train.users):,} records,"
            f" {len(data.test.users):,} tests"
        )
    for remark in data.remarks:
        progress.console.print(f"  [yellow]note:[/yellow] {remark}", markup=True)
    carved = carve(data, settings.seed)
    results: list[BenchmarkResult] = []
    chosen: dict[str, Any] = {}
    for name in settings.models:
        if name == "ease" and data.n_items > LARGEST_EASE:
            results.append(_left_out(data, name))
            continue
        tuned = tune(name, data, carved, settings, progress)
        evaluation, seconds = _test(tuned, data, settings, progress)
        results += _rows(data.name, tuned, evaluation, seconds)
        chosen[name] = tuned.to_dict()
    return Measured(
        results, {"seed": settings.seed, "remarks": list(data.remarks), "chosen": chosen}
    )


def tune(
    name: str, data: LeaveOneOut, carved: Carved, settings: Settings, progress: Progress
) -> Tuned:
    """Choose a model's settings and epochs on validation.

    Parameters
    ----------
    name : str
    data : LeaveOneOut
    carved : Carved
    settings : Settings
    progress : Progress

    Returns
    -------
    Tuned
    """
    fold = leave_one_out_fold(data, carved.train)
    monitor = candidate_monitor(carved.validation, settings.block_size)
    with progress.step(f"tune {name}") as step:
        started = time.perf_counter()
        choices = _different(CHOICES[name], has_times=fold.adoption_age is not None)
        tried = try_choices(name, choices, fold, monitor, settings, step.update)
        best = best_of(tried)
        step.outcome = (
            f"ndcg@10 {best.ndcg_at_10:.4f} on validation, best of {len(choices)} settings"
        )
    return Tuned(name, best, tried, time.perf_counter() - started)


def _different(choices: Sequence[ModelSettings], *, has_times: bool) -> list[ModelSettings]:
    """Leave out the choices that would come to the same without times."""
    if has_times:
        return list(choices)
    kept: list[ModelSettings] = []
    for choice in map(without_order, choices):
        if choice not in kept:
            kept.append(choice)
    return kept


def _test(
    tuned: Tuned, data: LeaveOneOut, settings: Settings, progress: Progress
) -> tuple[Evaluation, float]:
    """Refit on all of train and look at the test items, once."""
    fold = leave_one_out_fold(data, data.train)
    with progress.step(f"test {tuned.name}") as step:
        started = time.perf_counter()
        model = new_model(settings, tuned.name, tuned.best.settings)
        model.fit(
            fold,
            epochs=tuned.best.epochs,
            progress=lambda epoch: step.update(f"epoch {epoch.number}"),
        )
        seconds = time.perf_counter() - started
        evaluation = evaluate_candidates(
            model,
            data.test,
            fold.is_cold_client,
            block_size=settings.block_size,
            resamples=settings.bootstrap_samples,
            seed=settings.seed,
        )
        step.outcome = ", ".join(f"{m} {evaluation.value(m) or 0:.4f}" for m in METRICS)
    return evaluation, seconds


def _rows(case: str, tuned: Tuned, evaluation: Evaluation, seconds: float) -> list[BenchmarkResult]:
    """Figures of all users, and of those unknown to training where there are any."""
    rows = [
        BenchmarkResult(
            case,
            tuned.name,
            row.metric if row.segment == "all" else f"{row.metric} {row.segment}",
            row.value,
            row.ci_low,
            row.ci_high,
            max(row.client_count, 1),
        )
        for row in evaluation.rows
        if row.metric in METRICS
        and (row.segment == "all" or (row.segment == "cold" and row.client_count))
    ]
    return [
        *rows,
        BenchmarkResult(case, tuned.name, "validation_ndcg@10", tuned.best.ndcg_at_10),
        BenchmarkResult(case, tuned.name, "seconds", seconds),
        BenchmarkResult(case, tuned.name, "tuning_seconds", tuned.seconds),
    ]


def _left_out(data: LeaveOneOut, name: str) -> BenchmarkResult:
    return BenchmarkResult(
        data.name,
        name,
        "ndcg@10",
        None,
        note=f"left out: {data.n_items:,} items are more than {LARGEST_EASE:,}",
    )
