"""Marts that the jobs read: only the columns they read."""

from __future__ import annotations

from typing import Final

from ml.contracts.columns import Columns
from ml.contracts.table import BOOLEAN, DOUBLE, INT, STRING, TIMESTAMP, Column, Table

DIM_CLIENTS: Final = Table(
    "core",
    "dim_clients",
    (Column(Columns.CLIENT_IDX, INT), Column(Columns.CLIENT_ID, STRING)),
    key=(Columns.CLIENT_IDX,),
)

DIM_SERVICES: Final = Table(
    "core",
    "dim_services",
    (
        Column(Columns.SERVICE_IDX, INT),
        Column(Columns.SERVICE_ID, STRING),
        Column(Columns.PARTNER_ID, STRING),
    ),
    key=(Columns.SERVICE_IDX,),
)

TRAINING_WINDOWS: Final = Table(
    "learning",
    "training_windows",
    (
        Column(Columns.FOLD, STRING),
        Column(Columns.CUTOFF_AT, TIMESTAMP),
        Column(Columns.HORIZON_END_AT, TIMESTAMP),
    ),
    key=(Columns.FOLD,),
)

BUILD_VARS: Final = Table(
    "learning",
    "build_vars",
    (
        Column(Columns.VAR_NAME, STRING),
        Column(Columns.VALUE_JSON, STRING),
        Column(Columns.CHANGES_MEASURES, BOOLEAN),
    ),
    key=(Columns.VAR_NAME,),
)
"""What the business set, as the marts were built with it."""

INTERACTIONS: Final = Table(
    "learning",
    "interactions",
    (
        Column(Columns.FOLD, STRING),
        Column(Columns.CLIENT_IDX, INT),
        Column(Columns.SERVICE_IDX, INT),
        Column(Columns.WEIGHT, DOUBLE),
        Column(Columns.FIRST_PURCHASED_AT, TIMESTAMP),
    ),
    key=(Columns.FOLD, Columns.CLIENT_IDX, Columns.SERVICE_IDX),
)

INTERESTS: Final = Table(
    "learning",
    "interests",
    (
        Column(Columns.FOLD, STRING),
        Column(Columns.CLIENT_IDX, INT),
        Column(Columns.SERVICE_IDX, INT),
        Column(Columns.WEIGHT, DOUBLE),
        Column(Columns.KNOWN_AT, TIMESTAMP),
    ),
    key=(Columns.FOLD, Columns.CLIENT_IDX, Columns.SERVICE_IDX),
)

LABELS: Final = Table(
    "learning",
    "labels",
    (
        Column(Columns.FOLD, STRING),
        Column(Columns.CLIENT_IDX, INT),
        Column(Columns.SERVICE_IDX, INT),
    ),
    key=(Columns.FOLD, Columns.CLIENT_IDX, Columns.SERVICE_IDX),
)

CLIENT_FEATURES: Final = Table(
    "learning",
    "client_features",
    (
        Column(Columns.FOLD, STRING),
        Column(Columns.CLIENT_IDX, INT),
        Column(Columns.FEATURE, STRING),
        Column(Columns.VALUE, DOUBLE),
    ),
    key=(Columns.FOLD, Columns.CLIENT_IDX, Columns.FEATURE),
)

CLIENT_SEGMENTS: Final = Table(
    "learning",
    "client_segments",
    (
        Column(Columns.FOLD, STRING),
        Column(Columns.CLIENT_IDX, INT),
        Column(Columns.SEGMENT, STRING),
    ),
    key=(Columns.FOLD, Columns.CLIENT_IDX, Columns.SEGMENT),
)

SERVICE_FEATURES: Final = Table(
    "learning",
    "service_features",
    (
        Column(Columns.FOLD, STRING),
        Column(Columns.SERVICE_IDX, INT),
        Column(Columns.FEATURE, STRING),
        Column(Columns.VALUE, DOUBLE),
    ),
    key=(Columns.FOLD, Columns.SERVICE_IDX, Columns.FEATURE),
)

INELIGIBLE_CLIENTS: Final = Table(
    "learning",
    "ineligible_clients",
    (Column(Columns.FOLD, STRING), Column(Columns.CLIENT_IDX, INT), Column(Columns.REASON, STRING)),
    key=(Columns.FOLD, Columns.CLIENT_IDX, Columns.REASON),
)

INELIGIBLE_SERVICES: Final = Table(
    "learning",
    "ineligible_services",
    (
        Column(Columns.FOLD, STRING),
        Column(Columns.SERVICE_IDX, INT),
        Column(Columns.REASON, STRING),
    ),
    key=(Columns.FOLD, Columns.SERVICE_IDX, Columns.REASON),
)

INELIGIBLE_PAIRS: Final = Table(
    "learning",
    "ineligible_pairs",
    (
        Column(Columns.FOLD, STRING),
        Column(Columns.CLIENT_IDX, INT),
        Column(Columns.SERVICE_IDX, INT),
        Column(Columns.REASON, STRING),
    ),
    key=(Columns.FOLD, Columns.CLIENT_IDX, Columns.SERVICE_IDX, Columns.REASON),
)

FOLD_VALIDATION: Final = "validation"
FOLD_TEST: Final = "test"
FOLD_SERVING: Final = "serving"
