"""The CosyVoice engine against a fake of the package: what comes of each way to fail."""

import threading
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.synth.tts.conftest import Fake
from tests.synth.tts.engines.cosyvoice.conftest import TEXT, a_line, error_of, speak
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.synth.speech import Speech, SpeechError
from turnmill.synth.tts.engines.cosyvoice.package import Model

# Failures


@pytest.mark.parametrize("trouble", ["thread", "midway", "empty", "nan", "silent"])
def test_a_try_that_fails_is_followed_by_one_under_another_seed(fake: Fake, trouble: str) -> None:
    package, speaker = fake.package, fake.engine()
    (plain,) = speak(speaker)
    package.TROUBLES[:] = [trouble]
    (retried,) = speak(speaker)
    assert len(retried.pcm) == len(plain.pcm)  # never the short clip of a thread that died midway
    assert not np.array_equal(retried.pcm, plain.pcm)
    package.TROUBLES[:] = [trouble]
    (again,) = speak(fake.engine())
    assert np.array_equal(retried.pcm, again.pcm)


@pytest.mark.parametrize(
    ("trouble", "reason", "detail"),
    [
        ("thread", "engine_failed", "ValueError: should not get token 6563"),
        ("midway", "engine_failed", "IndexError: index out of range in self"),
        ("empty", "engine_failed", "RuntimeError: Calculated padded input size"),
        ("nan", "engine_failed", "not finite"),
        ("silent", "nothing_spoken", "makes no sound"),
    ],
)
def test_a_line_that_fails_every_try_is_an_error_with_its_own_cause_beside_lines_that_speak(
    fake: Fake, trouble: str, reason: str, detail: str, capfd: pytest.CaptureFixture[str]
) -> None:
    fake.package.TROUBLES[:] = ["", trouble, trouble, trouble]
    speaker = fake.engine()
    first, second, third = speaker.synthesize([a_line(seed=seed) for seed in range(3)])
    assert isinstance(first, Speech)
    assert isinstance(second, SpeechError)
    assert isinstance(third, Speech)
    assert second.reason == reason
    assert second.detail.startswith("line line-1: ")
    assert detail in second.detail
    assert capfd.readouterr() == ("", "")  # no traceback, no progress bar, no log
    model = speaker._model.model
    assert not model.tts_speech_token_dict
    assert not model.llm_end_dict
    assert not model.hift_cache_dict


def test_tries_are_as_many_as_asked_for(fake: Fake) -> None:
    fake.package.TROUBLES[:] = ["empty"] * 5
    assert error_of(fake.engine(tries=5)).reason == "engine_failed"
    assert len(fake.package.REQUESTS) == 5


def test_what_other_threads_raise_is_still_reported(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(str(args.exc_value)))
    hook = threading.excepthook

    def elsewhere() -> None:
        raise ValueError("of another thread")

    def speak_beside(*_: object, **__: object) -> list[object]:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return [None]

    speaker = fake.engine()
    speak(speaker)
    monkeypatch.setattr(speaker._model, "inference_zero_shot", speak_beside)
    error = error_of(speaker)
    assert "NoneType" in error.detail
    assert set(seen) == {"of another thread"}
    assert threading.excepthook is hook


def test_a_model_that_fails_every_line_is_loaded_again_and_then_given_up(fake: Fake) -> None:
    package, speaker = fake.package, fake.engine(tries=1)
    package.TROUBLES[:] = ["thread"] * 100
    assert len(speaker.synthesize([a_line(seed=seed) for seed in range(15)])) == 15
    assert len(package.LOADED) == 2
    with pytest.raises(TurnmillError, match=r"failed 16 lines in a row.*should not get token"):
        speaker.synthesize([a_line()])


def test_a_line_that_speaks_starts_the_count_of_failures_again(fake: Fake) -> None:
    package, speaker = fake.package, fake.engine(tries=1)
    package.TROUBLES[:] = [*["thread"] * 7, ""] * 4
    results = speaker.synthesize([a_line(seed=seed) for seed in range(32)])
    assert sum(isinstance(result, Speech) for result in results) == 4
    assert len(package.LOADED) == 1


def test_bad_lines_next_to_each_other_are_rejected_and_the_model_that_speaks_others_goes_on(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker = fake.engine(tries=2)
    (before,) = speak(speaker)
    spoken = speaker._spoken

    def pieces(model: Model, utterance: Any) -> Iterator[Any]:
        if utterance.text.startswith("Bad"):
            raise ValueError("should not get token 6563")
        return spoken(model, utterance)

    monkeypatch.setattr(speaker, "_spoken", pieces)
    results = speaker.synthesize([a_line(f"Bad line number {seed} of those.", seed=seed) for seed in range(40)])
    assert {result.reason for result in results if isinstance(result, SpeechError)} == {"engine_failed"}
    assert len(fake.package.LOADED) == 1 + 40 // 8
    (after,) = speak(speaker)
    assert np.array_equal(before.pcm, after.pcm)


def test_a_model_that_no_longer_speaks_what_it_spoke_ends_the_run_after_it_was_loaded_again(fake: Fake) -> None:
    package, speaker = fake.package, fake.engine(tries=2)
    speak(speaker)
    package.TROUBLES[:] = ["thread"] * 100
    lines = [a_line(f"Another line to be spoken, {'x' * seed}.", seed=seed) for seed in range(8)]
    assert len(speaker.synthesize(lines[:7])) == 7
    package.REQUESTS.clear()
    with pytest.raises(TurnmillError, match=r"failed 8 lines in a row.*should not get token") as error:
        speaker.synthesize(lines[7:])
    assert not isinstance(error.value, UsageError)
    assert [request["text"] for request in package.REQUESTS] == [lines[7].text] * 2 + [TEXT] * 2
    assert len(package.LOADED) == 2


def test_a_model_that_cannot_be_loaded_again_is_no_mistake_in_the_recipe(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, speaker = fake.package, fake.engine(tries=1)

    def load(**_: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    speak(speaker)
    package.TROUBLES[:] = ["thread"] * 100
    monkeypatch.setattr(package, "AutoModel", load)
    with pytest.raises(TurnmillError, match=r"run the same command again: .*illegal memory access") as error:
        speaker.synthesize([a_line(seed=seed) for seed in range(8)])
    assert not isinstance(error.value, UsageError)


def test_the_model_that_failed_is_gone_before_it_is_loaded_again(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    package, speaker = fake.package, fake.engine(tries=1)
    speak(speaker)
    failing = weakref.ref(speaker._model)
    package.TROUBLES[:] = ["thread"] * 8
    load, held = package.AutoModel, []
    monkeypatch.setattr(package, "AutoModel", lambda **given: held.append(failing()) or load(**given))
    speaker.synthesize([a_line(seed=seed) for seed in range(8)])
    assert held == [None], "two models at a time do not fit the GPU"
