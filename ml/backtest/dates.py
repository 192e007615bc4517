"""On which dates of the past a policy is replayed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow.compute as pc

from ml import contracts
from ml.contracts import Columns
from ml.errors import InputError
from ml.settings import Settings
from ml.warehouse import connect, read_table

_EVERY = re.compile(r"(\d+)d?")


@dataclass(frozen=True)
class History:
    """What the warehouse holds of the past.

    Parameters
    ----------
    starts_at, ends_at : datetime
        First use of a service that is known, and the end of the data; UTC.
    horizon : timedelta
        How long offers are observed.
    """

    starts_at: datetime
    ends_at: datetime
    horizon: timedelta

    @property
    def first(self) -> datetime:
        """Offers before this have no labels of an earlier horizon to train on."""
        day = self.starts_at.replace(hour=0, minute=0, second=0, microsecond=0)
        return day + timedelta(days=1) + self.horizon

    @property
    def last(self) -> datetime:
        """Offers after this are not observed to their end."""
        return self.ends_at - self.horizon


def read_history(settings: Settings) -> History:
    """Look up what the built warehouse reaches over.

    Raises
    ------
    InputError
        There is no built warehouse, or nothing in it.
    """
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        where = {Columns.FOLD: contracts.FOLD_SERVING}
        window = read_table(connection, contracts.TRAINING_WINDOWS, where=where)
        first_used = read_table(connection, contracts.INTERACTIONS, where=where).column(
            Columns.FIRST_PURCHASED_AT
        )
    if not len(window) or not len(first_used):
        raise InputError(
            f"{settings.warehouse_file} has no history: load data and run 'cross-sell build' first"
        )
    ends_at = window.column(Columns.CUTOFF_AT)[0].as_py()
    horizon = window.column(Columns.HORIZON_END_AT)[0].as_py() - ends_at
    return History(pc.min(first_used).as_py(), ends_at, horizon)


def parse_date(text: str, option: str) -> datetime:
    """A date as 2024-05-31; midnight UTC."""
    try:
        return datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        raise InputError(f"{option}: a date like 2024-05-31 is wanted, got '{text}'") from None


def parse_every(text: str) -> timedelta:
    """Days between two dates, as 30d or 30."""
    found = _EVERY.fullmatch(text.strip())
    if found is None or int(found.group(1)) < 1:
        raise InputError(f"--every: a number of days like 30d is wanted, got '{text}'")
    return timedelta(days=int(found.group(1)))


def cycle_dates(
    history: History, begin: datetime, every: timedelta, until: datetime | None
) -> list[datetime]:
    """Dates on which offers are made, two at least.

    Parameters
    ----------
    history : History
    begin : datetime
    every : timedelta
    until : datetime, optional
        Last date on which offers may be made; by default the last whose offers are observed to
        their end.

    Returns
    -------
    list of datetime

    Raises
    ------
    InputError
        Dates for which there is no data.
    """
    first, last = history.first, history.last
    if begin < first:
        raise InputError(
            f"--from {begin:%Y-%m-%d} is too early: the data begins {history.starts_at:%Y-%m-%d}, "
            f"and a model needs labels of {history.horizon.days} days before its date to learn "
            f"from: {first:%Y-%m-%d} is the first"
        )
    if until is not None and until > last:
        raise InputError(
            f"--until {until:%Y-%m-%d} is too late: the data ends {history.ends_at:%Y-%m-%d}, and "
            f"offers are observed for {history.horizon.days} days: {last:%Y-%m-%d} is the last"
        )
    end = last if until is None else until
    count = (end - begin) // every + 1 if end >= begin else 0
    if count < 2:
        raise InputError(
            f"--from {begin:%Y-%m-%d} --every {every.days}d leaves {max(count, 0)} date until "
            f"{end:%Y-%m-%d}; two are needed: begin earlier or step shorter"
        )
    return [begin + i * every for i in range(count)]
