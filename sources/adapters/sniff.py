"""Audio told by its first bytes: containers and streams that libsndfile and ffmpeg read, and that say what they are.

Libraries that name types of files (filetype, puremagic) know less than half of these, and take two bytes for an MP3.
"""

import re
from collections.abc import Callable
from typing import Final

from turnmill.manifests.audio.frames import mpeg_frame_size
from turnmill.sources.places.place import Place

HEAD: Final = 4096
"""Bytes of a file that are looked at: two frames of any MPEG audio, and a page of the disk."""

_STARTS: Final = (
    *(
        b"fLaC",
        b"OggS",
        b"MAC ",
        b"wvpk",
        b"TTA1",
        b"TTA2",
        b"caff",
        b".snd",
        b"dns.",
        b"DSD ",
        b"MPCK",
        b"MP+",
        b"ADIF",
    ),
    *(
        b"#!AMR",
        b"NIST_1A",
        b"OFR ",
        b"ajkg",
        b"tBaK",
        b"qoaf",
        b"PVF1\n",
        b" paf",
        b"fap ",
        b"FLV\x01",
        b".RMF",
        b"FRM8",
    ),
    *(b".ra\xfd", b"TWIN97012000", b"Creative Voice File\x1a", b"ALawSoundFile**"),
    *(b"\x64\xa3\x01\x00", b"\x64\xa3\x02\x00", b"\x64\xa3\x03\x00", b"\x64\xa3\x04\x00"),  # IRCAM
    b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb",  # Wave64
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF: WMA, WMV
    b"\x1a\x45\xdf\xa3",  # EBML: WebM, Matroska
    *(b"\x7f\xfe\x80\x01", b"\xfe\x7f\x01\x80", b"\x1f\xff\xe8\x00", b"\xff\x1f\x00\xe8"),  # DTS
    b"\x00\x00\x01\xba",  # MPEG program stream
)
_CHUNKED: Final = {
    **dict.fromkeys((b"RIFF", b"RIFX", b"RF64", b"BW64"), (b"WAVE", b"AVI ", b"QLCM")),
    b"FORM": (b"AIFF", b"AIFC", b"8SVX", b"16SV"),
}
"""First four bytes -> the type of what they hold, at byte 8."""
_STILLS: Final = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis", b"crx ")  # pictures in MP4
_ATOMS: Final = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")  # how a QuickTime file may begin
_ID3: Final = re.compile(rb"ID3[\x02-\x04].{2}[\x00-\x7f]{4}", re.DOTALL)
_LEAST_GSM: Final = 32  # frames, as ffmpeg asks for


def holds_audio(root: Place, path: str = "") -> bool:
    """Whether a file below a place begins as audio, or a film, does. Raises OSError where it cannot be read."""
    return is_audio_head(read_head(root, path))


def read_head(root: Place, path: str) -> bytes:
    return root.read(path, 0, HEAD)


def is_audio_head(head: bytes) -> bool:
    """The same of the first bytes of a file, `HEAD` of them or all it has."""
    return (
        head.startswith(_STARTS)
        or head[8:12] in _CHUNKED.get(head[:4], ())
        or (head[4:8] == b"ftyp" and head[8:12] not in _STILLS)
        or (head[4:8] in _ATOMS and head[0] < 0x20)
        or _ID3.match(head) is not None
        or any(_repeats(head, size) for size in (mpeg_frame_size, _adts_frame, _latm_frame))
        or any(_packets(head, first, size) for first, size in ((0, 188), (4, 192), (0, 204)))
        or (head.startswith(b"\x0b\x77") and b"\x0b\x77" in head[16:])  # AC-3
        or _is_gsm(head)
    )


def _repeats(head: bytes, frame_size: Callable[[bytes], int]) -> bool:
    """Whether a frame is followed by another, or by the end of the file."""
    size = frame_size(head)
    if size == 0:
        return False
    rest = head[size:]
    return frame_size(rest) > 0 or (len(head) < HEAD and len(head) == size)


def _adts_frame(data: bytes) -> int:
    """Bytes of the AAC frame that begins here; 0 where none does."""
    if len(data) < 7 or data[0] != 0xFF or data[1] & 0xF6 != 0xF0 or (data[2] >> 2) & 15 > 12:
        return 0
    size = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    return size if size > 7 else 0


def _latm_frame(data: bytes) -> int:
    """Bytes of the AAC frame in LOAS that begins here; 0 where none does."""
    if len(data) < 3 or data[0] != 0x56 or data[1] & 0xE0 != 0xE0:
        return 0
    return ((data[1] & 0x1F) << 8 | data[2]) + 3


def _packets(head: bytes, first: int, size: int) -> bool:
    """Whether an MPEG transport stream of packets of `size` bytes begins here: 3 or more, and 0x47 marks each."""
    marks = head[first::size]
    return len(marks) > 2 and set(marks) == {0x47}


def _is_gsm(head: bytes) -> bool:
    """GSM 06.10 frames of 33 bytes, each of which begins with the nibble 0xD."""
    marks = head[: len(head) - len(head) % 33 : 33]
    return len(marks) >= _LEAST_GSM and all(mark >> 4 == 0xD for mark in marks)
