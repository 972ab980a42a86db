"""Events that are not what their labels say are caught."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.synth.duplex.checking.conftest import event_of, failed, with_event
from tests.synth.duplex.conftest import (
    LIVELY,
    Spoken,
    Written,
    speak_bursts,
    speak_script,
    text_dialogue,
)
from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.duplex.checking.check import check
from turnmill.synth.energy import active_level
from turnmill.synth.script import write_script
from turnmill.synth.speech import Line, Speech
from turnmill.synth.tts.engines.espeak import ESPEAK


def shift(sample: dict[str, Any], kind: str, by: float) -> dict[str, Any]:
    moved = copy.deepcopy(sample)
    event = event_of(moved, kind)
    event["start"] += by
    event["end"] += by
    return moved


def shifted(word: dict[str, Any], by: float) -> dict[str, Any]:
    return {**word, "start": word["start"] + by, "end": word["end"] + by}


@pytest.mark.parametrize("by", [-0.08, 0.08])
def test_an_event_shifted_by_80_ms(interrupted: Written, nodding: Written, by: float) -> None:
    for written, kinds in ((interrupted, ("barge_in", "turn_shift")), (nodding, ("user_backchannel", "hesitation"))):
        for kind in kinds:
            sample = shift(written.sample, kind, by)
            sample["events"].sort(key=lambda event: event["start"])
            assert failed(check(sample, written.audio, written.clean)), kind
            assert failed(check(sample, written.audio)), kind


@pytest.mark.parametrize("by", [-0.08, 0.08])
def test_a_barge_in_shifted_by_80_ms_with_all_that_depends_on_it(interrupted: Written, by: float) -> None:
    sample = shift(interrupted.sample, "barge_in", by)
    event = event_of(sample, "barge_in")
    turn = next(turn for turn in sample["turns"] if turn["index"] == event["turn"])
    turn["start"], turn["end"] = event["start"], event["end"]
    turn["words"] = [shifted(word, by) for word in turn["words"]]
    event["latency"] -= by
    assert "onset" in failed(check(sample, interrupted.audio, interrupted.clean))


@pytest.mark.parametrize("samples", [1, 240, 4800])
def test_speech_after_the_yield(interrupted: Written, samples: int) -> None:
    stop = round(event_of(interrupted.sample, "barge_in")["stop"] * RATE)
    audio = interrupted.audio.copy()
    audio[ASSISTANT, stop : stop + samples] = 0.01
    assert {"yield", "isolation"} <= failed(check(interrupted.sample, audio, interrupted.clean))


def test_an_assistant_that_stops_too_early(interrupted: Written) -> None:
    event = event_of(interrupted.sample, "barge_in")
    start, stop = (round(time * RATE) for time in (event["start"], event["stop"]))
    audio = interrupted.audio.copy()
    audio[ASSISTANT, start + 240 : stop] = 0
    assert "yield" in failed(check(interrupted.sample, audio, interrupted.clean))


def test_an_assistant_that_does_not_resume_or_does_too_early(spoken: list[Spoken]) -> None:
    written = with_event(spoken, "failed_barge_in", resumed=True)
    assert not failed(check(written.sample, written.audio, written.clean))
    event = next(e for e in written.sample["events"] if e["kind"] == "failed_barge_in" and e["resumed"])
    stop, resume = (round(event[key] * RATE) for key in ("stop", "resume"))
    early, never = written.audio.copy(), written.audio.copy()
    early[ASSISTANT, (stop + resume) // 2] = 0.1
    assert "yield" in failed(check(written.sample, early, written.clean))
    turn = next(turn for turn in written.sample["turns"] if turn["index"] == event["target_turn"])
    never[ASSISTANT, stop : round(turn["end"] * RATE) + RATE // 20] = 0
    assert "yield" in failed(check(written.sample, never, written.clean))


def test_an_assistant_that_stops_for_what_is_not_meant_for_it(spoken: list[Spoken]) -> None:
    for kind in ("noise_burst", "third_party", "failed_barge_in"):
        written = with_event(spoken, kind, **({"resumed": False} if kind == "failed_barge_in" else {}))
        assert not failed(check(written.sample, written.audio, written.clean))
        event = event_of(written.sample, kind)
        if kind == "failed_barge_in":
            event = next(e for e in written.sample["events"] if e["kind"] == kind and not e["resumed"])
        turn = next(turn for turn in written.sample["turns"] if turn["index"] == event["target_turn"])
        audio = written.audio.copy()
        audio[ASSISTANT, round(event["start"] * RATE) : round(turn["end"] * RATE) + RATE // 20] = 0
        assert "continue" in failed(check(written.sample, audio, written.clean)), kind


def test_speech_in_a_silence_that_the_assistant_breaks(spoken: list[Spoken]) -> None:
    written = with_event(spoken, "silence_timeout")
    event = event_of(written.sample, "silence_timeout")
    audio = written.audio.copy()
    audio[ASSISTANT, round((event["start"] + event["end"]) / 2 * RATE)] = 0.1
    assert {"event", "isolation"} <= failed(check(written.sample, audio, written.clean))


def test_an_event_of_no_kind(nodding: Written) -> None:
    sample = copy.deepcopy(nodding.sample)
    sample["events"][0]["kind"] = "surprise"
    assert "event" in failed(check(sample, nodding.audio, nodding.clean))


def test_an_assistant_that_stops_for_a_backchannel(nodding: Written) -> None:
    event = event_of(nodding.sample, "user_backchannel")
    turn = next(turn for turn in nodding.sample["turns"] if turn["index"] == event["target_turn"])
    audio = nodding.audio.copy()
    audio[ASSISTANT, round(event["start"] * RATE) : round(turn["end"] * RATE) + RATE // 20] = 0
    assert "continue" in failed(check(nodding.sample, audio, nodding.clean))


def without(sample: dict[str, Any], kind: str) -> dict[str, Any]:
    """The labels without the first event of a kind."""
    changed = copy.deepcopy(sample)
    changed["events"].remove(event_of(changed, kind))
    return changed


@pytest.mark.parametrize(
    "kind", ["turn_shift", "cooperative_overlap", "silence_timeout", "side_talk", "third_party", "cough", "noise_burst"]
)
def test_an_event_that_is_missing(spoken: list[Spoken], kind: str) -> None:
    written = with_event(spoken, kind)
    assert failed(check(without(written.sample, kind), written.audio, written.clean)) & {"event", "acoustics"}


@pytest.mark.parametrize(
    "kind", ["user_backchannel", "assistant_backchannel", "failed_barge_in", "cough", "third_party"]
)
@pytest.mark.parametrize("by", [-6.0, 6.0])
def test_a_level_that_is_not_the_label_s(spoken: list[Spoken], kind: str, by: float) -> None:
    written = with_event(spoken, kind)
    sample = copy.deepcopy(written.sample)
    event_of(sample, kind)["level_db"] += by
    assert "level" in failed(check(sample, written.audio, written.clean))


def test_an_overlap_of_the_other_kind(spoken: list[Spoken]) -> None:
    written = with_event(spoken, "cooperative_overlap")
    sample = copy.deepcopy(written.sample)
    event_of(sample, "cooperative_overlap")["kind"] = "long_overlap"
    assert "event" in failed(check(sample, written.audio, written.clean))


@pytest.mark.parametrize("change", [{"start": 0.3}, {"end": -0.3}, {"gain": 0.05}, {"delay": 0.05}])
def test_an_echo_event_that_is_not_its_echo(echoing: Written, change: dict[str, float]) -> None:
    sample = copy.deepcopy(echoing.sample)
    [(name, by)] = change.items()
    event = event_of(sample, "echo")
    event[name] += by
    assert "echo" in failed(check(sample, echoing.audio, echoing.clean))
    assert "echo" in failed(check(without(echoing.sample, "echo"), echoing.audio, echoing.clean))


def test_levels_are_told_against_turns_as_loud_as_their_peaks_let_them_be() -> None:
    """A low voice has high peaks: its turns stay below the wanted level, and what is said beside them is told so."""

    def peaky(line: Line) -> Speech:
        said = speak_bursts(line)
        if len(line.text.split()) < 4 or line.text.startswith("Fine"):
            return said
        pcm = said.pcm * np.float32(0.1)
        for word in said.words or ():
            pcm[round(word.start * RATE) + 50 : round(word.end * RATE) : 480] = 0.95
        return replace(said, pcm=pcm)

    first = "The old harbour is open to boats today, but we must wait out here until the wind is gone."
    texts = [first, first, "Fine, then I shall come with the others at noon.", first]
    script = write_script(text_dialogue("d", texts), LIVELY, ESPEAK, "train", 3)
    item = speak_script(script, lambda lines: [peaky(line) for line in lines])
    for seed in range(6):
        written = item.written(item.plan(seed))
        kinds = {event["kind"] for event in written.sample["events"]}
        assert kinds & {"user_backchannel", "assistant_backchannel", "failed_barge_in"}
        turns = [turn for turn in written.timeline.turns if turn.channel == USER]
        assert all((active_level(written.clean[t.start : t.end]) or 0) < -28 for t in turns), "also the fine one"
        assert "level" not in failed(check(written.sample, written.audio, written.clean))
