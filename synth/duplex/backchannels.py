"""Put the user's backchannels into the assistant's turns: at pauses and clause ends, where the assistant keeps the
floor."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from manifests.records import generator
from synth.duplex import RATE, USER
from synth.duplex.placed import IPU_GAP, Placed, line_clip
from synth.duplex.spoken import SpokenLine
from synth.duplex.timeline import Clip, Event, TimedWord, Unplaced
from synth.duplex.timing import Timing
from synth.script import Script

LONGEST = RATE  # a backchannel is at most 1 s (`duplex.md` 1.2)
NEAR = RATE // 2  # and the assistant is active within 0.5 s of its start

_AFTER_START = RATE // 2  # nobody nods before there is something to nod at
_BEFORE_END = RATE * 3 // 10  # the assistant goes on: a token that outlasts it would be a turn
_BEFORE_BARGE_IN = RATE * 4 // 5
_APART = RATE * 3 // 5  # from the user's other speech
_TRIES = 4  # draws of the onset per pause


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
    timing: Timing,
    seed: int,
    unplaced: list[Unplaced],
) -> list[PlacedBackchannel]:
    """Place each backchannel of the script or say in `unplaced` why not. In the order of their start."""
    texts = {line.id: line.text for line in script.lines}
    turns = {item.turn.index: item for item in placed}
    busy = [(item.start, item.end) for item in placed if item.channel == USER]
    found: list[PlacedBackchannel] = []
    for item in script.backchannels:
        spoken, target = lines.get(item.line), turns[item.target_turn]
        rng = generator(seed, script.id, f"timeline backchannel {item.line}")
        if spoken is None or spoken.length > LONGEST:
            why = "it has no speech" if spoken is None else "its speech is longer than 1 s"
            unplaced.append(Unplaced("user_backchannel", item.target_turn, why))
            continue
        start = _start(target, spoken.length, busy, timing, rng)
        if start is None:
            why = "the assistant has no free pause or end of a clause"
            unplaced.append(Unplaced("user_backchannel", item.target_turn, why))
            continue
        busy.append((start, start + spoken.length))
        found.append(_backchannel(item.line, texts[item.line], spoken, target, start, timing, rng))
    return sorted(found, key=lambda item: item.event.start)


def _start(
    target: Placed, length: int, busy: list[tuple[int, int]], timing: Timing, rng: np.random.Generator
) -> int | None:
    islands = [(target.start + start, target.start + end) for start, end in target.body.islands]
    points = [target.start + w.end for w in target.body.words if w.text[-1] in ",.;:?!"]
    points += [end for (_, end), (start, _) in pairwise(islands) if start - end >= IPU_GAP]
    first = target.start + _AFTER_START
    last = (target.end - _BEFORE_END if target.cut is None else target.cut.onset - _BEFORE_BARGE_IN) - length
    for point in rng.permutation(sorted(set(points))):
        for _ in range(_TRIES):
            start = int(point) + round(timing.backchannel_onset.draw(rng) * RATE)
            near = any(start - NEAR < end and begin < start + NEAR for begin, end in islands)
            free = all(end + _APART <= start or start + length + _APART <= begin for begin, end in busy)
            if first <= start <= last and near and free:
                return start
    return None


def _backchannel(
    line: str,
    text: str,
    spoken: SpokenLine,
    target: Placed,
    start: int,
    timing: Timing,
    rng: np.random.Generator,
) -> PlacedBackchannel:
    level_db = round(timing.backchannel_level_db.draw(rng), 2)
    clip = line_clip(line, spoken, USER, start, timing.level_dbfs)
    params = {"level_db": level_db}
    event = Event("user_backchannel", USER, start, start + spoken.length, None, target.turn.index, None, text, params)
    shift = start - spoken.speech_start
    words = tuple(TimedWord(w.text, w.start + shift, w.end + shift) for w in spoken.words)
    return PlacedBackchannel(replace(clip, gain_db=round(clip.gain_db + level_db, 4)), event, words)
