"""Encodings: their names, how a file tells its own, and a guess where nothing tells."""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO, Final, Protocol

from ml.sources.files.outcome import FileRefusedError

UTF_8: Final = "utf-8"
_SAMPLE: Final = 1 << 18
"""Bytes of lines with other than ASCII that a guess looks at."""
_MARKS: Final = (
    (codecs.BOM_UTF8, UTF_8),
    # Before UTF-16, whose mark is the beginning of this one.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OTHER_NAMES: Final = {
    "win-1251": "cp1251",
    "win1251": "cp1251",
    "cp-1251": "cp1251",
    "win-1252": "cp1252",
    "win1252": "cp1252",
    "utf-8-bom": UTF_8,
    "utf8-bom": UTF_8,
    "utf-8-sig": UTF_8,
    "unicode": "utf-16",
}
_NO_TEXT: Final = {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"}

# What is tried where nothing is stated, the likelier ones first.
_CYRILLIC: Final = ("cp1251", "cp866", "koi8-r")
_LATIN: Final = ("cp1252", "cp1250")
_COMMON: Final = frozenset("оеаинтсрвлкмдпуя")
_RUSSIAN: Final = frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў")
_ACCENTED: Final = {
    "cp1252": frozenset("àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœšž"),
    "cp1250": frozenset("ąćęłńóśźżáčďéěíňřšťúůýžőűöüäßăâîșşţ"),
}
_SIGNS: Final = frozenset("«»„“”‘’–—…№€£§°·•®©™\xa0")
_WORD: Final = re.compile(r"[^\W\d_]+")
_LEAST_LETTERS: Final = 5
_LEAST_SCORE: Final = 0.45
_MARGIN: Final = 0.1


class Bytes(Protocol):
    """What lines are cut from."""

    def read(self, size: int = ..., /) -> bytes:
        """The next bytes; none at the end."""


def known_encoding(name: str) -> str:
    """An encoding by any of its usual names.

    >>> known_encoding("Windows-1251"), known_encoding("UTF8")
    ('cp1251', 'utf-8')

    Raises
    ------
    ValueError
        There is no such encoding.
    """
    plain = name.strip().lower().replace("_", "-").replace(" ", "-")
    try:
        found = codecs.lookup(_OTHER_NAMES.get(plain, plain)).name
        if found in _NO_TEXT or "a,1".encode(found).decode(found) != "a,1":
            raise LookupError
    except (LookupError, UnicodeError, TypeError, ValueError):
        raise ValueError(
            f"'{name}' is no encoding; write one like utf-8, windows-1251, utf-16"
        ) from None
    return found


def _is_like_ascii(name: str) -> bool:
    """Whether line ends, quotes and digits are the bytes of ASCII."""
    plain = bytes(range(128))
    try:
        return plain.decode(name) == plain.decode("ascii")
    except UnicodeError:
        return False


class Encoding:
    """How a file's lines become text; found out on the way where nothing states it.

    Parameters
    ----------
    name : str
    is_open : bool
        Whether lines that are no UTF-8 may still settle it.
    """

    def __init__(self, name: str, *, is_open: bool, of_file: str | None = None) -> None:
        self.name = name
        self._of_file = of_file
        self.notes: list[str] = []
        self._is_open = is_open

    @property
    def of_file(self) -> str:
        """The file's own, where lines are given out in another."""
        return self._of_file or self.name

    def settle(self, data: bytes) -> None:
        """Look at lines before they are decoded. Lines of ASCII are the same in all encodings."""
        if not self._is_open or data.isascii():
            return
        try:
            data.decode(UTF_8)
        except UnicodeDecodeError:
            lines = [line for line in data.split(b"\n") if not line.isascii()]
            if any(_is_utf_8(line) for line in lines):
                # Damaged lines of a UTF-8 file are rejected one by one.
                self._is_open = False
            elif (found := guessed(b"\n".join(lines))) is not None:
                self.name = found
                self._is_open = False
                self.notes.append(
                    f"no encoding is stated and it is not UTF-8: read as {found}; if that is "
                    "wrong, state encoding in mapping.yml"
                )
        else:
            self._is_open = False


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode(UTF_8)
    except UnicodeDecodeError:
        return False
    return True


class _Recoded:
    """A stream's text as UTF-8, so that lines can be cut at bytes."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        # Half a character becomes bytes that are no UTF-8: its row is rejected, not the file.
        self._errors = "surrogatepass" if name.startswith("utf-") else "strict"
        self._decoder = codecs.getincrementaldecoder(name)(self._errors)

    def read(self, size: int = -1, /) -> bytes:
        while True:
            incoming = self._stream.read(size)
            try:
                text = self._decoder.decode(incoming, final=not incoming)
            except UnicodeError:
                raise FileRefusedError(
                    f"it is not {self._name} to its end: state its encoding in mapping.yml, or "
                    "deliver it again, whole"
                ) from None
            if text or not incoming:
                return text.encode(UTF_8, "surrogatepass")


def open_text(stream: BinaryIO, stated: str | None) -> tuple[Bytes, Encoding]:
    """A stream of text without its byte order mark, and its encoding.

    Parameters
    ----------
    stream : binary file
        At its beginning, with ``peek``.
    stated : str or None
        What the mapping says. A byte order mark knows better.

    Raises
    ------
    FileRefusedError
        The file is plainly not what the mapping says.
    """
    head: bytes = stream.peek(4096)[:4096]  # type: ignore[attr-defined]
    for mark, name in _MARKS:
        if head.startswith(mark):
            stream.read(len(mark))
            found = Encoding(UTF_8, is_open=False, of_file=name)
            if stated is not None and not _is_same(stated, name):
                found.notes.append(
                    f"its byte order mark says {name}, mapping.yml {stated}: read as {name}"
                )
            return (stream if name == UTF_8 else _Recoded(stream, name)), found
    wide = _wide(head)
    if stated is None and wide is not None:
        found = Encoding(UTF_8, is_open=False, of_file=wide)
        found.notes.append(f"no encoding is stated: read as {wide}")
        return _Recoded(stream, wide), found
    if stated is None:
        return stream, Encoding(UTF_8, is_open=True)
    if stated.startswith("utf-16"):
        if wide is None:
            raise FileRefusedError(
                f"it is not {stated}, as mapping.yml says: state its encoding, or leave it out"
            )
        return _Recoded(stream, wide), Encoding(UTF_8, is_open=False)
    if not _is_like_ascii(stated):
        return _Recoded(stream, stated), Encoding(UTF_8, is_open=False)
    return stream, Encoding(stated, is_open=False)


def _is_same(stated: str, marked: str) -> bool:
    return marked.startswith(stated) or stated == "utf-8-sig"


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: of the first line's bytes every other one is NUL, or nearly."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if 16 * max(even, odd) < len(head):
        return None
    if odd > 4 * even and (b"\n" not in head or b"\n\0" in head):
        return "utf-16-le"
    if even > 4 * odd and (b"\n" not in head or b"\0\n" in head):
        return "utf-16-be"
    return None


def guessed(data: bytes) -> str | None:
    r"""The encoding of text that is no UTF-8; None where the text does not tell.

    >>> guessed("Карта;Сумма".encode("cp1251")), guessed("Карта;Сумма".encode("cp866"))
    ('cp1251', 'cp866')
    >>> guessed(b"S1;\xff\xfe;12") is None
    True
    """
    best, best_score, best_text = None, 0.0, ""
    for name in (*_CYRILLIC, *_LATIN):
        try:
            text = data[:_SAMPLE].decode(name)
        except UnicodeDecodeError:
            continue
        score = _plausibility(text, name)
        if score > best_score + (_MARGIN if best else _LEAST_SCORE) and text != best_text:
            best, best_score, best_text = name, score, text
    return best


def _plausibility(text: str, name: str) -> float:
    """Share of letters beyond ASCII that stand in words as people write them."""
    likely, letters = 0.0, 0
    rest = _WORD.sub("", text)
    strange = sum(1 for c in rest if not c.isascii() and c not in _SIGNS)
    for word in _WORD.findall(text):
        beyond = sum(1 for c in word if not c.isascii())
        if beyond:
            letters += beyond
            likely += beyond * _likeness(word, beyond, name)
    return likely / (letters + strange) if letters >= _LEAST_LETTERS else 0.0


def _likeness(word: str, beyond: int, name: str) -> float:
    if not (word.islower() or word.isupper() or word[1:].islower()):
        return 0.0
    lower = word.lower()
    if name in _CYRILLIC:
        if not _RUSSIAN.issuperset(lower):
            return 0.0
        common = sum(1 for c in lower if c in _COMMON) / len(lower)
        return common * (0.8 if word.isupper() and len(word) > 1 else 1.0)
    known = _ACCENTED[name]
    if 2 * beyond > len(word) or any(not c.isascii() and c not in known for c in lower):
        return 0.0
    return 1.0
