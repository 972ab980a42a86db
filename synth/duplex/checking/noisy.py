"""Where speech begins and ends in white noise: frequency bands in which a voice stands out are seen long before its
whole energy."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from turnmill.synth.channels import RATE
from turnmill.synth.energy import FRAME

_HOP = RATE // 1000
_EDGES_HZ = (100, 400, 1000, 2000, 4000, 8000, 12_000)
_SIGMAS = 5.2  # a band of noise in one frame of ten million
_SIGMAS_BESIDE = 3.0  # and in one of a thousand for the 10 ms beside it: noise does not last
_SHARED = 1.5  # neighbouring bins of a Hann window are not independent


def bounds_in_noise(pcm: NDArray[np.float32], noise_power: float) -> tuple[int, int] | None:
    """[start, end) in samples of the speech in `pcm` [samples] at 24 kHz, to 1 ms; `noise_power` is the noise's mean
    square.

    None where no 10 ms frame has a band above what the noise alone would show.
    """
    if len(pcm) < 3 * FRAME:
        return None
    window = np.hanning(FRAME)
    frames = np.lib.stride_tricks.sliding_window_view(pcm, FRAME)[::_HOP]
    spectra = np.square(np.abs(np.fft.rfft(frames * window, axis=1))) / (noise_power * np.square(window).sum())
    bins = [round(edge * FRAME / RATE) for edge in _EDGES_HZ]
    strong, weak = np.zeros((2, len(frames)), np.bool_)
    for low, high in pairwise(bins):
        power = spectra[:, low:high].mean(axis=1)
        strong |= power > _limit((high - low) / _SHARED, _SIGMAS)
        weak |= power > _limit((high - low) / _SHARED, _SIGMAS_BESIDE)
    lasting = FRAME // _HOP
    starts = np.flatnonzero(strong[:-lasting] & weak[lasting:])
    ends = np.flatnonzero(strong[lasting:] & weak[:-lasting]) + lasting
    if not starts.size or not ends.size:
        return None
    # A frame begins to see speech when its middle does.
    return int(starts[0]) * _HOP + FRAME // 2, int(ends[-1]) * _HOP + FRAME // 2


def _limit(shape: float, sigmas: float) -> float:
    """The mean of that many exponential variables of mean 1, as far in its tail as a normal one's (Wilson and
    Hilferty)."""
    spread = 1 / (9 * shape)
    return float((1 - spread + sigmas * np.sqrt(spread)) ** 3)
