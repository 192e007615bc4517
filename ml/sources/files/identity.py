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
from ml.sources.files.placeholders import is_no_loyalty, is_no_mailbox, is_no_phone, is_scientific
from ml.warehouse import is_blank_text

SECRET: Final = "CROSS_SELL_HASH_SECRET"
SHORTEST_SECRET: Final = 16
MASK: Final = "***"
HASHED: Final = {
    "email": Columns.EMAIL_HASH,
    "phone": Columns.PHONE_HASH,
    "loyalty_id": Columns.LOYALTY_HASH,
}
"""Columns that files bring, and the columns of the contract that they become."""

UNUSABLE: Final = "!"
"""In place of a hash: something is there, and no key can be made of it."""

_ADDRESS: Final = re.compile(r"([^@\s,;<>()\"]+)@([^@\s,;<>()\"]+\.[^@\s,;<>()\".]{2,})")
_FLOAT_END: Final = re.compile(r"(?<=\d)[.,]0+$")
_EXTENSION: Final = re.compile(r"(доб|ext|#|x|,).*", re.IGNORECASE)
_BEFORE_PHONE: Final = re.compile(r"^(tel|phone|mob|тел|моб)[.:]*\s*", re.IGNORECASE)


def secret() -> bytes | None:
    """The programme's secret; None where it is not set, or too short to be one."""
    value = os.environ.get(SECRET, "")
    return value.encode() if len(value) >= SHORTEST_SECRET else None


def normal_email(text: str) -> str | None:
    """Trimmed, lowercase; None where it is no address, or nobody's own.

    >>> normal_email(" Ann@Example.org "), normal_email("none@none"), normal_email("Info@shop.org")
    ('ann@example.org', None, None)
    """
    found = _ADDRESS.fullmatch(text.strip().lower().removeprefix("mailto:"))
    return None if found is None or is_no_mailbox(*found.groups()) else found.group()


def normal_phone(text: str, country_code: str = "", trunk_prefix: str = "0") -> str | None:
    """Digits with the country code; None where it is no number, or nobody's own.

    >>> normal_phone("8 (912) 345-67-89", "7", "8"), normal_phone("+7 912 345 67 89")
    ('79123456789', '79123456789')
    >>> normal_phone("79123456789.0", "7"), normal_phone("7.91235E+10"), normal_phone("0" * 10)
    ('79123456789', None, None)
    """
    number = _BEFORE_PHONE.sub("", text.strip())
    if is_scientific(number):
        return None
    number = _EXTENSION.sub("", _FLOAT_END.sub("", number))
    if re.search(r"[^\W\d_]", number):
        return None
    digits = re.sub("[^0-9]", "", number.replace("(0)", "") if number.startswith("+") else number)
    has_country = bool(country_code) or number.startswith("+")
    if number.startswith("+"):
        pass
    elif digits.startswith("00"):
        digits, has_country = digits[2:], True
    elif country_code and not (digits.startswith(country_code) and len(digits) > 10):
        digits = country_code + digits.removeprefix(trunk_prefix)
    return None if is_no_phone(digits, has_country=has_country) else digits


def normal_loyalty(text: str) -> str | None:
    """Uppercase, without spaces and hyphens; leading zeros stay. None where it is nobody's own.

    >>> normal_loyalty(" 00-12 ab"), normal_loyalty("4070012.0"), normal_loyalty("0000")
    ('0012AB', '4070012', None)
    """
    value = _FLOAT_END.sub("", re.sub(r"[\s-]", "", text)).upper()
    return None if is_scientific(value) or is_no_loyalty(value) else value


def hashed(value: str, key: bytes) -> str:
    """HMAC-SHA256 of a normalised value, as hexadecimal text."""
    return hmac.digest(key, value.encode(), "sha256").hex()


def hash_column(
    column: pa.ChunkedArray, normalise: Callable[[str], str | None], key: bytes
) -> pa.Array:
    """HMAC-SHA256 of normalised values, as hexadecimal text.

    Blank texts are null; ``UNUSABLE`` stands where something is of which no key can be made.
    """
    encoded = pc.dictionary_encode(column.combine_chunks())
    hashes = []
    for text in encoded.dictionary.to_pylist():
        value = normalise(text)
        if value is None:
            hashes.append(None if is_blank_text(text) else UNUSABLE)
        else:
            hashes.append(hashed(value, key))
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
