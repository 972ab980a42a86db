"""Timelines: what must hold in every one, whatever the text, the seed and the timing."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.synth.duplex.conftest import (
    ASSISTANT_PRESET,
    QUIET,
    Spoken,
    anything,
    bursts,
    dry,
    only,
    text_dialogue,
    white,
)
from turnmill.manifests.records import Reason, Reject
from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.distributions import LogNormal, Uniform
from turnmill.synth.duplex.checking.check import check
from turnmill.synth.duplex.checking.sample import BESIDE
from turnmill.synth.duplex.planning.planner import plan_timeline
from turnmill.synth.duplex.timeline import Timeline
from turnmill.synth.duplex.timing import FloorTransfer
from turnmill.synth.script import Interaction, IntrusionMix
from turnmill.synth.script.model import BargeIn
from turnmill.synth.tokens import tokens

WORD = st.sampled_from(["a", "no", "and", "well,", "going", "perhaps", "today.", "is", "it"])
WORDS = st.lists(WORD, min_size=1, max_size=14)
TURNS = st.lists(WORDS.map(" ".join), min_size=2, max_size=6)
CHANCE = st.floats(0, 1)
INTERACTIONS = st.builds(
    Interaction,
    barge_in=CHANCE,
    backchannels_per_minute=st.floats(0, 16),
    assistant_backchannels_per_minute=st.floats(0, 16),
    balance=st.floats(0, 8),
    resume=CHANCE,
    hesitation=CHANCE,
    filler=CHANCE,
    silence_timeout=CHANCE,
)
LONG = (
    "Well, this is a rather long answer. It goes on for a while, so that there is room, I think, for you. More of it "
    "is still to come."
)
STEADY = LogNormal(median=0.3, sigma=0.0, low=0.0, high=1.0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TURNS, INTERACTIONS, st.integers(0, 10**6), CHANCE)
def test_every_timeline_is_consistent_and_its_audio_verifies(
    texts: list[str], interaction: Interaction, seed: int, p_overlap: float
) -> None:
    spoken = bursts(text_dialogue("d", texts), interaction, seed)
    transfer = ASSISTANT_PRESET.assistant_to_user.model_copy(update={"p_overlap": p_overlap})
    timing = ASSISTANT_PRESET.model_copy(update={"user_to_assistant": transfer, "assistant_to_user": transfer})
    timeline = spoken.plan(seed, (dry, white(20.0, seed), anything(seed, "d"))[seed % 3], timing)
    assert_consistent(spoken, timeline)
    written = spoken.written(timeline)
    report = check(written.sample, written.audio, written.clean)
    assert report.violations == ()
    assert max(map(abs, report.onset_error_ms), default=0.0) <= 5.0
    assert check(written.sample, written.audio).violations == ()


def assert_consistent(spoken: Spoken, timeline: Timeline) -> None:
    assert Timeline.from_json(timeline.to_json()) == timeline
    turns = {turn.index: turn for turn in timeline.turns}
    for item in (*timeline.turns, *timeline.events):
        assert type(item.start) is int
        assert type(item.end) is int
        assert 0 <= item.start < item.end <= timeline.n_samples
    for clip in (*timeline.clips, *timeline.beside):
        assert 0 <= clip.at < clip.end <= timeline.n_samples
        assert 0 <= clip.start < clip.stop <= len(spoken.material.pcm[clip.line])
    for channel in (ASSISTANT, USER):
        beside = timeline.beside if channel == USER else ()
        clips = sorted((c.at, c.end) for c in (*timeline.clips, *beside) if c.channel == channel)
        assert all(end <= start for (_, end), (start, _) in pairwise(clips))
    for event in timeline.events:
        target = turns.get(event.target_turn) if event.target_turn is not None else None
        if event.kind == "barge_in":
            assert target is not None
            assert target.start <= event.start < target.end <= event.params["stop"]
            assert event.latency is not None
            assert event.start + event.latency == event.params["stop"]
            ends = [word.end for word in target.words if word.end is not None]
            assert all(end <= event.params["stop"] - event.params["fade"] for end in ends)
            planned = spoken.material.lines[spoken.script.turns[target.index].lines[0]].length
            assert target.start + planned - event.start >= 0.6 * RATE
        elif event.kind in BESIDE or event.kind in ("user_backchannel", "assistant_backchannel", "failed_barge_in"):
            assert target is not None
            assert target.start < event.start
            assert event.end < target.end
            assert target.channel != event.channel
        elif event.kind == "hesitation":
            assert event.turn is not None
            assert turns[event.turn].start < event.start < event.end < turns[event.turn].end
        elif event.kind == "silence_timeout":
            assert 4.0 <= (event.end - event.start) / RATE <= 10.01
    for turn in timeline.turns:
        heard = [word for word in turn.words if word.start is not None and word.end is not None]
        assert turn.words[: len(heard)] == tuple(heard)
        assert tokens(turn.text)[: len(heard)] == tokens(turn.text_heard)
        assert all(turn.start <= word.start < word.end <= turn.end for word in heard)  # type: ignore[operator]
        assert turn.interrupted == any(e.kind == "barge_in" and e.target_turn == turn.index for e in timeline.events)


def test_the_same_seed_gives_the_same_bytes_and_another_take_another_timeline(spoken: list[Spoken]) -> None:
    for item in spoken[:3]:
        heard = anything(5, item.script.id)
        first, second, other = item.plan(1, heard), item.plan(1, heard), item.plan(2, heard)
        assert first.to_json() == second.to_json()
        assert first.to_json() != other.to_json()
        assert item.written(first).rendered.channels.tobytes() == item.written(second).rendered.channels.tobytes()


def test_lines_may_come_in_any_order(spoken: list[Spoken]) -> None:
    item = spoken[0]
    lines = dict(reversed(item.material.lines.items()))
    backwards = replace(item, material=replace(item.material, lines=lines))
    assert backwards.plan(4).to_json() == item.plan(4).to_json()


FOLLOWED_UP = QUIET.model_copy(update={"barge_in": 1.0, "intents": only("follow_up")})
CANCELLING = QUIET.model_copy(update={"barge_in": 1.0, "intents": only("cancel")})


def interrupted(texts: list[str], barge_in: BargeIn, **changes: Any) -> Spoken:
    """A script with an interruption that no writer would ask for."""
    spoken = bursts(text_dialogue("d", texts), QUIET.model_copy(update=changes), 3)
    return replace(spoken, script=replace(spoken.script, barge_ins=(barge_in,)))


def test_what_has_no_room_is_dropped_and_listed_never_mislabelled() -> None:
    texts = ["Are you there?", "Yes.", "Good, I was not sure."]
    timeline = interrupted(texts, BargeIn(2, 1, "follow_up"), backchannels_per_minute=16.0).plan()
    assert {event.kind for event in timeline.events} <= {"turn_shift", "cooperative_overlap", "long_overlap"}
    assert "barge_in" in [item.kind for item in timeline.unplaced]
    assert not any(turn.interrupted for turn in timeline.turns)


def test_a_cancel_without_room_takes_its_turn_with_it() -> None:
    spoken = interrupted(["Are you there?", "Yes.", "Stop."], BargeIn(2, 1, "cancel", turns=1))
    timeline = spoken.plan()
    assert len(spoken.script.turns) == 3
    assert len(timeline.turns) == 2
    assert [item.kind for item in timeline.unplaced] == ["barge_in"]
    assert all(clip.line not in spoken.script.turns[2].lines for clip in timeline.clips)


def test_a_cancel_is_met_with_silence_or_a_word_or_two() -> None:
    answered = Counter[int]()
    for seed in range(20):
        timeline = bursts(text_dialogue("d", ["Tell me.", f"{LONG} {LONG}"]), CANCELLING, seed).plan()
        for event in timeline.events:
            if event.kind == "barge_in":
                assert event.params["intent"] == "cancel"
                assert all(turn.end - turn.start <= 3 * RATE for turn in timeline.turns[3:])
                assert timeline.n_samples - max(event.end, event.params["stop"]) >= RATE
                answered[len(timeline.turns) - 3] += 1
    assert set(answered) == {0, 1}


def test_a_missing_turn_line_is_a_reject_and_a_missing_backchannel_is_not() -> None:
    interaction = QUIET.model_copy(update={"backchannels_per_minute": 16.0})
    item = bursts(text_dialogue("d", ["Tell me.", " ".join([LONG] * 3)]), interaction)
    lines, roles = item.material.lines, {line.role: line.id for line in item.script.lines}
    without_turn = {name: line for name, line in lines.items() if name != roles["turn"]}
    reject = plan_timeline(item.script, without_turn, ASSISTANT_PRESET, dry, 0)
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.uid) == (Reason.LINE_UNSPOKEN, "d")
    turns_only = {line.id: lines[line.id] for line in item.script.lines if line.role == "turn"}
    timeline = plan_timeline(item.script, turns_only, ASSISTANT_PRESET, dry, 0)
    assert not isinstance(timeline, Reject)
    assert {entry.why for entry in timeline.unplaced} == {"it has no speech"}


def test_a_word_that_the_cut_falls_into_is_not_heard() -> None:
    timing = ASSISTANT_PRESET.model_copy(update={"reaction": STEADY, "fade": Uniform(low=0.05, high=0.05)})
    item = bursts(text_dialogue("d", ["Tell me.", LONG, "What do you think of him?", "A lot."]), FOLLOWED_UP, 1)
    cuts = 0
    for seed in range(20):
        timeline = item.plan(seed, timing=timing)
        for event in timeline.events:
            if event.kind == "barge_in" and event.params["cut_word"] is not None:
                turn = timeline.turns[1]
                assert tokens(turn.text)[len(tokens(turn.text_heard))] == event.params["cut_word"]
                assert event.params["stop"] - event.params["fade"] < turn.end <= event.params["stop"]
                cuts += 1
    assert cuts


def test_no_turn_interrupts_where_a_later_one_uses_words_that_were_then_not_said() -> None:
    answer = "Well, there are a few things to see here, and the last one on my list is the old lighthouse."
    for reply, expected in (("Is the lighthouse open on Monday?", False), ("What about the weather on Monday?", True)):
        found = set()
        for seed in range(30):
            spoken = interrupted(["What can I see?", answer, reply], BargeIn(2, 1, "follow_up"))
            found.add(any(turn.interrupted for turn in spoken.plan(seed).turns))
        assert found == {expected}


def test_what_is_said_again_begins_with_the_clause_that_was_cut() -> None:
    interaction = QUIET.model_copy(update={"barge_in": 1.0, "intents": only("repeat")})
    spoken = bursts(text_dialogue("d", ["Tell me.", LONG, "Is it so?"]), interaction)
    for seed in range(8):
        timeline = spoken.plan(seed)
        assert [turn.speaker for turn in timeline.turns] == ["user", "assistant", "user", "assistant", "user"]
        cut, again = timeline.turns[1], timeline.turns[3]
        [barge_in] = spoken.script.barge_ins
        heard = tokens(cut.text_heard)
        assert barge_in.until is not None
        assert barge_in.said <= len(heard) < barge_in.until
        last = tokens(LONG)[barge_in.said - 1]  # of the clause that was missed
        assert last in tokens(again.text_heard)
        assert tokens(again.text_heard)[-3:] == tokens(LONG)[-3:]


def test_an_assistant_resumes_after_a_failed_barge_in_and_says_all() -> None:
    failing = IntrusionMix(noise_burst=0, cough=0, side_talk=0, third_party=0)
    interaction = QUIET.model_copy(update={"barge_in": 0.2, "balance": 10.0, "resume": 1.0, "intrusions": failing})
    resumed = 0
    for seed in range(20):
        spoken = bursts(text_dialogue("d", ["Tell me.", LONG]), interaction, seed)
        timeline = spoken.plan(seed)
        for event in timeline.events:
            if event.kind == "failed_barge_in" and event.params["resumed"]:
                resumed += 1
                turn = timeline.turns[1]
                assert turn.text_heard == turn.text == LONG
                stop, resume = event.params["stop"], event.params["resume"]
                assert event.start < stop < resume
                assert event.end < resume
                assert not any(
                    c.channel == ASSISTANT and c.at < resume - RATE // 50 and c.end > stop for c in timeline.clips
                )
                starts = [word.start for word in turn.words if word.start is not None]
                assert min(abs(resume - start) for start in starts) <= RATE // 100
                assert len(starts) == len(tokens(LONG))
    assert resumed >= 5


def test_gaps_overlaps_and_reactions_follow_their_distributions() -> None:
    transfer = FloorTransfer(
        gap=LogNormal(median=0.25, sigma=0.5, low=0.08, high=1.5),
        p_overlap=0.3,
        overlap=LogNormal(median=0.2, sigma=0.3, low=0.04, high=0.5),
    )
    timing = ASSISTANT_PRESET.model_copy(update={"user_to_assistant": transfer, "assistant_to_user": transfer})
    item = bursts(text_dialogue("d", ["perhaps perhaps perhaps perhaps" for _ in range(12)]), QUIET)
    kinds, gaps = Counter[str](), []
    for seed in range(120):
        for event in item.plan(seed, timing=timing).events:
            kinds[event.kind] += 1
            if event.kind == "turn_shift":
                gaps.append((event.end - event.start) / RATE)
    assert kinds["cooperative_overlap"] / kinds.total() == pytest.approx(0.3, abs=0.05)
    assert np.median(gaps) == pytest.approx(0.25, rel=0.1)
    assert np.std(np.log(gaps)) == pytest.approx(0.5, rel=0.1)  # effects of dialogue and speaker are a part of it
    assert 0.08 <= min(gaps) <= max(gaps) <= 1.5


def test_barge_ins_start_on_the_assistants_words(spoken: list[Spoken]) -> None:
    onsets = Counter[str]()
    for item in spoken:
        for seed in range(4):
            timeline = item.plan(seed)
            for event in timeline.events:
                if event.kind == "barge_in":
                    onsets[event.params["onset"]] += 1
                    clip = next(c for c in timeline.clips if c.channel == ASSISTANT and c.at <= event.start < c.end)
                    islands = item.material.lines[clip.line].islands
                    at = event.start - clip.at + clip.start
                    assert min(max(start - at, at - end, 0) for start, end in islands) <= RATE // 10
    assert set(onsets) == {"clause", "word"}
