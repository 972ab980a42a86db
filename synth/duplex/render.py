"""Obey a timeline: from lines of speech to two clean stems, and noise on the user's delivered channel alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth.acoustics import NoisePool, make_noise
from synth.duplex import USER
from synth.duplex.timeline import Clip, Timeline

PEAK_DBFS = -1.0
"""No sample is louder (`duplex.md` 1.5, format)."""

_QUANTISED = 0.999  # 16-bit rounding may raise a sample by half a step


@dataclass(frozen=True)
class Rendered:
    """Float32 mono stems [n_samples] at 24 kHz; `user` is `user_clean` plus noise.

    `gain_db` was applied to both user stems; it is 0 unless speech and noise together would have gone over the peak.
    """

    assistant: NDArray[np.float32]
    user_clean: NDArray[np.float32]
    user: NDArray[np.float32]
    gain_db: float

    @property
    def channels(self) -> NDArray[np.float32]:
        """Float32 [2, n_samples] as delivered: assistant, user."""
        return np.stack((self.assistant, self.user))


def render(timeline: Timeline, pcm: Mapping[str, NDArray[np.float32]], pool: NoisePool) -> Rendered:
    """Render a timeline. `pcm` has each line, float32 mono [samples] at 24 kHz, as it was measured; `pool` each noise
    file.

    KeyError where a line of the timeline is missing; ValueError where the assistant's lines go over the peak, which no
    plan allows.
    """
    stems = np.zeros((2, timeline.n_samples), np.float32)
    for clip in timeline.clips:
        stems[clip.channel, clip.at : clip.end] += shaped(clip, pcm[clip.line])
    assistant, clean = stems
    if np.abs(assistant).max(initial=0.0) > 10 ** (PEAK_DBFS / 20):
        raise ValueError(f"{timeline.dialogue}: the assistant is louder than {PEAK_DBFS} dBFS")
    user = clean if timeline.noise is None else clean + _scaled_noise(timeline, clean, pool)
    peak = np.abs(user).max(initial=0.0)
    limit = 10 ** (PEAK_DBFS / 20) * _QUANTISED
    if peak <= limit:
        return Rendered(assistant, clean, user, 0.0)
    # Speech and noise by the same factor: the SNR stays what the label says.
    gain_db = float(np.floor(2000 * np.log10(limit / peak)) / 100)
    factor = np.float32(10 ** (gain_db / 20))
    return Rendered(assistant, clean * factor, user * factor, gain_db)


def shaped(clip: Clip, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """The samples that a clip puts on its channel, with gain and fades: float32 [stop - start]."""
    cut = pcm[clip.start : clip.stop] * np.float32(10 ** (clip.gain_db / 20))
    if clip.fade_in:
        cut[: clip.fade_in] *= _rise(clip.fade_in)
    if clip.fade_out:
        cut[-clip.fade_out :] *= _rise(clip.fade_out)[::-1]
    return cut


def user_words(timeline: Timeline) -> list[tuple[int, int]]:
    """[start, end) of the words of the user's turns, over which the level of the user's speech is defined; turns
    without word times count whole."""
    spans: list[tuple[int, int]] = []
    for turn in timeline.turns:
        if turn.channel == USER:
            timed = [(w.start, w.end) for w in turn.words if w.start is not None and w.end is not None]
            spans += timed or [(turn.start, turn.end)]
    return spans


def _scaled_noise(timeline: Timeline, clean: NDArray[np.float32], pool: NoisePool) -> NDArray[np.float32]:
    assert timeline.noise is not None
    noise = make_noise(timeline.noise, timeline.n_samples, timeline.dialogue, pool)
    spans = user_words(timeline)
    speech = sum(_energy(clean[s:e]) for s, e in spans) / max(sum(e - s for s, e in spans), 1)
    ratio = speech / (_energy(noise) / len(noise))
    # To 0.0001 dB, so that the last bit of a sum, which differs between processors, is in no sample.
    gain_db = round(10 * math.log10(ratio) - timeline.noise.snr_db, 4)
    return noise * np.float32(10 ** (gain_db / 20))


def _energy(pcm: NDArray[np.float32]) -> float:
    return float(np.square(pcm, dtype=np.float64).sum())


def _rise(n_samples: int) -> NDArray[np.float32]:
    """Raised cosine from just above 0 to just below 1: float32 [n_samples]."""
    phase = (np.arange(n_samples, dtype=np.float64) + 0.5) / n_samples
    return (0.5 - 0.5 * np.cos(np.pi * phase)).astype(np.float32)
