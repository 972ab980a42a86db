"""Files packed in small blocks: of one that is cut, all but the end of what stood before can be unpacked."""

import zlib
from collections.abc import Callable, Mapping
from typing import Final

import pyarrow as pa

BLOCK: Final = 100  # bytes


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(each) + packer.flush(zlib.Z_SYNC_FLUSH) for each in _blocks(data)) + packer.flush()


def _zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        for each in _blocks(data):
            stream.write(each)
            stream.flush()
    return bytes(sink.getvalue())


def _blocks(data: bytes) -> list[bytes]:
    return [data[begin : begin + BLOCK] for begin in range(0, len(data), BLOCK)]


PACKERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {".gz": _gzip, ".zst": _zstd}
