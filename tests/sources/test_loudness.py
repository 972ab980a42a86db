"""Loudness by the definition's own sine, and against pyloudnorm on real speech."""

from pathlib import Path

import numpy as np
import pytest
from pyloudnorm import Meter

from turnmill.manifests.audio import Audio, decode
from turnmill.sources.loudness import Loudness


def loudness(audio: Audio) -> float | None:
    meter = Loudness(audio.channels, audio.sample_rate)
    for block in audio.blocks():
        meter.add(block)
    return meter.integrated()


def sine(level: float, seconds: float, rate: int = 48000) -> Audio:
    time = np.arange(round(seconds * rate)) / rate
    return Audio((level * np.sin(2 * np.pi * 997 * time)).astype(np.float32)[None], rate)


@pytest.mark.parametrize("level", [1.0, 0.1, 0.001])
def test_a_sine_of_997_hz_is_as_loud_as_the_standard_says(level: float) -> None:
    assert loudness(sine(level, 2)) == pytest.approx(-3.01 + 20 * np.log10(level), abs=0.01)


def test_channels_are_added_up() -> None:
    both = Audio(np.repeat(sine(1.0, 2).samples, 2, axis=0), 48000)
    assert loudness(both) == pytest.approx(0.0, abs=0.03)


def test_what_is_silent_or_much_quieter_than_the_rest_does_not_count() -> None:
    loud, faint, silent = (sine(level, 3).samples for level in (0.5, 0.01, 0.0))
    whole = loudness(Audio(np.concatenate([silent, loud, faint, silent], axis=1), 48000))
    counted = 10 * np.log10((27 + 2 * (0.75 + 0.5 + 0.25)) / 33)  # blocks on both edges are in part silent
    assert whole == pytest.approx(-3.01 - 6.02 + counted, abs=0.03)


@pytest.mark.parametrize(("seconds", "level"), [(0.39, 1.0), (3.0, 0.0), (3.0, 1e-5)])
def test_what_is_short_or_silent_has_none(seconds: float, level: float) -> None:
    assert loudness(sine(level, seconds)) is None


def test_four_hundred_milliseconds_are_enough_at_any_rate() -> None:
    for rate in (1000, 3363, 3364, 3365, 8000, 11025, 655350):
        measured = loudness(sine(0.5, 0.41, rate))
        assert measured is not None
        assert np.isfinite(measured)


@pytest.mark.parametrize("pattern", ["LibriSpeech/test-other/*/*/*.flac", "LJSpeech-1.1/wavs/*.wav"])
def test_real_speech_is_as_loud_as_pyloudnorm_finds_it(shared: Path, pattern: str) -> None:
    for path in sorted(shared.glob(pattern))[::20]:
        audio = decode(path.read_bytes(), path.name)
        wanted = Meter(audio.sample_rate, "DeMan").integrated_loudness(audio.samples.T.astype(np.float64))
        assert loudness(audio) == pytest.approx(wanted, abs=0.05)
