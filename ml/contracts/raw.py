"""Raw tables: what every partner's data is mapped onto."""

from __future__ import annotations

from typing import Final

from ml.contracts.columns import Columns
from ml.contracts.table import BOOLEAN, DOUBLE, STRING, TIMESTAMP, Column, Table, optional

RAW_PARTNERS: Final = Table(
    "raw",
    "partners",
    (
        Column(Columns.PARTNER_ID, STRING),
        Column(Columns.PARTNER_NAME, STRING),
        optional(Columns.IS_ACTIVE, BOOLEAN),
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(Columns.PARTNER_ID,),
)

RAW_CLIENTS: Final = Table(
    "raw",
    "clients",
    (
        Column(Columns.CLIENT_ID, STRING),
        optional(Columns.HAS_MARKETING_CONSENT, BOOLEAN),
        optional(Columns.REGISTERED_AT, TIMESTAMP),
        optional(Columns.AGE_BAND, STRING),
        optional(Columns.INCOME_BAND, STRING),
        optional(Columns.HOME_OWNERSHIP, STRING),
        optional(Columns.MARITAL_STATUS, STRING),
        optional(Columns.HOUSEHOLD_SIZE, STRING),
        optional(Columns.HOUSEHOLD_COMPOSITION, STRING),
        optional(Columns.KIDS_COUNT, STRING),
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(Columns.CLIENT_ID,),
)

RAW_SERVICES: Final = Table(
    "raw",
    "services",
    (
        Column(Columns.SERVICE_ID, STRING),
        Column(Columns.PARTNER_ID, STRING),
        Column(Columns.SERVICE_NAME, STRING),
        optional(Columns.SERVICE_CATEGORY, STRING),
        optional(Columns.TYPICAL_PRICE, DOUBLE),
        optional(Columns.MARGIN_RATE, DOUBLE),
        optional(Columns.PRIVATE_LABEL_SHARE, DOUBLE),
        optional(Columns.IS_REPEATABLE, BOOLEAN),
        optional(Columns.LAUNCHED_AT, TIMESTAMP),
        optional(Columns.WITHDRAWN_AT, TIMESTAMP),
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(Columns.SERVICE_ID,),
)

RAW_TRANSACTIONS: Final = Table(
    "raw",
    "transactions",
    (
        Column(Columns.TRANSACTION_ID, STRING),
        Column(Columns.CLIENT_ID, STRING),
        optional(Columns.SERVICE_ID, STRING),
        optional(Columns.BASKET_ID, STRING),
        Column(Columns.QUANTITY, DOUBLE),
        Column(Columns.AMOUNT, DOUBLE),
        optional(Columns.DISCOUNT_AMOUNT, DOUBLE),
        Column(Columns.TRANSACTED_AT, TIMESTAMP),
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(Columns.TRANSACTION_ID,),
)

RAW_CAMPAIGNS: Final = Table(
    "raw",
    "campaigns",
    (
        Column(Columns.CAMPAIGN_ID, STRING),
        optional(Columns.CAMPAIGN_TYPE, STRING),
        Column(Columns.STARTED_AT, TIMESTAMP),
        optional(Columns.ENDED_AT, TIMESTAMP),
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(Columns.CAMPAIGN_ID,),
)

RAW_CAMPAIGN_CONTACTS: Final = Table(
    "raw",
    "campaign_contacts",
    (
        Column(Columns.CAMPAIGN_ID, STRING),
        Column(Columns.CLIENT_ID, STRING),
        Column(Columns.CONTACTED_AT, TIMESTAMP),
        optional(Columns.RESPONDED_AT, TIMESTAMP),
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(Columns.CAMPAIGN_ID, Columns.CLIENT_ID),
)

RAW_TABLES: Final = (
    RAW_PARTNERS,
    RAW_CLIENTS,
    RAW_SERVICES,
    RAW_TRANSACTIONS,
    RAW_CAMPAIGNS,
    RAW_CAMPAIGN_CONTACTS,
)
