"""The last training run: whether there is one, how it ended, how old it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml

from ml import contracts
from ml.contracts import Columns
from ml.doctor.finding import Finding, fail, ok, warn
from ml.errors import CrossSellError
from ml.gates.verdicts import rejected_runs
from ml.transform import DBT_PROJECT
from ml.warehouse import Connection, read_table_if_there

AREA: Final = "runs"
COMPLETED: Final = "completed"
_TRAIN: Final = "run 'cross-sell run', or 'cross-sell train' and 'cross-sell publish'"


def offers_max_age_days(project: Path = DBT_PROJECT) -> int:
    """Age from which offers want a new run, days: dbt's var, as the project states it."""
    content = yaml.safe_load((project / "dbt_project.yml").read_text())
    return int(content["vars"]["offers_max_age_days"])


def last_completed(connection: Connection) -> str | None:
    """Id of the latest completed run that readers may have: a rejected one is not missed."""
    rejected = rejected_runs(connection)
    rows = [
        row
        for row in _runs(connection)
        if row[Columns.STATUS] == COMPLETED and row[Columns.RUN_ID] not in rejected
    ]
    return str(rows[-1][Columns.RUN_ID]) if rows else None


def _runs(connection: Connection) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (
        read_table_if_there(connection, contracts.RUNS).sort_by(Columns.FINISHED_AT).to_pylist()
    )
    return rows


def check_runs(connection: Connection) -> Iterator[Finding]:
    """Whether offers come from a run that is done, and young enough."""
    try:
        rows = _runs(connection)
        oldest = offers_max_age_days()
    except CrossSellError as error:
        yield fail(AREA, "last run", str(error), "run 'cross-sell build'")
        return
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError):
        yield fail(
            AREA,
            "last run",
            "dbt_project.yml states no number for offers_max_age_days",
            "state it among its vars",
        )
        return
    if not rows:
        yield warn(AREA, "last run", "nothing was trained yet", _TRAIN)
        return
    last = rows[-1]
    found = f"{last[Columns.RUN_ID]}, {last[Columns.STATUS]}, by {last[Columns.CHAMPION_MODEL]}"
    if last[Columns.STATUS] != COMPLETED:
        yield warn(
            AREA, "last run", found, "see its row in ml.runs for the reason, then train again"
        )
    else:
        yield ok(AREA, "last run", found)
    completed = [row for row in rows if row[Columns.STATUS] == COMPLETED]
    if completed:
        yield _age(completed[-1][Columns.FINISHED_AT], oldest)


def _age(finished_at: datetime, oldest: int) -> Finding:
    days = (datetime.now(UTC).replace(tzinfo=None) - finished_at).total_seconds() / 86_400
    found = f"{days:.1f} days; offers_max_age_days is {oldest}"
    if days > oldest:
        return warn(AREA, "age of offers", found, _TRAIN)
    return ok(AREA, "age of offers", found)
