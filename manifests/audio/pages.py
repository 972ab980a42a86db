"""Ogg: pages with the position they end at (RFC 3533).

A stream need not begin at 0: one that was recorded from a live source, or cut out of a file, goes on counting from
where its source was. It is as long as the way from its first sample to its last.
"""

import struct
from dataclasses import dataclass, field
from typing import Final

from turnmill.manifests.audio.extent import Extent
from turnmill.manifests.audio.views import Bytes

_CONTINUED, _BEGIN, _END = 1, 2, 4
_NOWHERE = (1 << 64) - 1  # the position of a page on which no packet ends
_OPUS_RATE: Final = 48000
_OPUS_MAX: Final = 5760  # samples of the longest packet


@dataclass
class _Link:
    """One file of those that are chained. `head`: of its first stream, which alone is counted."""

    head: bytes = b""
    serial: int = 0
    serials: set[int] = field(default_factory=set)
    started: int | None = None  # the position of the first page with audio
    held: int = 0  # the most samples that end on that page
    position: int = 0  # the position of the last page
    ended: bool = False

    @property
    def late(self) -> bool:
        return self.started is not None and self.started > self.held

    @property
    def samples(self) -> int:
        return self.position - ((self.started or 0) - self.held if self.late else 0)


def ogg(data: Bytes) -> Extent:
    """A file of several links (chained) is several files; several streams at once are not plain."""
    position, begun, starts = 0, True, [0]
    link, junk = _Link(), False

    while position < data.size:
        head = data.at(position, 27)
        if len(head) < 27 and head[:4] == b"OggS"[: len(head)]:
            return _ogg(data, starts, link, junk, "inside a page")
        if head[:4] != b"OggS":
            following = data.find(b"OggS", position + 1)
            if following < 0:
                junk = junk or not link.ended  # behind the last page: a tag, or padding
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
                link = _Link()
            begun = True
            if not link.head:
                link.head, link.serial = data.at(body, 64), serial
            link.serials.add(serial)
            link.ended = False
        else:
            begun = False
        if after > data.size or len(table) < count:
            return _ogg(data, starts, link, junk, "inside a page")
        if granule != _NOWHERE and serial == link.serial:
            link.position = granule
            if granule and link.started is None:
                link.started = granule
                link.held = _most_samples(link.head, table, data.at(body, sum(table)), bool(flags & _CONTINUED))
        link.ended = link.ended or bool(flags & _END)
        position = after
    # A live source has no end: where a stream began in the middle of one, no last page is missing.
    return _ogg(data, starts, link, junk, "" if link.ended or link.late else "before its last page")


def _most_samples(head: bytes, table: bytes, body: bytes, continued: bool) -> int:
    """The most samples that the packets which end on a page can hold."""
    if head[:7] == b"\x01vorbis" and len(head) >= 29:
        return sum(size < 255 for size in table) << (head[28] >> 4) >> 1  # half of a long block each
    samples, place, begins = _OPUS_MAX if continued else 0, 0, not continued
    for size in table:
        if begins:
            samples += _opus_samples(body[place : place + 2])
        begins = size < 255
        place += size
    return samples + _OPUS_MAX  # some encoders count their delay


def _opus_samples(packet: bytes) -> int:
    """Samples at 48 kHz of the packet of Opus that begins so (RFC 6716, 3.1)."""
    if not packet:
        return 0
    kind, code = packet[0] >> 3, packet[0] & 3
    if kind < 12:
        frame = (480, 960, 1920, 2880)[kind & 3]
    elif kind < 16:
        frame = (480, 960)[kind & 1]
    else:
        frame = (120, 240, 480, 960)[kind & 3]
    return frame * (packet[1] & 63 if code == 3 and len(packet) > 1 else (1, 2, 2, 1)[code])


def _ogg(data: Bytes, starts: list[int], link: _Link, junk: bool, cut: str) -> Extent:
    if len(starts) > 1:
        links = tuple(zip(starts, [*starts[1:], data.size], strict=True))
        return Extent("other", cut=cut, plain=False, links=links)
    plain = len(link.serials) == 1 and not junk and not link.late
    first = link.head
    if first[:8] == b"OpusHead" and len(first) >= 12:
        (skip,) = struct.unpack_from("<H", first, 10)
        slack = 0.06 + (_OPUS_MAX * 2 / _OPUS_RATE if link.late else 0)
        return Extent("opus", max(link.samples - skip, 0) / _OPUS_RATE, slack, cut, plain)
    if first[:7] == b"\x01vorbis" and len(first) >= 29:
        (rate,) = struct.unpack_from("<I", first, 12)
        rate = max(rate, 1)
        slack = ((1 << (first[28] >> 4)) + (link.held if link.late else 0)) / rate  # blocks may have been short
        return Extent("ogg", link.samples / rate, slack, cut, plain)
    return Extent("other", cut=cut, plain=False)
