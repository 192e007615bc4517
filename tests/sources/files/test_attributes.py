"""Attributes: columns that a mapping declares become rows of their own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from ml.contracts import (
    RAW_CLIENT_ATTRIBUTES,
    RAW_CLIENTS,
    RAW_LOADED_FILES,
    RAW_SERVICE_ATTRIBUTES,
)
from ml.warehouse import connect
from ml.warehouse.forgetting import erase_clients
from tests.sources.files.feeds import load, rows, write

MAPPING = """
decimal: ","
entities:
  clients:
    attributes: {Пол: sex, Доход: income}
    values: {sex: {ж: f, м: m}}
  services:
    attributes: {Minutes: minutes}
"""
CLIENTS = "client_id;updated_at;Пол;Доход\n7;2024-03-01; ж ;1 234,5\n8;2024-03-02;м;нет данных\n"


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "landing"
    write(folder, "gym/mapping.yml", 'delimiter: ";"' + MAPPING)
    write(folder, "gym/clients.csv", CLIENTS)
    write(folder, "gym/services.csv", "service_id;Minutes\nyoga;60\nrest;\n")
    return folder


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


def stated(warehouse: Path) -> dict[tuple[str, str], tuple[str | None, float | None]]:
    return {
        (r["client_id"], r["attribute"]): (r["value"], r["value_number"])
        for r in rows(warehouse, RAW_CLIENT_ATTRIBUTES)
    }


def test_columns_become_rows_with_their_text_and_number(landing: Path, warehouse: Path) -> None:
    outcomes = load(landing, warehouse)
    assert {o.status for o in outcomes.values()} == {"loaded"}
    assert stated(warehouse) == {
        ("7", "sex"): ("f", None),
        ("7", "income"): ("1 234,5", 1234.5),
        ("8", "sex"): ("m", None),
        # Blank now, whatever an earlier file said.
        ("8", "income"): (None, None),
    }
    first = rows(warehouse, RAW_CLIENT_ATTRIBUTES)[0]
    assert first["source_partner_id"] == "gym"
    assert first["source_file"] == "gym/clients.csv"
    assert first["source_line"] == 2
    assert first["updated_at"] == datetime(2024, 3, 1)
    [rest, yoga] = sorted(
        rows(warehouse, RAW_SERVICE_ATTRIBUTES), key=lambda row: str(row["service_id"])
    )
    assert (yoga["service_id"], yoga["attribute"], yoga["value_number"]) == ("yoga", "minutes", 60)
    assert (rest["value"], rest["value_number"]) == (None, None)


def test_a_file_delivered_again_replaces_its_attributes(landing: Path, warehouse: Path) -> None:
    load(landing, warehouse)
    write(landing, "gym/clients.csv", "client_id;Пол\n7;м\n")
    load(landing, warehouse)
    assert stated(warehouse) == {("7", "sex"): ("m", None)}
    write(landing, "gym/clients.csv", "client_id\n7\n")
    load(landing, warehouse)
    assert stated(warehouse) == {}


def test_rejected_rows_have_no_attributes(landing: Path, warehouse: Path) -> None:
    write(landing, "gym/clients.csv", "client_id;Пол\n;м\n7;ж\n")
    outcome = load(landing, warehouse)["gym/clients.csv"]
    assert (outcome.accepted, outcome.rejected) == (1, 1)
    assert stated(warehouse) == {("7", "sex"): ("f", None)}


def test_attributes_may_have_a_file_of_their_own(tmp_path: Path, warehouse: Path) -> None:
    folder = tmp_path / "landing"
    write(folder, "gym/client_attributes.csv", "client_id,attribute,value\n7,plan,gold\n")
    assert load(folder, warehouse)["gym/client_attributes.csv"].accepted == 1
    assert stated(warehouse) == {("7", "plan"): ("gold", None)}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("transactions: {attributes: {a: b}}", "only clients and services have attributes"),
        ("clients: {attributes: {a: region}}", "'region' is a column of clients"),
        ("clients: {attributes: {a: x, b: x}}", "two columns become 'x'"),
        ("clients: {attributes: {a: x}, ignore_columns: [a]}", "'a' is also renamed or ignored"),
        ("clients: {attributes: {a: 'x=y'}}", "entities.clients.attributes.a"),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused(
    tmp_path: Path, warehouse: Path, said: str, told: str
) -> None:
    folder = tmp_path / "landing"
    write(folder, "gym/mapping.yml", f"entities:\n  {said}\n")
    write(folder, "gym/clients.csv", "client_id,a\n7,1\n")
    outcome = load(folder, warehouse)["gym/clients.csv"]
    assert outcome.status == "refused"
    assert told in (outcome.problem or "")


def test_a_column_that_nobody_declared_is_refused_with_the_way_out(
    tmp_path: Path, warehouse: Path
) -> None:
    folder = tmp_path / "landing"
    write(folder, "gym/clients.csv", "client_id,plan\n7,gold\n")
    outcome = load(folder, warehouse)["gym/clients.csv"]
    assert outcome.status == "refused"
    assert "declare it under attributes" in (outcome.problem or "")


def test_a_forgotten_client_has_no_attributes_and_is_counted_once(
    landing: Path, warehouse: Path
) -> None:
    load(landing, warehouse)
    with connect(warehouse, read_only=False, wait_seconds=5) as connection:
        erase_clients(connection, ["gym:7"], datetime(2026, 1, 1))
    assert {client for client, _ in stated(warehouse)} == {"8"}
    [clients] = [
        row
        for row in rows(warehouse, RAW_LOADED_FILES)
        if row["source_file"] == "gym/clients.csv" and row["is_current"]
    ]
    assert (clients["accepted_count"], clients["rejected_count"]) == (1, 1)
    # Nor when they come again.
    write(landing, "gym/clients.csv", CLIENTS + "9;2024-03-02;м;1\n")
    outcome = load(landing, warehouse)["gym/clients.csv"]
    assert (outcome.accepted, outcome.rejected) == (2, 1)
    assert {client for client, _ in stated(warehouse)} == {"8", "9"}
    assert {row["client_id"] for row in rows(warehouse, RAW_CLIENTS)} == {"8", "9"}
