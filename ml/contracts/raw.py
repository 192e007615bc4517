"""Raw tables: what every partner's data is mapped onto."""

from __future__ import annotations

from typing import Final

from ml.contracts.columns import Columns
from ml.contracts.table import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INT,
    STRING,
    TIMESTAMP,
    Column,
    Table,
    optional,
)

_SCOPE: Final = optional(Columns.SOURCE_PARTNER_ID, STRING)
"""Whose own ids a row uses; null: ids that the whole programme shares."""

_FILE: Final = optional(Columns.SOURCE_FILE, STRING)
"""The landing file that a row came from; null: no file."""

_UNREAD: Final = optional(Columns.UNREAD_COLUMNS, STRING)
"""Which of a row's columns are null because what was delivered could not be read, by semicolons."""

_LINE: Final = optional(Columns.SOURCE_LINE, BIGINT)
"""The line of that file on which the row begins; of two rows of a key the later one holds."""

RAW_PARTNERS: Final = Table(
    "raw",
    "partners",
    (
        Column(Columns.PARTNER_ID, STRING),
        Column(Columns.PARTNER_NAME, STRING),
        optional(Columns.IS_ACTIVE, BOOLEAN),
        _UNREAD,
        _FILE,
        _LINE,
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(Columns.PARTNER_ID,),
)

RAW_CLIENTS: Final = Table(
    "raw",
    "clients",
    (
        _SCOPE,
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
        optional(Columns.EMAIL_HASH, STRING),
        optional(Columns.PHONE_HASH, STRING),
        optional(Columns.LOYALTY_HASH, STRING),
        optional(Columns.BIRTH_YEAR, INT),
        optional(Columns.REGION, STRING),
        optional(Columns.UPDATED_AT, TIMESTAMP),
        _UNREAD,
        _FILE,
        _LINE,
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(
        Columns.SOURCE_PARTNER_ID,
        Columns.CLIENT_ID,
    ),
)

RAW_SERVICES: Final = Table(
    "raw",
    "services",
    (
        _SCOPE,
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
        optional(Columns.REGIONS, STRING),
        optional(Columns.MIN_AGE, INT),
        optional(Columns.MAX_AGE, INT),
        optional(Columns.IS_OFFERED, BOOLEAN),
        optional(Columns.UPDATED_AT, TIMESTAMP),
        _UNREAD,
        _FILE,
        _LINE,
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(
        Columns.SOURCE_PARTNER_ID,
        Columns.SERVICE_ID,
    ),
)

RAW_TRANSACTIONS: Final = Table(
    "raw",
    "transactions",
    (
        _SCOPE,
        Column(Columns.TRANSACTION_ID, STRING),
        Column(Columns.CLIENT_ID, STRING),
        optional(Columns.SERVICE_ID, STRING),
        optional(Columns.BASKET_ID, STRING),
        Column(Columns.QUANTITY, DOUBLE),
        Column(Columns.AMOUNT, DOUBLE),
        optional(Columns.DISCOUNT_AMOUNT, DOUBLE),
        Column(Columns.TRANSACTED_AT, TIMESTAMP),
        _FILE,
        _LINE,
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(
        Columns.SOURCE_PARTNER_ID,
        Columns.TRANSACTION_ID,
    ),
)

RAW_CAMPAIGNS: Final = Table(
    "raw",
    "campaigns",
    (
        _SCOPE,
        Column(Columns.CAMPAIGN_ID, STRING),
        optional(Columns.CAMPAIGN_TYPE, STRING),
        Column(Columns.STARTED_AT, TIMESTAMP),
        optional(Columns.ENDED_AT, TIMESTAMP),
        _FILE,
        _LINE,
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(
        Columns.SOURCE_PARTNER_ID,
        Columns.CAMPAIGN_ID,
    ),
)

RAW_CAMPAIGN_CONTACTS: Final = Table(
    "raw",
    "campaign_contacts",
    (
        _SCOPE,
        Column(Columns.CAMPAIGN_ID, STRING),
        Column(Columns.CLIENT_ID, STRING),
        Column(Columns.CONTACTED_AT, TIMESTAMP),
        optional(Columns.RESPONDED_AT, TIMESTAMP),
        optional(Columns.IS_CONTROL, BOOLEAN),
        _FILE,
        _LINE,
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(Columns.SOURCE_PARTNER_ID, Columns.CAMPAIGN_ID, Columns.CLIENT_ID),
)

RAW_WEB_EVENTS: Final = Table(
    "raw",
    "web_events",
    (
        _SCOPE,
        Column(Columns.EVENT_ID, STRING),
        Column(Columns.CLIENT_ID, STRING),
        optional(Columns.SERVICE_ID, STRING),
        Column(Columns.EVENT_TYPE, STRING),
        optional(Columns.SEARCH_TEXT, STRING),
        Column(Columns.OCCURRED_AT, TIMESTAMP),
        _FILE,
        _LINE,
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(Columns.SOURCE_PARTNER_ID, Columns.EVENT_ID),
)

RAW_REVIEWS: Final = Table(
    "raw",
    "reviews",
    (
        _SCOPE,
        Column(Columns.REVIEW_ID, STRING),
        Column(Columns.CLIENT_ID, STRING),
        Column(Columns.SERVICE_ID, STRING),
        Column(Columns.RATING, DOUBLE),
        Column(Columns.REVIEWED_AT, TIMESTAMP),
        _FILE,
        _LINE,
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(Columns.SOURCE_PARTNER_ID, Columns.REVIEW_ID),
)


def _attributes(entity: str, id_column: str) -> Table:
    """What partners say of clients or services beyond the columns of their table."""
    return Table(
        "raw",
        f"{entity}_attributes",
        (
            _SCOPE,
            Column(id_column, STRING),
            Column(Columns.ATTRIBUTE, STRING),
            optional(Columns.VALUE, STRING),
            optional(Columns.VALUE_NUMBER, DOUBLE),
            optional(Columns.UPDATED_AT, TIMESTAMP),
            _FILE,
            _LINE,
            Column(Columns.LOADED_AT, TIMESTAMP),
        ),
        key=(Columns.SOURCE_PARTNER_ID, id_column, Columns.ATTRIBUTE),
    )


RAW_CLIENT_ATTRIBUTES: Final = _attributes("client", Columns.CLIENT_ID)
RAW_SERVICE_ATTRIBUTES: Final = _attributes("service", Columns.SERVICE_ID)

ATTRIBUTES_OF: Final = {
    RAW_CLIENTS: RAW_CLIENT_ATTRIBUTES,
    RAW_SERVICES: RAW_SERVICE_ATTRIBUTES,
}
"""Where the attributes go that files of an entity bring."""

RAW_LOADED_FILES: Final = Table(
    "raw",
    "loaded_files",
    (
        Column(Columns.LOAD_ID, STRING),
        Column(Columns.SOURCE, STRING),
        optional(Columns.PARTNER_ID, STRING),
        Column(Columns.ENTITY, STRING),
        Column(Columns.SOURCE_FILE, STRING),
        Column(Columns.STATUS, STRING),
        optional(Columns.CONTENT_SHA256, STRING),
        optional(Columns.BYTE_COUNT, BIGINT),
        Column(Columns.READ_COUNT, BIGINT),
        Column(Columns.ACCEPTED_COUNT, BIGINT),
        Column(Columns.REJECTED_COUNT, BIGINT),
        optional(Columns.WARNED_COUNT, BIGINT),
        optional(Columns.WARNINGS, STRING),
        optional(Columns.ERROR, STRING),
        Column(Columns.IS_CURRENT, BOOLEAN),
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(Columns.LOAD_ID,),
)

RAW_REJECTED_ROWS: Final = Table(
    "raw",
    "rejected_rows",
    (
        Column(Columns.SOURCE_FILE, STRING),
        Column(Columns.LINE_NUMBER, BIGINT),
        optional(Columns.PARTNER_ID, STRING),
        Column(Columns.ENTITY, STRING),
        Column(Columns.REASON, STRING),
        optional(Columns.DETAIL, STRING),
        Column(Columns.ORIGINAL_TEXT, STRING),
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(Columns.SOURCE_FILE, Columns.LINE_NUMBER),
)

RAW_ENTITIES: Final = (
    RAW_PARTNERS,
    RAW_CLIENTS,
    RAW_SERVICES,
    RAW_TRANSACTIONS,
    RAW_CAMPAIGNS,
    RAW_CAMPAIGN_CONTACTS,
    RAW_WEB_EVENTS,
    RAW_REVIEWS,
    RAW_CLIENT_ATTRIBUTES,
    RAW_SERVICE_ATTRIBUTES,
)
"""What partners deliver."""

RAW_SCHEMA: Final = "raw"
SNAPSHOTS_SCHEMA: Final = "snapshots"
"""Where dbt keeps the versions of what one source delivered."""

RAW_TABLES: Final = (*RAW_ENTITIES, RAW_LOADED_FILES, RAW_REJECTED_ROWS)

RAW_FORGOTTEN_CLIENTS: Final = Table(
    "raw",
    "forgotten_clients",
    (
        Column(Columns.CLIENT_HASH, STRING),
        Column(Columns.HASH_SALT, STRING),
        Column(Columns.FORGOTTEN_AT, TIMESTAMP),
    ),
    key=(Columns.CLIENT_HASH,),
)
"""Who is to stay out; no part of what a source brings, so no load replaces it."""

PERSONAL_COLUMNS: Final = frozenset(
    (*RAW_CLIENTS.column_names, *RAW_CLIENT_ATTRIBUTES.column_names)
) - {
    Columns.SOURCE_PARTNER_ID,
    Columns.CLIENT_ID,
    # A name that metrics have too; where attributes are, ATTRIBUTE is.
    Columns.VALUE,
    Columns.UPDATED_AT,
    Columns.SOURCE_FILE,
    Columns.SOURCE_LINE,
    Columns.UNREAD_COLUMNS,
    Columns.LOADED_AT,
}
"""What is told of a client beyond its ids: never part of a release."""
