"""The count of a file's bytes: what it tells of known files, and that it tells something of any bytes."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from turnmill.manifests.audio.count import count
from turnmill.manifests.audio.views import Bytes, view

LINEAR = ["WAV", "WAVEX", "RF64", "AIFF", "CAF"]


def written(kind: str, frames: int, channels: int = 1, subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(frames).uniform(-0.5, 0.5, (frames, channels))
    soundfile.write(file, noise, 16000, format=kind, subtype=subtype)
    return file.getvalue()


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(LINEAR), st.integers(1, 3000), st.integers(1, 8), st.sampled_from(["PCM_16", "PCM_24", "FLOAT"]))
def test_linear_samples_are_counted_to_the_frame(kind: str, frames: int, channels: int, subtype: str) -> None:
    found = count(io.BytesIO(written(kind, frames, channels, subtype)))
    assert found.seconds == pytest.approx(frames / 16000, abs=1e-9)
    assert (found.cut, len(found.links), found.truth) == ("", 1, ())


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([*LINEAR, "W64", "AU", "NIST"]), st.integers(100, 3000), st.data())
def test_any_byte_that_is_missing_at_the_end_is_missed(kind: str, frames: int, data: st.DataObject) -> None:
    whole = written(kind, frames)
    missing = data.draw(st.integers(1, 2 * frames - 1))
    assert count(io.BytesIO(whole[:-missing])).cut


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=2, max_size=4), st.sampled_from(["WAV", "AIFF", "CAF"]))
def test_joined_files_are_told_apart_where_they_begin(lengths: list[int], kind: str) -> None:
    parts = [written(kind, length) for length in lengths]
    data = b"".join(parts)
    starts = [0]
    while len(links := count(io.BytesIO(data[starts[-1] :])).links) > 1:
        starts += [starts[-1] + start for start, _ in links[1:]]
    assert starts == [sum(map(len, parts[:index])) for index in range(len(parts))]


@settings(max_examples=60, deadline=None)
@given(st.integers(200, 3000), st.one_of(st.integers(0, 6000), st.integers(0, 0xFFFFFFFF)))
@example(1000, 0)
@example(1000, 1700)
@example(1000, 1900)
@example(1000, 0xFFFFFFFF)
def test_no_size_of_a_wav_hides_more_than_a_tenth_of_its_samples(frames: int, size: int) -> None:
    data = bytearray(written("WAV", frames))
    struct.pack_into("<I", data, 40, size)
    found = count(io.BytesIO(bytes(data)))
    whole = 0 < 2 * frames - size <= size // 10  # what follows is taken for something else
    expected = size // 2 if whole else frames
    assert found.cut or found.seconds == pytest.approx(expected / 16000, abs=1e-9)


def test_a_size_that_wrapped_is_known_by_what_follows_being_whole_wraps() -> None:
    """4 GiB of zeros, which nobody would take for audio, in a file that holds none of them."""
    tag = b"TAG" + bytes(125)
    held = 1000 + (1 << 32)

    class Sparse(io.BytesIO):
        def __init__(self) -> None:
            super().__init__(written("WAV", 500)[:44])
            self.end, self.place = 44 + held + len(tag), 0

        def seek(self, offset: int, whence: int = 0) -> int:
            self.place = offset + (self.end if whence == 2 else 0)
            return self.place

        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            size = max(min(size, self.end - self.place), 0)
            head = self.getvalue()[self.place : self.place + size]
            behind = bytes(size - len(head))
            tail = self.end - len(tag) - self.place  # where the tag begins in what is read
            whole = head + behind
            self.place += size
            return whole[:tail] + tag if 0 <= tail < size else whole

    found = count(Sparse())
    assert found.seconds == pytest.approx(held / 2 / 16000)
    assert found.truth


@pytest.mark.parametrize("size", [(5 << 30) % (1 << 32), 0, 0xFFFFFFFF])
def test_a_wav_of_five_gibibytes_is_shown_to_decoders_with_its_true_size(tmp_path: Path, size: int) -> None:
    true = 5 << 30
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", size, b"WAVE", b"fmt ", 16, 1, 2, 48000, 192000, 4, 16)
    with (tmp_path / "long.wav").open("wb+") as file:  # sparse
        file.write(head + b"data" + struct.pack("<I", size))
        file.seek(44 + true - 8)
        file.write(struct.pack("<4h", 1, 2, 3, 4))
        found = count(file)
        assert found.seconds == true / 4 / 48000
        shown = view([part if isinstance(part, bytes) else (file, part[0], part[1] - part[0]) for part in found.truth])
        with soundfile.SoundFile(shown) as decoded:
            assert decoded.frames == true // 4
            decoded.seek(decoded.frames - 2)
            assert decoded.read(9, dtype="int16").tolist() == [[1, 2], [3, 4]]


def mpeg(frames: int, third: int = 0x90) -> bytes:
    """Empty frames of MPEG-1 layer III at 44.1 kHz, 128 kbit/s."""
    return (bytes([0xFF, 0xFB, third, 0xC4]) + bytes(413)) * frames


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 300), st.integers(0, 416), st.binary(max_size=20).filter(lambda junk: 0xFF not in junk))
def test_mpeg_frames_are_counted_behind_junk_and_a_part_of_one_is_missed(frames: int, part: int, junk: bytes) -> None:
    # The first byte begins no other format: what says RIFF is taken at its word.
    found = count(io.BytesIO(b"\x01" + junk + mpeg(frames) + mpeg(1)[:part]))
    assert found.codec == "mp3"
    assert found.seconds == pytest.approx(frames * 1152 / 44100)
    assert bool(found.cut) == (part >= 4)


@pytest.mark.parametrize("place", [21, 36])  # for mono, and where writers put it for any layout
@pytest.mark.parametrize("counted", [10, 14])
def test_a_count_of_mpeg_frames_is_read_where_it_stands(place: int, counted: int) -> None:
    """Frames of one channel, whose tag belongs 17 bytes behind the header."""
    tag = bytearray(mpeg(1))
    struct.pack_into(">4sII", tag, place, b"Xing", 1, counted)
    found = count(io.BytesIO(bytes(tag) + mpeg(10)))
    assert found.seconds == pytest.approx(10 * 1152 / 44100)
    assert found.cut == ("" if counted == 10 else "10 of the 14 frames it declares are there")


def page(flags: int, granule: int, serial: int, body: bytes) -> bytes:
    return struct.pack("<4sBBQIIIBB", b"OggS", 0, flags, granule, serial, 0, 0, 1, len(body)) + body


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 960), st.lists(st.integers(1, 1 << 40), max_size=20), st.integers(0, 5000))
def test_an_opus_stream_is_as_long_as_its_last_page_says(first: int, more: list[int], skip: int) -> None:
    steps = [first, *more]
    head = page(2, 0, 7, b"OpusHead\x01\x01" + struct.pack("<HI", skip, 16000) + bytes(3))
    ends = np.cumsum(steps).tolist()
    pages = [page(4 if end is ends[-1] else 0, end, 7, b"\x08sound") for end in ends]  # 20 ms a packet
    found = count(io.BytesIO(head + b"".join(pages)))
    assert (found.codec, found.cut, found.plain) == ("opus", "", True)
    assert found.seconds == pytest.approx(max(ends[-1] - skip, 0) / 48000)
    assert count(io.BytesIO(head + b"".join(pages[:-1]))).cut
    assert len(count(io.BytesIO((head + b"".join(pages)) * 2)).links) == 2


@pytest.mark.parametrize("end", [0, 4])
@pytest.mark.parametrize(
    ("packet", "samples"),
    [(b"\x08", 960), (b"\x19", 5760), (b"\x60", 480), (b"\x80", 120), (b"\xff\x06", 5760), (b"\xfc", 960)],
)
def test_an_opus_stream_that_starts_late_is_as_long_as_the_way_to_its_end(
    packet: bytes, samples: int, end: int
) -> None:
    start = 3600 * 48000
    head = page(2, 0, 7, b"OpusHead\x01\x01" + struct.pack("<HI", 312, 16000) + bytes(3))
    found = count(io.BytesIO(head + page(0, start + samples, 7, packet) + page(end, start + 480_000, 7, packet)))
    assert found.cut == ""
    assert not found.plain
    assert found.seconds == pytest.approx((480_000 - 312) / 48000, abs=found.slack)
    assert found.slack < 0.4


HEADS = [
    *(b"RIFF\0\0\0\0WAVE", b"RF64\0\0\0\0WAVEds64", b"FORM\0\0\0\0AIFF", b"FORM\0\0\0\0AIFC", b"caff\0\1\0\0desc"),
    *(b".snd", b"riff" + bytes(36), b"NIST_1A\n   1024\n", b"OggS", b"fLaC\0\0\0\x22", b"#!AMR\n", b"#!AMR-WB\n"),
    *(b"\x1a\x45\xdf\xa3", b"\0\0\0\x18ftyp", b"ID3\4\0\0", b"\xff\xfb\x90\xc4", b"\xff\xf1\x60\x40", b"TAG"),
    *(b"wvpk" + bytes(4), b"wvpk\x08\0\0\0" + bytes(8), b"APETAGEX", b"fLaC\0\0\0\x22" + bytes(34)),
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(HEADS), st.binary(max_size=300))
@example(b"caff\0\1\0\0", struct.pack(">4sq", b"desc", -20) + bytes(40))
@example(b"RF64\0\0\0\0WAVEds64", bytes(4))
@example(b"riff" + bytes(36), b"fmt " + bytes(12) + b"\xff" * 8)
def test_any_bytes_are_counted_without_an_error_or_an_end(head: bytes, rest: bytes) -> None:
    found = count(io.BytesIO(head + rest))
    assert found.seconds is None or found.seconds >= 0
    assert found.links[0][0] == 0
    assert found.links[-1][1] == len(head + rest)


WHOLE = [written(kind, 500) for kind in ("WAV", "AIFF", "CAF", "W64", "AU", "FLAC")] + [mpeg(9)]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(WHOLE), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6))
def test_damaged_files_are_counted_without_an_error_or_an_end(data: bytes, damage: list[tuple[int, int]]) -> None:
    broken = bytearray(data)
    for place, value in damage:
        broken[place % len(broken)] = value
    count(io.BytesIO(bytes(broken)))


PIECES = st.lists(st.tuples(st.booleans(), st.binary(max_size=50)), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(PIECES, st.lists(st.tuples(st.integers(0, 260), st.integers(0, 80)), max_size=5))
def test_a_view_reads_as_its_pieces_do(parts: list[tuple[bool, bytes]], reads: list[tuple[int, int]]) -> None:
    under = io.BytesIO(b"".join(part for _, part in parts))
    pieces: list[bytes | tuple[io.BytesIO, int, int]] = []
    place = 0
    for inside, part in parts:
        pieces.append((under, place, len(part)) if inside else part)
        place += len(part)
    file, whole = view(pieces), under.getvalue()
    assert file.read() == whole
    for start, size in reads:
        file.seek(start)
        assert file.read(size) == whole[start : start + size]
        assert Bytes(file).at(start, size) == whole[start : start + size]


def test_a_file_that_became_shorter_is_searched_to_its_end() -> None:
    shorter = view([(io.BytesIO(bytes(100)), 0, 1 << 30)])
    assert Bytes(shorter).find(b"fLaC", 97) == -1
