"""Containers of nested boxes, as far as their sizes tell that they are whole: MP4 and Matroska."""

import struct
from typing import Final

from turnmill.manifests.audio.extent import Extent, short_of
from turnmill.manifests.audio.views import Bytes

_AUDIO: Final = frozenset({b"ftyp", b"moov", b"mdat", b"moof", b"styp", b"sidx"})  # and what leads to it


def mp4(data: Bytes) -> Extent:
    """A second file type box behind a movie is a joined file."""
    position, starts, movie = 0, [0], False
    while position < data.size:
        head = data.at(position, 16)
        if len(head) < 8:
            break  # a few bytes of padding
        size, kind = struct.unpack_from(">I4s", head)
        if not all(byte >= 32 for byte in kind):
            break  # padding
        if kind == b"ftyp" and movie:
            starts.append(position)
            movie = False
        movie = movie or kind == b"moov"
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack_from(">Q", head, 8)
        if size == 0:  # to the end of the file
            break
        if size < 8:
            return Extent(plain=False)
        if position + size > data.size:
            if kind not in _AUDIO:
                break
            return Extent(cut=short_of(data.size - position, size), plain=False)
        position += size
    links = tuple(zip(starts, [*starts[1:], data.size], strict=True)) if len(starts) > 1 else ()
    return Extent(plain=False, links=links)


def matroska(data: Bytes) -> Extent:
    """The one segment states its size, but where it was written to a pipe."""
    position = 0
    while position < data.size:
        head = data.at(position, 16)
        identity, used = _number(head, keep_marker=True)
        size, more = _number(head[used:], keep_marker=False)
        if not used or not more:
            break
        unknown = size == (1 << 7 * more) - 1
        position += used + more
        if unknown:
            break
        if position + size > data.size:
            return Extent(cut=short_of(data.size - position, size), plain=False)
        if identity == 0x18538067:  # segment
            break
        position += size
    return Extent(plain=False)


def _number(data: bytes, keep_marker: bool) -> tuple[int, int]:
    """EBML's number of variable length, and the bytes it took (0 for none)."""
    if not data or not data[0]:
        return 0, 0
    length = 9 - data[0].bit_length()
    if len(data) < length:
        return 0, 0
    value = int.from_bytes(data[:length])
    return (value if keep_marker else value & ((1 << 7 * length) - 1)), length
