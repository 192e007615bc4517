"""Work on several cores, in order: threads over blocks, one BLAS thread in each."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar

from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")

# Blocks per thread that are under way or wait to be taken: whoever takes them may be slow now
# and then, and memory stays small.
_AHEAD: Final = 2


def usable_cores() -> int:
    """Cores that this process may run on, which a container may have narrowed."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Not on macOS.
        return os.cpu_count() or 1


def blocks(count: int, size: int) -> Iterator[slice]:
    """Slices of at most ``size`` that cover ``range(count)``."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def in_order(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Map over items on all cores; results come in the items' order.

    Worth it where ``work`` spends its time in numpy, torch or scipy, which let other threads
    run. BLAS has one thread meanwhile: its own threads spin while they wait, and would take the
    cores from the work between two products.

    Parameters
    ----------
    work : callable
        Called from several threads; must not depend on the order of the calls.
    items : iterable

    Yields
    ------
    object
        Work on later items goes on while the caller looks at a result.

    Raises
    ------
    Exception
        What ``work`` raised for the first item that failed.
    """
    cores = usable_cores()
    waiting: deque[Future[Result]] = deque()
    with _blas().limit(limits=1, user_api="blas"):
        pool = ThreadPoolExecutor(cores)
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= _AHEAD * cores:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


@cache
def _blas() -> ThreadpoolController:
    # Looking for the libraries takes milliseconds; numpy's is loaded by now.
    return ThreadpoolController()
