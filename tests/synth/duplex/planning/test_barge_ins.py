"""Where interruptions fall: both are heard, on speech, within what a script lets be heard; and what goes with one that
finds no room."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.synth.duplex.conftest import ASSISTANT_PRESET, QUIET, Spoken, bursts, text_dialogue
from turnmill.manifests.records import Intent
from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.distributions import LogNormal
from turnmill.synth.duplex.checking.check import check
from turnmill.synth.duplex.timeline import Event, Timeline, Turn
from turnmill.synth.duplex.timing import Timing
from turnmill.synth.script.model import BargeIn
from turnmill.synth.tokens import tokens

LONG = (
    "Well, this is a rather long answer, and it goes on for a while, so that there is room, I think, for you. "
    "After that there is more to say, which is about something else entirely."
)
SAYS = "No, that is not what I had asked you."
WORD = st.sampled_from(["a", "no,", "well", "perhaps", "today."])
NO_ROOM = "the assistant's words leave no place where both would be heard"


def talk(texts: list[str], intent: Intent = "follow_up", **bounds: int | None) -> Spoken:
    """A dialogue of those texts in which the third turn interrupts the second."""
    spoken = bursts(text_dialogue("d", texts), QUIET)
    return replace(spoken, script=replace(spoken.script, barge_ins=(BargeIn(2, 1, intent, **bounds),)))  # type: ignore[arg-type]


def placed(timeline: Timeline) -> tuple[Event, Turn] | None:
    """The barge-in of a timeline and the turn that it meets."""
    turns = {turn.index: turn for turn in timeline.turns}
    found = [event for event in timeline.events if event.kind == "barge_in"]
    return (found[0], turns[found[0].target_turn or 0]) if found else None


def heard_before(event: Event, target: Turn) -> int:
    return sum(word.end is not None and word.end <= event.start for word in target.words)


def both_s(spoken: Spoken, timeline: Timeline, event: Event) -> float:
    """Seconds in which both channels of the written audio sound, by the sample, from the onset to the stop."""
    audio, clean = (
        abs(stem) > 1e-3 for stem in (spoken.written(timeline).audio[ASSISTANT], spoken.written(timeline).clean)
    )
    near = np.ones(RATE // 50)  # zero crossings of a tone
    sounds = [np.convolve(stem[event.start : event.params["stop"]], near, "same") > 0 for stem in (audio, clean)]
    return float((sounds[0] & sounds[1]).sum() / RATE)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(["a", "no,", "well", "perhaps", "today."]), min_size=3, max_size=24), st.integers(0, 99)
)
def test_an_interruption_that_is_placed_is_audible_as_one(words: list[str], seed: int) -> None:
    spoken = talk(["Tell me.", " ".join(words), SAYS])
    timeline = spoken.plan(seed)
    if (found := placed(timeline)) is None:
        assert [item.kind for item in timeline.unplaced] == ["barge_in"]
        return
    event, target = found
    assert both_s(spoken, timeline, event) >= 0.3
    assert heard_before(event, target) >= 3
    line = spoken.material.lines[spoken.script.turns[1].lines[0]]
    at = event.start - target.start + line.speech_start
    assert any(start + RATE // 50 <= at <= end - RATE // 50 for start, end in line.islands)


def test_a_long_turn_always_has_room_and_places_differ() -> None:
    spoken = talk(["Tell me.", LONG, SAYS])
    found = [placed(spoken.plan(seed)) for seed in range(40)]
    assert all(found)
    assert len({item[0].start - item[1].start for item in found if item}) > 30
    assert Counter(item[0].params["onset"] for item in found if item).keys() == {"clause", "word"}


def test_of_a_clause_nothing_is_heard_or_more_than_a_word() -> None:
    spoken = talk(["Tell me.", LONG, SAYS])
    for seed in range(40):
        found = placed(spoken.plan(seed))
        assert found is not None
        *before, last = tokens(found[1].text_heard)
        assert last[-1] in ",." or before[-1][-1] not in ",."


def test_a_reaction_that_is_too_short_is_drawn_again_within_its_bounds() -> None:
    spoken = talk(["Tell me.", LONG, SAYS])
    law = LogNormal(median=0.2, sigma=0.2, low=0.16, high=0.6)
    timing = spoken_timing(reaction=law)
    for seed in range(20):
        found = placed(spoken.plan(seed, timing=timing))
        assert found is not None
        event = found[0]
        reaction = (event.params["stop"] - event.params["fade"] - event.start) / RATE
        assert 0.3 <= reaction <= 0.6


def spoken_timing(**changes: object) -> Timing:
    return ASSISTANT_PRESET.model_copy(update=changes)


@pytest.mark.parametrize(("said", "until"), [(0, 6), (5, 9), (8, 12), (12, None)])
def test_no_more_and_no_less_is_heard_than_the_script_lets(said: int, until: int | None) -> None:
    spoken, n = talk(["Tell me.", LONG, SAYS], "repeat", said=said, until=until), 0
    for seed in range(20):
        found = placed(spoken.plan(seed))
        if found is not None:
            n += 1
            event, target = found
            assert heard_before(event, target) >= max(said, 3)
            assert until is None or len(tokens(target.text_heard)) < until
            assert (event.params["said"], event.params["until"]) == (said, until)
    assert n >= 15


def test_bounds_that_leave_no_room_say_so() -> None:
    timeline = talk(["Tell me.", LONG, SAYS], "repeat", said=8, until=8).plan()
    assert [item.why for item in timeline.unplaced] == [NO_ROOM]


def test_a_cancel_may_come_after_one_word_and_nothing_else_may() -> None:
    timing = spoken_timing(barge_in_lead=0.0)
    before = {
        intent: min(
            heard_before(*found)
            for seed in range(20)
            if (found := placed(talk(["Tell me.", LONG, "stop that now"], intent, until=7).plan(seed, timing=timing)))
        )
        for intent in ("cancel", "affirm")
    }
    assert before["cancel"] < 3 <= before["affirm"]


def test_what_is_too_short_to_be_heard_beside_the_assistant_does_not_interrupt() -> None:
    timeline = talk(["Tell me.", LONG, "oh"], "cancel").plan()
    assert [item.why for item in timeline.unplaced] == [
        "the user's speech is too short to be heard beside the assistant's"
    ]


FOUR = ["Tell me.", "Yes, it is.", "What was that now?", "It is, I said.", "Good, and when was it?", "Last year."]


@pytest.mark.parametrize(("dropped", "left"), [(0, [0, 1, 2, 3, 4, 5]), (2, [0, 1, 4, 5]), (4, [0, 1])])
def test_turns_that_are_there_for_an_interruption_alone_go_with_it(dropped: int, left: list[int]) -> None:
    spoken = talk(FOUR, "clarify", turns=dropped)
    for seed in range(5):
        timeline = spoken.plan(seed)
        assert [turn.index for turn in timeline.turns] == left
        assert not any(turn.interrupted for turn in timeline.turns)
        assert [(item.kind, item.turn) for item in timeline.unplaced] == [("barge_in", 2)]
        gone = {line for turn in spoken.script.turns if turn.index not in left for line in turn.lines}
        assert not gone & {clip.line for clip in timeline.clips}
        written = spoken.written(timeline)
        assert check(written.sample, written.audio, written.clean).violations == ()


def test_what_falls_into_a_turn_that_went_goes_too_and_is_listed() -> None:
    texts = [*FOUR[:3], LONG, *FOUR[4:]]
    nods = QUIET.model_copy(update={"backchannels_per_minute": 16.0, "balance": 20.0, "barge_in": 0.01})
    spoken = bursts(text_dialogue("d", texts), nods, 4)
    falling = {item.target_turn for item in (*spoken.script.backchannels, *spoken.script.intrusions)}
    assert 3 in falling
    spoken = replace(spoken, script=replace(spoken.script, barge_ins=(BargeIn(2, 1, "repeat", turns=2),)))
    timeline = spoken.plan()
    assert [turn.index for turn in timeline.turns] == [0, 1, 4, 5]
    assert all(event.target_turn != 3 for event in timeline.events)
    assert {item.why for item in timeline.unplaced if item.turn == 3} == {"its turn was not taken"}
    assert all(event.channel in (ASSISTANT, USER) for event in timeline.events)


def test_a_misheard_answer_and_a_shortened_one_are_labelled() -> None:
    spoken = talk(["Tell me.", LONG, SAYS])
    turns = tuple(replace(turn, misheard=turn.index == 1, shortened=turn.index == 1) for turn in spoken.script.turns)
    spoken = replace(spoken, script=replace(spoken.script, turns=turns))
    sample = spoken.written(spoken.plan()).sample
    for label in ("misheard", "shortened"):
        assert [turn[label] for turn in sample["turns"]] == [False, True, False]
