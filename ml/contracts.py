"""Names, Arrow schemas and keys of every table that crosses the SQL/Python border.

This is the only Python module that spells a table or column name. A contract
is stated a second time where dbt needs it (the YAML of the sources and
models); ``tests/test_contracts.py`` holds the two statements equal.

Types are the portable ones of the house plan: ``string``, ``int``, ``bigint``,
``double``, ``date``, ``timestamp`` (UTC, microseconds, no zone stored) and ``boolean``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

STRING: Final = pa.string()
INT: Final = pa.int32()
BIGINT: Final = pa.int64()
DOUBLE: Final = pa.float64()
BOOLEAN: Final = pa.bool_()
TIMESTAMP: Final = pa.timestamp("us")
DATE: Final = pa.date32()


class Columns:
    """Every column name that Python uses, spelled once."""

    PARTNER_ID: Final = "partner_id"
    PARTNER_NAME: Final = "partner_name"
    IS_ACTIVE: Final = "is_active"
    LOADED_AT: Final = "loaded_at"
    CLIENT_ID: Final = "client_id"
    HAS_MARKETING_CONSENT: Final = "has_marketing_consent"
    REGISTERED_AT: Final = "registered_at"
    AGE_BAND: Final = "age_band"
    INCOME_BAND: Final = "income_band"
    HOME_OWNERSHIP: Final = "home_ownership"
    MARITAL_STATUS: Final = "marital_status"
    HOUSEHOLD_SIZE: Final = "household_size"
    HOUSEHOLD_COMPOSITION: Final = "household_composition"
    KIDS_COUNT: Final = "kids_count"
    SERVICE_ID: Final = "service_id"
    SERVICE_NAME: Final = "service_name"
    SERVICE_CATEGORY: Final = "service_category"
    TYPICAL_PRICE: Final = "typical_price"
    MARGIN_RATE: Final = "margin_rate"
    PRIVATE_LABEL_SHARE: Final = "private_label_share"
    IS_REPEATABLE: Final = "is_repeatable"
    LAUNCHED_AT: Final = "launched_at"
    WITHDRAWN_AT: Final = "withdrawn_at"
    TRANSACTION_ID: Final = "transaction_id"
    BASKET_ID: Final = "basket_id"
    QUANTITY: Final = "quantity"
    AMOUNT: Final = "amount"
    DISCOUNT_AMOUNT: Final = "discount_amount"
    TRANSACTED_AT: Final = "transacted_at"
    CAMPAIGN_ID: Final = "campaign_id"
    CAMPAIGN_TYPE: Final = "campaign_type"
    STARTED_AT: Final = "started_at"
    ENDED_AT: Final = "ended_at"
    CONTACTED_AT: Final = "contacted_at"
    RESPONDED_AT: Final = "responded_at"
    CLIENT_IDX: Final = "client_idx"
    SERVICE_IDX: Final = "service_idx"
    FOLD: Final = "fold"
    CUTOFF_AT: Final = "cutoff_at"
    HORIZON_END_AT: Final = "horizon_end_at"
    WEIGHT: Final = "weight"
    FEATURE: Final = "feature"
    VALUE: Final = "value"
    REASON: Final = "reason"
    RUN_ID: Final = "run_id"
    STATUS: Final = "status"
    AS_OF_AT: Final = "as_of_at"
    CHAMPION_MODEL: Final = "champion_model"
    CHAMPION_REASON: Final = "champion_reason"
    SEED: Final = "seed"
    SETTINGS_JSON: Final = "settings_json"
    PACKAGE_VERSIONS_JSON: Final = "package_versions_json"
    FINISHED_AT: Final = "finished_at"
    STEP_NUMBER: Final = "step_number"
    STEP: Final = "step"
    SECONDS: Final = "seconds"
    PEAK_MEMORY_MIB: Final = "peak_memory_mib"
    MODEL_NAME: Final = "model_name"
    SEGMENT: Final = "segment"
    METRIC: Final = "metric"
    CI_LOW: Final = "ci_low"
    CI_HIGH: Final = "ci_high"
    CLIENT_COUNT: Final = "client_count"
    EPOCH: Final = "epoch"
    LOSS: Final = "loss"
    AUC: Final = "auc"
    NDCG_AT_10: Final = "ndcg_at_10"
    SCORE: Final = "score"
    PROBABILITY: Final = "probability"
    CANDIDATE_RANK: Final = "candidate_rank"
    MID_RANK: Final = "mid_rank"
    CANDIDATE_COUNT: Final = "candidate_count"
    IS_POSITIVE: Final = "is_positive"
    OFFER_RANK: Final = "offer_rank"
    REASON_SERVICE_ID: Final = "reason_service_id"
    IS_COLD_START: Final = "is_cold_start"
    SCORED_AT: Final = "scored_at"
    EXPECTED_MARGIN: Final = "expected_margin"
    AS_OF_DATE: Final = "as_of_date"
    PURCHASE_COUNT: Final = "purchase_count"
    FIRST_PURCHASED_AT: Final = "first_purchased_at"
    LAST_PURCHASED_AT: Final = "last_purchased_at"


@dataclass(frozen=True)
class Column:
    """One column of a contract.

    Parameters
    ----------
    name : str
        Column name in the warehouse.
    type : pyarrow.DataType
        One of the portable types above.
    is_required : bool, default True
        Whether every row must have a value.
    """

    name: str
    type: pa.DataType
    is_required: bool = True


@dataclass(frozen=True)
class Table:
    """A table that both sides of the border agree on.

    Parameters
    ----------
    schema_name, name : str
        Where the table is in the warehouse.
    columns : tuple of Column
        In order.
    key : tuple of str
        Columns that together are unique and never null.
    """

    schema_name: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def arrow_schema(self) -> pa.Schema:
        """Arrow schema with the contract's nullability."""
        return pa.schema(
            [pa.field(c.name, c.type, nullable=not c.is_required) for c in self.columns]
        )

    @property
    def column_names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(c.name for c in self.columns)

    @property
    def qualified_name(self) -> str:
        """``schema.table``, as a person would write it."""
        return f"{self.schema_name}.{self.name}"


def _optional(name: str, type_: pa.DataType) -> Column:
    return Column(name, type_, is_required=False)


# --- raw: what every partner's data is mapped onto --------------------------------

RAW_PARTNERS: Final = Table(
    "raw",
    "partners",
    (
        Column(Columns.PARTNER_ID, STRING),
        Column(Columns.PARTNER_NAME, STRING),
        _optional(Columns.IS_ACTIVE, BOOLEAN),
        Column(Columns.LOADED_AT, TIMESTAMP),
    ),
    key=(Columns.PARTNER_ID,),
)

RAW_CLIENTS: Final = Table(
    "raw",
    "clients",
    (
        Column(Columns.CLIENT_ID, STRING),
        _optional(Columns.HAS_MARKETING_CONSENT, BOOLEAN),
        _optional(Columns.REGISTERED_AT, TIMESTAMP),
        _optional(Columns.AGE_BAND, STRING),
        _optional(Columns.INCOME_BAND, STRING),
        _optional(Columns.HOME_OWNERSHIP, STRING),
        _optional(Columns.MARITAL_STATUS, STRING),
        _optional(Columns.HOUSEHOLD_SIZE, STRING),
        _optional(Columns.HOUSEHOLD_COMPOSITION, STRING),
        _optional(Columns.KIDS_COUNT, STRING),
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
        _optional(Columns.SERVICE_CATEGORY, STRING),
        _optional(Columns.TYPICAL_PRICE, DOUBLE),
        _optional(Columns.MARGIN_RATE, DOUBLE),
        _optional(Columns.PRIVATE_LABEL_SHARE, DOUBLE),
        _optional(Columns.IS_REPEATABLE, BOOLEAN),
        _optional(Columns.LAUNCHED_AT, TIMESTAMP),
        _optional(Columns.WITHDRAWN_AT, TIMESTAMP),
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
        _optional(Columns.SERVICE_ID, STRING),
        _optional(Columns.BASKET_ID, STRING),
        Column(Columns.QUANTITY, DOUBLE),
        Column(Columns.AMOUNT, DOUBLE),
        _optional(Columns.DISCOUNT_AMOUNT, DOUBLE),
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
        _optional(Columns.CAMPAIGN_TYPE, STRING),
        Column(Columns.STARTED_AT, TIMESTAMP),
        _optional(Columns.ENDED_AT, TIMESTAMP),
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
        _optional(Columns.RESPONDED_AT, TIMESTAMP),
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

# --- marts that the jobs read: only the columns they read -------------------------

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

# --- tables that the jobs write ---------------------------------------------------

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
    ),
    key=(Columns.RUN_ID, Columns.STEP_NUMBER),
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
        _optional(Columns.VALUE, DOUBLE),
        _optional(Columns.CI_LOW, DOUBLE),
        _optional(Columns.CI_HIGH, DOUBLE),
        Column(Columns.CLIENT_COUNT, BIGINT),
    ),
    key=(Columns.RUN_ID, Columns.MODEL_NAME, Columns.FOLD, Columns.SEGMENT, Columns.METRIC),
)

LEARNING_CURVES: Final = Table(
    "ml",
    "learning_curves",
    (
        Column(Columns.RUN_ID, STRING),
        Column(Columns.MODEL_NAME, STRING),
        Column(Columns.EPOCH, INT),
        _optional(Columns.LOSS, DOUBLE),
        _optional(Columns.AUC, DOUBLE),
        _optional(Columns.NDCG_AT_10, DOUBLE),
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
        _optional(Columns.PROBABILITY, DOUBLE),
        Column(Columns.CANDIDATE_RANK, INT),
        _optional(Columns.MID_RANK, DOUBLE),
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
        _optional(Columns.REASON_SERVICE_ID, STRING),
        Column(Columns.IS_COLD_START, BOOLEAN),
        Column(Columns.MODEL_NAME, STRING),
        Column(Columns.SCORED_AT, TIMESTAMP),
    ),
    key=(Columns.RUN_ID, Columns.CLIENT_ID, Columns.SERVICE_ID),
)

ML_TABLES: Final = (
    RUNS,
    RUN_STEPS,
    METRICS,
    LEARNING_CURVES,
    HOLDOUT_PREDICTIONS,
    SCORES,
)

# --- what readers get in a release ------------------------------------------------

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
        _optional(Columns.EXPECTED_MARGIN, DOUBLE),
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
    "core", "dim_clients", (Column(Columns.CLIENT_ID, STRING),), key=(Columns.CLIENT_ID,)
)

PUBLISHED_PARTNERS: Final = Table(
    "core",
    "dim_partners",
    (Column(Columns.PARTNER_ID, STRING), Column(Columns.PARTNER_NAME, STRING)),
    key=(Columns.PARTNER_ID,),
)

# A release is these marts, whole: (schema, table).
PUBLISHED: Final = (
    ("cross_sell", "cross_sell_scores"),
    ("cross_sell", "model_comparison"),
    ("cross_sell", "owned_services"),
    ("core", "dim_partners"),
    ("core", "dim_clients"),
    ("core", "dim_services"),
)

FOLD_VALIDATION: Final = "validation"
FOLD_TEST: Final = "test"
FOLD_SERVING: Final = "serving"
