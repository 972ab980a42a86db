"""Backchannels fall where the script lets them."""

from dataclasses import replace

from tests.synth.duplex.conftest import QUIET, bursts, text_dialogue
from turnmill.synth.channels import RATE
from turnmill.synth.duplex.timeline import Timeline
from turnmill.synth.script.model import Backchannel

LONG = (
    "There are three ways to do that, and most people start with the first one, because it is the easiest by far, "
    "but the second one takes less time. The third one is for experts, who have done it before."
)
NODDING = QUIET.model_copy(update={"backchannels_per_minute": 16.0})


def onsets(timeline: Timeline) -> list[tuple[int, dict[int, int]]]:
    """The start of each nod, and the ends of the assistant's words by their count, in samples."""
    [turn] = [turn for turn in timeline.turns if turn.speaker == "assistant"]
    ends = {count: word.end for count, word in enumerate(turn.words, 1)}
    return [(event.start, ends) for event in timeline.events if event.kind == "user_backchannel"]


def test_a_nod_begins_near_the_end_of_a_word_that_its_script_names() -> None:
    placed = 0
    for seed in range(12):
        item = bursts(text_dialogue(f"d{seed}", ["Tell me.", LONG]), NODDING, seed)
        allowed = {after for nod in item.script.backchannels for after in nod.after}
        for start, ends in onsets(item.plan(seed)):
            placed += 1
            assert min(abs(start - ends[count]) for count in allowed) <= RATE
    assert placed > 12


def test_a_nod_without_room_after_its_first_word_takes_the_next() -> None:
    item = bursts(text_dialogue("d", ["Tell me.", LONG]), NODDING, 1)
    line = item.script.backchannels[0]
    words = len(LONG.split())
    for after, found in (((words,), False), ((words, 15), True), ((), False)):
        script = replace(item.script, backchannels=(Backchannel(line.line, line.speaker, line.target_turn, after),))
        timeline = replace(item, script=script).plan()
        starts = onsets(timeline)
        assert bool(starts) == found
        assert [entry.kind for entry in timeline.unplaced] == ([] if found else ["user_backchannel"])
        for start, ends in starts:
            assert ends[14] - RATE < start < ends[16] + RATE
