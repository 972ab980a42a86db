"""Where a recording is cut into clips: at its pauses, in their quietest place, and never inside a word.

All is in ticks of 10 ms, from where speech is and how loud each tick is; nothing here hears. Which pauses are cut is
the cheapest way through all of them (dynamic programming over the stretches of speech): as little speech as may be is
left out, then as few cuts as may be lie in pauses below the wanted length, then the longest pauses are taken.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from turnmill.sources.frames import Power, decibels

TICKS: Final = 100
"""Ticks of a second."""

_VALLEY: Final = 20  # ticks: the closure of a stop, or of two, is shorter
_BELOW_DB: Final = 12.0  # how much quieter than the loud parts of its stretch a valley is, at least
_NOISE_DB: Final = 3.0  # by which the floor of a recording varies, and places are as quiet as each other
_EDGE: Final = 2  # ticks on both sides of a cut that are to be quiet

Levels = npt.NDArray[np.float64]
"""Of each tick, in dBFS."""


class Span(NamedTuple):
    """The ticks [start, end)."""

    start: int
    end: int

    @property
    def ticks(self) -> int:
        return self.end - self.start


class Why(StrEnum):
    """Why a stretch of speech is in no clip."""

    NO_PAUSE = "no_pause"
    """Longer than a clip may be, and without a pause."""
    TOO_SHORT = "too_short"
    """Shorter than a clip may be, with neither room around it nor a neighbour that it fits to."""
    VALLEY = "valley"
    """Quiet inside speech that was cut there, farther from both clips than a pad."""


@dataclass(frozen=True)
class Rules:
    """What clips are like, in ticks: `shortest` and `longest`; the `pause` that a cut wants, the `silence` that is for
    itself in no clip, and the `pad`, which is what a clip has of the pauses around it, at most."""

    shortest: int
    longest: int
    pause: int
    silence: int
    pad: int


@dataclass(frozen=True)
class Cuts:
    """Clips, in order and without overlap, and the speech that is in none."""

    clips: tuple[Span, ...]
    left_out: tuple[tuple[Span, Why], ...]


def cuts(speech: Sequence[Span], power: Power, rules: Rules) -> Cuts:
    """Cut a recording of which `speech`, in order, is heard; `power`: mean square of each tick. Every tick of speech is
    in a clip or left out."""
    levels = decibels(power)
    stretches = [
        part for whole in speech for part in (_parted(whole, levels) if whole.ticks > rules.longest else [whole])
    ]
    rooms = _rooms(stretches, len(power))
    quiet = _quiet(power)
    clips, left_out = [], []
    for first, last in _cheapest(stretches, rooms, rules):
        inside = Span(stretches[first].start, stretches[last].end)
        room = (rooms[first][0], rooms[last][1])
        if _fits(inside, room, rules):
            clips.append(_padded(inside, room, quiet, rules))
        else:
            left_out.append((inside, Why.NO_PAUSE if inside.ticks > rules.longest else Why.TOO_SHORT))
    dealt_with = sorted([*clips, *(span for span, _ in left_out)])
    valleys = [(rest, Why.VALLEY) for rest in _without(speech, dealt_with)]
    return Cuts(tuple(clips), tuple(sorted([*left_out, *valleys])))


def _without(speech: Sequence[Span], taken: Sequence[Span]) -> Iterator[Span]:
    """What of speech is in none of the spans that are `taken`, both in order."""
    place = 0
    for start, end in speech:
        while place < len(taken) and taken[place].start < end:
            if taken[place].start > start:
                yield Span(start, taken[place].start)
            start = max(start, taken[place].end)
            if taken[place].end > end:
                break
            place += 1
        if start < end:
            yield Span(start, end)


def _parted(stretch: Span, levels: Levels) -> list[Span]:
    """A stretch of speech without its valleys: what is as quiet as its floor for longer than inside any word."""
    inside = levels[stretch.start : stretch.end]
    smooth = np.convolve(np.pad(inside, 1, mode="edge"), np.full(3, 1 / 3), mode="valid")
    floor, loud = np.percentile(smooth, (5, 90))
    low = np.flatnonzero(np.diff(smooth <= min(floor + _NOISE_DB, loud - _BELOW_DB), prepend=False, append=False))
    valleys = [(int(start), int(end)) for start, end in low.reshape(-1, 2) if end - start >= _VALLEY]
    edges = [0, *(edge for valley in valleys for edge in valley), stretch.ticks]
    parts = [
        Span(stretch.start + start, stretch.start + end) for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]
    return [part for part in parts if part.ticks]


def _rooms(stretches: Sequence[Span], end: int) -> list[tuple[int, int]]:
    """What is free before and after each stretch: all of it at the ends of a recording, else half of the pause."""
    pauses = [after.start - before.end for before, after in pairwise(stretches)]
    if not stretches:
        return []
    before = [stretches[0].start, *(pause // 2 for pause in pauses)]
    after = [*(pause // 2 for pause in pauses), end - stretches[-1].end]
    return list(zip(before, after, strict=True))


def _fits(inside: Span, room: tuple[int, int], rules: Rules) -> bool:
    return inside.ticks <= rules.longest and inside.ticks + sum(room) >= rules.shortest


class _Cost(NamedTuple):
    """Of a way to cut: ticks of speech that are left out, cuts in pauses below the wanted length, and the sum of what
    is less than perfect about the others, about 1 each."""

    lost: int = 0
    tight: int = 0
    sum: float = 0.0

    def and_(self, other: "_Cost") -> "_Cost":
        return _Cost(self.lost + other.lost, self.tight + other.tight, self.sum + other.sum)


def _cheapest(stretches: Sequence[Span], rooms: Sequence[tuple[int, int]], rules: Rules) -> Iterator[tuple[int, int]]:
    """(first, last) of the stretches that go together, in order; one that does not fit is for itself."""
    best = [_Cost()]  # by how many stretches are dealt with
    begun: list[int] = []  # and where the last of these clips begins
    for last, stretch in enumerate(stretches):
        ways = []
        within = 0.0  # cost of the silences inside
        for first in range(last, -1, -1):
            inside = Span(stretches[first].start, stretch.end)
            if first < last:
                pause = stretches[first + 1].start - stretches[first].end
                within += pause / rules.silence if pause > rules.silence else 0.0
            if inside.ticks > rules.longest and first < last:
                break
            room = (rooms[first][0], rooms[last][1])
            if _fits(inside, room, rules):
                short = max(0.0, 1 - inside.ticks / rules.shortest)
                made = best[first].and_(_Cost(sum=within + short))
            elif first == last:
                made = best[first].and_(_Cost(lost=inside.ticks))
            else:
                continue
            ways.append((made.and_(_cut(stretches, first, rules)), first))
        cost, first = min(ways)
        best.append(cost)
        begun.append(first)
    found = []
    end = len(stretches)
    while end:
        found.append((begun[end - 1], end - 1))
        end = begun[end - 1]
    return reversed(found)


def _cut(stretches: Sequence[Span], first: int, rules: Rules) -> _Cost:
    """Of the cut in the pause before a stretch."""
    if not first:
        return _Cost()
    pause = stretches[first].start - stretches[first - 1].end
    return _Cost(tight=int(pause < rules.pause), sum=max(0.0, 1 - pause / rules.silence))


def _quiet(power: Power) -> Levels:
    """How loud it is around each edge between ticks, from the first to the last."""
    return decibels(np.convolve(np.pad(power, _EDGE), np.full(2 * _EDGE, 1 / (2 * _EDGE)), mode="valid"))


def _padded(inside: Span, room: tuple[int, int], quiet: Levels, rules: Rules) -> Span:
    """The clip of a stretch of speech: its edges are where it is quietest within the pads, and farther out where it
    would be too short."""
    spare = rules.longest - inside.ticks
    reach = min(room[0], rules.pad, spare // 2), min(room[1], rules.pad, spare // 2)
    before = inside.start - _farthest_quiet(quiet[inside.start - reach[0] : inside.start + 1][::-1])
    after = inside.end + _farthest_quiet(quiet[inside.end : inside.end + reach[1] + 1])
    lacking = max(0, rules.shortest - (after - before))
    low, high = inside.start - room[0], inside.end + room[1]
    before = max(low, before - lacking // 2)
    after = min(high, max(after, before + rules.shortest))
    return Span(max(low, min(before, after - rules.shortest)), after)


def _farthest_quiet(levels: Levels) -> int:
    """The last of the places that are about as quiet as any."""
    return int(np.flatnonzero(levels <= levels.min() + _NOISE_DB)[-1])
