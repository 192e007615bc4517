"""Files of one partner that have the same lines count them twice, unless the mapping says so."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from ml.contracts import RAW_TRANSACTIONS
from ml.progress import Progress
from ml.settings import Settings
from ml.sources.files.load import load_files
from tests.sources.files.feeds import load, rows, write

HEADER = "client_id,service_id,amount,transacted_at\n"
JANUARY = [f"{i},tea,2,2024-01-{i:02d}" for i in range(1, 31)]
# Of the 30 lines of January it has the last ten again, one of them twice.
FROM_JANUARY = [*JANUARY[20:], JANUARY[25], *(f"{i},tea,2,2024-02-{i:02d}" for i in range(1, 20))]
MAPPING = "entities: {transactions: {id_from_content: true}}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "landing"
    write(folder, "shop/transactions_1.csv", HEADER + "\n".join(JANUARY))
    write(folder, "shop/transactions_2.csv", HEADER + "\n".join(FROM_JANUARY))
    return folder


def told(folder: Path, warehouse: Path) -> str:
    """What a load of the folder prints."""
    console = Console(file=StringIO(), width=400, record=True)
    load_files(Settings(warehouse=warehouse), folder, Progress(console))
    return console.export_text()


def test_files_with_the_same_lines_are_told(folder: Path, tmp_path: Path) -> None:
    # Another partner's lines are its own, and a few equal ones are chance.
    write(folder, "gym/transactions.csv", HEADER + "\n".join(JANUARY))
    some = [f"{i},tea,2,2024-01-{i:02d}" for i in range(1, 31) if i % 4]
    other = [line.replace(",tea", ",cake") for line in some] + JANUARY[3:6]
    write(folder, "gym/transactions_cake.csv", HEADER + "\n".join(other))
    text = told(folder, tmp_path / "w.duckdb")
    assert (
        "shop/transactions_2.csv: 10 of its lines from 2024-01-21 to 2024-01-30 are in "
        "shop/transactions_1.csv too, and count twice"
    ) in text
    assert "id_from_content: true" in text
    assert "gym/transactions_cake.csv:" not in text


def test_ids_from_content_make_the_same_line_one_row(folder: Path, tmp_path: Path) -> None:
    write(folder, "shop/mapping.yml", MAPPING)
    warehouse = tmp_path / "w.duckdb"
    assert "look at" not in told(folder, warehouse)
    ids = [row["transaction_id"] for row in rows(warehouse, RAW_TRANSACTIONS)]
    assert len(ids) == len(JANUARY) + len(FROM_JANUARY)
    # The line that the second file has twice was bought twice.
    assert len(set(ids)) == len(ids) - 10


def test_ids_that_are_delivered_stay(tmp_path: Path) -> None:
    folder, warehouse = tmp_path / "landing", tmp_path / "w.duckdb"
    write(folder, "shop/mapping.yml", MAPPING)
    lines = "transaction_id," + HEADER + "T1,1,tea,2,2024-01-01\nT2,1,tea,2,2024-01-01\n"
    write(folder, "shop/transactions.csv", lines)
    load(folder, warehouse)
    assert {row["transaction_id"] for row in rows(warehouse, RAW_TRANSACTIONS)} == {"T1", "T2"}
