"""A wholesaler whose list of last days is strong, and an insurer whose dates say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from ml.contracts import RAW_TRANSACTIONS, Columns
from ml.sources import insurer, wholesaler
from ml.sources.drawn import ENDS_AT, Sales


@pytest.fixture(scope="module")
def invoices() -> Sales:
    return wholesaler.draw_sales(3, clients=300, services=1200)


@pytest.fixture(scope="module")
def contracts() -> Sales:
    return insurer.draw_sales(3, clients=4000)


def hits(ranked: np.ndarray, sold: np.ndarray) -> float:
    """Share of sales that are of the first ten services."""
    return float(np.isin(sold, ranked[:10]).mean())


def test_the_same_seed_draws_the_same_and_another_does_not(invoices: Sales) -> None:
    for first, second in (
        (invoices, wholesaler.draw_sales(3, clients=300, services=1200)),
        (insurer.draw_sales(3, clients=50), insurer.draw_sales(3, clients=50)),
    ):
        assert dict(first.tables()) == dict(second.tables())
    other = wholesaler.draw_sales(4, clients=300, services=1200)
    assert len(other.days) != len(invoices.days)


def test_rows_are_as_contracted_and_end_with_the_history(invoices: Sales) -> None:
    [(table, rows)] = invoices.tables()
    assert table is RAW_TRANSACTIONS
    assert rows.schema.names == list(RAW_TRANSACTIONS.column_names)
    assert len(set(rows[Columns.TRANSACTION_ID].to_pylist())) == len(rows)
    moments = rows[Columns.TRANSACTED_AT].to_numpy()
    assert moments.max() < np.datetime64(ENDS_AT)
    assert np.datetime64(ENDS_AT) - moments.max() < np.timedelta64(2, "D")


def test_what_sold_last_beats_what_sold_ever(invoices: Sales) -> None:
    is_past = invoices.days > 30
    recent = invoices.days[is_past] < 30 + 14
    sold, past = invoices.services[~is_past], invoices.services[is_past]
    ever = np.argsort(-np.bincount(past, minlength=1200), kind="stable")
    lately = np.argsort(-np.bincount(past[recent], minlength=1200), kind="stable")
    assert hits(lately, sold) > 1.3 * hits(ever, sold)


def test_the_weeks_before_christmas_sell_more_each_year(invoices: Sales) -> None:
    def sold(first: int) -> int:
        return int(((invoices.days > first) & (invoices.days <= first + 30)).sum())

    assert sold(0) > 1.3 * sold(120)
    assert sold(365) > 1.3 * sold(365 + 120)


def test_no_invoice_has_a_service_twice(invoices: Sales) -> None:
    lines = np.stack([invoices.clients, invoices.services, invoices.days])
    assert len(np.unique(lines, axis=1).T) == len(invoices.days)


def test_what_a_client_has_tells_what_it_lacks(contracts: Sales) -> None:
    owned = np.zeros((4000, insurer.PRODUCTS))
    owned[contracts.clients, contracts.services] = 1
    assert owned.sum() == len(contracts.days)
    together = np.asarray(np.corrcoef(owned.T))
    # Products 3, 9 and 15 are one group's own.
    assert together[9, 15] > 0.2
    assert together[9, 16] < 0.05


def test_dates_say_nothing(contracts: Sales) -> None:
    assert np.ptp(contracts.days) > 0.99 * insurer.DAYS
    for product in range(3):
        mean = contracts.days[contracts.services == product].mean()
        assert mean == pytest.approx(insurer.DAYS / 2, rel=0.05)
