"""Who takes the floor, by timing alone: the one rule by which presets are fitted and real talk is labelled.

An IPU of at most 1 s inside the other's turn takes no floor, nor does one that ends before the other's IPU that it
began in; what is left takes or keeps it. A short answer that the other talks into looks like a backchannel.
"""

from dataclasses import dataclass
from typing import NamedTuple

from turnmill.manifests.spans import bridged
from turnmill.synth.channels import RATE
from turnmill.synth.duplex.lengths import LONGEST_BACKCHANNEL
from turnmill.synth.duplex.talk.turn_taking import Intervals, ipus

LONGEST_PAUSE = RATE  # of the other's turn, that a backchannel may fill: 1 s


class Unit(NamedTuple):
    """An IPU, in samples, and its channel."""

    start: int
    end: int
    channel: int

    @property
    def length(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Floor:
    """The IPUs of both channels, each once, in the order of their start: those that take or keep the floor, and those
    that are said beside it."""

    claims: tuple[Unit, ...]
    asides: tuple[Unit, ...]


def floor(channels: tuple[Intervals, Intervals]) -> Floor:
    """The floor of two channels of speech, each int64 [n, 2] of [start, end) in samples at 24 kHz, in any order."""
    units = [ipus(channel) for channel in channels]
    claims: list[Unit] = []
    asides: list[Unit] = []
    for channel, (mine, theirs) in enumerate(zip(units, reversed(units), strict=True)):
        spans = bridged(theirs, LONGEST_PAUSE + 1)
        for start, end in mine.tolist():
            unit = Unit(start, end, channel)
            into_turn = _inside(unit, spans) and _touches(unit, theirs)
            aside = _inside(unit, theirs) or (unit.length <= LONGEST_BACKCHANNEL and into_turn)
            (asides if aside else claims).append(unit)
    return Floor(tuple(sorted(claims)), tuple(sorted(asides)))


def _inside(unit: Unit, spans: Intervals) -> bool:
    return bool(((spans[:, 0] < unit.start) & (unit.end < spans[:, 1])).any())


def _touches(unit: Unit, spans: Intervals) -> bool:
    return bool(((spans[:, 0] < unit.end) & (unit.start < spans[:, 1])).any())
