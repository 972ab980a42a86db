"""A place that a URL names: a bucket's folder, a repository, one file of a web server."""

import io
import posixpath
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, Literal, TypeVar
from urllib.parse import unquote, urlsplit

import fsspec

from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.urls import filesystem, redacted
from turnmill.sources.places.place import Folder, Place, Stamp, UnsafeNameError, is_hidden

_T = TypeVar("_T")

_BUFFER: Final = 1 << 20  # bytes that are asked for at once: most clips are one request
_WAITS: Final = (0.5, 1.0, 2.0)  # s, between tries of a store that does not answer
_MISSING: Final = (404, 410)  # HTTP statuses
_HASHES: Final = ("ETag", "etag", "md5Hash", "Content-MD5", "md5", "blob_id", "sha", "CRC")
_TIMES: Final = ("LastModified", "Last-Modified", "last_modified", "updated", "mtime", "modificationTime", "created")


@dataclass(frozen=True)
class Remote(Place):
    """A folder or file of a store that a URL names. A store that does not answer is asked again, then the work ends:
    what cannot be reached is no fault of an item."""

    url: str = field(repr=False)

    def __str__(self) -> str:
        return redacted(self.url)

    @property
    def name(self) -> str:
        named = next((part for part in self.url.split("::") if "://" in part), self.url)  # of a chain, what is read
        web = named.startswith(("http://", "https://"))
        return posixpath.basename((unquote(urlsplit(named).path) if web else named).rstrip("/"))

    @property
    def address(self) -> tuple[str, str]:
        fs, path = self._filesystem
        return str(fs.protocol), path

    @property
    def _filesystem(self) -> tuple[fsspec.AbstractFileSystem, str]:
        return filesystem(self.url)

    def kind(self) -> Literal["file", "folder"] | None:
        self._filesystem[0].invalidate_cache()  # others write while this process lives
        try:
            info = self._info("")
        except FileNotFoundError:
            return None
        except TurnmillError as error:
            raise UsageError(str(error)) from error
        return "folder" if info["type"] == "directory" else "file"

    def listing(self) -> Folder:
        self._filesystem[0].invalidate_cache()
        sizes: dict[str, int] = {}
        hidden: dict[str, int] = {}
        unsafe: dict[str, str] = {}
        for path, info in self._found().items():
            if set(path.split("/")) & {"", ".", ".."}:
                unsafe[path] = "its name is no path"
            elif is_hidden(path):
                hidden[path] = info["size"]
            else:
                sizes[path] = info["size"]
        return Folder(self, dict(sorted(sizes.items())), hidden, dict(sorted(unsafe.items())))

    def _found(self) -> Mapping[str, Mapping[str, Any]]:
        """What the store says of each file below the place. Raises UsageError."""
        fs, root = self._filesystem
        try:
            found = self._tried("", lambda: fs.find(root, detail=True))
        except TurnmillError as error:
            raise UsageError(str(error)) from error
        prefix = f"{root.rstrip('/')}/" if root else ""
        files = {key.removeprefix(prefix): info for key, info in found.items() if not key.endswith("/")}
        if any(info.get("size") is None for info in files.values()):
            raise UsageError(f"{self} lists no files with their sizes, as a web server does not: copy the corpus")
        return files

    def target(self, path: str, listed: bool) -> str | None:
        """A store has no links: what it does not list is not there."""
        plain = posixpath.normpath(path)
        if plain.startswith("/") or plain.split("/")[0] == "..":
            raise UnsafeNameError(f"{path} leads out of the corpus folder")
        return None if listed else plain

    def open(self, path: str = "") -> BinaryIO:
        raw = self._ranges(path)
        if raw.size > _BUFFER:
            return io.BufferedReader(raw, _BUFFER)
        with raw:
            return io.BytesIO(raw.readall())

    def read(self, path: str = "", offset: int = 0, length: int | None = None) -> bytes:
        with self._ranges(path) as raw:
            raw.seek(offset)
            return bytes(raw.read(-1 if length is None else length))

    def _ranges(self, path: str) -> "_Ranges":
        return _Ranges(self._filesystem[0], self._full(path), lambda work: self._tried(path, work))

    def size(self, path: str = "") -> int:
        return int(self._info(path)["size"])

    def stamps(self, paths: Sequence[str]) -> Mapping[str, Stamp]:
        infos = {"": self._info("")} if paths == [""] else self._found()
        if gone := [path for path in paths if path not in infos]:
            raise FileNotFoundError(f"{gone[0]} went away from {self}")
        return {path: _stamp(infos[path]) for path in paths}

    def _info(self, path: str) -> Mapping[str, Any]:
        return self._tried(path, lambda: self._filesystem[0].info(self._full(path)))

    def _full(self, path: str) -> str:
        root = self._filesystem[1]
        return f"{root.rstrip('/')}/{path}" if root and path else root or path

    def _tried(self, path: str, work: Callable[[], _T]) -> _T:
        """What `work` gives, if need be after some tries."""
        for wait in (*_WAITS, None):
            try:
                return work()
            except Exception as error:  # noqa: BLE001  # each library of a store has exceptions of its own
                if _is_missing(error):
                    raise FileNotFoundError(f"{path or self} is not there") from None
                if wait is None or isinstance(error, PermissionError | ValueError | TypeError | NotImplementedError):
                    where = f"{path} of {self}" if path else str(self)
                    why = (redacted(str(error)).splitlines() or [type(error).__name__])[0]
                    # Without its cause, which may tell what is redacted.
                    raise TurnmillError(f"{where} cannot be read: {why}; see docs/corpora.md for credentials") from None
            time.sleep(wait)
        raise AssertionError


class _Ranges(io.RawIOBase):
    """A file of a store: a read is one request, of what is asked for, tried anew by `again`. `size` in bytes."""

    def __init__(self, fs: fsspec.AbstractFileSystem, path: str, again: Callable[[Callable[[], Any]], Any]) -> None:
        self._fs = fs  # some close their files when nobody holds them
        self._again = again
        self._file = again(lambda: fs.open(path, "rb", cache_type="none"))
        self.size: int = again(lambda: self._file.seek(0, io.SEEK_END))
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("a file begins at 0")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        room = memoryview(buffer).cast("B")
        data = self._next(len(room))
        room[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        return self._next(self.size)

    def _next(self, most: int) -> bytes:
        count = max(min(most, self.size - self._position), 0)
        data: bytes = self._again(lambda: self._stretch(count)) if count else b""
        self._position += len(data)
        return data

    def _stretch(self, count: int) -> bytes:
        self._file.seek(self._position)
        data = bytes(self._file.read(count))
        if len(data) < count:
            raise EOFError(f"it ends at byte {self._position + len(data)} of {self.size}")
        return data

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def _is_missing(error: Exception) -> bool:
    """Whether a store says that a file is not there. fsspec takes whatever a web server says for that."""
    if _status(error) in _MISSING or _status(error.__cause__) in _MISSING:
        return True
    web = type(error.__cause__).__module__.partition(".")[0] == "aiohttp"
    return isinstance(error, FileNotFoundError) and not web


def _status(error: BaseException | None) -> Any:
    """The status of the answer that an error is about; null of one that names none."""
    return getattr(error, "status", None) or getattr(getattr(error, "response", None), "status_code", None)


def _stamp(info: Mapping[str, Any]) -> Stamp:
    known = next((info[key] for key in (*_HASHES, *_TIMES) if info.get(key)), None)
    return int(info["size"] or 0), None if known is None else str(known)
