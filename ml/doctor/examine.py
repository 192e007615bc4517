"""All checks, one after the other; a check that cannot be made is left out, its cause is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ml.doctor.configuration import check_settings
from ml.doctor.finding import Finding, Health, fail
from ml.doctor.installation import check_installation
from ml.errors import CrossSellError

if TYPE_CHECKING:
    from ml.settings import Settings


def examine(warehouse: Path | None = None) -> Iterator[Finding]:
    """Look at everything; nothing is changed.

    Parameters
    ----------
    warehouse : Path, optional
        The command's option.

    Yields
    ------
    Finding
        As it is found: parsing the dbt project alone takes seconds.
    """
    yield from check_installation()
    settings, findings = check_settings(warehouse)
    yield from findings
    if settings is not None:
        yield from examine_data(settings)


def examine_data(settings: Settings) -> Iterator[Finding]:
    """Look at what the jobs have written, and where they write it."""
    # Imported here: these need packages that a broken installation may lack.
    from ml.doctor.releases import check_releases
    from ml.doctor.storage import check_storage
    from ml.doctor.warehouse import check_file

    yield from check_storage(settings)
    completed_run, is_open = None, True
    for finding in check_file(settings):
        is_open = is_open and finding.health is not Health.FAIL
        yield finding
    if is_open:
        completed_run, findings = _examine_tables(settings)
        yield from findings
    yield from check_releases(settings, completed_run)


def _examine_tables(settings: Settings) -> tuple[str | None, list[Finding]]:
    """Look inside the warehouse; also the latest completed run, where there is one."""
    from ml.doctor.runs import check_runs, last_completed
    from ml.doctor.warehouse import AREA, check_rejections, check_tables
    from ml.warehouse import connect

    findings: list[Finding] = []
    try:
        with connect(settings.warehouse_file, read_only=True, wait_seconds=0) as connection:
            findings += check_tables(connection)
            findings.append(check_rejections(connection, settings.most_rejected_share))
            findings += check_runs(connection)
            broken = any(f.health is Health.FAIL and f.check in _OF_RUNS for f in findings)
            return None if broken else last_completed(connection), findings
    except CrossSellError as error:
        remedy = (
            "restore it from a backup, or move it away and run 'cross-sell run'; "
            "the last release stays readable meanwhile"
        )
        return None, [*findings, fail(AREA, "opening", str(error), remedy)]


_OF_RUNS = ("ml tables", "last run")
