"""Packed files of texts and tables, unpacked as they are read, and no further than any text would be."""

import gzip
import io
import zlib
from collections.abc import Callable
from typing import IO, Any, BinaryIO, Final, cast

import pyarrow as pa

from turnmill.sources.places.place import Place

_MOST_UNPACKED: Final = 256 << 20  # bytes that any file may unpack to
_MOST_TIMES: Final = 200  # times its size that a file may unpack to, where that is more: texts come to 10 or 20
_BUFFER: Final = 1 << 20


class BrokenError(Exception):
    """Bytes that cannot be unpacked, in words that follow the file's name."""


def unpacked(root: Place, path: str) -> BinaryIO:
    """The bytes that a packed file (`.gz`, else zstd) holds, as a file that can seek, dearly to what is before it, and
    not from its end. Raises OSError; reading raises BrokenError."""

    def begin() -> IO[bytes]:
        packed = root.open(path)
        if (path or root.name).lower().endswith((".gz", ".tgz")):
            return cast(IO[bytes], _Gzip(packed))
        return cast(IO[bytes], pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd"))

    return io.BufferedReader(_Forward(begin, root.size(path)), _BUFFER)


class _Forward(io.RawIOBase):
    """A packed file, of so many bytes, that is read forwards: to what is before it is begun again."""

    def __init__(self, begin: Callable[[], IO[bytes]], n_bytes: int) -> None:
        self._begin = begin
        self._file = begin()
        self._at = 0
        self._most = max(_MOST_UNPACKED, _MOST_TIMES * n_bytes)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._some(len(buffer))
        except (EOFError, OSError, zlib.error) as error:  # OSError: gzip.BadGzipFile, and pyarrow's of zstd
            if isinstance(error, OSError) and error.errno is not None:  # of the disk, not of what is on it
                raise
            raise BrokenError(f"is not a whole {self._kind} file ({error}): get it again") from error
        self._at += len(data)
        if self._at > self._most:
            raise BrokenError(
                f"unpacks to more than {_MOST_TIMES} times its size, as no text does: it is not read further"
            )
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the end of a packed file is not known")
        wanted = offset + (self._at if whence == io.SEEK_CUR else 0)
        if wanted < self._at:
            self._file.close()
            self._file, self._at = self._begin(), 0
        scrap = bytearray(_BUFFER)
        while self._at < wanted:
            if not self.readinto(memoryview(scrap)[: min(_BUFFER, wanted - self._at)]):
                break
        return self._at

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _some(self, most: int) -> bytes:
        """As much as there is at once: what stands before a break is not lost with it."""
        return self._file.read1(most) if isinstance(self._file, gzip.GzipFile) else self._file.read(most)

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
