"""A contract is stated in Python and in dbt's YAML: the two must be equal."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from ml import contracts
from ml.contracts import Table
from ml.settings import PROJECT_ROOT

MODELS = PROJECT_ROOT / "dbt_project" / "models"
YAML_TYPES = {
    pa.string(): "string",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.timestamp("us"): "timestamp",
    pa.date32(): "date",
}


@cache
def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def yaml_models() -> dict[str, dict[str, Any]]:
    return {
        model["name"]: model
        for path in MODELS.rglob("*.yml")
        for model in read(path).get("models", [])
    }


def yaml_sources() -> dict[str, dict[str, Any]]:
    return {
        table["name"]: table
        for path in MODELS.rglob("*.yml")
        for source in read(path).get("sources", [])
        for table in source["tables"]
    }


def is_required(column: dict[str, Any]) -> bool:
    return any(c["type"] == "not_null" for c in column.get("constraints", []))


@pytest.mark.parametrize(
    "table", (*contracts.RAW_TABLES, contracts.RAW_FORGOTTEN_CLIENTS), ids=lambda t: t.name
)
def test_raw_contract_equals_the_declared_source(table: Table) -> None:
    declared = {c["name"]: c["data_type"] for c in yaml_sources()[table.name]["columns"]}
    assert declared == {c.name: YAML_TYPES[c.type] for c in table.columns}


@pytest.mark.parametrize(
    "table",
    (
        *contracts.ML_TABLES,
        *contracts.BENCHMARK_TABLES,
        *contracts.RELEASE_TABLES,
        contracts.DECISIONS,
    ),
    ids=lambda t: t.name,
)
def test_ml_contract_equals_the_model(table: Table) -> None:
    columns = yaml_models()[table.name]["columns"]
    assert [(c["name"], c["data_type"]) for c in columns] == [
        (c.name, YAML_TYPES[c.type]) for c in table.columns
    ]
    assert [c["name"] for c in columns if is_required(c)] == [
        c.name for c in table.columns if c.is_required
    ]


READ = (
    contracts.DIM_CLIENTS,
    contracts.CLIENT_IDENTITIES,
    contracts.DIM_SERVICES,
    contracts.TRAINING_WINDOWS,
    contracts.INTERACTIONS,
    contracts.LABELS,
    contracts.CLIENT_FEATURES,
    contracts.CLIENT_SEGMENTS,
    contracts.SERVICE_FEATURES,
    contracts.INELIGIBLE_CLIENTS,
    contracts.INELIGIBLE_SERVICES,
    contracts.INELIGIBLE_PAIRS,
    contracts.CROSS_SELL_SCORES,
    contracts.OWNED_SERVICES,
    contracts.LIFT_BY_DECILE,
    contracts.CALIBRATION_CURVE,
    contracts.MODEL_DIFFERENCES,
    contracts.OFFER_VALUE,
    contracts.HOLDOUT_VALUE,
    contracts.FIRST_OFFERS,
    contracts.WINDOW_DATES,
    contracts.ELIGIBILITY_COUNTS,
    contracts.DATA_QUALITY_COUNTS,
    contracts.SUSPICIOUS_DATA,
    contracts.EVENT_COUNTS,
    contracts.FEATURE_COUNTS,
    contracts.MODEL_HEALTH,
    contracts.MODEL_COMPARISON,
)


@pytest.mark.parametrize("table", READ, ids=lambda t: t.name)
def test_columns_that_python_reads_are_contracted(table: Table) -> None:
    declared = {c["name"]: c["data_type"] for c in yaml_models()[table.name]["columns"]}
    for column in table.columns:
        assert declared.get(column.name) == YAML_TYPES[column.type], column.name


def test_published_tables_are_models() -> None:
    models = dict(yaml_models())
    # An alias says it in the model's own file.
    for path in MODELS.rglob("*.sql"):
        if alias := re.search(r"config\(alias='(\w+)'\)", path.read_text()):
            models[alias[1]] = models.pop(path.stem)
    assert {name for _, name in contracts.PUBLISHED} <= set(models)


def test_published_tables_declare_no_personal_column() -> None:
    for _, name in contracts.PUBLISHED:
        model = "published_clients" if name == "dim_clients" else name
        assert list((MODELS / "marts").rglob(f"{model}.sql")), name
        declared = {column["name"] for column in yaml_models()[model]["columns"]}
        assert not declared & contracts.PERSONAL_COLUMNS, name
