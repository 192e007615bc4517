"""Rows on their way to the warehouse: on disk while they are made, read back without a copy.

Ranking everybody takes longer than the warehouse may be held. So rows go to a file in the
warehouse's folder as they come, and from there, in one go, into the transaction that shows the
run. The file has no name (or loses it at once): nothing is left of a job that was killed.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

import pyarrow as pa

from ml.errors import WarehouseAccessError


class Spool:
    """Arrow record batches of one schema, appended one by one and read back as one table.

    Parameters
    ----------
    folder : Path
        Must exist; on a disk with room for the rows.
    schema : pyarrow.Schema
        Dictionaries must be the same in all batches.

    Raises
    ------
    WarehouseAccessError
        The folder cannot be written, or the disk is full.

    Examples
    --------
    >>> from tempfile import gettempdir
    >>> batch = pa.record_batch({"rank": pa.array([1, 2])})
    >>> with Spool(Path(gettempdir()), batch.schema) as spool:
    ...     spool.append(batch)
    ...     spool.append(batch)
    ...     spool.rows().column("rank").to_pylist()
    [1, 2, 1, 2]
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self._folder = folder
        try:
            self._file = TemporaryFile(dir=folder, prefix=".spool-")  # noqa: SIM115
        except OSError as error:
            raise self._refusal(error) from None
        self._writer = pa.ipc.new_file(self._file, schema)

    def append(self, batch: pa.RecordBatch) -> None:
        """Write some rows."""
        try:
            self._writer.write_batch(batch)
        except OSError as error:
            raise self._refusal(error) from None

    def rows(self) -> pa.Table:
        """All rows, mapped from the file; nothing can be appended any more."""
        try:
            self._writer.close()
            self._file.flush()
            mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise self._refusal(error) from None
        return pa.ipc.open_file(pa.BufferReader(pa.py_buffer(mapped))).read_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Memory that is mapped stays readable for as long as a table uses it.
        self._file.close()

    def _refusal(self, error: OSError) -> WarehouseAccessError:
        return WarehouseAccessError(
            f"cannot write rows in {self._folder}: {error.strerror or error}; "
            "nothing of this run is written"
        )
