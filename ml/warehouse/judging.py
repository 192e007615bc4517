"""Figures of a run's offers that only the engine can count quickly."""

from __future__ import annotations

import duckdb

from ml.contracts import SCORES, Columns
from ml.warehouse.tables import quoted, table_relation


def count_offers(connection: duckdb.DuckDBPyConnection, run_id: str) -> tuple[int, int, int]:
    """Count a run's offers.

    Returns
    -------
    (int, int, int)
        Offers, clients with one, and offers whose probability is no number in [0, 1].
    """
    probability = quoted(Columns.PROBABILITY)
    [(offers, clients, faulty)] = connection.execute(
        f"select count(*), count(distinct {quoted(Columns.CLIENT_ID)}), "
        f"count(*) filter (where {probability} is null or isnan({probability}) "
        f"or {probability} < 0 or {probability} > 1) "
        f"from {table_relation(connection, SCORES)} where {quoted(Columns.RUN_ID)} = ?",
        [run_id],
    ).fetchall()
    return int(offers), int(clients), int(faulty)
