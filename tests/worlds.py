"""Small seeded partner worlds in the raw contract, for tests."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from ml import contracts
from ml.contracts import Columns, Table

STARTS_AT = datetime(2024, 1, 1)
LOADED_AT = datetime(2024, 8, 1)
DAYS = 200

RawTables = dict[Table, pa.Table]


def as_contract(table: Table, columns: dict[str, object], n: int) -> pa.Table:
    """Rows in the contract's schema; columns that are not given are null."""
    arrays = []
    for column in table.columns:
        if column.name == Columns.LOADED_AT and column.name not in columns:
            arrays.append(pa.repeat(pa.scalar(LOADED_AT, contracts.TIMESTAMP), n))
        elif column.name in columns:
            arrays.append(pa.array(columns[column.name], column.type))
        else:
            arrays.append(pa.nulls(n, column.type))
    return pa.table(arrays, schema=pa.schema([(c.name, c.type) for c in table.columns]))


def small_world(
    seed: int = 0, n_clients: int = 80, n_services: int = 30, lines_per_client: int = 60
) -> RawTables:
    """A world with two tastes: clients buy mostly in their half of the services.

    Purchases spread over ``DAYS`` days from ``STARTS_AT``. The last five clients are new:
    they are registered but never bought.
    """
    generator = np.random.default_rng(seed)
    partners = [f"P{i}" for i in range(4)]
    services = [f"S{i:02d}" for i in range(n_services)]
    clients = [f"C{i:03d}" for i in range(n_clients)]
    n = (n_clients - 5) * lines_per_client
    client = np.repeat(np.arange(n_clients - 5), lines_per_client)
    in_taste = generator.random(n) < 0.85
    half = n_services // 2
    taste = np.where(in_taste, client % 2, 1 - client % 2)
    # Squared uniform numbers: some services sell far better than others.
    service = taste * half + np.floor(half * generator.random(n) ** 2).astype(int)
    seconds = generator.integers(0, DAYS * 86_400, n)
    seconds[0] = DAYS * 86_400 - 1
    times = [STARTS_AT + timedelta(seconds=int(s)) for s in seconds]
    return {
        contracts.RAW_PARTNERS: as_contract(
            contracts.RAW_PARTNERS,
            {
                Columns.PARTNER_ID: partners,
                Columns.PARTNER_NAME: [f"Partner {p}" for p in partners],
            },
            len(partners),
        ),
        contracts.RAW_CLIENTS: as_contract(
            contracts.RAW_CLIENTS,
            {
                Columns.CLIENT_ID: clients,
                Columns.AGE_BAND: [("25-34", "45-54")[i % 2] for i in range(n_clients)],
                Columns.INCOME_BAND: [None if i % 3 else "50-74K" for i in range(n_clients)],
            },
            n_clients,
        ),
        contracts.RAW_SERVICES: as_contract(
            contracts.RAW_SERVICES,
            {
                Columns.SERVICE_ID: services,
                Columns.PARTNER_ID: [partners[i % 4] for i in range(n_services)],
                Columns.SERVICE_NAME: [f"Service {s}" for s in services],
                Columns.SERVICE_CATEGORY: [f"category {i // half}" for i in range(n_services)],
                Columns.TYPICAL_PRICE: [1.0 + i % 7 for i in range(n_services)],
                Columns.MARGIN_RATE: [None if i % 2 else 0.4 for i in range(n_services)],
                Columns.PRIVATE_LABEL_SHARE: [(i % 5) / 5 for i in range(n_services)],
            },
            n_services,
        ),
        contracts.RAW_TRANSACTIONS: as_contract(
            contracts.RAW_TRANSACTIONS,
            {
                Columns.TRANSACTION_ID: [f"T{i}" for i in range(n)],
                Columns.CLIENT_ID: [clients[i] for i in client],
                Columns.SERVICE_ID: [services[i] for i in service],
                Columns.BASKET_ID: [f"B{i // 3}" for i in range(n)],
                Columns.QUANTITY: np.ones(n),
                Columns.AMOUNT: 1.0 + service % 7,
                Columns.DISCOUNT_AMOUNT: np.where(generator.random(n) < 0.2, 0.5, 0.0),
                Columns.TRANSACTED_AT: times,
            },
            n,
        ),
        contracts.RAW_CAMPAIGNS: as_contract(
            contracts.RAW_CAMPAIGNS,
            {
                Columns.CAMPAIGN_ID: ["K1"],
                Columns.CAMPAIGN_TYPE: ["A"],
                Columns.STARTED_AT: [STARTS_AT + timedelta(days=20)],
            },
            1,
        ),
        contracts.RAW_CAMPAIGN_CONTACTS: as_contract(
            contracts.RAW_CAMPAIGN_CONTACTS,
            {
                Columns.CAMPAIGN_ID: ["K1"] * 10,
                Columns.CLIENT_ID: clients[:10],
                Columns.CONTACTED_AT: [STARTS_AT + timedelta(days=20)] * 10,
                Columns.RESPONDED_AT: [STARTS_AT + timedelta(days=25)] * 3 + [None] * 7,
            },
            10,
        ),
    }


def with_rows(raw: RawTables, table: Table, rows: list[dict[str, object]]) -> RawTables:
    """The same world with rows appended to one table; columns not given are null."""
    columns = {name: [row.get(name) for row in rows] for name in table.column_names}
    if all(value is None for value in columns[Columns.LOADED_AT]):
        del columns[Columns.LOADED_AT]
    extra = as_contract(table, columns, len(rows))  # type: ignore[arg-type]
    return {**raw, table: pa.concat_tables([raw[table], extra])}


def sales_of_two_partners() -> RawTables:
    """The small world's sales as two partners tell them: ids of their own, and nothing else."""
    sales = small_world()[contracts.RAW_TRANSACTIONS]
    names = sales.column_names
    scopes = ["dairy" if i % 3 else "bakery" for i in range(len(sales))]
    scoped = sales.set_column(
        names.index(Columns.SOURCE_PARTNER_ID),
        sales.schema.field(Columns.SOURCE_PARTNER_ID),
        pa.array(scopes),
    )
    return {contracts.RAW_TRANSACTIONS: scoped}
