"""Acoustic measures of a clip: where it speaks, how loud, how clipped, how wide and how noisy it is.

Speech segments come from Silero VAD v6, the ONNX copy in faster-whisper (its session runs on one thread: one worker a
core). It is most of the cost; the rest works on the samples once and, for the spectrum, on a fixed number of windows.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sources.audio import Audio, Float32, mono, resample

FLOOR_DBFS: Final = -120.0
"""Level of digital silence, and the least that is reported: below any 24-bit converter's noise."""

_VAD_RATE: Final = 16000  # Hz, what Silero takes
_MIN_SILENCE_MS: Final = 200  # a shorter gap does not end a segment
_SPEECH_PAD_MS: Final = 30
_MIN_LEVEL_S: Final = 0.1  # least speech, and least non-speech, that gives an SNR: three 30 ms pads
_NEAR_FULL_SCALE: Final = 0.89  # -1 dBFS: peaks below it were not cut by a converter
_CLIP_RUN: Final = 3  # consecutive samples at the peak
_LSB: Final = 1 / 32768
_WINDOW: Final = 2048  # samples of one spectrum: 23 Hz a bin at 48 kHz
_MAX_WINDOWS: Final = 1000  # spread evenly over the clip: enough for a long-term mean, and a bounded cost
_SPECTRUM_RANGE_DB: Final = 70.0  # below the strongest bin; resamplers suppress images by 80 to 120 dB
_QUANTIZATION_MARGIN_DB: Final = 10.0  # above the noise density of 16 bits, dithered
_BLOCK: Final = 1 << 16  # samples of one partial sum: stays in cache, keeps float32 sums exact to 1e-6


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


def quality(audio: Audio) -> Quality:
    """Measure a clip. Speech, bandwidth and SNR are those of the mean of its channels; SNR of its band below 8 kHz.

    Raises ValueError for audio without a sample.
    """
    if audio.frames == 0:
        raise ValueError("audio without a sample has no quality")
    mixed = mono(audio)
    narrow = resample(Audio(mixed[None], audio.sample_rate), _VAD_RATE).samples[0]
    speech = _speech(narrow)
    segments = _on_grid(speech, audio)
    peak = max(float(audio.samples.max()), -float(audio.samples.min()))
    return Quality(
        speech_ratio=sum(end - start for start, end in segments) / audio.duration,
        n_segments=len(segments),
        segments=segments,
        rms_dbfs=_dbfs(_energy(audio.samples) / audio.samples.size),
        peak_dbfs=_dbfs(peak * peak),
        clipping_ratio=_clipping_ratio(audio.samples, peak),
        bandwidth_hz=_bandwidth(mixed, audio.sample_rate),
        snr_db=_snr(narrow, speech),
    )


def _dbfs(power: float) -> float:
    """Decibels of a mean square, rounded to 0.001 dB: processors' vector units differ by less."""
    floor = 10 ** (FLOOR_DBFS / 10)
    return round(10 * float(np.log10(max(power, floor))), 3) + 0.0  # no -0.0


def _energy(samples: Float32) -> float:
    """Sum of squares of float32 [..., frames]."""
    total = 0.0
    for channel in samples.reshape(-1, samples.shape[-1]):
        for start in range(0, len(channel), _BLOCK):
            block = channel[start : start + _BLOCK]
            total += float(np.square(block).sum())
    return total


def _speech(narrow: Float32) -> list[tuple[int, int]]:
    """Speech segments in samples of the 16 kHz mix."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps  # loads ONNX; keeps its session for the process

    options = VadOptions(min_silence_duration_ms=_MIN_SILENCE_MS, speech_pad_ms=_SPEECH_PAD_MS)
    found = get_speech_timestamps(narrow, options, _VAD_RATE)
    return [(int(span["start"]), int(span["end"])) for span in found]


def _on_grid(speech: list[tuple[int, int]], audio: Audio) -> tuple[tuple[float, float], ...]:
    """Segments in seconds, on the sample grid of the clip and inside it."""
    scale = audio.sample_rate / _VAD_RATE
    grid = [(min(round(edge * scale), audio.frames) for edge in span) for span in speech]
    seconds = [tuple(edge / audio.sample_rate for edge in span) for span in grid]
    return tuple((start, end) for start, end in seconds if end > start)


def _snr(narrow: Float32, speech: list[tuple[int, int]]) -> float | None:
    """Level inside the segments over the level outside; null where either is missing."""
    frames = sum(end - start for start, end in speech)
    if min(frames, len(narrow) - frames) < _MIN_LEVEL_S * _VAD_RATE:
        return None
    inside = sum(_energy(narrow[None, start:end]) for start, end in speech)
    outside = max(_energy(narrow[None]) - inside, 0.0)
    return round(_dbfs(inside / frames) - _dbfs(outside / (len(narrow) - frames)), 3)


def _clipping_ratio(samples: Float32, peak: float) -> float:
    """Share of samples in runs of at least 3 within one 16-bit step of the clip's own peak, where that is near full
    scale. The own peak, for recordings were clipped first and scaled later."""
    if peak < _NEAR_FULL_SCALE:
        return 0.0
    level = np.float32(peak - 1.5 * _LSB)
    clipped = 0
    for channel in samples:
        for hot in (channel >= level, channel <= -level):
            places = np.flatnonzero(hot)
            runs = np.diff(np.flatnonzero(np.diff(places, prepend=-2, append=channel.size + 1) != 1))
            clipped += int(runs[runs >= _CLIP_RUN].sum())
    return clipped / samples.size


def _bandwidth(mixed: Float32, rate: int) -> float:
    """Frequency in Hz where the long-term spectrum (Welch, Hann) falls below 70 dB under its peak or into the noise
    of 16 bits, seen from above; 0 for silence."""
    width = min(_WINDOW, len(mixed))
    starts = np.arange(0, len(mixed) - width + 1, width)
    if len(starts) > _MAX_WINDOWS:
        starts = starts[np.linspace(0, len(starts) - 1, _MAX_WINDOWS).astype(np.int64)]
    window = (np.hanning(width + 2)[1:-1]).astype(np.float32)
    power = np.zeros(width // 2 + 1, np.float64)
    for batch in np.array_split(starts, max(1, len(starts) // 64)):
        frames = np.lib.stride_tricks.sliding_window_view(mixed, width)[batch]
        spectrum = np.fft.rfft(frames * window, axis=1)
        power += (np.square(spectrum.real) + np.square(spectrum.imag)).sum(axis=0)
    power /= len(starts)
    # White noise of variance v has the expected power v * sum(window**2) in every bin.
    quantization = _LSB**2 / 12 * float(np.square(window).sum()) * 10 ** (_QUANTIZATION_MARGIN_DB / 10)
    threshold = max(float(power.max()) * 10 ** (-_SPECTRUM_RANGE_DB / 10), quantization)
    above = np.flatnonzero(power > threshold)
    return round(float(above[-1]) * rate / width, 1) if len(above) else 0.0
