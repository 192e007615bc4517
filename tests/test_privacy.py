"""What leaves the warehouse tells nothing about a person beyond ids."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from ml import contracts


def test_a_release_has_no_personal_field(trained_world: Path) -> None:
    files = [*trained_world.parent.glob("releases/*/*.parquet")]
    assert len(files) == len(contracts.PUBLISHED)
    for path in files:
        assert not set(pq.read_schema(path).names) & contracts.PERSONAL_COLUMNS, path
    assert pq.read_schema(files[0].with_name("dim_clients.parquet")).names == ["client_id"]


def test_the_catalog_shows_no_personal_field(trained_world: Path) -> None:
    serving = trained_world.parent / "serving.duckdb"
    with duckdb.connect(serving, read_only=True) as connection:
        columns = connection.execute(
            "select distinct column_name from information_schema.columns"
        ).fetchall()
    assert not {name for (name,) in columns} & contracts.PERSONAL_COLUMNS


def test_the_names_of_personal_columns_are_those_of_the_raw_contract() -> None:
    assert {"birth_year", "region", "email_hash", "age_band"} <= contracts.PERSONAL_COLUMNS
    assert "client_id" not in contracts.PERSONAL_COLUMNS
