from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from ml.contracts import DOUBLE, INT, STRING, Column, Table
from ml.errors import InputError, WarehouseAccessError
from ml.warehouse import append_tables, connect, count_rows, read_table, replace_tables

PEOPLE = Table(
    "some", "people", (Column("person_id", STRING), Column("height", DOUBLE)), key=("person_id",)
)
PETS = Table("some", "pets", (Column("pet_id", INT),), key=("pet_id",))
TWO = pa.table({"person_id": ["b", "a"], "height": [1.5, 2.0]})


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "w.duckdb"
    with connect(path, read_only=False, wait_seconds=0) as connection:
        replace_tables(connection, [(PEOPLE, TWO)])
    return path


def test_reads_in_key_order(warehouse: Path) -> None:
    with connect(warehouse, read_only=True, wait_seconds=0) as connection:
        assert read_table(connection, PEOPLE).to_pydict() == {
            "person_id": ["a", "b"],
            "height": [2.0, 1.5],
        }
        only = read_table(connection, PEOPLE, where={"person_id": "b"})
        assert only.to_pylist() == [{"person_id": "b", "height": 1.5}]
        assert len(read_table(connection, PEOPLE, limit=1)) == 1


def test_a_value_is_never_part_of_the_query(warehouse: Path) -> None:
    with connect(warehouse, read_only=True, wait_seconds=0) as connection:
        where = {"person_id": "x' or 'a' = 'a"}
        assert len(read_table(connection, PEOPLE, where=where)) == 0


def test_missing_table_column_and_type_are_named(warehouse: Path) -> None:
    with connect(warehouse, read_only=True, wait_seconds=0) as connection:
        with pytest.raises(InputError, match=r"some\.pets does not exist: run 'dbt build"):
            read_table(connection, PETS)
        more = Table("some", "people", (*PEOPLE.columns, Column("age", INT)), PEOPLE.key)
        with pytest.raises(InputError, match=r"some\.people has no column age"):
            read_table(connection, more)
        other = Table("some", "people", (Column("height", INT),), ("height",))
        with pytest.raises(InputError, match=r"height is double, the contract says integer"):
            read_table(connection, other)


def test_append_is_all_or_nothing(warehouse: Path) -> None:
    with connect(warehouse, read_only=False, wait_seconds=0) as connection:
        replace_tables(connection, [(PETS, pa.table({"pet_id": pa.array([1], INT)}))])
        connection.execute('alter table "some".pets alter pet_id set not null')
    bad = pa.table({"pet_id": pa.array([None], INT)})
    with (
        pytest.raises(WarehouseAccessError, match="NOT NULL"),
        connect(warehouse, read_only=False, wait_seconds=0) as connection,
    ):
        append_tables(connection, [(PEOPLE, TWO), (PETS, bad)])
    with connect(warehouse, read_only=True, wait_seconds=0) as connection:
        assert count_rows(connection, PEOPLE) == 2


def test_replace_is_all_or_nothing(warehouse: Path) -> None:
    wrong = pa.table({"pet_id": ["not a number"]})
    with (
        pytest.raises(WarehouseAccessError),
        connect(warehouse, read_only=False, wait_seconds=0) as connection,
    ):
        replace_tables(connection, [(PEOPLE, TWO.slice(0, 1)), (PETS, wrong)])
    with connect(warehouse, read_only=True, wait_seconds=0) as connection:
        assert count_rows(connection, PEOPLE) == 2


def test_another_source_takes_the_versions_of_the_one_before_along(warehouse: Path) -> None:
    def kept(is_other_source: bool, rows: pa.Table) -> int:
        with connect(warehouse, read_only=False, wait_seconds=0) as connection:
            replace_tables(connection, [(PEOPLE, rows)], is_other_source=is_other_source)
        with connect(warehouse, read_only=True, wait_seconds=0) as connection:
            [(count,)] = connection.execute(
                "select count(*) from information_schema.tables where table_schema = 'snapshots'"
            ).fetchall()
            return int(count)

    with connect(warehouse, read_only=False, wait_seconds=0) as connection:
        connection.execute("create schema snapshots")
        connection.execute("create table snapshots.client_versions (client_id varchar)")
        connection.execute("create view people as from snapshots.client_versions")
    assert kept(False, TWO) == 1
    with pytest.raises(WarehouseAccessError):
        kept(True, pa.table({"person_id": ["a"], "height": ["tall"]}))
    assert kept(False, TWO) == 1
    assert kept(True, TWO) == 0


def test_a_file_may_be_called_like_a_schema(tmp_path: Path) -> None:
    path = tmp_path / "some.duckdb"
    with connect(path, read_only=False, wait_seconds=0) as connection:
        replace_tables(connection, [(PEOPLE, TWO)])
        append_tables(connection, [(PEOPLE, TWO)])
        assert count_rows(connection, PEOPLE) == 4
        assert len(read_table(connection, PEOPLE)) == 4
