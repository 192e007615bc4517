"""One value: what is read, what is null, what rejects its row, and what is told of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.contracts import RAW_CLIENTS, RAW_LOADED_FILES, RAW_SERVICES, RAW_TRANSACTIONS, Table
from ml.sources.files.identity import normal_email, normal_loyalty, normal_phone
from ml.warehouse import LINE, PROBLEM, UNREAD, Converter, Incoming, TextFormat
from tests.sources.files.feeds import HEADER, SECRET, load, rows, sale, write

POINT, COMMA = TextFormat(), TextFormat(decimal=",")
MOSCOW = TextFormat(time_zone="Europe/Moscow")
NOTHING = (
    "",
    " ",
    "\t",
    "\xa0",
    "NULL",
    r"\N",
    "NaN",
    "n/a",
    "-",
    "—",
    "#\N{CYRILLIC CAPITAL LETTER EN}/Д",
    "<NA>",
    "None",
)


def read(
    table: Table, column: str, texts: list[str], text_format: TextFormat = POINT
) -> list[object]:
    """Values of a column; ``bad`` or ``missing`` where it has none and says so."""
    converter = Converter(table, Incoming([column]), text_format)
    try:
        found = converter.convert(
            pa.table({column: pa.array(texts, pa.string()), LINE: list(range(len(texts)))})
        )
    finally:
        converter.close()
    told = []
    for value, problem, unread in zip(
        *(found[n].to_pylist() for n in (column, PROBLEM, UNREAD)), strict=True
    ):
        reason = "bad" if unread else (problem or "").partition("_")[0]
        assert value is None or not reason
        told.append(reason or value)
    return told


@pytest.mark.parametrize(
    ("text_format", "texts"),
    [
        (POINT, {"7": 7, ".5": 0.5, "-.5": -0.5, "5.": 5, "(5.00)": -5, "5-": -5, "\xa05\t": 5}),
        (POINT, {"1 234,50": 1234.5, "1\u202f234.50": 1234.5, "1,234.50": 1234.5}),
        (POINT, {"1,234,567": 1234567, "1E+03": 1000, "\u22125": -5, "(1 234.5)": -1234.5}),
        # Either value could be meant, or another sign is than the mapping says.
        (POINT, dict.fromkeys(["1,234", "12,50", "$3", "--5", "(-5)", "1_0", "1e999"], "bad")),
        (POINT, dict.fromkeys(NOTHING, "missing")),
        (COMMA, {"1 234,50": 1234.5, "1.234,50": 1234.5, "1.234.567": 1234567, ",5": 0.5}),
        (COMMA, {"(5,00)": -5, "5,-": "bad", "1.234": "bad", "12.5": "bad"}),
    ],
)
def test_numbers(text_format: TextFormat, texts: dict[str, object]) -> None:
    assert read(RAW_TRANSACTIONS, "amount", list(texts), text_format) == list(texts.values())


def test_whole_numbers() -> None:
    texts: dict[str, object] = {"1990": 1990, "1990.0": 1990, "1990,00": 1990, "1.99E+03": 1990}
    texts |= {
        "NaN": None,
        "1990.5": "bad",
        "1,990": "bad",
        "born in 1990": "bad",
        "99999999999": "bad",
    }
    assert read(RAW_CLIENTS, "birth_year", list(texts)) == list(texts.values())


def test_booleans() -> None:
    texts = dict.fromkeys(["1", "1.0", "1,0", "Y", "да", "ДА", "t", "TRUE", "on"], True)
    texts |= dict.fromkeys(["0", "0.0", "n", "Нет", "F", "off"], False)
    told: dict[str, object] = {**texts, "NULL": None, "maybe": "bad", "10": "bad", "-1": "bad"}
    assert read(RAW_CLIENTS, "has_marketing_consent", list(told)) == list(told.values())


def test_ids_are_kept_or_whole_again_or_refused() -> None:
    kept = ["007", " 007 ", "1e5", "12.5", "A+B", "1,5", "Иванов"]
    texts: dict[str, object] = {text: text for text in kept}
    texts |= {"12.0": "12", "007.0": "007", "12,00": "12", "1.2345678E7": "12345678"}
    texts |= dict.fromkeys(["7.91235E+10", "7,9E+10", "1E+15", "1.25E1", "12.5e0"], "bad")
    texts |= dict.fromkeys(NOTHING, "missing")
    assert read(RAW_TRANSACTIONS, "client_id", list(texts)) == list(texts.values())


MAY = datetime(2024, 5, 1, 10)


@pytest.mark.parametrize("text_format", [POINT, MOSCOW])
def test_times(text_format: TextFormat) -> None:
    offset = timedelta(hours=3 if text_format is MOSCOW else 0)
    texts: dict[str, object] = {"2024-05-01 10:00": MAY - offset, "2024-05-01T10:00Z": MAY}
    texts |= {"20240501": datetime(2024, 5, 1) - offset, "2024-05-01T13:00:00+03:00": MAY}
    texts |= {"1714557600": MAY, "1714557600.0": MAY, "1714557600000": MAY}
    texts |= {"1714557600000000": MAY, "1714557600000000000": MAY}
    texts |= dict.fromkeys(["0024-05-01", "9999-12-31", "1899-05-01", "2100-02-01"], "bad")
    texts |= dict.fromkeys(["45413", "1.7146E+09", "01.05.2024", "0", "infinity"], "bad")
    texts |= dict.fromkeys(["1970-01-01", "0001-01-01", "1899-12-30", "0000-00-00"], "missing")
    assert read(RAW_TRANSACTIONS, "transacted_at", list(texts), text_format) == [*texts.values()]


def test_an_end_that_never_comes_is_none() -> None:
    texts = {"9999-12-31": None, "2999-01-01": None, "0001-01-01": None, "soon": "bad"}
    assert read(RAW_SERVICES, "withdrawn_at", list(texts)) == list(texts.values())
    german = TextFormat(timestamp_formats=("%d.%m.%Y",))
    texts = {"31.12.9999": None, "01.01.0001": None, "01.05.24": "bad"}
    assert read(RAW_SERVICES, "withdrawn_at", list(texts), german) == list(texts.values())


@pytest.mark.parametrize(
    "text",
    [
        *("none@none", "a@b", "two@x.org, three@x.org", "noemail@mail.ru", "Info@shop.ru"),
        *("no-reply@bank.com", "x@mailinator.com", "aaa@mail.ru", "12345@mail.ru", "x@none.com"),
    ],
)
def test_addresses_that_are_nobody_s(text: str) -> None:
    assert normal_email(text) is None


def test_addresses_of_people() -> None:
    assert normal_email(" mailto:Ann.Lee+shop@Example.org") == "ann.lee+shop@example.org"


@pytest.mark.parametrize(
    "text",
    [
        *("7.91235E+10", "7,91235E+10", "0", "0000000000", "+7 999 999-99-99", "1234567890"),
        *("12345", "8 912 345 67", "+7 912 345 67 890", "8 800 5555555", "none", "79123456789Z"),
    ],
)
def test_numbers_that_are_nobody_s(text: str) -> None:
    assert normal_phone(text, "7", "8") is None


@pytest.mark.parametrize(
    "text",
    [
        "+7 912 345-67-89",
        "79123456789.0",
        "8(912)3456789",
        "тел. 9123456789",
        "8 912 3456789 доб. 4",
    ],
)
def test_numbers_of_people(text: str) -> None:
    assert normal_phone(text, "7", "8") == "79123456789"
    assert normal_phone("+44 (0)20 7946 0958") == "442079460958"


@pytest.mark.parametrize(
    "text", ["0", "0000", "XXXX", "NULL", "1.23457E+15", "12345678", "12", "1234567890123450"]
)
def test_cards_that_are_nobody_s(text: str) -> None:
    assert normal_loyalty(text) is None


def test_a_bad_attribute_is_null_and_told_and_its_row_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSS_SELL_HASH_SECRET", SECRET)
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    lines = ["client_id,phone,birth_year,has_marketing_consent,registered_at"]
    lines += ["1,7.91E+10,199O,perhaps,", "2,NULL,1990.0,да,1970-01-01"]
    write(landing, "gym/clients.csv", "\n".join(lines))
    outcome = load(landing, warehouse)["gym/clients.csv"]
    assert (outcome.accepted, outcome.rejected, outcome.warned) == (2, 0, 1)
    told = {row["client_id"]: row for row in rows(warehouse, RAW_CLIENTS)}
    unread = set(told["1"]["unread_columns"].split(";"))
    assert unread == {"phone_hash", "birth_year", "has_marketing_consent"}
    assert all(told["1"][name] is None for name in unread)
    assert told["2"]["unread_columns"] is None
    assert (told["2"]["birth_year"], told["2"]["has_marketing_consent"]) == (1990, True)
    [entry] = rows(warehouse, RAW_LOADED_FILES)
    assert entry["warned_count"] == 1
    assert "1 bad_boolean in has_marketing_consent (first in line 2)" in entry["warnings"]


def test_a_blank_name_is_the_id(tmp_path: Path) -> None:
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    write(landing, "gym/services.csv", "service_id,service_name,min_age\nyoga,-,18.0\n")
    load(landing, warehouse)
    [row] = rows(warehouse, RAW_SERVICES)
    assert (row["service_name"], row["min_age"], row["unread_columns"]) == ("yoga", 18, None)


@pytest.mark.parametrize("flavour", [{"use_deprecated_int96_timestamps": True}, {}])
def test_parquet_times_beyond_nanoseconds_and_ids_of_floats(
    flavour: dict[str, bool], tmp_path: Path
) -> None:
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    times = [MAY, datetime(9999, 12, 31), datetime(1500, 1, 1), MAY, MAY]
    table = pa.table(
        {
            "client_id": pa.array([1001.0, 1002.0, 1003.0, 12.5, 2.0**60]),
            "service_id": ["s"] * 5,
            "amount": pa.array([12.5, 1.0, 1.0, 1.0, 1.0], pa.float32()),
            "transacted_at": pa.array(times, pa.timestamp("us")),
        }
    )
    (landing / "gym").mkdir(parents=True)
    pq.write_table(table, landing / "gym/transactions.parquet", **flavour)
    outcome = load(landing, warehouse)["gym/transactions.parquet"]
    [row] = rows(warehouse, RAW_TRANSACTIONS)
    assert (row["client_id"], row["amount"], row["transacted_at"]) == ("1001", 12.5, MAY)
    assert outcome.reasons == {"bad_id": 2, "bad_timestamp": 2}


def test_json_numbers_as_ids(tmp_path: Path) -> None:
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    line = '{{"client_id": {0}, "service_id": "s", "amount": 1.5, "transacted_at": {1}}}'
    ids = ["7", "8.0", "9.5", '"10.5"']
    text = "\n".join(line.format(one, 1714557600) for one in ids)
    write(landing, "gym/mapping.yml", "decimal: ','\n")
    write(landing, "gym/transactions.ndjson", text)
    outcome = load(landing, warehouse)["gym/transactions.ndjson"]
    found = rows(warehouse, RAW_TRANSACTIONS)
    assert [(r["client_id"], r["amount"], r["transacted_at"]) for r in found] == [
        (one, 1.5, MAY) for one in ("7", "8", "10.5")
    ]
    assert outcome.reasons == {"bad_id": 1}


def test_local_times_after_the_load_are_told(tmp_path: Path) -> None:
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    soon = f"{datetime.now() + timedelta(days=1):%Y-%m-%d %H:%M}"
    write(
        landing, "gym/transactions.csv", "\n".join([HEADER, sale(1), sale(2, transacted_at=soon)])
    )
    outcome = load(landing, warehouse)["gym/transactions.csv"]
    assert outcome.accepted == 2
    [note] = outcome.notes
    assert "1 transacted_at lie after this load" in note
    assert "state time_zone" in note
