"""Landing folders: what is taken, kept, replaced, skipped and refused."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.contracts import (
    RAW_CLIENTS,
    RAW_LOADED_FILES,
    RAW_REJECTED_ROWS,
    RAW_REVIEWS,
    RAW_SERVICES,
    RAW_TRANSACTIONS,
    RAW_WEB_EVENTS,
)
from ml.errors import InputError
from ml.warehouse import connect
from tests.sources.files.feeds import HEADER, SECRET, load, rows, sale, write

SALES = "bakery/transactions.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "landing"


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


def sales(*lines: str) -> str:
    return "\n".join([HEADER, *lines]) + "\n"


def test_rows_come_with_their_scope_file_and_moment(folder: Path, warehouse: Path) -> None:
    write(folder, SALES, sales(sale(1)))
    load(folder, warehouse)
    [row] = rows(warehouse, RAW_TRANSACTIONS)
    assert row["source_partner_id"] == "bakery"
    assert row["source_file"] == SALES
    assert (row["transaction_id"], row["quantity"], row["amount"]) == ("T1", 1.0, 1.5)
    assert row["transacted_at"] == datetime(2024, 3, 2, 10)


def test_the_same_file_twice_changes_nothing(folder: Path, warehouse: Path) -> None:
    write(folder, SALES, sales(sale(1), sale(2), "broken"))
    load(folder, warehouse)
    before = [rows(warehouse, t) for t in (RAW_TRANSACTIONS, RAW_LOADED_FILES, RAW_REJECTED_ROWS)]
    assert load(folder, warehouse)[SALES].status == "unchanged"
    after = [rows(warehouse, t) for t in (RAW_TRANSACTIONS, RAW_LOADED_FILES, RAW_REJECTED_ROWS)]
    assert after == before


def test_a_corrected_file_replaces_its_rows_and_a_late_one_adds(
    folder: Path, warehouse: Path
) -> None:
    write(folder, SALES, sales(sale(1), sale(2), "broken"))
    load(folder, warehouse)
    write(folder, SALES, sales(sale(2, amount="9"), sale(3)))
    write(folder, "bakery/transactions_late.csv", sales(sale(4)))
    load(folder, warehouse)
    amounts = {r["transaction_id"]: r["amount"] for r in rows(warehouse, RAW_TRANSACTIONS)}
    assert amounts == {"T2": 9.0, "T3": 3.5, "T4": 4.5}
    assert rows(warehouse, RAW_REJECTED_ROWS) == []
    ledger = rows(warehouse, RAW_LOADED_FILES)
    assert [(r["source_file"], r["is_current"]) for r in ledger] == [
        (SALES, False),
        (SALES, True),
        ("bakery/transactions_late.csv", True),
    ]


def test_a_refused_correction_leaves_the_earlier_rows(folder: Path, warehouse: Path) -> None:
    write(folder, SALES, sales(sale(1)))
    load(folder, warehouse)
    write(folder, SALES, "")
    for _ in range(2):
        assert load(folder, warehouse)[SALES].status == "refused"
    assert len(rows(warehouse, RAW_TRANSACTIONS)) == 1
    ledger = rows(warehouse, RAW_LOADED_FILES)
    assert [(r["status"], r["is_current"]) for r in ledger] == [
        ("loaded", True),
        ("refused", False),
    ]


def test_a_copy_is_skipped_and_files_that_change_places_are_not(
    folder: Path, warehouse: Path
) -> None:
    write(folder, SALES, sales(sale(1)))
    write(folder, "bakery/transactions_copy.csv", sales(sale(1)))
    outcomes = load(folder, warehouse)
    assert outcomes["bakery/transactions_copy.csv"].status == "skipped"
    assert "loaded as bakery/transactions.csv" in str(
        outcomes["bakery/transactions_copy.csv"].problem
    )
    # The old content moves to another name, new content takes its place.
    write(folder, "bakery/transactions_copy.csv", sales(sale(1)))
    write(folder, SALES, sales(sale(2)))
    load(folder, warehouse)
    assert sorted(r["transaction_id"] for r in rows(warehouse, RAW_TRANSACTIONS)) == ["T1", "T2"]


def test_a_changed_mapping_loads_again(folder: Path, warehouse: Path) -> None:
    write(folder, SALES, sales(sale(1)))
    load(folder, warehouse)
    write(folder, "bakery/mapping.yml", "time_zone: Europe/Moscow\n")
    load(folder, warehouse)
    [row] = rows(warehouse, RAW_TRANSACTIONS)
    assert row["transacted_at"] == datetime(2024, 3, 2, 7)


def test_check_writes_nothing(folder: Path, warehouse: Path) -> None:
    write(folder, SALES, sales(sale(1), "broken"))
    outcome = load(folder, warehouse, is_check=True)[SALES]
    assert (outcome.read, outcome.accepted, outcome.rejected) == (2, 1, 1)
    assert not warehouse.exists()


def test_a_warehouse_of_an_earlier_version_gets_its_new_columns(
    folder: Path, warehouse: Path
) -> None:
    write(folder, "bakery/services.csv", "service_id\nbread\n")
    load(folder, warehouse)
    with connect(warehouse, read_only=False, wait_seconds=5) as connection:
        connection.execute("alter table raw.services drop column is_offered")
    write(folder, "bakery/services_2.csv", "service_id,is_offered\npostage,false\n")
    load(folder, warehouse)
    offered = {row["service_id"]: row["is_offered"] for row in rows(warehouse, RAW_SERVICES)}
    assert offered == {"bread": None, "postage": False}


def test_what_came_from_elsewhere_is_not_mixed_with_files(folder: Path, built_copy: Path) -> None:
    write(folder, SALES, sales(sale(1)))
    with pytest.raises(InputError, match="another warehouse"):
        load(folder, built_copy)


MAPPED = """\
delimiter: ";"
encoding: cp1251
decimal: ","
timestamp_formats: ["%d.%m.%Y %H:%M", "%d.%m.%Y"]
time_zone: Europe/Moscow
entities:
  transactions:
    columns: {Карта: client_id, Услуга: service_id, Сумма: amount, Дата: transacted_at}
    constants: {quantity: "2"}
    values:
      service_id: {Йога: yoga}
    ignore_columns: [Кассир]
"""


def test_a_mapping_says_how_files_are_written(folder: Path, warehouse: Path) -> None:
    write(folder, "gym/mapping.yml", MAPPED)
    text = (
        "Карта;Услуга;Сумма;Дата;Кассир\n"
        "007;Йога;1234,50;05.02.2024 00:30;Анна\n"
        "008;Бокс;10;31.02.2024;Анна\n"
    )
    write(folder, "gym/transactions.csv", text.encode("cp1251"))
    load(folder, warehouse)
    [row] = rows(warehouse, RAW_TRANSACTIONS)
    assert row["transaction_id"] == "gym/transactions.csv#2"
    assert (row["client_id"], row["service_id"]) == ("007", "yoga")
    assert (row["quantity"], row["amount"]) == (2.0, 1234.5)
    assert row["transacted_at"] == datetime(2024, 2, 4, 21, 30)
    [bad] = rows(warehouse, RAW_REJECTED_ROWS)
    assert (bad["line_number"], bad["reason"]) == (3, "bad_timestamp")
    # What is ignored is not kept either.
    assert bad["original_text"] == "008;Бокс;10;31.02.2024;***"


def test_people_are_hashed_and_never_stored(
    folder: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSS_SELL_HASH_SECRET", SECRET)
    write(folder, "bakery/transactions.csv", sales(sale(1)))
    write(
        folder,
        "bakery/clients.csv",
        "client_id,email,phone,loyalty_id,birth_year\n"
        "1,Ann@Example.org,+7 900 123-45-67,00-17,1980\n"
        "2,bob@example.org,,,born in 1980\n"
        "3,carl@example.org,,,1980,too many\n",
    )
    write(folder, "gym/mapping.yml", "phone_country_code: '7'\nphone_trunk_prefix: '8'\n")
    write(folder, "gym/clients.csv", "client_id,email,phone\nA, ann@example.ORG ,8 (900) 1234567\n")
    load(folder, warehouse)
    first, _, second = rows(warehouse, RAW_CLIENTS)
    assert first["email_hash"] == second["email_hash"] and len(first["email_hash"]) == 64
    assert first["phone_hash"] == second["phone_hash"] is not None
    assert first["loyalty_hash"] and second["loyalty_hash"] is None
    texts = [r["original_text"] for r in rows(warehouse, RAW_REJECTED_ROWS)]
    assert texts == ["*,****@*******.***,,,****,*** ****"]
    content = warehouse.read_bytes()
    assert b"bob@example" not in content and b"carl@example" not in content


def test_without_a_secret_people_are_not_taken(
    folder: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CROSS_SELL_HASH_SECRET", raising=False)
    write(folder, "bakery/clients.csv", "client_id,email\n1,a@example.org\n")
    write(folder, SALES, sales(sale(1)))
    outcomes = load(folder, warehouse)
    assert "CROSS_SELL_HASH_SECRET" in str(outcomes["bakery/clients.csv"].problem)
    assert outcomes[SALES].status == "loaded"


def test_every_format_gives_the_same_rows(folder: Path, warehouse: Path) -> None:
    lines = [sale(i) for i in range(1, 6)]
    write(folder, "a/transactions.csv", sales(*lines))
    write(folder, "b/transactions.csv.gz", gzip.compress(sales(*lines).encode()))
    columns = HEADER.split(",")
    records = [dict(zip(columns, line.split(","), strict=True)) for line in lines]
    typed = pa.table(
        {
            "transaction_id": [r["transaction_id"] for r in records],
            "client_id": pa.array([r["client_id"] for r in records]).dictionary_encode(),
            "service_id": [r["service_id"] for r in records],
            "quantity": pa.array([1] * 5, pa.int8()),
            "amount": pa.array([float(r["amount"]) for r in records], pa.float32()),
            "transacted_at": pa.array(
                [datetime.fromisoformat(r["transacted_at"]) for r in records],
                pa.timestamp("ns", "Europe/Moscow"),
            ),
        }
    )
    (folder / "c").mkdir()
    pq.write_table(typed, folder / "c/transactions.parquet")
    numbers = {"quantity", "amount"}
    objects = [{k: float(v) if k in numbers else v for k, v in r.items()} for r in records]
    write(folder, "d/transactions.ndjson", "\n".join(json.dumps(o) for o in objects))
    load(folder, warehouse)
    by_partner: dict[str, list[tuple[object, ...]]] = {}
    for row in rows(warehouse, RAW_TRANSACTIONS):
        by_partner.setdefault(row["source_partner_id"], []).append(
            tuple(row[name] for name in columns)
        )
    assert len(by_partner["a"]) == 5
    assert by_partner["a"] == by_partner["b"] == by_partner["c"] == by_partner["d"]


def test_ids_are_kept_as_they_are_and_defaults_stand_in(folder: Path, warehouse: Path) -> None:
    write(folder, "bakery/services.csv", "service_id\n 007 \n")
    write(
        folder,
        "bakery/web_events.ndjson",
        '{"client_id": " 01", "event_type": "view", "occurred_at": "2024-01-01"}\n',
    )
    write(
        folder, "bakery/reviews.csv", "client_id,service_id,rating,reviewed_at\n1,2,-3,2024-01-01\n"
    )
    load(folder, warehouse)
    [service] = rows(warehouse, RAW_SERVICES)
    assert (service["service_id"], service["service_name"]) == (" 007 ", " 007 ")
    assert service["partner_id"] == "bakery"
    [event] = rows(warehouse, RAW_WEB_EVENTS)
    assert (event["client_id"], event["event_id"]) == (" 01", "bakery/web_events.ndjson#1")
    # Whether a rating makes sense is for SQL to say, and to count.
    [review] = rows(warehouse, RAW_REVIEWS)
    assert review["rating"] == -3.0


SPOKEN = {"client_id": "1", "service_id": "s", "amount": 1, "transacted_at": "2024-01-01"}


@pytest.mark.parametrize("is_turned", [False, True])
def test_columns_of_json_lines_are_those_of_all_lines(
    is_turned: bool, folder: Path, warehouse: Path
) -> None:
    records = [SPOKEN, {**SPOKEN, "discount_amount": 2}, {**SPOKEN, "basket_id": "b", "tags": [1]}]
    lines = [json.dumps(r) for r in (reversed(records) if is_turned else records)]
    write(folder, "shop/transactions.ndjson", "\n".join(lines))
    problem = load(folder, warehouse)["shop/transactions.ndjson"].problem
    assert "'tags': no such column" in str(problem)
    write(folder, "shop/mapping.yml", "entities: {transactions: {ignore_columns: [tags]}}")
    assert load(folder, warehouse)["shop/transactions.ndjson"].accepted == 3
    found = rows(warehouse, RAW_TRANSACTIONS)
    assert {r["discount_amount"] for r in found} == {None, 2.0}
    assert {r["basket_id"] for r in found} == {None, "b"}


def test_what_is_ignored_is_never_looked_at(folder: Path, warehouse: Path) -> None:
    mapping = "entities: {transactions: {ignore_columns: [x]}}"
    names = "client_id,service_id,amount,transacted_at"
    write(
        folder, "a/transactions.csv", f"{names},x,x\n1,s,1,2024-01-01,2,3\n1,s,bad,2024-01-01,2,3\n"
    )
    nested = '{"a": 1, "a": "\\ud800"}, "x": 1'
    text = json.dumps(SPOKEN)
    write(folder, "b/transactions.ndjson", f'{text[:-1]}, "x": {nested}}}\n{text}')
    (folder / "c").mkdir()
    columns = {**{name: [value] for name, value in SPOKEN.items()}, "x": [[b"\xff"]]}
    pq.write_table(pa.table(columns), folder / "c/transactions.parquet")
    for partner in "abc":
        write(folder, f"{partner}/mapping.yml", mapping)
    outcomes = load(folder, warehouse)
    assert [o.accepted for o in outcomes.values()] == [1, 2, 1]
    [bad] = rows(warehouse, RAW_REJECTED_ROWS)
    assert bad["original_text"] == "1,s,bad,2024-01-01,***,***"


def test_a_header_may_be_quoted_over_two_lines(folder: Path, warehouse: Path) -> None:
    header = '"client_id";service_id;"Amount,\r\nEUR";transacted_at'
    write(folder, "shop/transactions.csv", f"{header}\r\n1;s;1;2024-01-01\r\n2;s;2\r\n")
    write(
        folder,
        "shop/mapping.yml",
        'delimiter: ";"\nentities: {transactions: {columns: {"Amount, EUR": amount}}}',
    )
    outcome = load(folder, warehouse)["shop/transactions.csv"]
    assert (outcome.accepted, outcome.rejected) == (1, 1)
    assert rows(warehouse, RAW_TRANSACTIONS)[0]["transaction_id"] == "shop/transactions.csv#3"
    assert rows(warehouse, RAW_REJECTED_ROWS)[0]["line_number"] == 4


PRICED = "client_id,service_id,Pieces,price,transacted_at\n"
BY_PRICE = (
    "entities: {transactions: {columns: {Pieces: quantity}, computed: {amount: quantity * price}}}"
)


def test_an_amount_is_computed_from_quantity_and_price(folder: Path, warehouse: Path) -> None:
    lines = ["3,2.5", "-1,2.5", "(2),.5", ",2.5", "n/a,2.5", "3,", "three,2.5", "1e200,1e200"]
    body = "".join(f"1,s,{line},2024-01-01\n" for line in lines)
    write(folder, "shop/transactions.csv", PRICED + body)
    write(folder, "shop/mapping.yml", BY_PRICE)
    outcome = load(folder, warehouse)["shop/transactions.csv"]
    assert [(r["quantity"], r["amount"]) for r in rows(warehouse, RAW_TRANSACTIONS)] == [
        (3.0, 7.5),
        (-1.0, -2.5),
        (-2.0, -1.0),
    ]
    assert outcome.reasons == {"missing_value": 3, "bad_number": 2}
    details = [r["detail"] for r in rows(warehouse, RAW_REJECTED_ROWS)]
    assert details[-1] == "amount: '1e200 * 1e200'"


@pytest.mark.parametrize(
    ("computed", "message"),
    [
        ("amount: price * weight", "from 'weight', which is no column of it"),
        ("amount: quantity + price", "no product of two columns"),
        ("amount: quantity * price * price", "no product of two columns"),
        ("client_id: quantity * price", "'client_id' is no amount or quantity"),
        ("total: quantity * price", "no column 'total'"),
        ("typical_price: quantity * price", "no column 'typical_price'"),
    ],
)
def test_what_cannot_be_computed_is_refused(
    computed: str, message: str, folder: Path, warehouse: Path
) -> None:
    write(folder, "shop/transactions.csv", PRICED + "1,s,3,2.5,2024-01-01\n")
    write(
        folder,
        "shop/mapping.yml",
        f"entities: {{transactions: {{columns: {{Pieces: quantity}}, computed: {{{computed}}}}}}}",
    )
    assert message in str(load(folder, warehouse)["shop/transactions.csv"].problem)


def test_a_value_that_is_no_client_becomes_blank(folder: Path, warehouse: Path) -> None:
    write(folder, SALES, sales(sale(1), sale(2, client_id="0")))
    mapping = 'entities: {transactions: {values: {client_id: {"0": ""}}}}'
    write(folder, "bakery/mapping.yml", mapping)
    outcome = load(folder, warehouse)[SALES]
    assert (outcome.accepted, outcome.reasons) == (1, {"missing_value": 1})
