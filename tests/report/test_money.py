"""Every figure of money says what it is in, and whether its margin is assumed."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from ml.contracts import DIM_SERVICES_MONEY, Columns, arrow_table
from ml.report.client import print_client
from ml.report.money import Money, read_money
from ml.report.page.answer import answer_section
from ml.report.page.offers import worth_section
from ml.warehouse import connect, replace_tables
from tests.report.made_up import client, made_up_facts


@pytest.mark.parametrize(
    ("is_assumed", "currency", "expected"),
    [
        ([True, True], None, Money(None, are_margins_assumed=True)),
        ([True, False], "EUR", Money("EUR", are_margins_assumed=False)),
        ([], None, Money()),
    ],
)
def test_money_is_read_from_the_services(
    tmp_path: Path, is_assumed: list[bool], currency: str | None, expected: Money
) -> None:
    rows = {
        Columns.SERVICE_ID: [f"s{i}" for i in range(len(is_assumed))],
        Columns.IS_MARGIN_ASSUMED: is_assumed,
        Columns.CURRENCY: [currency] * len(is_assumed),
    }
    with connect(tmp_path / "w.duckdb", read_only=False, wait_seconds=5) as connection:
        assert read_money(connection) == Money(), "made before these columns existed"
        replace_tables(connection, [(DIM_SERVICES_MONEY, arrow_table(DIM_SERVICES_MONEY, rows))])
        assert read_money(connection) == expected


def test_amounts_and_headings() -> None:
    assumed = Money("EUR", are_margins_assumed=True)
    assert assumed.shown(1032.7) == "1,033 EUR (margin assumed)"
    assert assumed.heading("worth") == "worth, EUR (margin assumed)"
    assert assumed.shown(None) == "–"
    assert Money().shown(12.5) == "12.50"
    assert "no partner states one" in assumed.terms
    assert Money().terms == "Money is in the programme's currency, at each service's margin."


def test_the_page_and_the_terminal_say_so() -> None:
    money = Money("EUR", are_margins_assumed=True)
    facts = made_up_facts(money=money)
    for section in (answer_section(facts), worth_section(facts)):
        assert "EUR (margin assumed)" in repr(section)
    console = Console(width=160, file=StringIO(), record=True)
    print_client(console, replace(client("C1"), money=money))
    text = console.export_text()
    assert "worth, EUR (margin assumed)" in text
    assert "Money is in EUR, at assumed margins" in text


def test_promises_follow_the_horizon() -> None:
    facts = made_up_facts()
    run = {**facts.run, Columns.HORIZON_DAYS: 14}
    told = repr(worth_section(replace(facts, run=run)))
    assert "met in the 14 days of test" in told
    assert "month" not in told
