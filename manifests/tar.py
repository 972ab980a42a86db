"""Tar shards whose bytes depend on their members alone: fixed time, owner and mode, USTAR headers; and the samples in
them."""

import errno
import io
import tarfile
from collections.abc import Iterator
from itertools import groupby
from typing import BinaryIO, Final

_CHUNK: Final = 1 << 20


def samples_in(tar: tarfile.TarFile) -> Iterator[tuple[str, list[tarfile.TarInfo]]]:
    """(key, members) of each sample, as any WebDataset reader has them: adjacent members whose names are the same up to
    the first dot. Raises tarfile.TarError where the shard breaks off."""
    for key, members in groupby(tar, key=lambda member: member.name.partition(".")[0]):
        yield key, list(members)


class TarWriter:
    """Appends members to an open binary file and tells where each one's bytes lie.

    Names must be at most 100 ASCII characters (one 512-byte USTAR header each), which hash keys always are.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._offset = 0

    def add(self, name: str, data: bytes | BinaryIO) -> tuple[int, int]:
        """Append one member, bytes or a whole file; returns (offset of its first byte, size), both in bytes.

        Raises OSError where the file becomes shorter while it is copied.
        """
        file = io.BytesIO(data) if isinstance(data, bytes) else data
        info = tarfile.TarInfo(name)
        info.size = file.seek(0, io.SEEK_END)
        info.mode = 0o644
        file.seek(0)
        header = info.tobuf(format=tarfile.USTAR_FORMAT)
        self._file.write(header)
        left = info.size
        while left:
            chunk = file.read(min(_CHUNK, left))
            if not chunk:
                raise OSError(errno.EIO, "became shorter while it was copied", name)
            self._file.write(chunk)
            left -= len(chunk)
        padding = -info.size % tarfile.BLOCKSIZE
        self._file.write(bytes(padding))
        offset = self._offset + len(header)
        self._offset = offset + info.size + padding
        return offset, info.size

    def close(self) -> None:
        """Write the end-of-archive mark, padded to the record size that tar programs expect."""
        end = 2 * tarfile.BLOCKSIZE
        self._file.write(bytes(end + -(self._offset + end) % tarfile.RECORDSIZE))
