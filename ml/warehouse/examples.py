"""Clients to show something with."""

from __future__ import annotations

import duckdb

from ml.contracts import Columns, Table
from ml.warehouse.tables import quoted, table_relation


def typical_clients(
    connection: duckdb.DuckDBPyConnection, offers: Table, owned: Table, count: int
) -> list[str]:
    """Clients with offers who have about as many services as the client in the middle.

    Whoever has nearly everything may be no client at all, such as sales without a client's id.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    offers, owned : Table
        A row for each offer, and for each service that a client has.
    count : int
        How many at most.
    """
    client = quoted(Columns.CLIENT_ID)
    rows = connection.execute(
        f"""
        with

        owners as (
            select {client}, count(*) as owned_count
            from {table_relation(connection, owned)}
            group by {client}
        ),

        offered as (
            select offers.{client}, coalesce(owners.owned_count, 0) as owned_count
            from {table_relation(connection, offers)} as offers
            left join owners on offers.{client} = owners.{client}
            where offers.{quoted(Columns.OFFER_RANK)} = 1
        )

        select {client}
        from offered
        order by
            abs(owned_count - (
                select quantile_disc(owned_count, 0.5) from offered where owned_count > 0
            )),
            {client}
        limit ?
        """,
        [count],
    ).fetchall()
    return [client_id for (client_id,) in rows]
