"""Tar shards whose bytes depend on their members alone: fixed time, owner and mode, USTAR headers."""

import tarfile
from typing import BinaryIO


class TarWriter:
    """Appends members to an open binary file and tells where each one's bytes lie.

    Names must be at most 100 ASCII characters (one 512-byte USTAR header each), which hash keys always are.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._offset = 0

    def add(self, name: str, data: bytes) -> tuple[int, int]:
        """Append one member; returns (offset of its first byte, size), both in bytes."""
        info = tarfile.TarInfo(name)
        info.size = len(data)
        info.mode = 0o644
        header = info.tobuf(format=tarfile.USTAR_FORMAT)
        padding = -len(data) % tarfile.BLOCKSIZE
        self._file.write(b"".join((header, data, bytes(padding))))
        offset = self._offset + len(header)
        self._offset = offset + len(data) + padding
        return offset, len(data)

    def close(self) -> None:
        """Write the end-of-archive mark, padded to the record size that tar programs expect."""
        end = 2 * tarfile.BLOCKSIZE
        self._file.write(bytes(end + -(self._offset + end) % tarfile.RECORDSIZE))
