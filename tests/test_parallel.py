"""Work on several cores comes in order, one BLAS thread in each, and ends with its reader."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_info

from ml.parallel import in_order, usable_cores


def blas_threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def test_results_come_in_the_order_of_the_items() -> None:
    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return item * item

    assert list(in_order(work, range(40))) == [item * item for item in range(40)]


def test_blas_has_one_thread_meanwhile() -> None:
    before = blas_threads()
    assert list(in_order(lambda _: blas_threads(), range(3))) == [{1}] * 3
    assert blas_threads() == before


def test_the_first_error_stops_everything() -> None:
    done: list[int] = []

    def work(item: int) -> None:
        if item == 5:
            raise ValueError(item)
        done.append(item)

    with pytest.raises(ValueError, match="5"):
        list(in_order(work, range(10_000)))
    assert len(done) < 100


def test_items_are_taken_as_results_are_read() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(10_000):
            taken = item + 1
            yield item

    before = threading.active_count()
    results = in_order(lambda item: item, items())
    assert next(results) == 0
    assert taken <= 2 * usable_cores() + 1
    results.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
