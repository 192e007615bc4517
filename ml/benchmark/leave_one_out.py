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
from ml.benchmark.choosing import Choice, Race, race
from ml.benchmark.folds import plain_fold
from ml.benchmark.leave_one_out_data import LeaveOneOut, Records, read_leave_one_out
from ml.benchmark.presets import CHOICES
from ml.benchmark.results import BenchmarkResult
from ml.benchmark.runner import Measured
from ml.dataset import Fold
from ml.evaluation.protocol import Evaluation
from ml.models.recency import without_order
from ml.models.registry import MODELS
from ml.models.settings import ModelSettings
from ml.progress import Progress
from ml.settings import Settings
from ml.trials import SIMPLE_MODELS, new_model

METRICS: Final = ("hr@10", "ndcg@10", "auc")
LARGEST_EASE: Final = 20_000
"""Items beyond which EASE's dense matrix takes several GiB and its inverse many minutes."""

_SHARES: Final = {"ncf": 2.0}
"""Of the time that learned models share; those that are not named have 1."""

_SECONDS_PER_DAY: Final = 86_400.0


@dataclass(frozen=True)
class Tuned:
    """What validation chose for one model.

    Parameters
    ----------
    name : str
    race : Race
    seconds : float
        Of all that was tried.
    """

    name: str
    race: Race
    seconds: float

    @property
    def best(self) -> Choice:
        """What is refitted."""
        return self.race.best

    def to_dict(self) -> dict[str, Any]:
        """For the benchmark's JSON."""
        return {
            "settings": _dumped(self.best.settings),
            "epochs": self.best.epochs,
            "validation_ndcg@10": self.best.ndcg_at_10,
            "tried": [
                {
                    "settings": _dumped(one.settings),
                    "epochs": one.epochs,
                    "ndcg@10": one.ndcg_at_10,
                    "ended": one.ended,
                }
                for one in self.race.tried
            ],
            "not_tried_for_lack_of_time": [_dumped(one) for one in self.race.untried],
        }


def _dumped(settings: ModelSettings | None) -> dict[str, Any]:
    return {} if settings is None else settings.model_dump(mode="json")


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


def measure_folder(
    folder: Path, settings: Settings, progress: Progress, minutes: float | None = None
) -> Measured:
    """Tune, refit and measure every model on a leave-one-out folder.

    Parameters
    ----------
    folder : Path
    settings : Settings
        Its models, seed, threads and bootstrap samples.
    progress : Progress
    minutes : float, optional
        For all of it; the settings' ``leave_one_out_minutes`` without. Baselines take what they
        need, learned models share the rest.

    Returns
    -------
    Measured

    Raises
    ------
    InputError
        The folder is not as :mod:`ml.benchmark.leave_one_out_data` wants it.
    """
    started = time.monotonic()
    given = settings.benchmark.leave_one_out_minutes if minutes is None else minutes
    ends_at = started + 60 * given
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
    # The simplest first: what they leave of the time is shared out among the others.
    names = [name for name in MODELS if name in settings.models]
    for place, name in enumerate(names):
        if name == "ease" and data.n_items > LARGEST_EASE:
            results.append(_left_out(data, name))
            continue
        tuned = tune(name, data, carved, settings, progress, _until(names[place:], ends_at))
        evaluation, seconds = _test(tuned, data, settings, progress)
        results += _rows(data.name, tuned, evaluation, seconds)
        chosen[name] = tuned.to_dict()
    return Measured(
        results, {"seed": settings.seed, "remarks": list(data.remarks), "chosen": chosen}
    )


def _until(names: Sequence[str], ends_at: float) -> float | None:
    """When the first of some models has to be done, refit included; None for a baseline."""
    if names[0] in SIMPLE_MODELS:
        return None
    now = time.monotonic()
    shares = [_SHARES.get(name, 1.0) for name in names if name not in SIMPLE_MODELS]
    return now + (ends_at - now) * shares[0] / sum(shares)


def tune(
    name: str,
    data: LeaveOneOut,
    carved: Carved,
    settings: Settings,
    progress: Progress,
    stop_at: float | None = None,
) -> Tuned:
    """Choose a model's settings and epochs on validation.

    Parameters
    ----------
    name : str
    data : LeaveOneOut
    carved : Carved
    settings : Settings
    progress : Progress
    stop_at : float, optional
        As in :func:`ml.benchmark.choosing.race`.

    Returns
    -------
    Tuned
    """
    fold = leave_one_out_fold(data, carved.train)
    monitor = candidate_monitor(carved.validation, settings.block_size)
    with progress.step(f"tune {name}") as step:
        started = time.perf_counter()
        choices = _different(CHOICES[name], has_times=fold.adoption_age is not None)
        found = race(name, choices, fold, monitor, settings, stop_at=stop_at, tell=step.update)
        step.outcome = f"ndcg@10 {found.best.ndcg_at_10:.4f} on validation, {found}"
    return Tuned(name, found, time.perf_counter() - started)


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
        BenchmarkResult(
            case, tuned.name, "validation_ndcg@10", tuned.best.ndcg_at_10, note=str(tuned.race)
        ),
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
