"""Small marts and the rows around them that a release wants, without dbt or a training."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import numpy as np
import pyarrow as pa
from rich.console import Console

from ml import contracts
from ml.contracts import Column, Columns, Table, arrow_table
from ml.progress import Progress
from ml.publishing import publish
from ml.releases import Release
from ml.settings import Settings
from ml.warehouse import connect, existing_columns, read_table, replace_tables

ENDED_AT = datetime(2024, 5, 1)
CHAMPION = "ease"
_hours: Iterator[int] = count()


def offers(run_id: str, n: int) -> pa.Table:
    return pa.table(
        {
            Columns.CLIENT_ID: [f"c{i}" for i in range(n)],
            Columns.SERVICE_ID: ["s"] * n,
            Columns.PARTNER_ID: ["p"] * n,
            Columns.SERVICE_NAME: ["Service"] * n,
            Columns.OFFER_RANK: pa.array([1] * n, pa.int32()),
            Columns.SCORE: [0.5] * n,
            Columns.PROBABILITY: [0.25] * n,
            Columns.EXPECTED_MARGIN: [1.0] * n,
            Columns.REASON: ["because"] * n,
            Columns.IS_COLD_START: [False] * n,
            Columns.MODEL_NAME: [CHAMPION] * n,
            Columns.RUN_ID: [run_id] * n,
            Columns.AS_OF_DATE: [date(2024, 5, 1)] * n,
            Columns.SCORED_AT: [ENDED_AT] * n,
        },
        schema=contracts.CROSS_SELL_SCORES.arrow_schema,
    )


def nulls(table: Table, n: int, **columns: Any) -> pa.Table:
    """Rows of a contract that say nothing beside what is given."""
    return pa.table(
        {
            c.name: pa.array(columns[c.name], c.type) if c.name in columns else pa.nulls(n, c.type)
            for c in table.columns
        }
    )


def write_marts(
    settings: Settings,
    run_id: str,
    n: int,
    *,
    as_of_at: datetime = ENDED_AT,
    ndcg: float = 0.5,
    probability: float = 0.25,
    calibration_error: float = 0.001,
    coverage: float | None = 0.5,
    labelled: int = 200,
    choice_metric: str = "ndcg@10",
    eligible: int | None = None,
    failed_tests: int = 0,
) -> None:
    """The published marts, each with a column ``id`` that names the run, and a run behind them.

    What earlier runs left in the tables of the jobs stays.
    """
    tables: list[tuple[Table, pa.Table]] = []
    known = {table.name: table for table in contracts.PUBLISHED_CONTRACTS}
    for schema_name, name in contracts.PUBLISHED:
        if name == contracts.CROSS_SELL_SCORES.name:
            tables.append((contracts.CROSS_SELL_SCORES, offers(run_id, n)))
            continue
        contract = known.get(name)
        columns = (*(contract.columns if contract else ()), Column("id", pa.string()))
        table = Table(schema_name, name, columns, ("id",))
        given: dict[str, Any] = {"id": [run_id]}
        if name == contracts.MODEL_COMPARISON.name:
            given = {
                "id": [run_id] * 2,
                Columns.RUN_ID: [run_id] * 2,
                Columns.FOLD: [contracts.FOLD_VALIDATION, contracts.FOLD_TEST],
                Columns.MODEL_NAME: [CHAMPION] * 2,
                Columns.IS_CHAMPION: [True] * 2,
                Columns.CLIENT_COUNT: [labelled, 200],
                Columns.CHOICE_METRIC: [choice_metric] * 2,
                Columns.CHOICE_VALUE: [ndcg] * 2,
                Columns.AUC: [0.8] * 2,
                Columns.OFFER_COUNT: [1_000_000] * 2,
                Columns.POSITIVE_RATE: [0.05] * 2,
                Columns.CALIBRATION_ERROR: [calibration_error] * 2,
                Columns.COVERAGE_AT_10: [coverage] * 2,
            }
        tables.append((table, nulls(table, len(given["id"]), **given)))
    # Each call is an hour of its own, so that what was built is known to be built after it.
    finished_at = ENDED_AT + timedelta(hours=next(_hours))
    added = _run_rows(run_id, n, as_of_at, finished_at, ndcg, probability, eligible, failed_tests)
    with connect(settings.warehouse_file, read_only=False, wait_seconds=20) as connection:
        for table, rows in added:
            if existing_columns(connection, table):
                kept = read_table(connection, table)
                if Columns.RUN_ID in table.column_names:
                    is_other = [v != run_id for v in kept.column(Columns.RUN_ID).to_pylist()]
                    kept = kept.filter(pa.array(is_other, pa.bool_()))
                rows = pa.concat_tables([kept, rows.cast(kept.schema)])
            tables.append((table, rows))
        replace_tables(connection, tables)


def _run_rows(
    run_id: str,
    n: int,
    as_of_at: datetime,
    finished_at: datetime,
    ndcg: float,
    probability: float,
    eligible: int | None,
    failed_tests: int,
) -> list[tuple[Table, pa.Table]]:
    clients = [f"c{i}" for i in range(n)]
    rng = np.random.default_rng(0)
    run = {
        Columns.RUN_ID: [run_id],
        Columns.STATUS: ["completed"],
        Columns.AS_OF_AT: [as_of_at],
        Columns.CHAMPION_MODEL: [CHAMPION],
        Columns.FINISHED_AT: [finished_at],
    }
    scores = {
        Columns.RUN_ID: [run_id] * n,
        Columns.CLIENT_ID: clients,
        Columns.SERVICE_ID: ["s"] * n,
        Columns.PROBABILITY: [probability] * n,
    }
    eligibility = {
        Columns.RUN_ID: [run_id],
        Columns.FOLD: [contracts.FOLD_SERVING],
        Columns.SCOPE: ["client"],
        Columns.REASON: ["eligible"],
        Columns.ROW_COUNT: [n if eligible is None else eligible],
    }
    ranking = {
        Columns.RUN_ID: [run_id] * 200,
        Columns.FOLD: [contracts.FOLD_TEST] * 200,
        Columns.MODEL_NAME: [CHAMPION] * 200,
        Columns.CLIENT_ID: [f"c{i}" for i in range(200)],
        Columns.POSITIVE_COUNT: [2] * 200,
        Columns.NDCG: ndcg + 0.1 * rng.standard_normal(200),
    }
    built = {
        Columns.INVOCATION_ID: [f"build of {run_id} at {finished_at}"],
        Columns.COMMAND: ["build"],
        Columns.STARTED_AT: [finished_at],
        Columns.FINISHED_AT: [finished_at],
        Columns.TEST_COUNT: [100],
        Columns.FAILED_COUNT: [failed_tests],
        Columns.ERROR_COUNT: [0],
        Columns.FAILED_NODES: ["a_test" if failed_tests else None],
        Columns.HAS_TESTED_OFFERS: [True],
    }
    return [
        (contracts.RUNS, nulls(contracts.RUNS, 1, **run)),
        (contracts.SCORES, nulls(contracts.SCORES, n, **scores)),
        (contracts.RUN_ELIGIBILITY, nulls(contracts.RUN_ELIGIBILITY, 1, **eligibility)),
        (contracts.HOLDOUT_RANKING, arrow_table(contracts.HOLDOUT_RANKING, ranking)),
        (contracts.DBT_RUNS, nulls(contracts.DBT_RUNS, 1, **built)),
        (contracts.RELEASE_CHECKS, contracts.RELEASE_CHECKS.arrow_schema.empty_table()),
        (contracts.RELEASE_EVENTS, contracts.RELEASE_EVENTS.arrow_schema.empty_table()),
    ]


def publish_now(settings: Settings, *, forced_run: str | None = None) -> Release:
    with Progress(Console(quiet=True)).step("publish") as step:
        return publish(settings, step, forced_run=forced_run)
