"""Marts that the report reads: only the columns it reads."""

from __future__ import annotations

from typing import Final

from ml.contracts.columns import Columns
from ml.contracts.marts import DIM_SERVICES, TRAINING_WINDOWS
from ml.contracts.outputs import COMPARISONS
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

LIFT_BY_DECILE: Final = Table(
    "cross_sell",
    "lift_by_decile",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.FOLD, STRING),
        Column(Columns.MODEL_NAME, STRING),
        Column(Columns.DECILE, INT),
        Column(Columns.OFFER_COUNT, BIGINT),
        optional(Columns.MEAN_PROBABILITY, DOUBLE),
        Column(Columns.CONVERSION_COUNT, BIGINT),
        optional(Columns.CONVERSION_RATE, DOUBLE),
        optional(Columns.LIFT, DOUBLE),
        Column(Columns.CUMULATIVE_CONVERSION_COUNT, BIGINT),
        optional(Columns.GAIN, DOUBLE),
    ),
    key=(Columns.RUN_ID, Columns.FOLD, Columns.MODEL_NAME, Columns.DECILE),
)

CALIBRATION_CURVE: Final = Table(
    "cross_sell",
    "calibration_curve",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.FOLD, STRING),
        Column(Columns.MODEL_NAME, STRING),
        Column(Columns.BIN, INT),
        Column(Columns.OFFER_COUNT, BIGINT),
        optional(Columns.MEAN_PROBABILITY, DOUBLE),
        optional(Columns.CONVERSION_RATE, DOUBLE),
    ),
    key=(Columns.RUN_ID, Columns.FOLD, Columns.MODEL_NAME, Columns.BIN),
)

MODEL_DIFFERENCES: Final = Table(
    "cross_sell", "model_differences", COMPARISONS.columns, COMPARISONS.key
)

OFFER_VALUE: Final = Table(
    "cross_sell",
    "offer_value",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.PARTNER_ID, STRING),
        Column(Columns.PARTNER_NAME, STRING),
        Column(Columns.OFFER_RANK, INT),
        Column(Columns.OFFER_COUNT, BIGINT),
        Column(Columns.EXPECTED_CONVERSION_COUNT, DOUBLE),
        optional(Columns.EXPECTED_MARGIN, DOUBLE),
    ),
    key=(Columns.PARTNER_ID, Columns.OFFER_RANK),
)

HOLDOUT_VALUE: Final = Table(
    "cross_sell",
    "holdout_value",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.FOLD, STRING),
        Column(Columns.MODEL_NAME, STRING),
        Column(Columns.CANDIDATE_RANK, INT),
        Column(Columns.CONVERSION_COUNT, BIGINT),
        Column(Columns.CONVERSION_MARGIN, DOUBLE),
    ),
    key=(Columns.RUN_ID, Columns.FOLD, Columns.MODEL_NAME, Columns.CANDIDATE_RANK),
)

FIRST_OFFERS: Final = Table(
    "cross_sell",
    "cross_sell_scores",
    (
        Column(Columns.CLIENT_ID, STRING),
        Column(Columns.OFFER_RANK, INT),
        Column(Columns.PROBABILITY, DOUBLE),
        optional(Columns.EXPECTED_MARGIN, DOUBLE),
        Column(Columns.IS_COLD_START, BOOLEAN),
    ),
    key=(Columns.OFFER_RANK, Columns.CLIENT_ID),
)

DIM_SERVICES_MONEY: Final = Table(
    DIM_SERVICES.schema_name,
    DIM_SERVICES.name,
    (
        Column(Columns.SERVICE_ID, STRING),
        Column(Columns.IS_MARGIN_ASSUMED, BOOLEAN),
        optional(Columns.CURRENCY, STRING),
    ),
    key=(Columns.SERVICE_ID,),
)
"""How amounts of margin are to be read."""

WINDOW_DATES: Final = Table(
    TRAINING_WINDOWS.schema_name,
    TRAINING_WINDOWS.name,
    (*TRAINING_WINDOWS.columns, Column(Columns.HORIZON_DAYS, INT)),
    TRAINING_WINDOWS.key,
)

ELIGIBILITY_COUNTS: Final = Table(
    "learning",
    "eligibility_counts",
    (
        Column(Columns.FOLD, STRING),
        Column(Columns.SCOPE, STRING),
        Column(Columns.REASON, STRING),
        Column(Columns.ROW_COUNT, BIGINT),
    ),
    key=(Columns.FOLD, Columns.SCOPE, Columns.REASON),
)

DATA_QUALITY_COUNTS: Final = Table(
    "core",
    "data_quality_counts",
    (
        Column(Columns.ENTITY, STRING),
        Column(Columns.OUTCOME, STRING),
        Column(Columns.OUTCOME_KIND, STRING),
        Column(Columns.ROW_COUNT, BIGINT),
    ),
    key=(Columns.ENTITY, Columns.OUTCOME),
)

SUSPICIOUS_DATA: Final = Table(
    "core",
    "suspicious_data",
    (
        Column(Columns.SUSPICION, STRING),
        Column(Columns.SUBJECT_ID, STRING),
        Column(Columns.LINE_COUNT, BIGINT),
        Column(Columns.OBSERVATION, STRING),
        Column(Columns.REMEDY, STRING),
    ),
    key=(Columns.SUSPICION, Columns.SUBJECT_ID),
)

EVENT_COUNTS: Final = Table(
    "core",
    "event_counts",
    (
        Column(Columns.EVENT_KIND, STRING),
        Column(Columns.EVENT_COUNT, BIGINT),
        Column(Columns.FIRST_EVENT_AT, TIMESTAMP),
        Column(Columns.LAST_EVENT_AT, TIMESTAMP),
    ),
    key=(Columns.EVENT_KIND,),
)

FEATURE_COUNTS: Final = Table(
    "learning",
    "feature_counts",
    (
        Column(Columns.FOLD, STRING),
        Column(Columns.SCOPE, STRING),
        Column(Columns.FEATURE_FAMILY, STRING),
        Column(Columns.FEATURE_COUNT, BIGINT),
        Column(Columns.ROW_COUNT, BIGINT),
    ),
    key=(Columns.FOLD, Columns.SCOPE, Columns.FEATURE_FAMILY),
)

REPORT_TABLES: Final = (
    LIFT_BY_DECILE,
    CALIBRATION_CURVE,
    MODEL_DIFFERENCES,
    OFFER_VALUE,
    HOLDOUT_VALUE,
    FIRST_OFFERS,
    WINDOW_DATES,
    ELIGIBILITY_COUNTS,
    DATA_QUALITY_COUNTS,
    EVENT_COUNTS,
    FEATURE_COUNTS,
)
