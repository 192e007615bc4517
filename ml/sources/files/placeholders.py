"""What stands in a key's place and is nobody's own: docs/identity.md has these lists too.

A false merge hands one stranger's consent, purchases and erasure to another. Of a text that may be
a placeholder, or that has lost digits, no key is made.
"""

from __future__ import annotations

import re
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


WORDS: Final = _words(
    """
    null none nil nan na nat unknown undefined empty missing absent test testing tester
    example sample dummy fake noname nocard xxx asdf asdfgh qwe qwerty qwertyuiop abc abcd
    abcde нет неизвестно пусто тест
    """
)
"""Loyalty ids, and names before the ``@`` of an address, that are no one's."""

ROLES: Final = _words(
    """
    abuse accounting accounts admin administrator billing buh contact customerservice
    donotreply email feedback hello help helpdesk hostmaster hr info kassa mail mailbox
    manager marketing nomail noemail noreply office order orders postmaster reception
    reservation root sales sale service shop spam store support team webmaster zakaz
    """
)
"""Names before the ``@`` that a desk or a program has, and not a person."""

NO_HOSTS: Final = _words(
    """
    example invalid local localdomain localhost test
    """
)
"""Last labels of hosts that are reserved and deliver nothing (RFC 2606, RFC 6762)."""

NO_DOMAINS: Final = _words(
    """
    none no null nomail noemail nowhere test
    """
)
"""Labels before the last one that stand for no address."""

DISPOSABLE: Final = _words(
    """
    0-mail.com 10minutemail.com 10minutemail.net 20minutemail.com 33mail.com burnermail.io
    discard.email dispostable.com dropmail.me emailondeck.com fakeinbox.com fakemail.net
    getairmail.com getnada.com grr.la guerrillamail.biz guerrillamail.com guerrillamail.net
    guerrillamail.org inboxkitten.com incognitomail.org jetable.org mail-temp.com
    mailcatch.com maildrop.cc mailinator.com mailinator.net mailnesia.com mailnull.com
    mintemail.com moakt.com mohmal.com mytemp.email nada.email sharklasers.com spam4.me
    spamgourmet.com temp-mail.io temp-mail.org temp-mail.ru tempail.com tempmail.com
    tempmail.net tempmailo.com tempr.email throwawaymail.com trash-mail.com trashmail.com
    trashmail.de yopmail.com yopmail.fr yopmail.net
    """
)
"""Hosts whose mailboxes anybody can open."""

PHONE_DIGITS: Final = {
    "1": (11, 11),
    "7": (11, 11),
    "20": (11, 12),
    "27": (11, 11),
    "30": (12, 12),
    "31": (11, 11),
    "32": (10, 11),
    "33": (11, 11),
    "34": (11, 11),
    "36": (10, 11),
    "39": (10, 13),
    "40": (11, 11),
    "41": (11, 11),
    "43": (10, 15),
    "44": (11, 12),
    "45": (10, 10),
    "46": (10, 12),
    "47": (10, 10),
    "48": (11, 11),
    "49": (10, 14),
    "52": (12, 13),
    "54": (12, 13),
    "55": (12, 13),
    "61": (11, 11),
    "81": (11, 12),
    "82": (11, 12),
    "86": (12, 13),
    "90": (12, 12),
    "91": (12, 12),
    "351": (12, 12),
    "358": (9, 13),
    "359": (11, 12),
    "370": (11, 11),
    "371": (11, 11),
    "372": (10, 11),
    "373": (11, 11),
    "374": (11, 11),
    "375": (12, 12),
    "380": (12, 12),
    "381": (11, 12),
    "420": (12, 12),
    "421": (12, 12),
    "971": (11, 12),
    "972": (11, 12),
    "992": (12, 12),
    "993": (11, 11),
    "994": (12, 12),
    "995": (12, 12),
    "996": (12, 12),
    "998": (12, 12),
}
"""Fewest and most digits of a country's numbers, its code among them."""
ANY_COUNTRY: Final = (9, 15)
"""Of other countries, and of numbers whose country is not known (E.164: 15 at most)."""

_SAME_END: Final = re.compile(r"(\d)\1{6}$")
_SCIENTIFIC: Final = re.compile(r"[+-]?\d+([.,]\d*)?[eE][+-]?\d+")
_SHORTEST_LOYALTY: Final = 4
_SPREADSHEET_DIGITS: Final = 15


def is_in_a_row(digits: str) -> bool:
    """Whether digits count up or down, as 1234567890 and 9876543210 do."""
    return len(digits) > 1 and any(digits in row for row in ("01234567890", "09876543210"))


def is_scientific(text: str) -> bool:
    """Whether a spreadsheet has made ``7.91E+10`` of a long number: its digits are lost."""
    return _SCIENTIFIC.fullmatch(text.strip()) is not None


def is_no_mailbox(name: str, host: str) -> bool:
    """Whether an address, lowercase, is a placeholder, a desk's or open to anybody."""
    plain = re.sub(r"[._-]|\+.*", "", name)
    labels = host.split(".")
    return (
        plain in WORDS
        or plain in ROLES
        or is_in_a_row(plain)
        or (len(plain) > 2 and len(set(plain)) == 1)
        or labels[-1] in NO_HOSTS
        or labels[-2] in NO_DOMAINS
        or host in DISPOSABLE
    )


def is_no_phone(digits: str, *, has_country: bool) -> bool:
    """Whether digits are too few or too many for the country, or nobody's number."""
    code = next((digits[:n] for n in (3, 2, 1) if digits[:n] in PHONE_DIGITS), "")
    fewest, most = PHONE_DIGITS[code] if has_country and code else ANY_COUNTRY
    national = digits[len(code) :] if has_country else digits
    return (
        not fewest <= len(digits) <= most
        or _SAME_END.search(digits) is not None
        or is_in_a_row(national)
        or is_in_a_row(digits)
    )


def is_no_loyalty(text: str) -> bool:
    """Whether an id, uppercase without blanks, is a placeholder or has lost digits.

    Spreadsheets keep 15 digits: the sixteenth of a card's number becomes 0.
    """
    return (
        len(text) < _SHORTEST_LOYALTY
        or text.lower() in WORDS
        or len(set(text)) == 1
        or is_in_a_row(text)
        or (
            text.isdigit()
            and len(text) > _SPREADSHEET_DIGITS
            and not text[_SPREADSHEET_DIGITS:].strip("0")
        )
    )
