"""Where a recording speaks: one measure, for quality, segments, transcripts, presets and calls.

Silero VAD v6 (the ONNX copy in faster-whisper; its session runs on one thread) says what is speech. On a telephone it
misses much of that, late onsets above all: it depends on level, band and its own state. So it hears each channel at one
level, and sound says how far speech reaches: a stretch of sound in which Silero hears speech is speech from its first
to its last 10 ms, where the background leaves room to see that. In noise it is Silero's bounds, less its delay.
docs/audio.md says why, and `tests/benchmarks/prove_presence.py` measures it.

Segments are [start, end), in order, on a grid of 10 ms; silences below 200 ms do not divide them (docs/turn-taking.md).
A recording of any length is heard in windows of ten minutes that are cut in silence, and in bounded memory: 350 MB at
the peak, and 40 MB a channel.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final

import numpy as np
from scipy.ndimage import median_filter

from turnmill.manifests.audio import Audio, Float32, Sound, library
from turnmill.manifests.audio.mix import resampled
from turnmill.manifests.records import Reason
from turnmill.manifests.spans import Spans, bridged
from turnmill.sources.crosstalk import without
from turnmill.sources.frames import Mask, Power, holding, longer, mask, spans, widened
from turnmill.sources.leakage import leak_of, own_sound

Segments = tuple[tuple[float, float], ...]
"""[start, end) in seconds, in order and apart."""

RATE: Final = 16000
"""Hz, what Silero takes."""
FRAME: Final = RATE // 100
"""Samples of a frame."""

_HOP: Final = 512  # samples of one probability
_WINDOW: Final = 60_000  # frames heard at once
_RUN_UP: Final = 100  # frames of silence heard again at the start of the next window

_LEVEL_DB: Final = -34.0  # dBFS of active speech, as Silero hears it
_MOST_GAIN: Final = 100.0  # what needs more is a converter's noise
_ACTIVE: Final = 1e-3  # of the power of the loudest sound that lasts: 30 dB, as in synth.energy
_LASTS: Final = 5  # frames; a click is shorter

_CERTAIN, _OPENS, _CLOSES = 0.5, 0.4, 0.3  # probabilities: somewhere in a window, where speech begins, and to its end
_MAYBE, _NEVER = 0.1, 0.02  # of sound near speech, that is speech too; of background
_REACH, _AWAY = 200, 30  # frames: how far from where Silero hears speech sound can be some, and background is
_STEP, _AROUND = 100, 3000  # frames that have one floor and one background, and of how many these are told
_DOUBT: Final = 100  # frames of background that weigh as much as the floor
_ROOM: Final = 10**1.5  # power of speech over its background, 15 dB, from which on sound tells its bounds
_ABOVE_FLOOR, _BELOW_SPEECH = 10**0.8, 10**-3.5  # sound is 8 dB above the floor, and not 35 dB below speech
_SILENT: Final = 1e-6  # of the power of speech: 60 dB below it nothing sounds
_FLOOR: Final = 0.1  # quantile of the levels of all frames
_LATE, _LONG = 9, 4  # frames by which Silero's onsets in noise are late, and its ends
_CLICK, _LEAST = 3, 6  # frames: shorter sound is none, a shorter segment neither
_BRIDGE: Final = 20  # frames: IPU_GAP of synth.duplex.lengths


@dataclass(frozen=True)
class Heard:
    """One channel: its segments in frames of 10 ms, and the mean square of each frame, the last filled up with
    silence."""

    segments: Spans
    power: Power

    def seconds(self, duration: float) -> Segments:
        """The segments of a sound that lasts `duration` seconds."""
        told = ((start / 100, min(end / 100, duration)) for start, end in self.segments.tolist())
        return tuple((start, end) for start, end in told if end > start)


@dataclass(frozen=True)
class Presence:
    """What each channel says. `leaks_db[k]`: at which level channel k hears another one, against its level there; the
    loudest of many, None where it hears none."""

    channels: tuple[Segments, ...]
    leaks_db: tuple[float | None, ...]


def speech(pcm: Float32, sample_rate: int, name: str = "the audio") -> Segments:
    """Where one channel, float32 [samples], speaks.

    Raises AudioError as `name` where the resampler or the VAD fails.
    """
    return presence(Audio(pcm[None], sample_rate), name).channels[0]


def presence(sound: Sound, name: str = "the audio") -> Presence:
    """Where each channel of a recording with one speaker a channel speaks. What a channel hears of another is taken
    out (`own`). Raises AudioError as `speech`."""
    heard = hear(sound.blocks(), sound.channels, sound.sample_rate, name)
    told, leaks_db = own(heard, sound.blocks, sound.sample_rate, name)
    return Presence(tuple(one.seconds(sound.duration) for one in told), leaks_db)


def own(
    heard: Sequence[Heard], blocks: Callable[[], Iterable[Float32]], sample_rate: int, name: str
) -> tuple[list[Heard], tuple[float | None, ...]]:
    """The channels of one recording without what they hear of each other, and the levels of that as in `Presence`.

    `blocks`: begins the recording again, as it was heard; called where a channel hears another one. Raises AudioError
    as `speech`.
    """
    leaks = _leaks(heard)
    if not leaks:
        return list(heard), (None,) * len(heard)

    def again() -> Iterable[Float32]:
        return resampled(blocks(), len(heard), sample_rate, RATE, name)

    delays = {pair: lag for pair, (_, lag) in leaks.items()}
    cleaned = without(again(), again(), delays, [mask(one.segments, len(one.power)) for one in _gated(heard, leaks)])
    left = hear(cleaned, len(heard), RATE, name)
    loudest = (
        max((level for (here, _), (level, _) in leaks.items() if here == k), default=None) for k in range(len(heard))
    )
    return _gated(left, _leaks(left)), tuple(loudest)


def _leaks(heard: Sequence[Heard]) -> dict[tuple[int, int], tuple[float, int]]:
    """By channel and the other one that it hears: at which level, and how much later."""
    found = {}
    for here, there in permutations(range(len(heard)), 2):
        other = heard[there]
        leak = leak_of(heard[here].power, other.power, mask(other.segments, len(other.power)))
        if leak is not None:
            found[here, there] = leak
    return found


def _gated(heard: Sequence[Heard], leaks: Mapping[tuple[int, int], tuple[float, int]]) -> list[Heard]:
    """The channels where they are louder than what they hear of others."""
    told = []
    for here, one in enumerate(heard):
        kept = mask(one.segments, len(one.power))
        for (channel, there), leak in leaks.items():
            if channel == here:
                kept = kept & own_sound(one.power, heard[there].power, leak)
        told.append(Heard(segments_of(spans(kept)), one.power))
    return told


def hear(blocks: Iterable[Float32], channels: int, sample_rate: int, name: str) -> list[Heard]:
    """Each channel of float32 [channels, n] by itself, with what it hears of the others. Raises AudioError as
    `speech`."""
    listeners = [_Listener(name) for _ in range(channels)]
    for block in resampled(blocks, channels, sample_rate, RATE, name):
        for listener, channel in zip(listeners, block, strict=True):
            listener.add(channel)
    return [listener.end() for listener in listeners]


class _Listener:
    """Hears a channel window by window: the next one begins in the silence before a segment that reaches the end of the
    last, or, where nothing but speech was heard, at the cut."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._held: list[Float32] = []
        self._count = 0  # samples held
        self._offset = 0  # frames before them
        self._segments = [np.zeros((0, 2), np.int64)]
        self._power = [np.zeros(0)]

    def add(self, block: Float32) -> None:
        self._held.append(block)
        self._count += len(block)
        while self._count > _WINDOW * FRAME:
            held = np.concatenate(self._held)
            power, found = _heard(held[: _WINDOW * FRAME], self._name)
            self._settle(held, power, *_settled(found, len(power)))

    def end(self) -> Heard:
        if self._count:
            held = np.concatenate(self._held)
            power, found = _heard(held, self._name)
            self._settle(held, power, found, len(power))
        power = np.concatenate(self._power)
        # In noise bounds are moved by as much as the VAD is late, also those at the ends.
        return Heard(np.clip(bridged(np.concatenate(self._segments), _BRIDGE), 0, len(power)), power)

    def _settle(self, held: Float32, power: Power, found: Spans, restart: int) -> None:
        self._segments.append(found + self._offset)
        self._power.append(power[:restart])
        self._offset += restart
        self._held = [held[restart * FRAME :]]
        self._count = len(self._held[0])


def _settled(found: Spans, frames: int) -> tuple[Spans, int]:
    """The segments of a window that end in it, and where the next window begins."""
    if not len(found) or found[-1, 1] <= frames - _BRIDGE:
        return found, max(int(found[-1, 1]) if len(found) else 0, frames - _RUN_UP)
    restart = max(int(found[-2, 1]) if len(found) > 1 else 0, int(found[-1, 0]) - _RUN_UP)
    return (found[:-1], restart) if restart > 2 * _RUN_UP else (found, frames)


def _heard(window: Float32, name: str) -> tuple[Power, Spans]:
    """The power of each frame of a window at 16 kHz, and its segments."""
    filled = np.zeros((len(window) // _HOP + 1) * _HOP, np.float32)  # up to a whole number of hops
    steady = np.subtract(window, window.mean(), out=filled[: len(window)])  # an offset of the converter is no sound
    power = _power(steady)
    lasting = median_filter(power, _LASTS, mode="mirror")
    loudest = float(lasting.max())
    if loudest <= 0:
        return power, np.zeros((0, 2), np.int64)
    active = float(lasting[lasting > loudest * _ACTIVE].mean())
    steady *= np.float32(min(10 ** (_LEVEL_DB / 20) / np.sqrt(active), _MOST_GAIN))
    return power, _told(_probabilities(filled, len(power), name), power, lasting)


def _power(samples: Float32) -> Power:
    whole = len(samples) // FRAME * FRAME
    squares = np.einsum("ij,ij->i", *[samples[:whole].reshape(-1, FRAME)] * 2).astype(np.float64)
    rest = samples[whole:]
    return (squares if not len(rest) else np.append(squares, float(rest @ rest))) / FRAME


def _probabilities(filled: Float32, frames: int, name: str) -> Power:
    """How sure Silero is of speech in each frame of samples that it may write into."""
    from faster_whisper.vad import get_vad_model  # loads ONNX; keeps its session for the process

    with library("Silero VAD", name, Reason.MEASURE_FAILED):
        found = get_vad_model()(filled).ravel()
    middles = np.arange(frames) * FRAME + FRAME // 2
    sure: Power = found[np.minimum(middles // _HOP, len(found) - 1)].astype(np.float64)
    return sure


def _told(sure: Power, power: Power, lasting: Power) -> Spans:
    """The segments by both: how sure Silero is of each frame, and its power, as it is and without clicks."""
    certain = _from_onsets(sure)
    if sure.max() < _CERTAIN or not len(certain):
        return np.zeros((0, 2), np.int64)
    inside = mask(certain, len(power))
    spoken = lasting[inside]
    active = float(spoken[spoken >= spoken.max() * _ACTIVE].mean())
    sounding = power > active * _SILENT
    away = sounding & (sure < _NEVER) & ~mask(widened(certain, _AWAY, _AWAY), len(power))
    floor, background = _around(power, sounding, away)
    noisy = active <= background * _ROOM
    quiet = ~noisy & mask(widened(certain, _REACH, _REACH), len(power))
    sounds = bridged(longer(spans(power > np.maximum(floor * _ABOVE_FLOOR, active * _BELOW_SPEECH)), _CLICK), _BRIDGE)
    some = inside | ((sure >= _MAYBE) & quiet)
    by_sound = mask(holding(sounds, some), len(power)) & quiet
    by_silero = mask(widened(certain, _LATE, -_LONG), len(power)) & noisy
    return segments_of(spans(by_sound | by_silero))


def _around(power: Power, sounding: Mask, away: Mask) -> tuple[Power, Power]:
    """The floor and the background of each frame: of what is before it or of what is behind it, whichever is louder.
    No recording is as quiet everywhere."""
    frames = len(power)
    floor, background = np.empty(frames), np.empty(frames)
    for start in range(0, frames, _STEP):
        end = min(start + _STEP, frames)
        before, behind = max(end - _AROUND, 0), max(min(start, frames - _AROUND), 0)
        both = [_quiet(power[near], sounding[near], away[near]) for near in (_from(before), _from(behind))]
        floor[start:end], background[start:end] = np.max(both, axis=0)
    return floor, background


def _from(start: int) -> slice:
    return slice(start, start + _AROUND)


def _quiet(power: Power, sounding: Mask, away: Mask) -> tuple[float, float]:
    """Floor and background of one stretch."""
    floor = float(np.quantile(power[sounding], _FLOOR)) if sounding.any() else 0.0
    # The mean, for noise comes and goes; of little of it, nearer to the floor.
    return floor, (float(power[away].sum()) + _DOUBT * floor) / (int(away.sum()) + _DOUBT)


def _from_onsets(sure: Power) -> Spans:
    """Where Silero hears speech: from where it opens to where it closes."""
    opened = sure >= _OPENS
    found = holding(spans(sure >= _CLOSES), opened)
    firsts = np.flatnonzero(opened)
    found[:, 0] = firsts[np.searchsorted(firsts, found[:, 0])] if len(found) else found[:, 0]
    return found


def segments_of(found: Spans) -> Spans:
    """Spans in order without those that divide no speech, and none too short."""
    return longer(bridged(found, _BRIDGE), _LEAST)
