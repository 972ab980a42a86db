"""Takes out of a channel what it hears of another: the response between them is estimated where the other one speaks
alone, and what comes of it is subtracted.

The response is the least-squares one (Haykin, Adaptive Filter Theory, on Wiener filters and the method of least
squares), of 64 ms, from 16 ms before the delay at which levels follow each other (`sources.leakage`). It is one of the
whole recording: what a line or a room does, not what changes in it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import solve_toeplitz
from scipy.signal import correlate, oaconvolve

from turnmill.manifests.audio import Float32
from turnmill.sources.frames import Mask, mask, spans, widened
from turnmill.sources.leakage import LAG

_FRAME: Final = 160  # samples at 16 kHz
_TAPS: Final = 1024
_BEFORE: Final = 256  # of them, before the delay
_MARGIN: Final = LAG * _FRAME + _TAPS  # samples around a block that its channels may be heard in
_BLOCK: Final = 30 * 16_000  # samples
_APART: Final = 20  # frames of silence of one's own around what is estimated from
_LEAST, _ENOUGH = 100, 3000  # frames to estimate from, and how many will do
_STEADY: Final = 1e-4  # of its power added to what is heard: what is 40 dB below the rest of it tells no response
_ROUNDS: Final = 3  # each mends what the ends of stretches did to the one before

Leaks = Mapping[tuple[int, int], int]
"""By a channel and the other one that it hears: the delay, in frames of 10 ms."""


def without(
    blocks: Iterable[Float32], again: Iterable[Float32], leaks: Leaks, spoken: Sequence[Mask]
) -> Iterator[Float32]:
    """Channels without what they hear of each other: float32 [channels, n] at 16 kHz, in blocks of other sizes.

    `again`: the same blocks, to estimate from. `spoken`: bool [frames] of each channel, where it says something itself.
    What is heard too seldom alone is left in.
    """
    responses = _responses(again, leaks, spoken)

    def left(samples: Float32, others: Float32) -> Float32:
        """Without their margins, and without what reaches them from others."""
        own = samples[:, _MARGIN:-_MARGIN].copy()
        for (channel, other), response in responses.items():
            heard = _heard(others[other], leaks[channel, other], 0, own.shape[1])
            own[channel] -= oaconvolve(heard, response, "valid")
        return own

    # What another channel says is itself without what it hears of this one: else that would come back as an echo.
    for _, block in _blocks(blocks, 2 * _MARGIN):
        yield left(block[:, _MARGIN:-_MARGIN], left(block, block))


def _heard(other: Float32, lag: int, start: int, end: int) -> Float32:
    """Of another channel with its margins, what reaches samples [start, end): float32 [end - start + taps - 1]."""
    first = _MARGIN + start - (lag * _FRAME - _BEFORE) - _TAPS + 1
    return other[first : first + end - start + _TAPS - 1]


def _blocks(blocks: Iterable[Float32], margin: int) -> Iterator[tuple[int, Float32]]:
    """Where blocks of 30 s begin, and their samples, with so many before and behind them. There is silence before and
    after the recording."""
    held: Float32 | None = None
    start = 0
    for block in blocks:
        held = np.pad(block, ((0, 0), (margin, 0))) if held is None else np.concatenate((held, block), axis=1)
        while held.shape[1] >= _BLOCK + 2 * margin:
            yield start, held[:, : _BLOCK + 2 * margin]
            held, start = held[:, _BLOCK:], start + _BLOCK
    if held is not None and held.shape[1] > margin:
        yield start, np.pad(held, ((0, 0), (0, margin)))


def _responses(blocks: Iterable[Float32], leaks: Leaks, spoken: Sequence[Mask]) -> dict[tuple[int, int], Float32]:
    """The responses of those that are heard alone for long enough."""
    alone = [_alone(spoken, channel) for channel in range(len(spoken))]
    found = {pair: _Alone([], []) for pair in leaks}
    for begin, block in _blocks(blocks, _MARGIN):
        for (channel, other), told in found.items():
            for start, end in spans(alone[other][begin // _FRAME :][: _BLOCK // _FRAME]) * _FRAME:
                if end <= block.shape[1] - 2 * _MARGIN and end - start > _TAPS:
                    told.here.append(block[channel, _MARGIN + start : _MARGIN + end])
                    told.there.append(_heard(block[other], leaks[channel, other], start, end))
        if all(told.frames() >= _ENOUGH for told in found.values()):
            break
    return {pair: told.response() for pair, told in found.items() if told.frames() >= _LEAST}


def _alone(spoken: Sequence[Mask], channel: int) -> Mask:
    """Where a channel speaks, and no other one."""
    others = np.any([said for index, said in enumerate(spoken) if index != channel], axis=0)
    return spoken[channel] & ~mask(widened(spans(others), _APART, _APART), len(others))


@dataclass(frozen=True)
class _Alone:
    """Stretches of a channel, and what may reach them from the other one, which alone speaks there."""

    here: list[Float32]
    there: list[Float32]

    def frames(self) -> int:
        return sum(map(len, self.here)) // _FRAME

    def response(self) -> Float32:
        like = np.sum([correlate(part, part, "full", "fft")[len(part) - 1 :][:_TAPS] for part in self.there], axis=0)
        like[0] *= 1 + _STEADY
        response = np.zeros(_TAPS)
        for _ in range(_ROUNDS):
            left = [h - oaconvolve(t, response, "valid") for h, t in zip(self.here, self.there, strict=True)]
            pairs = zip(self.there, left, strict=True)
            response += solve_toeplitz(
                like, np.sum([correlate(t, rest, "valid", "fft")[::-1] for t, rest in pairs], axis=0)
            )
        return response.astype(np.float32)
