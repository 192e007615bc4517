"""Who has an e-mail address or a telephone number, of which the warehouse has only hashes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ml.errors import InputError
from ml.settings import Settings
from ml.sources.files.identity import (
    HASHED,
    SECRET,
    SHORTEST_SECRET,
    hashed,
    normal_email,
    normal_phone,
    secret,
)
from ml.warehouse import connect
from ml.warehouse.forgetting import clients_with

EMAIL: Final = "email"
PHONE: Final = "phone"


def _international(text: str) -> str | None:
    """Digits of a number that says its country; files' own country codes are not known here."""
    return normal_phone(text) if text.strip().startswith(("+", "00")) else None


_NORMALISE: Final[dict[str, Callable[[str], str | None]]] = {
    EMAIL: normal_email,
    PHONE: _international,
}
_WANTED: Final = {
    EMAIL: "an address of one person, like ann@example.org,",
    PHONE: "a number with its country code, like +7 912 345 67 89,",
}


def clients_with_key(settings: Settings, kind: str, text: str) -> list[str]:
    """Clients of whose records one has the key, hashed as the loader does.

    Parameters
    ----------
    settings : Settings
    kind : str
        ``email`` or ``phone``.
    text : str

    Returns
    -------
    list of str
        Ids, in order.

    Raises
    ------
    InputError
        Not an address or number, or there is no secret.
    WarehouseBusyError, WarehouseAccessError
        The warehouse cannot be opened.
    """
    value = _NORMALISE[kind](text)
    if value is None:
        # Not what was given: messages end in logs.
        raise InputError(f"--{kind}: {_WANTED[kind]} is wanted")
    key = secret()
    if key is None:
        raise InputError(
            f"--{kind} needs the secret that files were loaded with: set {SECRET} "
            f"({SHORTEST_SECRET} characters or more)"
        )
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        return clients_with(connection, HASHED[kind], hashed(value, key))
