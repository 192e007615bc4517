"""Figures as people read them: sensible digits, units, and a dash where there is none."""

from __future__ import annotations

import math
from datetime import date
from typing import Final

NOTHING: Final = "–"
_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_MIB_PER_GIB: Final = 1024.0
_SMALLEST_P: Final = 0.001


def _is_nothing(value: float | None) -> bool:
    return value is None or math.isnan(value)


def count(value: float | None) -> str:
    """Whole things, with thousands separated.

    >>> count(1469307), count(None)
    ('1,469,307', '–')
    """
    return NOTHING if value is None or _is_nothing(value) else f"{value:,.0f}"


def figure(value: float | None, digits: int = 4) -> str:
    """A metric.

    >>> figure(0.10627), figure(0.8544, 3), figure(float("nan"))
    ('0.1063', '0.854', '–')
    """
    return NOTHING if value is None or _is_nothing(value) else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 4) -> str:
    """A difference, with a true minus sign.

    >>> signed(0.01449), signed(-0.5, 1), signed(0.0)
    ('+0.0145', '−0.5', '+0.0000')
    """
    if value is None or _is_nothing(value):
        return NOTHING
    return f"{value:+.{digits}f}".replace("-", "−")


def share(value: float | None) -> str:
    """A share with one digit behind the point, where shares are compared.

    >>> share(0.1141), share(None)
    ('11.4%', '–')
    """
    return NOTHING if value is None or _is_nothing(value) else f"{value * 100:.1f}%"


def percent(value: float | None) -> str:
    """A share: two digits that count, and never more than two behind the point.

    >>> percent(0.5094), percent(0.0237), percent(0.00118), percent(1.0), percent(0)
    ('51%', '2.4%', '0.12%', '100%', '0%')
    """
    if value is None or _is_nothing(value):
        return NOTHING
    hundredths = abs(value) * 100
    digits = 0 if hundredths >= 10 or hundredths == 0 else 1 if hundredths >= 1 else 2
    return f"{value * 100:.{digits}f}%".replace("-", "−")


def signed_percent(value: float | None) -> str:
    """A relative change.

    >>> signed_percent(0.161), signed_percent(-0.05)
    ('+16%', '−5.0%')
    """
    if value is None or _is_nothing(value):
        return NOTHING
    return f"+{percent(value)}" if value >= 0 else percent(value)


def money(value: float | None) -> str:
    """An amount in the programme's currency: the smaller, the more digits behind the point.

    >>> money(1032.73), money(12.5), money(0.0164)
    ('1,033', '12.50', '0.016')
    """
    if value is None or _is_nothing(value):
        return NOTHING
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def interval(low: float | None, high: float | None, digits: int = 4) -> str:
    """A 95% interval.

    >>> interval(0.1001, 0.1128), interval(None, 1.0)
    ('0.1001 to 0.1128', '–')
    """
    if low is None or high is None or _is_nothing(low) or _is_nothing(high):
        return NOTHING
    return f"{figure(low, digits)} to {figure(high, digits)}".replace("-", "−")


def signed_interval(low: float | None, high: float | None, digits: int = 4) -> str:
    """A 95% interval of a difference.

    >>> signed_interval(-0.0032, 0.0032)
    '−0.0032 to +0.0032'
    """
    if low is None or high is None or _is_nothing(low) or _is_nothing(high):
        return NOTHING
    return f"{signed(low, digits)} to {signed(high, digits)}"


def p_value(value: float | None) -> str:
    """A p-value; tiny ones are only said to be tiny.

    >>> p_value(0.006), p_value(0.00002), p_value(0.98)
    ('0.006', '< 0.001', '0.98')
    """
    if value is None or _is_nothing(value):
        return NOTHING
    if value < _SMALLEST_P:
        return f"< {_SMALLEST_P}"
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def duration(seconds: float | None) -> str:
    """Seconds in the unit that suits them.

    >>> duration(0.0267), duration(52.47), duration(158.4), duration(7260)
    ('27 ms', '52.5 s', '2 min 38 s', '2 h 1 min')
    """
    if seconds is None or _is_nothing(seconds):
        return NOTHING
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return "{} min {} s".format(*divmod(round(seconds), 60))
    return "{} h {} min".format(*divmod(round(seconds / _MINUTE), 60))


def memory(mib: float | None) -> str:
    """Memory in MiB or GiB.

    >>> memory(894.73), memory(1249.2)
    ('895 MiB', '1.2 GiB')
    """
    if mib is None or _is_nothing(mib):
        return NOTHING
    return f"{mib:,.0f} MiB" if mib < _MIB_PER_GIB else f"{mib / _MIB_PER_GIB:.1f} GiB"


def day(value: date | None) -> str:
    """A day that no reader takes for another.

    >>> day(date(2018, 1, 2))
    '2 January 2018'
    """
    return NOTHING if value is None else f"{value.day} {value:%B %Y}"
