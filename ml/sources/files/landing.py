"""Find a landing folder's files: ``DIR/<partner>/<entity>*`` in one of the formats."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from ml.contracts import RAW_CLIENTS, RAW_ENTITIES, Table
from ml.errors import InputError
from ml.sources.files.identity import secret
from ml.sources.files.packing import format_of

MAPPING: Final = "mapping.yml"
_BY_NAME: Final = {table.name: table for table in RAW_ENTITIES}
_CHUNK: Final = 1 << 20
# A partner's name goes before its ids (`<partner>:<id>`), and where people and tools write it.
_PARTNER: Final = re.compile(r"""(?! )[^:;"'`\\\x00-\x1f\x7f]{1,100}(?<! )""")
_READING: Final = b"2"
"""Raised when the same bytes become other rows than before: known files are then read again."""

# What Spark and its like leave in a folder that they write.
_DONE: Final = "_SUCCESS"
_UNFINISHED: Final = "_temporary"
_DELTA: Final = "_delta_log"
_PART: Final = re.compile(r"part[-._]?\w.*")
_PARTITION: Final = re.compile(r"([^=]+)=(.*)")
_NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Part:
    """One file on disk.

    Parameters
    ----------
    path : Path
    format : str
        End of its name.
    values : dict of str to str or None
        Of columns that stand in the names of its folders (``day=2025-06-01``).
    """

    path: Path
    format: str
    values: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class LandingFile:
    """A file that was found, or a folder that Spark wrote as if it were one.

    Parameters
    ----------
    name : str
        Relative to the landing folder, with forward slashes.
    partner : str or None
        None: it lies in no partner's folder.
    table : Table or None
        None: the name does not say.
    format : str or None
        End of its name, where it is one that is read; of a folder, of its parts.
    parts : tuple of Part
        What is read, in order: a file is its only part.
    problem : str or None
        Why a folder cannot be taken.
    """

    name: str
    partner: str | None
    table: Table | None
    format: str | None
    parts: tuple[Part, ...]
    problem: str | None = None


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
        paths = [
            path
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not _is_hidden(path.relative_to(folder))
        ]
        found = list(_files(folder, paths))
    except OSError as error:
        raise InputError(f"cannot list {folder}: {error.strerror}") from None
    if not found:
        raise InputError(
            f"{folder} has no files: partners' files lie in it as "
            "<partner>/<entity>.csv (.csv.gz, .ndjson, .parquet, .xlsx)"
        )
    return found


def _is_hidden(path: Path) -> bool:
    is_note = path.name == MAPPING or path.name.lower().startswith("readme")
    # Below a partner's folder, names that begin so are notes of the tool that wrote the folder.
    is_of_tool = path.name == _DONE or any(part.startswith("_") for part in path.parts[2:])
    return is_note or is_of_tool or any(part.startswith(".") for part in path.parts)


def _files(folder: Path, paths: list[Path]) -> Iterator[LandingFile]:
    by_folder: dict[Path, list[Path]] = {}
    for path in paths:
        relative = path.relative_to(folder)
        if len(relative.parts) > 2 and _table(relative.parts[1]):
            by_folder.setdefault(folder / relative.parts[0] / relative.parts[1], []).append(path)
    written = {top: inside for top, inside in by_folder.items() if _is_written(top, inside)}
    for path in paths:
        relative = path.relative_to(folder)
        top = folder.joinpath(*relative.parts[:2])
        if top not in written:
            yield _file(relative, path)
        elif path == written[top][0]:
            yield _written_folder(relative, top, written[top])


def _is_written(top: Path, inside: list[Path]) -> bool:
    """Whether a folder is one table in parts."""
    is_noted = any((top / name).exists() for name in (_DONE, _UNFINISHED, _DELTA))
    return is_noted or all(_PART.fullmatch(path.name) for path in inside)


def _file(relative: Path, path: Path) -> LandingFile:
    file_format = format_of(path.name)
    return LandingFile(
        _shown(relative),
        relative.parts[0] if len(relative.parts) == 2 else None,
        _table(path.name) if file_format else None,
        file_format,
        (Part(path, file_format or ""),),
    )


def _written_folder(relative: Path, top: Path, inside: list[Path]) -> LandingFile:
    parts, problem = [], None
    if (top / _DELTA).exists():
        problem = (
            "it is a Delta table, whose files are not all in use: write it as plain Parquet, or "
            "deliver an export"
        )
    elif (top / _UNFINISHED).exists():
        problem = f"it is not written to its end ({_UNFINISHED} lies in it): deliver it again"
    for path in inside:
        values: dict[str, str | None] = {}
        for inner in path.relative_to(top).parts[:-1]:
            partition = _PARTITION.fullmatch(inner)
            if partition is None:
                problem = problem or f"it has a folder '{inner}' in it: take it away"
            else:
                value = unquote(partition[2])
                values[unquote(partition[1])] = None if value == _NO_VALUE else value
        part_format = format_of(path.name)
        if part_format is None:
            problem = problem or _no_format(path.name)
        parts.append(Part(path, part_format or "", values))
    name = Path(*relative.parts[:2])
    return LandingFile(
        _shown(name), relative.parts[0], _table(name.name), parts[0].format, tuple(parts), problem
    )


def _shown(path: Path) -> str:
    # Names on disk need not be text.
    return path.as_posix().encode("utf-8", "replace").decode()


def _table(name: str) -> Table | None:
    for entity, table in sorted(_BY_NAME.items(), reverse=True):
        if name.lower().startswith(entity) and not name[len(entity) :][:1].isalpha():
            return table
    return None


def _no_format(name: str) -> str:
    return (
        f"'{name}' is none of .csv, .ndjson, .parquet, .xlsx: deliver it as one of them, or take "
        "it away"
    )


def fault(file: LandingFile) -> str | None:
    """Why a file cannot be taken by its place and name; None where it can."""
    place = file.name.split("/")
    if file.partner is None and len(place) == 1:
        return "it lies in no partner's folder: move it to <partner>/<entity>.csv"
    if file.partner is None:
        return (
            f"it lies in a folder below the partner's: move it up to {place[0]}/<entity>.csv; a "
            "folder is read as one file where it has an entity's name and its files are part-*"
        )
    if not _PARTNER.fullmatch(file.partner):
        return (
            "its partner's folder has a name that cannot be part of ids: no ':', quotes, ';' or "
            "backslash, no spaces at its ends, at most 100 characters; rename the folder"
        )
    if file.problem is not None:
        return file.problem
    if file.format is None:
        return _no_format(place[-1])
    if file.table is None and _PART.fullmatch(place[-1]):
        return (
            f"it is a part of a table, right in a partner's folder: put the parts in "
            f"<partner>/<entity>{file.format}/"
        )
    if file.table is None:
        return f"its name begins with none of {', '.join(_BY_NAME)}: rename it"
    return None


def fingerprint(file: LandingFile, mapping_text: bytes) -> tuple[str, int]:
    """SHA-256 of all that decides what a file's rows are, and the file's bytes."""
    digest = hashlib.sha256(_READING)
    table = file.table.name if file.table else ""
    if file.table is RAW_CLIENTS:
        # Another secret makes other hashes of the same people.
        digest.update(hmac.digest(secret() or b"none", b"clients", "sha256"))
    for text in (file.partner or "", table, file.format or ""):
        digest.update(text.encode("utf-8", "replace") + b"\0")
    digest.update(len(mapping_text).to_bytes(8, "big") + mapping_text)
    size = 0
    for part in file.parts:
        if len(file.parts) > 1 or part.values:
            length = part.path.stat().st_size
            digest.update(json.dumps([length, part.values], sort_keys=True).encode() + b"\0")
        with part.path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
    return digest.hexdigest(), size
