"""The bytes of files of texts: as they are, or unpacked (`.gz`, `.zst`), whole or a member of a tar (also packed).

A packed file can only be read forwards. The last one that was read in this process stays open where its reader stopped,
so that one who reads its stretches in order unpacks it once, however many they are.
"""

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, Final, NamedTuple, cast

import pyarrow as pa

from turnmill.manifests.errors import UsageError
from turnmill.sources.places.place import Place

PACKED: Final = (".gz", ".tgz", ".zst", ".tzst")
_TARS: Final = (".tar", ".tgz", ".tzst")
_MOST_UNPACKED: Final = 256 << 20  # bytes that any file may unpack to
_MOST_TIMES: Final = 200  # times its size that a file may unpack to, where that is more: texts come to 10 or 20
_BUFFER: Final = 1 << 20

_open_at: dict[Any, BinaryIO] = {}
"""The packed file that was read last; none while it is read."""


class Member(NamedTuple):
    """A stretch of a file's bytes, as they are when it is unpacked. `name`: of a tar's member."""

    name: str
    begin: int
    size: int


class BrokenError(Exception):
    """Bytes that cannot be unpacked, in words that follow the file's name."""


def plain(name: str) -> str:
    """The name of a file in lower case, without the ending that says that it is packed."""
    lower = name.lower()
    if lower.endswith((".tgz", ".tzst")):
        return lower.rpartition(".")[0] + ".tar"
    return lower.removesuffix(".gz").removesuffix(".zst")


def is_tar(name: str) -> bool:
    return plain(name).endswith(".tar")


@contextmanager
def opened(root: Place, path: str, at: int) -> Iterator[BinaryIO]:
    """The bytes of a file below a place, unpacked, from byte `at` on. It can seek, dearly to what is before that.

    Raises UsageError where a file turns out not to be packed as its name says, is cut, or unpacks to too much.
    """
    name = path or root.name
    if not name.lower().endswith(PACKED):
        with root.open(path) as file:
            file.seek(at)
            yield file
        return
    key = (root.address, path, root.stamps([path])[path])
    file = _open_at.pop(key) if key in _open_at else _unpacked(root, path, name)
    whole = False
    try:
        file.seek(at)
        yield file
        whole = True
    except GeneratorExit:  # who reads has enough
        whole = True
        raise
    except BrokenError as error:
        raise UsageError(f"{root}{f'/{path}' if path else ''} {error}") from error
    finally:
        if whole:
            _keep(key, file)
        else:
            file.close()


def _keep(key: Any, file: BinaryIO) -> None:
    for other in list(_open_at):
        if (left := _open_at.pop(other, None)) is not None:
            left.close()
    _open_at[key] = file


def members(file: BinaryIO) -> Iterator[Member | str]:
    """The files in a tar, in order; then why what is none of them is not read."""
    end, gaps = 0, []
    try:
        with tarfile.open(fileobj=file, mode="r:", ignore_zeros=True, errorlevel=1) as tar:
            while (info := tar.next()) is not None:
                cast(Any, tar).members.clear()  # what was told is of no more use, and there may be a million
                gaps += [(end, info.offset)] if info.offset > end else []
                end = tar.offset
                if info.isreg() and info.sparse is None:
                    yield Member(info.name, info.offset_data, info.size)
                elif not info.isdir():
                    yield f"has {info.name!r}, which is a link, a device or a file with holes: it is not read"
            gaps.append((end, tar.offset))
    except (tarfile.TarError, ValueError, OverflowError) as error:
        yield f"is no whole tar ({error}); nothing after byte {end} is read"
    for begin, until in gaps:
        file.seek(begin)
        if any(file.read(min(_BUFFER, until - at)).strip(b"\0") for at in range(begin, until, _BUFFER)):
            yield f"has no member of a tar at byte {begin}: {until - begin} bytes are passed over"


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
            data = self._file.read(len(buffer))
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

    @property
    def _kind(self) -> str:
        return "gzip" if isinstance(self._file, gzip.GzipFile) else "zstd"


def _unpacked(root: Place, path: str, name: str) -> BinaryIO:
    def begin() -> IO[bytes]:
        packed = root.open(path)
        if name.lower().endswith((".gz", ".tgz")):
            return cast(IO[bytes], _Gzip(packed))
        return cast(IO[bytes], pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd"))

    return io.BufferedReader(_Forward(begin, root.size(path)), _BUFFER)


class _Gzip(gzip.GzipFile):
    """Closes the file that it unpacks."""

    def __init__(self, packed: BinaryIO) -> None:
        super().__init__(fileobj=packed)
        self._packed = packed

    def close(self) -> None:
        super().close()
        self._packed.close()
