"""Quality and time of other libraries and of ours, on the same splits by the same code."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from ml.adjustment import Adjusted
from ml.benchmark.available import available
from ml.benchmark.choosing import race
from ml.benchmark.peers.cases import (
    ALL,
    MADE_UP,
    ML_100K_LEAVE_ONE_OUT,
    Case,
    Source,
    made_up_case,
    movielens_case,
    warehouse_case,
)
from ml.benchmark.peers.jobs import PeerError, peer_fits
from ml.benchmark.peers.libraries import LIBRARIES, Library, Options
from ml.benchmark.results import BenchmarkResult
from ml.benchmark.runner import Measured
from ml.evaluation.protocol import Evaluation
from ml.parallel import blocks
from ml.progress import Progress
from ml.settings import Settings
from ml.trials import new_model

SECONDS: Final = "seconds"


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
    sources: Mapping[str, Source] | None = None,
    libraries: Sequence[Library] = LIBRARIES,
) -> Measured:
    """Measure other libraries and the settings' own models on every case.

    A library that cannot be run gets rows without values, whose note says why; data that is not
    there is left out, and the console says so.

    Parameters
    ----------
    settings : Settings
    progress : Progress
    sources : mapping of str to callable, optional
        Makes each case; by default the warehouse's folds, the made-up data, and MovieLens 100K.
    libraries : sequence of Library

    Returns
    -------
    Measured

    Raises
    ------
    InputError
        None of the data is there.
    """
    found = sources or {
        settings.benchmark.data_name: warehouse_case,
        **{name: partial(made_up_case, name) for name in MADE_UP},
        ML_100K_LEAVE_ONE_OUT: movielens_case,
    }
    results: list[BenchmarkResult] = []
    chosen: dict[str, dict[str, Any]] = {}
    versions: dict[str, str] = {}
    for case_name, case in available(found, settings, progress):
        outcomes = _outcomes(case, settings, progress, libraries)
        k = next(one.evaluation.k for _, one in outcomes if isinstance(one, Outcome))
        metrics = (f"hr@{k}", f"ndcg@{k}", "auc")
        for name, outcome in outcomes:
            if isinstance(outcome, PeerError):
                results += _missing(case_name, name, str(outcome), metrics)
                continue
            results += _figures(case_name, name, outcome, metrics)
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
    metric, value = outcome.evaluation.choice_metric, outcome.evaluation.choice_value
    return "no labels" if value is None else f"{metric} {value:.4f}"


def _own(name: str, case: Case, settings: Settings) -> Outcome:
    found = race(name, case.choices[name], case.learn, case.monitor, settings)
    best = found.best
    start = time.perf_counter()
    model = new_model(settings, name, best.settings)
    model.fit(case.relearn, epochs=best.epochs)
    final = Adjusted.of(model, case.relearn, best.adjustment)
    everyone = np.arange(case.relearn.n_clients, dtype=np.int32)
    for block in blocks(len(everyone), settings.block_size):
        final.score(everyone[block])
    seconds = time.perf_counter() - start
    options = {} if best.settings is None else best.settings.model_dump(mode="json")
    notes = [] if len(found.tried) == 1 else [f"{found}, on validation"]
    note = ", ".join([*notes, str(best.adjustment)] if str(best.adjustment) else notes) or None
    chosen = {**options, "epochs": best.epochs, "adjustment": asdict(best.adjustment)}
    return Outcome(case.evaluate(final), seconds, chosen, {}, note)


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


def _figures(
    case: str, name: str, outcome: Outcome, metrics: Sequence[str]
) -> list[BenchmarkResult]:
    rows = {row.metric: row for row in outcome.evaluation.rows if row.segment == ALL}
    quality = [
        BenchmarkResult(
            case, name, metric, rows[metric].value, rows[metric].ci_low, rows[metric].ci_high,
            rows[metric].client_count, note=outcome.note,
        )
        for metric in metrics
    ]  # fmt: skip
    return [*quality, BenchmarkResult(case, name, SECONDS, outcome.seconds, note=outcome.note)]


def _missing(case: str, name: str, why: str, metrics: Sequence[str]) -> list[BenchmarkResult]:
    return [
        BenchmarkResult(case, name, metric, None, sample_count=0, note=why)
        for metric in (*metrics, SECONDS)
    ]
