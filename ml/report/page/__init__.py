"""The pages that people look at: one self-contained HTML file each."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ml.contracts import Columns
from ml.report import numbers
from ml.report.facts import Facts, read_facts
from ml.report.measurements import Measurement, read_measurements
from ml.report.page.answer import answer_section
from ml.report.page.benchmarks import benchmark_sections
from ml.report.page.blocks import Page, Section
from ml.report.page.comparison import comparison_section, learning_section
from ml.report.page.health import health_section
from ml.report.page.offers import trust_section, worth_section
from ml.report.page.provenance import data_section, provenance_section
from ml.report.page.reach import clients_section, reach_section, segments_section
from ml.report.page.render import write
from ml.settings import Settings

REPORTS_FOLDER: Final = "reports"
REPORT: Final = "report.html"
BENCHMARK_PAGE: Final = "benchmark.html"


def write_report(settings: Settings, run_id: str | None = None) -> Path:
    """Write the report of a run, the latest completed one by default.

    Parameters
    ----------
    settings : Settings
    run_id : str, optional

    Returns
    -------
    Path
        ``<warehouse folder>/reports/report.html``.

    Raises
    ------
    InputError
        There is no warehouse or no such run.
    WarehouseBusyError, WarehouseAccessError
        The warehouse cannot be opened, or the file not written.
    """
    page = report_page(read_facts(settings, run_id), read_measurements(settings))
    return write(page, settings.folder / REPORTS_FOLDER / REPORT)


def report_page(facts: Facts, measurements: dict[str, Measurement]) -> Page:
    """The report of a run.

    Parameters
    ----------
    facts : Facts
    measurements : dict of str to Measurement

    Returns
    -------
    Page
    """
    sections: list[Section | None] = [
        answer_section(facts),
        comparison_section(facts),
        worth_section(facts),
        trust_section(facts),
        health_section(facts),
        reach_section(facts),
        segments_section(facts),
        clients_section(facts),
        learning_section(facts),
        *benchmark_sections(measurements),
        data_section(facts),
        provenance_section(facts),
    ]
    run = facts.run
    return Page(
        "What to offer next",
        f"Report of run {run[Columns.RUN_ID]}: data up to {numbers.day(run[Columns.AS_OF_AT])},"
        f" trained on {numbers.day(run[Columns.FINISHED_AT])}",
        [section for section in sections if section is not None],
    )


def write_benchmark_page(settings: Settings) -> Path:
    """Write the page of all benchmarks, the latest run of each.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    Path
        ``<warehouse folder>/reports/benchmark.html``.

    Raises
    ------
    InputError, WarehouseBusyError, WarehouseAccessError
        There is no warehouse, it cannot be opened, or the file not written.
    """
    page = benchmark_page(read_measurements(settings))
    return write(page, settings.folder / REPORTS_FOLDER / BENCHMARK_PAGE)


def benchmark_page(measurements: dict[str, Measurement]) -> Page:
    """The page of all benchmarks.

    Parameters
    ----------
    measurements : dict of str to Measurement

    Returns
    -------
    Page
    """
    return Page(
        "LightFM against NCF, measured",
        "Each benchmark's latest run, with the founding study's figures beside ours",
        benchmark_sections(measurements),
    )
