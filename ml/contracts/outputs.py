"""Tables that the jobs write."""

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

RUNS: Final = Table(
    "ml",
    "runs",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.STATUS, STRING),
        Column(Columns.AS_OF_AT, TIMESTAMP),
        Column(Columns.CHAMPION_MODEL, STRING),
        Column(Columns.CHAMPION_REASON, STRING),
        Column(Columns.SEED, BIGINT),
        Column(Columns.SETTINGS_JSON, STRING),
        Column(Columns.PACKAGE_VERSIONS_JSON, STRING),
        Column(Columns.STARTED_AT, TIMESTAMP),
        Column(Columns.FINISHED_AT, TIMESTAMP),
        optional(Columns.HORIZON_DAYS, INT),
    ),
    key=(Columns.RUN_ID,),
)

RUN_STEPS: Final = Table(
    "ml",
    "run_steps",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.STEP_NUMBER, INT),
        Column(Columns.STEP, STRING),
        Column(Columns.SECONDS, DOUBLE),
        Column(Columns.PEAK_MEMORY_MIB, DOUBLE),
        optional(Columns.CPU_SECONDS, DOUBLE),
    ),
    key=(Columns.RUN_ID, Columns.STEP_NUMBER),
)

RUN_ELIGIBILITY: Final = Table(
    "ml",
    "run_eligibility",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.FOLD, STRING),
        Column(Columns.SCOPE, STRING),
        Column(Columns.REASON, STRING),
        Column(Columns.ROW_COUNT, BIGINT),
    ),
    key=(Columns.RUN_ID, Columns.FOLD, Columns.SCOPE, Columns.REASON),
)

METRICS: Final = Table(
    "ml",
    "metrics",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.MODEL_NAME, STRING),
        Column(Columns.FOLD, STRING),
        Column(Columns.SEGMENT, STRING),
        Column(Columns.METRIC, STRING),
        optional(Columns.VALUE, DOUBLE),
        optional(Columns.CI_LOW, DOUBLE),
        optional(Columns.CI_HIGH, DOUBLE),
        Column(Columns.CLIENT_COUNT, BIGINT),
    ),
    key=(Columns.RUN_ID, Columns.MODEL_NAME, Columns.FOLD, Columns.SEGMENT, Columns.METRIC),
)

COMPARISONS: Final = Table(
    "ml",
    "comparisons",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.FOLD, STRING),
        Column(Columns.METRIC, STRING),
        Column(Columns.MODEL_NAME, STRING),
        Column(Columns.OTHER_MODEL_NAME, STRING),
        optional(Columns.DIFFERENCE, DOUBLE),
        optional(Columns.CI_LOW, DOUBLE),
        optional(Columns.CI_HIGH, DOUBLE),
        optional(Columns.P_VALUE, DOUBLE),
        Column(Columns.CLIENT_COUNT, BIGINT),
    ),
    key=(
        Columns.RUN_ID,
        Columns.FOLD,
        Columns.METRIC,
        Columns.MODEL_NAME,
        Columns.OTHER_MODEL_NAME,
    ),
)

LEARNING_CURVES: Final = Table(
    "ml",
    "learning_curves",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.MODEL_NAME, STRING),
        Column(Columns.EPOCH, INT),
        optional(Columns.LOSS, DOUBLE),
        optional(Columns.AUC, DOUBLE),
        optional(Columns.NDCG_AT_10, DOUBLE),
        Column(Columns.SECONDS, DOUBLE),
    ),
    key=(Columns.RUN_ID, Columns.MODEL_NAME, Columns.EPOCH),
)

HOLDOUT_PREDICTIONS: Final = Table(
    "ml",
    "holdout_predictions",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.MODEL_NAME, STRING),
        Column(Columns.FOLD, STRING),
        Column(Columns.CLIENT_ID, STRING),
        Column(Columns.SERVICE_ID, STRING),
        Column(Columns.SCORE, DOUBLE),
        Column(Columns.PROBABILITY, DOUBLE),
        Column(Columns.CANDIDATE_RANK, INT),
        optional(Columns.MID_RANK, DOUBLE),
        Column(Columns.CANDIDATE_COUNT, INT),
        Column(Columns.IS_POSITIVE, BOOLEAN),
    ),
    key=(Columns.RUN_ID, Columns.MODEL_NAME, Columns.FOLD, Columns.CLIENT_ID, Columns.SERVICE_ID),
)

SCORES: Final = Table(
    "ml",
    "scores",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.CLIENT_ID, STRING),
        Column(Columns.SERVICE_ID, STRING),
        Column(Columns.OFFER_RANK, INT),
        Column(Columns.SCORE, DOUBLE),
        Column(Columns.PROBABILITY, DOUBLE),
        optional(Columns.REASON_SERVICE_ID, STRING),
        Column(Columns.IS_COLD_START, BOOLEAN),
        Column(Columns.MODEL_NAME, STRING),
        Column(Columns.SCORED_AT, TIMESTAMP),
    ),
    key=(Columns.RUN_ID, Columns.CLIENT_ID, Columns.SERVICE_ID),
)

ML_TABLES: Final = (
    RUNS,
    RUN_STEPS,
    RUN_ELIGIBILITY,
    METRICS,
    COMPARISONS,
    LEARNING_CURVES,
    HOLDOUT_PREDICTIONS,
    SCORES,
)
