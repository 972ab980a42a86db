"""A filesystem that counts what an object store would be asked: local files under a protocol that is not local.

A listing is a request for each 1,000 names of it, as S3 gives them; every other call is one.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

COUNTED = "counted"
_PAGE = 1000
_calls: Counter[str] = Counter()


class CountingFileSystem(fsspec.AbstractFileSystem):
    """Delegates to the local filesystem. Nothing is cached: every call that reaches it is counted."""

    protocol = COUNTED
    cachable = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._local = LocalFileSystem()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(LocalFileSystem._strip_protocol(path.removeprefix(f"{COUNTED}://")))

    def ls(self, path: str, detail: bool = True, **_: Any) -> Any:
        found = self._local.ls(self._strip_protocol(path), detail=True)
        _calls["list"] += 1 + len(found) // _PAGE
        return found if detail else [info["name"] for info in found]

    def find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **_: Any
    ) -> Any:
        """Flat, as an object store lists a prefix."""
        found = self._local.find(self._strip_protocol(path), maxdepth=maxdepth, withdirs=withdirs, detail=True)
        _calls["list"] += 1 + len(found) // _PAGE
        return found if detail else sorted(found)

    def info(self, path: str, **_: Any) -> Any:
        _calls["info"] += 1
        return self._local.info(self._strip_protocol(path))

    def exists(self, path: str, **_: Any) -> bool:
        _calls["exists"] += 1
        return bool(self._local.exists(self._strip_protocol(path)))

    def modified(self, path: str) -> Any:
        _calls["info"] += 1
        return self._local.modified(self._strip_protocol(path))

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> Any:
        _calls["read"] += 1
        return self._local.cat_file(self._strip_protocol(path), start=start, end=end)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        _calls["open"] += 1
        return self._local.open(self._strip_protocol(path), mode)

    def put_file(self, lpath: str, rpath: str, **_: Any) -> None:
        _calls["put"] += 1
        self._local.put_file(lpath, self._strip_protocol(rpath))

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """An object store has no folders."""
        os.makedirs(self._strip_protocol(path), exist_ok=exist_ok)

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:
        paths = [path] if isinstance(path, str) else path
        _calls["remove"] += 1 + len(paths) // _PAGE
        for one in paths:
            self._local.rm(self._strip_protocol(one), recursive=recursive, maxdepth=maxdepth)


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Requests made until the block ends, by kind, of URLs `counted:///folder`."""
    fsspec.register_implementation(COUNTED, CountingFileSystem, clobber=True)
    _calls.clear()
    found: Counter[str] = Counter()
    yield found
    found.update(_calls)
