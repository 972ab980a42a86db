"""Measures against sounds whose values are known, and against real recordings."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from manifests.schema import SCHEMAS, to_table
from sources.audio import Audio, decode, quantize16, resample
from sources.measure import FLOOR_DBFS, quality


def sine(level: float, hz: float = 440, rate: int = 16000, seconds: float = 2.0) -> Audio:
    time = np.arange(int(rate * seconds)) / rate
    return Audio((level * np.sin(2 * np.pi * hz * time)).astype(np.float32)[None], rate)


def noise(rate: int, channels: int = 1, seconds: float = 2.0, level: float = 0.1) -> Audio:
    random = np.random.default_rng(0)
    return Audio((random.standard_normal((channels, int(rate * seconds))) * level).astype(np.float32), rate)


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
    assert measured.snr_db is None


@pytest.mark.parametrize("rate", [8000, 48000, 192000])
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


def test_the_vad_session_uses_one_thread() -> None:
    from faster_whisper.vad import get_vad_model

    options = get_vad_model().session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert get_vad_model() is get_vad_model()
