"""All that a run is judged by, read in one look at the warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from ml import contracts
from ml.contracts import Columns
from ml.errors import InputError
from ml.measured_with import measured_otherwise
from ml.warehouse import (
    Connection,
    OfferMeans,
    check_contract,
    count_offers,
    count_rows_of,
    mean_offers,
    read_table,
    read_table_if_there,
)

Row = dict[str, Any]
_REMEDY: Final = "run 'cross-sell build'"
_BUILD_AGAIN: Final = "run 'cross-sell build --selector after_training'"


@dataclass(frozen=True)
class Ranking:
    """How a run's champion ranked the test fold's clients.

    Parameters
    ----------
    run_id, champion : str
    as_of_at : datetime
        The end of the run's data: runs with the same have the same test fold.
    clients : pyarrow.Table
        ``client_id``, ``positive_count`` and ``ndcg`` of each client who took something.
    """

    run_id: str
    champion: str
    as_of_at: datetime
    clients: pa.Table


@dataclass(frozen=True)
class Evidence:
    """What a run shows.

    Parameters
    ----------
    run_id : str
    breaches : list of str
        How published marts break their contracts.
    dbt_runs : list of dict
        Rows of ``ml.dbt_runs`` since the run, the last test of its offers first.
    row_counts : dict of str to int
        Of the published marts that grow with the programme.
    offer_count, reached_count, faulty_count : int
        The run's offers, clients with one, and offers without a usable probability.
    eligible_count : int or None
        Clients who could be offered something; None where the run did not count them.
    champion : dict of str to dict
        The champion's row of ``model_comparison``, by fold.
    ranking : Ranking
    last_run_id : str or None
        The run that readers have; None before the first release.
    last_ranking : Ranking or None
        Of that run; None where this warehouse does not know it.
    measured_otherwise : str
        How the two runs differ in vars that change what is measured; empty where they do not.
    means : OfferMeans
        Of the offers.
    """

    run_id: str
    breaches: list[str]
    dbt_runs: list[Row]
    row_counts: dict[str, int]
    offer_count: int
    reached_count: int
    faulty_count: int
    eligible_count: int | None
    champion: dict[str, Row]
    ranking: Ranking
    last_run_id: str | None
    last_ranking: Ranking | None
    measured_otherwise: str
    means: OfferMeans


def read_evidence(connection: Connection, run_id: str, last_run_id: str | None) -> Evidence:
    """Read what a run is judged by.

    Parameters
    ----------
    connection : Connection
        Within a snapshot, so that all of it is of one moment.
    run_id : str
        The run that the score table shows.
    last_run_id : str or None
        The run that readers have.

    Returns
    -------
    Evidence

    Raises
    ------
    InputError
        A table is missing, or the offers were not tested since the run.
    """
    runs = {row[Columns.RUN_ID]: row for row in read_table(connection, contracts.RUNS).to_pylist()}
    if run_id not in runs:
        raise InputError(
            f"{contracts.CROSS_SELL_SCORES.qualified_name} shows the run {run_id}, which "
            f"{contracts.RUNS.qualified_name} does not know: {_BUILD_AGAIN}"
        )
    offers, reached, faulty = count_offers(connection, run_id)
    comparison = read_table(
        connection,
        contracts.MODEL_COMPARISON,
        where={Columns.RUN_ID: run_id, Columns.IS_CHAMPION: True},
    ).to_pylist()
    last = runs.get(last_run_id) if last_run_id is not None else None
    return Evidence(
        run_id=run_id,
        breaches=_breaches(connection),
        dbt_runs=_tests_since(connection, run_id, runs[run_id][Columns.FINISHED_AT]),
        row_counts={
            name: count_rows_of(connection, schema_name, name)
            for schema_name, name in contracts.PUBLISHED
            if name in contracts.COUNTED_MARTS
        },
        offer_count=offers,
        reached_count=reached,
        faulty_count=faulty,
        eligible_count=_eligible(connection, run_id),
        champion={row[Columns.FOLD]: row for row in comparison},
        ranking=_ranking(connection, runs[run_id]),
        last_run_id=last_run_id,
        last_ranking=None if last is None else _ranking(connection, last),
        measured_otherwise="" if last is None else measured_otherwise(runs[run_id], last),
        means=mean_offers(connection),
    )


def _breaches(connection: Connection) -> list[str]:
    found = []
    for table in contracts.PUBLISHED_CONTRACTS:
        try:
            check_contract(connection, table, _REMEDY)
        except InputError as error:
            found.append(str(error).removesuffix(f": {_REMEDY}"))
    return found


def _tests_since(connection: Connection, run_id: str, finished_at: datetime) -> list[Row]:
    """What dbt did from the last test of these offers on.

    A build that could not finish says nothing about the run: it is to be done again.
    """
    rows = [
        row
        for row in read_table(connection, contracts.DBT_RUNS).to_pylist()
        if row[Columns.STARTED_AT] >= finished_at
    ]
    rows.sort(key=lambda row: row[Columns.FINISHED_AT])
    tested = [i for i, row in enumerate(rows) if row[Columns.HAS_TESTED_OFFERS]]
    if not tested:
        raise InputError(
            f"the offers of run {run_id} were not tested since it ended: {_BUILD_AGAIN}"
        )
    rows = rows[tested[-1] :]
    for row in rows:
        if row[Columns.ERROR_COUNT] and not row[Columns.FAILED_COUNT]:
            raise InputError(
                f"dbt could not finish {row[Columns.FAILED_NODES]} since run {run_id}: "
                "run 'cross-sell build'"
            )
    return rows


def _eligible(connection: Connection, run_id: str) -> int | None:
    rows = read_table_if_there(
        connection,
        contracts.RUN_ELIGIBILITY,
        where={
            Columns.RUN_ID: run_id,
            Columns.FOLD: contracts.FOLD_SERVING,
            Columns.SCOPE: "client",
            Columns.REASON: "eligible",
        },
    ).to_pylist()
    return int(rows[0][Columns.ROW_COUNT]) if rows else None


def _ranking(connection: Connection, run: Row) -> Ranking:
    champion = run[Columns.CHAMPION_MODEL]
    clients = read_table(
        connection,
        contracts.HOLDOUT_RANKING,
        where={
            Columns.RUN_ID: run[Columns.RUN_ID],
            Columns.FOLD: contracts.FOLD_TEST,
            Columns.MODEL_NAME: champion,
        },
    )
    columns = [Columns.CLIENT_ID, Columns.POSITIVE_COUNT, Columns.NDCG]
    return Ranking(run[Columns.RUN_ID], champion, run[Columns.AS_OF_AT], clients.select(columns))
