"""Names, Arrow schemas and keys of every table that crosses the SQL/Python border.

This is the only Python module that spells a table or column name. A contract
is stated a second time where dbt needs it (the YAML of the sources and
models); ``tests/test_contracts.py`` holds the two statements equal.

Types are the portable ones of the house plan: ``string``, ``int``, ``bigint``,
``double``, ``timestamp`` (UTC, microseconds, no zone stored) and ``boolean``.
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
        Column("partner_id", STRING),
        Column("partner_name", STRING),
        _optional("is_active", BOOLEAN),
        Column("loaded_at", TIMESTAMP),
    ),
    key=("partner_id",),
)

RAW_CLIENTS: Final = Table(
    "raw",
    "clients",
    (
        Column("client_id", STRING),
        _optional("has_marketing_consent", BOOLEAN),
        _optional("registered_at", TIMESTAMP),
        _optional("age_band", STRING),
        _optional("income_band", STRING),
        _optional("home_ownership", STRING),
        _optional("marital_status", STRING),
        _optional("household_size", STRING),
        _optional("household_composition", STRING),
        _optional("kids_count", STRING),
        Column("loaded_at", TIMESTAMP),
    ),
    key=("client_id",),
)

RAW_SERVICES: Final = Table(
    "raw",
    "services",
    (
        Column("service_id", STRING),
        Column("partner_id", STRING),
        Column("service_name", STRING),
        _optional("service_category", STRING),
        _optional("typical_price", DOUBLE),
        _optional("margin_rate", DOUBLE),
        _optional("private_label_share", DOUBLE),
        _optional("is_repeatable", BOOLEAN),
        _optional("launched_at", TIMESTAMP),
        _optional("withdrawn_at", TIMESTAMP),
        Column("loaded_at", TIMESTAMP),
    ),
    key=("service_id",),
)

RAW_TRANSACTIONS: Final = Table(
    "raw",
    "transactions",
    (
        Column("transaction_id", STRING),
        Column("client_id", STRING),
        _optional("service_id", STRING),
        _optional("basket_id", STRING),
        Column("quantity", DOUBLE),
        Column("amount", DOUBLE),
        _optional("discount_amount", DOUBLE),
        Column("transacted_at", TIMESTAMP),
        Column("loaded_at", TIMESTAMP),
    ),
    key=("transaction_id",),
)

RAW_CAMPAIGNS: Final = Table(
    "raw",
    "campaigns",
    (
        Column("campaign_id", STRING),
        _optional("campaign_type", STRING),
        Column("started_at", TIMESTAMP),
        _optional("ended_at", TIMESTAMP),
        Column("loaded_at", TIMESTAMP),
    ),
    key=("campaign_id",),
)

RAW_CAMPAIGN_CONTACTS: Final = Table(
    "raw",
    "campaign_contacts",
    (
        Column("campaign_id", STRING),
        Column("client_id", STRING),
        Column("contacted_at", TIMESTAMP),
        _optional("responded_at", TIMESTAMP),
        Column("loaded_at", TIMESTAMP),
    ),
    key=("campaign_id", "client_id"),
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
    (Column("client_idx", INT), Column("client_id", STRING)),
    key=("client_idx",),
)

DIM_SERVICES: Final = Table(
    "core",
    "dim_services",
    (
        Column("service_idx", INT),
        Column("service_id", STRING),
    ),
    key=("service_idx",),
)

TRAINING_WINDOWS: Final = Table(
    "learning",
    "training_windows",
    (
        Column("fold", STRING),
        Column("cutoff_at", TIMESTAMP),
        Column("horizon_end_at", TIMESTAMP),
    ),
    key=("fold",),
)

INTERACTIONS: Final = Table(
    "learning",
    "interactions",
    (
        Column("fold", STRING),
        Column("client_idx", INT),
        Column("service_idx", INT),
        Column("weight", DOUBLE),
    ),
    key=("fold", "client_idx", "service_idx"),
)

LABELS: Final = Table(
    "learning",
    "labels",
    (Column("fold", STRING), Column("client_idx", INT), Column("service_idx", INT)),
    key=("fold", "client_idx", "service_idx"),
)

CLIENT_FEATURES: Final = Table(
    "learning",
    "client_features",
    (
        Column("fold", STRING),
        Column("client_idx", INT),
        Column("feature", STRING),
        Column("value", DOUBLE),
    ),
    key=("fold", "client_idx", "feature"),
)

SERVICE_FEATURES: Final = Table(
    "learning",
    "service_features",
    (
        Column("fold", STRING),
        Column("service_idx", INT),
        Column("feature", STRING),
        Column("value", DOUBLE),
    ),
    key=("fold", "service_idx", "feature"),
)

INELIGIBLE_CLIENTS: Final = Table(
    "learning",
    "ineligible_clients",
    (Column("fold", STRING), Column("client_idx", INT), Column("reason", STRING)),
    key=("fold", "client_idx", "reason"),
)

INELIGIBLE_SERVICES: Final = Table(
    "learning",
    "ineligible_services",
    (Column("fold", STRING), Column("service_idx", INT), Column("reason", STRING)),
    key=("fold", "service_idx", "reason"),
)

INELIGIBLE_PAIRS: Final = Table(
    "learning",
    "ineligible_pairs",
    (
        Column("fold", STRING),
        Column("client_idx", INT),
        Column("service_idx", INT),
        Column("reason", STRING),
    ),
    key=("fold", "client_idx", "service_idx", "reason"),
)

# --- tables that the jobs write ---------------------------------------------------

RUNS: Final = Table(
    "ml",
    "runs",
    (
        Column("run_id", STRING),
        Column("status", STRING),
        Column("as_of_at", TIMESTAMP),
        Column("champion_model", STRING),
        Column("champion_reason", STRING),
        Column("seed", BIGINT),
        Column("settings_json", STRING),
        Column("package_versions_json", STRING),
        Column("started_at", TIMESTAMP),
        Column("finished_at", TIMESTAMP),
    ),
    key=("run_id",),
)

RUN_STEPS: Final = Table(
    "ml",
    "run_steps",
    (
        Column("run_id", STRING),
        Column("step_number", INT),
        Column("step", STRING),
        Column("seconds", DOUBLE),
        Column("peak_memory_mib", DOUBLE),
    ),
    key=("run_id", "step_number"),
)

METRICS: Final = Table(
    "ml",
    "metrics",
    (
        Column("run_id", STRING),
        Column("model_name", STRING),
        Column("fold", STRING),
        Column("segment", STRING),
        Column("metric", STRING),
        _optional("value", DOUBLE),
        _optional("ci_low", DOUBLE),
        _optional("ci_high", DOUBLE),
        Column("client_count", BIGINT),
    ),
    key=("run_id", "model_name", "fold", "segment", "metric"),
)

LEARNING_CURVES: Final = Table(
    "ml",
    "learning_curves",
    (
        Column("run_id", STRING),
        Column("model_name", STRING),
        Column("epoch", INT),
        _optional("loss", DOUBLE),
        _optional("auc", DOUBLE),
        _optional("ndcg_at_10", DOUBLE),
        Column("seconds", DOUBLE),
    ),
    key=("run_id", "model_name", "epoch"),
)

HOLDOUT_PREDICTIONS: Final = Table(
    "ml",
    "holdout_predictions",
    (
        Column("run_id", STRING),
        Column("model_name", STRING),
        Column("fold", STRING),
        Column("client_id", STRING),
        Column("service_id", STRING),
        Column("score", DOUBLE),
        _optional("probability", DOUBLE),
        Column("candidate_rank", DOUBLE),
        Column("candidate_count", INT),
        Column("is_positive", BOOLEAN),
    ),
    key=("run_id", "model_name", "fold", "client_id", "service_id"),
)

SCORES: Final = Table(
    "ml",
    "scores",
    (
        Column("run_id", STRING),
        Column("client_id", STRING),
        Column("service_id", STRING),
        Column("offer_rank", INT),
        Column("score", DOUBLE),
        Column("probability", DOUBLE),
        _optional("reason_service_id", STRING),
        Column("is_cold_start", BOOLEAN),
        Column("model_name", STRING),
        Column("scored_at", TIMESTAMP),
    ),
    key=("run_id", "client_id", "service_id"),
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

PUBLISHED_TABLES: Final = (
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
