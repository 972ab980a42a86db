"""Ogg: pages with the position they end at (RFC 3533)."""

import struct

from sources.audio.extent import Extent
from sources.audio.views import Bytes

_BEGIN, _END = 2, 4
_NOWHERE = (1 << 64) - 1  # the position of a page on which no packet ends


def ogg(data: Bytes) -> Extent:
    """A file of several links (chained) is several files; several streams at once are not plain."""
    position, begun, starts = 0, True, [0]
    serials: set[int] = set()
    first, last_position, ended, junk = b"", 0, False, False

    while position < data.size:
        head = data.at(position, 27)
        if len(head) < 27 and head[:4] == b"OggS"[: len(head)]:
            return _ogg(data, starts, first, last_position, serials, junk, "inside a page")
        if head[:4] != b"OggS":
            following = data.find(b"OggS", position + 1)
            if following < 0:
                junk = junk or not ended  # behind the last page: a tag, or padding
                break
            position, junk = following, True
            continue
        flags, granule, serial, count = head[5], *struct.unpack_from("<QI", head, 6), head[26]
        table = data.at(position + 27, count)
        body = position + 27 + count
        after = body + sum(table)
        if flags & _BEGIN:
            if not begun:
                starts.append(position)
                serials, first, last_position = set(), b"", 0
            begun = True
            serials.add(serial)
            first = first or data.at(body, 64)
            ended = False
        else:
            begun = False
        if after > data.size or len(table) < count:
            return _ogg(data, starts, first, last_position, serials, junk, "inside a page")
        if granule != _NOWHERE:
            last_position = granule
        ended = ended or bool(flags & _END)
        position = after
    return _ogg(data, starts, first, last_position, serials, junk, "" if ended else "before its last page")


def _ogg(
    data: Bytes, starts: list[int], first: bytes, position: int, serials: set[int], junk: bool, cut: str
) -> Extent:
    if len(starts) > 1:
        links = tuple(zip(starts, [*starts[1:], data.size], strict=True))
        return Extent("other", cut=cut, plain=False, links=links)
    plain = len(serials) == 1 and not junk
    if first[:8] == b"OpusHead" and len(first) >= 12:
        (skip,) = struct.unpack_from("<H", first, 10)
        return Extent("opus", max(position - skip, 0) / 48000, 0.06, cut, plain)
    if first[:7] == b"\x01vorbis" and len(first) >= 29:
        (rate,) = struct.unpack_from("<I", first, 12)
        slack = (1 << (first[28] >> 4)) / max(rate, 1)
        return Extent("ogg", position / rate if rate else None, slack, cut, plain)
    return Extent("other", cut=cut, plain=False)
