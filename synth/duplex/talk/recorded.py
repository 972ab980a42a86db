"""Turns, words and events of recorded talk, from where each channel speaks and what was heard on it: a pure function.

Who has the floor is told by timing (`floor`), as for `turnmill fit`; words only tell of which kind an event is. A turn
is what one party says until the other takes the floor, or neither says anything for more than 3 s. All speech is in one
turn or in one event, and where the channels change places, so do the labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from turnmill.synth.channels import RATE
from turnmill.synth.duplex.lengths import COOPERATIVE, LONGEST_BACKCHANNEL
from turnmill.synth.duplex.talk.floor import Floor, Unit, floor
from turnmill.synth.duplex.talk.turn_taking import Intervals
from turnmill.synth.duplex.timeline import ChannelWord, Event, Speaker, TimedWord, Turn
from turnmill.synth.phrases import Phrases
from turnmill.synth.tokens import CLAUSE_END, SENTENCE_END, ends_with, joined

LONGEST_SILENCE: Final = 3 * RATE
"""A pause inside a turn has 0.2 to 3 s (docs/turn-taking.md)."""

LATEST_YIELD: Final = RATE * 3 // 2
"""Who goes on for longer than 1.5 s after the other's start has not yielded to it (docs/turn-taking.md)."""

_BRIEF: Final = 2
"""Words that a backchannel may have, whatever they are: recognisers write "a home" for "uh-huh"."""
_LEAST_WORD: Final = RATE // 50

_SPEAKERS: Final[tuple[Speaker, Speaker]] = ("assistant", "user")

Words = tuple[Sequence[TimedWord], Sequence[TimedWord]]
"""What was heard on each channel, in the order of its start."""


@dataclass(frozen=True)
class Recorded:
    """The labels of a recorded dialogue, as those of a `Timeline`."""

    dialogue: str
    turns: tuple[Turn, ...]
    events: tuple[Event, ...]
    words: tuple[tuple[ChannelWord, ...], tuple[ChannelWord, ...]]


@dataclass
class _Said:
    """The IPUs of a turn, or of an aside, in order, and the words that were heard in them."""

    units: list[Unit]
    words: list[TimedWord] = field(default_factory=list)

    @property
    def start(self) -> int:
        return self.units[0].start

    @property
    def end(self) -> int:
        return self.units[-1].end

    @property
    def channel(self) -> int:
        return self.units[0].channel

    @property
    def text(self) -> str:
        return joined([word.text for word in self.words])

    @property
    def breaks_off(self) -> bool:
        """Whether the last word ends no sentence."""
        return bool(self.words) and not _ends(self.words[-1], SENTENCE_END)


def _ends(word: TimedWord, marks: frozenset[str]) -> bool:
    return ends_with(word.text, marks) and not word.text.endswith(("...", "…"))


def recorded(
    dialogue: str, speech: tuple[Intervals, Intervals], words: Words | None, phrases: Phrases | None
) -> Recorded:
    """The labels of talk between the assistant, channel 0, and the user, channel 1: `speech` of each is int64 [n, 2] of
    [start, end) in samples at 24 kHz, in any order.

    `words`: None where nobody was asked what is said. Then turns have no text, and no event is told by it: an aside of
    up to 1 s is a backchannel, and an overlap no interruption. `phrases`: those of the language, by which a backchannel
    is told by its words; None: by its length alone. A word belongs to the IPU of its channel that is nearest to it.
    """
    found = floor(speech)
    said = _heard(words, [*(unit for claim in found.claims for unit in claim), *found.asides])
    turns, asides = _parted(found, said if words is not None else {}, phrases)
    for each in (*turns, *asides):
        each.words = _fitted([word for unit in each.units for word in said[unit]], each.start, each.end)
    heard = words is not None
    starts = [_start(n, before, turn) for n, (before, turn) in enumerate(pairwise(turns), 1)]
    met = {event.target_turn for event in starts if event.kind == "barge_in"}
    labelled = tuple(_turn(n, turn, turns[n - 1] if n else None, n in met, heard) for n, turn in enumerate(turns))
    events = [*starts, *(_aside(aside, turns, phrases if heard else None, heard) for aside in asides)]
    for n, turn in enumerate(turns if heard else ()):
        events += _hesitations(n, turn, phrases)
    return Recorded(
        dialogue,
        labelled,
        tuple(sorted(events, key=lambda event: (event.start, event.channel, event.end, event.kind))),
        (_channel_words(0, turns, asides), _channel_words(1, turns, asides)),
    )


def _heard(words: Words | None, units: Sequence[Unit]) -> Mapping[Unit, list[TimedWord]]:
    """The words of each IPU: those of its channel that are nearest to it."""
    found: dict[Unit, list[TimedWord]] = {unit: [] for unit in units}
    for channel, heard in enumerate(words or ()):
        mine = [unit for unit in units if unit.channel == channel]
        for word in heard if mine else ():
            start, end = word.start or 0, word.end or 0
            found[min(mine, key=lambda unit: max(unit.start - end, start - unit.end))].append(word)
    return found


def _parted(
    found: Floor, said: Mapping[Unit, list[TimedWord]], phrases: Phrases | None
) -> tuple[list[_Said], list[_Said]]:
    """The turns, and what is said beside the floor outside of its speaker's own turns. What timing leaves open is a
    backchannel where its words are."""
    nods = {claim for claim in found.enclosed if phrases is not None and _nods(said.get(claim[0]), phrases)}
    turns: list[_Said] = []
    for claim in found.claims:
        last = turns[-1] if turns else None
        if claim in nods:
            continue
        if last is not None and last.channel == claim[0].channel and claim[0].start - last.end <= LONGEST_SILENCE:
            last.units += claim
        else:
            turns.append(_Said([*claim]))
    asides = []
    for unit in sorted([*found.asides, *(claim[0] for claim in nods)]):
        own = next((turn for turn in turns if turn.channel == unit.channel and _covers(turn, unit)), None)
        if own is None:
            asides.append(_Said([unit]))
        else:
            own.units = sorted([*own.units, unit])
    return turns, asides


def _covers(turn: _Said, unit: Unit) -> bool:
    return turn.start < unit.start and unit.end < turn.end


def _nods(words: Sequence[TimedWord] | None, phrases: Phrases) -> bool:
    """Whether words are a listener's, or none were heard, for recognisers leave such sounds out; not where nobody was
    asked."""
    return words is not None and (not words or phrases.nods.is_nod(joined([word.text for word in words])))


def _fitted(words: Sequence[TimedWord], start: int, end: int) -> list[TimedWord]:
    """The same in order within [start, end), none shorter than 20 ms or its share of the whole."""
    least = max(min(_LEAST_WORD, (end - start) // max(len(words), 1)), 1)
    ordered, floor_ = [], start
    for word in words:
        first = max(word.start or 0, floor_)
        floor_ = max(word.end or 0, first + least)
        ordered.append((word.text, first, floor_))
    found, ceiling = [], end
    for text, first, last in reversed(ordered):
        last = min(last, ceiling)
        ceiling = max(min(first, last - least), start)
        found.append(TimedWord(text, ceiling, last))
    return found[::-1]


def _turn(index: int, turn: _Said, before: _Said | None, interrupted: bool, heard: bool) -> Turn:
    return Turn(
        index=index,
        speaker=_SPEAKERS[turn.channel],
        channel=turn.channel,
        start=turn.start,
        end=turn.end,
        text=None,
        text_heard=turn.text if heard else None,
        voice=None,
        emotion=None,
        style=None,
        interrupted=interrupted,
        misheard=None,
        shortened=None,
        borrowed=None,
        fto=None if before is None or before.channel == turn.channel else turn.start - before.end,
        words=tuple(turn.words),
    )


def _start(index: int, before: _Said, turn: _Said) -> Event:
    """How turn `index` begins after the one before it."""
    overlap = before.end - turn.start
    if overlap <= 0:
        kind = "silence_timeout" if before.channel == turn.channel else "turn_shift"
        return Event(kind, turn.channel, before.end, max(turn.start, before.end + 1), index, index - 1, None, None, {})
    if before.breaks_off and overlap <= LATEST_YIELD:
        stop: dict[str, Any] = {"stop": before.end}
        return Event("barge_in", turn.channel, turn.start, turn.end, index, index - 1, overlap, turn.text, stop)
    last = turn.start >= before.units[-1].start and overlap < COOPERATIVE
    kind = "cooperative_overlap" if last else "long_overlap"
    return Event(kind, turn.channel, turn.start, min(before.end, turn.end), index, index - 1, None, None, {})


def _aside(aside: _Said, turns: Sequence[_Said], phrases: Phrases | None, heard: bool) -> Event:
    """What is said while the other party keeps the floor: a backchannel, or a start that is given up."""
    brief = len(aside.words) <= _BRIEF or phrases is None or phrases.nods.is_nod(aside.text)
    short = aside.end - aside.start <= LONGEST_BACKCHANNEL
    kind = f"{_SPEAKERS[aside.channel]}_backchannel" if short and brief else "failed_barge_in"
    met = [n for n, turn in enumerate(turns) if turn.channel != aside.channel and turn.start <= aside.start]
    text = aside.text if heard else None
    return Event(kind, aside.channel, aside.start, aside.end, None, met[-1] if met else None, None, text, {})


def _hesitations(index: int, turn: _Said, phrases: Phrases | None) -> list[Event]:
    """Silences inside a turn that end no clause."""
    found = []
    for before, unit in pairwise(turn.units):
        last = next((word for word in reversed(turn.words) if (word.start or 0) < before.end), None)
        if last is not None and not _ends(last, CLAUSE_END):
            plain = last.text.strip(".,!?-… ").lower()
            filler = last.text if phrases is not None and plain in phrases.stock("filler") else None
            params = {"filler": filler}
            found.append(Event("hesitation", turn.channel, before.end, unit.start, index, None, None, filler, params))
    return found


def _channel_words(channel: int, turns: Sequence[_Said], asides: Sequence[_Said]) -> tuple[ChannelWord, ...]:
    """The words of a channel in the order of their start."""
    said = [*enumerate(turns), *((None, aside) for aside in asides)]
    words = [ChannelWord(word, n) for n, each in said if each.channel == channel for word in each.words]
    return tuple(sorted(words, key=lambda item: (item.word.start or 0, item.word.end or 0)))
