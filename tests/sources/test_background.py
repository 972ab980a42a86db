"""Noise and decay of sounds whose levels are known frame by frame, and of speech in rooms."""

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import fftconvolve

from turnmill.manifests.audio import Audio, decode, mono_at
from turnmill.sources.background import decay_s, noise_floor_dbfs, snr_db
from turnmill.sources.measure import quality
from turnmill.sources.presence import Heard


def heard(level_db: np.ndarray, *segments: tuple[int, int]) -> Heard:
    return Heard(np.array(segments, np.int64).reshape(-1, 2), 10 ** (np.asarray(level_db, float) / 10))


def bursts(fall_db: float) -> Heard:
    """Speech at -20 dBFS for 200 ms, which then falls by so many dB a frame to -80 dBFS, ten times."""
    one = np.concatenate([np.full(20, -20.0), np.maximum(-20 - fall_db * np.arange(1, 101), -80)])
    return heard(np.tile(one, 10), *((120 * n, 120 * n + 20) for n in range(10)))


def test_noise_is_the_median_outside_speech_and_snr_the_ratio_of_means() -> None:
    level = np.full(300, -60.0)
    level[100:200], level[250:253] = -20, -10  # a slam
    one = heard(level, (100, 200))
    assert noise_floor_dbfs(one) == -60
    outside = 10 * np.log10((197 * 1e-6 + 3 * 1e-1) / 200)
    assert snr_db(one) == pytest.approx(-20 - outside, abs=0.001)


def test_nothing_is_said_of_too_little() -> None:
    everything = heard(np.full(100, -20.0), (0, 95))
    assert (noise_floor_dbfs(everything), snr_db(everything)) == (None, None)
    nothing = heard(np.full(100, -20.0))
    assert noise_floor_dbfs(nothing) == -20
    assert (snr_db(nothing), decay_s(nothing)) == (None, None)


@pytest.mark.parametrize("seconds", [0.2, 0.4, 0.8, 1.5])
def test_a_level_that_falls_by_60_db_in_a_time_decays_in_that_time(seconds: float) -> None:
    assert decay_s(bursts(60 / (100 * seconds))) == pytest.approx(seconds, rel=0.02)


def test_noise_that_hides_the_end_of_speech_hides_its_decay() -> None:
    clear = bursts(1.5)
    noisy = Heard(clear.segments, clear.power + 10**-3.7)  # 17 dB below speech
    assert decay_s(noisy) is None
    assert decay_s(heard(np.full(100, -20.0), (0, 100))) is None


@pytest.mark.parametrize("room", ["speechbrain_rir1", "audiomentations_rir48000"])
def test_speech_in_a_room_decays_slowly_and_the_same_speech_without_it_does_not(shared: Path, room: str) -> None:
    path = shared / f"rir/{room}.wav"
    impulse = mono_at(decode(path.read_bytes(), path.name), 16000, room)
    for path in sorted(shared.glob("LibriSpeech/test-other/*/*/*.flac"))[3::20]:
        dry = decode(path.read_bytes(), path.name)
        wet = fftconvolve(dry.samples[0], impulse)[: dry.frames].astype(np.float32)
        decays = [quality(Audio(samples[None], 16000)).decay_s for samples in (dry.samples[0], wet)]
        assert decays[1] is not None
        assert (decays[0] or 0) < 0.3 < decays[1]  # null where the utterance is noisy as released
