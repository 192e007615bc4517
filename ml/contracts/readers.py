"""Marts that readers get in a release."""

from __future__ import annotations

from typing import Final

from ml.contracts.columns import Columns
from ml.contracts.table import (
    BOOLEAN,
    DATE,
    DOUBLE,
    INT,
    STRING,
    TIMESTAMP,
    Column,
    Table,
    optional,
)

CROSS_SELL_SCORES: Final = Table(
    "cross_sell",
    "cross_sell_scores",
    (
        Column(Columns.CLIENT_ID, STRING),
        Column(Columns.SERVICE_ID, STRING),
        Column(Columns.PARTNER_ID, STRING),
        Column(Columns.SERVICE_NAME, STRING),
        Column(Columns.OFFER_RANK, INT),
        Column(Columns.SCORE, DOUBLE),
        Column(Columns.PROBABILITY, DOUBLE),
        optional(Columns.EXPECTED_MARGIN, DOUBLE),
        Column(Columns.REASON, STRING),
        Column(Columns.IS_COLD_START, BOOLEAN),
        Column(Columns.MODEL_NAME, STRING),
        Column(Columns.RUN_ID, STRING),
        Column(Columns.AS_OF_DATE, DATE),
        Column(Columns.SCORED_AT, TIMESTAMP),
    ),
    key=(Columns.CLIENT_ID, Columns.SERVICE_ID),
)

OWNED_SERVICES: Final = Table(
    "cross_sell",
    "owned_services",
    (
        Column(Columns.CLIENT_ID, STRING),
        Column(Columns.SERVICE_ID, STRING),
        Column(Columns.SERVICE_NAME, STRING),
        Column(Columns.PARTNER_ID, STRING),
        Column(Columns.PURCHASE_COUNT, INT),
        Column(Columns.LAST_PURCHASED_AT, TIMESTAMP),
    ),
    key=(Columns.CLIENT_ID, Columns.SERVICE_ID),
)

PUBLISHED_CLIENTS: Final = Table(
    "cross_sell", "dim_clients", (Column(Columns.CLIENT_ID, STRING),), key=(Columns.CLIENT_ID,)
)
"""Ids only; what else is known of clients stays in ``core.dim_clients``."""

CLIENT_IDENTITIES: Final = Table(
    "core",
    "client_identities",
    (
        Column(Columns.CLIENT_ID, STRING),
        Column(Columns.SOURCE_CLIENT_ID, STRING),
        Column(Columns.SOURCE_PARTNER_ID, STRING),
        Column(Columns.PARTNER_CLIENT_ID, STRING),
    ),
    key=(Columns.SOURCE_CLIENT_ID,),
)
"""Which client each record is, whatever its partner calls it."""

PUBLISHED_PARTNERS: Final = Table(
    "core",
    "dim_partners",
    (Column(Columns.PARTNER_ID, STRING), Column(Columns.PARTNER_NAME, STRING)),
    key=(Columns.PARTNER_ID,),
)

# A release is these marts, whole: (schema, table). None has a column of PERSONAL_COLUMNS.
PUBLISHED: Final = (
    ("cross_sell", "cross_sell_scores"),
    ("cross_sell", "model_comparison"),
    ("cross_sell", "model_differences"),
    ("cross_sell", "lift_by_decile"),
    ("cross_sell", "calibration_curve"),
    ("cross_sell", "model_health"),
    ("cross_sell", "owned_services"),
    ("core", "dim_partners"),
    ("cross_sell", "dim_clients"),
    ("core", "client_identities"),
    ("core", "dim_services"),
)
