"""What was resampled from a lower rate is told from what was not: made of real speech, and of sounds of no speech."""

from pathlib import Path

import numpy as np
import pytest
import soxr

from turnmill.manifests.audio import Audio, decode, quantize16
from turnmill.sources.spectrum import Band, Spectrum


def band(audio: Audio) -> Band:
    spectrum = Spectrum(audio)
    for block in audio.blocks():
        spectrum.add(block[0])
    return spectrum.band()


def resampled(audio: Audio, *rates: int, quality: str = "HQ") -> Audio:
    """At each of these rates in turn, and in 16 bits."""
    samples, rate = audio.samples.T, audio.sample_rate
    for new in rates:
        samples, rate = soxr.resample(samples, rate, new, quality=quality), new
    return quantize16(Audio(np.ascontiguousarray(samples.T), rate))


def utterances(shared: Path) -> list[Audio]:
    patterns = ("LibriSpeech/test-other/*/*/*.flac", "VCTK*/wav48*/*/*.flac", "LJSpeech-1.1/wavs/*.wav")
    paths = [path for pattern in patterns for path in sorted(shared.glob(pattern))[::15]]
    return [decode(path.read_bytes(), path.name) for path in paths]


@pytest.mark.parametrize(
    ("rate", "stored"), [(8000, 16000), (8000, 24000), (8000, 48000), (11025, 16000), (16000, 22050), (16000, 48000)]
)
def test_speech_that_was_upsampled_is_found_and_its_band_is_that_of_the_lower_rate(
    shared: Path, rate: int, stored: int
) -> None:
    for audio in utterances(shared):
        found = band(resampled(audio, rate, stored))
        assert found.upsampled
        assert found.bandwidth_hz == pytest.approx(rate / 2, rel=0.1)


@pytest.mark.parametrize("quality", ["QQ", "LQ", "MQ", "VHQ"])
def test_whatever_filter_it_went_through(shared: Path, quality: str) -> None:
    found = [band(resampled(audio, 8000, 24000, quality=quality)).upsampled for audio in utterances(shared)]
    assert all(found) or quality == "QQ"  # a cubic: its images are there


def test_speech_of_the_rate_that_it_is_stored_at_is_not(shared: Path) -> None:
    found = utterances(shared)
    assert len(found) > 10
    assert not any(band(audio).upsampled for audio in found)
    for audio in found:
        assert not band(resampled(audio, 8000)).upsampled  # a telephone's band, at its own rate


def test_the_low_pass_of_a_codec_is_no_lower_rate(shared: Path) -> None:
    jfk = decode((shared / "jfk.flac").read_bytes(), "jfk")
    found = band(jfk)
    assert 14_000 < found.bandwidth_hz < 16_500
    assert not found.upsampled


def test_tones_noise_and_silence_are_not() -> None:
    time = np.arange(96_000) / 48_000
    tones = [np.sin(2 * np.pi * hz * time) for hz in (300, 3000, 9000)]
    noise = np.random.default_rng(0).standard_normal(96_000) * 0.1
    for samples in (*tones, noise, np.zeros(96_000), noise[:1], noise[:100]):
        assert not band(Audio(samples.astype(np.float32)[None], 48_000)).upsampled
    wide = Audio(noise.astype(np.float32)[None], 48_000)
    assert band(resampled(wide, 16_000, 48_000)) == Band(pytest.approx(8000, rel=0.05), True)
