"""Where speech begins and ends in white noise: frequency bands in which a voice stands out are seen long before its whole energy."""

import numpy as np
from numpy.typing import NDArray

from synth.duplex import RATE
from synth.duplex.energy import FRAME

_HOP = RATE // 1000
_EDGES_HZ = (100, 400, 1000, 2000, 4000, 8000, 12_000)
_SIGMAS = 5.2  # one frame of noise in ten million
_SHARED = 1.5  # neighbouring bins of a Hann window are not independent


def bounds_in_noise(pcm: NDArray[np.float32], noise_power: float) -> tuple[int, int] | None:
    """[start, end) in samples of the speech in `pcm` [samples] at 24 kHz, to 1 ms; `noise_power` is the noise's mean square.

    None where no 10 ms frame has a band above what the noise alone would show.
    """
    if len(pcm) < FRAME:
        return None
    window = np.hanning(FRAME)
    frames = np.lib.stride_tricks.sliding_window_view(pcm, FRAME)[::_HOP]
    spectra = np.square(np.abs(np.fft.rfft(frames * window, axis=1))) / (noise_power * np.square(window).sum())
    bins = [round(edge * FRAME / RATE) for edge in _EDGES_HZ]
    speech = np.zeros(len(frames), np.bool_)
    for low, high in zip(bins, bins[1:], strict=False):
        speech |= spectra[:, low:high].mean(axis=1) > _limit((high - low) / _SHARED)
    found = np.flatnonzero(speech)
    if not found.size:
        return None
    # A frame begins to see speech when its middle does.
    return int(found[0]) * _HOP + FRAME // 2, int(found[-1]) * _HOP + FRAME // 2


def _limit(shape: float) -> float:
    """What the mean of that many exponential variables of mean 1 exceeds once in ten million (Wilson and Hilferty)."""
    spread = 1 / (9 * shape)
    return float((1 - spread + _SIGMAS * np.sqrt(spread)) ** 3)
