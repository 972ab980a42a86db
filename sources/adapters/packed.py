"""Packed files of texts and tables, unpacked as they are read, and no further than any text would be."""

import gzip
import io
import sys
import zlib
from collections.abc import Callable
from typing import IO, Any, BinaryIO, Final, cast

import pyarrow as pa

from turnmill.sources.places.place import Place

_MOST_UNPACKED: Final = 256 << 20  # bytes that any file may unpack to
_MOST_TIMES: Final = 200  # times its size that a file may unpack to, where that is more: texts come to 10 or 20
_BUFFER: Final = 1 << 20
_BLOCK: Final = 16 << 10  # bytes that are unpacked at a time; of zstd, one that breaks off is not read


class BrokenError(Exception):
    """Bytes that cannot be unpacked, in words that follow the file's name."""


def unpacked(root: Place, path: str) -> BinaryIO:
    """The bytes that a packed file (`.gz`, else zstd) holds, as a file that can seek, dearly to what is before it, and
    not from its end. Raises OSError. Where it breaks off, reading raises BrokenError: at the same byte wherever it
    began, and when all that stands before that has been read."""

    def begin() -> IO[bytes]:
        packed = root.open(path)
        if (path or root.name).lower().endswith((".gz", ".tgz")):
            return cast(IO[bytes], _Gzip(packed))
        return cast(IO[bytes], pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd"))

    return _Buffered(_Forward(begin, root.size(path)), _BUFFER)


class _Buffered(io.BufferedReader):
    """Hands on what it has before a break, which the `read` of others loses with it."""

    def read(self, size: int | None = -1) -> bytes:
        left = sys.maxsize if size is None or size < 0 else size
        pieces: list[bytes] = []
        try:
            while left and (piece := self.read1(min(left, _BUFFER))):
                pieces.append(piece)
                left -= len(piece)
        except BrokenError:
            if not pieces:
                raise
        return b"".join(pieces)


class _Forward(io.RawIOBase):
    """A packed file, of so many bytes, that is read forwards: to what is before it is begun again."""

    def __init__(self, begin: Callable[[], IO[bytes]], n_bytes: int) -> None:
        self._begin = begin
        self._most = max(_MOST_UNPACKED, _MOST_TIMES * n_bytes)
        self._file, self._at, self._held = begin(), 0, memoryview(b"")
        self._broken: BrokenError | None = None
        self._is_empty = not n_bytes

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        return self._pass(len(buffer), buffer)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the end of a packed file is not known")
        wanted = offset + (self._at if whence == io.SEEK_CUR else 0)
        if wanted < self._at:
            self._file.close()
            self._file, self._at, self._held, self._broken = self._begin(), 0, memoryview(b""), None
        while self._at < wanted and self._pass(wanted - self._at):
            pass
        return self._at

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _pass(self, most: int, into: Any = None) -> int:
        """Go on by some bytes, at most so many; how many they are."""
        if not self._held:
            self._held = memoryview(self._block())
        passed = self._held[:most]
        if into is not None:
            into[: len(passed)] = passed
        self._held = self._held[len(passed) :]
        self._at += len(passed)
        return len(passed)

    def _block(self) -> bytes:
        """What is unpacked next."""
        try:
            if self._is_empty:  # neither reader has anything to say of that
                raise EOFError("it has no bytes")
            if self._broken is None:
                block = self._some()
                if self._at + len(block) <= self._most:
                    return block
                why = f"unpacks to more than {_MOST_TIMES} times its size, as no text does: it is not read further"
                self._broken = BrokenError(why)
        except (EOFError, OSError, zlib.error) as error:  # OSError: gzip.BadGzipFile, and pyarrow's of zstd
            if isinstance(error, OSError) and error.errno is not None:  # of the disk, not of what is on it
                raise
            self._broken = BrokenError(f"is not a whole {self._kind} file ({error}): get it again")
            self._broken.__cause__ = error
        raise self._broken

    def _some(self) -> bytes:
        """Of gzip as much as there is at once: what stands before a break is not lost with it."""
        return self._file.read1(_BLOCK) if isinstance(self._file, gzip.GzipFile) else self._file.read(_BLOCK)

    @property
    def _kind(self) -> str:
        return "gzip" if isinstance(self._file, gzip.GzipFile) else "zstd"


class _Gzip(gzip.GzipFile):
    """Closes the file that it unpacks."""

    def __init__(self, packed: BinaryIO) -> None:
        super().__init__(fileobj=packed)
        self._packed = packed

    def close(self) -> None:
        super().close()
        self._packed.close()
