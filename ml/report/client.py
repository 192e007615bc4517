"""One client's offers beside what they already have, from the last release."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable
from rich.text import Text

from ml import contracts
from ml.contracts import Columns, Table
from ml.errors import InputError
from ml.report.money import UNKNOWN, Money, read_money
from ml.settings import Settings
from ml.warehouse import SERVING, Connection, connect, existing_columns, read_table, typical_clients

_OWNED_SHOWN: Final = 8


@dataclass(frozen=True)
class ClientPage:
    """What a salesperson wants to know before a call.

    Parameters
    ----------
    client_id : str
    owned : list of dict
        Services the client has, most often bought first; columns of ``owned_services``.
    offers : list of dict
        Best first; columns of ``cross_sell_scores``.
    partner_names : dict of str to str
        By partner id.
    money : Money
        How margins are to be read.
    """

    client_id: str
    owned: list[dict[str, Any]]
    offers: list[dict[str, Any]]
    partner_names: dict[str, str]
    money: Money = UNKNOWN

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def _served(table: Table) -> Table:
    """The same table as the release's catalog shows it: views without a schema of their own."""
    return replace(table, schema_name="main")


def client_page(settings: Settings, client_id: str, top: int) -> ClientPage:
    """Read a client's page from the release that is current.

    Parameters
    ----------
    settings : Settings
    client_id : str
        Of the client, or of any of its records.
    top : int
        How many offers at most.

    Returns
    -------
    ClientPage

    Raises
    ------
    InputError
        Nothing is published yet, or the client is unknown.
    """
    serving: Path = settings.folder / SERVING
    if not serving.exists():
        raise InputError(f"nothing is published yet ({serving} is missing): run 'make train'")
    where = {Columns.CLIENT_ID: client_id}
    with connect(serving, read_only=True, wait_seconds=settings.lock_wait_seconds) as connection:
        known = read_table(connection, _served(contracts.PUBLISHED_CLIENTS), where=where)
        if not len(known):
            known = _client_of_record(connection, client_id)
        if not len(known):
            examples = ", ".join(_some_clients(connection, 3))
            raise InputError(f"no client '{client_id}' in the release; there are {examples}, ...")
        [resolved] = known.column(Columns.CLIENT_ID).to_pylist()
        return read_client(connection, resolved, top, _served)


def example_client(settings: Settings) -> str:
    """A client of the last release, to show a command with."""
    serving = settings.folder / SERVING
    with connect(serving, read_only=True, wait_seconds=settings.lock_wait_seconds) as connection:
        [client_id] = _some_clients(connection, 1)
        return client_id


def _some_clients(connection: Connection, count: int) -> list[str]:
    """Clients with offers and the usual number of services; without offers, whoever is there."""
    offers, owned = _served(contracts.CROSS_SELL_SCORES), _served(contracts.OWNED_SERVICES)
    if found := typical_clients(connection, offers, owned, count):
        return found
    some = read_table(connection, _served(contracts.PUBLISHED_CLIENTS), limit=count)
    client_ids: list[str] = some.column(Columns.CLIENT_ID).to_pylist()
    return client_ids


def _client_of_record(connection: Connection, source_client_id: str) -> pa.Table:
    """The client that a partner's record belongs to; a release from before has no such table."""
    table = _served(contracts.CLIENT_IDENTITIES)
    if not existing_columns(connection, table):
        return table.arrow_schema.empty_table()
    return read_table(connection, table, where={Columns.SOURCE_CLIENT_ID: source_client_id})


def read_client(
    connection: Connection,
    client_id: str,
    top: int,
    place: Callable[[Table], Table] = lambda table: table,
) -> ClientPage:
    """Read a known client's page through an open connection.

    Parameters
    ----------
    connection : Connection
    client_id : str
    top : int
        How many offers at most.
    place : callable
        Says where the tables are; the warehouse's own places by default.

    Returns
    -------
    ClientPage
    """
    where = {Columns.CLIENT_ID: client_id}
    offers = read_table(connection, place(contracts.CROSS_SELL_SCORES), where=where)
    owned = read_table(connection, place(contracts.OWNED_SERVICES), where=where)
    partners = read_table(connection, place(contracts.PUBLISHED_PARTNERS))
    return ClientPage(
        client_id,
        owned.sort_by([(Columns.PURCHASE_COUNT, "descending")]).to_pylist(),
        offers.sort_by(Columns.OFFER_RANK).slice(0, top).to_pylist(),
        dict(
            zip(
                partners.column(Columns.PARTNER_ID).to_pylist(),
                partners.column(Columns.PARTNER_NAME).to_pylist(),
                strict=True,
            )
        ),
        read_money(connection, place),
    )


def print_client(console: Console, page: ClientPage) -> None:
    """Print a client's page for a person."""
    console.print(f"\n[bold]Client {escape(page.client_id)}[/bold]")
    _print_owned(console, page)
    if not page.offers:
        console.print("No service may be offered to this client (no consent, or nothing is left).")
        return
    first, terms = page.offers[0], escape(page.money.terms)
    console.print(
        f"\n[bold]Offer next[/bold] [dim]as of {first[Columns.AS_OF_DATE]}, "
        f"by {first[Columns.MODEL_NAME]}"
        + (", client without history" if first[Columns.IS_COLD_START] else "")
        + "[/dim]"
    )
    console.print(_offers_table(page))
    console.print(
        f"[dim]run {first[Columns.RUN_ID]}, scored {first[Columns.SCORED_AT]:%Y-%m-%d %H:%M} UTC; "
        f"chance = calibrated probability, worth = chance × margin. {terms}[/dim]",
        soft_wrap=True,
    )


def owned_in_words(page: ClientPage) -> tuple[str, str]:
    """What the client has: how much of whom, and what most often; the latter empty for nothing.

    Returns
    -------
    (str, str)
    """
    if not page.owned:
        return "Has nothing from any partner yet.", ""
    partners = Counter(row[Columns.PARTNER_ID] for row in page.owned)
    main = ", ".join(
        f"{page.partner_names.get(partner, partner)} ({count})"
        for partner, count in partners.most_common(4)
    )
    often = ", ".join(
        f"{row[Columns.SERVICE_NAME]} ({row[Columns.PURCHASE_COUNT]}×)"
        for row in page.owned[:_OWNED_SHOWN]
    )
    return (
        f"Has {len(page.owned)} services of {len(partners)} partners: {main}",
        f"Most often: {often}",
    )


def _print_owned(console: Console, page: ClientPage) -> None:
    for words in owned_in_words(page):
        if words:
            console.print(Text(words))


def _offers_table(page: ClientPage) -> RichTable:
    table = RichTable(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("service", min_width=24)
    table.add_column("partner", min_width=10)
    table.add_column("chance", justify="right")
    table.add_column(page.money.heading("worth"), justify="right")
    table.add_column("say", ratio=1)
    for row in page.offers:
        margin = row[Columns.EXPECTED_MARGIN]
        partner = row[Columns.PARTNER_ID]
        table.add_row(
            str(row[Columns.OFFER_RANK]),
            Text(row[Columns.SERVICE_NAME]),
            Text(page.partner_names.get(partner, partner)),
            f"{row[Columns.PROBABILITY]:.1%}",
            "" if margin is None else f"{margin:.3f}",
            Text(row[Columns.REASON]),
        )
    return table
