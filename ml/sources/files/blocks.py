"""Whole lines of a stream of bytes, some megabytes at a time; memory is bounded by design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ml.sources.files.encodings import Bytes

BLOCK: Final = 8 << 20
LONGEST_LINE: Final = 1 << 20
_KEPT: Final = 40_000
_NEWLINE: Final = b"\n"


@dataclass(frozen=True)
class Block:
    """Whole lines.

    Parameters
    ----------
    data : bytes
        Lines with their ends; the last one of a file may lack it.
    may_grow : bool
        Whether lines follow that can belong to this block's last row.
    long_line : bytes or None
        Beginning of a line that is too long to be read; ``data`` is empty then.
    """

    data: bytes
    may_grow: bool
    long_line: bytes | None = None


class BlockReader:
    """Cuts a stream after line ends.

    Parameters
    ----------
    stream : binary file
    size : int
        Bytes read at once.
    """

    def __init__(self, stream: Bytes, size: int = BLOCK) -> None:
        self._stream = stream
        self._size = size
        self._tail = b""
        self._is_at_end = False

    @property
    def ahead(self) -> bytes:
        """What is read and not yet given out; it may end within a line."""
        return self._tail

    @property
    def is_read(self) -> bool:
        """Whether all is given out."""
        return self._is_at_end

    def read(self, kept: bytes = b"") -> Block | None:
        """The next lines, after those of the last block that were kept; None at the end."""
        while not self._is_at_end:
            # After the header the tail may still hold whole lines.
            if len(self._tail) > LONGEST_LINE and _NEWLINE not in self._tail:
                if kept:
                    return Block(kept, may_grow=False)
                return Block(b"", may_grow=False, long_line=self._skip_line())
            incoming = self._stream.read(self._size)
            self._is_at_end = not incoming
            buffer = self._tail + incoming
            cut = len(buffer) if self._is_at_end else buffer.rfind(_NEWLINE) + 1
            self._tail = buffer[cut:]
            if cut:
                can_join = not self._is_at_end and len(self._tail) <= LONGEST_LINE
                return Block(kept + buffer[:cut], can_join)
        return Block(kept, may_grow=False) if kept else None

    def _skip_line(self) -> bytes:
        """Drop what is left of a line, and say how it began."""
        beginning = self._tail[:_KEPT]
        rest = self._tail
        while (cut := rest.find(_NEWLINE)) < 0:
            rest = self._stream.read(self._size)
            if not rest:
                self._is_at_end = True
                break
        self._tail = rest[cut + 1 :] if cut >= 0 else b""
        return beginning

    def first_line(self) -> bytes | None:
        """The first line without its end; None where there is none of a sane length."""
        while _NEWLINE not in self._tail and len(self._tail) <= LONGEST_LINE:
            incoming = self._stream.read(self._size)
            if not incoming:
                self._is_at_end = True
                break
            self._tail += incoming
        line, _, self._tail = self._tail.partition(_NEWLINE)
        if self._is_at_end and self._tail:
            # What was read with the last bytes is still to be given out.
            self._is_at_end = False
        return line if len(line) <= LONGEST_LINE else None
