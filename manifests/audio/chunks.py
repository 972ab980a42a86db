"""Containers of chunks with sizes: WAV, RF64, AIFF, W64, CAF; and the two headers AU and SPHERE.

The size of the audio's chunk is believed where chunks or a joined file follow it, and where what follows is no audio
(`_is_trailer`). Where something else follows, the size wrapped at 32 bits or was never filled in: all of that is audio.
"""

import codecs
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from turnmill.manifests.audio import tags
from turnmill.manifests.audio.extent import Extent, short_of
from turnmill.manifests.audio.views import Bytes

_LINEAR: Final = frozenset({1, 3, 6, 7})  # WAV formats of one sample after another: PCM, float, A-law, mu-law
_EXTENSIBLE: Final = 0xFFFE
_REST: Final = 32 << 10  # bytes, or a tenth of the audio: less than this behind it is no audio that was not counted
_WRAP: Final = 1 << 32
_HEADERS: Final = 4096  # bytes by which a wrapped size may be off
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_PICTURES: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n")
# Metadata behind the audio: where one of these breaks off, no audio is missing.
_METADATA: Final = frozenset(
    b"LIST|id3 |ID3 |bext|cue |fact|smpl|inst|JUNK|junk|iXML|PEAK|_PMX|NAME|AUTH|ANNO|(c) |COMT|MARK|INST|APPL|CHAN|"
    b"info|strg|free|DISP|afsp|PAD |acid|cart|ID3 |SAUR|uuid|midi".split(b"|")
)


@dataclass(frozen=True)
class _Chunk:
    kind: bytes
    body: int  # place of its content
    size: int  # bytes of its content
    after: int  # place of the next chunk


Walk = Callable[[Bytes, int], "_Chunk | None"]


def _riff(data: Bytes, position: int, order: str = "<") -> _Chunk | None:
    head = data.at(position, 8)
    if len(head) < 8:
        return None
    kind, size = struct.unpack(f"{order}4sI", head)
    return _Chunk(kind, position + 8, size, position + 8 + size + size % 2)


def _form(data: Bytes, position: int) -> _Chunk | None:
    return _riff(data, position, ">")


def _guid(data: Bytes, position: int) -> _Chunk | None:
    head = data.at(position, 24)
    if len(head) < 24:
        return None
    (size,) = struct.unpack_from("<Q", head, 16)
    return _Chunk(head[:4], position + 24, size - 24, position + size + -size % 8) if size >= 24 else None


def _caf(data: Bytes, position: int) -> _Chunk | None:
    head = data.at(position, 12)
    if len(head) < 12:
        return None
    kind, size = struct.unpack(">4sq", head)
    return _Chunk(kind, position + 12, size, position + 12 + size)


def _chunkless(_data: Bytes, _position: int) -> _Chunk | None:
    return None


def _begins_file(head: bytes) -> bool:
    """Whether these 12 bytes begin a file of a kind that is read here."""
    kind, form = head[:4], head[8:]
    return (
        (kind in (b"RIFF", b"RF64") and form == b"WAVE")
        or (kind == b"FORM" and form in (b"AIFF", b"AIFC"))
        or head.startswith((b"caff\0\1\0\0", b".snd\0\0", b"riff\x2e\x91\xcf\x11"))
    )


def _chain_end(data: Bytes, position: int, walk: Walk) -> int | None:
    """Where a chain of chunks that begins here ends: at the end of the file, or where a joined file begins. Null where
    this is no chain."""
    while position < data.size:
        head = data.at(position, 12)
        if _begins_file(head):
            return position
        if (behind := tags.past(data, position)) > position:
            position = behind
            continue
        chunk = walk(data, position)
        if chunk is None or not _is_named(chunk):
            return data.size if data.zeros(position) else None
        if chunk.body + chunk.size > data.size:
            return data.size if chunk.kind in _METADATA else None
        position = chunk.after
    return data.size


def _is_named(chunk: _Chunk) -> bool:
    return all(32 <= byte < 127 for byte in chunk.kind) and chunk.size >= 0


def _is_trailer(data: Bytes, position: int, size: int, walk: Walk) -> bool:
    """Whether what begins here, behind `size` bytes of audio, is none of it: less than 32 KiB and less than a tenth of
    the audio, a chunk, a tag, a picture, text, or nothing but zeros."""
    if data.size - position <= min(_REST, size // 10):
        return True
    chunk = walk(data, position)
    if chunk is not None and _is_named(chunk) and chunk.body + chunk.size <= data.size:
        return True
    head = data.at(position, 4096)
    return (
        head[:4] in _METADATA
        or head.startswith((*_PICTURES, b"LYRICSBEGIN"))
        or tags.past(data, position) > position
        or _is_text(head)
        or data.zeros(position)
    )


def _is_text(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return not _CONTROLS.search(head)


@dataclass(frozen=True)
class _Audio:
    """Where the audio's bytes lie: [start, end), whether the declared size was true, where a joined file begins."""

    end: int
    true: bool
    cut: str
    joined: int | None


def _audio(data: Bytes, chunk: _Chunk, walk: Walk, unknown: bool) -> _Audio:
    held = data.size - chunk.body
    if unknown or chunk.size < 0:
        return _Audio(data.size, True, "", None)
    if chunk.size > held:
        # Some writers count the headers too: told from a cut by the size of the whole, which a cut leaves too large.
        (whole,) = struct.unpack("<I", data.at(4, 4))
        counts_headers = data.at(0, 4) == b"RIFF" and chunk.size - held <= chunk.body and whole + 8 <= data.size
        return _Audio(data.size, True, "" if counts_headers else short_of(held, chunk.size), None)
    for after in (chunk.after, chunk.body + chunk.size):  # some writers leave the padding byte out
        end = _chain_end(data, min(after, data.size), walk)
        if end is not None:
            return _Audio(chunk.body + chunk.size, True, "", end if end < data.size else None)
    wraps = (held - chunk.size + _HEADERS) // _WRAP
    size = min(chunk.size + wraps * _WRAP, held)
    if size and _is_trailer(data, chunk.body + size, size, walk):
        return _Audio(chunk.body + size, wraps == 0, "", None)
    return _Audio(data.size, False, "", None)


def _links(data: Bytes, audio: _Audio) -> tuple[tuple[int, int], ...]:
    return () if audio.joined is None else ((0, audio.joined), (audio.joined, data.size))


def _placeholder(size: int) -> bool:
    """Sizes that writers to a pipe put: ffmpeg 0xFFFFFFFF, sox 0x7FFFFFFF less its header, in whole frames."""
    return size >= 0xFFFFFF00 or 0x7FFFF000 <= size <= 0x80000000


def wave(data: Bytes) -> Extent:
    if data.at(8, 4) != b"WAVE":
        return Extent()
    position, form, large = 12, b"", None
    while (chunk := _riff(data, position)) is not None:
        if chunk.kind == b"fmt ":
            form = data.at(chunk.body, min(chunk.size, 40))
        elif chunk.kind == b"ds64":  # RF64 keeps its 64-bit sizes here
            (large,) = struct.unpack("<Q", data.at(chunk.body + 8, 8))
        elif chunk.kind == b"data":
            return _wave_audio(data, chunk, form, large)
        position = chunk.after
    return Extent("wav", plain=False)


def _wave_audio(data: Bytes, chunk: _Chunk, form: bytes, large: int | None) -> Extent:
    unknown = large is None and _placeholder(chunk.size) and chunk.size > data.size - chunk.body
    if large is not None and chunk.size == 0xFFFFFFFF:
        chunk = _Chunk(chunk.kind, chunk.body, large, chunk.body + large + large % 2)
    audio = _audio(data, chunk, _riff, unknown)
    size = audio.end - chunk.body
    seconds = slack = None
    block = 1
    if len(form) >= 16:
        tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
        if tag == _EXTENSIBLE and len(form) >= 26:
            (tag,) = struct.unpack_from("<H", form, 24)
        block = channels * ((bits + 7) // 8)
        if tag in _LINEAR and block and rate:
            seconds, slack = size // block / rate, 0.5 / rate
    truth: tuple[bytes | tuple[int, int], ...] = ()
    if not audio.true or (unknown and size > 0x7FFFF000):
        truth = _true_wave(data, chunk, form, size, max(block, 1))
    return Extent("wav", seconds, slack or 0.0, audio.cut, audio.true, _links(data, audio), truth)


def _true_wave(data: Bytes, chunk: _Chunk, form: bytes, size: int, block: int) -> tuple[bytes | tuple[int, int], ...]:
    if data.at(0, 4) == b"RIFF" and size < 0x7FFFF000:
        return (0, chunk.body - 4), struct.pack("<I", size), (chunk.body, data.size)
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, size + 72 + len(form), size, size // block, 0)
    head = struct.pack("<4sI4s", b"RF64", 0xFFFFFFFF, b"WAVE") + ds64
    form = struct.pack("<4sI", b"fmt ", len(form)) + form
    return head + form + struct.pack("<4sI", b"data", 0xFFFFFFFF), (chunk.body, data.size)


def aiff(data: Bytes) -> Extent:
    kind = data.at(8, 4)
    position, common, place, sound = 12, b"", 0, None
    while (chunk := _form(data, position)) is not None:
        if chunk.kind == b"COMM":
            common, place = data.at(chunk.body, min(chunk.size, 22)), chunk.body
        elif chunk.kind in (b"SSND", b"BODY") and sound is None:
            sound = chunk
        if chunk.after > data.size or (sound is not None and common):
            break
        position = chunk.after
    if sound is None:
        return Extent()
    audio = _audio(data, sound, _form, sound.size >= 0xFFFFFF00)
    seconds, slack, block = None, 0.0, 0
    if kind in (b"AIFF", b"AIFC") and len(common) >= 18:
        channels, _, bits = struct.unpack_from(">hIh", common)
        rate = _extended(common[8:18])
        linear = kind == b"AIFF" or common[18:22] in (b"NONE", b"sowt", b"twos", b"fl32", b"fl64", b"FL32")
        block = channels * ((bits + 7) // 8)
        if linear and block > 0 and rate >= 1:
            seconds, slack = max(audio.end - sound.body - 8, 0) // block / rate, 0.5 / rate
    if audio.true:
        return Extent("other", seconds, slack, audio.cut, True, _links(data, audio))
    size = min(audio.end - sound.body, 0xFFFFFFFF)
    patches = [(sound.body - 4, struct.pack(">I", size))]
    if seconds is not None:
        patches.append((place + 2, struct.pack(">I", (size - 8) // block)))
    return Extent("other", seconds, slack, "", False, (), _patched(data, patches))


def _patched(data: Bytes, patches: list[tuple[int, bytes]]) -> tuple[bytes | tuple[int, int], ...]:
    pieces: list[bytes | tuple[int, int]] = []
    start = 0
    for place, content in sorted(patches):
        pieces += [(start, place), content]
        start = place + len(content)
    return (*pieces, (start, data.size))


def _extended(data: bytes) -> float:
    """The 80-bit number in which AIFF keeps its rate; 0 for what is no rate."""
    exponent, mantissa = struct.unpack(">HQ", data)
    power = (exponent & 0x7FFF) - 16383 - 63
    return float(mantissa) * 2.0**power if -64 <= power <= 0 and exponent < 0x8000 else 0.0


def wave64(data: Bytes) -> Extent:
    position = 40
    while (chunk := _guid(data, position)) is not None:
        if chunk.kind == b"data":
            audio = _audio(data, chunk, _guid, chunk.size >= 1 << 62)
            if audio.true:
                bare = ((0, audio.end),) if audio.end < data.size and audio.joined is None else ()
                return Extent("other", cut=audio.cut, links=_links(data, audio), truth=bare)  # libsndfile reads on
            size = audio.end - chunk.body
            return Extent(plain=False, truth=_patched(data, [(chunk.body - 8, struct.pack("<Q", size + 24))]))
        position = chunk.after
    return Extent()


def caf(data: Bytes) -> Extent:
    position, seconds_of = 8, 0.0
    while (chunk := _caf(data, position)) is not None:
        if chunk.kind == b"desc":
            rate, _, _, per_packet, frames, _, _ = struct.unpack(">d4sIIIII", data.at(chunk.body, 32))
            seconds_of = frames / per_packet / rate if per_packet and rate > 0 else 0.0
        elif chunk.kind == b"data":
            audio = _audio(data, chunk, _caf, False)
            size = audio.end - chunk.body
            seconds = max(size - 4, 0) * seconds_of if seconds_of else None  # 4 bytes count its edits
            patch = [] if audio.true else [(chunk.body - 8, struct.pack(">q", size))]
            truth = _patched(data, patch) if patch else ()
            return Extent("other", seconds, 0.1, audio.cut, audio.true, _links(data, audio), truth)
        if chunk.size < 0:
            break
        position = chunk.after
    return Extent()


def au(data: Bytes) -> Extent:
    _, offset, size, _, _, _ = struct.unpack(">4s5I", data.at(0, 24))
    chunk = _Chunk(b".snd", offset, size, offset + size)
    audio = _audio(data, chunk, _chunkless, size == 0xFFFFFFFF)
    if audio.true:
        return Extent(cut=audio.cut, links=_links(data, audio))
    size = min(audio.end - offset, 0xFFFFFFFF)
    return Extent(plain=False, truth=_patched(data, [(8, struct.pack(">I", size))]))


def sphere(data: Bytes) -> Extent:
    """NIST SPHERE: lines of `name -type value`, as long as its second line says."""
    lines = data.at(0, 1024).split(b"\n")
    fields = {parts[0]: parts[2] for line in lines if len(parts := line.split(None, 2)) == 3}
    try:
        header = int(lines[1])
        size = 1
        for name in (b"sample_count", b"channel_count", b"sample_n_bytes"):
            size *= int(fields[name])
        pcm = b"," not in fields.get(b"sample_coding", b"")  # no compression named
    except (LookupError, ValueError):
        return Extent()
    held = data.size - header
    if not pcm or size == held:
        return Extent()
    if size > held:
        return Extent(cut=short_of(max(held, 0), size))
    end = header + size  # libsndfile reads on
    trailer = header > 0 < size and _is_trailer(data, end, size, _chunkless)
    return Extent(truth=((0, end),)) if trailer else Extent()
