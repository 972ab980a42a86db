"""Timelines: what must hold in every one, whatever the text, the seed and the timing."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manifests.records import Reason, Reject
from synth.acoustics import Noise
from synth.distributions import LogNormal, Uniform
from synth.duplex import ASSISTANT, RATE, USER
from synth.duplex.planner import plan_timeline
from synth.duplex.timeline import Timeline
from synth.duplex.timing import FloorTransfer, Timing
from synth.duplex.verify import check
from synth.script import Interaction
from tests.synth.duplex.conftest import Spoken, bursts, text_dialogue

WORD = st.sampled_from(["a", "no", "and", "well,", "going", "perhaps", "today.", "is", "it"])
WORDS = st.lists(WORD, min_size=1, max_size=14)
TURNS = st.lists(WORDS.map(" ".join), min_size=2, max_size=6)
CHANCE = st.floats(0, 1)
INTERACTIONS = st.builds(
    Interaction, barge_in=CHANCE, backchannels_per_minute=st.floats(0, 16), hesitation=CHANCE, filler=CHANCE
)
LONG = "Well, this is a rather long answer, and it goes on for a while, so that there is room, I think, for you."
STEADY = LogNormal(median=0.3, sigma=0.0, low=0.0, high=1.0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TURNS, INTERACTIONS, st.integers(0, 10**6), CHANCE)
def test_every_timeline_is_consistent_and_its_audio_verifies(
    texts: list[str], interaction: Interaction, seed: int, p_overlap: float
) -> None:
    dialogue = text_dialogue("d", texts)
    spoken = bursts(dialogue, interaction, seed)
    transfer = Timing().assistant_to_user.model_copy(update={"p_overlap": p_overlap})
    timing = Timing(user_to_assistant=transfer, assistant_to_user=transfer)
    timeline = spoken.plan(seed, Noise("white", 20.0, seed) if seed % 2 else None, timing)
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
    for clip in timeline.clips:
        assert 0 <= clip.at < clip.end <= timeline.n_samples
        assert 0 <= clip.start < clip.stop <= len(spoken.pcm[clip.line])
    for channel in (ASSISTANT, USER):
        clips = sorted((c.at, c.end) for c in timeline.clips if c.channel == channel)
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
            planned = spoken.lines[spoken.script.turns[target.index].lines[0]].length
            assert target.start + planned - event.start >= 0.6 * RATE
        elif event.kind == "user_backchannel":
            assert target is not None
            assert target.start < event.start
            assert event.end < target.end
        elif event.kind == "hesitation":
            assert event.turn is not None
            assert turns[event.turn].start < event.start < event.end < turns[event.turn].end
    for turn in timeline.turns:
        heard = [word for word in turn.words if word.start is not None and word.end is not None]
        assert turn.words[: len(heard)] == tuple(heard)
        assert turn.text.split()[: len(heard)] == turn.text_heard.split()
        assert all(turn.start <= word.start < word.end <= turn.end for word in heard)  # type: ignore[operator]
        assert turn.interrupted == any(e.kind == "barge_in" and e.target_turn == turn.index for e in timeline.events)


def test_the_same_seed_gives_the_same_bytes_and_another_take_another_timeline(spoken: list[Spoken]) -> None:
    noise = Noise("white", 18.0, 5)
    for item in spoken[:3]:
        first, second, other = item.plan(1, noise), item.plan(1, noise), item.plan(2, noise)
        assert first.to_json() == second.to_json()
        assert first.to_json() != other.to_json()
        assert item.written(first).rendered.channels.tobytes() == item.written(second).rendered.channels.tobytes()


def test_lines_may_come_in_any_order(spoken: list[Spoken]) -> None:
    item = spoken[0]
    backwards = replace(item, lines=dict(reversed(item.lines.items())))
    assert backwards.plan(4).to_json() == item.plan(4).to_json()


def test_what_has_no_room_is_dropped_and_listed_never_mislabelled() -> None:
    interaction = Interaction(barge_in=1.0, backchannels_per_minute=16, hesitation=0.0)
    timeline = bursts(text_dialogue("d", ["Are you there?", "Yes.", "Good, I was not sure."]), interaction).plan()
    assert [event.kind for event in timeline.events] == ["turn_shift"] * 2 or "cooperative_overlap" in [
        event.kind for event in timeline.events
    ]
    assert [item.kind for item in timeline.unplaced if item.kind == "barge_in"] == ["barge_in"]
    assert not any(turn.interrupted for turn in timeline.turns)


def test_an_added_cancel_without_room_takes_its_turn_with_it() -> None:
    spoken = next(
        found
        for seed in range(50)
        if (
            found := bursts(text_dialogue("d", ["Are you there?", "Yes."]), Interaction(barge_in=1.0), seed)
        ).script.barge_ins
    )
    timeline = spoken.plan()
    assert len(spoken.script.turns) == 3
    assert len(timeline.turns) == 2
    assert [item.kind for item in timeline.unplaced] == ["barge_in"]
    assert all(clip.line not in spoken.script.turns[2].lines for clip in timeline.clips)


def test_a_cancel_is_met_with_silence() -> None:
    found = (bursts(text_dialogue("d", ["Tell me.", LONG]), Interaction(barge_in=1.0), seed) for seed in range(50))
    timeline = next(item for item in found if item.script.barge_ins).plan()
    [event] = [event for event in timeline.events if event.kind == "barge_in"]
    assert event.params["intent"] == "cancel"
    assert timeline.turns[-1].speaker == "user"
    assert timeline.n_samples - max(event.end, event.params["stop"]) >= RATE


def test_a_missing_turn_line_is_a_reject_and_a_missing_backchannel_is_not() -> None:
    item = bursts(text_dialogue("d", ["Tell me.", LONG]), Interaction(barge_in=0.0, backchannels_per_minute=16))
    roles = {line.role: line.id for line in item.script.lines}
    without_turn = {name: line for name, line in item.lines.items() if name != roles["turn"]}
    reject = plan_timeline(item.script, without_turn, Timing(), None, 0)
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.uid) == (Reason.LINE_UNSPOKEN, "d")
    turns_only = {line.id: item.lines[line.id] for line in item.script.lines if line.role == "turn"}
    timeline = plan_timeline(item.script, turns_only, Timing(), None, 0)
    assert not isinstance(timeline, Reject)
    assert {entry.why for entry in timeline.unplaced} == {"it has no speech"}


def test_a_word_that_the_cut_falls_into_is_not_heard() -> None:
    timing = Timing(reaction=STEADY, fade=Uniform(low=0.05, high=0.05))
    item = bursts(text_dialogue("d", ["Tell me.", LONG, "No, not that one, please."]), Interaction(barge_in=1.0))
    for seed in range(20):
        timeline = item.plan(seed, timing=timing)
        [event] = [event for event in timeline.events if event.kind == "barge_in"]
        turn = timeline.turns[1]
        heard = turn.text_heard.split()
        if event.params["cut_word"] is not None:
            assert turn.text.split()[len(heard)] == event.params["cut_word"]
            assert turn.end == event.params["stop"]


def test_gaps_overlaps_and_reactions_follow_their_distributions() -> None:
    transfer = FloorTransfer(
        gap=LogNormal(median=0.25, sigma=0.5, low=0.08, high=1.5),
        p_overlap=0.3,
        overlap=LogNormal(median=0.2, sigma=0.3, low=0.04, high=0.5),
    )
    timing = Timing(user_to_assistant=transfer, assistant_to_user=transfer, dialogue_sigma=0, speaker_sigma=0)
    texts = ["perhaps perhaps perhaps perhaps" for _ in range(12)]
    item = bursts(text_dialogue("d", texts), Interaction(barge_in=0.0, backchannels_per_minute=0, hesitation=0))
    kinds, gaps = Counter[str](), []
    for seed in range(60):
        for event in item.plan(seed, timing=timing).events:
            kinds[event.kind] += 1
            if event.kind == "turn_shift":
                gaps.append((event.end - event.start) / RATE)
    assert kinds["cooperative_overlap"] / kinds.total() == pytest.approx(0.3, abs=0.06)
    assert np.median(gaps) == pytest.approx(0.25, rel=0.1)
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
                    islands = item.lines[clip.line].islands
                    at = event.start - clip.at + clip.start
                    assert min(max(start - at, at - end, 0) for start, end in islands) <= RATE // 10
    assert set(onsets) == {"clause", "word"}
