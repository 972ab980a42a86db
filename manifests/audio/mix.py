"""The one channel that a VAD, a spectrum or a recogniser hears of many."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
import soxr

from turnmill.manifests.audio.errors import library
from turnmill.manifests.audio.sound import BLOCK, Audio, Float32, Sound
from turnmill.manifests.records import Reason

_CANCELLED: Final = 0.5  # of the power that channels without any relation would leave in their mean
_FAINT: Final = 0.125  # of the loudest channel's power: -9 dB; one of two channels alone leaves -6 dB


@dataclass(frozen=True)
class Levels:
    """Sums of squares and the peak of a sound. `energies`: one a channel; `mean_energy`: of the mean of all."""

    energies: tuple[float, ...]
    mean_energy: float
    peak: float


@dataclass(frozen=True)
class Mix:
    """How channels become one: the `channel` alone, or (null) their mean times `gain`."""

    channel: int | None = None
    gain: float = 1.0

    def __call__(self, block: Float32) -> Float32:
        """float32 [channels, n] -> [n]."""
        if self.channel is not None or len(block) == 1:
            alone: Float32 = block[self.channel or 0]
            return alone
        mixed: Float32 = block[0] + block[1]  # three times as fast as `mean` over an axis, and the same to the bit
        for channel in block[2:]:
            mixed += channel
        mixed /= np.float32(len(block))
        if self.gain != 1:
            mixed *= np.float32(self.gain)
        return mixed


def energy(samples: Float32) -> float:
    """Sum of squares of float32 [frames]."""
    return sum(float(np.square(samples[start : start + BLOCK]).sum()) for start in range(0, len(samples), BLOCK))


def levels(sound: Sound) -> Levels:
    """Levels of all channels, in one pass."""
    energies = [0.0] * sound.channels
    mean_energy, peak = 0.0, 0.0
    for block in sound.blocks():
        peak = max(peak, float(block.max()), -float(block.min()))
        for index, channel in enumerate(block):
            energies[index] += energy(channel)
        if len(block) > 1:
            mean_energy += energy(Mix()(block))
    return Levels(tuple(energies), mean_energy if len(energies) > 1 else energies[0], peak)


def mix_of(found: Levels) -> Mix:
    """The mean of the channels, which loses nothing of what two of them say in turn, but:

    - where they cancel each other (opposite polarity) the loudest channel speaks for all;
    - where many channels dilute what one says, the mean is made as loud as the loudest channel.
    """
    channels, loudest = len(found.energies), max(found.energies)
    unrelated = sum(found.energies) / channels**2
    if found.mean_energy < _CANCELLED * unrelated:
        return Mix(channel=found.energies.index(loudest))
    if found.mean_energy < _FAINT * loudest:
        return Mix(gain=float(np.sqrt(loudest / found.mean_energy)))
    return Mix()


def mono(audio: Audio) -> Float32:
    """The channels as one (see `mix_of`), float32 [frames]."""
    return audio.samples[0] if audio.channels == 1 else mix_of(levels(audio))(audio.samples)


def mixed(sound: Sound) -> Iterator[Float32]:
    """The channels as one (see `mix_of`), block by block, float32 [n]."""
    mix = Mix() if sound.channels == 1 else mix_of(levels(sound))
    return map(mix, sound.blocks())


def mono_resampled(blocks: Iterable[Float32], old: int, new: int, name: str) -> Iterator[Float32]:
    """Blocks of one channel, float32 [n], from a rate of `old` Hz to `new` Hz; see `resampled`."""
    return (block[0] for block in resampled((block[None] for block in blocks), 1, old, new, name))


def resampled(blocks: Iterable[Float32], channels: int, old: int, new: int, name: str) -> Iterator[Float32]:
    """Blocks of channels from a rate of `old` Hz to `new` Hz (soxr HQ): the samples that the whole at once would give.

    Raises AudioError as `name` where the resampler fails.
    """
    if old == new:
        yield from blocks
        return
    with library("soxr", name, Reason.MEASURE_FAILED):
        stream = soxr.ResampleStream(old, new, channels, dtype="float32", quality="HQ")
    end = np.zeros((channels, 0), np.float32)
    for block in chain(blocks, [end]):
        samples = np.ascontiguousarray(block.T)
        with library("soxr", name, Reason.MEASURE_FAILED):
            made = stream.resample_chunk(samples, last=block is end)
        yield made.T


def mono_at(sound: Sound, rate: int, name: str) -> Float32:
    """The channels as one at `rate` Hz, whole: all that a recogniser needs of a recording, however long.

    Raises AudioError as `name` where the resampler fails.
    """
    parts = mono_resampled(mixed(sound), sound.sample_rate, rate, name)
    # Four hours are 0.9 GB: written where they stay, never twice in memory.
    samples = np.zeros(-(-sound.frames * rate // sound.sample_rate) + rate, np.float32)
    count = 0
    for part in parts:
        samples[count : count + len(part)] = part
        count += len(part)
    return samples[:count]


def channels_at(sound: Sound, rate: int, name: str) -> Float32:
    """All channels at `rate` Hz, whole: float32 [channels, frames].

    Raises AudioError as `name` where the resampler fails.
    """
    parts = resampled(sound.blocks(), sound.channels, sound.sample_rate, rate, name)
    return np.concatenate([np.zeros((sound.channels, 0), np.float32), *parts], axis=1)
