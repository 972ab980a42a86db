"""The pitch of speech: tones of a known one, silence, noise, and a voice whose model says its own."""

import numpy as np
import pytest
import soxr

from tests.pipelines.conftest import speech
from turnmill.manifests.audio import AudioError
from turnmill.manifests.records import Reason
from turnmill.sources.pitch import SAMPLE_RATE, PitchTracker


@pytest.fixture(scope="module")
def tracker() -> PitchTracker:
    return PitchTracker()


def tone(hz: float, seconds: float = 1.0) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Harmonics that fall as those of a voice."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    parts = [np.sin(2 * np.pi * hz * k * time) / k for k in range(1, int(7_000 / hz))]
    return (0.1 * np.sum(parts, 0)).astype(np.float32)


@pytest.mark.parametrize("hz", [60, 85, 120, 180, 255, 400, 550])
def test_a_tone_has_its_pitch_and_does_not_move(tracker: PitchTracker, hz: int) -> None:
    found = tracker.pitch(tone(hz), "x")
    assert found is not None
    assert found.mean_hz == pytest.approx(hz, rel=0.01)
    assert found.deviation_hz < 0.01 * hz


def test_two_tones_have_the_mean_and_the_deviation_of_both(tracker: PitchTracker) -> None:
    found = tracker.pitch(np.concatenate([tone(100, 2), tone(200, 2)]), "x")
    assert found is not None
    assert found.mean_hz == pytest.approx(150, rel=0.02)
    assert found.deviation_hz == pytest.approx(50, rel=0.05)


def test_what_is_no_voice_has_none(tracker: PitchTracker) -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal(SAMPLE_RATE).astype(np.float32)
    for samples in (noise, np.zeros(SAMPLE_RATE, np.float32), tone(150, 0.15), np.zeros(0, np.float32)):
        assert tracker.pitch(samples, "x") is None


def test_the_same_speech_has_the_same_pitch(tracker: PitchTracker) -> None:
    spoken = speech("The morning train leaves at seven.")
    samples = soxr.resample(spoken.pcm, spoken.sample_rate, SAMPLE_RATE)
    found = tracker.pitch(samples, "x")
    assert found == PitchTracker().pitch(samples, "x")
    assert found is not None
    assert 170 < found.mean_hz < 240  # a woman's


def test_what_the_model_fails_on_is_an_error_of_the_model() -> None:
    with pytest.raises(AudioError, match="u0: SwiftF0: ") as error:
        PitchTracker().pitch(np.zeros((2, 2, SAMPLE_RATE), np.float32), "u0")
    assert error.value.reason is Reason.MODEL_FAILED
