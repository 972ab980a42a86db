"""How two people share the time: inter-pausal units, pauses, gaps and overlaps, from where each channel speaks.

The terms (docs/turn-taking.md) are those of the turn-taking statistics of dGSLM (Nguyen et al. 2023): an IPU is speech
of one channel without 200 ms of silence in it, a pause is silence of both between IPUs of one speaker, a gap between
IPUs of two, an overlap is both at once. An overlap is *within* a turn where the speaker who began before it goes on
after it, and *between* turns where the other one does (Heldner & Edlund 2010).

Speech is int64 [n, 2] of [start, end) in samples at 24 kHz, in any order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.spans import bridged
from turnmill.synth.channels import RATE
from turnmill.synth.duplex.lengths import IPU_GAP

Intervals = NDArray[np.int64]
Lengths = NDArray[np.int64]

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)

_MS = RATE // 1000
_LONGEST_MS = 60_000


def ipus(speech: Intervals) -> Intervals:
    """The inter-pausal units of one channel, in order: speech joined across silences below 200 ms."""
    return bridged(speech[np.argsort(speech[:, 0], kind="stable")], IPU_GAP)


@dataclass(frozen=True)
class Talk:
    """One dialogue in samples: the IPUs of each channel, and the lengths of everything between and on them.

    `span` is the time from the first speech to the last.
    """

    ipus: tuple[Intervals, Intervals]
    pauses: Lengths
    gaps: Lengths
    within: Lengths
    between: Lengths
    span: int


def talk(assistant: Intervals, user: Intervals) -> Talk:
    """What the speech of the two channels makes of a dialogue."""
    units = (ipus(assistant), ipus(user))
    both = np.concatenate(units)
    if not len(both):
        none = np.zeros(0, np.int64)
        return Talk(units, none, none, none, none, 0)
    channel = np.repeat([0, 1], [len(units[0]), len(units[1])])
    order = np.lexsort((channel, both[:, 0]))
    both, channel = both[order], channel[order]
    ends = np.maximum.accumulate(both[:, 1])
    silence = both[1:, 0] - ends[:-1]
    silent, same = silence > 0, np.zeros(len(silence), bool)
    for mine, units_of_mine in enumerate(units):  # who spoke last before a silence, and who speaks first after it
        last = np.maximum.accumulate(np.where(channel == mine, both[:, 1], 0))[:-1] == ends[:-1]
        same |= last & np.isin(both[1:, 0], units_of_mine[:, 0])
    within, between = _overlaps(*units)
    return Talk(units, silence[silent & same], silence[silent & ~same], within, between, int(ends[-1] - both[0, 0]))


def _overlaps(one: Intervals, other: Intervals) -> tuple[Lengths, Lengths]:
    """Lengths of the overlaps of two lists of disjoint units: those within a turn, and those between turns."""
    met = np.searchsorted(other[:, 1], one[:, 0], side="right")
    count = np.maximum(np.searchsorted(other[:, 0], one[:, 1], side="left") - met, 0)
    mine = np.repeat(np.arange(len(one)), count)
    theirs = np.arange(len(mine)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(met, count)
    a, b = one[mine], other[theirs]
    lengths = np.minimum(a[:, 1], b[:, 1]) - np.maximum(a[:, 0], b[:, 0])
    within = np.sign(a[:, 0] - b[:, 0]) * np.sign(a[:, 1] - b[:, 1]) <= 0  # one contains the other
    return lengths[within], lengths[~within]


@dataclass
class Durations:
    """Many durations in little memory: how many there are of each whole millisecond, and their exact sum.

    What is longer than 60 s counts as 60 s in quantiles.
    """

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_LONGEST_MS + 1, np.int64))
    total: int = 0
    """Samples."""

    def add(self, lengths: Lengths) -> None:
        ms = np.minimum((lengths + _MS // 2) // _MS, _LONGEST_MS)
        np.add.at(self.counts, ms, 1)
        self.total += int(lengths.sum())

    @property
    def n(self) -> int:
        """How many there are."""
        return int(self.counts.sum())

    def quantile(self, share: float) -> float | None:
        """Seconds; None without durations."""
        reached = np.cumsum(self.counts)
        return int(np.searchsorted(reached, share * reached[-1])) / 1000 if reached[-1] else None

    def figures(self, minutes: float) -> dict[str, Any]:
        """Seconds and count per minute, mean and quantiles in seconds."""
        n, seconds = self.n, self.total / RATE
        return {
            "seconds_per_minute": seconds / minutes if minutes else None,
            "count_per_minute": n / minutes if minutes else None,
            "count": n,
            "mean_s": seconds / n if n else None,
            "quantiles_s": quantiles(self.quantile),
        }


@dataclass
class Activity:
    """The sum of many dialogues."""

    units: tuple[Durations, Durations] = field(default_factory=lambda: (Durations(), Durations()))
    pauses: Durations = field(default_factory=Durations)
    gaps: Durations = field(default_factory=Durations)
    within: Durations = field(default_factory=Durations)
    between: Durations = field(default_factory=Durations)
    span: int = 0

    def add(self, found: Talk) -> None:
        for durations, units in zip(self.units, found.ipus, strict=True):
            durations.add(units[:, 1] - units[:, 0])
        for name in ("pauses", "gaps", "within", "between"):
            getattr(self, name).add(getattr(found, name))
        self.span += found.span

    @property
    def minutes(self) -> float:
        """Minutes from the first to the last speech of each dialogue: what lies outside is no conversation."""
        return self.span / RATE / 60

    def minutes_of(self, channel: int) -> float:
        """Minutes of speech of a channel (0 or 1)."""
        return self.units[channel].total / RATE / 60

    def figures(self) -> dict[str, Any]:
        """The card of dGSLM: per minute of conversation, IPUs (of both channels), pauses, gaps and overlaps."""
        units, overlaps = _joined(self.units), _joined((self.within, self.between))
        found = {"ipu": units, "pause": self.pauses, "gap": self.gaps, "overlap": overlaps}
        found |= {"overlap_within": self.within, "overlap_between": self.between}
        speaking = units.total - overlaps.total  # an overlap is one stretch of speech, not two
        return {
            "minutes": self.minutes,
            **{name: durations.figures(self.minutes) for name, durations in found.items()},
            "overlap_share_of_speech": overlaps.total / speaking if speaking else None,
            "within_share_of_overlap": self.within.total / overlaps.total if overlaps.total else None,
        }


def _joined(parts: Sequence[Durations]) -> Durations:
    return Durations(np.sum([part.counts for part in parts], axis=0), sum(part.total for part in parts))


def quantiles(quantile: Any) -> dict[str, float | None]:
    """The report's quantiles of a quantile function (share -> value), by their name: p10 to p90."""
    return {f"p{round(100 * share)}": quantile(share) for share in QUANTILES}
