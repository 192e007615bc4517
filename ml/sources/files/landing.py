"""Find a landing folder's files: ``DIR/<partner>/<entity>*.{csv,csv.gz,parquet,ndjson}``."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ml.contracts import RAW_CLIENTS, RAW_ENTITIES, Table
from ml.errors import InputError
from ml.sources.files.identity import secret

MAPPING: Final = "mapping.yml"
FORMATS: Final = (".csv", ".csv.gz", ".parquet", ".ndjson")
_BY_NAME: Final = {table.name: table for table in RAW_ENTITIES}
_CHUNK: Final = 1 << 20
# A partner's name goes before its ids (`<partner>:<id>`), and where people and tools write it.
_PARTNER: Final = re.compile(r"""(?! )[^:;"'`\\\x00-\x1f\x7f]{1,100}(?<! )""")


@dataclass(frozen=True)
class LandingFile:
    """A file that was found.

    Parameters
    ----------
    path : Path
    name : str
        Relative to the landing folder, with forward slashes.
    partner : str or None
        None: it lies in no partner's folder.
    table : Table or None
        None: the name does not say.
    format : str or None
        One of ``FORMATS``.
    """

    path: Path
    name: str
    partner: str | None
    table: Table | None
    format: str | None


def find_files(folder: Path) -> list[LandingFile]:
    """All files of a landing folder, also those that cannot be taken, in order of name.

    Raises
    ------
    InputError
        There is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: give the landing folder, one folder per partner")
    try:
        found = [
            _describe(folder, path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not _is_hidden(path.relative_to(folder))
        ]
    except OSError as error:
        raise InputError(f"cannot list {folder}: {error.strerror}") from None
    if not found:
        raise InputError(
            f"{folder} has no files: partners' files lie in it as "
            "<partner>/<entity>.csv (.csv.gz, .parquet, .ndjson)"
        )
    return found


def _is_hidden(path: Path) -> bool:
    is_note = path.name == MAPPING or path.name.lower().startswith("readme")
    return is_note or any(part.startswith(".") for part in path.parts)


def _describe(folder: Path, path: Path) -> LandingFile:
    relative = path.relative_to(folder)
    file_format = next(
        (f for f in sorted(FORMATS, key=len, reverse=True) if path.name.lower().endswith(f)), None
    )
    table = (
        next(
            (
                table
                for name, table in sorted(_BY_NAME.items(), reverse=True)
                if path.name.startswith(name) and not path.name[len(name)].isalpha()
            ),
            None,
        )
        if file_format
        else None
    )
    return LandingFile(
        path,
        # Names on disk need not be text.
        str(relative.as_posix()).encode("utf-8", "replace").decode(),
        relative.parts[0] if len(relative.parts) == 2 else None,
        table,
        file_format,
    )


def fault(file: LandingFile) -> str | None:
    """Why a file cannot be taken by its place and name; None where it can."""
    if file.partner is None:
        return "it lies in no partner's folder: move it to <partner>/<entity>.csv"
    if not _PARTNER.fullmatch(file.partner):
        return (
            "its partner's folder has a name that cannot be part of ids: no ':', quotes, ';' or "
            "backslash, no spaces at its ends, at most 100 characters; rename the folder"
        )
    if file.format is None:
        return f"it is none of {', '.join(FORMATS)}: deliver it as one of them, or take it away"
    if file.table is None:
        return f"its name begins with none of {', '.join(_BY_NAME)}: rename it"
    return None


def fingerprint(file: LandingFile, mapping_text: bytes) -> tuple[str, int]:
    """SHA-256 of all that decides what a file's rows are, and the file's bytes."""
    digest = hashlib.sha256()
    table = file.table.name if file.table else ""
    if file.table is RAW_CLIENTS:
        # Another secret makes other hashes of the same people.
        digest.update(hmac.digest(secret() or b"none", b"clients", "sha256"))
    for part in (file.partner or "", table, file.format or ""):
        digest.update(part.encode("utf-8", "replace") + b"\0")
    digest.update(len(mapping_text).to_bytes(8, "big") + mapping_text)
    size = 0
    with file.path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size
