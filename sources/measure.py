"""Acoustic measures of a clip: where it speaks, how loud, how clipped, how wide and how noisy it is.

Speech is what `sources.presence` finds: of the channels as one, or, where two channels are two talks, of each by
itself. It is most of the cost; the rest works on the samples block by block and, for the spectrum, on a fixed number of
windows. A recording of any length is measured in two passes and bounded memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from turnmill.manifests.audio import Float32, Levels, Mix, Sound, levels, mix_of
from turnmill.sources.frames import mask
from turnmill.sources.presence import Heard, Segments, hear, own, segments_of

FLOOR_DBFS: Final = -120.0
"""Level of digital silence, and the least that is reported: below any 24-bit converter's noise."""

_MIN_LEVEL: Final = 10  # frames of 10 ms: least speech, and least non-speech, that gives an SNR
_LEAST_APART, _MOST_APART = 0.5, 1.5  # of the power of the mean of two channels without relation
_LEAST: Final = 1e-30  # sum of squares, so that nothing is divided by zero
_NEAR_FULL_SCALE: Final = 0.89  # -1 dBFS: peaks below it were not cut by a converter
_CLIP_RUN: Final = 3  # consecutive samples at the peak
_LSB: Final = 1 / 32768
_WINDOW: Final = 2048  # samples of one spectrum: 23 Hz a bin at 48 kHz; a block is a whole number of them
_MAX_WINDOWS: Final = 1000  # spread evenly over the clip: enough for a long-term mean, and a bounded cost
_SPECTRUM_RANGE_DB: Final = 70.0  # below the strongest bin; resamplers suppress images by 80 to 120 dB
_QUANTIZATION_MARGIN_DB: Final = 10.0  # above the noise density of 16 bits, dithered


@dataclass(frozen=True)
class Quality:
    """The columns of the `quality` table but its uid. Times in seconds, levels in dBFS (a full-scale sine is -3.01)."""

    speech_ratio: float
    n_segments: int
    segments: Segments
    rms_dbfs: float
    peak_dbfs: float
    clipping_ratio: float
    bandwidth_hz: float
    snr_db: float | None
    channel_segments: tuple[Segments, ...] | None
    channel_leaks_db: tuple[float | None, ...] | None


def quality(sound: Sound, name: str = "the audio") -> Quality:
    """Measure a clip. Speech, bandwidth and SNR are those of its channels as one (`manifests.audio.mix`), but of two
    channels that are two talks it is where either speaks, and their power; SNR of the band below 8 kHz.

    Raises ValueError for audio without a sample, AudioError as `name` where the resampler or the VAD fails.
    """
    if sound.frames == 0:
        raise ValueError("audio without a sample has no quality")
    found = levels(sound)
    apart = _of_two(found)
    clipping, spectrum = _Clipping(sound.channels, found.peak), _Spectrum(sound)
    shown = _shown(sound, mix_of(found), clipping, spectrum, apart)
    heard, leaks_db = own(hear(shown, sound.channels if apart else 1, sound.sample_rate, name))
    whole = _union(heard)
    segments = _on_grid(whole.seconds(sound.duration), sound)
    samples = sound.frames * sound.channels
    return Quality(
        speech_ratio=sum(end - start for start, end in segments) / sound.duration,
        n_segments=len(segments),
        segments=segments,
        rms_dbfs=_dbfs(sum(found.energies) / samples),
        peak_dbfs=_dbfs(found.peak**2),
        clipping_ratio=clipping.count() / samples,
        bandwidth_hz=spectrum.bandwidth(),
        snr_db=_snr(whole),
        channel_segments=tuple(_on_grid(one.seconds(sound.duration), sound) for one in heard) if apart else None,
        channel_leaks_db=leaks_db if apart else None,
    )


def _shown(sound: Sound, mix: Mix, clipping: "_Clipping", spectrum: "_Spectrum", apart: bool) -> Iterator[Float32]:
    """What is heard for speech, block by block: the channels as one, or `apart`, float32 [1 or channels, n]. All
    measures are shown it on the way: what is long is decoded once for all of them."""
    for block in sound.blocks():
        clipping.add(block)
        mixed = mix(block)
        spectrum.add(mixed)
        yield block if apart else mixed[None]


def _dbfs(power: float) -> float:
    """Decibels of a mean square, rounded to 0.001 dB: processors' vector units differ by less."""
    floor = 10 ** (FLOOR_DBFS / 10)
    return round(10 * float(np.log10(max(power, floor))), 3) + 0.0  # no -0.0


def _of_two(found: Levels) -> bool:
    """Whether two channels are two talks and not one that both hear: their mean is about as loud as that of sounds
    without any relation."""
    unrelated = sum(found.energies) / 4
    return len(found.energies) == 2 and _LEAST_APART < found.mean_energy / max(unrelated, _LEAST) < _MOST_APART


def _union(heard: Sequence[Heard]) -> Heard:
    """Channels as one: where any speaks, and the power of all."""
    power = np.sum([one.power for one in heard], axis=0)
    segments = np.concatenate([one.segments for one in heard])
    return Heard(segments_of(segments[np.argsort(segments[:, 0], kind="stable")]), power)


def _on_grid(speech: Segments, sound: Sound) -> Segments:
    """Segments on the sample grid of the clip and inside it."""
    grid = [tuple(min(round(edge * sound.sample_rate), sound.frames) for edge in span) for span in speech]
    return tuple((start / sound.sample_rate, end / sound.sample_rate) for start, end in grid if end > start)


def _snr(heard: Heard) -> float | None:
    """Level inside the segments over the level outside; null where either is missing."""
    inside = mask(heard.segments, len(heard.power))
    if min(inside.sum(), (~inside).sum()) < _MIN_LEVEL:
        return None
    return round(_dbfs(float(heard.power[inside].mean())) - _dbfs(float(heard.power[~inside].mean())), 3)


class _Clipping:
    """Counts samples in runs of at least 3 within one 16-bit step of the clip's own peak, where that is near full
    scale. The own peak, for recordings were clipped first and scaled later."""

    def __init__(self, channels: int, peak: float) -> None:
        self._level = np.float32(peak - 1.5 * _LSB) if peak >= _NEAR_FULL_SCALE else None
        self._clipped = 0
        self._open = np.zeros((channels, 2), np.int64)  # lengths of the runs that reach the end of the last block

    def add(self, block: Float32) -> None:
        if self._level is None:
            return
        for index, channel in enumerate(block):
            for side, hot in enumerate((channel >= self._level, channel <= -self._level)):
                ended, self._open[index, side] = _runs(hot, int(self._open[index, side]))
                self._clipped += ended

    def count(self) -> int:
        return self._clipped + int(self._open[self._open >= _CLIP_RUN].sum())


def _runs(hot: npt.NDArray[np.bool_], begun: int) -> tuple[int, int]:
    """Samples in long enough runs that end in a block, and the length of the run that does not; `begun` is the length
    of the one that reaches into the block."""
    places = np.flatnonzero(hot)
    if not len(places):
        return (begun if begun >= _CLIP_RUN else 0), 0
    firsts = np.flatnonzero(np.diff(places, prepend=-2) != 1)  # of each run, in `places`
    runs = np.diff(firsts, append=len(places))
    ended = 0
    if places[0] == 0:
        runs[0] += begun
    elif begun >= _CLIP_RUN:
        ended = begun
    left = 0
    if places[-1] == len(hot) - 1:
        left, runs = int(runs[-1]), runs[:-1]
    return ended + int(runs[runs >= _CLIP_RUN].sum()), left


class _Spectrum:
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
        end = self._place + len(mixed)
        inside = self._starts[(self._starts >= self._place) & (self._starts < end)] - self._place
        if len(inside):
            windows = np.lib.stride_tricks.sliding_window_view(mixed, self._width)
            self._windows.append(windows[inside])
        self._place = end

    def bandwidth(self) -> float:
        """Frequency in Hz where the spectrum falls below 70 dB under its peak or into the noise of 16 bits, seen from
        above; 0 for silence."""
        width, windows = self._width, np.concatenate(self._windows)
        window = (np.hanning(width + 2)[1:-1]).astype(np.float32)
        power = np.zeros(width // 2 + 1, np.float64)
        for batch in np.array_split(windows, max(1, len(windows) // 64)):
            spectrum = np.fft.rfft(batch * window, axis=1)
            power += (np.square(spectrum.real) + np.square(spectrum.imag)).sum(axis=0)
        power /= len(windows)
        # White noise of variance v has the expected power v * sum(window**2) in every bin.
        quantization = _LSB**2 / 12 * float(np.square(window).sum()) * 10 ** (_QUANTIZATION_MARGIN_DB / 10)
        threshold = max(float(power.max()) * 10 ** (-_SPECTRUM_RANGE_DB / 10), quantization)
        above = np.flatnonzero(power > threshold)
        return round(float(above[-1]) * self._rate / width, 1) if len(above) else 0.0
