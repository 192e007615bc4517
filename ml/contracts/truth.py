"""What the simulator knows and nobody else may: no dbt model reads these tables."""

from __future__ import annotations

from typing import Final

from ml.contracts.columns import Columns
from ml.contracts.table import (
    BOOLEAN,
    DOUBLE,
    INT,
    STRING,
    TIMESTAMP,
    Column,
    Table,
    optional,
)

TRUTH_SCHEMA: Final = "simulated_truth"

TRUTH_WORLDS: Final = Table(
    TRUTH_SCHEMA,
    "worlds",
    (Column(Columns.SETTINGS_JSON, STRING), Column(Columns.STARTED_AT, TIMESTAMP)),
    key=(Columns.STARTED_AT,),
)
"""The one row says from what everything was drawn."""

TRUTH_SERVICES: Final = Table(
    TRUTH_SCHEMA,
    "services",
    (
        Column(Columns.SERVICE_NUMBER, INT),
        optional(Columns.SOURCE_PARTNER_ID, STRING),
        Column(Columns.SERVICE_ID, STRING),
        Column(Columns.CONVERSION_PROBABILITY, DOUBLE),
        Column(Columns.SEASON_PHASE, DOUBLE),
        Column(Columns.LAUNCH_DAY, DOUBLE),
    ),
    key=(Columns.SERVICE_NUMBER,),
)

TRUTH_SERVICE_FACTORS: Final = Table(
    TRUTH_SCHEMA,
    "service_factors",
    (
        Column(Columns.SERVICE_NUMBER, INT),
        Column(Columns.FACTOR_NUMBER, INT),
        Column(Columns.VALUE, DOUBLE),
    ),
    key=(Columns.SERVICE_NUMBER, Columns.FACTOR_NUMBER),
)

TRUTH_PERSON_FACTORS: Final = Table(
    TRUTH_SCHEMA,
    "person_factors",
    (
        Column(Columns.EPOCH_NUMBER, INT),
        Column(Columns.PERSON_INDEX, INT),
        Column(Columns.FACTOR_NUMBER, INT),
        Column(Columns.VALUE, DOUBLE),
    ),
    key=(Columns.EPOCH_NUMBER, Columns.PERSON_INDEX, Columns.FACTOR_NUMBER),
)
"""Epoch 0 ends with the drift; epoch 1 holds those who changed, as they are since."""

TRUTH_IDENTITIES: Final = Table(
    TRUTH_SCHEMA,
    "identities",
    (
        optional(Columns.SOURCE_PARTNER_ID, STRING),
        Column(Columns.CLIENT_ID, STRING),
        Column(Columns.PERSON_INDEX, INT),
    ),
    key=(Columns.SOURCE_PARTNER_ID, Columns.CLIENT_ID),
)

TRUTH_OPEN_INTENTS: Final = Table(
    TRUTH_SCHEMA,
    "open_intents",
    (
        Column(Columns.FOLD, STRING),
        Column(Columns.PERSON_INDEX, INT),
        Column(Columns.SERVICE_NUMBER, INT),
        Column(Columns.INTENDED_AT, TIMESTAMP),
    ),
    key=(Columns.FOLD, Columns.PERSON_INDEX, Columns.SERVICE_NUMBER, Columns.INTENDED_AT),
)

TRUTH_PROBABILITIES: Final = Table(
    TRUTH_SCHEMA,
    "probabilities",
    (
        Column(Columns.FOLD, STRING),
        Column(Columns.PERSON_INDEX, INT),
        Column(Columns.SERVICE_NUMBER, INT),
        Column(Columns.PROBABILITY, DOUBLE),
        Column(Columns.PROBABILITY_WITHOUT_WEB, DOUBLE),
    ),
    key=(Columns.FOLD, Columns.PERSON_INDEX, Columns.SERVICE_NUMBER),
)
"""Of pairs not owned at the fold's cutoff; left empty for worlds of too many pairs."""

TRUTH_UPLIFTS: Final = Table(
    TRUTH_SCHEMA,
    "uplifts",
    (
        optional(Columns.SOURCE_PARTNER_ID, STRING),
        Column(Columns.CAMPAIGN_ID, STRING),
        Column(Columns.PERSON_INDEX, INT),
        Column(Columns.IS_CONTROL, BOOLEAN),
        Column(Columns.INTENT_UPLIFT, DOUBLE),
        Column(Columns.EXTRA_INTENT_COUNT, DOUBLE),
    ),
    key=(Columns.SOURCE_PARTNER_ID, Columns.CAMPAIGN_ID, Columns.PERSON_INDEX),
)
"""What a contact does: for members of the control group, what it would have done."""

TRUTH_TABLES: Final = (
    TRUTH_WORLDS,
    TRUTH_SERVICES,
    TRUTH_SERVICE_FACTORS,
    TRUTH_PERSON_FACTORS,
    TRUTH_IDENTITIES,
    TRUTH_OPEN_INTENTS,
    TRUTH_PROBABILITIES,
    TRUTH_UPLIFTS,
)
