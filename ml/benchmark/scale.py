"""The whole job at growing sizes: time and memory of every step, and how they grow.

For each size a simulated world is loaded into a warehouse of its own, and the commands that a
user would run are run on it as processes: ``build``, ``train`` with a budget of samples,
``build`` of what rests on the offers, ``publish``. At one size the models that have a budget
are trained once more without it, to see what it costs in quality.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from rich.markup import escape

from ml.benchmark.process_tree import CommandFailedError
from ml.benchmark.results import BenchmarkResult
from ml.benchmark.runner import Measured
from ml.benchmark.scale_world import (
    LOAD,
    WHOLE,
    JobStep,
    ModelQuality,
    World,
    budgeted_models,
)
from ml.progress import Progress
from ml.settings import Settings

GROWTH: Final = "growth"
SCALE_FOLDER: Final = "scale"
_MIB_PER_GIB: Final = 1024
_TELLING_SHARE: Final = 0.01
"""Steps that take less of the largest job than this have no exponent worth a line."""


@dataclass(frozen=True)
class SizeFound:
    """What one size came to.

    Parameters
    ----------
    clients : int
    steps : list of JobStep
        As far as the job came, in order.
    failure : str or None
        Why the next step failed.
    with_budget, without_budget : dict of str to ModelQuality
        By model; empty where the two were not compared.
    """

    clients: int
    steps: list[JobStep]
    failure: str | None
    with_budget: dict[str, ModelQuality]
    without_budget: dict[str, ModelQuality]

    @property
    def case_name(self) -> str:
        """What the tables call it."""
        return f"{self.clients:,} clients"


def measure_scale(
    settings: Settings,
    progress: Progress,
    sizes: Sequence[int] | None = None,
    *,
    keep: bool = False,
) -> Measured:
    """Run the whole job at every size.

    Parameters
    ----------
    settings : Settings
        ``settings.benchmark`` says how large the worlds are, and what they may take.
    progress : Progress
    sizes : sequence of int, optional
        Numbers of clients; ``scale_clients`` by default.
    keep : bool, default False
        Leave the worlds on disk, in ``<warehouse folder>/scale``.

    Returns
    -------
    Measured
        Per size and step seconds, CPU seconds and peak memory; per step the exponent of its
        growth; what the budget costs. Where a size fails, a note says why, and larger ones are
        left out.
    """
    found: list[SizeFound] = []
    for clients in sorted(sizes or settings.benchmark.scale_clients):
        found.append(_measure_size(clients, settings, progress, keep=keep))
        if found[-1].failure is not None:
            break
    results = [row for one in found for row in (*_costs(one), *_qualities(one))]
    results += _growth(found)
    return Measured(
        results,
        {
            "seed": settings.seed,
            **{
                name: value
                for name, value in settings.benchmark.model_dump(mode="json").items()
                if name.startswith("scale_")
            },
        },
    )


def _measure_size(clients: int, settings: Settings, progress: Progress, *, keep: bool) -> SizeFound:
    world = World(settings.folder / SCALE_FOLDER / str(clients), clients, settings)
    steps: list[JobStep] = []
    qualities: tuple[dict[str, ModelQuality], dict[str, ModelQuality]] = ({}, {})
    failure, name = None, LOAD
    try:
        for name, run in world.commands():
            with progress.step(f"{clients:,} clients: {name}") as step:
                used = run()
                steps.append(JobStep(name, used.seconds, used.cpu_seconds, used.peak_memory_gib))
                step.child_peak_memory_mib = used.peak_memory_gib * _MIB_PER_GIB
        steps += world.training_steps()
        if clients == settings.benchmark.scale_quality_clients and budgeted_models(settings):
            before = world.qualities()
            name = "train without a budget"
            with progress.step(f"{clients:,} clients: {name}"):
                world.train(has_budget=False)
            after = world.qualities()
            qualities = ({name: before[name] for name in after}, after)
    except CommandFailedError as error:
        failure = f"{name}: {error}"
        progress.console.print(f"[red]{clients:,} clients:[/red] {escape(failure)}", soft_wrap=True)
    finally:
        # A failed world is what somebody wants to look at.
        if not keep and failure is None:
            shutil.rmtree(world.folder, ignore_errors=True)
    return SizeFound(clients, steps, failure, *qualities)


def _whole(found: SizeFound) -> JobStep | None:
    """The job as a user has it, without loading; None where it did not come to its end."""
    steps = [step for step in found.steps if step.name != LOAD and not step.is_part]
    if found.failure is not None or not steps:
        return None
    return JobStep(
        WHOLE,
        sum(step.seconds for step in steps),
        sum(step.cpu_seconds or 0.0 for step in steps),
        max(step.peak_memory_gib for step in steps),
    )


def _costs(found: SizeFound) -> Iterable[BenchmarkResult]:
    whole = _whole(found)
    for step in (*found.steps, *([whole] if whole else [])):
        yield BenchmarkResult(found.case_name, step.name, "seconds", step.seconds)
        if step.cpu_seconds is not None:
            yield BenchmarkResult(found.case_name, step.name, "processor_seconds", step.cpu_seconds)
        yield BenchmarkResult(found.case_name, step.name, "peak_memory_gib", step.peak_memory_gib)
    if found.failure is not None:
        yield BenchmarkResult(found.case_name, WHOLE, "seconds", None, note=found.failure)


def _qualities(found: SizeFound) -> Iterable[BenchmarkResult]:
    for name, without in found.without_budget.items():
        for suffix, one in (("", found.with_budget[name]), ("_without_budget", without)):
            yield BenchmarkResult(
                found.case_name, name, f"ndcg@10{suffix}", one.ndcg, one.low, one.high,
                one.client_count,
            )  # fmt: skip
        for suffix, one in (("", found.with_budget[name]), ("_without_budget", without)):
            yield BenchmarkResult(found.case_name, name, f"fit_seconds{suffix}", one.fit_seconds)


def _growth(found: Sequence[SizeFound]) -> list[BenchmarkResult]:
    """Exponents of the steps that matter at the largest size, and of the whole."""
    wholes = {one.clients: whole for one in found if (whole := _whole(one)) is not None}
    if len(wholes) < 2:
        return []
    largest = max(wholes)
    times: dict[str, dict[int, float]] = {}
    for one in found:
        if one.clients in wholes:
            for step in (*one.steps, wholes[one.clients]):
                times.setdefault(step.name, {})[one.clients] = step.seconds
    note = (
        f"time grows as clients to this power, from {min(wholes):,} to {largest:,}; "
        f"steps of {_TELLING_SHARE:.0%} of the largest job or more"
    )
    return [
        BenchmarkResult(
            GROWTH, name, "cost_exponent", growth_exponent(by_size), sample_count=len(by_size),
            note=note if name == WHOLE else None,
        )
        for name, by_size in times.items()
        if set(by_size) == set(wholes)
        and by_size[largest] >= _TELLING_SHARE * wholes[largest].seconds
    ]  # fmt: skip


def growth_exponent(seconds: dict[int, float]) -> float:
    """Slope of log time over log size, by least squares.

    Parameters
    ----------
    seconds : dict of int to float
        By size; two sizes at least.

    Returns
    -------
    float

    Examples
    --------
    >>> round(growth_exponent({100: 1.0, 1000: 10.0, 10_000: 100.0}), 6)
    1.0
    """
    sizes = [math.log(size) for size in seconds]
    # A step too short for the clock grows by nothing.
    times = [math.log(max(time, 1e-3)) for time in seconds.values()]
    return float(np.polyfit(sizes, times, 1)[0])
