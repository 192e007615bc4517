"""SQL that reads one value of a text: blanks, numbers, booleans, ids and times.

Plain values take a short way; what spreadsheets and exports make of them is looked at only where
that way fails. Nothing is guessed: a text that could mean two values is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ml.contracts import Columns
from ml.contracts.table import BOOLEAN, DOUBLE, INT, STRING, TIMESTAMP, Column
from ml.warehouse.tables import quoted

BLANK_WORDS: Final = (
    *("null", "(null)", "<null>", "nil", "none", "nan", "nat", "na", "<na>", "n/a", r"\n"),
    *("-", "--", "\N{EN DASH}", "\N{EM DASH}", ".", "?", "undefined", "нет данных"),
    *("#n/a", "#null!", "#value!", "#ref!", "#name?", "#num!", "#div/0!"),
    *("#н/д", "#пусто!", "#знач!", "#ссылка!", "#имя?", "#число!", "#дел/0!"),
)
"""What exports write for nothing, in any case; docs/delivering_files.md has the list too."""

_BLANK: Final = r"[\s\p{Z}\x{200B}\x{FEFF}]"
_GROUP: Final = r"[\p{Z}'\x{2019}]"
"""What separates thousands beside a point or a comma."""

_BLANK_TEXT: Final = (
    f"(?i){_BLANK}*("
    + "|".join(
        "".join(c if c.isalnum() or not c.isascii() else f"\\{c}" for c in w) for w in BLANK_WORDS
    )
    + f")?{_BLANK}*"
)
_TRUE: Final = "true|t|yes|y|on|да|д|истина|1([.,]0+)?"
_FALSE: Final = "false|f|no|n|off|нет|н|ложь|0([.,]0+)?"
_HASH_LENGTH: Final = 64
_EXACT: Final = "9007199254740992"
"""Up to 2 ** 53 floating numbers are whole numbers, each."""

_ISO: Final = (
    r"\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2}([.]\d{1,9})?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?"
)
_WITH_OFFSET: Final = r":.*(Z|[+-]\d{2}(:?\d{2})?)$"
_EPOCHS: Final = {10: "1000000", 13: "1000", 16: "1", 19: "0.001"}
"""Digits of seconds, milli-, micro- and nanoseconds since 1970, and microseconds in one."""

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2099
"""Years of plausible times; others are mistakes, or stand for no time at all."""

_BEGIN: Final = f"timestamp '{FIRST_YEAR}-01-01'"
_END: Final = f"timestamp '{LAST_YEAR + 1}-01-01'"

_NO_DATES: Final = (
    *("0001-01-01", "1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01"),
    "1970-01-01",
)
"""What 1C, SQL Server, spreadsheets and programs write for no time, at midnight."""
_OPEN_ENDS: Final = (Columns.WITHDRAWN_AT, Columns.ENDED_AT)
"""Columns in which a time after the last year means no end."""


def is_blank_text(value: str) -> bool:
    """Whether a text says nothing: no character that shows, or a word of ``BLANK_WORDS``."""
    bare = value.strip().strip("\u200b\ufeff").strip().lower()
    return not bare or bare in BLANK_WORDS


@dataclass(frozen=True)
class TextFormat:
    """How a file writes numbers and times.

    Parameters
    ----------
    decimal : str, default "."
        The decimal sign, a point or a comma.
    timestamp_formats : tuple of str
        As of ``strptime``; none: ISO 8601.
    time_zone : str, default "UTC"
        Of times that state no offset.
    """

    decimal: str = "."
    timestamp_formats: tuple[str, ...] = ()
    time_zone: str = "UTC"


def text(value: str) -> str:
    """A text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def _matches(value: str, pattern: str) -> str:
    return f"regexp_full_match({value}, {text(pattern)})"


def _stripped(name: str) -> str:
    return f"regexp_replace({name}, {text(f'^{_BLANK}+|{_BLANK}+$')}, '', 'g')"


def is_blank(column: Column, text_format: TextFormat) -> str:
    """SQL: whether a text says nothing."""
    name = quoted(column.name)
    blank = f"{name} is null or {_matches(name, _BLANK_TEXT)}"
    if column.type != TIMESTAMP:
        return f"({blank})"
    moment = _local(_stripped(name), text_format)
    days = ", ".join(f"timestamp {text(day)}" for day in _NO_DATES)
    nothing = f"{moment} in ({days})"
    if column.name in _OPEN_ENDS:
        nothing += f" or {moment} >= {_END}"
    zero = _matches(name, f"{_BLANK}*0000-00-00([ T]00:00:00([.]0+)?)?{_BLANK}*")
    return f"({blank} or {zero} or coalesce({nothing}, false))"


def parsed(column: Column, text_format: TextFormat) -> str:
    """SQL: what a text is read as before it is judged; times are in UTC, texts as they were."""
    name = quoted(column.name)
    if column.type != TIMESTAMP:
        return name
    return f"coalesce({_in_utc(name, text_format)}, {_in_utc(_stripped(name), text_format)})"


def typed(column: Column, text_format: TextFormat, value: str, *, is_float: bool = False) -> str:
    """SQL: a text's value; null where it has none.

    Parameters
    ----------
    column : Column
    text_format : TextFormat
    value : str
        The column that has what :func:`parsed` made of the text.
    is_float : bool, default False
        Whether the file holds numbers with a fraction, not text, in this column.
    """
    if column.is_hash:
        return f"case when strlen({value}) = {_HASH_LENGTH} then {value} end"
    if column.is_id:
        return _id(value, is_float=is_float)
    if column.type == STRING:
        return f"case when not {_matches(value, _BLANK_TEXT)} then {value} end"
    if column.type == BOOLEAN:
        word = f"lower({_stripped(value)})"
        return (
            f"case when {_matches(word, _TRUE)} then true "
            f"when {_matches(word, _FALSE)} then false end"
        )
    if column.type == INT:
        number = _number(value, text_format.decimal)
        return (
            f"case when {_matches(value, '[+-]?[0-9]+')} then try_cast({value} as integer) "
            f"when {_matches(value, '[+-]?[0-9]+[.,]0+')} "
            f"then try_cast(regexp_replace({value}, '[.,]0+', '') as integer) "
            f"when {number} = trunc({number}) then try_cast({number} as integer) end"
        )
    if column.type == DOUBLE:
        plain = f"try_cast(replace({value}, ',', '.') as double)"
        pattern = f"[+-]?[0-9]+([{text_format.decimal}][0-9]+)?"
        return (
            f"case when {_matches(value, pattern)} and isfinite({plain}) then {plain} "
            f"else {_number(value, text_format.decimal)} end"
        )
    zero = f"cast(timezone({text(text_format.time_zone)}, timestamp '1970-01-01') as timestamp)"
    return (
        f"case when {value} > {_BEGIN} and {value} < {_END} and {value} <> {zero} then {value} end"
    )


def _id(value: str, *, is_float: bool) -> str:
    """An id as it is; one that became a floating number is whole again, or none.

    Spreadsheets write ``1E+15`` and have lost digits then; Java writes ``1.2345678E7`` and has not.
    """
    whole = f"regexp_replace({value}, '[.,]0+\\s*$', '')"
    number = f"try_cast(replace({value}, ',', '.') as double)"
    from_java = (
        f"case when {number} = trunc({number}) and abs({number}) < {_EXACT} "
        f"then cast(cast({number} as bigint) as varchar) end"
    )
    other = "null" if is_float else value
    signs = f"(contains({value}, '.') or contains({value}, ',') or contains({value}, '+'))"
    return (
        f"case when {_matches(value, _BLANK_TEXT)} then null "
        f"when not {signs} then {value} "
        f"when {_matches(value, '[0-9]+[.,]0+[ ]*')} then {whole} "
        f"when {_matches(value, '[+-]?[0-9]([.,][0-9]+)?[eE][+][0-9]{2,3}')} then null "
        f"when {_matches(value, '[+-]?[0-9]+[.,][0-9]+[eE]-?[0-9]{1,3}')} then {from_java} "
        f"else {other} end"
    )


def _number(value: str, decimal: str) -> str:
    """A number as people and programs write it: ``.5``, ``5-``, ``(5.00)``, ``1 234,50``."""
    other = "." if decimal == "," else ","
    signed = f"translate({_stripped(value)}, '\N{MINUS SIGN}\N{EN DASH}', '--')"
    body = f"regexp_replace({signed}, '^[(+-]\\s*|\\s*[)-]$', '', 'g')"
    sign = f"case when {_matches(signed, '-.*|.*-|[(].*')} then -1.0 else 1.0 end"
    plain = f"([0-9]+[{decimal}]?[0-9]*|[{decimal}][0-9]+)([eE][+-]?[0-9]+)?"
    spaced = f"[1-9][0-9]{{0,2}}({_GROUP}[0-9]{{3}})+([.,][0-9]*)?"
    # 1,234 could be either; 1,234.5 and 1,234,567 could not.
    grouped = (
        f"[1-9][0-9]{{0,2}}([{other}][0-9]{{3}})+[{decimal}][0-9]*"
        f"|[1-9][0-9]{{0,2}}([{other}][0-9]{{3}}){{2,}}"
    )
    is_number = _matches(
        signed,
        f"[+-]?({plain}|{spaced}|{grouped})|({plain}|{spaced}|{grouped})-"
        f"|[(]({plain}|{spaced}|{grouped})[)]",
    )
    without = f"regexp_replace({body}, {text(_GROUP)}, '', 'g')"
    digits = (
        f"case when {_matches(body, spaced)} then replace({without}, ',', '.') "
        f"else replace(replace({body}, '{other}', ''), ',', '.') end"
    )
    number = f"try_cast({digits} as double)"
    # 5,- is a price in German and no refund: neither.
    is_number += f" and not regexp_matches({signed}, '[.,]-$')"
    return f"case when {is_number} and isfinite({number}) then {sign} * {number} end"


def _local(value: str, text_format: TextFormat) -> str:
    """A time as its own clock shows it."""
    if text_format.timestamp_formats:
        return f"try_strptime({value}, [{_formats(text_format)}])"
    return f"case when {_matches(value, _ISO)} then try_cast({value} as timestamp) end"


def _formats(text_format: TextFormat) -> str:
    return ", ".join(text(f) for f in text_format.timestamp_formats)


def _in_utc(value: str, text_format: TextFormat) -> str:
    zone = text(text_format.time_zone)

    def utc(local: str) -> str:
        return f"cast(timezone({zone}, {local}) as timestamp)"

    if text_format.timestamp_formats:
        return utc(f"try_strptime({value}, [{_formats(text_format)}])")
    as_utc = f"cast(try_cast({value} as timestamptz) as timestamp)"
    if text_format.time_zone != "UTC":
        local = utc(f"try_cast({value} as timestamp)")
        as_utc = (
            f"case when regexp_matches({value}, '{_WITH_OFFSET}') then {as_utc} else {local} end"
        )
    epochs = " ".join(
        f"when {_matches(value, f'[0-9]{{{digits}}}([.,][0-9]{{1,9}})?')} then make_timestamp("
        f"cast(try_cast(replace({value}, ',', '.') as decimal(38, 9)) * {factor} as bigint))"
        for digits, factor in _EPOCHS.items()
    )
    day = utc(f"try_strptime({value}, '%Y%m%d')")
    return (
        f"case when {_matches(value, _ISO)} then {as_utc} "
        f"when {_matches(value, '(19|20)[0-9]{6}')} then {day} {epochs} end"
    )
