"""`check` passes correct dialogues and catches each planted fault, from the written audio and JSON alone."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.synth.duplex.checking.conftest import event_of, failed, with_event
from tests.synth.duplex.conftest import (
    Spoken,
    Written,
    anything,
    white,
)
from turnmill.synth.channels import RATE, USER
from turnmill.synth.duplex.checking.check import check
from turnmill.synth.duplex.checking.sample import BESIDE
from turnmill.synth.tokens import tokens


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


def test_a_recogniser_that_hears_less_than_the_label_says(interrupted: Written) -> None:
    words = cut_turn(interrupted.sample)["text_heard"].split()
    assert len(words) > 3
    less = " ".join(words[:-3])
    report = check(interrupted.sample, interrupted.audio, interrupted.clean, lambda _: less)
    assert failed(report) == {"truncation"}
