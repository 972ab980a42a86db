"""The CosyVoice engine against a fake of the package: texts of few words."""

import numpy as np
import pytest

from tests.synth.tts.conftest import PROMPT_TEXT, Fake, cloned, flac
from tests.synth.tts.engines.cosyvoice.conftest import a_line, error_of, speak
from turnmill.synth.tts.engines.cosyvoice import CosyVoiceEngine, engine

# Backchannels


def test_a_backchannel_is_spoken_once_for_its_voice_and_lasts_as_long_as_one(fake: Fake) -> None:
    speaker = fake.engine(voices=(cloned(), cloned("ben", recording=flac(5.0))), candidates=16)
    texts = ["Mm-hm.", "Yeah.", "Oh, I see.", "Right."]
    clips = {text: speak(speaker, a_line(text, seed=1))[0].pcm for text in texts}
    requests = len(fake.package.REQUESTS)
    assert requests < 16 * len(texts)  # no more of them than until one fits
    again = {text: speak(speaker, a_line(text, seed=1))[0].pcm for text in texts}
    assert len(fake.package.REQUESTS) == requests
    assert all(np.array_equal(clips[text], again[text]) for text in texts)
    assert all(0.2 <= len(pcm) / 24_000 <= 0.8 for pcm in clips.values())
    assert not np.array_equal(clips["Yeah."], speak(speaker, a_line("Yeah.", voice="ben"))[0].pcm)


def test_a_backchannel_is_the_same_in_an_engine_that_spoke_other_lines_first(fake: Fake) -> None:
    (alone,) = speak(fake.engine(), a_line("Yeah.", seed=5))
    *_, last = speak(fake.engine(), a_line(seed=8), a_line("Right."), a_line("Yeah.", seed=5))
    assert np.array_equal(alone.pcm, last.pcm)


def test_a_retake_of_a_backchannel_is_another_clip(fake: Fake) -> None:
    first, retake = speak(fake.engine(), a_line("Yeah.", seed=5), a_line("Yeah.", seed=6))
    assert not np.array_equal(first.pcm, retake.pcm)


@pytest.mark.parametrize(
    ("text", "candidates", "taken"),
    [
        ("Tomorrow afternoon, probably.", (0.5, 0.8, 1.5, 0.6), 1.5),
        ("Tomorrow afternoon, probably.", (5.0, 3.5, 0.7, 6.0), 3.5),
        ("BBC, CNN, NBC.", (2.2, 0.7, 0.7, 0.7), 2.2),
        ("Yeah.", (1.5, 0.1, 0.7, 0.7), 0.7),
    ],
)
def test_a_short_turn_lasts_as_long_as_its_letters_need(
    fake: Fake, text: str, candidates: tuple[float, ...], taken: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = iter(np.full(round(24_000 * seconds), 0.1, np.float32) for seconds in candidates)
    monkeypatch.setattr(CosyVoiceEngine, "_attempt", lambda *_: next(clips))
    (speech,) = speak(fake.engine(voices=(cloned(text=PROMPT_TEXT * 2),)), a_line(text))
    assert len(speech.pcm) == round(24_000 * taken)


def test_the_candidate_nearest_to_a_backchannel_is_taken_where_none_has_its_length(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_SHORT_S", (2.0, 2.1))
    (best,) = speak(fake.engine(candidates=8), a_line("Yeah."))
    lengths = []
    for request in fake.package.REQUESTS:
        assert request["text"] == "Yeah."
    assert len(fake.package.REQUESTS) == 8
    for count in range(1, 9):
        (speech,) = speak(fake.engine(candidates=count), a_line("Yeah."))
        lengths.append(len(speech.pcm))
    assert lengths == sorted(lengths)
    assert lengths[-1] == len(best.pcm)
    assert lengths[0] < lengths[-1]


def test_a_candidate_that_fails_is_passed_over(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_SHORT_S", (2.0, 2.1))
    fake.package.TROUBLES[:] = ["", "empty", "empty", "empty"]
    speak(fake.engine(candidates=3), a_line("Yeah."))
    assert len(fake.package.REQUESTS) == 5
    fake.package.TROUBLES[:] = ["empty"] * 3
    assert error_of(fake.engine(), a_line("Yeah.")).reason == "engine_failed"


def test_short_turns_of_more_than_three_words_and_short_prompts_are_lines_like_others(fake: Fake) -> None:
    speaker = fake.engine(voices=(cloned(), cloned("ben", text="Yes, so.")))
    texts = [("Yes, I do, yes.", "ann"), ("Yeah.", "ben")]
    for text, voice in texts:
        first, second = speak(speaker, *[a_line(text, seed=seed, voice=voice) for seed in (1, 2)])
        assert not np.array_equal(first.pcm, second.pcm)
    assert len(PROMPT_TEXT) > 2 * len("Yes, I do, yes.")


def test_a_clip_given_to_many_lines_cannot_be_changed_by_one(fake: Fake) -> None:
    (speech,) = speak(fake.engine(), a_line("Yeah."))
    with pytest.raises(ValueError, match="read-only"):
        speech.pcm[0] = 0
