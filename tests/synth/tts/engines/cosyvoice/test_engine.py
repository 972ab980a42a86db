"""The CosyVoice engine against a fake of the package: what reaches the model, and what comes of each way to fail."""

import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from tests.synth.tts.conftest import LICENCE, PROMPT_TEXT, Fake, cloned, flac
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.synth.rewrite.answers import EMOTIONS
from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.tts.engines.cosyvoice import CosyVoiceEngine, engine, wording
from turnmill.synth.tts.engines.cosyvoice.package import Model
from turnmill.synth.voices import Voice

TEXT = "I would like to go there on the fourth of May."
SPEAKER = Voice("中文女", "zh", None, "female", LICENCE)


def _line(
    text: str = TEXT, language: str = "en", seed: int = 1, emotion: str | None = None, voice: str = "ann"
) -> Line:
    return Line(f"line-{seed}", text, voice, language, seed, emotion)


def _speak(engine: CosyVoiceEngine, *lines: Line) -> list[Speech]:
    results = engine.synthesize(lines or [_line()])
    assert all(isinstance(result, Speech) for result in results), results
    return [result for result in results if isinstance(result, Speech)]


def _fail(engine: CosyVoiceEngine, *lines: Line) -> SpeechError:
    (result,) = engine.synthesize(lines or [_line()])
    assert isinstance(result, SpeechError)
    return result


# What reaches the model


def test_a_cloned_voice_speaks_after_its_recording_and_text_normalised_as_the_package_would(fake: Fake) -> None:
    (speech,) = _speak(fake.engine(), _line("I have 3 red apples in my own kitchen. All of them are green inside."))
    requests = fake.package.REQUESTS
    assert [request["text"] for request in requests] == [
        "I have number-3 red apples in my own kitchen.",
        " All of them are green inside.",
    ]
    prompt = "I have lived in this town for number-21 years and I like it."
    assert {request["prompt_text"] for request in requests} == {prompt}
    assert all("llm_prompt_speech_token" in request for request in requests)
    assert fake.package.RECORDINGS == [(24_000, 4.0)]
    assert speech.pcm.dtype == np.float32
    assert speech.pcm.shape == (960 * 2 * sum(len(request["text"]) for request in requests),)  # both pieces, joined
    assert 0.1 < np.abs(speech.pcm).max() <= 1
    assert (speech.sample_rate, speech.words) == (24_000, None)


def test_a_recording_is_read_once_for_all_lines_of_its_voice(fake: Fake) -> None:
    speaker = fake.engine(voices=(cloned(), cloned("ben", recording=flac(5.0))))
    _speak(speaker, *[_line(seed=seed, voice=voice) for seed in range(5) for voice in ("ann", "ben")])
    assert fake.package.RECORDINGS == [(24_000, 4.0), (24_000, 5.0)]


def test_the_package_keeps_no_more_recordings_than_it_is_allowed(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_SPEAKERS", 2)
    speaker = fake.engine(voices=tuple(cloned(name) for name in "abc"))
    clips = [_speak(speaker, _line(voice=voice))[0].pcm for voice in "abacab"]
    assert len(fake.package.RECORDINGS) == 4  # c takes the place of b, which was needed longer ago than a
    assert len(speaker._model.frontend.spk2info) == 2
    assert np.array_equal(clips[1], clips[5])


@pytest.mark.parametrize(
    ("generation", "text", "prompt"),
    [
        (1, "<|en|>I have number-3 apples.", None),
        (2, "I have number-3 apples.", None),
        (3, "I have number-3 apples.", "You are a helpful assistant.<|endofprompt|>"),
    ],
)
def test_a_voice_speaks_another_language_without_its_text_and_the_line_is_still_normalised(
    fake: Fake, generation: int, text: str, prompt: str | None
) -> None:
    _speak(fake.engine(generation, (cloned(language="zh", text="你好，我在这里。"),)), _line("I have 3 apples."))
    (request,) = fake.package.REQUESTS
    assert request["text"] == text
    assert request.get("prompt_text") == prompt
    assert "llm_prompt_speech_token" not in request
    assert "prompt_speech_feat" in request


def test_a_recording_without_text_is_cloned_as_in_another_language(fake: Fake) -> None:
    _speak(fake.engine(voices=(cloned(text=" "),)))
    assert "llm_prompt_speech_token" not in fake.package.REQUESTS[0]


@pytest.mark.parametrize("emotion", [None, "happy"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_cosyvoice_3_always_gets_its_end_of_prompt(fake: Fake, language: str, emotion: str | None) -> None:
    _speak(
        fake.engine(3),
        _line("Es dauert noch 3 Tage, dann fahren wir." if language == "de" else TEXT, language, emotion=emotion),
    )
    (request,) = fake.package.REQUESTS
    assert request["prompt_text"].startswith("You are a helpful assistant.")
    assert request["prompt_text"].count("<|endofprompt|>") == 1


@pytest.mark.parametrize(
    ("emotion", "sentence"),
    [("happy", "请非常开心地说一句话。"), ("Sadness", "请非常伤心地说一句话。"), ("anger", "请非常生气地说一句话。")],
)
@pytest.mark.parametrize(("generation", "system"), [(2, ""), (3, "You are a helpful assistant. ")])
def test_an_emotion_is_told_in_the_words_of_the_package(
    fake: Fake, generation: int, system: str, emotion: str, sentence: str
) -> None:
    _speak(fake.engine(generation), _line(emotion=emotion))
    (request,) = fake.package.REQUESTS
    assert request["prompt_text"] == f"{system}{sentence}<|endofprompt|>"
    assert "llm_prompt_speech_token" not in request


def test_each_emotion_of_one_voice_reaches_the_model_although_its_recording_is_kept(fake: Fake) -> None:
    emotions = [None, "happy", "angry", "happy", None]
    _speak(fake.engine(), *[_line(seed=seed, emotion=emotion) for seed, emotion in enumerate(emotions)])
    told = [request["prompt_text"] for request in fake.package.REQUESTS]
    assert [("开心" in text, "生气" in text) for text in told] == [
        (emotion == "happy", emotion == "angry") for emotion in emotions
    ]
    assert len(fake.package.RECORDINGS) == 3


@pytest.mark.parametrize(
    ("style", "emotion", "told"),
    [
        ("sichuan", None, "请用四川话表达。"),
        ("sichuan", "neutral", "请用四川话表达。"),
        ("sichuan", "sad", "请非常伤心地说一句话。"),
        ("Speak like <|en|>a judge.", None, "Speak like  a judge."),
    ],
)
def test_a_style_holds_for_lines_without_an_emotion(fake: Fake, style: str, emotion: str | None, told: str) -> None:
    _speak(fake.engine(style=style), _line(emotion=emotion))
    assert fake.package.REQUESTS[0]["prompt_text"] == f"{told}<|endofprompt|>"


@pytest.mark.parametrize("style", [None, "happy", "sad"])
def test_each_emotion_of_a_rewrite_is_told_in_words_of_its_own_whatever_the_style(
    fake: Fake, style: str | None
) -> None:
    _speak(fake.engine(style=style), *[_line(seed=seed, emotion=name) for seed, name in enumerate(EMOTIONS)])
    told = dict(zip(EMOTIONS, (request["prompt_text"] for request in fake.package.REQUESTS), strict=True))
    assert len(set(told.values())) == len(EMOTIONS) == 8
    assert told["fear"] == "请非常害怕地说一句话。<|endofprompt|>"


def test_an_emotion_that_no_model_knows_is_not_told_by_a_style_that_is_another(fake: Fake) -> None:
    _speak(fake.engine(style="happy"), _line(emotion="pensive"))
    _speak(fake.engine(style="sichuan"), _line(emotion="pensive"))
    plain, dialect = fake.package.REQUESTS
    assert "开心" not in plain["prompt_text"]
    assert "四川话" in dialect["prompt_text"]


@pytest.mark.parametrize(("emotion", "emotions"), [("pensive", True), ("happy", False)])
def test_an_emotion_that_no_model_knows_or_nobody_wants_is_not_told(fake: Fake, emotion: str, emotions: bool) -> None:
    _speak(fake.engine(emotions=emotions), _line(emotion=emotion))
    assert "llm_prompt_speech_token" in fake.package.REQUESTS[0]


@pytest.mark.parametrize(("emotion", "prompt"), [(None, None), ("sad", "请非常伤心地说一句话。<|endofprompt|>")])
def test_a_speaker_of_cosyvoice_1_speaks_by_name_and_by_instruction(
    fake: Fake, emotion: str | None, prompt: str | None
) -> None:
    speaker = fake.engine(1, (SPEAKER,))
    (speech,) = _speak(speaker, _line("我有3个苹果。", "zh-CN", emotion=emotion, voice="中文女"))
    (request,) = fake.package.REQUESTS
    assert (request["text"], request.get("prompt_text")) == ("我有number-3个苹果。", prompt)
    assert speech.sample_rate == speaker.sample_rate == 22_050


def test_a_voice_kept_in_the_model_s_folder_speaks_by_its_name(fake: Fake) -> None:
    speaker = fake.engine(3, (Voice("kept", "en", None, None, LICENCE), cloned()))
    _speak(speaker, _line())
    info = speaker._model.frontend.spk2info
    info["kept"] = info[next(iter(info))]
    _speak(speaker, _line(voice="kept"))
    assert fake.package.REQUESTS[0] == fake.package.REQUESTS[1]


def test_a_speed_is_passed_on(fake: Fake) -> None:
    plain, fast = (_speak(fake.engine(speed=speed))[0].pcm for speed in (1.0, 2.0))
    assert len(fast) == len(plain) // 2


def test_tags_reach_the_model_and_control_tokens_do_not(fake: Fake) -> None:
    _speak(fake.engine(), _line("Well [laughter] no 3 <|endofprompt|> times <| nor |> more <|zh|>[cough]"))
    assert fake.package.REQUESTS[0]["text"] == "Well [laughter] no number-3   times   nor   more  [cough]."


def test_cosyvoice_1_is_given_only_the_tags_it_knows(fake: Fake) -> None:
    _speak(fake.engine(1), _line("He [laughter] went [cough] <strong>home</strong> [mn] at last today."))
    text = fake.package.REQUESTS[0]["text"]
    assert text.split() == ["He", "[laughter]", "went", "<strong>home</strong>", "at", "last", "today."]


@pytest.mark.parametrize(("language", "spoken"), [("ru", "3"), ("en-GB", "number-3"), ("cmn-Hans", "number-3")])
def test_digits_are_left_to_the_model_where_the_package_would_read_them_in_english(
    fake: Fake, language: str, spoken: str
) -> None:
    _speak(fake.engine(3), _line("3 3 3 3 3.", language))
    assert fake.package.REQUESTS[0]["text"] == " ".join([spoken] * 5) + "."


def test_a_long_text_that_is_not_normalised_is_cut_at_sentences(fake: Fake) -> None:
    _speak(fake.engine(3), _line("Это долгая история, и я её расскажу. " * 20, "ru"))
    texts = [request["text"] for request in fake.package.REQUESTS]
    assert max(map(len, texts)) <= 200
    assert "".join(texts).split() == ("Это долгая история, и я её расскажу. " * 20).split()


@pytest.mark.parametrize(("generation", "language"), [(1, "de"), (2, "fr-FR"), (3, "nl"), (3, "pt-BR")])
def test_a_language_the_model_does_not_speak_is_said_so(fake: Fake, generation: int, language: str) -> None:
    error = _fail(fake.engine(generation), _line(language=language))
    assert error.reason == "unsupported_language"
    assert language in error.detail


def test_a_voice_that_is_nowhere_and_one_without_recording_are_told_apart(fake: Fake) -> None:
    speaker = fake.engine(1, (cloned(), Voice("espeak-en", "en", None, None, LICENCE)))
    assert _fail(speaker, _line(voice="bob")).reason == "unknown_voice"
    assert _fail(speaker, _line(voice="espeak-en")).reason == "no_prompt"


@pytest.mark.parametrize("text", ["", " ", "...", "<|en|>", "?!"])
def test_nothing_to_speak_is_said_without_asking_the_model(fake: Fake, text: str) -> None:
    assert _fail(fake.engine(), _line(text)).reason == "nothing_spoken"
    assert not fake.package.REQUESTS


@pytest.mark.parametrize(
    ("recording", "why"),
    [
        (b"no audio", "cannot be decoded"),
        (flac(rate=8_000), "8000 Hz"),
        (flac(seconds=31), "31.0 s"),
        (flac(seconds=0.5), "0.5 s"),
        (flac(gain=0.0), "is silent"),
    ],
)
def test_a_recording_that_cannot_be_cloned_fails_its_own_lines_only(fake: Fake, recording: bytes, why: str) -> None:
    speaker = fake.engine(voices=(cloned("bad", recording=recording), cloned()))
    bad, good = speaker.synthesize([_line(voice="bad"), _line()])
    assert isinstance(bad, SpeechError)
    assert bad.reason == "no_prompt"
    assert why in bad.detail
    assert isinstance(good, Speech)


def test_a_recording_of_which_one_channel_is_silent_is_cloned_at_its_own_rate(fake: Fake) -> None:
    _speak(fake.engine(voices=(cloned(recording=flac(3.0, 44_100, channels=2)),)))
    assert fake.package.RECORDINGS == [(44_100, 3.0)]


# Seeds and state


def test_a_line_sounds_the_same_whatever_was_spoken_before_and_otherwise_with_another_seed(fake: Fake) -> None:
    lines = [_line(seed=seed, emotion=emotion) for seed in (1, 2) for emotion in (None, "sad")]
    forth = _speak(fake.engine(), *lines)
    back = _speak(fake.engine(), *reversed(lines))
    assert [speech.pcm.tobytes() for speech in forth] == [speech.pcm.tobytes() for speech in reversed(back)]
    assert not np.array_equal(forth[0].pcm, forth[2].pcm)


def test_engines_in_threads_speak_one_line_at_a_time_and_to_the_same_bytes(fake: Fake) -> None:
    lines = [_line(seed=seed) for seed in range(12)]
    expected = [speech.pcm.tobytes() for speech in _speak(fake.engine(), *lines)]
    engines = [fake.engine(), fake.engine()]
    with ThreadPoolExecutor(4) as pool:
        spoken = list(pool.map(lambda line: _speak(engines[line.seed % 2], line)[0].pcm.tobytes(), lines))
    assert spoken == expected


def test_speech_over_full_scale_is_clipped(fake: Fake) -> None:
    fake.package.TROUBLES[:] = ["loud"]
    (speech,) = _speak(fake.engine())
    assert np.abs(speech.pcm).max() == 1.0


def test_no_request_streams(fake: Fake) -> None:
    speaker = fake.engine()
    _speak(speaker, *[_line(seed=seed) for seed in range(3)])
    assert speaker._model.model.token_hop_len == 25


# Failures


@pytest.mark.parametrize("trouble", ["thread", "midway", "empty", "nan", "silent"])
def test_a_try_that_fails_is_followed_by_one_under_another_seed(fake: Fake, trouble: str) -> None:
    package, speaker = fake.package, fake.engine()
    (plain,) = _speak(speaker)
    package.TROUBLES[:] = [trouble]
    (retried,) = _speak(speaker)
    assert len(retried.pcm) == len(plain.pcm)  # never the short clip of a thread that died midway
    assert not np.array_equal(retried.pcm, plain.pcm)
    package.TROUBLES[:] = [trouble]
    (again,) = _speak(fake.engine())
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
    first, second, third = speaker.synthesize([_line(seed=seed) for seed in range(3)])
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
    assert _fail(fake.engine(tries=5)).reason == "engine_failed"
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
    _speak(speaker)
    monkeypatch.setattr(speaker._model, "inference_zero_shot", speak_beside)
    error = _fail(speaker)
    assert "NoneType" in error.detail
    assert set(seen) == {"of another thread"}
    assert threading.excepthook is hook


def test_a_model_that_fails_every_line_is_loaded_again_and_then_given_up(fake: Fake) -> None:
    package, speaker = fake.package, fake.engine(tries=1)
    package.TROUBLES[:] = ["thread"] * 100
    assert len(speaker.synthesize([_line(seed=seed) for seed in range(15)])) == 15
    assert len(package.LOADED) == 2
    with pytest.raises(TurnmillError, match=r"failed 16 lines in a row.*should not get token"):
        speaker.synthesize([_line()])


def test_a_line_that_speaks_starts_the_count_of_failures_again(fake: Fake) -> None:
    package, speaker = fake.package, fake.engine(tries=1)
    package.TROUBLES[:] = [*["thread"] * 7, ""] * 4
    results = speaker.synthesize([_line(seed=seed) for seed in range(32)])
    assert sum(isinstance(result, Speech) for result in results) == 4
    assert len(package.LOADED) == 1


def test_bad_lines_next_to_each_other_are_rejected_and_the_model_that_speaks_others_goes_on(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker = fake.engine(tries=2)
    (before,) = _speak(speaker)
    spoken = speaker._spoken

    def pieces(model: Model, utterance: Any) -> Iterator[Any]:
        if utterance.text.startswith("Bad"):
            raise ValueError("should not get token 6563")
        return spoken(model, utterance)

    monkeypatch.setattr(speaker, "_spoken", pieces)
    results = speaker.synthesize([_line(f"Bad line number {seed} of those.", seed=seed) for seed in range(40)])
    assert {result.reason for result in results if isinstance(result, SpeechError)} == {"engine_failed"}
    assert len(fake.package.LOADED) == 1 + 40 // 8
    (after,) = _speak(speaker)
    assert np.array_equal(before.pcm, after.pcm)


def test_a_model_that_no_longer_speaks_what_it_spoke_ends_the_run_after_it_was_loaded_again(fake: Fake) -> None:
    package, speaker = fake.package, fake.engine(tries=2)
    _speak(speaker)
    package.TROUBLES[:] = ["thread"] * 100
    lines = [_line(f"Another line to be spoken, {'x' * seed}.", seed=seed) for seed in range(8)]
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

    _speak(speaker)
    package.TROUBLES[:] = ["thread"] * 100
    monkeypatch.setattr(package, "AutoModel", load)
    with pytest.raises(TurnmillError, match=r"run the same command again: .*illegal memory access") as error:
        speaker.synthesize([_line(seed=seed) for seed in range(8)])
    assert not isinstance(error.value, UsageError)


def test_the_model_that_failed_is_gone_before_it_is_loaded_again(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    package, speaker = fake.package, fake.engine(tries=1)
    _speak(speaker)
    failing = weakref.ref(speaker._model)
    package.TROUBLES[:] = ["thread"] * 8
    load, held = package.AutoModel, []
    monkeypatch.setattr(package, "AutoModel", lambda **given: held.append(failing()) or load(**given))
    speaker.synthesize([_line(seed=seed) for seed in range(8)])
    assert held == [None], "two models at a time do not fit the GPU"


# Backchannels


def test_a_backchannel_is_spoken_once_for_its_voice_and_lasts_as_long_as_one(fake: Fake) -> None:
    speaker = fake.engine(voices=(cloned(), cloned("ben", recording=flac(5.0))), candidates=16)
    texts = ["Mm-hm.", "Yeah.", "Oh, I see.", "Right."]
    clips = {text: _speak(speaker, _line(text, seed=1))[0].pcm for text in texts}
    requests = len(fake.package.REQUESTS)
    assert requests < 16 * len(texts)  # no more of them than until one fits
    again = {text: _speak(speaker, _line(text, seed=1))[0].pcm for text in texts}
    assert len(fake.package.REQUESTS) == requests
    assert all(np.array_equal(clips[text], again[text]) for text in texts)
    assert all(0.2 <= len(pcm) / 24_000 <= 0.8 for pcm in clips.values())
    assert not np.array_equal(clips["Yeah."], _speak(speaker, _line("Yeah.", voice="ben"))[0].pcm)


def test_a_backchannel_is_the_same_in_an_engine_that_spoke_other_lines_first(fake: Fake) -> None:
    (alone,) = _speak(fake.engine(), _line("Yeah.", seed=5))
    *_, last = _speak(fake.engine(), _line(seed=8), _line("Right."), _line("Yeah.", seed=5))
    assert np.array_equal(alone.pcm, last.pcm)


def test_a_retake_of_a_backchannel_is_another_clip(fake: Fake) -> None:
    first, retake = _speak(fake.engine(), _line("Yeah.", seed=5), _line("Yeah.", seed=6))
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
    (speech,) = _speak(fake.engine(voices=(cloned(text=PROMPT_TEXT * 2),)), _line(text))
    assert len(speech.pcm) == round(24_000 * taken)


def test_the_candidate_nearest_to_a_backchannel_is_taken_where_none_has_its_length(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_SHORT_S", (2.0, 2.1))
    (best,) = _speak(fake.engine(candidates=8), _line("Yeah."))
    lengths = []
    for request in fake.package.REQUESTS:
        assert request["text"] == "Yeah."
    assert len(fake.package.REQUESTS) == 8
    for count in range(1, 9):
        (speech,) = _speak(fake.engine(candidates=count), _line("Yeah."))
        lengths.append(len(speech.pcm))
    assert lengths == sorted(lengths)
    assert lengths[-1] == len(best.pcm)
    assert lengths[0] < lengths[-1]


def test_a_candidate_that_fails_is_passed_over(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_SHORT_S", (2.0, 2.1))
    fake.package.TROUBLES[:] = ["", "empty", "empty", "empty"]
    _speak(fake.engine(candidates=3), _line("Yeah."))
    assert len(fake.package.REQUESTS) == 5
    fake.package.TROUBLES[:] = ["empty"] * 3
    assert _fail(fake.engine(), _line("Yeah.")).reason == "engine_failed"


def test_short_turns_of_more_than_three_words_and_short_prompts_are_lines_like_others(fake: Fake) -> None:
    speaker = fake.engine(voices=(cloned(), cloned("ben", text="Yes, so.")))
    texts = [("Yes, I do, yes.", "ann"), ("Yeah.", "ben")]
    for text, voice in texts:
        first, second = _speak(speaker, *[_line(text, seed=seed, voice=voice) for seed in (1, 2)])
        assert not np.array_equal(first.pcm, second.pcm)
    assert len(PROMPT_TEXT) > 2 * len("Yes, I do, yes.")


def test_a_clip_given_to_many_lines_cannot_be_changed_by_one(fake: Fake) -> None:
    (speech,) = _speak(fake.engine(), _line("Yeah."))
    with pytest.raises(ValueError, match="read-only"):
        speech.pcm[0] = 0


def test_every_instruction_ends_the_prompt_once() -> None:
    for sentence in wording.INSTRUCTIONS.values():
        for generation in (1, 2, 3):
            assert wording.instruct_text(sentence, generation).count("<|endofprompt|>") == 1
