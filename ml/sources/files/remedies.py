"""What to do about a value that could not be read, where its looks say it."""

from __future__ import annotations

import re
from typing import Final

_REMEDIES: Final = {
    "bad_number": (
        (r"[^']*\d,\d+", "state decimal: ',' in mapping.yml, or write a point"),
        (r"[^']*\d\.\d+", "state decimal: '.' in mapping.yml, or write a comma"),
    ),
    "bad_timestamp": (
        (
            r"\d{1,2}([./-])\d{1,2}\1\d{2}\b.*",
            "a year of two digits: state %y in timestamp_formats",
        ),
        (r"\d{1,2}[./-]\d{1,2}[./-]\d{4}.*", "state timestamp_formats in mapping.yml"),
        (r"\d{5}([.,]\d+)?", "a spreadsheet's day number: save the column as dates"),
        (r"[\d.,]+[eE].*", "digits were lost: save the column as dates"),
    ),
    "bad_id": ((r".*", "digits were lost: save the column as text"),),
}


def remedy(reason: str, detail: str) -> str:
    """What goes after the detail of a rejected row; empty where nothing is known.

    >>> remedy("bad_timestamp", "transacted_at: '01.06.25'")
    ' (a year of two digits: state %y in timestamp_formats)'
    """
    value = detail.partition(": '")[2].removesuffix("'").strip()
    for pattern, what in _REMEDIES.get(reason, ()):
        if value and re.fullmatch(pattern, value):
            return f" ({what})"
    return ""
