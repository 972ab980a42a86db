"""Acoustic measures of a clip: where it speaks, how loud, how clipped, how wide, how noisy and how reverberant it is.

Speech is what `sources.presence` finds: of the channels as one, or, where two channels are two talks, of each by
itself. It is most of the cost; the rest works on the samples block by block and, for the spectrum, on a fixed number of
windows. A recording of any length is measured in two passes and bounded memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from turnmill.manifests.audio import Float32, Levels, Sound, levels, mix_of
from turnmill.sources.background import decay_s, noise_floor_dbfs, snr_db
from turnmill.sources.loudness import Loudness
from turnmill.sources.presence import Heard, Segments, hear, own, segments_of
from turnmill.sources.spectrum import Spectrum

FLOOR_DBFS: Final = -120.0
"""Level of digital silence, and the least that is reported: below any 24-bit converter's noise."""

_LEAST_APART, _MOST_APART = 0.5, 1.5  # of the power of the mean of two channels without relation
_SILENT: Final = 1e-6  # of the power of the other channel, -60 dB: nobody is on a line that is that quiet
_NEAR_FULL_SCALE: Final = 0.89  # -1 dBFS: peaks below it were not cut by a converter
_CLIP_RUN: Final = 3  # consecutive samples at the peak
_LSB: Final = 1 / 32768


@dataclass(frozen=True)
class Quality:
    """The columns of the `quality` table but its uid. Times in seconds, levels in dBFS (a full-scale sine is -3.01)."""

    speech_ratio: float
    n_segments: int
    segments: Segments
    rms_dbfs: float
    peak_dbfs: float
    loudness_lufs: float | None
    clipping_ratio: float
    dc_offset: float
    bandwidth_hz: float
    upsampled: bool
    snr_db: float | None
    noise_floor_dbfs: float | None
    decay_s: float | None
    channel_segments: tuple[Segments, ...] | None
    channel_leaks_db: tuple[float | None, ...] | None


def quality(sound: Sound, name: str = "the audio") -> Quality:
    """Measure a clip. Speech, its background and the spectrum are those of its channels as one (`manifests.audio.mix`),
    but of two channels that are two talks it is where either speaks, and their power, of the band below 8 kHz.

    Raises ValueError for audio without a sample, AudioError as `name` where the resampler or the VAD fails.
    """
    if sound.frames == 0:
        raise ValueError("audio without a sample has no quality")
    found = levels(sound)
    apart = _of_two(found)
    meters = _Meters(sound, found)
    raw = hear(meters.shown(sound, apart), sound.channels if apart else 1, sound.sample_rate, name)
    heard, leaks_db = own(raw, sound.blocks, sound.sample_rate, name)
    whole = _union(heard)
    segments = _on_grid(whole.seconds(sound.duration), sound)
    samples = sound.frames * sound.channels
    band = meters.spectrum.band()
    return Quality(
        speech_ratio=sum(end - start for start, end in segments) / sound.duration,
        n_segments=len(segments),
        segments=segments,
        rms_dbfs=_dbfs(sum(found.energies) / samples),
        peak_dbfs=_dbfs(found.peak**2),
        loudness_lufs=meters.loudness.integrated(),
        clipping_ratio=meters.clipping.count() / samples,
        dc_offset=round(float(np.abs(meters.sums).max()) / sound.frames, 6),
        bandwidth_hz=band.bandwidth_hz,
        upsampled=band.upsampled,
        snr_db=snr_db(whole),
        noise_floor_dbfs=noise_floor_dbfs(whole),
        decay_s=decay_s(whole),
        channel_segments=tuple(_on_grid(one.seconds(sound.duration), sound) for one in heard) if apart else None,
        channel_leaks_db=leaks_db if apart else None,
    )


class _Meters:
    """What is measured beside speech, block by block: what is long is decoded once for all of it. `sums`: of the
    samples of each channel."""

    def __init__(self, sound: Sound, found: Levels) -> None:
        self._mix = mix_of(found)
        self.clipping, self.spectrum = _Clipping(sound.channels, found.peak), Spectrum(sound)
        self.loudness, self.sums = Loudness(sound.channels, sound.sample_rate), np.zeros(sound.channels)

    def shown(self, sound: Sound, apart: bool) -> Iterator[Float32]:
        """What is heard for speech: the channels as one, or `apart`, float32 [1 or channels, n]."""
        for block in sound.blocks():
            mixed = self._mix(block)
            self.clipping.add(block)
            self.loudness.add(block)
            self.spectrum.add(mixed)
            self.sums += block.sum(axis=1, dtype=np.float64)
            yield block if apart else mixed[None]


def _dbfs(power: float) -> float:
    """Decibels of a mean square, rounded to 0.001 dB: processors' vector units differ by less."""
    floor = 10 ** (FLOOR_DBFS / 10)
    return round(10 * float(np.log10(max(power, floor))), 3) + 0.0  # no -0.0


def one_is_silent(energies: Sequence[float]) -> bool:
    """Whether a channel is so far below another, by the energy of each, that nobody is heard in it."""
    return min(energies) <= _SILENT * max(energies)


def _of_two(found: Levels) -> bool:
    """Whether two channels are two talks and not one that both hear: neither is silent, and their mean is about as loud
    as that of sounds without any relation."""
    if len(found.energies) != 2 or one_is_silent(found.energies):
        return False
    unrelated = sum(found.energies) / 4
    return _LEAST_APART < found.mean_energy / unrelated < _MOST_APART


def _union(heard: Sequence[Heard]) -> Heard:
    """Channels as one: where any speaks, and the power of all."""
    power = np.sum([one.power for one in heard], axis=0)
    segments = np.concatenate([one.segments for one in heard])
    return Heard(segments_of(segments[np.argsort(segments[:, 0], kind="stable")]), power)


def _on_grid(speech: Segments, sound: Sound) -> Segments:
    """Segments on the sample grid of the clip and inside it."""
    grid = [tuple(min(round(edge * sound.sample_rate), sound.frames) for edge in span) for span in speech]
    return tuple((start / sound.sample_rate, end / sound.sample_rate) for start, end in grid if end > start)


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
