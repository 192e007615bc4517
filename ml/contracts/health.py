"""How the models do since they were trained, and what was decided about it."""

from __future__ import annotations

from typing import Final

from ml.contracts.columns import Columns
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

MODEL_HEALTH: Final = Table(
    "cross_sell",
    "model_health",
    (
        Column(Columns.KIND, STRING),
        Column(Columns.MOMENT, STRING),
        Column(Columns.SCOPE, STRING),
        Column(Columns.SUBJECT, STRING),
        Column(Columns.MEASURE, STRING),
        Column(Columns.MEASURED_AS_OF_AT, TIMESTAMP),
        optional(Columns.VALUE, DOUBLE),
        optional(Columns.REFERENCE_VALUE, DOUBLE),
        optional(Columns.THRESHOLD, DOUBLE),
        Column(Columns.ROW_COUNT, BIGINT),
        Column(Columns.IS_COMPLETE, BOOLEAN),
        Column(Columns.IS_ALARM, BOOLEAN),
    ),
    key=(Columns.MOMENT, Columns.SCOPE, Columns.SUBJECT, Columns.MEASURE),
)

KIND_INPUT: Final = "input"
KIND_OUTCOME: Final = "outcome"
MOMENT_NOW: Final = "now"

CHALLENGES: Final = Table(
    "intermediate",
    "int_challenges_by_client",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.CHAMPION_RUN_ID, STRING),
        Column(Columns.CLIENT_ID, STRING),
        Column(Columns.CHALLENGER_NDCG, DOUBLE),
        Column(Columns.CHAMPION_NDCG, DOUBLE),
    ),
    key=(Columns.RUN_ID, Columns.CHAMPION_RUN_ID, Columns.CLIENT_ID),
)
"""NDCG@10 of a new run and of earlier runs' offers, on the newest labels."""

DECISIONS: Final = Table(
    "ml",
    "decisions",
    (
        Column(Columns.DECISION_ID, STRING),
        Column(Columns.DECIDED_AT, TIMESTAMP),
        Column(Columns.QUESTION, STRING),
        Column(Columns.CHOICE, STRING),
        Column(Columns.REASON, STRING),
        optional(Columns.RUN_ID, STRING),
        Column(Columns.NUMBERS_JSON, STRING),
    ),
    key=(Columns.DECISION_ID,),
)
