"""Feeds whose values spreadsheets, Oracle, 1C, pandas and Spark have mangled.

Whatever they made of a value: no permission is gained, no two persons merge, no accepted amount is
another, every row is accounted for, and the exit code says what happened.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.contracts import RAW_CLIENTS, RAW_LOADED_FILES, RAW_REJECTED_ROWS, RAW_TRANSACTIONS
from tests.sources.files.feeds import SECRET, check_what_is_told, load, rows, write

Mangle = Callable[[str], str]

ANYWHERE: dict[str, Mangle] = {
    "as it is": lambda text: text,
    "pandas, missing": lambda _: "NaN",
    "Spark, missing": lambda _: "null",
    "MySQL, missing": lambda _: r"\N",
    "1C, padded": lambda text: f"\xa0{text}\xa0",
    "a tab": lambda text: f"{text}\t",
    "a spreadsheet's error": lambda _: "#N/A",
    "cut off": lambda text: text[: len(text) // 2],
}
NUMBERS: dict[str, Mangle] = {
    "pandas, float": lambda text: repr(float(text)),
    "Oracle, no zero": lambda text: text.replace("0.", ".", 1) if text.startswith("0.") else text,
    "Oracle, no fraction": lambda text: text.replace(".00", "."),
    "SAP, sign behind": lambda text: f"{text[1:]}-" if text.startswith("-") else text,
    "a ledger": lambda text: f"({text[1:]})" if text.startswith("-") else text,
    "1C, grouped": lambda text: f"{float(text):,.2f}".replace(",", "\xa0").replace(".", ","),
    "a spreadsheet, grouped": lambda text: f'"{float(text):,.2f}"',
    "another decimal sign": lambda text: f'"{text.replace(".", ",")}"',
    "grouped without fraction": lambda text: f'"{int(float(text)):,}"',
    "Spark": lambda text: f"{float(text):.8E}".replace("E+0", "E").replace("E-0", "E-"),
    "a currency": lambda text: f"{text} \u20bd",
}
IDS: dict[str, Mangle] = {
    "pandas, float": lambda text: f"{text}.0",
    "a spreadsheet": lambda text: f"{float(text):.2E}",
    "a German spreadsheet": lambda text: f'"{float(text):.2E}"'.replace(".", ","),
    "Java": lambda text: f"{text[0]}.{text[1:]}E{len(text) - 1}",
}
BOOLEANS: dict[str, Mangle] = {
    "pandas": lambda text: "1.0" if text == "true" else "0.0",
    "Russian": lambda text: "ДА" if text == "true" else "Нет",
    "a letter": lambda text: "Y" if text == "true" else "n",
    "Access": lambda text: "-1" if text == "true" else "0",
    "a typing error": lambda text: text.replace("e", "3"),
}
PHONES: dict[str, Mangle] = {
    **IDS,
    "one number for all": lambda _: "+7 999 999-99-99",
    "zero": lambda _: "0",
    "a word": lambda _: "none",
}
EMAILS: dict[str, Mangle] = {
    "a placeholder": lambda _: "none@none",
    "a desk": lambda _: "info@shop.org",
    "capitals": str.upper,
    "no host": lambda text: text.partition("@")[0],
}
YEARS: dict[str, Mangle] = {"pandas": lambda text: f"{text}.0", "a typing error": lambda _: "199O"}


def one_of(*kinds: dict[str, Mangle]) -> st.SearchStrategy[str]:
    names = {name for kind in kinds for name in kind}
    return st.sampled_from(sorted(names))


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "client_id": one_of(ANYWHERE, IDS),
            "amount": one_of(ANYWHERE, NUMBERS),
            "consent": one_of(ANYWHERE, BOOLEANS),
            "phone": one_of(ANYWHERE, PHONES),
            "email": one_of(ANYWHERE, EMAILS),
            "birth_year": one_of(ANYWHERE, YEARS),
            "cents": st.integers(-300_000, 300_000).filter(bool),
            "is_yes": st.booleans(),
        }
    ),
    min_size=5,
    max_size=40,
)


def mangled(kind: dict[str, Mangle], name: str, text: str) -> str:
    return {**ANYWHERE, **kind}[name](text)


def person(number: int) -> int:
    """Two records in a row are one person; ids and keys are far apart."""
    return number // 2


def true_id(number: int) -> str:
    return str(40_000_000 + 7_919 * number)


def phone(number: int) -> str:
    return str(79_120_000_000 + 1_000_003 * (person(number) + 1))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS)
def test_what_mangled_values_never_do(drawn: list[dict[str, Any]]) -> None:
    clients = ["client_id,has_marketing_consent,phone,email,birth_year"]
    sales = ["transaction_id,client_id,service_id,amount,transacted_at"]
    for number, row in enumerate(drawn):
        consent = mangled(BOOLEANS, row["consent"], "true" if row["is_yes"] else "false")
        key = mangled(PHONES, row["phone"], phone(number))
        address = mangled(EMAILS, row["email"], f"person.{person(number)}@example.org")
        year = mangled(YEARS, row["birth_year"], "1990")
        clients.append(f"{true_id(number)},{consent},{key},{address},{year}")
        client = mangled(IDS, row["client_id"], true_id(number))
        amount = mangled(NUMBERS, row["amount"], f"{row['cents'] / 100:.2f}")
        sales.append(f"T{number},{client},S,{amount},2024-05-01")
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict("os.environ", {"CROSS_SELL_HASH_SECRET": SECRET}),
    ):
        landing, warehouse = Path(folder) / "landing", Path(folder) / "w.duckdb"
        write(landing, "gym/mapping.yml", 'phone_country_code: "7"\nphone_trunk_prefix: "8"\n')
        write(landing, "gym/clients.csv", "\n".join(clients))
        write(landing, "gym/transactions.csv", "\n".join(sales))
        outcomes = load(landing, warehouse, most_rejected_share=1.0)
        check_what_is_told(outcomes)
        if any(outcome.status != "loaded" for outcome in outcomes.values()):
            # Not one sale could be used: then nothing of the partner comes in.
            assert outcomes["gym/transactions.csv"].accepted == 0
            return
        check_clients(rows(warehouse, RAW_CLIENTS), drawn)
        check_sales(rows(warehouse, RAW_TRANSACTIONS), drawn)
        rejected = rows(warehouse, RAW_REJECTED_ROWS)
        for entry in rows(warehouse, RAW_LOADED_FILES):
            assert entry["read_count"] == len(drawn)
            assert entry["read_count"] == entry["accepted_count"] + entry["rejected_count"]
            told = [row for row in rejected if row["source_file"] == entry["source_file"]]
            assert len(told) == entry["rejected_count"]


def check_clients(found: list[dict[str, Any]], drawn: list[dict[str, Any]]) -> None:
    # No attribute loses a client.
    assert [row["client_id"] for row in found] == [true_id(n) for n in range(len(drawn))]
    holders: dict[str, set[int]] = {}
    for number, row in enumerate(found):
        assert not row["has_marketing_consent"] or drawn[number]["is_yes"]
        if row["has_marketing_consent"] is None:
            # Nothing was said, or what was said is told to be unread.
            is_blank = drawn[number]["consent"].endswith(("missing", "error"))
            assert is_blank or "has_marketing_consent" in row["unread_columns"]
        assert row["birth_year"] in (None, 1990, 19)
        for key in (row["email_hash"], row["phone_hash"]):
            if key is not None:
                holders.setdefault(key, set()).add(person(number))
    assert all(len(persons) == 1 for persons in holders.values())


def check_sales(found: list[dict[str, Any]], drawn: list[dict[str, Any]]) -> None:
    ids = {true_id(number): number for number in range(len(drawn))}
    for row in found:
        number = int(row["transaction_id"][1:])
        if drawn[number]["client_id"] != "cut off":
            assert ids[row["client_id"].strip("\xa0\t")] == number
        else:
            assert row["client_id"] not in ids
        if drawn[number]["amount"] not in ("cut off", "grouped without fraction"):
            assert row["amount"] == pytest.approx(drawn[number]["cents"] / 100, rel=1e-9)
