"""`verify` passes correct dialogues and catches each planted fault, from the written audio and JSON alone."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.synth.duplex.conftest import (
    LIVELY,
    Spoken,
    Written,
    anything,
    speak_bursts,
    speak_script,
    text_dialogue,
    white,
)
from turnmill.synth.acoustics import Acoustics, Echo
from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.duplex.checking.check import Report, check
from turnmill.synth.duplex.checking.sample import BESIDE
from turnmill.synth.energy import active_level
from turnmill.synth.script import write_script
from turnmill.synth.speech import Line, Speech
from turnmill.synth.tokens import tokens
from turnmill.synth.tts.engines.espeak import ESPEAK

SNR_DB = 18.0


@pytest.fixture(scope="module")
def interrupted(spoken: list[Spoken]) -> Written:
    """A dialogue with noise in which the user barges in and the assistant stops in the middle of a word."""
    for item in spoken:
        for seed in range(4):
            written = item.written(item.plan(seed, white(SNR_DB, seed)))
            if any(event["kind"] == "barge_in" for event in written.sample["events"]):
                params = event_of(written.sample, "barge_in")
                plain = not BESIDE & {event["kind"] for event in written.sample["events"]}
                if params["cut_word"] and params["intent"] != "cancel" and plain:
                    return written
    raise AssertionError("no dialogue has a barge-in")


@pytest.fixture(scope="module")
def nodding(spoken: list[Spoken]) -> Written:
    """A dialogue without noise, with a backchannel and a hesitation."""
    for item in spoken:
        for seed in range(8):
            written = item.written(item.plan(seed))
            kinds = {event["kind"] for event in written.sample["events"]}
            if {"user_backchannel", "hesitation"} <= kinds and not kinds & BESIDE:
                return written
    raise AssertionError("no dialogue has both")


def failed(report: Report) -> set[str]:
    return {violation.check for violation in report.violations}


def event_of(sample: dict[str, Any], kind: str) -> dict[str, Any]:
    event: dict[str, Any] = next(event for event in sample["events"] if event["kind"] == kind)
    return event


@pytest.fixture(scope="module")
def echoing(spoken: list[Spoken]) -> Written:
    """A dialogue with an echo."""
    item = spoken[0]
    return item.written(item.plan(1, lambda _: Acoustics(echo=Echo(0.1, RATE // 5))))


def with_event(spoken: list[Spoken], kind: str, **params: Any) -> Written:
    """A dialogue with such an event, without acoustics."""
    for item in spoken:
        for seed in range(6):
            timeline = item.plan(seed)
            for event in timeline.events:
                if event.kind == kind and params.items() <= event.params.items():
                    return item.written(timeline)
    raise AssertionError(f"no dialogue has {kind} {params}")


def test_correct_dialogues_have_no_violation_and_exact_times(spoken: list[Spoken]) -> None:
    onsets: list[float] = []
    kinds: set[str] = set()
    measured = {"snr": 0, "echo": 0}
    for item in spoken:
        for seed in range(3):
            written = item.written(item.plan(seed, anything(seed, item.script.id)))
            kinds |= {event["kind"] for event in written.sample["events"]}
            report = check(written.sample, written.audio, written.clean)
            assert report.violations == ()
            assert report.checks > 20
            assert abs(report.snr_error_db or 0.0) < 0.2
            assert abs(report.echo_gain_error or 0.0) < 0.05
            assert abs(report.echo_delay_error_ms or 0.0) < 1.0
            measured["snr"] += report.snr_error_db is not None
            measured["echo"] += report.echo_gain_error is not None
            onsets += report.onset_error_ms
            # From what a training shard may hold alone, no clean stem, less is checked, and nothing falsely.
            assert check(written.sample, written.audio).violations == ()
    assert kinds >= {
        "turn_shift", "cooperative_overlap", "barge_in", "failed_barge_in", "user_backchannel", "assistant_backchannel",
        "hesitation", "silence_timeout", "noise_burst", "cough", "side_talk", "third_party", "echo",
    }  # fmt: skip
    assert min(measured.values()) >= 5
    assert np.median(np.abs(onsets)) <= 5
    assert np.percentile(np.abs(onsets), 99) <= 20


def test_in_white_noise_the_user_is_timed_without_the_clean_stem(spoken: list[Spoken]) -> None:
    errors: list[float] = []
    for item in spoken:
        written = item.written(item.plan(1, white(15.0, 1)))
        report = check(written.sample, written.audio)
        assert report.violations == ()
        if not BESIDE & {event["kind"] for event in written.sample["events"]}:
            assert report.snr_error_db is not None
            assert abs(report.snr_error_db) < 0.2
            errors += report.onset_error_ms
    assert np.median(np.abs(errors)) <= 10
    assert np.percentile(np.abs(errors), 95) <= 30  # a failed barge-in may be 6 dB below the turns


def test_swapped_channels(interrupted: Written, nodding: Written) -> None:
    for written in (interrupted, nodding):
        assert not failed(check(written.sample, written.audio, written.clean))
        assert "isolation" in failed(check(written.sample, written.audio[::-1].copy(), written.clean))
        assert failed(check(written.sample, written.audio[::-1].copy()))


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


def cut_turn(sample: dict[str, Any]) -> dict[str, Any]:
    turn: dict[str, Any] = next(turn for turn in sample["turns"] if turn["interrupted"])
    return turn


def in_text(turn: dict[str, Any], word: str, _: float) -> None:
    turn["text_heard"] = f"{turn['text_heard']} {word}".strip()


def in_words(turn: dict[str, Any], word: str, stop: float) -> None:
    turn["words"].append({"word": word, "start": stop, "end": stop + 0.2})


def in_both(turn: dict[str, Any], word: str, stop: float) -> None:
    in_text(turn, word, stop)
    in_words(turn, word, stop)


def squeezed_before_the_end(turn: dict[str, Any], word: str, stop: float) -> None:
    in_text(turn, word, stop)
    turn["words"].append({"word": word, "start": turn["end"] - 0.03, "end": turn["end"]})


@pytest.mark.parametrize("plant", [in_text, in_words, in_both, squeezed_before_the_end])
def test_an_unheard_word_listed_as_heard(
    interrupted: Written, plant: Callable[[dict[str, Any], str, float], None]
) -> None:
    sample = copy.deepcopy(interrupted.sample)
    turn = cut_turn(sample)
    word = tokens(turn["text"])[len(tokens(turn["text_heard"]))]
    plant(turn, word, event_of(sample, "barge_in")["stop"])
    assert "truncation" in failed(check(sample, interrupted.audio, interrupted.clean))
    assert "truncation" in failed(check(sample, interrupted.audio))


@pytest.mark.parametrize("error_db", [-3.0, -0.8, 0.8, 3.0])
def test_a_wrong_snr_label(interrupted: Written, error_db: float) -> None:
    sample = copy.deepcopy(interrupted.sample)
    sample["acoustics"]["snr_db"] = SNR_DB + error_db
    assert failed(check(sample, interrupted.audio, interrupted.clean)) == {"snr"}
    assert failed(check(sample, interrupted.audio)) == {"snr"}


def test_noise_without_a_label(interrupted: Written) -> None:
    sample = copy.deepcopy(interrupted.sample)
    for name in ("snr_db", "noise", "noise_category", "noise_bursts"):
        sample["acoustics"][name] = None
    assert "acoustics" in failed(check(sample, interrupted.audio, interrupted.clean))
    assert "isolation" in failed(check(sample, interrupted.audio))


@pytest.mark.parametrize(
    ("change", "caught"),
    [
        ({"echo_gain": 0.12}, "echo"),
        ({"echo_gain": 0.09}, "echo"),
        ({"echo_delay": 0.203}, "echo"),
        ({"gain_db": 2.0}, "gain"),
    ],
    ids=["louder", "quieter", "later", "gain"],
)
def test_a_wrong_label_of_echo_or_gain(echoing: Written, change: dict[str, float], caught: str) -> None:
    assert not failed(check(echoing.sample, echoing.audio, echoing.clean))
    sample = copy.deepcopy(echoing.sample)
    sample["acoustics"].update(change)
    assert caught in failed(check(sample, echoing.audio, echoing.clean))


def test_an_echo_without_a_label(echoing: Written) -> None:
    sample = copy.deepcopy(echoing.sample)
    sample["acoustics"].update(echo_gain=None, echo_delay=None)
    assert failed(check(sample, echoing.audio, echoing.clean)) & {"echo", "acoustics"}


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


def test_side_talk_in_the_clean_stem_or_louder_than_its_label(spoken: list[Spoken]) -> None:
    written = with_event(spoken, "side_talk")
    event = event_of(written.sample, "side_talk")
    span = slice(round(event["start"] * RATE), round(event["end"] * RATE))
    clean, audio = written.clean.copy(), written.audio.copy()
    clean[span] = written.audio[USER, span]
    assert "isolation" in failed(check(written.sample, written.audio, clean))
    audio[USER, span] *= 2
    assert "level" in failed(check(written.sample, audio, written.clean))


def test_an_event_of_no_kind(nodding: Written) -> None:
    sample = copy.deepcopy(nodding.sample)
    sample["events"][0]["kind"] = "surprise"
    assert "event" in failed(check(sample, nodding.audio, nodding.clean))


def test_leakage_into_the_other_channel(nodding: Written) -> None:
    audio = nodding.audio.copy()
    audio[USER] += np.round(0.01 * audio[ASSISTANT] * 32_768) / 32_768
    assert "isolation" in failed(check(nodding.sample, audio))


def test_an_assistant_that_stops_for_a_backchannel(nodding: Written) -> None:
    event = event_of(nodding.sample, "user_backchannel")
    turn = next(turn for turn in nodding.sample["turns"] if turn["index"] == event["target_turn"])
    audio = nodding.audio.copy()
    audio[ASSISTANT, round(event["start"] * RATE) : round(turn["end"] * RATE) + RATE // 20] = 0
    assert "continue" in failed(check(nodding.sample, audio, nodding.clean))


@pytest.mark.parametrize("kind", ["user_backchannel", "assistant_backchannel", "failed_barge_in"])
def test_words_of_an_event_are_held_against_its_text_and_its_audio(spoken: list[Spoken], kind: str) -> None:
    written = with_event(spoken, kind)
    for change in ({"word": "cactus"}, {"start": 0.0}, {"end": event_of(written.sample, kind)["end"] + 0.1}):
        sample = copy.deepcopy(written.sample)
        event_of(sample, kind)["words"][0].update(change)
        assert "words" in failed(check(sample, written.audio, written.clean)), change
    event = event_of(written.sample, kind)
    audio, clean = written.audio.copy(), written.clean.copy()
    word = event["words"][-1]
    span = slice(round(word["start"] * RATE), round(word["end"] * RATE))
    audio[event["channel"], span] = 0
    if event["channel"] == 1:
        clean[span] = 0
    assert failed(check(written.sample, audio, clean))


def test_backchannels_that_are_not_their_events(nodding: Written) -> None:
    for change in ({"speaker": "assistant"}, {"text": "no"}, {"words": []}, {"start": 0.0}):
        sample = copy.deepcopy(nodding.sample)
        nod = next(nod for nod in sample["backchannels"] if nod["speaker"] == "user")
        nod.update(change)
        assert "event" in failed(check(sample, nodding.audio, nodding.clean)), change
    sample = copy.deepcopy(nodding.sample)
    sample["backchannels"].pop()
    assert "event" in failed(check(sample, nodding.audio, nodding.clean))


def test_a_heard_word_on_silence(nodding: Written) -> None:
    inner = (word for turn in nodding.sample["turns"] for word in turn["words"][1:-1])
    word = next(word for word in inner if word["end"] - word["start"] > 0.2)
    turn = next(turn for turn in nodding.sample["turns"] if word in turn["words"])
    audio, clean = nodding.audio.copy(), nodding.clean.copy()
    span = slice(round(word["start"] * RATE), round(word["end"] * RATE))
    audio[turn["channel"], span] = 0
    clean[span] = 0 if turn["channel"] == USER else clean[span]
    assert "truncation" in failed(check(nodding.sample, audio, clean))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda audio: audio[:, :-1],
        lambda audio: np.where(audio == audio.max(), np.nan, audio),
        lambda audio: audio * (0.95 / np.abs(audio).max()),
        lambda audio: audio[:1],
    ],
    ids=["short", "nan", "loud", "mono"],
)
def test_audio_of_a_wrong_shape_or_level(
    nodding: Written, spoil: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> None:
    assert "format" in failed(check(nodding.sample, spoil(nodding.audio), None))


def test_a_recogniser_that_hears_more_than_the_label_says(interrupted: Written) -> None:
    turn = cut_turn(interrupted.sample)
    for said, checks in ((turn["text_heard"], set()), (turn["text"], {"truncation"})):
        heard: list[int] = []

        def recognise(pcm: NDArray[np.float32], said: str = said, heard: list[int] = heard) -> str:
            heard.append(len(pcm))
            return said.lower()

        assert failed(check(interrupted.sample, interrupted.audio, interrupted.clean, recognise)) == checks
        stop = event_of(interrupted.sample, "barge_in")["stop"]
        assert heard[0] == pytest.approx((stop - turn["start"]) * 16_000, abs=2)


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


def test_a_recogniser_that_hears_less_than_the_label_says(interrupted: Written) -> None:
    words = cut_turn(interrupted.sample)["text_heard"].split()
    assert len(words) > 3
    less = " ".join(words[:-3])
    report = check(interrupted.sample, interrupted.audio, interrupted.clean, lambda _: less)
    assert failed(report) == {"truncation"}


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

    first = "Is the old harbour open to boats today, or must we wait until the wind is gone?"
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
