"""What decides whether a run's offers reach readers, and what is kept of the decision."""

from __future__ import annotations

from typing import Final

from ml.contracts.columns import Columns
from ml.contracts.health import MODEL_HEALTH
from ml.contracts.readers import (
    CLIENT_IDENTITIES,
    CROSS_SELL_SCORES,
    OWNED_SERVICES,
    PUBLISHED_CLIENTS,
    PUBLISHED_PARTNERS,
)
from ml.contracts.report import CALIBRATION_CURVE, LIFT_BY_DECILE, MODEL_DIFFERENCES
from ml.contracts.table import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    STRING,
    TIMESTAMP,
    Column,
    Table,
    optional,
)

RELEASE_CHECKS: Final = Table(
    "ml",
    "release_checks",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.CHECKED_AT, TIMESTAMP),
        Column(Columns.CHECK_NAME, STRING),
        optional(Columns.VALUE, DOUBLE),
        optional(Columns.BOUND, DOUBLE),
        Column(Columns.IS_PASSED, BOOLEAN),
        Column(Columns.DETAIL, STRING),
    ),
    key=(Columns.RUN_ID, Columns.CHECKED_AT, Columns.CHECK_NAME),
)

RELEASE_EVENTS: Final = Table(
    "ml",
    "release_events",
    (
        Column(Columns.HAPPENED_AT, TIMESTAMP),
        Column(Columns.EVENT_KIND, STRING),
        Column(Columns.RELEASE_ID, STRING),
        Column(Columns.RUN_ID, STRING),
        optional(Columns.PREVIOUS_RELEASE_ID, STRING),
    ),
    key=(Columns.HAPPENED_AT, Columns.RELEASE_ID),
)

DBT_RUNS: Final = Table(
    "ml",
    "dbt_runs",
    (
        Column(Columns.INVOCATION_ID, STRING),
        Column(Columns.COMMAND, STRING),
        Column(Columns.STARTED_AT, TIMESTAMP),
        Column(Columns.FINISHED_AT, TIMESTAMP),
        Column(Columns.TEST_COUNT, BIGINT),
        Column(Columns.FAILED_COUNT, BIGINT),
        Column(Columns.ERROR_COUNT, BIGINT),
        optional(Columns.FAILED_NODES, STRING),
        Column(Columns.HAS_TESTED_OFFERS, BOOLEAN),
    ),
    key=(Columns.INVOCATION_ID,),
)
"""Written by dbt itself when a command ends."""

RELEASE_TABLES: Final = (RELEASE_CHECKS, RELEASE_EVENTS, DBT_RUNS)

MODEL_COMPARISON: Final = Table(
    "cross_sell",
    "model_comparison",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.FOLD, STRING),
        Column(Columns.MODEL_NAME, STRING),
        Column(Columns.IS_CHAMPION, BOOLEAN),
        Column(Columns.CLIENT_COUNT, BIGINT),
        optional(Columns.CHOICE_METRIC, STRING),
        optional(Columns.CHOICE_VALUE, DOUBLE),
        optional(Columns.AUC, DOUBLE),
        optional(Columns.OFFER_COUNT, BIGINT),
        optional(Columns.POSITIVE_RATE, DOUBLE),
        optional(Columns.CALIBRATION_ERROR, DOUBLE),
        optional(Columns.COVERAGE_AT_10, DOUBLE),
    ),
    key=(Columns.FOLD, Columns.MODEL_NAME),
)

RUNS_JUDGED: Final = Table(
    "intermediate",
    "int_runs_judged",
    (Column(Columns.RUN_ID, STRING), Column(Columns.STATUS, STRING)),
    key=(Columns.RUN_ID,),
)
"""What became of each run: a view, and so always up to date."""

HOLDOUT_RANKING: Final = Table(
    "intermediate",
    "int_holdout_ranking_by_client",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.FOLD, STRING),
        Column(Columns.MODEL_NAME, STRING),
        Column(Columns.CLIENT_ID, STRING),
        Column(Columns.POSITIVE_COUNT, BIGINT),
        Column(Columns.NDCG, DOUBLE),
    ),
    key=(Columns.RUN_ID, Columns.FOLD, Columns.MODEL_NAME, Columns.CLIENT_ID),
)
"""NDCG@10 of each client who took something, of all runs."""

# Published marts whose columns Python states too; dbt holds all of them to their YAML.
PUBLISHED_CONTRACTS: Final = (
    CROSS_SELL_SCORES,
    MODEL_COMPARISON,
    MODEL_DIFFERENCES,
    LIFT_BY_DECILE,
    CALIBRATION_CURVE,
    MODEL_HEALTH,
    OWNED_SERVICES,
    PUBLISHED_PARTNERS,
    PUBLISHED_CLIENTS,
    CLIENT_IDENTITIES,
)

# Published marts that grow and shrink with the programme, by name; the others count models.
COUNTED_MARTS: Final = (
    CROSS_SELL_SCORES.name,
    OWNED_SERVICES.name,
    PUBLISHED_CLIENTS.name,
    CLIENT_IDENTITIES.name,
    "dim_services",
)
