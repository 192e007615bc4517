"""Dates of a backtest: within the data, or a clear word."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ml.backtest.dates import History, cycle_dates, parse_date, parse_every
from ml.errors import InputError

HISTORY = History(datetime(2024, 1, 1, 9), datetime(2024, 7, 1), timedelta(days=30))
MONTH = timedelta(days=30)


def test_dates_reach_to_the_last_that_is_observed() -> None:
    dates = cycle_dates(HISTORY, datetime(2024, 4, 2), MONTH, None)
    assert dates == [datetime(2024, 4, 2), datetime(2024, 5, 2), datetime(2024, 6, 1)]
    assert cycle_dates(HISTORY, datetime(2024, 4, 2), MONTH, datetime(2024, 5, 31)) == dates[:2]


def test_the_first_date_has_a_horizon_of_labels_behind_it() -> None:
    assert HISTORY.first == datetime(2024, 2, 1)
    assert cycle_dates(HISTORY, HISTORY.first, MONTH, None)[0] == HISTORY.first
    with pytest.raises(InputError, match="2024-02-01 is the first"):
        cycle_dates(HISTORY, HISTORY.first - timedelta(days=1), MONTH, None)


def test_dates_after_the_data_are_refused() -> None:
    with pytest.raises(InputError, match="2024-06-01 is the last"):
        cycle_dates(HISTORY, datetime(2024, 4, 1), MONTH, datetime(2024, 6, 2))
    with pytest.raises(InputError, match="two are needed"):
        cycle_dates(HISTORY, datetime(2025, 4, 1), MONTH, None)
    with pytest.raises(InputError, match="leaves 1 date"):
        cycle_dates(HISTORY, datetime(2024, 5, 20), MONTH, None)


def test_words_that_are_no_dates_are_refused() -> None:
    assert parse_date("2024-05-31", "--from") == datetime(2024, 5, 31)
    assert parse_every("30d") == parse_every("30") == MONTH
    for text in ("yesterday", "2024-13-01", ""):
        with pytest.raises(InputError, match="--from"):
            parse_date(text, "--from")
    for text in ("0d", "-3", "1m", ""):
        with pytest.raises(InputError, match="--every"):
            parse_every(text)
