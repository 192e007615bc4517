"""Files as tools write them: folders of parts, packed, from Excel, with titles, in any encoding."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.contracts import RAW_REJECTED_ROWS, RAW_TRANSACTIONS
from tests.sources.files.feeds import load, rows, write
from tests.sources.files.workbooks import workbook

COLUMNS = "client_id,service_id,amount,transacted_at"
LINES = "c1,yoga,12.5,2024-03-01 10:00:00\nc2,boxing,3,2024-03-02\n"
SALES = f"{COLUMNS}\n{LINES}"
TAKEN = [
    ("c1", "yoga", 12.5, datetime(2024, 3, 1, 10)),
    ("c2", "boxing", 3.0, datetime(2024, 3, 2)),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "landing"


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


def taken(warehouse: Path) -> list[tuple[object, ...]]:
    return [
        tuple(row[name] for name in COLUMNS.split(",")) for row in rows(warehouse, RAW_TRANSACTIONS)
    ]


def zipped(**contents: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name.replace("_dot_", "."), content)
    return target.getvalue()


def parquet(folder: Path, name: str, columns: dict[str, object]) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), folder / name)


AS_OBJECTS = "\n".join(
    json.dumps(dict(zip(COLUMNS.split(","), line.split(","), strict=True)))
    for line in LINES.splitlines()
)
SAME_ROWS = {
    "gzip named csv": ("transactions.csv", gzip.compress(SALES.encode())),
    "csv named gzip": ("transactions.csv.gz", SALES.encode()),
    "zip named csv": ("transactions.csv", zipped(march_dot_csv=SALES)),
    "zip": ("transactions.zip", zipped(march_dot_csv=SALES)),
    "zip of json lines": ("transactions.zip", zipped(march_dot_jsonl=AS_OBJECTS)),
    "json lines": ("transactions.jsonl", AS_OBJECTS.encode()),
    "json lines named csv": ("transactions.csv", AS_OBJECTS.encode()),
    "tabs": ("transactions.tsv", SALES.replace(",", "\t").encode()),
    "excel's line": ("transactions.csv", ("sep=;\n" + SALES.replace(",", ";")).encode()),
    "utf-16": ("transactions.csv", SALES.encode("utf-16")),
    "utf-16 without a mark": ("transactions.csv", SALES.encode("utf-16-be")),
    "columns without names": (
        "transactions.csv",
        SALES.replace("\n", ",,\n").encode(),
    ),
    "excel": (
        "transactions.xlsx",
        workbook(
            {
                "Sales": [
                    [*COLUMNS.split(","), None],
                    ["c1", "yoga", 12.5, datetime(2024, 3, 1, 10)],
                    [None, None],
                    ["c2", "boxing", 3, datetime(2024, 3, 2)],
                ]
            }
        ),
    ),
    "excel named csv": (
        "transactions.csv",
        workbook(
            {"Sales": [COLUMNS.split(","), *(line.split(",") for line in LINES.splitlines())]}
        ),
    ),
}


@pytest.mark.parametrize("case", SAME_ROWS)
def test_what_a_file_holds_decides_not_its_name(case: str, folder: Path, warehouse: Path) -> None:
    name, content = SAME_ROWS[case]
    write(folder, f"gym/{name}", content)
    outcome = load(folder, warehouse)[f"gym/{name}"]
    assert outcome.problem is None
    assert taken(warehouse) == TAKEN
    told = " ".join(outcome.notes)
    assert ("its name says" in told) == ("named" in case)


def test_a_folder_that_spark_wrote_is_one_file(folder: Path, warehouse: Path) -> None:
    first = {"client_id": ["c1"], "service_id": ["yoga"], "amount": [12.5]}
    second = {"client_id": ["c2"], "service_id": ["boxing"], "discount_amount": [1.0]}
    for number, (day, part) in enumerate(
        (("2024-03-01 10%3A00%3A00", first), ("2024-03-02", second))
    ):
        name = f"gym/transactions.parquet/transacted_at={day}/part-{number}.snappy.parquet"
        parquet(folder, name, {"amount": [3.0], **part})
    write(folder, "gym/transactions.parquet/_SUCCESS", "")
    write(folder, "gym/transactions.parquet/._SUCCESS.crc", "x")
    outcomes = load(folder, warehouse)
    assert list(outcomes) == ["gym/transactions.parquet"]
    assert taken(warehouse) == TAKEN
    found = rows(warehouse, RAW_TRANSACTIONS)
    assert [row["transaction_id"] for row in found] == [
        "gym/transactions.parquet#1",
        "gym/transactions.parquet#2",
    ]
    assert [row["discount_amount"] for row in found] == [None, 1.0]
    # Written again its parts have other names: the old rows go.
    for path in sorted((folder / "gym/transactions.parquet").rglob("part-*")):
        path.rename(path.with_name(f"{path.stem}-again.parquet"))
    assert load(folder, warehouse)["gym/transactions.parquet"].status == "unchanged"
    parquet(
        folder,
        "gym/transactions.parquet/transacted_at=2024-03-02/part-9.parquet",
        {**second, "amount": [4.0]},
    )
    load(folder, warehouse)
    assert [row[2] for row in taken(warehouse)] == [12.5, 3.0, 4.0]


def test_parts_of_csv_have_a_header_each_and_lines_go_on(folder: Path, warehouse: Path) -> None:
    for number in range(2):
        write(folder, f"gym/transactions/part-0000{number}.csv", f"{SALES}broken\n")
    write(folder, "gym/transactions/part-00002.csv", "")
    outcome = load(folder, warehouse)["gym/transactions"]
    assert (outcome.read, outcome.accepted) == (6, 4)
    assert [row["line_number"] for row in rows(warehouse, RAW_REJECTED_ROWS)] == [4, 8]
    assert len({row["transaction_id"] for row in rows(warehouse, RAW_TRANSACTIONS)}) == 4


REFUSED = {
    "a delta table": ("transactions/_delta_log/0.json", "transactions/part-0.csv", "Delta table"),
    "half written": ("transactions/_temporary/0.csv", "transactions/part-0.csv", "to its end"),
    "a folder of files": ("transactions/2024.csv", "transactions/2025.csv", "below the partner's"),
    "parts without a folder": ("_SUCCESS", "part-0.csv", "right in a partner's folder"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_folder_that_cannot_be_taken_says_why(case: str, folder: Path, warehouse: Path) -> None:
    *names, message = REFUSED[case]
    for name in names:
        write(folder, f"gym/{name}", SALES)
    outcomes = load(folder, warehouse)
    assert all(message in str(one.problem) for one in outcomes.values())


FOREIGN = {
    "two files": ("transactions.zip", zipped(a_dot_csv=SALES, b_dot_csv=SALES), "holds 2 files"),
    "old excel": ("transactions.xlsx", b"\xd0\xcf\x11\xe0 and more", "save it as .xlsx"),
    "a page": ("transactions.csv", b"<!DOCTYPE html><html></html>", "a web page"),
    "zstd": ("transactions.csv", b"\x28\xb5\x2f\xfd\0\0", "packed with zstd"),
    "empty sheet": ("transactions.xlsx", workbook({"A": []}), "has no row 1"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_the_real_cause_is_named(case: str, folder: Path, warehouse: Path) -> None:
    name, content, message = FOREIGN[case]
    write(folder, f"gym/{name}", content)
    assert message in str(load(folder, warehouse)[f"gym/{name}"].problem)


def test_title_lines_are_found_and_skipped(folder: Path, warehouse: Path) -> None:
    title = "Sales of March;;;\n;;;\n"
    write(folder, "gym/transactions.csv", title + SALES.replace(",", ";"))
    outcome = load(folder, warehouse)["gym/transactions.csv"]
    assert "state skip_lines: 2 and delimiter: ';'" in str(outcome.problem)
    write(folder, "gym/mapping.yml", "delimiter: ';'\nskip_lines: 2\n")
    assert load(folder, warehouse)["gym/transactions.csv"].accepted == 2
    assert taken(warehouse) == TAKEN
    assert rows(warehouse, RAW_TRANSACTIONS)[0]["transaction_id"] == "gym/transactions.csv#4"
    write(folder, "gym/mapping.yml", "delimiter: ';'\nskip_lines: 9\n")
    assert "skip_lines: 2" in str(load(folder, warehouse)["gym/transactions.csv"].problem)


def test_a_sheet_is_the_first_that_is_seen_or_the_named_one(folder: Path, warehouse: Path) -> None:
    table: list[list[object]] = [
        ["A report"],
        ["client_id", "service_id", "amount", "transacted_at", "seller", "note"],
        [10001234.0, "s", 1, datetime(2024, 3, 1), datetime(2024, 1, 1), True],
        ["c2", "s", 2.25, "02.03.2024", None, None],
        [1234567890123456, "s", 1, "02.03.2024", None, None],
        ["x", "s", "much", datetime(2024, 3, 3), "Ann", None],
    ]
    content = workbook({"Old": [["x"]], "Sales": table, "More": [["y"]]}, hidden=["Old"])
    write(folder, "gym/transactions.xlsx", content)
    write(
        folder,
        "gym/mapping.yml",
        "skip_lines: 1\ntimestamp_formats: ['%d.%m.%Y']\n"
        "entities: {transactions: {ignore_columns: [seller, note]}}\n",
    )
    outcome = load(folder, warehouse)["gym/transactions.xlsx"]
    assert (outcome.read, outcome.accepted) == (4, 2)
    assert "read sheet 'Sales', not 'More'" in " ".join(outcome.notes)
    first, second = rows(warehouse, RAW_TRANSACTIONS)
    assert (first["client_id"], first["transacted_at"]) == ("10001234", datetime(2024, 3, 1))
    assert second["transacted_at"] == datetime(2024, 3, 2)
    # Excel keeps 15 digits: what it made of a longer id is none.
    lost, bad = rows(warehouse, RAW_REJECTED_ROWS)
    assert (lost["line_number"], lost["reason"]) == (5, "bad_id")
    assert (bad["line_number"], bad["reason"], "Ann" in bad["original_text"]) == (
        6,
        "bad_number",
        False,
    )
    write(folder, "gym/mapping.yml", "sheet: Summer\n")
    problem = str(load(folder, warehouse)["gym/transactions.xlsx"].problem)
    assert "no sheet 'Summer', there are 'Old', 'Sales', 'More'" in problem


RUSSIAN = f"{COLUMNS}\nc1,Йога утром,1,2024-03-01\nc2,Бокс,1,2024-03-02\n"


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "koi8-r", "utf-16-le", "utf-8-sig"])
def test_an_encoding_that_nobody_states_is_found_and_told(
    encoding: str, folder: Path, warehouse: Path
) -> None:
    write(folder, "gym/transactions.csv", RUSSIAN.encode(encoding))
    outcome = load(folder, warehouse)["gym/transactions.csv"]
    assert [row[1] for row in taken(warehouse)] == ["Йога утром", "Бокс"]
    assert (encoding in " ".join(outcome.notes)) == (encoding != "utf-8-sig")


def test_an_encoding_is_found_late_in_a_file(folder: Path, warehouse: Path) -> None:
    plain = "c1,yoga,1,2024-03-01\n" * 500_000
    content = f"{COLUMNS}\n{plain}c2,Йога утром,1,2024-03-02\n".encode("cp1251")
    write(folder, "gym/transactions.csv", content)
    outcome = load(folder, warehouse, is_check=True)["gym/transactions.csv"]
    assert (outcome.accepted, outcome.rejected) == (500_001, 0)
    assert "cp1251" in " ".join(outcome.notes)


def test_a_damaged_line_of_a_utf_8_file_is_no_other_encoding(folder: Path, warehouse: Path) -> None:
    content = RUSSIAN.encode() + "c3,Плавание вечером,1,2024-03-02\n".encode("cp1251")
    write(folder, "gym/transactions.csv", content)
    outcome = load(folder, warehouse)["gym/transactions.csv"]
    assert (outcome.accepted, outcome.reasons["bad_encoding"]) == (2, 1)


@pytest.mark.parametrize("name", ["windows-1251", "CP1251", "win-1251", "Windows_1251"])
def test_encodings_go_by_all_their_names(name: str, folder: Path, warehouse: Path) -> None:
    write(folder, "gym/transactions.csv", RUSSIAN.encode("cp1251"))
    write(folder, "gym/mapping.yml", f"encoding: {name}\n")
    outcome = load(folder, warehouse)["gym/transactions.csv"]
    assert (outcome.accepted, outcome.notes) == (2, [])
    write(folder, "gym/mapping.yml", "encoding: utf-99\n")
    assert "'utf-99' is no encoding" in str(load(folder, warehouse)["gym/transactions.csv"].problem)
