"""Audio is told by its content: files that soundfile and ffmpeg wrote, and files that are something else."""

import bz2
import gzip
import io
import json
import subprocess
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from turnmill.sources.adapters.sniff import HEAD, holds_audio, is_audio_head
from turnmill.sources.places import place

RATE = 8_000
TONE = (0.3 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE)).astype(np.float32)


def written(form: str, subtype: str | None = None, endian: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, TONE, RATE, format=form, subtype=subtype, endian=endian)
    return file.getvalue()


@cache
def encoded(form: str, *options: str) -> bytes:
    with tempfile.NamedTemporaryFile() as file:  # many containers seek back
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(),
            "-v",
            "error",
            "-y",
            "-i",
            "pipe:0",
            *options,
            "-f",
            form,
            file.name,
        ]
        subprocess.run(command, input=written("WAV"), check=True)
        return Path(file.name).read_bytes()


@pytest.mark.parametrize(
    ("form", "subtype", "endian"),
    [
        *((form, None, None) for form in ("WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF", "W64")),
        *((form, None, None) for form in ("NIST", "VOC", "IRCAM", "PVF", "PAF", "SVX")),
        ("WVE", "ALAW", None),
        ("RAW", "GSM610", None),
        ("WAV", "PCM_16", "BIG"),
        ("WAV", "GSM610", None),
        ("AU", "ULAW", "LITTLE"),
        ("IRCAM", "FLOAT", "BIG"),
        ("OGG", "OPUS", None),
    ],
)
def test_what_soundfile_writes_is_audio(form: str, subtype: str | None, endian: str | None) -> None:
    assert is_audio_head(written(form, subtype, endian)[:HEAD])


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("mp3", ("-c:a", "libmp3lame", "-b:a", "320k", "-ar", "32000")),
        ("mp3", ("-c:a", "libmp3lame", "-b:a", "8k", "-ar", "8000", "-id3v2_version", "0", "-write_xing", "0")),
        ("mp2", ("-c:a", "mp2", "-b:a", "384k", "-ar", "32000", "-ac", "2")),
        ("adts", ("-c:a", "aac", "-ar", "44100")),
        ("latm", ("-c:a", "aac")),
        ("ipod", ("-c:a", "aac")),
        ("mov", ("-c:a", "pcm_s16le")),
        ("3gp", ("-c:a", "aac")),
        ("webm", ("-c:a", "libopus")),
        ("matroska", ("-c:a", "libvorbis", "-ar", "48000")),
        ("mpegts", ("-c:a", "aac")),
        ("mpegts", ("-c:a", "mp2", "-mpegts_m2ts_mode", "1")),
        ("vob", ("-c:a", "mp2")),
        ("avi", ("-c:a", "mp3")),
        ("flv", ("-c:a", "aac", "-ar", "44100")),
        ("asf", ("-c:a", "wmav2")),
        ("rm", ("-c:a", "ac3")),
        ("ac3", ("-c:a", "ac3", "-b:a", "96k", "-ar", "44100")),
        ("eac3", ("-c:a", "eac3", "-b:a", "96k")),
        ("dts", ("-c:a", "dca", "-strict", "-2", "-ar", "48000")),
        ("tta", ("-c:a", "tta")),
        ("wv", ("-c:a", "wavpack")),
        ("amr", ("-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1")),
    ],
)
def test_what_ffmpeg_writes_is_audio(form: str, options: tuple[str, ...]) -> None:
    assert is_audio_head(encoded(form, *options)[:HEAD])


def test_a_single_frame_that_is_the_whole_file_is_audio() -> None:
    data = encoded("mp3", "-c:a", "libmp3lame", "-b:a", "64k", "-id3v2_version", "0", "-write_xing", "0")
    frame = data[: 144 * 64_000 // 2 // RATE]  # MPEG-2: 576 samples
    assert is_audio_head(frame)
    assert not is_audio_head(frame + b"and then something else")


def picture(form: str) -> bytes:
    from matplotlib import image

    file = io.BytesIO()
    image.imsave(file, np.random.default_rng(0).random((32, 32, 3)), format=form)
    return file.getvalue()


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("a.wav", written("WAV"))
    return file.getvalue()


TYPESCRIPT = "G(export const greeting: string = 'hello');\nfunction f(x: number) { return x + 1 }\n" * 60
RUSSIAN = "Однажды, в студёную зимнюю пору, я из лесу вышел; был сильный мороз. " * 60
OTHERS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "png": lambda: picture("png"),
    "jpg": lambda: picture("jpg"),
    "webp": lambda: b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(64),
    "heic": lambda: b"\x00\x00\x00\x18ftypheic" + bytes(64),
    "pdf": lambda: b"%PDF-1.7\n" + bytes(range(256)) * 20,
    "zip": archive,
    "gz": lambda: gzip.compress(written("WAV")),
    "bz2": lambda: bz2.compress(written("WAV")),
    "zeros": lambda: bytes(HEAD),
    "ones": lambda: b"\xff" * HEAD,
    "typescript": TYPESCRIPT.encode,
    "russian": RUSSIAN.encode,
    "cp1251": lambda: RUSSIAN.encode("cp1251"),
    "utf-16": lambda: TYPESCRIPT.encode("utf-16"),
    "id3 said": lambda: b"ID3 tags are what this text is about",
    "json": lambda: json.dumps({"a": [1] * 900}).encode(),
    "midi": lambda: b"MThd\x00\x00\x00\x06\x00\x01\x00\x02\x00\x60MTrk",
    "playlist": lambda: b"#EXTM3U\n/etc/passwd\n",
    "raw samples": lambda: (TONE * 32767).astype("<i2").tobytes(),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_something_else_is_not(name: str) -> None:
    assert not is_audio_head(OTHERS[name]()[:HEAD])


def test_only_the_head_of_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(bytes(HEAD) + written("WAV"))
    assert not holds_audio(place(path))


@given(st.binary(max_size=80))
def test_any_bytes_are_told(head: bytes) -> None:
    assert is_audio_head(head) in (True, False)
    assert is_audio_head(head + bytes(HEAD)) in (True, False)
