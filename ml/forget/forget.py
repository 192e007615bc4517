"""Forget a client: find it, erase it everywhere, and say what went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from ml import publishing
from ml.backtest.cycle import BACKTEST_LOCK
from ml.contracts import DIM_CLIENTS
from ml.errors import InputError
from ml.forget.keys import EMAIL, PHONE, clients_with_key
from ml.forget.traces import (
    is_published,
    remove_models,
    remove_older_releases,
    remove_reports,
    remove_working_copies,
)
from ml.locks import hold
from ml.pipeline import build
from ml.progress import Progress
from ml.settings import Settings
from ml.warehouse import connect, existing_columns
from ml.warehouse.compaction import compact
from ml.warehouse.forgetting import (
    Erased,
    count_clients_rows,
    erase_clients,
    is_forgotten,
    records_of,
)


@dataclass(frozen=True)
class Found:
    """What is there of a client.

    Parameters
    ----------
    client_id : str
        As it was asked for.
    records : tuple of str
        Ids of all records that are the client's.
    row_counts : dict of str to int
        By table.
    is_marked : bool
        Whether an earlier forgetting has erased it already, perhaps not to its end.
    """

    client_id: str
    records: tuple[str, ...]
    row_counts: dict[str, int]
    is_marked: bool


@dataclass(frozen=True)
class Gone:
    """What was erased.

    Parameters
    ----------
    erased : Erased
        From the warehouse.
    models, reports, releases, copies : int
        How many were removed; copies are those of killed backtests.
    is_published : bool
        Whether readers were given a new release.
    """

    erased: Erased
    models: int
    reports: int
    releases: int
    copies: int
    is_published: bool


def find(settings: Settings, client_id: str) -> Found:
    """Find a client by the id of any of its records.

    Raises
    ------
    InputError
        Nothing knows the id.
    WarehouseBusyError, WarehouseAccessError
        The warehouse cannot be opened.
    """
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        records = records_of(connection, client_id)
        is_marked = is_forgotten(connection, client_id)
        counts = count_clients_rows(connection, records) if records else {}
    if not records and not is_marked:
        raise InputError(
            f"no client '{client_id}' in {settings.warehouse_file}: give the id as "
            "core.client_identities has it, <partner>:<id> where ids are a partner's own"
        )
    return Found(client_id, tuple(records) or (client_id,), counts, is_marked)


def find_person(
    settings: Settings, client_id: str | None, *, email: str | None, phone: str | None
) -> Found:
    """Find a client by an id, an e-mail address or a telephone number.

    Parameters
    ----------
    settings : Settings
    client_id, email, phone : str, optional
        One of them; a number with its country code.

    Raises
    ------
    InputError
        None or several of them were given; nobody has it, or several clients do; it is no address
        or number, or there is no secret to hash it with.
    WarehouseBusyError, WarehouseAccessError
        The warehouse cannot be opened.
    """
    keys = {EMAIL: email, PHONE: phone}
    given = [(kind, text) for kind, text in keys.items() if text is not None]
    if len(given) + (client_id is not None) != 1:
        raise InputError("whom? Give one of CLIENT_ID, --email and --phone")
    if client_id is not None:
        return find(settings, client_id)
    [(kind, text)] = given
    client_ids = clients_with_key(settings, kind, text)
    if not client_ids:
        raise InputError(
            f"no client in {settings.warehouse_file} has this {kind}: it may have changed, or have "
            "been loaded with another secret; ask for an id"
        )
    if len(client_ids) > 1:
        raise InputError(
            f"{len(client_ids)} clients have this {kind}: {', '.join(client_ids[:10])}"
            f"{', ...' if len(client_ids) > 10 else ''}; find out which, and forget by id"
        )
    return find(settings, client_ids[0])


def forget(settings: Settings, found: Found, progress: Progress) -> Gone:
    """Erase a client everywhere; safe to repeat where it was interrupted.

    The warehouse goes first and at once, with a note that keeps the client out. Then what was
    made of it: marts are built anew, readers get a release without it, older ones are removed,
    and the file is written anew so that no deleted byte stays.

    Raises
    ------
    TransformError
        The marts cannot be built anew: the raw tables are free of the client, readers' release
        is not yet.
    WarehouseBusyError, WarehouseAccessError
        The warehouse or a folder cannot be written.
    """
    # A backtest works on a copy of the raw tables: it ends first, and none begins meanwhile.
    with hold(settings.folder / BACKTEST_LOCK, settings.lock_wait_seconds):
        return _forget(settings, found, progress)


def _forget(settings: Settings, found: Found, progress: Progress) -> Gone:
    wait, folder = settings.lock_wait_seconds, settings.folder
    with progress.step("erase from the warehouse") as step:
        with connect(settings.warehouse_file, read_only=False, wait_seconds=wait) as connection:
            now = datetime.now(UTC).replace(tzinfo=None)
            erased = erase_clients(connection, found.records, now)
            has_marts = bool(existing_columns(connection, DIM_CLIENTS))
        step.outcome = f"{sum(erased.rows.values()):,} rows"
    with progress.step("remove models and reports") as step:
        models, reports = remove_models(folder), remove_reports(folder)
        copies = remove_working_copies(folder)
        step.outcome = f"{models} models, {reports} reports"
    if has_marts:
        build(settings, progress)
    releases = 0
    if is_published(folder):
        with progress.step("publish without it") as step:
            publishing.publish(settings, step)
            releases = remove_older_releases(folder)
            step.outcome = f"{releases} older releases removed"
    with progress.step("write the warehouse anew") as step:
        before, after = compact(settings.warehouse_file, wait)
        step.outcome = f"{before / (1 << 20):,.0f} to {after / (1 << 20):,.0f} MiB"
    return Gone(erased, models, reports, releases, copies, is_published(folder))
