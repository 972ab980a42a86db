"""Streams of frames that each tell their length: MPEG audio (MP3), ADTS (AAC), AMR; and FLAC, by its last frame."""

import re
import struct
from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from turnmill.manifests.audio import tags
from turnmill.manifests.audio.extent import Extent
from turnmill.manifests.audio.views import Bytes

_MPEG_RATES: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KILOBITS: Final = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_DECODER_DELAY: Final = 529  # samples of every MP3 decoder; with an encoder's own, what a right decoder may not skip
_SEARCHED: Final = 128 << 10  # bytes looked through for the next frame: a picture, a few broken frames
_COUNTS: Final = (b"Xing", b"Info", b"VBRI")


class _Frame(NamedTuple):
    size: int  # bytes
    samples: int
    rate: int
    layer: int
    side: int  # bytes between the header and a Xing tag


@cache
def _mpeg_frames() -> Sequence[_Frame | None]:
    """What the second and third byte of a header mean, for stereo; null for what is no frame of a known length."""
    table: list[_Frame | None] = [None] * 65536
    for second in range(0xE0, 0x100):
        version, layer = (second >> 3) & 3, 4 - ((second >> 1) & 3)
        if version == 1 or layer == 4:
            continue
        for third in range(256):
            kilobits, rate_index, padding = third >> 4, (third >> 2) & 3, (third >> 1) & 1
            if kilobits in (0, 15) or rate_index == 3:
                continue
            rate = _MPEG_RATES[version][rate_index]
            bits = _KILOBITS[1 if version == 3 else 2, layer][kilobits - 1] * 1000
            samples = 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1152
            size = (12 * bits // rate + padding) * 4 if layer == 1 else samples // 8 * bits // rate + padding
            table[second << 8 | third] = _Frame(size, samples, rate, layer, 32 if version == 3 else 17)
    return table


def mpeg_or_adts(data: Bytes) -> Extent:
    """MP3 and AAC have no magic of their own: a chain of their headers tells them."""
    start = tags.past(data, 0)
    head = data.at(start, 4)
    if len(head) == 4 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return _adts(data, start)
    first = _next_frame(data, start)
    return Extent() if first is None else _mpeg(data, first)


def _frame_of(head: bytes) -> _Frame | None:
    """The frame that begins with these bytes, of which four are looked at; null where none does."""
    return _mpeg_frames()[head[1] << 8 | head[2]] if len(head) > 3 and head[0] == 0xFF else None


def mpeg_frame_size(head: bytes) -> int:
    """Bytes of the MPEG-1, 2 or 2.5 audio frame (Layer I to III) that begins with `head`; 0 where none does."""
    frame = _frame_of(head)
    return 0 if frame is None else frame.size


def _is_frame(data: Bytes, position: int) -> _Frame | None:
    return _frame_of(data.at(position, 4))


def _next_frame(data: Bytes, position: int) -> int | None:
    """The first place from here on with two frames in a row, or one that ends the file; null within 128 KiB."""
    near = data.at(position, _SEARCHED)
    place = -1
    while (place := near.find(b"\xff", place + 1)) >= 0:
        frame = _is_frame(data, position + place)
        if frame is not None:
            after = position + place + frame.size
            if after == data.size or _is_frame(data, after) is not None:
                return position + place
    return None


def _mpeg(data: Bytes, start: int) -> Extent:
    table = _mpeg_frames()
    position, samples, cut, plain = start, 0, "", True
    elsewhere = 0.0  # seconds of frames at another rate than the first
    counted: int | None = None  # frames that a Xing or VBRI tag counts
    trimmed, found = 0, 0
    first = _is_frame(data, start)
    assert first is not None  # the place was found by it
    mono = data.at(start + 3, 1)[0] >= 0xC0
    links = [0]
    chunk, base = data.chunk(position), position
    while position < data.size:
        offset = position - base
        if offset + 64 > len(chunk) and base + len(chunk) < data.size:
            chunk, base, offset = data.chunk(position), position, 0
        head = chunk[offset : offset + 40]
        frame = table[head[1] << 8 | head[2]] if len(head) > 3 and head[0] == 0xFF else None
        if frame is None:
            behind = tags.past(data, position)
            again = behind if behind > position else _next_frame(data, position)
            if again is None:
                break
            plain = plain and behind > position
            if behind > position and (samples or elsewhere) and _is_frame(data, behind) is not None:
                links.append(position)
                samples, elsewhere, counted = 0, 0.0, None
            position = again
            continue
        size, spoken, rate, layer, side = frame
        alone = head[3] >= 0xC0
        place = 4 + (side if not alone else 17 if side == 32 else 9)
        if not head.startswith(_COUNTS, place):
            place = 36
        if head.startswith(_COUNTS, place):
            if samples or elsewhere or counted is not None:
                links.append(position)
                samples, elsewhere = 0, 0.0
            elif not head.startswith(b"VBRI", place):
                counted, trimmed = _xing(data.at(position + place, 144))
            else:
                (counted,) = struct.unpack(">I", data.at(position + place + 14, 4))
        else:
            if position + size > data.size:
                cut = "inside a frame"
                break
            found += 1
            if rate == first.rate:
                samples += spoken
            else:
                elsewhere += spoken / rate
            if rate != first.rate or layer != first.layer or alone != mono:
                plain = False
        position += size
    if len(links) > 1:
        return Extent(cut=cut, plain=False, links=tuple(zip(links, [*links[1:], data.size], strict=True)))
    if counted:
        # Some count the frame of the tag too; a part of a frame behind all that are counted is none.
        short = found < counted - 1 or (cut and found < counted)
        cut = f"{found} of the {counted} frames it declares are there" if short else ""
        plain = plain and found <= counted
    seconds = max(samples - trimmed, 0) / first.rate + elsewhere
    slack = (first.samples + 2 * _DECODER_DELAY) / first.rate
    return Extent("mp3" if first.layer == 3 else "other", seconds, slack, cut, plain)


def _xing(tag: bytes) -> tuple[int | None, int]:
    """(frames it counts, samples of delay and padding) of a Xing tag with LAME's part, as far as it has them."""
    if len(tag) < 12:
        return None, 0
    (flags,) = struct.unpack_from(">I", tag, 4)
    place = 8
    frames = None
    if flags & 1:
        (frames,) = struct.unpack_from(">I", tag, place)
        place += 4
    place += (4 if flags & 2 else 0) + (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    gaps = tag[place + 21 : place + 24]
    if len(gaps) < 3 or not any(tag[place : place + 4]):
        return frames, 0
    return frames, (gaps[0] << 4 | gaps[1] >> 4) + ((gaps[1] & 15) << 8 | gaps[2])


_ADTS_RATES: Final = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


def _adts(data: Bytes, position: int) -> Extent:
    seconds, cut, slack = 0.0, "", 0.0
    truth: tuple[tuple[int, int], ...] = ()
    while position < data.size:
        head = data.at(position, 7)
        if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
            behind = tags.past(data, position)
            if behind > position:
                position = behind
                continue
            if data.zeros(position):
                truth = ((0, position),)
                break
            cut = "inside a header" if head[:2] in (b"\xff", b"\xff\xf1", b"\xff\xf9") and len(head) < 7 else ""
            break
        size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        rate_index = (head[2] >> 2) & 15
        if size < 7 or rate_index >= len(_ADTS_RATES):
            return Extent()
        if position + size > data.size:
            cut = "inside a frame"
            break
        frame = 1024 * ((head[6] & 3) + 1) / _ADTS_RATES[rate_index]
        seconds, slack = seconds + frame, 3 * frame
        position += size
    return Extent("other", seconds, slack, cut, plain=False, truth=truth)


_AMR_SIZES: Final = (12, 13, 15, 17, 19, 20, 26, 31, 5, 0, 0, 0, 0, 0, 0, 0)
_NO_AMR: Final = (b"\0", b"I")  # how zeros and ID3v2 begin: a damaged frame, and no frame
_AMR_WIDE_SIZES: Final = (17, 23, 32, 36, 40, 46, 50, 58, 60, 5, 0, 0, 0, 0, 0, 0)


def amr(data: Bytes) -> Extent:
    head = data.at(0, 9)
    narrow = head[:6] == b"#!AMR\n"
    if not narrow and head != b"#!AMR-WB\n":
        return Extent()
    position, frames = 6 if narrow else 9, 0
    sizes = _AMR_SIZES if narrow else _AMR_WIDE_SIZES
    while position < data.size:
        if data.at(position, 5) == b"#!AMR":
            return Extent(links=((0, position), (position, data.size)))
        lead = data.at(position, 1)
        if lead in _NO_AMR and tags.ends(data, position):
            return Extent("other", frames * 0.02, 0.06, truth=((0, position),))
        position += 1 + sizes[(lead[0] >> 3) & 15]
        if position > data.size:
            return Extent(cut="inside a frame")
        frames += 1
    return Extent("other", frames * 0.02, 0.06)


def wavpack(data: Bytes) -> Extent:
    """Blocks that each tell their size. What follows the last is no audio."""
    position, starts = 0, [0]
    while (head := data.at(position, 8))[:4] == b"wvpk" and len(head) == 8:
        position += 8 + int.from_bytes(head[4:], "little")
        if position > data.size:
            return Extent(cut="inside a block", plain=False)
        behind = tags.past(data, position)
        if behind > position and data.at(behind, 4) == b"wvpk":
            starts.append(behind)
            position = behind
    if len(starts) > 1:
        return Extent(plain=False, links=tuple(zip(starts, [*starts[1:], data.size], strict=True)))
    broken = position == data.size or data.find(b"wvpk", position) >= 0
    return Extent(plain=False, truth=() if broken else ((0, position),))


_FLAC_TAIL: Final = 1 << 17
_FLAC_SYNC: Final = re.compile(rb"\xff[\xf8\xf9]")
_BEGINNINGS: Final = (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22")


def flac(data: Bytes) -> Extent:
    head = data.at(0, 42)
    if len(head) < 42:
        return Extent(cut="inside a header")
    if head[:8] not in _BEGINNINGS:
        return Extent()
    rate = int.from_bytes(head[18:21]) >> 4
    total = int.from_bytes(head[21:26]) & 0xFFFFFFFFF
    if not total or not rate:
        return Extent("flac", plain=False)
    ends = _flac_ends(data, int.from_bytes(head[8:10]), int.from_bytes(head[15:18]))
    if total not in ends and any(end > total for end in ends):
        # More than it states: shown to decoders as a file of unknown length, which they read to its end.
        unknown = bytes([head[21] & 0xF0, 0, 0, 0, 0])
        return Extent("flac", plain=False, truth=((0, 21), unknown, (26, data.size)))
    return Extent("flac", total / rate, 0.5 / rate, plain=total in ends)


def flac_links(data: Bytes, place: int) -> tuple[tuple[int, int], ...]:
    """[start, end) in bytes of the FLAC files that were joined, where those behind the first begin at `place` or later:
    to look for them everywhere takes a tenth of the time of a decode."""
    starts = [0]
    while (place := data.find(b"fLaC", max(place, 4))) > 0:
        if data.at(place, 8) in _BEGINNINGS:
            starts.append(place)
        place += 4
    return tuple(zip(starts, [*starts[1:], data.size], strict=True))


def _flac_ends(data: Bytes, block: int, largest: int) -> set[int]:
    """Where the last frames may end, in samples, by headers in the file's tail (RFC 9639, 9.1).

    `block`: samples of a frame where that is fixed. `largest`: bytes of the largest frame, 0 where it is not known.
    """
    start = max(data.size - (2 * largest or _FLAC_TAIL), 42)
    tail = data.at(start, data.size - start)
    ends: set[int] = set()
    for found in _FLAC_SYNC.finditer(tail):
        head = tail[found.start() : found.start() + 16]
        if len(head) < 6:
            break
        number, used = _coded(head[4:])
        code = head[2] >> 4
        extra = {6: 1, 7: 2}.get(code, 0)
        rate_extra = {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
        size = 4 + used + extra + rate_extra
        if not used or code == 0 or len(head) <= size or _crc8(head[:size]) != head[size]:
            continue
        samples = (
            192
            if code == 1
            else 576 << (code - 2)
            if code < 6
            else int.from_bytes(head[4 + used : 4 + used + extra]) + 1
            if code < 8
            else 256 << (code - 8)
        )
        ends.add((number if head[1] & 1 else number * block) + samples)
    return ends


def _coded(data: bytes) -> tuple[int, int]:
    """A number in FLAC's UTF-8-like code, and the bytes it took (0 for none)."""
    lead = data[0]
    if lead < 0x80:
        return lead, 1
    length = 8 - (lead ^ 0xFF).bit_length()
    if not 2 <= length <= 7 or len(data) < length:
        return 0, 0
    value = lead & ((1 << (7 - length)) - 1) if length < 7 else 0
    for byte in data[1:length]:
        if byte & 0xC0 != 0x80:
            return 0, 0
        value = value << 6 | byte & 0x3F
    return value, length


@cache
def _crc8_table() -> bytes:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value << 1 ^ 0x07 if value & 0x80 else value << 1) & 0xFF
        table.append(value)
    return bytes(table)


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = _crc8_table()[crc ^ byte]
    return crc
