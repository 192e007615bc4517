"""The backtest: all policies over all dates, as a benchmark's figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import numpy as np

from ml.backtest.champions import Chosen, champion_results, choose_champion
from ml.backtest.cycle import Cycle, build_cycle, working_copy
from ml.backtest.dates import History, cycle_dates, read_history
from ml.backtest.policies import (
    POLICIES,
    AlwaysCold,
    NeverRetrain,
    Offered,
    Policy,
    Trainer,
    WarmOnDrift,
    adaptable,
)
from ml.benchmark.results import BACKTEST, BenchmarkResult, BenchmarkRun, spread
from ml.benchmark.runner import Measured, run_benchmark
from ml.contracts import Columns
from ml.errors import InputError
from ml.evaluation.significance import compare
from ml.progress import Progress
from ml.settings import Settings

_QUALITY: Final = ("auc", "calibration_error")
_HITS: Final = "hits"
_SECONDS: Final = "train_seconds"
_ALL: Final = "all dates"
_REGAINED: Final = "regained"
_RECOVERED: Final = "recovered"
_DEPTH: Final = 10


def backtest(
    settings: Settings,
    progress: Progress,
    begin: datetime,
    every: timedelta,
    until: datetime | None,
    model_name: str,
    drift_on: datetime | None = None,
    *,
    has_champions: bool = False,
) -> BenchmarkRun:
    """Replay the policies over history, and keep and show what came of them.

    Parameters
    ----------
    settings : Settings
    progress : Progress
    begin : datetime
        First date on which offers are made.
    every : timedelta
    until : datetime, optional
        Last such date.
    model_name : str
        A model that can go on from what it learned before.
    drift_on : datetime, optional
        When tastes are known to have changed: from then on it is stated how much of what was lost
        has been recovered.
    has_champions : bool, default False
        Also choose a champion among all models on each date, and count the errors.

    Returns
    -------
    BenchmarkRun

    Raises
    ------
    InputError
        Dates for which there is no data.
    ModelError
        A model that cannot go on.
    TransformError
        dbt failed.
    """
    adaptable(settings, model_name)
    history = read_history(settings)
    dates = cycle_dates(history, begin, every, until)
    if drift_on is not None and not dates[0] + history.horizon <= drift_on <= dates[-1]:
        raise InputError(
            f"--drift-on {drift_on:%Y-%m-%d}: offers of one date at least must be observed to "
            f"their end before it, and made after it; they are made from {dates[0]:%Y-%m-%d} to "
            f"{dates[-1]:%Y-%m-%d} and observed for {history.horizon.days} days"
        )
    measure = partial(
        _measure,
        history=history,
        dates=dates,
        model_name=model_name,
        drift_on=drift_on,
        has_champions=has_champions,
    )
    return run_benchmark(BACKTEST, measure, settings, progress)


def _measure(
    settings: Settings,
    progress: Progress,
    *,
    history: History,
    dates: Sequence[datetime],
    model_name: str,
    drift_on: datetime | None,
    has_champions: bool,
) -> Measured:
    trainer = Trainer(model_name, settings, progress)
    policies = [policy(trainer) for policy in POLICIES]
    results: list[BenchmarkResult] = []
    found: list[dict[str, Offered]] = []
    champions: list[Chosen] = []
    with working_copy(settings, progress) as copy:
        for date in dates:
            cycle = build_cycle(copy, history, date, progress)
            offered = {}
            for policy in policies:
                with progress.step(f"{date:%Y-%m-%d} {policy.name}") as step:
                    offered[policy.name] = policy.at(cycle)
                    step.outcome = _told(offered[policy.name])
            results += _of_date(cycle, offered, settings)
            found.append(offered)
            if has_champions:
                champions.append(choose_champion(cycle, settings, progress))
    if champions:
        results += champion_results([f"{date:%Y-%m-%d}" for date in dates], champions, _ALL)
    return Measured(
        [
            *results,
            *_over_all(found),
            *_regained(dates, found),
            *_recovered(dates, found, history.horizon, drift_on),
        ],
        {
            "model": model_name,
            "dates": [f"{date:%Y-%m-%d}" for date in dates],
            "drift_on": None if drift_on is None else f"{drift_on:%Y-%m-%d}",
            Columns.HORIZON_DAYS: history.horizon.days,
            "seed": settings.seed,
            **settings.backtest.model_dump(mode="json"),
        },
    )


def _told(offered: Offered) -> str:
    value = offered.evaluation.choice_value
    parts = [f"trained: {offered.trained}"]
    if value is not None:
        parts.insert(0, f"{offered.evaluation.choice_metric} {value:.4f}")
    return ", ".join([*parts, offered.note] if offered.note else parts)


def hits(offered: Offered) -> int:
    """How many of the first ten offers of all eligible clients were taken up."""
    judged = offered.evaluation.offers
    assert judged is not None
    return int(judged.is_taken[:, :_DEPTH].sum())


def _of_date(
    cycle: Cycle, offered: dict[str, Offered], settings: Settings
) -> list[BenchmarkResult]:
    results = []
    never = offered[NeverRetrain.name].evaluation
    base, chosen_by = never.per_client[never.choice_metric], never.choice_metric
    clients = len(cycle.present.labelled_clients)
    for name, one in offered.items():
        for row in one.evaluation.rows:
            if row.segment == "all" and row.metric in (chosen_by, *_QUALITY):
                note = _note(name, one, base, settings) if row.metric == chosen_by else None
                results.append(
                    BenchmarkResult(
                        f"{cycle.date:%Y-%m-%d}",
                        name,
                        row.metric,
                        row.value,
                        row.ci_low,
                        row.ci_high,
                        clients,
                        note=note,
                    )
                )
        case = f"{cycle.date:%Y-%m-%d}"
        results.append(BenchmarkResult(case, name, _HITS, float(hits(one))))
        results.append(BenchmarkResult(case, name, _SECONDS, one.seconds))
    return results


def _note(name: str, one: Offered, base: np.ndarray, settings: Settings) -> str:
    parts = [f"trained: {one.trained}"]
    if name != NeverRetrain.name:
        other = compare(
            one.evaluation.per_client[one.evaluation.choice_metric],
            base,
            seed=settings.seed,
            resamples=settings.bootstrap_samples,
        )
        if other.difference is not None and other.p_value is not None:
            parts.append(
                f"{other.difference:+.4f} against never retraining (p {other.p_value:.3f})"
            )
    return ", ".join([*parts, one.note] if one.note else parts)


def _over_all(found: Sequence[dict[str, Offered]]) -> list[BenchmarkResult]:
    """Means over dates of each policy; hits and seconds are sums."""
    results = []
    for policy in POLICIES:
        mine = [offered[policy.name] for offered in found]
        for metric in _QUALITY:
            values = [v for one in mine if (v := one.evaluation.value(metric)) is not None]
            if values:
                results.append(spread(_ALL, policy.name, metric, values))
        total = float(sum(hits(one) for one in mine))
        results.append(BenchmarkResult(_ALL, policy.name, _HITS, total, sample_count=len(mine)))
        spent = sum(one.seconds for one in mine)
        results.append(BenchmarkResult(_ALL, policy.name, _SECONDS, spent, sample_count=len(mine)))
    return results


def _regained(
    dates: Sequence[datetime], found: Sequence[dict[str, Offered]]
) -> list[BenchmarkResult]:
    """Share of what never retraining loses against always retraining that adapting has regained.

    Stated where the loss is a hundredth of the quality or more: a share of nothing says nothing.
    """
    results = []
    for date, offered in zip(dates, found, strict=True):
        values = {name: one.evaluation.choice_value for name, one in offered.items()}
        never, cold = values[NeverRetrain.name], values[AlwaysCold.name]
        adapted = values[WarmOnDrift.name]
        if never is None or cold is None or adapted is None or cold - never < 0.01 * cold:
            continue
        share = (adapted - never) / (cold - never)
        results.append(
            BenchmarkResult(f"{date:%Y-%m-%d}", f"{WarmOnDrift.name} (share)", _REGAINED, share)
        )
    return results


def _recovered(
    dates: Sequence[datetime],
    found: Sequence[dict[str, Offered]],
    horizon: timedelta,
    drift_on: datetime | None,
) -> list[BenchmarkResult]:
    """Share of what a drift cost those who never retrain that adapting has won back, by date.

    Lost is the level before the drift (mean of the adapting policy over dates whose offers were
    observed to their end by then) less what never retraining gets on the date. Above 1 where the
    adapting policy is better than it was before. Stated where a hundredth of the level is lost.
    """
    if drift_on is None:
        return []

    def level(offered: dict[str, Offered], policy: type[Policy]) -> float | None:
        return offered[policy.name].evaluation.choice_value

    cycles = list(zip(dates, found, strict=True))
    calm = [level(offered, WarmOnDrift) for date, offered in cycles if date + horizon <= drift_on]
    known = [value for value in calm if value is not None]
    if not known:
        return []
    before = float(np.mean(known))
    results = []
    for date, offered in cycles:
        never, adapted = level(offered, NeverRetrain), level(offered, WarmOnDrift)
        if date < drift_on or never is None or adapted is None or before - never < 0.01 * before:
            continue
        share = (adapted - never) / (before - never)
        note = f"{before:.4f} before the drift"
        results.append(
            BenchmarkResult(
                f"{date:%Y-%m-%d}", f"{WarmOnDrift.name} (share)", _RECOVERED, share, note=note
            )
        )
    return results
