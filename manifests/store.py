"""A dataset folder, local or on any fsspec URL, in which a file that can be seen is complete.

A part is one Parquet file, `<table>/<fingerprint>/<shard key>.parquet`. Files are written under a temporary name and
renamed (locally) or PUT whole on close (object stores), so a reader never meets half a file.
"""

import fcntl
import os
import posixpath
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from turnmill.manifests.errors import UsageError
from turnmill.manifests.urls import filesystem

_TEMPORARY = ".turnmill-tmp-"
LOCK = ".lock"


@dataclass(frozen=True)
class Store:
    """A folder. `url` is a path or an fsspec URL (`s3://bucket/folder`); all names below are relative to it."""

    url: str

    @cached_property
    def fs(self) -> fsspec.AbstractFileSystem:
        return fsspec.core.url_to_fs(self.url)[0]

    @cached_property
    def is_local(self) -> bool:
        return isinstance(self.fs, LocalFileSystem)

    @cached_property
    def root(self) -> str:
        """The folder's path as its filesystem spells it (absolute for a local one)."""
        return str(fsspec.core.url_to_fs(self.url)[1]).rstrip("/")

    def path(self, name: str) -> str:
        return posixpath.join(self.root, name)

    def exists(self, name: str) -> bool:
        return bool(self.fs.exists(self.path(name)))

    def names(self, prefix: str) -> list[str]:
        """Names of the complete files below a folder, sorted."""
        self.fs.invalidate_cache()  # workers write while the driver looks
        found = self.fs.find(self.path(prefix))
        relative = (os.path.relpath(path, self.root) for path in found)
        return sorted(name for name in relative if _TEMPORARY not in name)

    def read(self, name: str) -> bytes:
        return bytes(self.fs.cat_file(self.path(name)))

    def open(self, name: str) -> BinaryIO:
        return cast(BinaryIO, self.fs.open(self.path(name), "rb"))

    @contextmanager
    def writer(self, name: str) -> Iterator[BinaryIO]:
        """A binary file that appears under `name`, whole, when the block ends without an error, and else not at all."""
        path = self.path(name)
        if not self.is_local:
            # Closing a remote file publishes it, even after an error: it is made here first, and PUT when it is whole.
            with tempfile.NamedTemporaryFile() as local:
                yield cast(BinaryIO, local)
                local.flush()
                self.fs.makedirs(os.path.dirname(path), exist_ok=True)
                self.fs.put_file(local.name, path)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = f"{path}{_TEMPORARY}{uuid.uuid4().hex}"
        try:
            with Path(temporary).open("wb", buffering=1 << 20) as file:
                yield file
            os.replace(temporary, path)
        except BaseException:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise

    def write(self, name: str, data: bytes) -> None:
        with self.writer(name) as file:
            file.write(data)

    def remove(self, name: str) -> None:
        if self.exists(name):
            self.fs.rm(self.path(name))

    def remove_all(self, names: Iterable[str]) -> None:
        """Remove files that are there, many with one request where the filesystem can."""
        paths = [self.path(name) for name in names]
        if paths:
            self.fs.rm(paths)

    def remove_temporaries(self) -> None:
        """Delete what a killed run left half-written."""
        if self.is_local and os.path.isdir(self.root):
            for folder, _, files in os.walk(self.root):
                for file in files:
                    if _TEMPORARY in file:
                        with suppress(FileNotFoundError):  # its worker, that is ending, removed it
                            os.unlink(os.path.join(folder, file))

    def write_part(self, name: str, table: pa.Table, notes: Mapping[str, str]) -> None:
        """Write a Parquet part; `notes` go into its footer, under `turnmill.`."""
        # A table that was read from a part still has that part's notes.
        inherited = {k: v for k, v in (table.schema.metadata or {}).items() if not k.startswith(b"turnmill.")}
        metadata = inherited | {f"turnmill.{key}".encode(): value.encode() for key, value in notes.items()}
        with self.writer(name) as file:
            pq.write_table(table.replace_schema_metadata(metadata), file, compression="zstd", row_group_size=1 << 16)

    def read_part(self, name: str, where: tuple[str, str] | None = None) -> pa.Table:
        """A part's rows, in order; with `where` (column, value), only those, read by row group."""
        with self.open(name) as file:
            if where is not None:
                return pq.read_table(file, filters=[(where[0], "=", where[1])])
            # A process that ends while Arrow's threads are still starting is aborted, so a part is read without them.
            return pq.ParquetFile(file).read(use_threads=False)


def part_name(table: str, fingerprint: str, key: str) -> str:
    return f"{table}/{fingerprint}/{key}.parquet"


def tar_name(kind: str, fingerprint: str, key: str) -> str:
    """Name of an audio shard: `kind` is the table that points into it (clips, speech, dialogues)."""
    return f"audio/{kind}/{fingerprint}/{key}.tar"


def rows(table: pa.Table) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], table.to_pylist())


def opened(url: str) -> Store:
    """A store at a folder or URL that this environment can read. Raises UsageError where it lacks a package for it."""
    filesystem(url)
    return Store(url)


@contextmanager
def locked(store: Store, option: str) -> Iterator[None]:
    """One writer at a time in a local folder; the lock, of the file LOCK, dies with the process, however it dies.
    `option`: what names the folder on the command line.

    Raises UsageError for a folder that cannot be written, or that another writes.
    """
    if not store.is_local:
        yield
        return
    try:
        os.makedirs(store.root, exist_ok=True)
        lock = Path(store.path(LOCK))
        lock.touch()
    except OSError as error:
        raise UsageError(f"{store.url} cannot be written: {error.strerror}; name another {option}") from error
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"{store.url}: another run is writing here; wait for it or name another {option}"
            ) from error
        yield
