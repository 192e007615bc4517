"""Quality and time of other libraries and of ours, on the same splits by the same code."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ml import contracts
from ml.benchmark.peers.jobs import PeerError, peer_fits
from ml.benchmark.peers.libraries import LIBRARIES, Library, Options
from ml.benchmark.results import BenchmarkResult
from ml.benchmark.runner import Measured
from ml.dataset import Fold, build_folds
from ml.evaluation.protocol import EpochEvaluator, EpochQuality, Evaluation, Scores, evaluate
from ml.marts import read_marts
from ml.models.base import ModelSettings, Recommender, blocks
from ml.models.registry import create
from ml.progress import Progress
from ml.settings import Settings
from ml.trials import CHAMPION_METRIC, model_settings

METRICS: Final = ("hr@10", CHAMPION_METRIC, "auc")
SECONDS: Final = "seconds"
ALL: Final = "all"


@dataclass(frozen=True)
class Case:
    """Data on which everybody is measured.

    Parameters
    ----------
    learn, relearn : Fold
        What is learned from while settings and epochs are chosen, and with what was chosen.
    monitor : callable
        Measures a model that learned from ``learn``, on validation labels.
    evaluate : callable
        Measures a model that learned from ``relearn``, on the test labels: once.
    choices : mapping of str to sequence of ModelSettings
        Our models, and the settings that each may choose among.
    """

    learn: Fold
    relearn: Fold
    monitor: Callable[[Scores], EpochQuality]
    evaluate: Callable[[Scores], Evaluation]
    choices: Mapping[str, Sequence[ModelSettings | None]]


@dataclass(frozen=True)
class Outcome:
    """What one model reached on the test labels.

    Parameters
    ----------
    evaluation : Evaluation
    seconds : float
        Training on the test fold's interactions and scoring every client, once, with what was
        chosen before.
    chosen : mapping
        On validation.
    versions : mapping of str to str
    note : str or None
    """

    evaluation: Evaluation
    seconds: float
    chosen: Options
    versions: Mapping[str, str]
    note: str | None = None


def measure_peers(
    settings: Settings,
    progress: Progress,
    sources: Mapping[str, Callable[[Progress], Case]] | None = None,
    libraries: Sequence[Library] = LIBRARIES,
) -> Measured:
    """Measure other libraries and the settings' own models on every case.

    A library that cannot be run gets rows without values, whose note says why.

    Parameters
    ----------
    settings : Settings
    progress : Progress
    sources : mapping of str to callable, optional
        Makes each case; the warehouse's folds by default.
    libraries : sequence of Library

    Returns
    -------
    Measured
    """
    found = sources or {settings.benchmark.data_name: lambda p: warehouse_case(settings, p)}
    results: list[BenchmarkResult] = []
    chosen: dict[str, dict[str, Any]] = {}
    versions: dict[str, str] = {}
    for case_name, source in found.items():
        case = source(progress)
        for name, outcome in _outcomes(case, settings, progress, libraries):
            if isinstance(outcome, PeerError):
                results += _missing(case_name, name, str(outcome))
                continue
            results += _figures(case_name, name, outcome)
            chosen.setdefault(case_name, {})[name] = dict(outcome.chosen)
            versions.update(outcome.versions)
    return Measured(
        results,
        {
            "seed": settings.seed,
            "chosen": chosen,
            "budgets": {library.name: [dict(o) for o in library.grid] for library in libraries},
        },
        versions,
    )


def warehouse_case(settings: Settings, progress: Progress) -> Case:
    """The warehouse's own validation and test folds, every eligible service ranked."""
    with progress.step("read marts") as step:
        folds = build_folds(read_marts(settings, step))
    return fold_case(folds[contracts.FOLD_VALIDATION], folds[contracts.FOLD_TEST], settings)


def fold_case(validation: Fold, test: Fold, settings: Settings) -> Case:
    """Two folds with labels of their own; our models as the settings have them."""
    return Case(
        validation,
        test,
        EpochEvaluator(validation, settings.block_size),
        lambda model: evaluate(
            model.score,
            test,
            segments={ALL: np.ones(len(test.labelled_clients), dtype=np.bool_)},
            block_size=settings.block_size,
            resamples=settings.bootstrap_samples,
            seed=settings.seed,
        ),
        {name: (model_settings(settings, name),) for name in settings.models},
    )


def _outcomes(
    case: Case, settings: Settings, progress: Progress, libraries: Sequence[Library]
) -> list[tuple[str, Outcome | PeerError]]:
    found: list[tuple[str, Outcome | PeerError]] = []
    for name in case.choices:
        with progress.step(name) as step:
            outcome = _own(name, case, settings)
            step.outcome = _told(outcome)
            found.append((name, outcome))
    for library in libraries:
        with progress.step(library.name) as step:
            try:
                other = _other(library, case, settings)
            except PeerError as error:
                step.outcome = f"left out: {error}"
                found.append((library.name, error))
                continue
            step.outcome = _told(other)
            found.append((library.name, other))
    return found


def _told(outcome: Outcome) -> str:
    value = outcome.evaluation.value(CHAMPION_METRIC)
    return "no labels" if value is None else f"{CHAMPION_METRIC} {value:.4f}"


def _own(name: str, case: Case, settings: Settings) -> Outcome:
    tried: list[tuple[float, int, ModelSettings | None]] = []
    for choice in case.choices[name]:
        model = _new(name, choice, settings)
        model.fit(case.learn, monitor=case.monitor)
        tried.append((case.monitor(model).ndcg_at_10, model.best_epoch, choice))
    _, epochs, chosen = max(tried, key=lambda one: one[0])
    start = time.perf_counter()
    final = _new(name, chosen, settings)
    final.fit(case.relearn, epochs=epochs)
    everyone = np.arange(case.relearn.n_clients, dtype=np.int32)
    for block in blocks(len(everyone), settings.block_size):
        final.score(everyone[block])
    seconds = time.perf_counter() - start
    options = {} if chosen is None else chosen.model_dump(mode="json")
    note = None if len(tried) == 1 else f"the best of {len(tried)} settings on validation"
    return Outcome(case.evaluate(final), seconds, {**options, "epochs": epochs}, {}, note)


def _new(name: str, choice: ModelSettings | None, settings: Settings) -> Recommender:
    return create(name, choice, seed=settings.seed, threads=settings.threads)


def _other(library: Library, case: Case, settings: Settings) -> Outcome:
    job = library.job(settings)
    with peer_fits(job, case.learn, library.grid) as (fits, _):
        best = int(np.argmax([case.monitor(fit).ndcg_at_10 for fit in fits]))
        chosen = dict(library.grid[best])
        if library.stops_itself:
            # With the epochs given, all interactions are trained on.
            chosen = {**chosen, "epochs": fits[best].best_epoch}
    with peer_fits(job, case.relearn, [chosen]) as ([fit], versions):
        return Outcome(case.evaluate(fit), fit.seconds, chosen, versions, _note(library, chosen))


def _note(library: Library, chosen: Options) -> str:
    if library.stops_itself:
        return f"{chosen['epochs']} epochs, as its own early stopping chose"
    varied = [key for key in chosen if len({str(one[key]) for one in library.grid}) > 1]
    what = ", ".join(f"{key} {chosen[key]}" for key in varied)
    return f"{what}: the best of {len(library.grid)} on validation"


def _figures(case: str, name: str, outcome: Outcome) -> list[BenchmarkResult]:
    rows = {row.metric: row for row in outcome.evaluation.rows if row.segment == ALL}
    quality = [
        BenchmarkResult(
            case, name, metric, rows[metric].value, rows[metric].ci_low, rows[metric].ci_high,
            rows[metric].client_count, note=outcome.note,
        )
        for metric in METRICS
    ]  # fmt: skip
    return [*quality, BenchmarkResult(case, name, SECONDS, outcome.seconds, note=outcome.note)]


def _missing(case: str, name: str, why: str) -> list[BenchmarkResult]:
    return [
        BenchmarkResult(case, name, metric, None, sample_count=0, note=why)
        for metric in (*METRICS, SECONDS)
    ]
