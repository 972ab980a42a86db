"""Measures against sounds whose values are known, and against real recordings."""

import tracemalloc
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from turnmill.manifests.audio import (
    Audio,
    AudioError,
    decode,
    encode_flac,
    mono,
    mono_at,
    pcm_hash,
    quantize16,
    read,
    sound,
)
from turnmill.manifests.audio.mix import resampled
from turnmill.manifests.audio.sound import LongSound
from turnmill.manifests.records import Reason
from turnmill.manifests.schema import SCHEMAS, to_table
from turnmill.sources import presence
from turnmill.sources.measure import FLOOR_DBFS, quality


def sine(level: float, hz: float = 440, rate: int = 16000, seconds: float = 2.0) -> Audio:
    time = np.arange(int(rate * seconds)) / rate
    return Audio((level * np.sin(2 * np.pi * hz * time)).astype(np.float32)[None], rate)


def noise(rate: int, channels: int = 1, seconds: float = 2.0, level: float = 0.1) -> Audio:
    random = np.random.default_rng(0)
    return Audio((random.standard_normal((channels, int(rate * seconds))) * level).astype(np.float32), rate)


def resample(audio: Audio, rate: int) -> Audio:
    blocks = resampled(audio.blocks(), audio.channels, audio.sample_rate, rate, "x")
    return Audio(np.concatenate(list(blocks), axis=1), rate)


def load(path: Path) -> Audio:
    return decode(path.read_bytes(), path.name)


def test_the_fields_are_the_columns_of_the_quality_table() -> None:
    measured = asdict(quality(noise(16000)))
    assert ["uid", *measured] == SCHEMAS["quality"].names
    row = {**measured, "uid": "x", "segments": ((0.0, 1.0),)}
    assert to_table("quality", [row]).to_pylist()[0]["segments"] == [{"start": 0.0, "end": 1.0}]


def test_levels_are_those_of_a_sine() -> None:
    measured = quality(sine(0.5))
    assert measured.rms_dbfs == pytest.approx(-9.031, abs=0.002)
    assert measured.peak_dbfs == pytest.approx(-6.021, abs=0.002)


def test_level_counts_every_channel_and_the_peak_its_largest() -> None:
    both = Audio(np.concatenate([sine(0.5).samples, sine(0.0).samples]), 16000)
    measured = quality(both)
    assert measured.rms_dbfs == pytest.approx(-9.031 - 3.010, abs=0.002)
    assert measured.peak_dbfs == pytest.approx(-6.021, abs=0.002)


@pytest.mark.parametrize("shape", [(1, 16000), (2, 48000)])
def test_silence_is_at_the_floor_and_has_no_bandwidth_speech_or_snr(shape: tuple[int, int]) -> None:
    measured = quality(Audio(np.zeros(shape, np.float32), 16000))
    assert (measured.rms_dbfs, measured.peak_dbfs) == (FLOOR_DBFS, FLOOR_DBFS)
    assert (measured.bandwidth_hz, measured.clipping_ratio, measured.speech_ratio) == (0, 0, 0)
    assert (measured.upsampled, measured.dc_offset, measured.noise_floor_dbfs) == (False, 0, FLOOR_DBFS)
    assert (measured.snr_db, measured.decay_s, measured.loudness_lufs) == (None, None, None)


@pytest.mark.parametrize("rate", [1000, 3001, 8000, 48000, 192000])
@pytest.mark.parametrize("frames", [1, 2, 3, 500])
def test_the_shortest_clips_are_measured(rate: int, frames: int) -> None:
    measured = quality(Audio(np.full((8, frames), 0.5, np.float32), rate))
    assert measured.peak_dbfs == pytest.approx(-6.021, abs=0.001)
    assert 0 <= measured.speech_ratio <= 1


def test_no_samples_is_an_error() -> None:
    with pytest.raises(ValueError, match="without a sample"):
        quality(Audio(np.zeros((1, 0), np.float32), 16000))


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 2), (48000, 8), (192000, 1)])
def test_white_noise_fills_the_band_of_any_rate(rate: int, channels: int) -> None:
    assert quality(noise(rate, channels)).bandwidth_hz == pytest.approx(rate / 2, rel=0.01)


@pytest.mark.parametrize("hz", [1000, 3000, 6000])
def test_a_tone_ends_the_band_near_its_frequency(hz: float) -> None:
    assert quality(sine(0.5, hz)).bandwidth_hz == pytest.approx(hz, rel=0.1)


def test_clipping_is_the_share_of_flat_samples() -> None:
    flat = np.clip(sine(2.0, 100, 48000).samples, -0.95, 0.95)
    expected = float((np.abs(flat) == np.float32(0.95)).mean())
    assert quality(Audio(flat, 48000)).clipping_ratio == pytest.approx(expected, abs=1e-3)
    assert quality(Audio(flat * np.float32(0.5), 48000)).clipping_ratio == 0  # not near full scale


def test_the_offset_is_that_of_the_channel_that_has_most_of_it() -> None:
    both = np.concatenate([sine(0.5).samples + np.float32(0.01), sine(0.1).samples - np.float32(0.03)])
    assert quality(Audio(both, 16000)).dc_offset == pytest.approx(0.03, abs=1e-5)
    assert quality(sine(0.5)).dc_offset < 1e-5


def test_a_loud_peak_alone_is_no_clipping() -> None:
    samples = np.zeros((1, 1000), np.float32)
    samples[0, [10, 11, 500]] = 1.0
    assert quality(Audio(samples, 16000)).clipping_ratio == 0
    samples[0, 12] = 1.0
    assert quality(Audio(samples, 16000)).clipping_ratio == pytest.approx(3 / 1000)


def test_runs_touching_the_ends_and_both_signs_count() -> None:
    samples = np.zeros((2, 10), np.float32)
    samples[0, :3] = 1.0
    samples[0, 3:6] = -1.0
    samples[1, 7:] = -1.0
    assert quality(Audio(samples, 16000)).clipping_ratio == pytest.approx(9 / 20)


def test_a_telephone_recording_upsampled_still_has_its_own_bandwidth(shared: Path) -> None:
    for path in sorted(shared.glob("free-spoken-digit-dataset/recordings/*.wav"))[:10]:
        wide = quantize16(resample(load(path), 48000))
        assert 3000 < quality(wide).bandwidth_hz < 4100


def test_the_rounding_noise_of_a_quiet_recording_is_not_its_bandwidth() -> None:
    quiet = quantize16(resample(noise(8000, level=0.0005), 48000))
    assert 3500 < quality(quiet).bandwidth_hz < 4500


def test_real_speech_is_found_and_measured(shared: Path) -> None:
    for path in sorted(shared.glob("LibriSpeech/test-other/*/*/*.flac"))[::20]:
        audio = load(path)
        measured = quality(audio)
        assert measured.speech_ratio > 0.5
        assert measured.n_segments == len(measured.segments) > 0
        assert measured.bandwidth_hz > 6000
        assert -40 < measured.rms_dbfs < -10
        edges = [edge for segment in measured.segments for edge in segment]
        assert edges == sorted(edges)
        assert edges[-1] <= audio.duration
        assert all(abs(edge * audio.sample_rate - round(edge * audio.sample_rate)) < 1e-6 for edge in edges)


def test_noise_is_not_speech(shared: Path) -> None:
    assert quality(load(shared / "noise/pyroomacoustics_exercise_bike.wav")).speech_ratio == 0


def test_segments_follow_speech_that_is_moved(shared: Path) -> None:
    speech = load(sorted(shared.glob("LibriSpeech/test-other/*/*/*.flac"))[0])
    gap = np.zeros((1, 3 * 16000), np.float32)
    still = quality(speech)
    moved = quality(Audio(np.concatenate([gap, speech.samples, gap], axis=1), 16000))
    assert moved.segments[0][0] == pytest.approx(3.0 + still.segments[0][0], abs=0.1)
    assert moved.segments[-1][1] == pytest.approx(3.0 + still.segments[-1][1], abs=0.2)


@pytest.mark.parametrize("wanted", [5.0, 15.0, 25.0])
def test_snr_follows_the_noise_that_is_added(shared: Path, wanted: float) -> None:
    speech = load(shared / "multilingual/es-ES/audio.wav")
    clean = quality(speech)
    inside = np.concatenate([speech.samples[0, round(a * 16000) : round(b * 16000)] for a, b in clean.segments])
    level = float(np.sqrt(np.mean(np.square(inside)))) / 10 ** (wanted / 20)
    noisy = Audio(speech.samples + noise(16000, 1, 60, level).samples[:, : speech.frames], 16000)
    measured = quality(noisy).snr_db
    assert clean.snr_db is not None
    assert clean.snr_db > 26
    assert measured is not None
    assert measured == pytest.approx(10 * np.log10(10 ** (wanted / 10) + 1), abs=2.5)


def test_snr_is_null_where_all_is_speech(shared: Path) -> None:
    speech = load(sorted(shared.glob("LJSpeech-1.1/wavs/*.wav"))[0])
    start, end = quality(speech).segments[0]
    inner = speech.samples[:, round((start + 0.1) * 22050) : round((end - 0.1) * 22050)]
    measured = quality(Audio(np.ascontiguousarray(inner[:, :22050]), 22050))
    assert measured.speech_ratio > 0.9
    assert measured.snr_db is None


def spoken(shared: Path) -> Audio:
    return load(sorted(shared.glob("LibriSpeech/test-other/*/*/*.flac"))[0])


def test_speech_in_two_channels_of_the_same_signal_is_measured_as_in_one(shared: Path) -> None:
    speech = spoken(shared)
    one, both = quality(speech), quality(Audio(np.repeat(speech.samples, 2, axis=0), 16000))
    assert replace(both, loudness_lufs=one.loudness_lufs) == one
    assert both.loudness_lufs == pytest.approx(one.loudness_lufs + 3.01, abs=0.002)  # BS.1770 adds channels up


@pytest.mark.parametrize("other", [-1.0, -0.8])
def test_speech_in_channels_of_opposite_polarity_is_speech(shared: Path, other: float) -> None:
    speech = spoken(shared)
    inverted = Audio(np.concatenate([speech.samples, speech.samples * np.float32(other)]), 16000)
    one, both = quality(speech), quality(inverted)
    assert (both.segments, both.bandwidth_hz, both.snr_db) == (one.segments, one.bandwidth_hz, one.snr_db)
    np.testing.assert_array_equal(mono(inverted), speech.samples[0])
    np.testing.assert_array_equal(mono_at(inverted, 16000, "x"), speech.samples[0])


def test_speech_in_one_of_sixteen_channels_is_speech_as_loud_as_it_is(shared: Path) -> None:
    speech = spoken(shared)
    many = np.random.default_rng(0).standard_normal((16, speech.frames)).astype(np.float32) * np.float32(1e-5)
    many[5] += speech.samples[0]
    one, all_of_them = quality(speech), quality(Audio(many, 16000))
    assert all_of_them.speech_ratio == pytest.approx(one.speech_ratio, abs=0.03)
    assert all_of_them.bandwidth_hz == pytest.approx(one.bandwidth_hz, rel=0.05)
    level = np.sqrt(np.mean(np.square(mono(Audio(many, 16000)))))
    assert level == pytest.approx(float(np.sqrt(np.mean(np.square(speech.samples)))), rel=0.01)


@pytest.mark.parametrize("level", [0.0, 5e-4])
def test_a_channel_on_which_nobody_is_makes_no_second_talk(shared: Path, level: float) -> None:
    samples = spoken(shared).samples
    other = np.random.default_rng(0).standard_normal(samples.shape).astype(np.float32)
    other *= np.float32(level) * np.sqrt(np.square(samples).mean())
    told = quality(Audio(np.concatenate([samples, other]), 16000))
    assert told.channel_segments is None
    assert told.speech_ratio == pytest.approx(quality(spoken(shared)).speech_ratio, abs=0.02)


def test_two_speakers_on_two_channels_are_both_heard(shared: Path) -> None:
    speech = spoken(shared)
    gap = np.zeros((1, speech.frames), np.float32)
    turns = np.concatenate(
        [np.concatenate([speech.samples, gap], axis=1), np.concatenate([gap, speech.samples * 0.4], axis=1)]
    )
    measured = quality(Audio(turns, 16000))
    assert measured.segments[0][0] < speech.duration < measured.segments[-1][0]
    assert measured.speech_ratio == pytest.approx(quality(speech).speech_ratio, abs=0.05)


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2)])
def test_a_long_sound_is_measured_as_the_same_sound_in_memory(
    shared: Path, monkeypatch: pytest.MonkeyPatch, rate: int, channels: int
) -> None:
    speech = resample(spoken(shared), rate)
    samples = np.repeat(np.tile(speech.samples, 4), channels, axis=0) * np.float32(1.0 / np.abs(speech.samples).max())
    data = encode_flac(Audio(np.clip(samples * 1.5, -1, 1), rate))
    short = read(data, "x").sound
    monkeypatch.setattr(sound, "SHORT_BYTES", 1 << 20)
    long = read(data, "x").sound
    assert (isinstance(short, Audio), isinstance(long, LongSound)) == (True, True)
    assert quality(long) == quality(short)
    assert quality(long).clipping_ratio > 0
    assert pcm_hash(long) == pcm_hash(short)
    np.testing.assert_array_equal(mono_at(long, 16000, "x"), mono_at(short, 16000, "x"))


def test_speech_is_found_alike_in_windows_that_are_cut_in_silence(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speech = load(sorted(shared.glob("LibriSpeech/test-other/3080/*/*.flac"))[0]).samples
    gaps = [np.zeros((1, 16000 * seconds), np.float32) for seconds in (2, 1, 3, 9, 1)]
    whole = Audio(np.concatenate([part for gap in gaps for part in (gap, speech)], axis=1), 16000)
    at_once = quality(whole)
    monkeypatch.setattr(presence, "_WINDOW", 1200)
    in_windows = quality(whole)
    assert in_windows == quality(whole)
    assert in_windows.speech_ratio == pytest.approx(at_once.speech_ratio, abs=0.02)
    assert in_windows.snr_db == pytest.approx(at_once.snr_db, abs=1)
    edges = [edge for segment in in_windows.segments for edge in segment]
    assert edges == sorted(edges)
    assert edges[-1] == pytest.approx(at_once.segments[-1][1], abs=0.1)


def test_speech_without_a_pause_is_one_segment_whatever_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_speech(window: np.ndarray, _: str) -> tuple[np.ndarray, np.ndarray]:
        frames = -(-len(window) // 160)
        return np.ones(frames), np.array([[0, frames]])

    monkeypatch.setattr(presence, "_heard", all_speech)
    monkeypatch.setattr(presence, "_WINDOW", 125)
    measured = quality(noise(16000, seconds=30))
    assert (measured.segments, measured.speech_ratio, measured.snr_db) == (((0.0, 30.0),), 1.0, None)


def test_what_the_vad_raises_is_the_fault_of_the_clip_and_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("[ONNXRuntimeError] at 0x7f3f30929a30: out of range")

    monkeypatch.setattr("faster_whisper.vad.get_vad_model", lambda: fails)
    with pytest.raises(AudioError) as caught:
        quality(noise(16000), "talk.wav")
    assert caught.value.reason is Reason.MEASURE_FAILED
    assert caught.value.detail == "talk.wav: Silero VAD: [ONNXRuntimeError] at the file: out of range"


def test_the_vad_session_uses_one_thread() -> None:
    from faster_whisper.vad import get_vad_model

    options = get_vad_model().session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert get_vad_model() is get_vad_model()


def test_what_a_recogniser_hears_of_a_recording_is_held_once() -> None:
    long = Audio(np.zeros((1, 8000 * 600), np.float32), 8000)
    tracemalloc.start()
    heard = mono_at(long, 16000, "x")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(heard) == 16000 * 600
    assert peak < 1.3 * heard.nbytes
