"""What sounds on the user's channel while the assistant keeps the floor: barge-ins that fail, noises, coughs, and talk
that is not meant for it. All are placed on the assistant's words, never on the clock."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from turnmill.manifests.records import generator
from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.duplex.lengths import LONGEST_ATTEMPT, PRE
from turnmill.synth.duplex.planning.backchannels import AFTER_START, ANTICIPATED, is_free, quieter, room, words_at
from turnmill.synth.duplex.planning.placed import Body, Piece, Placed, line_clip, reached_db
from turnmill.synth.duplex.planning.spoken import SpokenLine
from turnmill.synth.duplex.timeline import Clip, Event, TimedWord, Unplaced
from turnmill.synth.duplex.timing import Timing
from turnmill.synth.script.model import Intrusion, Script, ScriptLine

_SOON = RATE // 5  # from the end of a clause, by when one has begun who waited for it
_TRIES = 8


@dataclass(frozen=True)
class PlacedIntrusion:
    """An intrusion's clip and label. `words` are those said to the assistant; `beside` is where it sounds: on the
    user's delivered channel alone, or on the clean stem too."""

    clip: Clip
    event: Event
    words: tuple[TimedWord, ...]
    beside: bool


def hold(
    target: Placed,
    item: Intrusion,
    line: ScriptLine,
    spoken: SpokenLine,
    earliest: int,
    timing: Timing,
    levels: Mapping[int, float],
    rng: np.random.Generator,
) -> tuple[Placed, PlacedIntrusion] | None:
    """Have the assistant stop at the first pause between words within its reaction time after a failed barge-in, and
    go on when the user is silent again; None where its words leave no room for that, or the user, who is free from
    sample `earliest` on, would talk too long. `levels` in dBFS are how loud the turns of each channel are.
    """
    first = max(target.start + max(round(timing.barge_in_lead * RATE), AFTER_START), earliest)
    last = target.end - round(timing.barge_in_remaining * RATE)
    pauses = _pauses(target)
    if not pauses or last <= first or spoken.length > LONGEST_ATTEMPT:
        return None
    quickest = round(timing.reaction.low * RATE)
    points = _points(target, item)
    possible = [
        (stop, go_on)
        for stop, go_on in pauses
        if first <= stop - quickest and stop <= last and any(stop - PRE <= point <= go_on + PRE for point in points)
    ]
    if not possible:
        return None
    stop, go_on = possible[int(rng.integers(len(possible)))]
    reaction = round(timing.reaction.draw(rng) * RATE)
    start = min(max(stop - min(reaction, max(ANTICIPATED, quickest)), first), stop - quickest)
    silence = round(timing.resume_after.draw(rng) * RATE)
    resume = max(start + spoken.length, stop) + silence
    held = replace(target, body=_parted(target.body, stop - target.start, go_on - target.start, resume - target.start))
    clip = next(c for c in held.clips(levels[ASSISTANT]) if c.end > stop)
    return held, _intrusion(item, line, spoken, start, (clip.end, resume), timing, levels[USER], rng)


def place_intrusions(
    script: Script,
    lines: Mapping[str, SpokenLine],
    placed: list[Placed],
    held: Mapping[str, PlacedIntrusion],
    timing: Timing,
    levels: Mapping[int, float],
    seed: int,
    unplaced: list[Unplaced],
) -> list[PlacedIntrusion]:
    """Place each intrusion of the script or say in `unplaced` why not; `held` are those that `hold` placed, by line.

    `levels` in dBFS are how loud the turns of each channel are."""
    turns = {item.turn.index: item for item in placed}
    busy = [(item.start, item.silent_from) for item in placed if item.channel == USER]
    busy += [(item.event.start, item.event.end) for item in held.values()]
    found = list(held.values())
    texts = {line.id: line for line in script.lines}
    for number, item in enumerate(script.intrusions):
        if item.line in held:
            continue
        spoken, target = lines.get(item.line), turns.get(item.target_turn)
        why = _unfit(item, spoken, target)
        if spoken is None or target is None or why is not None:
            unplaced.append(Unplaced(item.kind, item.target_turn, why or ""))
            continue
        rng = generator(seed, script.id, f"timeline intrusion {number}")
        start = _start(target, item, spoken.length, busy, rng)
        if start is None:
            unplaced.append(Unplaced(item.kind, item.target_turn, "the assistant's turn has no room for it"))
            continue
        busy.append((start, start + spoken.length))
        found.append(_intrusion(item, texts.get(item.line), spoken, start, None, timing, levels[USER], rng))
    return found


def _unfit(item: Intrusion, spoken: SpokenLine | None, target: Placed | None) -> str | None:
    if spoken is None:
        return "it has no sound"
    if target is None:
        return "its turn was not taken"
    long = item.kind == "failed_barge_in" and spoken.length > LONGEST_ATTEMPT
    return f"its speech lasts {spoken.length / RATE:.2f} s" if long else None


def _start(
    target: Placed, item: Intrusion, length: int, busy: list[tuple[int, int]], rng: np.random.Generator
) -> int | None:
    """A sample of the assistant's speech from which `length` samples of the user's channel are free, while the
    assistant goes on; near the end of a clause where the script says so."""
    first, last = room(target, length)
    spans = [(max(target.start + s, first), min(target.start + e - 1, last)) for s, e in target.body.islands]
    if item.after is not None:
        near = [(point - ANTICIPATED, point + _SOON) for point in _points(target, item)]
        spans = [(max(s, begin), min(e, end)) for s, e in spans for begin, end in near]
    spans = [(s, e) for s, e in spans if s <= e]
    if not spans:
        return None
    weights = np.array([e - s + 1 for s, e in spans], np.float64)
    for _ in range(_TRIES):
        begin, end = spans[int(rng.choice(len(spans), p=weights / weights.sum()))]
        start = int(rng.integers(begin, end + 1))
        if is_free(start, length, busy):
            return start
    return None


def _points(target: Placed, item: Intrusion) -> list[int]:
    """The samples at which the words end after which the script has the user begin; of an intrusion that it puts
    anywhere, the ends of all words."""
    words = target.body.words
    counts = range(1, len(words) + 1) if item.after is None else (min(count, len(words)) for count in item.after)
    return [target.start + words[count - 1].end for count in counts] if words else []


def _intrusion(
    item: Intrusion,
    line: ScriptLine | None,
    spoken: SpokenLine,
    start: int,
    held: tuple[int, int] | None,
    timing: Timing,
    level_dbfs: float,
    rng: np.random.Generator,
) -> PlacedIntrusion:
    levels = {
        "failed_barge_in": timing.failed_barge_in_level_db,
        "side_talk": timing.beside_level_db,
        "third_party": timing.beside_level_db,
    }
    drawn = round(levels.get(item.kind, timing.sound_level_db).draw(rng), 2)
    clip = quieter(line_clip(item.line, spoken, USER, start, level_dbfs), drawn)
    level_db = round(drawn + reached_db(spoken, level_dbfs), 2)
    beside, params = item.kind != "failed_barge_in", dict[str, object]()
    if not beside:
        stop, resume = held or (None, None)
        params = {"resumed": held is not None, "stop": stop, "resume": resume}
    elif line is not None:
        params = {"voice": line.voice}
    else:
        params = {"sound": item.sound}
    end, text = start + spoken.length, line.text if line else None
    event = Event(item.kind, USER, start, end, None, item.target_turn, None, text, {**params, "level_db": level_db})
    return PlacedIntrusion(clip, event, () if beside else words_at(spoken, start), beside)


def _pauses(target: Placed) -> list[tuple[int, int]]:
    """Silences (stop, start) between two words of a turn, as samples of the channel."""
    islands, words = target.body.islands, target.body.words
    found = []
    for (_, stop), (begin, _) in pairwise(islands):
        between = any(one.end <= stop + PRE and other.start >= begin - PRE for one, other in pairwise(words))
        if between:
            found.append((target.start + stop, target.start + begin))
    return found


def _parted(body: Body, stop: int, go_on: int, resume: int) -> Body:
    """A turn that falls silent at `stop` and says what it had from `go_on` on at `resume`, in samples of its speech."""
    pieces: list[Piece] = []
    for piece in body.pieces:
        begin, end = piece.offset, piece.offset + piece.last - piece.first
        if end <= stop:
            pieces.append(piece)
        elif begin >= go_on:
            pieces.append(replace(piece, offset=piece.offset + resume - go_on))
        else:
            pieces.append(replace(piece, last=piece.first + stop - begin))
            pieces.append(replace(piece, first=piece.first + go_on - begin, offset=resume))
    return replace(body, pieces=tuple(pieces))
