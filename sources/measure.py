"""Acoustic measures of a clip: where it speaks, how loud, how clipped, how wide and how noisy it is.

Speech segments come from Silero VAD v6, the ONNX copy in faster-whisper (its session runs on one thread: one worker a
core). It is most of the cost; the rest works on the samples block by block and, for the spectrum, on a fixed number of
windows. A recording of any length is measured in two passes and bounded memory; what is shorter than a window of the
VAD gets what the VAD finds in the whole.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt

from turnmill.manifests.audio import Float32, Mix, Sound, levels, library, mix_of, mono_resampled
from turnmill.manifests.audio.mix import energy
from turnmill.manifests.audio.sound import in_blocks
from turnmill.manifests.records import Reason

FLOOR_DBFS: Final = -120.0
"""Level of digital silence, and the least that is reported: below any 24-bit converter's noise."""

_VAD_RATE: Final = 16000  # Hz, what Silero takes
_VAD_WINDOW: Final = 600 * _VAD_RATE  # samples heard at once: 350 MB at the peak
_VAD_RUN_UP: Final = _VAD_RATE  # samples of silence heard again at the start of the next window
_MIN_SILENCE_MS: Final = 200  # a shorter gap does not end a segment
_SPEECH_PAD_MS: Final = 30
_MIN_LEVEL_S: Final = 0.1  # least speech, and least non-speech, that gives an SNR: three 30 ms pads
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
    segments: tuple[tuple[float, float], ...]
    rms_dbfs: float
    peak_dbfs: float
    clipping_ratio: float
    bandwidth_hz: float
    snr_db: float | None


def quality(sound: Sound, name: str = "the audio") -> Quality:
    """Measure a clip. Speech, bandwidth and SNR are those of its channels as one (`manifests.audio.mix`); SNR of its
    band below 8 kHz.

    Raises ValueError for audio without a sample, AudioError as `name` where the resampler or the VAD fails.
    """
    if sound.frames == 0:
        raise ValueError("audio without a sample has no quality")
    found = levels(sound)
    clipping, spectrum = _Clipping(sound.channels, found.peak), _Spectrum(sound)
    mixed = _mixed(sound, mix_of(found), clipping, spectrum)
    heard = _hear(mono_resampled(mixed, sound.sample_rate, _VAD_RATE, name), name)
    segments = _on_grid(heard.segments, sound)
    samples = sound.frames * sound.channels
    return Quality(
        speech_ratio=sum(end - start for start, end in segments) / sound.duration,
        n_segments=len(segments),
        segments=segments,
        rms_dbfs=_dbfs(sum(found.energies) / samples),
        peak_dbfs=_dbfs(found.peak**2),
        clipping_ratio=clipping.count() / samples,
        bandwidth_hz=spectrum.bandwidth(),
        snr_db=_snr(heard),
    )


def _mixed(sound: Sound, mix: Mix, clipping: "_Clipping", spectrum: "_Spectrum") -> Iterator[Float32]:
    """The channels of a sound as one, block by block, shown to all measures on the way: what is long is decoded once
    for all of them."""
    for block in sound.blocks():
        clipping.add(block)
        mixed = mix(block)
        spectrum.add(mixed)
        yield mixed


def _dbfs(power: float) -> float:
    """Decibels of a mean square, rounded to 0.001 dB: processors' vector units differ by less."""
    floor = 10 ** (FLOOR_DBFS / 10)
    return round(10 * float(np.log10(max(power, floor))), 3) + 0.0  # no -0.0


@dataclass(frozen=True)
class _Heard:
    """Speech segments in samples of the 16 kHz mix, the samples of it, and the sums of their squares."""

    segments: list[tuple[int, int]]
    frames: int
    inside: float
    total: float


def _hear(narrow: Iterable[Float32], name: str) -> _Heard:
    """Where the 16 kHz mix speaks. What is longer than a window is heard window by window: the next one begins in the
    silence behind the last segment that ended, or, where nothing but speech was heard, at the cut."""
    segments: list[tuple[int, int]] = []
    frames, inside, total = 0, 0.0, 0.0
    held: list[Float32] = []
    count, offset = 0, 0
    for block in chain(in_blocks(narrow), [None]):
        if block is not None:
            total += energy(block)
            frames += len(block)
            held.append(block)
            count += len(block)
        if not count or (block is not None and count <= _VAD_WINDOW):
            continue
        window = np.concatenate(held)
        speech = _speech(window, name)
        kept, restart = (speech, count) if block is None else _settled(speech, count)
        inside += sum(energy(window[start:end]) for start, end in kept)
        segments += [(offset + start, offset + end) for start, end in kept]
        held, count, offset = [window[restart:]], count - restart, offset + restart
    return _Heard(_merged(segments), frames, inside, total)


def _settled(speech: list[tuple[int, int]], frames: int) -> tuple[list[tuple[int, int]], int]:
    """The segments of a window that end in it, and where the next window begins."""
    if not speech or speech[-1][1] < frames:
        last = speech[-1][1] if speech else 0
        return speech, max(last, frames - _VAD_RUN_UP)
    if len(speech) > 1:
        return speech[:-1], speech[-2][1]
    return speech, frames


def _merged(segments: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Segments that a window's end cut apart are one."""
    merged: list[tuple[int, int]] = []
    for start, end in segments:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _speech(narrow: Float32, name: str) -> list[tuple[int, int]]:
    """Speech segments in samples of one window."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps  # loads ONNX; keeps its session for the process

    options = VadOptions(min_silence_duration_ms=_MIN_SILENCE_MS, speech_pad_ms=_SPEECH_PAD_MS)
    with library("Silero VAD", name, Reason.MEASURE_FAILED):
        found = get_speech_timestamps(narrow, options, _VAD_RATE)
    return [(int(span["start"]), int(span["end"])) for span in found]


def _on_grid(speech: list[tuple[int, int]], sound: Sound) -> tuple[tuple[float, float], ...]:
    """Segments in seconds, on the sample grid of the clip and inside it."""
    scale = sound.sample_rate / _VAD_RATE
    grid = [(min(round(edge * scale), sound.frames) for edge in span) for span in speech]
    seconds = [tuple(edge / sound.sample_rate for edge in span) for span in grid]
    return tuple((start, end) for start, end in seconds if end > start)


def _snr(heard: _Heard) -> float | None:
    """Level inside the segments over the level outside; null where either is missing."""
    frames = sum(end - start for start, end in heard.segments)
    if min(frames, heard.frames - frames) < _MIN_LEVEL_S * _VAD_RATE:
        return None
    outside = max(heard.total - heard.inside, 0.0)
    return round(_dbfs(heard.inside / frames) - _dbfs(outside / (heard.frames - frames)), 3)


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
