"""A remote filesystem of whose files each is fetched once, whole, when it is first read.

DuckDB opens a Parquet file anew for every query, and asks for its size and time each time: of a part, which never
changes, one request is enough.
"""

import os
import shutil
import tempfile
import threading
import weakref
from collections import defaultdict
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from turnmill.manifests.records import stable_hash


class FetchedFileSystem(fsspec.AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """`remote`, read-only, under its own protocol. The copies go with this object."""

    cachable = False

    def __init__(self, remote: fsspec.AbstractFileSystem) -> None:
        super().__init__()
        self.protocol = remote.protocol
        self._remote = remote
        self._local = LocalFileSystem()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._folder = tempfile.mkdtemp(prefix="turnmill-parts-")
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def glob(self, path: str, **options: Any) -> Any:
        self._remote.invalidate_cache()  # workers write while others look
        return self._remote.glob(path, **options)

    def exists(self, path: str, **_: Any) -> bool:
        return os.path.exists(self._copy(path)) or bool(self._remote.exists(path))

    def isdir(self, path: str) -> bool:
        return not os.path.exists(self._copy(path)) and bool(self._remote.isdir(path))

    def info(self, path: str, **_: Any) -> Any:
        return {**self._local.info(self._fetched(path)), "name": path}

    def modified(self, path: str) -> Any:
        return self._local.modified(self._fetched(path))

    def open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        if mode != "rb":
            raise PermissionError(f"{path} is only read")
        return self._local.open(self._fetched(path), mode)

    def _copy(self, path: str) -> str:
        return os.path.join(self._folder, stable_hash(self._remote._strip_protocol(path), size=16))

    def _fetched(self, path: str) -> str:
        copy = self._copy(path)
        with self._locks[copy]:  # several threads may want the same file
            if not os.path.exists(copy):
                self._remote.get_file(path, f"{copy}-arriving")
                os.replace(f"{copy}-arriving", copy)
        return copy
