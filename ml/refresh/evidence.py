"""What a refresh reads before it decides, and the rows it leaves."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from ml import contracts
from ml.contracts import Columns, arrow_table
from ml.evaluation.significance import Comparison, compare
from ml.measured_with import measured_otherwise
from ml.refresh.decisions import REFRESH_QUESTION, Alarm, Decision, Evidence
from ml.results import STATUS_COMPLETED
from ml.settings import Settings
from ml.warehouse import append_tables, connect, read_table, read_table_if_there
from ml.warehouse.freshness import raw_state

RAW_STATE = "raw_state"


@dataclass(frozen=True)
class LastRefresh:
    """How the last finished refresh ended.

    Parameters
    ----------
    decided_at : datetime
    reason : str
    raw_state : dict of str to str
        What the raw tables held; see ``ml.warehouse.freshness``.
    """

    decided_at: datetime
    reason: str
    raw_state: dict[str, str]


def read_raw_state(settings: Settings) -> dict[str, str]:
    """What the raw tables hold now; empty without a warehouse."""
    if not settings.warehouse_file.exists():
        return {}
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        return raw_state(connection)


def read_last_refresh(settings: Settings) -> LastRefresh | None:
    """The last refresh that came to its end; None before the first."""
    if not settings.warehouse_file.exists():
        return None
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        rows = read_table_if_there(
            connection, contracts.DECISIONS, where={Columns.QUESTION: REFRESH_QUESTION}
        ).to_pylist()
    if not rows:
        return None
    last = max(rows, key=lambda row: (row[Columns.DECIDED_AT], row[Columns.DECISION_ID]))
    numbers = json.loads(last[Columns.NUMBERS_JSON])
    return LastRefresh(last[Columns.DECIDED_AT], last[Columns.REASON], numbers[RAW_STATE])


def read_evidence(settings: Settings) -> Evidence:
    """What is known before deciding whether to train.

    Raises
    ------
    InputError
        The marts are not built.
    """
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        windows = read_table(connection, contracts.TRAINING_WINDOWS).to_pylist()
        runs = read_table(connection, contracts.RUNS).to_pylist()
        health = read_table(connection, contracts.MODEL_HEALTH).to_pylist()
    [as_of_at] = [
        row[Columns.CUTOFF_AT] for row in windows if row[Columns.FOLD] == contracts.FOLD_SERVING
    ]
    completed = [row for row in runs if row[Columns.STATUS] == STATUS_COMPLETED]
    last = max(
        completed, key=lambda row: (row[Columns.FINISHED_AT], row[Columns.RUN_ID]), default=None
    )
    as_of = {row[Columns.RUN_ID]: row[Columns.AS_OF_AT] for row in completed}
    judged = [row for row in health if row[Columns.THRESHOLD] is not None]
    # Of older runs it was told, and answered, before.
    newest = max(
        (row[Columns.MOMENT] for row in judged if row[Columns.KIND] == contracts.KIND_OUTCOME),
        key=lambda run_id: as_of[run_id],
        default=None,
    )
    judged = [row for row in judged if row[Columns.MOMENT] in (contracts.MOMENT_NOW, newest)]
    return Evidence(
        as_of_at=as_of_at,
        last_run_id=None if last is None else last[Columns.RUN_ID],
        last_as_of_at=None if last is None else last[Columns.AS_OF_AT],
        figure_count=len(judged),
        alarms=[_alarm(row) for row in judged if row[Columns.IS_ALARM]],
    )


def _alarm(row: dict[str, Any]) -> Alarm:
    name = f"{row[Columns.SCOPE]} {row[Columns.SUBJECT]} {row[Columns.MEASURE]}".replace("_", " ")
    return Alarm(name, row[Columns.VALUE], row[Columns.THRESHOLD])


def compare_with_champion(
    settings: Settings, run_id: str, champion_run_id: str
) -> Comparison | str:
    """Test a new run against the offers that readers have, paired by client.

    Parameters
    ----------
    settings : Settings
    run_id, champion_run_id : str

    Returns
    -------
    Comparison or str
        Of NDCG@10; or why there is none: it was measured with other vars, it knew of the labels,
        or this warehouse does not know it.
    """
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        runs = {
            row[Columns.RUN_ID]: row for row in read_table(connection, contracts.RUNS).to_pylist()
        }
        if champion_run_id not in runs:
            return f"this warehouse does not know run {champion_run_id}"
        found = measured_otherwise(runs[run_id], runs[champion_run_id])
        if found:
            return f"run {champion_run_id} was measured with other vars: {found}"
        rows = read_table_if_there(
            connection,
            contracts.CHALLENGES,
            where={Columns.RUN_ID: run_id, Columns.CHAMPION_RUN_ID: champion_run_id},
        )
    if not len(rows):
        return (
            f"run {champion_run_id} is younger than the labels of the newest labelled fold, or has "
            "no client in common with them: the two cannot be held against the same labels"
        )

    def values(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        found: np.ndarray[tuple[int], np.dtype[np.float64]] = rows.column(name).to_numpy()
        return found

    return compare(
        values(Columns.CHALLENGER_NDCG),
        values(Columns.CHAMPION_NDCG),
        seed=settings.seed,
        resamples=settings.bootstrap_samples,
    )


def record(settings: Settings, decision: Decision) -> None:
    """Keep a decision as a row."""
    decided_at = datetime.now(UTC).replace(tzinfo=None)
    rows: pa.Table = arrow_table(
        contracts.DECISIONS,
        {
            Columns.DECISION_ID: [f"{decided_at:%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}"],
            Columns.DECIDED_AT: [decided_at],
            Columns.QUESTION: [decision.question],
            Columns.CHOICE: [decision.choice],
            Columns.REASON: [decision.reason],
            Columns.RUN_ID: [decision.run_id],
            Columns.NUMBERS_JSON: [json.dumps(decision.numbers)],
        },
    )
    with connect(
        settings.warehouse_file, read_only=False, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        append_tables(connection, [(contracts.DECISIONS, rows)])
