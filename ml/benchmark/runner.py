"""One way for all benchmarks: measure, write JSON, append to the warehouse, show."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.markup import escape

from ml import contracts
from ml.benchmark.machine import describe_machine
from ml.benchmark.results import (
    BENCHMARKS_FOLDER,
    BenchmarkResult,
    BenchmarkRun,
    write_json,
)
from ml.benchmark.table import print_benchmark
from ml.errors import InputError, TransformError
from ml.files import make_folder
from ml.progress import Progress
from ml.report.page import write_benchmark_page
from ml.report.summary import shown
from ml.settings import Settings
from ml.transform import run_dbt
from ml.versions import package_versions
from ml.warehouse import append_tables, connect, existing_columns


@dataclass(frozen=True)
class Measured:
    """What a benchmark's own code hands back.

    Parameters
    ----------
    results : sequence of BenchmarkResult
        In the order in which they are shown.
    settings : mapping
        What it and its models were set to; must go into JSON.
    package_versions : mapping of str to str
        Of packages beside those that every run names.
    """

    results: Sequence[BenchmarkResult]
    settings: Mapping[str, Any]
    package_versions: Mapping[str, str] = field(default_factory=dict)


def run_benchmark(
    benchmark: str,
    measure: Callable[[Settings, Progress], Measured],
    settings: Settings,
    progress: Progress,
) -> BenchmarkRun:
    """Run one benchmark and keep what it found.

    The figures go to ``<warehouse folder>/benchmarks/<benchmark>.json`` (the latest) and are
    appended to ``ml.benchmarks`` and ``ml.benchmark_results``. Where there is no warehouse
    that dbt can build these in, the console says so and the JSON holds all.

    Parameters
    ----------
    benchmark : str
        The name, as in the table.
    measure : callable
        Takes settings and progress.
    settings : Settings
    progress : Progress
        Its console shows the figures.

    Returns
    -------
    BenchmarkRun

    Raises
    ------
    WarehouseBusyError, WarehouseAccessError
        The warehouse cannot be opened or its folder not written. Found out before measuring
        where possible; later on, the JSON is already written.
    """
    make_folder(settings.folder / BENCHMARKS_FOLDER)
    has_tables = _has_tables(settings, progress)
    started_at, start = _now(), time.perf_counter()
    measured = measure(settings, progress)
    run = BenchmarkRun(
        benchmark_id=f"{started_at:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}",
        benchmark=benchmark,
        seconds=time.perf_counter() - start,
        machine=describe_machine(),
        settings={"threads": settings.threads, **measured.settings},
        package_versions={**package_versions(), **measured.package_versions},
        started_at=started_at,
        finished_at=_now(),
        results=tuple(measured.results),
    )
    path = write_json(settings, run)
    if has_tables:
        with connect(
            settings.warehouse_file, read_only=False, wait_seconds=settings.lock_wait_seconds
        ) as connection:
            append_tables(connection, run.to_tables())
    print_benchmark(progress.console, run, path)
    page = write_benchmark_page(settings)
    progress.console.print(
        f"All benchmarks as a page: [bold]{escape(shown(page))}[/bold]", soft_wrap=True
    )
    return run


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _has_tables(settings: Settings, progress: Progress) -> bool:
    """Whether the warehouse has the benchmarks' tables, built by dbt where it can be."""
    if not settings.warehouse_file.exists():
        progress.console.print(
            "[dim]there is no warehouse yet: the figures go to JSON only[/dim]", soft_wrap=True
        )
        return False
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        missing = [t for t in contracts.BENCHMARK_TABLES if not existing_columns(connection, t)]
    if not missing:
        return True
    try:
        with progress.step("dbt run: benchmark tables") as step:
            run_dbt(settings, ["run", "--select", *(table.name for table in missing)], step)
    except (InputError, TransformError) as error:
        progress.console.print(
            "[yellow]no benchmark tables, the figures go to JSON only:[/yellow] "
            + escape(str(error)),
            soft_wrap=True,
        )
        return False
    return True
