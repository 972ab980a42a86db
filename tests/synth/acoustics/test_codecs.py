"""Codecs, through the real ffmpeg: speech comes back in time and as long, with the band that the line has."""

import shutil
import sys

import imageio_ffmpeg
import numpy as np
import pytest
import scipy.signal
from numpy.typing import NDArray

from tests.synth.acoustics.conftest import Talks
from turnmill.manifests.errors import UsageError
from turnmill.synth.acoustics.codecs import CODECS, transmit
from turnmill.synth.channels import RATE


def in_band(pcm: NDArray[np.float32]) -> NDArray[np.float64]:
    section = scipy.signal.butter(4, [600, 2500], "bandpass", fs=RATE, output="sos")
    filtered: NDArray[np.float64] = scipy.signal.sosfiltfilt(section, pcm.astype(np.float64))
    return filtered


@pytest.mark.parametrize("name", list(CODECS))
def test_speech_comes_back_within_a_millisecond_and_sounds_alike(name: str, talks: Talks) -> None:
    talk = talks(3, 6)
    back = transmit(name, talk.user)
    assert back.dtype == np.float32
    assert back.shape == talk.user.shape
    sent, heard = in_band(talk.user), in_band(back)
    match = scipy.signal.correlate(heard, sent, "same")
    assert abs(int(np.argmax(match)) - len(sent) // 2) <= RATE / 1000
    likeness = match.max() / np.sqrt(np.sum(sent**2) * np.sum(heard**2))
    assert likeness > 0.85
    high = [np.sum(scipy.signal.sosfilt(scipy.signal.butter(8, 5000, "high", fs=RATE, output="sos"), pcm) ** 2)
            for pcm in (talk.user, back)]  # fmt: skip
    if CODECS[name].rate == 8000:
        assert high[1] < 0.01 * high[0]
    assert np.array_equal(back, transmit(name, talk.user))


@pytest.mark.parametrize("name", list(CODECS))
@pytest.mark.parametrize("n_samples", [1, 700])
def test_the_shortest_audio_keeps_its_length(name: str, n_samples: int) -> None:
    back = transmit(name, np.full(n_samples, 0.1, np.float32))
    assert back.shape == (n_samples,)
    assert np.isfinite(back).all()


def test_the_last_word_is_not_lost_to_the_delay(talks: Talks) -> None:
    pcm = talks(3, 6).user
    last = max(int(np.flatnonzero(pcm)[-1]) - RATE // 4, 0)
    cut = pcm[: last + RATE // 8]  # ends within a word
    for name in CODECS:
        end = transmit(name, cut)[-RATE // 20 :]
        assert np.mean(end**2) > 0.05 * np.mean(cut[-RATE // 20 :] ** 2), name


def test_an_ffmpeg_that_cannot_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: shutil.which("false"))
    with pytest.raises(UsageError, match=r"codec\.kinds: .*false cannot do g711_alaw"):
        transmit("g711_alaw", np.zeros(100, np.float32))


@pytest.mark.parametrize("package", ["ffmpeg", "imageio_ffmpeg"])
def test_without_its_packages_a_codec_is_one_sentence_that_installs_them(
    monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UsageError, match="pip install ffmpeg-python imageio-ffmpeg"):
        transmit("g711_alaw", np.zeros(100, np.float32))
