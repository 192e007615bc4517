"""What a file holds by its first bytes, whatever its name says; unpacked where it is packed."""

from __future__ import annotations

import gzip
import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from ml.sources.files.outcome import FileRefusedError

CSV: Final = "csv"
NDJSON: Final = "ndjson"
PARQUET: Final = "parquet"
EXCEL: Final = "xlsx"
_KINDS: Final = {
    ".csv": CSV,
    ".tsv": CSV,
    ".txt": CSV,
    ".ndjson": NDJSON,
    ".jsonl": NDJSON,
    ".json": NDJSON,
    ".parquet": PARQUET,
    ".xlsx": EXCEL,
    ".xlsm": EXCEL,
}
_PACKED: Final = {".gz": "gzip", ".zip": "zip"}
FORMATS: Final = (*_KINDS, *(kind + packed for kind in _KINDS for packed in _PACKED), ".zip")
"""Ends of names that are read."""

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_DEEPEST: Final = 3
_FOREIGN: Final = (
    (b"\xd0\xcf\x11\xe0", "an old .xls, or an .xlsx with a password: save it as .xlsx without one"),
    (b"PK\x05\x06", "an empty zip: deliver it again"),
    (b"BZh9", "packed with bzip2: deliver it unpacked, or as gzip"),
    (b"\xfd7zXZ\0", "packed with xz: deliver it unpacked, or as gzip"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd: deliver it unpacked, or as gzip"),
    (b"7z\xbc\xaf", "packed with 7-Zip: deliver it unpacked, or as gzip"),
    (b"Rar!", "packed with RAR: deliver it unpacked, or as gzip"),
    (b"Obj\x01", "Avro: deliver it as Parquet or CSV"),
    (b"ORC\n", "ORC: deliver it as Parquet or CSV"),
    (b"%PDF", "a PDF: deliver the table as CSV or .xlsx"),
)
_PAGES: Final = (b"<html", b"<!doctype", b"<?xml", b"<table")
_HEAD: Final = 4096


def format_of(name: str) -> str | None:
    """The longest known end of a name."""
    return next(
        (f for f in sorted(FORMATS, key=len, reverse=True) if name.lower().endswith(f)), None
    )


@dataclass
class Content:
    """What a file holds.

    Parameters
    ----------
    kind : str
        ``csv``, ``ndjson``, ``parquet`` or ``xlsx``.
    stream : binary file
        Unpacked, at its beginning; it can be set back.
    is_tabbed : bool
        Whether its name says that tabs part its fields.
    notes : list of str
        What of it is not as its name says.
    """

    kind: str
    stream: BinaryIO
    is_tabbed: bool = False
    notes: list[str] = field(default_factory=list)

    def peek(self) -> bytes:
        """Its first bytes."""
        head: bytes = self.stream.peek(_HEAD)[:_HEAD]  # type: ignore[attr-defined]
        return head


@contextmanager
def opened(path: Path, name_format: str) -> Iterator[Content]:
    """Open a file by what its bytes say.

    Parameters
    ----------
    path : Path
    name_format : str
        One of ``FORMATS``: what its name says.

    Raises
    ------
    FileRefusedError
        Its bytes are nothing that is read here.
    """
    with ExitStack() as stack:
        content = Content("", stack.enter_context(path.open("rb")))
        name, packs = name_format, []
        for _ in range(_DEEPEST):
            head = content.peek()
            if head.startswith(_GZIP):
                content.stream = io.BufferedReader(gzip.GzipFile(fileobj=content.stream))
                packs.append("gzip")
            elif head.startswith(_ZIP):
                archive = _archive(content.stream)
                member = _member(archive)
                if member is None:
                    content.stream.seek(0)
                    content.kind = EXCEL
                    break
                content.stream = io.BufferedReader(_unzipped(archive, member))
                inner = format_of(PurePosixPath(member.filename).name)
                name = inner or name.removesuffix(".zip")
                packs.append("zip")
            else:
                break
            stack.callback(content.stream.close)
        _refuse_foreign(content.peek(), name_format, packs)
        content.kind = content.kind or _kind_of(content, name)
        if content.kind in (PARQUET, EXCEL) and packs:
            content.stream = stack.enter_context(_on_disk(content.stream))
        content.is_tabbed = ".tsv" in name
        named = [pack for end, pack in _PACKED.items() if name_format.endswith(end)]
        if packs != named or _kind(name) != content.kind:
            found = " in ".join([content.kind, *reversed(packs)])
            content.notes.append(f"its name says {name_format}, it is {found}: read as that")
        yield content


def _kind(name: str) -> str | None:
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return _KINDS.get(name)


def _kind_of(content: Content, name: str) -> str:
    head = content.peek()
    if head.startswith(b"PAR1"):
        return PARQUET
    kind = _kind(name)
    if kind is None:
        raise FileRefusedError("its zip holds a file of another kind: pack a .csv, or unpack it")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if kind == CSV and start.startswith((b'{"', b"{ ")):
        return NDJSON
    if kind == NDJSON and start.startswith(b"["):
        raise FileRefusedError(
            "it is one JSON array: write one JSON object per line (as jq -c '.[]' does)"
        )
    if kind == EXCEL:
        if b"\0" in head or not head:
            raise FileRefusedError("it is no .xlsx: save it again, or deliver it as CSV")
        return CSV
    return kind


def _archive(stream: BinaryIO) -> zipfile.ZipFile:
    try:
        if not stream.seekable():
            raise zipfile.BadZipFile
        return zipfile.ZipFile(stream)
    except zipfile.BadZipFile:
        raise FileRefusedError("its zip is damaged or cut off: deliver it again") from None


def _member(archive: zipfile.ZipFile) -> zipfile.ZipInfo | None:
    """The one file of an archive; None: the archive is a workbook."""
    names = archive.namelist()
    if any(name.startswith("xl/") for name in names):
        return None
    members = [
        one
        for one in archive.infolist()
        if not one.is_dir()
        and not one.filename.startswith("__MACOSX/")
        and not PurePosixPath(one.filename).name.startswith(".")
    ]
    if len(members) != 1:
        raise FileRefusedError(
            f"its zip holds {len(members)} files: pack each file by itself, or unpack them"
        )
    return members[0]


def _unzipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> io.RawIOBase:
    if member.flag_bits & 1:
        raise FileRefusedError("its zip has a password: pack it without one")
    try:
        return archive.open(member)  # type: ignore[return-value]
    except (NotImplementedError, zipfile.BadZipFile):
        raise FileRefusedError(
            "its zip cannot be unpacked: pack it with the usual method (deflate), or as gzip"
        ) from None


def _refuse_foreign(head: bytes, name_format: str, packs: list[str]) -> None:
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise FileRefusedError(f"it is {what}")
    if head.lstrip()[:10].lower().startswith(_PAGES):
        raise FileRefusedError(
            "it is a web page or XML, no table: open it and save it as CSV or .xlsx"
        )
    if name_format.endswith(".gz") and not packs:
        if any(byte < 9 for byte in head):
            raise FileRefusedError("its gzip is damaged: deliver it again")
    elif name_format.endswith(".zip") and not packs:
        raise FileRefusedError("its zip is damaged: deliver it again")


@contextmanager
def _on_disk(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Formats that are read from their end cannot be read while they are unpacked."""
    with tempfile.TemporaryFile() as target:
        shutil.copyfileobj(stream, target)
        target.seek(0)
        yield target
