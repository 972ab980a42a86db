"""Put each party's backchannels into the other's turns: after the words that a script names, where the other keeps the
floor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from turnmill.manifests.records import generator
from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.duplex.lengths import LONGEST_BACKCHANNEL, NEAR
from turnmill.synth.duplex.planning.placed import Placed, line_clip, reached_db
from turnmill.synth.duplex.planning.spoken import SpokenLine
from turnmill.synth.duplex.timeline import Clip, Event, TimedWord, Unplaced
from turnmill.synth.duplex.timing import Timing
from turnmill.synth.script.model import Backchannel, Script

AFTER_START = RATE // 2  # nobody nods before there is something to nod at
ANTICIPATED = RATE // 10  # by which one nods, or begins, before a clause has ended
_BEFORE_END = RATE * 3 // 10  # the other goes on: a token that outlasts it would be a turn
_BEFORE_BARGE_IN = RATE * 4 // 5
_APART = RATE * 3 // 5  # from the speaker's other speech
_TRIES = 4  # draws of the onset per place


@dataclass(frozen=True)
class PlacedBackchannel:
    """A backchannel's clip, label and words."""

    clip: Clip
    event: Event
    words: tuple[TimedWord, ...]


def place_backchannels(
    script: Script,
    lines: Mapping[str, SpokenLine],
    placed: list[Placed],
    busy: Mapping[int, list[tuple[int, int]]],
    timing: Timing,
    levels: Mapping[int, float],
    seed: int,
    unplaced: list[Unplaced],
) -> list[PlacedBackchannel]:
    """Place each backchannel of the script or say in `unplaced` why not. In the order of their start.

    `busy` is when the speakers of each channel already sound, `levels` in dBFS how loud their turns are.
    """
    texts = {line.id: line.text for line in script.lines}
    turns = {item.turn.index: item for item in placed}
    taken = {channel: list(spans) for channel, spans in busy.items()}
    found: list[PlacedBackchannel] = []
    for item in script.backchannels:
        kind = f"{item.speaker}_backchannel"
        spoken, target = lines.get(item.line), turns.get(item.target_turn)
        rng = generator(seed, script.id, f"timeline backchannel {item.line}")
        why = _unfit(spoken, target, timing)
        if spoken is None or target is None or why is not None:
            unplaced.append(Unplaced(kind, item.target_turn, why or "its turn was not taken"))
            continue
        mine = taken[ASSISTANT if item.speaker == "assistant" else USER]
        start = _start(target, item.after, spoken.length, mine, timing, rng)
        if start is None:
            unplaced.append(Unplaced(kind, item.target_turn, "no place for it in the other party's turn is free"))
            continue
        mine.append((start, start + spoken.length))
        found.append(_backchannel(item, texts[item.line], spoken, start, timing, levels, rng))
    return sorted(found, key=lambda item: item.event.start)


def _unfit(spoken: SpokenLine | None, target: Placed | None, timing: Timing) -> str | None:
    if spoken is None:
        return "it has no speech"
    if target is None:
        return "its turn was not taken"
    shortest, longest = timing.backchannel_s.low * RATE, min(timing.backchannel_s.high * RATE, LONGEST_BACKCHANNEL)
    if not shortest <= spoken.length <= longest:
        return f"its speech lasts {spoken.length / RATE:.2f} s"
    return None


def _start(
    target: Placed,
    after: Sequence[int],
    length: int,
    busy: list[tuple[int, int]],
    timing: Timing,
    rng: np.random.Generator,
) -> int | None:
    islands = [(target.start + start, target.start + end) for start, end in target.body.islands]
    words = target.body.words
    first, last = room(target, length)
    for count in after if words else ():
        point = target.start + words[min(count, len(words)) - 1].end
        for _ in range(_TRIES):
            start = point + round(timing.backchannel_onset.draw(rng) * RATE)
            near = any(start - NEAR < end and begin < start + NEAR for begin, end in islands)
            if max(first, point - ANTICIPATED) <= start <= last and near and is_free(start, length, busy):
                return start
    return None


def room(target: Placed, length: int) -> tuple[int, int]:
    """[first, last] sample at which `length` samples may start inside a turn that goes on before and after them; none
    where last is before first."""
    until = target.end - _BEFORE_END if target.cut is None else target.cut.onset - _BEFORE_BARGE_IN
    return target.start + AFTER_START, until - length


def is_free(start: int, length: int, busy: list[tuple[int, int]]) -> bool:
    """Whether `length` samples from `start` on are well apart from all that a channel has."""
    return all(end + _APART <= start or start + length + _APART <= begin for begin, end in busy)


def _backchannel(
    item: Backchannel,
    text: str,
    spoken: SpokenLine,
    start: int,
    timing: Timing,
    levels: Mapping[int, float],
    rng: np.random.Generator,
) -> PlacedBackchannel:
    channel = ASSISTANT if item.speaker == "assistant" else USER
    drawn = round(timing.backchannel_level_db.draw(rng), 2)
    clip = quieter(line_clip(item.line, spoken, channel, start, levels[channel]), drawn)
    level_db = round(drawn + reached_db(spoken, levels[channel]), 2)
    end, kind = start + spoken.length, f"{item.speaker}_backchannel"
    event = Event(kind, channel, start, end, None, item.target_turn, None, text, {"level_db": level_db})
    return PlacedBackchannel(clip, event, words_at(spoken, start))


def quieter(clip: Clip, level_db: float) -> Clip:
    """A clip with its gain changed."""
    return replace(clip, gain_db=round(clip.gain_db + level_db, 4))


def words_at(spoken: SpokenLine, start: int) -> tuple[TimedWord, ...]:
    """The words of a line whose speech starts at sample `start`."""
    shift = start - spoken.speech_start
    return tuple(TimedWord(w.text, w.start + shift, w.end + shift) for w in spoken.words)
