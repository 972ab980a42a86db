"""A place on this machine."""

import io
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, Literal

from turnmill.sources.places.place import Folder, Place, Stamp, UnsafeNameError, is_hidden

_THREADS: Final = 32  # a file on a network is waited for: that many at a time
_BATCH: Final = 512  # files


@dataclass(frozen=True)
class Local(Place):
    """A folder or file of this machine."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        return self.path.name

    @cached_property
    def address(self) -> tuple[str, str]:
        return "file", os.path.realpath(self.path)

    def kind(self) -> Literal["file", "folder", "other"] | None:
        if self.path.is_dir():
            return "folder"
        if self.path.is_file():
            return "file"
        return "other" if self.path.exists() else None

    def listing(self) -> Folder:
        """Links to folders inside the root are not followed, for their target is walked under its own name."""
        sizes: dict[str, int] = {}
        hidden: dict[str, int] = {}
        unsafe: dict[str, str] = {}
        pending = [""]
        while pending:
            prefix = pending.pop()
            inside_hidden = is_hidden(prefix)
            plain: dict[str, int] = {}  # name -> size of what is neither a link nor hidden, as most is
            try:
                with os.scandir(self.path / prefix) as found:
                    for entry in found:
                        name = entry.name
                        apart = inside_hidden or name[0] == "."
                        if not apart and name.isascii() and entry.is_file(follow_symlinks=False):
                            plain[name] = entry.stat().st_size
                            continue
                        path = prefix + name
                        if not apart and (why := self._why_unsafe(path, entry)):
                            unsafe[os.fsencode(path).decode("utf-8", "backslashreplace")] = why
                        elif entry.is_dir(follow_symlinks=False):
                            pending.append(path + "/")
                        elif apart:
                            hidden[path] = entry.stat(follow_symlinks=False).st_size
                        elif entry.is_file():
                            sizes[path] = entry.stat().st_size
            except OSError:
                if not inside_hidden:
                    raise
                hidden[prefix] = 0
            # Who goes through a million paths in their order finds neighbours in the memory.
            sizes |= {prefix + name: plain[name] for name in sorted(plain)}
        paths = sorted(sizes)
        if paths != list(sizes):
            sizes = {path: sizes[path] for path in paths}
        return Folder(self, sizes, hidden, dict(sorted(unsafe.items())))

    def _why_unsafe(self, path: str, entry: os.DirEntry[str]) -> str:
        """Why an entry is not read; empty where it may be."""
        try:
            path.encode()
        except UnicodeEncodeError:
            return "its name is not UTF-8"
        if entry.is_symlink():
            if not self._holds(entry.path):
                return "it is a link that leaves the corpus folder"
            if not os.path.exists(entry.path):
                return "it is a link to nothing"
        return "" if entry.is_file() or entry.is_dir() else "it is neither a file nor a folder"

    def _holds(self, path: str) -> bool:
        root, real = self.address[1], os.path.realpath(path)
        return real == root or real.startswith(root.rstrip("/") + "/")

    def target(self, path: str, listed: bool) -> str | None:
        root = self.address[1]
        full = os.path.join(root, path)
        if listed and not os.path.lexists(full):
            return None  # the dear resolving of links would say no more
        if not self._holds(full):
            raise UnsafeNameError(f"{path} leads out of the corpus folder")
        return os.path.relpath(os.path.realpath(full), root)

    def open(self, path: str = "") -> BinaryIO:
        return io.BufferedReader(io.FileIO(self._full(path)))

    def read(self, path: str = "", offset: int = 0, length: int | None = None) -> bytes:
        with io.FileIO(self._full(path)) as file:
            if offset:
                file.seek(offset)
            return file.read(-1 if length is None else length)

    def size(self, path: str = "") -> int:
        return os.stat(self._full(path)).st_size

    def stamps(self, paths: Sequence[str]) -> Mapping[str, Stamp]:
        def of(batch: Iterable[str]) -> list[Stamp]:
            return [(stat.st_size, stat.st_mtime_ns) for stat in map(os.stat, map(self._full, batch))]

        batches = (paths[first : first + _BATCH] for first in range(0, len(paths), _BATCH))
        with ThreadPoolExecutor(_THREADS) as pool:
            return dict(zip(paths, chain.from_iterable(pool.map(of, batches)), strict=True))

    def _full(self, path: str) -> str:
        """As `self.path / path`, which takes as long as opening the file does."""
        return f"{self.path}/{path}" if path else str(self.path)
