"""Files that a reader finds whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from ml.errors import WarehouseAccessError


def make_folder(folder: Path) -> None:
    """Make a folder where it is missing.

    Raises
    ------
    WarehouseAccessError
        It cannot be made, or something else has its name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseAccessError(f"cannot write {folder}: {error.strerror}") from None


def write_atomically(path: Path, text: str) -> None:
    """Write a text file and put it in place at once, on the disk before returning.

    Parameters
    ----------
    path : Path
        Its folder is made where missing.
    text : str
        Written as UTF-8.

    Raises
    ------
    WarehouseAccessError
        The folder cannot be written; what was there before stays.
    """
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise WarehouseAccessError(f"cannot write {path}: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
