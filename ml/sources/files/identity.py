"""Normalise and hash what tells who a person is; mask it where rows are shown."""

from __future__ import annotations

import csv
import hmac
import io
import os
import re
from collections.abc import Callable, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ml.contracts import Columns

SECRET: Final = "CROSS_SELL_HASH_SECRET"
SHORTEST_SECRET: Final = 16
MASK: Final = "***"
HASHED: Final = {
    "email": Columns.EMAIL_HASH,
    "phone": Columns.PHONE_HASH,
    "loyalty_id": Columns.LOYALTY_HASH,
}
"""Columns that files bring, and the columns of the contract that they become."""

# A telephone number has 7 to 15 digits (E.164).
_PHONE: Final = (7, 15)


def secret() -> bytes | None:
    """The programme's secret; None where it is not set, or too short to be one."""
    value = os.environ.get(SECRET, "")
    return value.encode() if len(value) >= SHORTEST_SECRET else None


def normal_email(text: str) -> str | None:
    """Trimmed, lowercase; None where it is no address.

    >>> normal_email(" Ann@Example.org ")
    'ann@example.org'
    """
    value = text.strip().lower()
    name, at, host = value.rpartition("@")
    return value if at and name and host else None


def normal_phone(text: str, country_code: str = "", trunk_prefix: str = "0") -> str | None:
    """Digits with the country code; None where it is no number.

    >>> normal_phone("8 (912) 345-67-89", "7", "8"), normal_phone("+7 912 345 67 89")
    ('79123456789', '79123456789')
    """
    digits = re.sub("[^0-9]", "", text)
    if text.strip().startswith("+"):
        pass
    elif digits.startswith("00"):
        digits = digits[2:]
    elif country_code and not (digits.startswith(country_code) and len(digits) > 10):
        digits = country_code + digits.removeprefix(trunk_prefix)
    return digits if _PHONE[0] <= len(digits) <= _PHONE[1] else None


def normal_loyalty(text: str) -> str | None:
    """Uppercase, without spaces and hyphens; leading zeros stay.

    >>> normal_loyalty(" 00-12 ab")
    '0012AB'
    """
    return re.sub(r"[\s-]", "", text).upper() or None


def hashed(value: str, key: bytes) -> str:
    """HMAC-SHA256 of a normalised value, as hexadecimal text."""
    return hmac.digest(key, value.encode(), "sha256").hex()


def hash_column(
    column: pa.ChunkedArray, normalise: Callable[[str], str | None], key: bytes
) -> pa.Array:
    """HMAC-SHA256 of normalised values, as hexadecimal text; null where there is none."""
    encoded = pc.dictionary_encode(column.combine_chunks())
    hashes = []
    for text in encoded.dictionary.to_pylist():
        value = normalise(text)
        hashes.append(None if value is None else hashed(value, key))
    return pc.take(pa.array(hashes, pa.string()), encoded.indices)


def mask_fields(text: str, delimiter: str, hidden: Sequence[int]) -> str:
    """A row's text with some of its fields hidden."""
    if not hidden:
        return text
    fields = next(csv.reader([text], delimiter=delimiter))
    for index in hidden:
        if fields[index]:
            fields[index] = MASK
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="").writerow(fields)
    return line.getvalue()


def mask_all(text: str) -> str:
    """The shape of a text whose fields cannot be told apart.

    >>> mask_all("a;b@c;17")
    '*;*@*;**'
    """
    return re.sub(r"\w", "*", text)


def shown(names: Sequence[str]) -> str:
    """Column names for a message; what looks like a person's data is hidden, and much is cut."""
    short = [
        MASK if "@" in n or len(re.findall("[0-9]", n)) > 4 else f"'{n[:40]}'" for n in names[:8]
    ]
    return ", ".join(short) + (", ..." if len(names) > len(short) else "")
