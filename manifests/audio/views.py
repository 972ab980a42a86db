"""Read-only files made of pieces of other files, so that nothing has to be read whole to be read in part."""

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Final

from turnmill.manifests.errors import TurnmillError

Piece = bytes | tuple[BinaryIO, int, int]
"""Bytes, or (file, offset, size)."""

Failure = OSError | TurnmillError
"""Why a file cannot be read: what the system says, or that its store cannot be reached."""

SMALL_FILE: Final = 64 << 20
"""Largest file, in bytes, that is read at once."""

_CHUNK: Final = 1 << 20
_ZEROS: Final = bytes(_CHUNK)
_READS: Final = threading.RLock()
"""A decoder's thread may read a file that another view seeks in; reentrant, for views lie in views."""


class View(io.RawIOBase):
    """A seekable file that reads as its pieces do, one after the other. The files under it stay open and are theirs
    who opened them; several views may share one, for each seeks before it reads.

    What the system or a network cannot read ends the view, and is kept as its `failure`: a library that calls it would
    print what it raises, or take it for the fault of the bytes. `told` raises it.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces: list[tuple[int, int, Piece]] = []
        start = 0
        for piece in pieces:
            size = len(piece) if isinstance(piece, bytes) else piece[2]
            self._pieces.append((start, start + size, piece))
            start += size
        self.size = start
        self.failure: Failure | None = None
        self._position = 0

    def first_failure(self) -> Failure | None:
        under = (_failure(piece[0]) for _, _, piece in self._pieces if not isinstance(piece, bytes))
        return self.failure or next((failure for failure in under if failure), None)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("a view begins at 0")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        room = memoryview(buffer).cast("B")
        for start, end, piece in self._pieces:
            if start <= self._position < end:
                first, count = self._position - start, min(len(room), end - self._position)
                if isinstance(piece, bytes):
                    data = piece[first : first + count]
                else:
                    file, offset, _ = piece
                    try:
                        with _READS:
                            file.seek(offset + first)
                            data = file.read(count)
                    except (OSError, TurnmillError) as error:
                        self.failure = error
                        return 0
                room[: len(data)] = data
                self._position += len(data)
                return len(data)
        return 0


def view(pieces: Sequence[Piece]) -> BinaryIO:
    """A buffered `View`: decoders read in small steps."""
    return io.BufferedReader(View(pieces), 1 << 16)


@contextmanager
def told(file: BinaryIO) -> Iterator[None]:
    """The use of a `view` by libraries. Raises why it could not be read, whatever they made of it."""
    try:
        yield
    finally:
        failure = _failure(file)
        if failure is not None:
            raise failure


def _failure(file: BinaryIO) -> Failure | None:
    """The failure of a view, or of a view that it is made of."""
    raw = getattr(file, "raw", None)
    return raw.first_failure() if isinstance(raw, View) else None


def span(file: BinaryIO, offset: int, size: int) -> BinaryIO:
    """`size` bytes of a file, from the byte `offset` on, as a file: in memory where they are few, else a view."""
    if size > SMALL_FILE:
        return view([(file, offset, size)])
    file.seek(offset)
    return io.BytesIO(file.read(size))


def size_of(file: BinaryIO) -> int:
    """Bytes of a file."""
    return file.seek(0, io.SEEK_END)


class Bytes:
    """Random access to a file's bytes for those who walk its structure; what is near is read once. Places and
    counts are in bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = size_of(file)
        self._start, self._held = 0, b""
        self._zeros = (0, 0)  # [begin, end): the last that were found

    def at(self, position: int, count: int) -> bytes:
        """Up to `count` bytes (fewer at the end of the file)."""
        if not 0 <= position < self.size:
            return b""
        if count > _CHUNK:
            self._file.seek(position)
            return self._file.read(count)
        offset = position - self._start
        if offset < 0 or offset + count > len(self._held):
            self._start, self._held = position, self.chunk(position)
            offset = 0
        return self._held[offset : offset + count]

    def chunk(self, position: int) -> bytes:
        """About a megabyte from a place on."""
        self._file.seek(position)
        return self._file.read(_CHUNK)

    def filled(self, position: int) -> int:
        """Place of the first byte from `position` on that is not zero; the end where all are."""
        begin, end = self._zeros
        if begin <= position < end:
            return end
        begin = position
        while data := self.chunk(position):
            if data != _ZEROS[: len(data)]:  # many times faster than to strip them
                position += len(data) - len(data.lstrip(b"\0"))
                break
            position += len(data)
        self._zeros = (begin, position)
        return position

    def zeros(self, position: int) -> bool:
        """Whether nothing but zeros is there from a place on."""
        return self.filled(position) >= self.size

    def find(self, pattern: bytes, start: int) -> int:
        """Place of the first `pattern` from `start` on, or -1."""
        while start < self.size:
            data = self.chunk(start)
            place = data.find(pattern)
            if place >= 0:
                return start + place
            if len(data) < _CHUNK:  # the end, also of a file that became shorter
                return -1
            start += len(data) - len(pattern) + 1
        return -1
