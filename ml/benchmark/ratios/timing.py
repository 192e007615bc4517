"""Two ways to the same end, timed turn by turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml.benchmark.results import BenchmarkResult, spread
from ml.dataset import IntArray

SECONDS = "seconds"
TIMES_FASTER = "times_faster"
SAME_SHARE = "share_of_offers_equal"


@dataclass(frozen=True)
class Times:
    """Seconds of each turn: ours and the other way's, measured one after the other."""

    ours: list[float]
    theirs: list[float]

    def results(
        self, case: str, name: str, other: str, *, note: str | None = None
    ) -> list[BenchmarkResult]:
        """Both times and, turn by turn, how many times faster ours is: median, least, most."""
        ratios = [b / a for a, b in zip(self.ours, self.theirs, strict=True)]
        between = (
            f"{min(ratios):.3g} to {max(ratios):.3g} times as fast as {other},"
            f" turn by turn, over {len(ratios)}"
        )
        return [
            spread(case, name, SECONDS, self.ours, takes_median=True),
            spread(case, name, TIMES_FASTER, ratios, takes_median=True, note=note or between),
            spread(case, other, SECONDS, self.theirs, takes_median=True),
            BenchmarkResult(case, other, TIMES_FASTER, 1.0, sample_count=len(ratios)),
        ]


def timed(work: Callable[[], object]) -> float:
    """Wall time of one call, seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turn(
    ours: Callable[[], float], theirs: Callable[[], float], repeats: int, *, warms_up: bool = True
) -> Times:
    """Time both, one after the other, so that a slow moment of the machine hits both.

    Parameters
    ----------
    ours, theirs : callable
        Do the work once and return its seconds.
    repeats : int
    warms_up : bool, default True
        Do both once before, which does not count.

    Returns
    -------
    Times
    """
    if warms_up:
        ours()
        theirs()
    turns = [(ours(), theirs()) for _ in range(repeats)]
    return Times([a for a, _ in turns], [b for _, b in turns])


def same_share(first: IntArray, second: IntArray) -> float:
    """Share of places with the same service; rounding may swap scores that are nearly equal."""
    return float(np.mean(first == second)) if first.size else 1.0
