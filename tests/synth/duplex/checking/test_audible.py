"""An interruption that is not audible as one is caught, from the labels and the written audio."""

import copy
from typing import Any

import numpy as np
import pytest

from tests.synth.duplex.checking.conftest import event_of, failed
from tests.synth.duplex.conftest import Spoken, Written
from turnmill.synth.channels import ASSISTANT, RATE, USER
from turnmill.synth.duplex.checking.check import Report, check
from turnmill.synth.tokens import tokens


@pytest.fixture(scope="module")
def clear(spoken: list[Spoken]) -> Written:
    """A dialogue without acoustics in which the user interrupts after five words or more, and is answered."""
    for item in spoken:
        for seed in range(6):
            written = item.written(item.plan(seed))
            events = [event for event in written.sample["events"] if event["kind"] == "barge_in"]
            if events and events[0]["intent"] != "cancel" and len(before(written.sample)) >= 5:
                return written
    raise AssertionError("no dialogue has such a barge-in")


def parts(sample: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first barge-in and the turn that it meets."""
    event = event_of(sample, "barge_in")
    return event, next(turn for turn in sample["turns"] if turn["index"] == event["target_turn"])


def before(sample: dict[str, Any]) -> list[dict[str, Any]]:
    event, target = parts(sample)
    return [word for word in target["words"] if word["end"] <= event["start"]]


def sentences(report: Report) -> str:
    return " / ".join(violation.detail for violation in report.violations if violation.check == "audible")


def test_a_correct_interruption_is_audible(clear: Written) -> None:
    assert not failed(check(clear.sample, clear.audio, clear.clean))


@pytest.mark.parametrize("channel", [ASSISTANT, USER])
def test_one_voice_that_falls_silent_while_both_should_be_heard(clear: Written, channel: int) -> None:
    event, _ = parts(clear.sample)
    start, stop = (round(event[name] * RATE) for name in ("start", "stop"))
    audio, clean = clear.audio.copy(), clear.clean.copy()
    span = slice(start + RATE // 10, stop - RATE // 10)  # 200 ms are left, one half at either end
    for stem in (audio[channel], *([clean] if channel == USER else [])):
        stem[span] = 0
    assert "both voices sound for" in sentences(check(clear.sample, audio, clean))


def test_an_onset_in_a_pause_of_the_assistant(clear: Written) -> None:
    start = round(parts(clear.sample)[0]["start"] * RATE)
    for first, last in ((-0.03, 0.03), (0.0, 0.06), (-0.06, 0.0)):
        audio = clear.audio.copy()
        audio[ASSISTANT, start + round(first * RATE) : start + round(last * RATE)] = 0
        assert "it begins in a pause of the assistant's" in sentences(check(clear.sample, audio, clear.clean))
        assert "it begins in a pause of the assistant's" in sentences(check(clear.sample, audio))


def test_a_noise_in_a_pause_is_no_speech(clear: Written) -> None:
    start = round(parts(clear.sample)[0]["start"] * RATE)
    audio = clear.audio.copy()
    noise = np.random.default_rng(0).normal(0, 1e-4, RATE // 10)
    audio[ASSISTANT, start - RATE // 20 : start + RATE // 20] = noise
    assert "it begins in a pause" in sentences(check(clear.sample, audio, clear.clean))


def test_too_few_words_before_it(clear: Written) -> None:
    sample = copy.deepcopy(clear.sample)
    event, target = parts(sample)
    kept = target["words"][:2]
    target["words"] = kept + [{**word, "start": event["start"], "end": event["stop"]} for word in target["words"][2:]]
    assert "2 words are heard before it, not 3" in sentences(check(sample, clear.audio, clear.clean))
    event["intent"] = "cancel"
    assert "words are heard before it" not in sentences(check(sample, clear.audio, clear.clean))
    target["words"] = []
    assert "0 words are heard before it, not 1" in sentences(check(sample, clear.audio, clear.clean))


def test_more_or_less_is_heard_than_the_script_lets(clear: Written) -> None:
    sample = copy.deepcopy(clear.sample)
    event, target = parts(sample)
    least, count = len(before(sample)), len(tokens(target["text_heard"]))
    event["said"], event["until"] = least, count + 1
    assert not failed(check(sample, clear.audio, clear.clean))
    event["said"] = least + 1
    assert f"{least} tokens are heard before it, not {least + 1}" in sentences(check(sample, clear.audio, clear.clean))
    event["said"], event["until"] = least, count
    assert f"{count} tokens are heard, not fewer than {count}" in sentences(check(sample, clear.audio, clear.clean))
