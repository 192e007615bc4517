"""Figures of a run's offers that only the engine can count quickly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ml.contracts import CROSS_SELL_SCORES, SCORES, Columns
from ml.warehouse.tables import quoted, table_relation


@dataclass(frozen=True)
class OfferMeans:
    """What a score table promises on average.

    Parameters
    ----------
    probability : float or None
        None without offers.
    expected_margin : float or None
        Of the offers whose margin is known; None where none is.
    """

    probability: float | None
    expected_margin: float | None


def mean_offers(connection: duckdb.DuckDBPyConnection) -> OfferMeans:
    """Average the offers of the score table."""
    [(probability, margin)] = connection.execute(
        f"select avg({quoted(Columns.PROBABILITY)}), avg({quoted(Columns.EXPECTED_MARGIN)}) "
        f"from {table_relation(connection, CROSS_SELL_SCORES)}"
    ).fetchall()
    return OfferMeans(probability, margin)


def mean_released_offers(path: Path) -> OfferMeans | None:
    """Average the offers of a release's score table, by batches; None where it is unreadable."""
    names = [Columns.PROBABILITY, Columns.EXPECTED_MARGIN]
    sums, counts = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0)
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=names):
                for name in names:
                    column = batch.column(name)
                    sums[name] += pc.sum(column).as_py() or 0.0
                    counts[name] += len(column) - column.null_count
    except (OSError, pa.ArrowException):
        return None
    return OfferMeans(*(sums[name] / counts[name] if counts[name] else None for name in names))


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
