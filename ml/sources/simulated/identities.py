"""One person, several partners: ids of their own, and keys that are missing, changed or shared.

A key is drawn as a number and hashed in the warehouse. Persons have one number per kind of key;
records of a person lack it, have another since (changed), a junk one that many records hold, or
what stands in a key's place. Of the last the loader's own rules say whether a key is made.
Families share a phone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Final

import numpy as np

from ml.sources.files.identity import normal_email, normal_loyalty, normal_phone
from ml.sources.simulated.settings import WorldSettings
from ml.sources.simulated.tastes import IDS_STREAM, Bools, Ints

EMAIL, PHONE, LOYALTY = 0, 1, 2
_MISSING: Final = {EMAIL: 0.07, PHONE: 0.08, LOYALTY: 0.30}
_CHANGED: Final = {EMAIL: 0.03, PHONE: 0.04, LOYALTY: 0.0}
_JUNK: Final = {EMAIL: 0.003, PHONE: 0.003, LOYALTY: 0.0}
_FEWEST_JUNK: Final = 30
_MOST_JUNK: Final = 0.1
_FAMILY_SHARE: Final = 0.015
_KNOWN_SHARE: Final = 0.5
NO_KEY: Final = -1
_JUNK_KEY: Final = -2
_DIRT_SHARE: Final = 0.01
_DIRT: Final = {
    EMAIL: (
        *("none@none", "noemail@mail.ru", "test@test.com", "info@shop.org", "aaa@aaa.ru"),
        *("12345@mail.ru", "no-reply@bank.com", "x@mailinator.com", "a@b", "NULL", "нет", "-"),
    ),
    PHONE: (
        *("7.91235E+10", "7,91E+10", "0", "NULL", "0000000000", "+7 999 999-99-99", "1234567890"),
        *("12345", "79000000000", "+7 900 123", "8 800 5555555", "N/A", "#N/A", "нет телефона"),
    ),
    LOYALTY: (
        *("0", "000000", "NULL", "-", "NaN", "1.23457E+15", "11111111", "12345678", "TEST"),
        *("нет", "1234567890123450", "12"),
    ),
}
"""What tills, spreadsheets and exports leave in place of a key."""


@dataclass(frozen=True)
class Records:
    """Client records of a block.

    Parameters
    ----------
    row : ndarray of int64, (n,)
    partner : ndarray of int64, (n,)
        -1: known to the whole programme.
    keys : ndarray of int64, (n, 3)
        E-mail, phone, loyalty; ``NO_KEY`` where unknown.
    """

    row: Ints
    partner: Ints
    keys: Ints


class ClientIds:
    """Number of a person at each partner: another order of persons at each.

    Parameters
    ----------
    settings : WorldSettings
    """

    def __init__(self, settings: WorldSettings) -> None:
        rng = np.random.default_rng([settings.seed, IDS_STREAM])
        self._n = n = settings.clients
        self._is_noisy = settings.is_identity_noisy
        factors = []
        for _ in range(settings.partners):
            factor = int(rng.integers(1, n + 1))
            while gcd(factor, n) != 1:
                factor += 1
            factors.append(factor)
        self._factor = np.array(factors)
        self._shift = rng.integers(0, n, settings.partners)

    def number(self, person: Ints, partner: Ints) -> Ints:
        """Number by which a partner knows a person; of the whole programme without noise."""
        if not self._is_noisy:
            return person
        numbers: Ints = (person * self._factor[partner] + self._shift[partner]) % self._n
        return numbers


def draw_registered(rng: np.random.Generator, settings: WorldSettings, count: int) -> Bools:
    """Which partners know which persons before anything happens; at least one each."""
    known = rng.random((count, settings.partners)) < _KNOWN_SHARE
    known[np.arange(count), rng.integers(0, settings.partners, count)] = True
    return known


def draw_records(
    rng: np.random.Generator, settings: WorldSettings, first: int, known: Bools
) -> Records:
    """Make a record of each person at each partner that knows them, or one for all partners.

    Parameters
    ----------
    rng : numpy.random.Generator
    settings : WorldSettings
    first : int
        Index of the block's first person.
    known : ndarray of bool, (n, n_partners)
    """
    if settings.is_identity_noisy:
        row, partner = np.nonzero(known)
    else:
        row = np.arange(len(known))
        partner = np.full(len(known), -1)
    person = first + row
    # Neighbours in order make a family, if the first of both is of that kind.
    is_family = np.repeat(rng.random((len(known) + 1) // 2) < _FAMILY_SHARE, 2)[: len(known)]
    keys = np.repeat(person[:, None], 3, axis=1)
    keys[:, PHONE] = np.where(is_family[row], person - (row % 2), person)
    if settings.is_identity_noisy:
        expected = settings.clients * settings.partners * _KNOWN_SHARE
        for kind in (EMAIL, PHONE, LOYALTY):
            lot = rng.random(len(row))
            # Another number than any person's, once per person and partner.
            changed = settings.clients * (1 + partner) + person
            keys[:, kind] = np.where(lot < _CHANGED[kind], changed, keys[:, kind])
            junk = _JUNK[kind] and min(max(_JUNK[kind], _FEWEST_JUNK / expected), _MOST_JUNK)
            keys[:, kind] = np.where(rng.random(len(row)) < junk, _JUNK_KEY, keys[:, kind])
            keys[:, kind] = np.where(rng.random(len(row)) < _MISSING[kind], NO_KEY, keys[:, kind])
        _soil(np.random.default_rng([settings.seed, IDS_STREAM, first + 1]), keys)
    return Records(row, partner, keys)


def _soil(rng: np.random.Generator, keys: Ints) -> None:
    """Put a placeholder or a mangled number in place of some keys, as the loader reads it."""
    for kind, normalise in ((EMAIL, normal_email), (PHONE, _russian), (LOYALTY, normal_loyalty)):
        read = [normalise(text) for text in _DIRT[kind]]
        found = np.array(
            [NO_KEY if value is None else _JUNK_KEY - 1 - i for i, value in enumerate(read)]
        )
        lot = found[rng.integers(0, len(found), len(keys))]
        keys[:, kind] = np.where(rng.random(len(keys)) < _DIRT_SHARE, lot, keys[:, kind])


def _russian(text: str) -> str | None:
    return normal_phone(text, "7", "8")
