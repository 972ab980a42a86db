"""Where the user interrupts: of all places at which an interruption is audible as one (`synth.duplex.audible`) and
what is heard by then is enough, one is drawn together with the assistant's reaction, each place as likely as a reaction
that suits it is."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from turnmill.synth.channels import RATE
from turnmill.synth.duplex.audible import BOTH_VOICES, IN_SPEECH, common, words_before
from turnmill.synth.duplex.planning.placed import Body, Cut, Placed
from turnmill.synth.duplex.timing import Timing
from turnmill.synth.script.model import BargeIn
from turnmill.synth.tokens import CLAUSE_END, places, tokens

_SURE = RATE // 25  # beyond the bounds: what is measured on the written audio goes by frames of 10 ms
_STEP = RATE // 100  # from one place to the next
_ANTICIPATED = RATE // 10  # people begin before a clause has ended
_LEFT = RATE // 50  # of the assistant's speech after the stop

Relies = Callable[[str], bool]
"""Whether a later turn relies on what is not said where this text alone is heard."""


@dataclass(frozen=True)
class Interrupted:
    """The assistant's turn as it is cut, and on what the user begins: the end of a clause, or any word."""

    stopped: Placed
    onset: str


@dataclass(frozen=True)
class _Place:
    """A sample of the channel at which the user may begin, and the shortest and longest reaction from there on."""

    onset: int
    low: int
    high: int


def interrupt(
    target: Placed,
    body: Body,
    barge_in: BargeIn,
    free_from: int,
    relies: Relies,
    timing: Timing,
    rng: np.random.Generator,
) -> Interrupted | str:
    """Cut the assistant's turn `target` where the user, who is free from a sample on, interrupts it with `body`; or
    one sentence that says why there is no room for that."""
    if why := _unfit(target, body, barge_in):
        return why
    earliest = max(target.start + round(timing.barge_in_lead * RATE), _said(target, barge_in), free_from)
    latest = target.end - round(timing.barge_in_remaining * RATE)
    if latest < earliest:
        return "the assistant's turn is too short to be interrupted"
    fade = round(timing.fade.draw(rng) * RATE)
    first = _first_cut(target, lambda heard: not relies(heard))
    last = min(_first_cut(target, lambda heard: _too_much(target, barge_in, heard)) - 1, target.end - fade - _LEFT)
    places_of = partial(_places, target, body, (earliest, latest), timing=timing)
    found = [place for cuts in _whole(target, first, last) for place in places_of(cuts)] or places_of((first, last))
    if not found and places_of((target.start, last)):
        return "a later turn relies on what would not have been said"
    if not found:
        return "the assistant's words leave no place where both would be heard"
    at_clause, chosen = _by_onset(target, found, timing, rng)
    place = _drawn(chosen, timing, rng)
    reaction = timing.reaction.draw_within(place.low / RATE, place.high / RATE, rng)
    fade_from = place.onset + min(max(round(reaction * RATE), place.low), place.high)
    stopped = replace(target, cut=Cut(place.onset, fade_from, fade_from + fade))
    return Interrupted(stopped, "clause" if at_clause else "word")


def _unfit(target: Placed, body: Body, barge_in: BargeIn) -> str | None:
    """Why there is no place wherever it is looked for."""
    if len(body.words) < 3 and body.length < 0.8 * RATE and barge_in.intent != "cancel":
        return "the turn is too short to take the floor"
    if sum(end - start for start, end in body.islands) < BOTH_VOICES + _SURE:
        return "the user's speech is too short to be heard beside the assistant's"
    return None if target.body.words else "the assistant's speech has no word times"


def _said(target: Placed, barge_in: BargeIn) -> int:
    """The sample by which all is heard that has to be heard first."""
    words = target.body.words
    where = places([word.text for word in words], tokens(target.body.text))
    count = max(words_before(barge_in.intent), bisect_left(where, barge_in.said - 1) + 1)
    return target.start + (words[count - 1].end if count <= len(words) else target.body.length)


def _too_much(target: Placed, barge_in: BargeIn, heard: str) -> bool:
    """Whether more is heard than may be."""
    return heard == target.body.text or (barge_in.until is not None and len(tokens(heard)) >= barge_in.until)


def _first_cut(target: Placed, holds: Callable[[str], bool]) -> int:
    """The first sample of the target's speech at which a fade may begin so that something holds of what is heard then,
    where it holds of all that is longer; its end where it never does."""

    def holds_at(at: int) -> bool:
        return holds(replace(target, cut=Cut(at, at, at + 1)).text_heard())

    return bisect_left(range(target.end), True, lo=target.start + 1, key=holds_at)


def _whole(target: Placed, first: int, last: int) -> list[tuple[int, int]]:
    """Where a fade may begin from one sample to another, [first, last], so that of a clause either nothing is heard or
    more than a word, which would tell nothing."""
    words, found, at = target.body.words, [], first
    for before, word, after in zip(words, words[1:], [*words[2:], None], strict=False):
        if before.text[-1] in CLAUSE_END and word.text[-1] not in CLAUSE_END:
            until = target.start + (after.end if after else target.body.length)
            found.append((at, min(target.start + word.end - 1, last)))
            at = max(at, until)
    return [(low, high) for low, high in (*found, (at, last)) if low <= high]


def _places(target: Placed, body: Body, onsets: tuple[int, int], cuts: tuple[int, int], timing: Timing) -> list[_Place]:
    """All places within bounds (first and last sample) of the onset and of where the fade begins."""
    quickest, slowest = round(timing.reaction.low * RATE), round(timing.reaction.high * RATE)
    voices = [span for span in body.islands if span[0] <= slowest]
    islands = [(target.start + start, target.start + end) for start, end in target.body.islands]
    edge, found = IN_SPEECH + _SURE, []
    onsets = max(onsets[0], cuts[0] - slowest), min(onsets[1], cuts[1] - quickest)
    for number, (start, end) in enumerate(islands):
        near = [span for span in islands[number:] if span[0] <= end + slowest]
        for onset in range(max(start + edge, onsets[0]), min(end - edge, onsets[1]) + 1, _STEP):
            heard_by = _both_heard(near, [(onset + first, onset + last) for first, last in voices])
            low, high = max(heard_by - onset, cuts[0] - onset, quickest), min(cuts[1] - onset, slowest)
            if low <= high:
                found.append(_Place(onset, low, high))
    return found


def _both_heard(assistant: Sequence[tuple[int, int]], user: Sequence[tuple[int, int]]) -> int:
    """The sample by which both have sounded for long enough; far away where they never have."""
    left = BOTH_VOICES + _SURE
    for start, end in common(user, assistant):
        if end - start >= left:
            return start + left
        left -= end - start
    return 2**62


def _by_onset(
    target: Placed, found: Sequence[_Place], timing: Timing, rng: np.random.Generator
) -> tuple[bool, Sequence[_Place]]:
    """Whether the user begins at the end of a clause, up to the first word of the next, and the places for what it
    is."""
    words = [*target.body.words, None]
    spans = [
        (target.start + word.end - _ANTICIPATED, target.start + (following.end if following else word.end))
        for word, following in pairwise(words)
        if word and word.text[-1] in CLAUSE_END
    ]
    kinds: dict[bool, list[_Place]] = {True: [], False: []}
    for place in found:
        kinds[any(first <= place.onset <= last for first, last in spans)].append(place)
    at_clause = bool(kinds[True]) and (not kinds[False] or rng.random() < timing.p_clause)
    return at_clause, kinds[at_clause]


def _drawn(found: Sequence[_Place], timing: Timing, rng: np.random.Generator) -> _Place:
    shares = np.array([timing.reaction.share(place.low / RATE, place.high / RATE) for place in found])
    total = shares.sum()
    return found[int(rng.choice(len(found), p=shares / total if total > 0 else None))]
