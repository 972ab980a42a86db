"""Files of every kind with a known length: what the lake stores of one decodes to the length of its label, or it is a
reject with its reason."""

import io
import struct
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from turnmill.manifests.audio import AudioError, read
from turnmill.manifests.records import Reason
from turnmill.pipelines.stages.ingest import kept
from turnmill.sources.adapters.items import ClipRef

RATE = 16000
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
CODECS = {
    "mp3": ("-c:a", "libmp3lame", "-q:a", "4"),
    "mp3 without xing": ("-c:a", "libmp3lame", "-q:a", "4", "-write_xing", "0", "-f", "mp3"),
    "mp3 of one bitrate": ("-c:a", "libmp3lame", "-b:a", "64k", "-write_xing", "0", "-f", "mp3"),
    "mp2": ("-f", "mp2"),
    "ogg": ("-c:a", "libvorbis"),
    "opus": ("-c:a", "libopus"),
    "flac": (),
    "m4a": ("-c:a", "aac"),
    "m4a in fragments": ("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4"),
    "alac": ("-c:a", "alac", "-f", "ipod"),
    "aac": ("-c:a", "aac", "-f", "adts"),
    "webm": ("-c:a", "libopus"),
    "webm to a pipe": ("-c:a", "libopus", "-live", "1", "-f", "webm"),
    "mka": ("-c:a", "flac"),
    "wma": ("-c:a", "wmav2"),
    **{
        f"{kind} that starts late": ("-c:a", codec, "-output_ts_offset", "2")
        for kind, codec in (("m4a", "aac"), ("mka", "flac"), ("webm", "libopus"), ("wma", "wmav2"))
    },
    "tta": (),
    "wv": (),
    "ac3": (),
    "ts": ("-c:a", "aac", "-f", "mpegts"),
    "amr": ("-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1", "-b:a", "12.2k"),
    "caf": (),
    "w64": (),
}


def tone(seconds: float, channels: int = 1, rate: int = RATE) -> np.ndarray:
    time = np.arange(int(seconds * rate)) / rate
    wave = 0.3 * np.sin(2 * np.pi * 220 * time) * (0.6 + 0.4 * np.sin(6 * np.pi * time))
    noise = 0.02 * np.random.default_rng(0).standard_normal(len(time))
    return np.repeat((wave + noise)[:, None], channels, axis=1)


@cache
def written(kind: str, subtype: str, seconds: float = 1.5, channels: int = 1, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, tone(seconds, channels, rate), rate, format=kind, subtype=subtype)
    return file.getvalue()


@cache
def encoded(codec: str, seconds: float = 1.5, channels: int = 1, rate: int = RATE) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"made.{codec.split()[0]}"
        command = [FFMPEG, "-v", "error", "-i", "pipe:0", *CODECS[codec], str(path)]
        subprocess.run(command, input=written("WAV", "PCM_16", seconds, channels, rate), check=True)
        return path.read_bytes()


def wav(**fields: int) -> bytes:
    """A WAV of 1.5 s whose header says otherwise: channels, rate, or the size of its data."""
    data = bytearray(written("WAV", "PCM_16"))
    places = {"channels": ("<H", 22), "rate": ("<I", 24), "size": ("<I", data.index(b"data") + 4)}
    for field, value in fields.items():
        form, place = places[field]
        struct.pack_into(form, data, place, value)
    return bytes(data)


def cut(data: bytes) -> bytes:
    return data[: len(data) * 6 // 10]


def sized(data: bytes, marker: bytes, form: str, size: int, skip: int = 0) -> bytes:
    """The same file with another size behind a marker."""
    changed = bytearray(data)
    struct.pack_into(form, changed, data.index(marker) + len(marker) + skip, size)
    return bytes(changed)


def without_last_page(data: bytes) -> bytes:
    return data[: data.rindex(b"OggS")]


def crc(page: bytes) -> int:
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value >> 31 else value << 1) & 0xFFFFFFFF
    return value


def captured(ogg: bytes, shift: int, end: bool) -> bytes:
    """The same stream, as it is recorded where a live source was at `shift` samples; `end`: to the source's end."""
    made, place = b"", 0
    while place < len(ogg):
        table = ogg[place + 27 : place + 27 + ogg[place + 26]]
        page = bytearray(ogg[place : place + 27 + len(table) + sum(table)])
        place += len(page)
        (position,) = struct.unpack_from("<Q", page, 6)
        struct.pack_into("<Q", page, 6, position + shift if position else 0)
        page[5] &= 7 if end else 3
        struct.pack_into("<I", page, 22, 0)
        struct.pack_into("<I", page, 22, crc(page))
        made += page
    return made


def without_last_blocks(wavpack: bytes) -> bytes:
    return wavpack[: wavpack.index(b"wvpk", len(wavpack) // 2)]


def sphere(samples: int) -> bytes:
    return written("NIST", "PCM_16")[: 1024 + 2 * samples]


ID3V1 = b"TAG" + b"x" * 125
ID3V2 = b"ID3\4\0\0\0\0\x0f\x70" + b"TXXX" + bytes(range(256)) * 7 + bytes(236)
APE = b"APETAGEX" + struct.pack("<IIII8x", 2000, 92, 1, 0xA0000000) + b"\7" * 60
APE += b"APETAGEX" + struct.pack("<IIII8x", 2000, 92, 1, 0x80000000)
TRAILERS = {
    "ID3v1": ID3V1,
    "ID3v2": ID3V2,
    "APEv2": APE,
    "both tags": APE + ID3V1,
    "zeros": bytes(65536),
    "three zeros": bytes(3),
    "a line end": b"\r\n",
    "text": "Wer hat das gesagt? Über uns.\n".encode() * 1000,
    "a chunk that breaks off": b"DISP" + struct.pack("<I", 5000) + bytes(range(250)) * 20,
    "a picture": b"\xff\xd8\xff\xe0" + np.random.default_rng(0).bytes(40_000),
    "some bytes": np.random.default_rng(0).bytes(2000),
}
"""What is found behind audio and is none of it."""

WHOLE: dict[str, tuple[Callable[[], bytes], float]] = {
    **{codec: (lambda codec=codec: encoded(codec), 1.5) for codec in CODECS},
    **{
        f"{kind} {subtype}": (lambda kind=kind, subtype=subtype: written(kind, subtype, rate=8000), 1.5)
        for kind, subtype in [
            *(("WAV", name) for name in ("GSM610", "G721_32", "NMS_ADPCM_16", "NMS_ADPCM_32", "IMA_ADPCM", "MS_ADPCM")),
            *(("WAV", name) for name in ("PCM_U8", "PCM_24", "FLOAT", "ULAW")),
            *(("AU", name) for name in ("G721_32", "G723_24", "G723_40", "PCM_16")),
            *(("AIFF", name) for name in ("GSM610", "IMA_ADPCM", "PCM_16", "FLOAT")),
            *(("W64", name) for name in ("GSM610", "IMA_ADPCM")),
            *(("RF64", "PCM_16"), ("WAVEX", "PCM_16"), ("CAF", "ALAC_16"), ("NIST", "PCM_16"), ("FLAC", "PCM_24")),
        ]
    },
    "wv joined": (lambda: encoded("wv") + encoded("wv", 1.0), 2.5),
    "mp3 behind zeros": (lambda: bytes(4096) + encoded("mp3"), 1.5),
    "mp3 joined": (lambda: encoded("mp3") + encoded("mp3", 1.0), 2.5),
    "mp3 without xing joined": (lambda: encoded("mp3 without xing") + encoded("mp3 without xing", 1.0), 2.5),
    "mp3 behind a picture": (lambda: b"ID3\x04\x00\x00\x00\x02\x00\x00" + bytes(32768) + encoded("mp3"), 1.5),
    "mp3 without xing from mono 16 kHz to stereo 44.1 kHz": (
        lambda: encoded("mp3 of one bitrate") + encoded("mp3 of one bitrate", 1.0, 2, 44100)[44:],
        2.5,
    ),
    "mp3 before tags": (lambda: encoded("mp3") + b"TAG" + bytes(125), 1.5),
    "ogg chained": (lambda: encoded("ogg") + encoded("ogg", 1.0), 2.5),
    "ogg chained at another rate": (lambda: encoded("ogg") + encoded("ogg", 1.0, rate=24000), 2.5),
    "opus chained, mono and stereo": (lambda: encoded("opus") + encoded("opus", 1.0, 2), 2.5),
    **{
        f"{codec} that starts late {'to' if end else 'without'} its end": (
            lambda codec=codec, end=end: captured(encoded(codec), 48000 * 600, end), 1.5
        )
        for codec in ("ogg", "opus")
        for end in (True, False)
    },
    "flac joined": (lambda: encoded("flac") + encoded("flac"), 3.0),
    "flac joined, long": (lambda: encoded("flac", 4.0, 2) + encoded("flac", 4.0, 2), 8.0),
    "flac of a smaller count": (lambda: encoded("flac")[:22] + struct.pack(">I", 9000) + encoded("flac")[26:], 1.5),
    "wav joined": (lambda: written("WAV", "PCM_16") * 3, 4.5),
    "wav joined at another rate": (lambda: written("WAV", "PCM_16") + written("WAV", "PCM_16", rate=8000), 3.0),
    "aiff joined": (lambda: written("AIFF", "PCM_16") * 2, 3.0),
    "au joined": (lambda: written("AU", "PCM_16") * 2, 3.0),
    "caf joined": (lambda: encoded("caf") * 2, 3.0),
    "amr joined": (lambda: encoded("amr") + encoded("amr"), 3.0),
    "m4a joined": (lambda: encoded("m4a") + encoded("m4a"), 3.0),
    "m4a before junk": (lambda: encoded("m4a") + b"\x7f\0\0\0abcd" + bytes(92), 1.5),
    "aac from mono to stereo": (lambda: encoded("aac") + encoded("aac", 1.0, 2), 2.5),
    "aac from one rate to another": (lambda: encoded("aac") + encoded("aac", 1.0, rate=44100), 2.5),
    "wav of size 0": (lambda: wav(size=0), 1.5),
    "wav whose size wrapped": (lambda: wav(size=20000), 1.5),
    "wav whose size is that of the file": (lambda: wav(size=48044), 1.5),
    "wav whose size is that of the file less 8": (lambda: wav(size=48036), 1.5),
    "wav to a pipe": (lambda: wav(size=0xFFFFFFFF), 1.5),
    "wav before padding": (lambda: written("WAV", "PCM_16") + bytes(512), 1.5),
    "aiff whose size wrapped": (lambda: sized(written("AIFF", "PCM_16"), b"SSND", ">I", 20008), 1.5),
    "au of size 0": (lambda: sized(written("AU", "PCM_16"), b".snd", ">I", 0, 4), 1.5),
    "caf of no size": (lambda: sized(encoded("caf"), b"data", ">q", -1), 1.5),
    "w64 of size 24": (lambda: sized(encoded("w64"), b"data\xf3\xac\xd3\x11\x8c\xd1", "<Q", 24 + 8000, 6), 1.5),
    "wav of 8 channels": (lambda: written("WAV", "PCM_16", channels=8), 1.5),
}  # fmt: skip

BROKEN: dict[str, tuple[Callable[[], bytes], Reason]] = {
    **{
        f"{codec} cut": (lambda codec=codec: cut(encoded(codec, 3.0)), Reason.TRUNCATED_AUDIO)
        for codec in (*("mp3", "mp2", "ogg", "opus", "flac", "m4a", "aac", "webm", "mka", "wma", "tta", "wv"),
                      *("amr", "caf", "w64"))
    },
    **{
        f"{kind} cut": (lambda kind=kind: cut(written(kind, "PCM_16")), Reason.TRUNCATED_AUDIO)
        for kind in ("WAV", "RF64", "AIFF", "AU", "NIST")
    },
    "mp3 cut in its last frame": (lambda: encoded("mp3")[:-20], Reason.TRUNCATED_AUDIO),
    "wv cut between blocks": (lambda: without_last_blocks(encoded("wv", 3.0)), Reason.TRUNCATED_AUDIO),
    "ogg without its last page": (lambda: without_last_page(encoded("ogg")), Reason.TRUNCATED_AUDIO),
    "ogg without the mark of its end": (lambda: captured(encoded("ogg"), 0, end=False), Reason.TRUNCATED_AUDIO),
    "opus without the mark of its end": (lambda: captured(encoded("opus"), 0, end=False), Reason.TRUNCATED_AUDIO),
    "opus that starts late, cut": (lambda: captured(encoded("opus"), 9**9, True)[:-3000], Reason.TRUNCATED_AUDIO),
    "opus without its last page": (lambda: without_last_page(encoded("opus")), Reason.TRUNCATED_AUDIO),
    "ogg chained, the last one cut": (lambda: encoded("ogg") + cut(encoded("ogg")), Reason.TRUNCATED_AUDIO),
    "GSM cut": (lambda: cut(written("WAV", "GSM610", rate=8000)), Reason.TRUNCATED_AUDIO),
    "flac cut in its header": (lambda: encoded("flac")[:30], Reason.TRUNCATED_AUDIO),
    "wav of 0 channels": (lambda: wav(channels=0), Reason.CORRUPT_AUDIO),
    "wav of 65,535 channels": (lambda: wav(channels=65535), Reason.CORRUPT_AUDIO),
    "wav of 9 channels": (lambda: written("WAV", "PCM_16", channels=9), Reason.TOO_MANY_CHANNELS),
    "wav of 16 channels": (lambda: written("WAV", "PCM_16", channels=16), Reason.TOO_MANY_CHANNELS),
    "wav of 768 kHz": (lambda: wav(rate=768_000), Reason.UNSUPPORTED_RATE),
    "wav of 10 Hz": (lambda: wav(rate=10), Reason.UNSUPPORTED_RATE),
    "wav joined, of 2 and 3 channels": (
        lambda: written("WAV", "PCM_16", channels=2) + written("WAV", "PCM_16", channels=3), Reason.CORRUPT_AUDIO
    ),
}  # fmt: skip


def seconds_by_ffmpeg(data: bytes, rate: int) -> float:
    command = [FFMPEG, "-v", "error", "-i", "pipe:0", "-ac", "1", "-ar", str(rate), "-f", "s16le", "pipe:1"]
    found = subprocess.run(command, input=data, capture_output=True, check=True)
    return len(found.stdout) / 2 / rate


@pytest.mark.parametrize("name", WHOLE)
def test_the_label_is_the_length_of_the_sound_and_of_the_stored_bytes(name: str) -> None:
    make, seconds = WHOLE[name]
    data = make()
    with kept(ClipRef("uid", name), (io.BytesIO(data), read(data, name))) as (_, file, sound):
        file.seek(0)
        stored = file.read()
    frame = 1536 / sound.sample_rate  # the longest of the codecs here but for Opus and AMR, which are finer
    joints = 1 + name.count("joined") + name.count(" from ")
    assert sound.duration == pytest.approx(seconds, abs=2 * joints * frame + 0.02)
    assert seconds_by_ffmpeg(stored, sound.sample_rate) == pytest.approx(sound.duration, abs=frame)
    again = read(stored, "stored")
    assert (again.keeps_own_bytes, again.sound.frames) == (True, sound.frames)


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize("kind", ["WAV", "AIFF", "AU", "W64", "CAF", "NIST"])
def test_what_follows_the_audio_is_no_audio(kind: str, trailer: str) -> None:
    assert read(written(kind, "PCM_16") + TRAILERS[trailer], "x").sound.frames == round(1.5 * RATE)


TAGGED = ("wv", "aac", "amr", "tta", "flac", "ogg", "opus", "mp3", "m4a")


@pytest.mark.parametrize("trailer", ["ID3v1", "ID3v2", "APEv2", "both tags", "zeros", "three zeros"])
@pytest.mark.parametrize("codec", TAGGED)
def test_tags_and_zeros_behind_a_stream_change_nothing(codec: str, trailer: str) -> None:
    found = read(encoded(codec) + TRAILERS[trailer], "x")
    assert found.sound.frames == read(encoded(codec), "x").sound.frames


FRONTS = {codec: (lambda codec=codec, seconds=1.5: encoded(codec, seconds)) for codec in TAGGED if codec != "mp3"} | {
    kind: (lambda kind=kind, seconds=1.5: written(kind, "PCM_16", seconds))
    for kind in ("WAV", "AIFF", "W64", "AU", "CAF")
}


@pytest.mark.parametrize("name", FRONTS)
def test_tags_and_zeros_in_front_hide_no_format_and_no_cut(name: str) -> None:
    data = FRONTS[name]()
    fronts = [ID3V2, APE, ID3V2 + APE] + ([bytes(4096)] if name != "m4a" else [])  # a box begins with zeros itself
    for front in fronts:
        found = read(front + data, "x")
        assert (found.sound.frames, found.keeps_own_bytes) == (read(data, "x").sound.frames, False)
    with pytest.raises(AudioError) as caught:
        read(ID3V2 + cut(FRONTS[name](seconds=3.0)), "x")
    assert caught.value.reason is Reason.TRUNCATED_AUDIO


def test_lyrics_and_a_tag_with_its_foot_behind_a_stream_are_no_audio() -> None:
    lyrics = b"LYRICSBEGIN" + b"x" * 200 + b"000211LYRICS200" + ID3V1
    foot = ID3V2[:5] + b"\x10" + ID3V2[6:] + b"3DI" + ID3V2[3:5] + b"\x10" + ID3V2[6:10]
    for trailer in (lyrics, foot):
        assert read(encoded("wv") + trailer, "x").sound.frames == read(encoded("wv"), "x").sound.frames


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_whole_is_told_with_its_reason_in_the_same_words(name: str) -> None:
    make, reason = BROKEN[name]
    told = []
    for _ in range(2):
        with pytest.raises(AudioError) as caught:
            read(io.BytesIO(make()), f"{name}.wav")
        told.append(caught.value.detail)
        assert caught.value.reason is reason
    assert told[0] == told[1]
    assert told[0].startswith(f"{name}.wav")
    assert "0x" not in told[0]


@pytest.mark.parametrize("codec", ["mp3", "ogg", "opus", "flac"])
def test_what_every_reader_reads_alike_is_kept_as_it_is(codec: str) -> None:
    assert read(encoded(codec), "x").keeps_own_bytes


@pytest.mark.parametrize("name", ["mp3 joined", "ogg chained", "flac joined", "mp3 without xing"])
def test_what_readers_read_in_part_is_stored_anew(name: str) -> None:
    assert not read(WHOLE[name][0](), "x").keeps_own_bytes
