"""Turns, words and events of recorded talk, from where each channel speaks and what was heard on it: a pure function.

Who has the floor is told by timing (`floor`), as for `turnmill fit`; words only tell of which kind an event is. A turn
is what one party says until the other takes the floor, or neither says anything for more than 3 s. All speech is in one
turn or in one event, and where the channels change places, so do the labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from turnmill.synth.channels import RATE
from turnmill.synth.duplex.lengths import COOPERATIVE, LONGEST_BACKCHANNEL
from turnmill.synth.duplex.talk.floor import Floor, Unit, floor
from turnmill.synth.duplex.talk.turn_taking import Intervals
from turnmill.synth.duplex.timeline import ChannelWord, Event, Speaker, TimedWord, Turn
from turnmill.synth.phrases import Phrases
from turnmill.synth.tokens import SENTENCE_END, ends_with, joined

LONGEST_SILENCE: Final = 3 * RATE
"""A pause inside a turn has 0.2 to 3 s (docs/turn-taking.md)."""

LATEST_YIELD: Final = RATE * 3 // 2
"""Who goes on for longer than 1.5 s after the other's start has not yielded to it (docs/turn-taking.md)."""

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
    def ends_sentence(self) -> bool:
        return not self.words or ends_with(self.words[-1].text, SENTENCE_END)


def recorded(
    dialogue: str, speech: tuple[Intervals, Intervals], words: Words | None, phrases: Phrases | None
) -> Recorded:
    """The labels of talk between the assistant, channel 0, and the user, channel 1: `speech` of each is int64 [n, 2] of
    [start, end) in samples at 24 kHz, in any order.

    `words`: None where nobody was asked what is said. Then turns have no text, and no event is told by it: an aside of
    up to 1 s is a backchannel, and an overlap no interruption. `phrases`: those of the language, by which a backchannel
    is told by its words; None: by its length alone. A word belongs to the IPU of its channel that is nearest to it.
    """
    turns, asides = _parted(floor(speech))
    _place(words, [*turns, *asides])
    heard = words is not None
    starts = [_start(n, before, turn, heard) for n, (before, turn) in enumerate(pairwise(turns), 1)]
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


def _parted(found: Floor) -> tuple[list[_Said], list[_Said]]:
    """The turns, and what is said beside the floor outside of its speaker's own turns."""
    turns: list[_Said] = []
    for unit in found.claims:
        last = turns[-1] if turns else None
        if last is not None and last.channel == unit.channel and unit.start - last.end <= LONGEST_SILENCE:
            last.units.append(unit)
        else:
            turns.append(_Said([unit]))
    asides = []
    for unit in found.asides:
        own = next((turn for turn in turns if turn.channel == unit.channel and _covers(turn, unit)), None)
        if own is None:
            asides.append(_Said([unit]))
        else:
            own.units = sorted([*own.units, unit])
    return turns, asides


def _covers(turn: _Said, unit: Unit) -> bool:
    return turn.start < unit.start and unit.end < turn.end


def _place(words: Words | None, said: Sequence[_Said]) -> None:
    """Give each word to what was said on its channel nearest to it, within its bounds."""
    for channel, heard in enumerate(words or ()):
        units = [(unit, each) for each in said if each.channel == channel for unit in each.units]
        for word in heard if units else ():
            start, end = word.start or 0, word.end or 0
            _, nearest = min(units, key=lambda one: max(one[0].start - end, start - one[0].end))
            first = min(max(start, nearest.start), nearest.end - 1)
            nearest.words.append(TimedWord(word.text, first, max(first + 1, min(end, nearest.end))))


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


def _start(index: int, before: _Said, turn: _Said, heard: bool) -> Event:
    """How turn `index` begins after the one before it."""
    overlap = before.end - turn.start
    if overlap <= 0:
        kind = "silence_timeout" if before.channel == turn.channel else "turn_shift"
        return Event(kind, turn.channel, before.end, max(turn.start, before.end + 1), index, index - 1, None, None, {})
    if heard and not before.ends_sentence and overlap <= LATEST_YIELD:
        stop: dict[str, Any] = {"stop": before.end}
        return Event("barge_in", turn.channel, turn.start, turn.end, index, index - 1, overlap, turn.text, stop)
    last = turn.start >= before.units[-1].start and overlap < COOPERATIVE
    kind = "cooperative_overlap" if last else "long_overlap"
    return Event(kind, turn.channel, turn.start, min(before.end, turn.end), index, index - 1, None, None, {})


def _aside(aside: _Said, turns: Sequence[_Said], phrases: Phrases | None, heard: bool) -> Event:
    """What is said while the other party keeps the floor: a backchannel, or a start that is given up."""
    nods = not aside.words or phrases is None or phrases.nods.is_nod(aside.text)
    short = aside.end - aside.start <= LONGEST_BACKCHANNEL
    kind = f"{_SPEAKERS[aside.channel]}_backchannel" if short and nods else "failed_barge_in"
    met = [n for n, turn in enumerate(turns) if turn.channel != aside.channel and turn.start <= aside.start]
    text = aside.text if heard else None
    return Event(kind, aside.channel, aside.start, aside.end, None, met[-1] if met else None, None, text, {})


def _hesitations(index: int, turn: _Said, phrases: Phrases | None) -> list[Event]:
    """Silences inside a turn that end no sentence."""
    found = []
    for before, unit in pairwise(turn.units):
        last = next((word for word in reversed(turn.words) if (word.start or 0) < before.end), None)
        if last is not None and not ends_with(last.text, SENTENCE_END):
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
