"""Files and rows that cannot be used: what is said, what is kept, that the others go on."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.contracts import RAW_REJECTED_ROWS, RAW_TRANSACTIONS
from tests.commands import run_cli
from tests.sources.files.feeds import HEADER, load, rows, sale, write

GOOD = f"{HEADER}\n{sale(1)}\n"
MIB = 1 << 20

REFUSED: dict[str, tuple[str, bytes, str]] = {
    "truncated gzip": ("transactions.csv.gz", gzip.compress(GOOD.encode())[:-12], "ends too early"),
    "damaged gzip": ("transactions.csv.gz", b"\x01\x02no gzip at all", "gzip is damaged"),
    "wrong delimiter": (
        "transactions.csv",
        GOOD.replace(",", ";").encode(),
        "state delimiter",
    ),
    "missing header": ("transactions.csv", sale(1).encode(), "lack a header"),
    "duplicate header": ("transactions.csv", b"client_id,client_id\n1,2\n", "'client_id' twice"),
    "unknown column": (
        "transactions.csv",
        GOOD.replace("quantity", "cashier").encode(),
        "'cashier': no such",
    ),
    "missing column": (
        "transactions.csv",
        b"client_id,service_id\n1,2\n",
        "no column 'amount', 'transacted_at'",
    ),
    "empty file": ("transactions.csv", b"", "it is empty"),
    "empty first line": ("transactions.csv", b"\n" + GOOD.encode(), "skip_lines: 1"),
    "nul bytes in the header": ("transactions.csv", b"client\0id\n1\n", "NUL bytes"),
    "old line ends": ("transactions.csv", GOOD.replace("\n", "\r").encode(), "CR alone"),
    "cp1251 header": ("transactions.csv", "Карта,Сумма\n1,2\n".encode("cp1251"), "'Карта'"),
    "no end of line": ("transactions.csv", b"x" * (2 * MIB), "longer than"),
    "no parquet": ("transactions.parquet", b"PAR1 but not really", "cannot be read as Parquet"),
    "json array": ("transactions.ndjson", b"[1, 2]\n", "one JSON object per line"),
    "no ndjson": ("transactions.ndjson", b"client_id\n1\n", "a JSON object"),
    "unknown entity": ("orders.csv", GOOD.encode(), "begins with none of partners, clients"),
    "unknown format": ("transactions.docx", b"PK", "none of .csv"),
    "no xlsx": ("transactions.xlsx", b"PK\3\4 but not really", "zip is damaged"),
    "bad mapping": ("mapping.yml", b"delimiter: ';;'\n", "mapping.yml: delimiter"),
    "unknown key in mapping": ("mapping.yml", b"delimeter: ';'\n", "mapping.yml: delimeter"),
    "unknown column in mapping": (
        "mapping.yml",
        b"entities: {transactions: {constants: {colour: red}}}\n",
        "no column 'colour'",
    ),
    "unknown time zone": ("mapping.yml", b"time_zone: Mars/Olympus\n", "no time zone"),
    "broken mapping": ("mapping.yml", b"a: [\n", "is not YAML in line"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_is_refused_with_a_reason_and_the_others_go_on(case: str, tmp_path: Path) -> None:
    name, content, message = REFUSED[case]
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    write(landing, f"bad/{name}", content)
    if name == "mapping.yml":
        write(landing, "bad/transactions.csv", GOOD)
    write(landing, "good/transactions.csv", GOOD)
    outcomes = load(landing, warehouse)
    [refused] = [o for o in outcomes.values() if o.partner == "bad"]
    assert refused.status == "refused"
    assert message in str(refused.problem)
    assert outcomes["good/transactions.csv"].accepted == 1
    assert len(rows(warehouse, RAW_TRANSACTIONS)) == 1


def test_a_parquet_file_with_a_changed_schema_leaves_its_earlier_rows(tmp_path: Path) -> None:
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    path = landing / "gym/transactions.parquet"
    path.parent.mkdir(parents=True)
    names, values = HEADER.split(","), sale(1).split(",")
    columns = {name: [value] for name, value in zip(names, values, strict=True)}
    pq.write_table(pa.table(columns), path)
    assert load(landing, warehouse)["gym/transactions.parquet"].accepted == 1
    for change, message in (
        ({"amount": pa.array([[1.0]])}, "'amount' is a list"),
        ({"tip": pa.array([1])}, "'tip': no such column"),
        ({"client_id": None}, "no column 'client_id'"),
        ({"amount": pa.array([b"\xff\xfe"])}, "no text, number or time"),
    ):
        changed = {k: v for k, v in {**columns, **change}.items() if v is not None}
        pq.write_table(pa.table(changed), path)
        outcome = load(landing, warehouse)["gym/transactions.parquet"]
        assert outcome.status == "refused"
        assert message in str(outcome.problem)
    assert len(rows(warehouse, RAW_TRANSACTIONS)) == 1


REJECTED: dict[str, tuple[bytes, str]] = {
    "nul byte": (sale(2).replace("S2", "S\0").encode(), "nul_byte"),
    "mixed encodings": (sale(2, service_id="Йога").encode("cp1251"), "bad_encoding"),
    "impossible date": (sale(2, transacted_at="2024-02-30").encode(), "bad_timestamp"),
    "impossible hour": (sale(2, transacted_at="2024-02-20 25:00:00").encode(), "bad_timestamp"),
    "words for a date": (sale(2, transacted_at="yesterday").encode(), "bad_timestamp"),
    "infinite date": (sale(2, transacted_at="infinity").encode(), "bad_timestamp"),
    "currency sign": (sale(2, amount="$12.50").encode(), "bad_number"),
    "thousands, or not": (sale(2, amount='"1,250"').encode(), "bad_number"),
    "not a number": (sale(2, amount="nan").encode(), "missing_value"),
    "another decimal sign": (sale(2, amount='"12,50"').encode(), "bad_number"),
    "an id with lost digits": (sale(2, client_id="7.91E+10").encode(), "bad_id"),
    "a word for no id": (sale(2, client_id="NULL").encode(), "missing_value"),
    "a year of two digits": (sale(2, transacted_at="0025-06-01").encode(), "bad_timestamp"),
    "a time far ahead": (sale(2, transacted_at="9999-12-31").encode(), "bad_timestamp"),
    "no date": (sale(2, transacted_at="1970-01-01").encode(), "missing_value"),
    "too large a number": (sale(2, amount="1e999").encode(), "bad_number"),
    "no client": (sale(2, client_id=" ").encode(), "missing_value"),
    "half a line": (b"T2,002", "wrong_field_count"),
    "too many fields": (sale(2).encode() + b",more", "wrong_field_count"),
    "open quote": (sale(2, service_id='"S2').encode(), "open_quote"),
    "long line": (sale(2, service_id="x" * (MIB + 1)).encode(), "line_too_long"),
    "line longer than a block": (sale(2, service_id="x" * (20 * MIB)).encode(), "line_too_long"),
}


@pytest.mark.parametrize("case", REJECTED)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_a_row_is_rejected_with_its_reason_and_the_others_are_taken(
    case: str, end: bytes, tmp_path: Path
) -> None:
    line, reason = REJECTED[case]
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    lines = [HEADER.encode(), sale(1).encode(), line, sale(3).encode(), sale(4).encode()]
    write(landing, "bakery/transactions.csv", end.join(lines) + end)
    outcome = load(landing, warehouse)["bakery/transactions.csv"]
    assert (outcome.read, outcome.accepted) == (4, 3)
    [row] = rows(warehouse, RAW_REJECTED_ROWS)
    assert (row["line_number"], row["reason"]) == (3, reason)
    assert row["original_text"][:3] == line.decode("utf-8", "replace")[:3]
    assert len(row["original_text"]) <= 10_000
    ids = [r["transaction_id"] for r in rows(warehouse, RAW_TRANSACTIONS)]
    assert ids == ["T1", "T3", "T4"]


def test_values_may_hold_quotes_and_line_ends(tmp_path: Path) -> None:
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    text = [HEADER, sale(1, service_id='"a ""b"", c"'), sale(2, service_id='"two\nlines"'), sale(3)]
    write(landing, "bakery/transactions.csv", "\n".join(text))
    outcome = load(landing, warehouse)["bakery/transactions.csv"]
    assert (outcome.read, outcome.accepted) == (3, 3)
    services = [r["service_id"] for r in rows(warehouse, RAW_TRANSACTIONS)]
    assert services == ['a "b", c', "two\nlines", "S0"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"client_id": "1"', "bad_json"),
        ("[]", "bad_json"),
        ('{"client_id": {"a": 1}}', "bad_json"),
        ("[" * 100_000, "bad_json"),
        ('{"client_id": "1", "client_id": "2"}', "duplicate_column"),
        ('{"client_id": "\\ud800"}', "bad_encoding"),
        ('{"client_id": "\\u0000"}', "nul_byte"),
        ('{"client_id": "1", "rating": NaN}', "missing_value"),
    ],
)
def test_ndjson_rows_are_rejected_one_by_one(line: str, reason: str, tmp_path: Path) -> None:
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    good = '{"client_id": "1", "service_id": 2, "rating": 5, "reviewed_at": "2024-01-01"}'
    write(landing, "bakery/reviews.ndjson", "\n".join([good, line, good]))
    outcome = load(landing, warehouse)["bakery/reviews.ndjson"]
    assert (outcome.read, outcome.accepted) == (3, 2)
    [row] = rows(warehouse, RAW_REJECTED_ROWS)
    assert (row["line_number"], row["reason"]) == (2, reason)


def test_the_command_says_what_was_refused(tmp_path: Path) -> None:
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    write(landing, "good/transactions.csv", GOOD)
    write(landing, "bad/transactions.csv", "")
    result = run_cli(warehouse, "load", "files", str(landing))
    assert result.returncode == 2
    assert "Traceback" not in result.stdout + result.stderr
    assert "1 of 2 files refused, the others are loaded: bad/transactions.csv" in result.stderr
    for missing in (tmp_path / "nowhere", tmp_path):
        result = run_cli(warehouse, "load", "files", str(missing / "empty"))
        assert result.returncode == 2
        assert "landing folder" in result.stderr
