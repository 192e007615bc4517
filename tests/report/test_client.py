"""A client's page, asked for by the id that a partner knows."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from ml import contracts
from ml.contracts import Columns, Table
from ml.errors import InputError
from ml.report.client import client_page, example_client
from ml.settings import Settings
from ml.warehouse import SERVING, connect


def serve(folder: Path, tables: dict[Table, list[dict[str, object]]]) -> Settings:
    """A release's catalog that holds some rows; columns not given are null."""
    with connect(folder / SERVING, read_only=False, wait_seconds=5) as connection:
        for table, rows in tables.items():
            names = table.arrow_schema.names
            columns = {name: [row.get(name) for row in rows] for name in names}
            connection.register("incoming", pa.table(columns, schema=table.arrow_schema))
            connection.execute(f"create table {table.name} as select * from incoming")
            connection.unregister("incoming")
    return Settings(warehouse=folder / "warehouse.duckdb")


BASE: dict[Table, list[dict[str, object]]] = {
    contracts.PUBLISHED_CLIENTS: [{Columns.CLIENT_ID: "bakery:17"}],
    contracts.PUBLISHED_PARTNERS: [],
    contracts.CROSS_SELL_SCORES: [],
    contracts.OWNED_SERVICES: [],
}


def test_any_record_of_a_client_finds_its_page(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {Columns.CLIENT_ID: "bakery:17", Columns.SOURCE_CLIENT_ID: record}
        for record in ("bakery:17", "dairy:4")
    ]
    settings = serve(tmp_path, {**BASE, contracts.CLIENT_IDENTITIES: rows})
    assert client_page(settings, "bakery:17", 5).client_id == "bakery:17"
    assert client_page(settings, "dairy:4", 5).client_id == "bakery:17"
    with pytest.raises(InputError, match="no client 'dairy:5'"):
        client_page(settings, "dairy:5", 5)


def test_a_release_from_before_records_were_joined_still_serves(tmp_path: Path) -> None:
    settings = serve(tmp_path, BASE)
    assert client_page(settings, "bakery:17", 5).client_id == "bakery:17"
    with pytest.raises(InputError, match="no client 'dairy:4'"):
        client_page(settings, "dairy:4", 5)


def test_whoever_has_nearly_everything_is_no_example(tmp_path: Path) -> None:
    """Sales without a client's id come as one client, often '0', who sorts first."""
    clients = ["0", "ann", "bob", "cat"]
    owned = {"0": 9, "ann": 1, "bob": 2, "cat": 3}
    settings = serve(
        tmp_path,
        {
            contracts.PUBLISHED_CLIENTS: [{Columns.CLIENT_ID: c} for c in clients],
            contracts.PUBLISHED_PARTNERS: [],
            contracts.CROSS_SELL_SCORES: [
                {Columns.CLIENT_ID: c, Columns.OFFER_RANK: 1} for c in clients
            ],
            contracts.OWNED_SERVICES: [
                {Columns.CLIENT_ID: c, Columns.SERVICE_ID: f"s{i}"}
                for c in clients
                for i in range(owned[c])
            ],
            contracts.CLIENT_IDENTITIES: [],
        },
    )
    assert example_client(settings) == "bob"
    with pytest.raises(InputError, match="there are bob, ann, cat"):
        client_page(settings, "dan", 5)
