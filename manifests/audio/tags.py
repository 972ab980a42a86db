"""Tags and zeros that are put in front of audio or behind it, whatever its format: ID3, APE, Lyrics3."""

import struct
from typing import Final

from turnmill.manifests.audio.views import Bytes

_AFTER_ID3V1: Final = (b"", b"\xff", b"I", b"A", b"T")  # the end, a frame of MPEG audio, another tag

_MAGIC: Final = frozenset(
    b"RIFF|RF64|BW64|FORM|riff|caff|.snd|NIST|OggS|fLaC|#!AM|wvpk|TTA1|MAC |\x1a\x45\xdf\xa3".split(b"|")
)


def past(data: Bytes, position: int) -> int:
    """The byte at which the tags that begin at `position`, a byte too, end."""
    while True:
        head = data.at(position, 32)
        if head[:3] == b"ID3" and len(head) >= 10:
            position += 10 + _synchsafe(head[6:10]) + (10 if head[5] & 0x10 else 0)
        elif head[:8] == b"APETAGEX" and len(head) == 32:
            position += struct.unpack_from("<I", head, 12)[0] + 32
        elif head[:3] == b"TAG" and data.at(position + 128, 1)[:1] in _AFTER_ID3V1:
            position += 128
        else:
            return min(position, data.size)


def before(data: Bytes) -> int:
    """The byte at which the tags that end the file begin; its size where it ends in none."""
    end = data.size
    while end > 0:
        if data.at(end - 128, 3) == b"TAG":
            size = 128
        elif (foot := data.at(end - 32, 32))[:8] == b"APETAGEX":
            size, flags = struct.unpack_from("<I4xI", foot, 12)
            size += 32 if flags >> 31 else 0  # its header
        elif (foot := data.at(end - 15, 15))[6:] == b"LYRICS200" and foot[:6].isdigit():
            size = int(foot[:6]) + 15
        elif (foot := data.at(end - 10, 10))[:3] == b"3DI":
            size = _synchsafe(foot[6:10]) + 20
        else:
            return end
        if not 0 < size <= end:
            return end
        end -= size
    return end


def ends(data: Bytes, position: int) -> bool:
    """Whether nothing but tags and zeros is there from the byte `position` on."""
    place = past(data, position)
    return place >= data.size or data.zeros(place)


def bare(data: Bytes) -> tuple[int, int]:
    """[start, end) of a file less the tags at both ends, and zeros at its beginning where known audio follows them.

    Zeros behind the audio are for its format to tell, for they can be samples. Tags around MPEG audio are its own: all
    that reads it knows them, and it keeps its length in some.
    """
    start = past(data, 0)
    first = past(data, data.filled(start))
    if first > start and (_is_mpeg(data.at(first, 2)) or data.at(first, 4) in _MAGIC):
        start = first
    elif _is_mpeg(data.at(start, 2)):
        return 0, data.size
    end = data.size if _is_mpeg(data.at(start, 2)) else before(data)
    return (start, end) if start < end else (0, data.size)


def _is_mpeg(head: bytes) -> bool:
    return len(head) == 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0


def _synchsafe(four: bytes) -> int:
    a, b, c, d = (byte & 0x7F for byte in four)
    return a << 21 | b << 14 | c << 7 | d
