"""The long-term spectrum of a clip: how far up its sound reaches, and whether it was resampled from a lower rate.

What a microphone hears fades into its noise, which reaches up to half the sample rate. What was stored at a lower rate
ends in the cliff of the resampler, near half of that rate, and nothing is above it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.audio import Float32, Sound

_WINDOW: Final = 2048  # samples of one spectrum: 23 Hz a bin at 48 kHz; a block is a whole number of them
_MAX_WINDOWS: Final = 1000  # spread evenly over the clip: enough for a long-term mean, and a bounded cost
_RANGE_DB: Final = 70.0  # below the strongest bin; resamplers suppress images by 80 to 120 dB
_LSB: Final = 1 / 32768
_QUANTIZATION_MARGIN_DB: Final = 10.0  # above the noise density of 16 bits, dithered

# docs/audio.md has what real speech and resamplers measure.
_CLIFF_DB: Final = 30.0
_LOWEST_HZ: Final = 2500.0  # of a cliff: below it speech itself ends
_HIGHEST_HZ: Final = 12_500.0  # above it is the low pass of a codec, and all of speech
_HIGHEST: Final = 0.8  # of half the rate: above it is the low pass of MP3 and of converters, and no usual lower rate
_SIDE_HZ, _FAR_HZ, _SLOPE_HZ = 400.0, 1500.0, 150.0  # what is compared around a cliff, and how far from it


@dataclass(frozen=True)
class Band:
    """bandwidth_hz: where the spectrum falls below 70 dB under its peak or into the noise of 16 bits, seen from above;
    0 for silence. upsampled: whether it ends in a cliff, 30 dB at least, below what its sample rate can hold."""

    bandwidth_hz: float
    upsampled: bool


class Spectrum:
    """The long-term spectrum (Welch, Hann) of a clip's mix, from up to 1,000 windows, none across two blocks."""

    def __init__(self, sound: Sound) -> None:
        self._width = min(_WINDOW, sound.frames)
        self._rate, self._place = sound.sample_rate, 0
        starts = np.arange(0, sound.frames - self._width + 1, self._width)
        if len(starts) > _MAX_WINDOWS:
            starts = starts[np.linspace(0, len(starts) - 1, _MAX_WINDOWS).astype(np.int64)]
        self._starts = starts
        self._windows: list[Float32] = []

    def add(self, mixed: Float32) -> None:
        """The next block, float32 [n]."""
        end = self._place + len(mixed)
        inside = self._starts[(self._starts >= self._place) & (self._starts < end)] - self._place
        if len(inside):
            windows = np.lib.stride_tricks.sliding_window_view(mixed, self._width)
            self._windows.append(windows[inside])
        self._place = end

    def band(self) -> Band:
        """Of all that was added."""
        window = np.hanning(self._width + 2)[1:-1].astype(np.float32)
        power = _mean_power(self._windows, window)
        # White noise of variance v has the expected power v * sum(window**2) in every bin.
        quantization = _LSB**2 / 12 * float(np.square(window).sum()) * 10 ** (_QUANTIZATION_MARGIN_DB / 10)
        threshold = max(float(power.max()) * 10 ** (-_RANGE_DB / 10), quantization)
        above = np.flatnonzero(power > threshold)
        if not len(above):
            return Band(0.0, False)
        hz = self._rate / self._width
        highest = min(_HIGHEST_HZ, _HIGHEST * self._rate / 2)
        drops = _drops(10 * np.log10(np.maximum(power, quantization / 100)), hz)
        places = np.arange(len(drops)) * hz
        inside = drops[(places >= _LOWEST_HZ) & (places <= highest)]
        return Band(round(float(above[-1]) * hz, 1), bool(len(inside)) and float(inside.max()) >= _CLIFF_DB)


def _mean_power(parts: Sequence[Float32], window: Float32) -> NDArray[np.float64]:
    """Mean power of each bin of windows, float32 [n, width]."""
    windows = np.concatenate(parts)
    power = np.zeros(len(window) // 2 + 1, np.float64)
    for batch in np.array_split(windows, max(1, len(windows) // 64)):
        spectrum = np.fft.rfft(batch * window, axis=1)
        power += (np.square(spectrum.real) + np.square(spectrum.imag)).sum(axis=0)
    mean: NDArray[np.float64] = power / len(windows)
    return mean


def _drops(level: NDArray[np.float64], hz: float) -> NDArray[np.float64]:
    """By how many dB the 400 Hz and the 1,500 Hz below each bin are louder, both, than the 400 Hz above it, 150 Hz from
    it on each side; bins are `hz` apart. Of medians, for a tone is no band. 0 where there are no such bins."""
    side, far, slope = (max(1, round(width / hz)) for width in (_SIDE_HZ, _FAR_HZ, _SLOPE_HZ))
    drops = np.zeros(len(level))
    first, last = far + slope, len(level) - side - slope
    if last > first:
        near, band = _medians(level, side), _medians(level, far)
        below = np.minimum(near[far - side : last - slope - side], band[: last - slope - far])
        drops[first:last] = below - near[first + slope : last + slope]
    return drops


def _medians(level: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Of so many bins from each one on."""
    medians: NDArray[np.float64] = np.median(np.lib.stride_tricks.sliding_window_view(level, width), axis=1)
    return medians
