"""Decoded audio: in memory where it is short, decoded anew block by block where it is long; one face for both."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from turnmill.manifests.audio.errors import AudioError
from turnmill.manifests.records import Reason

Float32 = npt.NDArray[np.float32]
Int16 = npt.NDArray[np.int16]

BLOCK: Final = 1 << 16
"""Frames of a block: stays in cache, keeps float32 sums exact to 1e-6, and is a whole number of spectra."""

SHORT_BYTES: Final = 64 << 20
"""Largest float32 audio that is held in memory: 17 min of 16 kHz mono, 3 min of 48 kHz stereo."""

REEL_BYTES: Final = 32 << 20
"""What is held of a long sound behind the place that its stretches have come to: one is often asked for twice, once a
channel."""

MAX_CHANNELS: Final = 8
"""What FLAC holds, and so the lake."""

RATES: Final = range(1000, 655_351)
"""Sample rates in Hz that the lake holds: up to FLAC's largest; below 1 kHz nothing can be heard as speech or sound."""

FULL_SCALE_16: Final = 32768


class Sound(Protocol):
    """Audio of any length. 1.0 is full scale; a frame is one sample of each channel."""

    @property
    def sample_rate(self) -> int:
        """Hz."""

    @property
    def channels(self) -> int: ...

    @property
    def frames(self) -> int: ...

    @property
    def duration(self) -> float:
        """Seconds."""

    def blocks(self) -> Iterator[Float32]:
        """The samples, from the beginning at each call: float32 [channels, BLOCK], the last one shorter."""


@dataclass(frozen=True)
class Audio:
    """Decoded audio in memory. `samples`: float32 [channels, frames], 1.0 is full scale. `sample_rate`: Hz."""

    samples: Float32
    sample_rate: int

    @property
    def channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        return int(self.samples.shape[1])

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.sample_rate

    def blocks(self) -> Iterator[Float32]:
        for start in range(0, self.frames, BLOCK):
            yield self.samples[:, start : start + BLOCK]


@dataclass(frozen=True)
class Stream:
    """Audio as a decoder gives it, once. `frames`: about how many are to come, null where nobody knows."""

    sample_rate: int
    channels: int
    frames: int | None
    samples: Iterator[Float32]  # float32 [channels, n]


class Reel:
    """The place that a decoder has come to, and what it gave last: who asks for stretches in order has one decode."""

    def __init__(self, blocks: Callable[[], Iterator[Float32]]) -> None:
        self._blocks = blocks
        self.close()

    def close(self) -> None:
        """Let the decoder go; the next stretch begins another."""
        self._running: Iterator[Float32] | None = None
        self._held: deque[Float32] = deque()
        self._start = self._end = 0  # of what is held

    def stretch(self, first: int, last: int) -> Iterator[Float32]:
        """The frames [first, last), in parts of at most a block."""
        while first < last:
            if first < self._start or self._running is None:
                self.close()
                self._running = self._blocks()
            while self._end <= first:
                block = next(self._running, None)
                if block is None:
                    return
                self._held.append(block)
                self._end += block.shape[1]
                while sum(held.nbytes for held in self._held) > REEL_BYTES and len(self._held) > 1:
                    self._start += self._held.popleft().shape[1]
            place = self._start
            for block in self._held:
                if first < place + block.shape[1]:
                    part = block[:, first - place : last - place]
                    break
                place += block.shape[1]
            first += part.shape[1]
            yield part


@dataclass(frozen=True)
class LongSound:
    """Audio that is decoded again each time it is used. The file under it has to stay open until `close`."""

    sample_rate: int
    channels: int
    frames: int
    again: Callable[[], Iterator[Float32]]
    name: str

    @cached_property
    def _reel(self) -> Reel:
        return Reel(self.blocks)

    def stretch(self, first: int, last: int) -> Iterator[Float32]:
        """The frames [first, last); stretches that are asked for in order are decoded together."""
        return self._reel.stretch(first, last)

    def close(self) -> None:
        """Let go of the decoder behind `stretch`."""
        self._reel.close()

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.sample_rate

    def blocks(self) -> Iterator[Float32]:
        """As of `Sound`. Raises AudioError (CORRUPT_AUDIO) where it is not what it was, OSError as the file does."""
        return in_blocks(self._all())

    def _all(self) -> Iterator[Float32]:
        found = 0
        for part in self.again():
            found += part.shape[1]
            yield part
        if found != self.frames:
            detail = f"{self.name} changed while it was read: {self.frames:,} samples, then {found:,}"
            raise AudioError(Reason.CORRUPT_AUDIO, detail)


def in_blocks(parts: Iterable[Float32], size: int = BLOCK) -> Iterator[Float32]:
    """The same samples in blocks of `size` frames (the last one shorter): float32 [..., n]."""
    held: list[Float32] = []
    count = 0
    for part in parts:
        held.append(part)
        count += part.shape[-1]
        if count < size:
            continue
        whole = held[0] if len(held) == 1 else np.concatenate(held, axis=-1)
        full = count - count % size
        for start in range(0, full, size):
            yield whole[..., start : start + size]
        held, count = [whole[..., full:]], count - full
    if count:
        yield held[0] if len(held) == 1 else np.concatenate(held, axis=-1)


def gathered(parts: Iterable[Float32], channels: int, sample_rate: int) -> Audio:
    """Audio in memory from its parts, float32 [channels, n]; `sample_rate`: Hz."""
    held = list(parts)
    samples = held[0] if len(held) == 1 else np.concatenate([np.zeros((channels, 0), np.float32), *held], axis=1)
    return Audio(np.ascontiguousarray(samples, dtype=np.float32), sample_rate)


def is_short(frames: int, channels: int) -> bool:
    """Whether so many frames are held in memory."""
    return frames * channels * 4 <= SHORT_BYTES


def cut(sound: Audio | LongSound, first: int, last: int, channel: int | None) -> Audio | LongSound:
    """The frames [first, last) of a sound, of one channel or all."""
    rows = slice(None) if channel is None else slice(channel, channel + 1)
    if isinstance(sound, Audio):
        return Audio(sound.samples[rows, first:last], sound.sample_rate)
    first, last = min(first, sound.frames), min(last, sound.frames)

    def again() -> Iterator[Float32]:
        return (block[rows] for block in sound.stretch(first, last))

    channels = sound.channels if channel is None else 1
    if is_short(last - first, channels):
        return gathered(again(), channels, sound.sample_rate)
    return LongSound(sound.sample_rate, channels, last - first, again, sound.name)


def block_to_int16(block: Float32) -> Int16:
    """Samples rounded to 16 bits, clipped to full scale."""
    scaled = block * np.float32(FULL_SCALE_16)
    np.rint(scaled, out=scaled)
    np.clip(scaled, -FULL_SCALE_16, FULL_SCALE_16 - 1, out=scaled)
    return scaled.astype(np.int16)


def to_int16(audio: Audio) -> Int16:
    """Samples rounded to 16 bits, clipped to full scale: int16 [channels, frames]."""
    return block_to_int16(audio.samples)


def quantize16(audio: Audio) -> Audio:
    """What a 16-bit file of this audio decodes to."""
    return Audio(to_int16(audio).astype(np.float32) / np.float32(FULL_SCALE_16), audio.sample_rate)
