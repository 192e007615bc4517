"""A folder that nobody has described: its draft of a mapping loads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.contracts import RAW_CLIENTS, RAW_TRANSACTIONS
from ml.sources.files.draft import draft_mapping, undescribed
from ml.sources.files.landing import find_files
from tests.commands import run_cli
from tests.sources.files.feeds import SECRET, load, rows, write

TITLE = ["Отчёт по продажам;;;;;;", "за июнь;;;;;;"]
HEADER = 'Номер чека;Дата;Карта;Номенклатура;Кол-во;"Цена,\nруб.";Кассир'
SALES = [
    f"{i};{i:02d}.06.2024 1{i % 10}:05;00{i % 7};Йога утром;2;{i},50;Анна" for i in range(1, 29)
]
CLIENTS = ["Клиент;Телефон;Эл. почта;Город;Дата регистрации"] + [
    f"00{i};+7 900 123-45-{i:02d};a{i}@example.org;Москва;{i + 1:02d}.01.2024" for i in range(7)
]
INVOICES = ["Invoice,StockCode,Quantity,InvoiceDate,Price,Customer ID"] + [
    f"{i},S{i % 5},2,{i % 12 + 1}/{i + 1}/2024 10:{i:02d},{i}.55,C{i % 9}" for i in range(1, 28)
]


def draft(folder: Path) -> str:
    text = draft_mapping(find_files(folder))
    assert text is not None
    return text


def test_a_draft_of_russian_exports_loads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSS_SELL_HASH_SECRET", SECRET)
    folder, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    write(folder, "gym/transactions.csv", "\n".join([*TITLE, HEADER, *SALES]).encode("cp1251"))
    write(folder, "gym/clients.csv", "\n".join(CLIENTS).encode("cp1251"))
    outcomes = load(folder, warehouse, is_check=True)
    assert undescribed(folder, find_files(folder), outcomes.values()) == ["gym"]
    text = draft(folder)
    for guess in ('delimiter: ";"  # 100%', "encoding: cp1251  # 9", 'decimal: ","  # 100%'):
        assert guess in text
    write(folder, "gym/mapping.yml", text)
    outcomes = load(folder, warehouse)
    assert {name: o.accepted for name, o in outcomes.items()} == {
        "gym/clients.csv": 7,
        "gym/transactions.csv": 28,
    }
    assert min(row["amount"] for row in rows(warehouse, RAW_TRANSACTIONS)) == 3.0
    assert all(row["email_hash"] and row["phone_hash"] for row in rows(warehouse, RAW_CLIENTS))
    assert undescribed(folder, find_files(folder), outcomes.values()) == []


def test_a_draft_of_english_exports_says_what_is_unsure(tmp_path: Path) -> None:
    folder, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    write(folder, "shop/orders.csv", "\n".join(INVOICES))
    text = draft(folder)
    assert "# orders.csv looks like transactions: rename it to transactions_orders.csv" in text
    assert 'timestamp_formats: ["%m/%d/%Y %H:%M"]  # 100%' in text
    assert 'amount: "quantity * Price"  # 70%' in text
    # Where no day is beyond the twelfth, day and month may be changed.
    write(folder, "shop/orders.csv", "\n".join(INVOICES[:10]))
    assert 'timestamp_formats: ["%d/%m/%Y %H:%M"]  # 50%' in draft(folder)
    (folder / "shop/orders.csv").rename(folder / "shop/transactions_orders.csv")
    write(folder, "shop/mapping.yml", text)
    assert load(folder, warehouse)["shop/transactions_orders.csv"].accepted == 9


def test_the_check_prints_a_draft_and_nothing_where_none_is_needed(tmp_path: Path) -> None:
    folder, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    write(folder, "good/transactions.csv", "client_id,amount,transacted_at\n1,2,2024-01-01\n")
    write(folder, "shop/transactions.csv", "\n".join(INVOICES))
    result = run_cli(warehouse, "load", "files", str(folder), "--check")
    assert result.returncode == 2
    assert "shop has no mapping.yml" in result.stdout
    assert '"Customer ID": client_id' in result.stdout
    assert "good has no mapping.yml" not in result.stdout
