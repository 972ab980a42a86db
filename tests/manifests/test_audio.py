"""Decoding real and broken files, and the 16-bit round trip."""

import errno
import io
import pickle
import struct
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, cast

import av
import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from turnmill.manifests.audio import (
    Audio,
    AudioError,
    decode,
    encode_flac,
    files,
    libav,
    library,
    libsndfile,
    mono,
    pcm_hash,
    program,
    quantize16,
    read,
    sound,
    to_int16,
)
from turnmill.manifests.audio.mix import resampled
from turnmill.manifests.records import Reason


def tone(rate: int = 16000, channels: int = 1, seconds: float = 0.5) -> Audio:
    time = np.arange(int(rate * seconds), dtype=np.float32) / rate
    rows = [0.5 * np.sin(2 * np.pi * 440 * (index + 1) * time) for index in range(channels)]
    return Audio(np.stack(rows).astype(np.float32), rate)


def written(audio: Audio, kind: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, audio.samples.T, audio.sample_rate, format=kind, subtype=subtype)
    return file.getvalue()


def through_pyav(audio: Audio, container: str, codec: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        layout = "stereo" if audio.channels == 2 else "mono"
        stream = output.add_stream(codec, rate=audio.sample_rate, layout=layout)
        stream.bit_rate = 128_000
        frame = av.AudioFrame.from_ndarray(audio.samples, format="fltp", layout=layout)
        frame.sample_rate = audio.sample_rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    return file.getvalue()


def reason_of(data: bytes) -> Reason:
    with pytest.raises(AudioError) as caught:
        decode(data, "clip.flac")
    assert "clip.flac" in caught.value.detail
    return caught.value.reason


@pytest.mark.parametrize(
    ("kind", "subtype", "codec", "error"),
    [
        ("FLAC", "PCM_16", "flac", 4e-5),
        ("FLAC", "PCM_24", "flac", 1e-6),
        ("WAV", "PCM_16", "wav", 4e-5),
        ("WAV", "PCM_24", "wav", 1e-6),
        ("WAV", "FLOAT", "wav", 0),
        ("WAVEX", "DOUBLE", "wav", 0),
        ("WAV", "ULAW", "wav", 0.02),
        ("RF64", "PCM_16", "wav", 4e-5),
        ("AIFF", "PCM_16", "other", 4e-5),
        ("OGG", "VORBIS", "ogg", 0.08),
    ],
)
def test_what_libsndfile_reads_keeps_its_samples_rate_and_channels(
    kind: str, subtype: str, codec: str, error: float
) -> None:
    source = tone(22050, 2)
    data = written(source, kind, subtype)
    got = decode(data, "x")
    assert got.sample_rate == 22050
    assert got.samples.shape == source.samples.shape
    assert got.samples.dtype == np.float32
    assert got.samples.flags.c_contiguous
    assert np.abs(got.samples - source.samples).max() <= error
    assert read(data, "x").codec == codec


@pytest.mark.parametrize(("kind", "subtype", "codec"), [("MP3", "MPEG_LAYER_III", "mp3"), ("OGG", "OPUS", "opus")])
def test_lossy_codecs_keep_rate_channels_and_about_the_length(kind: str, subtype: str, codec: str) -> None:
    data = written(tone(16000, 2, 2.0), kind, subtype)
    got = decode(data, "x")
    assert (got.sample_rate, got.channels) == (16000, 2)
    assert got.duration == pytest.approx(2.0, abs=0.1)
    assert read(data, "x").codec == codec


@pytest.mark.parametrize(("container", "codec"), [("mp4", "aac"), ("adts", "aac"), ("asf", "wmav2")])
def test_what_libsndfile_cannot_open_is_decoded_by_pyav(container: str, codec: str) -> None:
    data = through_pyav(tone(48000, 2, 1.0), container, codec)
    assert libsndfile.opened(io.BytesIO(data), "x") is None
    got = decode(data, "voice.m4a")
    assert (got.sample_rate, got.channels) == (48000, 2)
    assert got.duration == pytest.approx(1.0, abs=0.1)
    assert 0.3 < np.abs(got.samples).max() < 0.7
    assert read(data, "voice.m4a").codec == "other"


def test_the_ffmpeg_program_decodes_to_the_same_samples_as_pyav() -> None:
    data = through_pyav(tone(48000, 2, 1.0), "mp4", "aac")
    adts = through_pyav(tone(48000, 2, 1.0), "adts", "aac")
    by_program, by_library = program.stream(io.BytesIO(adts), "x"), libav.stream(io.BytesIO(adts), "x")
    assert by_program is not None
    assert by_library is not None
    samples = [np.concatenate(list(stream.samples), axis=1) for stream in (by_program, by_library)]
    np.testing.assert_allclose(*samples, atol=1e-4)
    assert by_program.sample_rate == 48000
    assert program.stream(io.BytesIO(b"no audio at all"), "x") is None
    assert decode(data, "x").channels == 2


def test_the_content_decides_and_not_the_extension() -> None:
    source = quantize16(tone())
    np.testing.assert_array_equal(decode(encode_flac(source), "really-flac.mp3").samples, source.samples)
    assert read(encode_flac(source), "really-flac.mp3").codec == "flac"


@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile secret.wav\n", "#EXTM3U\n#EXTINF:1,\nsecret.wav\n"])
def test_a_playlist_cannot_make_us_read_another_file(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.wav").write_bytes(written(tone(), "WAV", "PCM_16"))
    monkeypatch.chdir(tmp_path)
    assert reason_of(text.encode()) is Reason.CORRUPT_AUDIO


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.EMPTY_FILE),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n", Reason.CORRUPT_AUDIO),
        (b"<html><body>404</body></html>", Reason.CORRUPT_AUDIO),
        (np.random.default_rng(0).bytes(50_000), Reason.CORRUPT_AUDIO),
        (written(tone(), "FLAC", "PCM_16")[:30], Reason.TRUNCATED_AUDIO),
        (written(tone(seconds=2), "FLAC", "PCM_16")[:-200], Reason.TRUNCATED_AUDIO),
        (written(tone(seconds=2), "FLAC", "PCM_16")[:9000], Reason.TRUNCATED_AUDIO),
        (written(tone(), "WAV", "PCM_16")[:-2], Reason.TRUNCATED_AUDIO),
        (written(tone(), "WAV", "FLOAT")[:4000], Reason.TRUNCATED_AUDIO),
        (written(tone(), "RF64", "PCM_16")[:-1000], Reason.TRUNCATED_AUDIO),
        (written(tone(seconds=0), "WAV", "PCM_16"), Reason.NO_SAMPLES),
    ],
)
def test_a_file_that_cannot_be_used_says_why(data: bytes, reason: Reason) -> None:
    assert reason_of(data) is reason


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused_in_any_channel(bad: float) -> None:
    source = tone(channels=2)
    source.samples[1, 7] = bad
    assert reason_of(written(source, "WAV", "FLOAT")) is Reason.NOT_FINITE


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000])
def test_a_wav_written_to_a_pipe_is_whole(size: int) -> None:
    data = bytearray(written(tone(), "WAV", "PCM_16"))
    place = data.index(b"data") + 4
    data[place : place + 4] = struct.pack("<I", size)
    assert decode(bytes(data), "x").frames == tone().frames


def test_a_flac_without_a_declared_length_is_read_to_its_end() -> None:
    source = quantize16(tone(seconds=10))
    data = bytearray(encode_flac(source))
    data[21] &= 0xF0  # STREAMINFO: 36 bits of total samples, 0 is unknown
    data[22:26] = bytes(4)
    found = read(bytes(data), "x")
    assert not found.keeps_own_bytes  # other readers do not know its length
    np.testing.assert_array_equal(decode(bytes(data), "x").samples, source.samples)


def test_a_file_too_long_for_memory_is_refused_where_it_has_to_be_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [written(tone(), "FLAC", "PCM_16"), through_pyav(tone(seconds=2), "adts", "aac")]
    monkeypatch.setattr(files, "MAX_DECODED_BYTES", 8000)
    monkeypatch.setattr(sound, "SHORT_BYTES", 4000)
    for data in sources:
        assert reason_of(data) is Reason.CORRUPT_AUDIO


class Failing(io.BytesIO):
    """A file whose disk fails, once it is told to, behind its 20,000th byte."""

    fails = True

    def read(self, size: int | None = -1) -> bytes:
        if self.fails and self.tell() + (len(self.getvalue()) if size is None or size < 0 else size) > 20_000:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(size)


def on_disk(file: Failing) -> BinaryIO:
    """Not in memory, as far as anybody can see."""
    return cast(BinaryIO, SimpleNamespace(read=file.read, seek=file.seek, tell=file.tell))


DISK = [
    ("flac", written(tone(seconds=20), "FLAC", "PCM_16")),
    ("wav", written(tone(seconds=20), "WAV", "PCM_16")),
    ("mp3", written(tone(seconds=20), "MP3", "MPEG_LAYER_III")),
    ("adts", through_pyav(tone(48000, seconds=20), "adts", "aac")),
    ("wav of size 0", written(tone(seconds=20), "WAV", "PCM_16").replace(b"data\0\xc4\x09\0", b"data" + bytes(4))),
    ("flac joined", written(tone(seconds=20), "FLAC", "PCM_16") * 2),
    ("ID3 and flac", b"ID3\4\0\0\0\0\0\0" + written(tone(seconds=20), "FLAC", "PCM_16")),
]


@pytest.mark.parametrize(("name", "data"), DISK)
def test_a_disk_that_fails_is_no_fault_of_the_file(
    name: str, data: bytes, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OSError, match="Input/output error"):
        read(on_disk(Failing(data)), name)
    monkeypatch.setattr(sound, "SHORT_BYTES", 4000)
    file = Failing(data)
    file.fails = False
    long = read(on_disk(file), name).sound
    file.fails = True
    with pytest.raises(OSError, match="Input/output error"):
        list(long.blocks())
    assert "Traceback" not in capfd.readouterr().err


def test_a_long_file_that_changes_while_it_is_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "SHORT_BYTES", 4000)
    file = io.BytesIO(written(tone(seconds=2), "WAV", "PCM_16"))
    long = read(file, "x.wav").sound
    file.truncate(20_044)
    with pytest.raises(AudioError, match=r"x.wav changed while it was read: 32,000 samples, then 10,000"):
        list(long.blocks())


def test_memory_that_is_not_there_is_no_fault_of_the_audio() -> None:
    with pytest.raises(MemoryError), library("a library", "x.wav", Reason.CORRUPT_AUDIO):
        raise MemoryError


def test_an_error_survives_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(AudioError(Reason.NO_SAMPLES, "x has none")))
    assert (error.reason, error.detail) == (Reason.NO_SAMPLES, "x has none")


FLAC = written(tone(seconds=0.1), "FLAC", "PCM_16")
WAV = written(tone(seconds=0.1), "WAV", "PCM_16")


WITHOUT_CHANNELS = [(22, 0), (23, 0)]  # soundfile divided by their number


@settings(max_examples=60, deadline=None)
@example(WAV, WITHOUT_CHANNELS)
@given(st.sampled_from([FLAC, WAV]), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8))
def test_damaged_bytes_decode_or_raise_audio_error_and_nothing_else(data: bytes, damage: list[tuple[int, int]]) -> None:
    broken = bytearray(data)
    for place, value in damage:
        broken[place % len(broken)] = value
    with suppress(AudioError):
        assert np.isfinite(decode(bytes(broken), "x").samples).all()


SAMPLES = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 8), st.integers(1, 300)),
    elements=st.floats(-2, 2, width=32),
)


@settings(max_examples=60, deadline=None)
@given(SAMPLES, st.sampled_from([8000, 11025, 16000, 22050, 24000, 44100, 48000, 96000, 192000]))
def test_flac_gives_back_exactly_the_16_bit_samples(samples: np.ndarray, rate: int) -> None:
    source = Audio(samples, rate)
    data = encode_flac(source)
    got = decode(data, "x")
    np.testing.assert_array_equal(got.samples, quantize16(source).samples)
    assert got.sample_rate == rate
    assert data == encode_flac(source)
    assert pcm_hash(got) == pcm_hash(source)
    assert np.abs(got.samples - np.clip(samples, -1, 1)).max() <= 1 / 32768


def test_quantizing_rounds_clips_and_changes_nothing_twice() -> None:
    source = Audio(np.array([[1.5, -1.5, 0.6 / 32768, 0.4 / 32768, 0]], np.float32), 8000)
    assert to_int16(source).tolist() == [[32767, -32768, 1, 0, 0]]
    once = quantize16(source)
    np.testing.assert_array_equal(quantize16(once).samples, once.samples)


def test_the_hash_tells_samples_rate_channels_and_their_order_apart() -> None:
    one = Audio(np.array([[0.1, 0.2], [0.3, 0.4]], np.float32), 16000)
    others = [
        Audio(one.samples, 8000),
        Audio(one.samples[::-1], 16000),
        Audio(one.samples.reshape(1, -1), 16000),
        Audio(one.samples.T.reshape(1, -1), 16000),
        Audio(one.samples + np.float32(1 / 32768), 16000),
    ]
    assert len({pcm_hash(audio) for audio in [one, *others]}) == 6
    assert pcm_hash(one) == pcm_hash(Audio(one.samples.copy(), 16000))
    assert len(pcm_hash(one)) == 32


def test_flac_refuses_what_it_cannot_hold_with_a_reason() -> None:
    with pytest.raises(AudioError, match="has 9 channels; the lake holds up to 8") as caught:
        encode_flac(tone(channels=9))
    assert caught.value.reason is Reason.TOO_MANY_CHANNELS
    with pytest.raises(AudioError, match="has 768000 Hz; the lake holds 1000 to 655350 Hz") as caught:
        encode_flac(Audio(np.zeros((1, 9), np.float32), 768000))
    assert caught.value.reason is Reason.UNSUPPORTED_RATE


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_resampling_keeps_each_channel_its_own_tone(channels: int) -> None:
    source = tone(48000, channels, 1.0)
    got = np.concatenate(list(resampled(source.blocks(), channels, 48000, 16000, "x")), axis=1)
    assert got.shape == (channels, 16000)
    np.testing.assert_allclose(got[:, 2000:14000], tone(16000, channels, 1.0).samples[:, 2000:14000], atol=1e-3)


def test_mono_is_the_mean_of_the_channels() -> None:
    assert mono(Audio(np.array([[1, 0], [0, -0.5]], np.float32), 8000)).tolist() == [0.5, -0.25]


def test_the_lake_keeps_compressed_codecs_and_no_others() -> None:
    kinds = (("FLAC", "PCM_16"), ("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("WAV", "PCM_16"))
    found = [read(written(tone(), kind, subtype), "x") for kind, subtype in kinds]
    kept = [recording.codec for recording in found if recording.keeps_own_bytes]
    assert kept == ["flac", "mp3", "ogg", "opus"]


@pytest.mark.parametrize(
    ("pattern", "codec", "rate", "channels"),
    [
        ("LibriSpeech/test-other/*/*/*.flac", "flac", 16000, 1),
        ("LJSpeech-1.1/wavs/*.wav", "wav", 22050, 1),
        ("free-spoken-digit-dataset/recordings/*.wav", "wav", 8000, 1),
        ("ESC-10/*/*.ogg", "ogg", 44100, 1),
        ("two-channel/support_call*.flac", "flac", 8000, 2),
        ("rir/lhotse_real_8ch.wav", "wav", 16000, 8),
        ("multilingual/*/*.wav", "wav", 16000, 1),
    ],
)
def test_real_recordings_decode_as_their_header_says(
    shared: Path, pattern: str, codec: str, rate: int, channels: int
) -> None:
    for path in sorted(shared.glob(pattern))[:5]:
        data = path.read_bytes()
        found, header = read(data, path.name), soundfile.info(path)
        assert (found.codec, found.sound.sample_rate, found.sound.channels) == (codec, rate, channels)
        assert (header.samplerate, header.channels, header.frames) == (rate, channels, found.sound.frames)
