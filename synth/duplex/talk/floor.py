"""Who takes the floor, by timing alone: the one rule by which presets are fitted and real talk is labelled.

An IPU of at most 1 s inside the other's turn takes no floor, nor does one that ends before the other's IPU that it
began in; what is left takes or keeps it. What goes on into such an IPU within 0.5 s (after more than 1 s, within 1 s)
belongs to it, and so does what ends it: where one was speaking as the other began, and goes on within 0.5 s. A short
answer that the other talks into looks like a backchannel.
"""

from dataclasses import dataclass
from typing import NamedTuple

from turnmill.manifests.spans import bridged
from turnmill.synth.channels import RATE
from turnmill.synth.duplex.lengths import LONGEST_BACKCHANNEL, NEAR
from turnmill.synth.duplex.talk.turn_taking import Intervals, ipus

LONGEST_PAUSE = RATE  # inside what one party says: 1 s


class Unit(NamedTuple):
    """An IPU, in samples, and its channel."""

    start: int
    end: int
    channel: int

    @property
    def length(self) -> int:
        return self.end - self.start


Claim = tuple[Unit, ...]
"""The IPUs of one channel that take or keep the floor together, in order."""


@dataclass(frozen=True)
class Floor:
    """The IPUs of both channels, each once, in the order of their start: those that take or keep the floor, and those
    that are said beside it. `enclosed`: the claims of one IPU of up to 1 s in a pause of the other's turn, of which
    timing alone does not tell whether they are answers or backchannels."""

    claims: tuple[Claim, ...]
    asides: tuple[Unit, ...]
    enclosed: frozenset[Claim]


def floor(channels: tuple[Intervals, Intervals]) -> Floor:
    """The floor of two channels of speech, each int64 [n, 2] of [start, end) in samples at 24 kHz, in any order."""
    units = [ipus(channel) for channel in channels]
    claims: list[Claim] = []
    asides: list[Unit] = []
    enclosed: set[Claim] = set()
    for channel, (mine, theirs) in enumerate(zip(units, reversed(units), strict=True)):
        spans = bridged(theirs, LONGEST_PAUSE + 1)
        waiting: list[Unit] = []  # asides that may go on into the next claim
        last: Claim = ()
        for start, end in mine.tolist():
            unit = Unit(start, end, channel)
            if waiting and start - waiting[-1].end > _patience(waiting[-1]):
                asides += waiting
                waiting = []
            short = unit.length <= LONGEST_BACKCHANNEL and _inside(unit, spans)
            aside = _inside(unit, theirs) or (short and _touches(unit, theirs))
            ends = last and not waiting and start - last[-1].end <= NEAR and _begins_in(theirs, last[-1])
            if aside and ends:
                claims[-1] = last = (*last, unit)
            elif aside:
                waiting.append(unit)
            else:
                last = (*waiting, unit)
                claims.append(last)
                if short and not waiting:
                    enclosed.add(last)
                waiting = []
        asides += waiting
    return Floor(tuple(sorted(claims)), tuple(sorted(asides)), frozenset(enclosed))


def _patience(aside: Unit) -> int:
    """How long after it what goes on belongs to it: who says more than a backchannel has begun a turn."""
    return NEAR if aside.length <= LONGEST_BACKCHANNEL else LONGEST_PAUSE


def _inside(unit: Unit, spans: Intervals) -> bool:
    return bool(((spans[:, 0] < unit.start) & (unit.end < spans[:, 1])).any())


def _touches(unit: Unit, spans: Intervals) -> bool:
    return bool(((spans[:, 0] < unit.end) & (unit.start < spans[:, 1])).any())


def _begins_in(spans: Intervals, unit: Unit) -> bool:
    """Whether one of the spans begins inside the unit."""
    return bool(((unit.start < spans[:, 0]) & (spans[:, 0] < unit.end)).any())
