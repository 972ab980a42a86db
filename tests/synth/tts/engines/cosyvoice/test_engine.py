"""The CosyVoice engine against a fake of the package: what reaches the model."""

from collections.abc import Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from tests.synth.tts.conftest import LICENCE, Fake, cloned, flac
from tests.synth.tts.engines.cosyvoice.conftest import SPEAKER, TEXT, a_line, error_of, speak
from turnmill.manifests.emotions import EMOTIONS
from turnmill.synth.speech import MANNERS, STYLES, Speech, SpeechError
from turnmill.synth.tts.engines.cosyvoice import DECLARATION, CosyVoiceParams, engine, wording
from turnmill.synth.tts.engines.cosyvoice.wording import INSTRUCTIONS
from turnmill.synth.voices import Voice

# What reaches the model


def test_a_cloned_voice_speaks_after_its_recording_and_text_normalised_as_the_package_would(fake: Fake) -> None:
    (speech,) = speak(fake.engine(), a_line("I have 3 red apples in my own kitchen. All of them are green inside."))
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
    speak(speaker, *[a_line(seed=seed, voice=voice) for seed in range(5) for voice in ("ann", "ben")])
    assert fake.package.RECORDINGS == [(24_000, 4.0), (24_000, 5.0)]


def test_the_package_keeps_no_more_recordings_than_it_is_allowed(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_SPEAKERS", 2)
    speaker = fake.engine(voices=tuple(cloned(name) for name in "abc"))
    clips = [speak(speaker, a_line(voice=voice))[0].pcm for voice in "abacab"]
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
    speak(fake.engine(generation, (cloned(language="zh", text="你好，我在这里。"),)), a_line("I have 3 apples."))
    (request,) = fake.package.REQUESTS
    assert request["text"] == text
    assert request.get("prompt_text") == prompt
    assert "llm_prompt_speech_token" not in request
    assert "prompt_speech_feat" in request


def test_a_recording_without_text_is_cloned_as_in_another_language(fake: Fake) -> None:
    speak(fake.engine(voices=(cloned(text=" "),)))
    assert "llm_prompt_speech_token" not in fake.package.REQUESTS[0]


@pytest.mark.parametrize("emotion", [None, "happy"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_cosyvoice_3_always_gets_its_end_of_prompt(fake: Fake, language: str, emotion: str | None) -> None:
    speak(
        fake.engine(3),
        a_line("Es dauert noch 3 Tage, dann fahren wir." if language == "de" else TEXT, language, emotion=emotion),
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
    speak(fake.engine(generation), a_line(emotion=emotion))
    (request,) = fake.package.REQUESTS
    assert request["prompt_text"] == f"{system}{sentence}<|endofprompt|>"
    assert "llm_prompt_speech_token" not in request


def test_each_emotion_of_one_voice_reaches_the_model_although_its_recording_is_kept(fake: Fake) -> None:
    emotions = [None, "happy", "angry", "happy", None]
    speak(fake.engine(), *[a_line(seed=seed, emotion=emotion) for seed, emotion in enumerate(emotions)])
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
    speak(fake.engine(style=style), a_line(emotion=emotion))
    assert fake.package.REQUESTS[0]["prompt_text"] == f"{told}<|endofprompt|>"


@pytest.mark.parametrize("general", [None, "happy", "sichuan"])
@pytest.mark.parametrize("style", STYLES)
def test_a_style_of_a_line_is_told_in_the_words_of_the_package_whatever_else_is(
    fake: Fake, style: str, general: str | None
) -> None:
    speak(fake.engine(style=general), replace(a_line(emotion="joy"), style=style))
    assert fake.package.REQUESTS[0]["prompt_text"] == f"{INSTRUCTIONS[style]}<|endofprompt|>"


def test_every_manner_has_a_sentence_of_its_own_and_those_of_the_dialects_name_them() -> None:
    assert set(INSTRUCTIONS) >= MANNERS
    assert len({INSTRUCTIONS[name] for name in MANNERS}) == len(MANNERS)
    assert (INSTRUCTIONS["cantonese"], INSTRUCTIONS["sichuan"]) == ("请用广东话表达。", "请用四川话表达。")


@pytest.mark.parametrize(
    ("model", "emotions", "some", "others"),
    [
        ("FunAudioLLM/CosyVoice2-0.5B", True, {"joy", "slow", "soft", "sichuan"}, {"yunnan", "minnan"}),
        ("FunAudioLLM/Fun-CosyVoice3-0.5B-2512", True, MANNERS, set()),
        ("FunAudioLLM/CosyVoice-300M", True, set(), MANNERS),
        ("FunAudioLLM/CosyVoice2-0.5B", False, set(), MANNERS),
    ],
)
def test_what_a_generation_performs_is_known_before_its_model_is_here(
    model: str, emotions: bool, some: Set[str], others: Set[str]
) -> None:
    performed = set(DECLARATION.performs(CosyVoiceParams(model=model, emotions=emotions)))
    assert performed >= some
    assert not performed & others


@pytest.mark.parametrize("style", [None, "happy", "sad"])
def test_each_emotion_of_a_rewrite_is_told_in_words_of_its_own_whatever_the_style(
    fake: Fake, style: str | None
) -> None:
    speak(fake.engine(style=style), *[a_line(seed=seed, emotion=name) for seed, name in enumerate(EMOTIONS)])
    told = dict(zip(EMOTIONS, (request["prompt_text"] for request in fake.package.REQUESTS), strict=True))
    assert len(set(told.values())) == len(EMOTIONS) == 8
    assert told["fear"] == "请非常害怕地说一句话。<|endofprompt|>"


def test_an_emotion_that_no_model_knows_is_not_told_by_a_style_that_is_another(fake: Fake) -> None:
    speak(fake.engine(style="happy"), a_line(emotion="pensive"))
    speak(fake.engine(style="sichuan"), a_line(emotion="pensive"))
    plain, dialect = fake.package.REQUESTS
    assert "开心" not in plain["prompt_text"]
    assert "四川话" in dialect["prompt_text"]


@pytest.mark.parametrize(("emotion", "emotions"), [("pensive", True), ("happy", False)])
def test_an_emotion_that_no_model_knows_or_nobody_wants_is_not_told(fake: Fake, emotion: str, emotions: bool) -> None:
    speak(fake.engine(emotions=emotions), a_line(emotion=emotion))
    assert "llm_prompt_speech_token" in fake.package.REQUESTS[0]


@pytest.mark.parametrize(("emotion", "prompt"), [(None, None), ("sad", "请非常伤心地说一句话。<|endofprompt|>")])
def test_a_speaker_of_cosyvoice_1_speaks_by_name_and_by_instruction(
    fake: Fake, emotion: str | None, prompt: str | None
) -> None:
    speaker = fake.engine(1, (SPEAKER,))
    (speech,) = speak(speaker, a_line("我有3个苹果。", "zh-CN", emotion=emotion, voice="中文女"))
    (request,) = fake.package.REQUESTS
    assert (request["text"], request.get("prompt_text")) == ("我有number-3个苹果。", prompt)
    assert speech.sample_rate == speaker.sample_rate == 22_050


def test_a_voice_kept_in_the_model_s_folder_speaks_by_its_name(fake: Fake) -> None:
    speaker = fake.engine(3, (Voice("kept", "en", None, None, LICENCE), cloned()))
    speak(speaker, a_line())
    info = speaker._model.frontend.spk2info
    info["kept"] = info[next(iter(info))]
    speak(speaker, a_line(voice="kept"))
    assert fake.package.REQUESTS[0] == fake.package.REQUESTS[1]


def test_a_speed_is_passed_on(fake: Fake) -> None:
    plain, fast = (speak(fake.engine(speed=speed))[0].pcm for speed in (1.0, 2.0))
    assert len(fast) == len(plain) // 2


def test_tags_reach_the_model_and_control_tokens_do_not(fake: Fake) -> None:
    speak(fake.engine(), a_line("Well [laughter] no 3 <|endofprompt|> times <| nor |> more <|zh|>[cough]"))
    assert fake.package.REQUESTS[0]["text"] == "Well [laughter] no number-3   times   nor   more  [cough]."


def test_cosyvoice_1_is_given_only_the_tags_it_knows(fake: Fake) -> None:
    speak(fake.engine(1), a_line("He [laughter] went [cough] <strong>home</strong> [mn] at last today."))
    text = fake.package.REQUESTS[0]["text"]
    assert text.split() == ["He", "[laughter]", "went", "<strong>home</strong>", "at", "last", "today."]


@pytest.mark.parametrize(("language", "spoken"), [("ru", "3"), ("en-GB", "number-3"), ("cmn-Hans", "number-3")])
def test_digits_are_left_to_the_model_where_the_package_would_read_them_in_english(
    fake: Fake, language: str, spoken: str
) -> None:
    speak(fake.engine(3), a_line("3 3 3 3 3.", language))
    assert fake.package.REQUESTS[0]["text"] == " ".join([spoken] * 5) + "."


def test_a_long_text_that_is_not_normalised_is_cut_at_sentences(fake: Fake) -> None:
    speak(fake.engine(3), a_line("Это долгая история, и я её расскажу. " * 20, "ru"))
    texts = [request["text"] for request in fake.package.REQUESTS]
    assert max(map(len, texts)) <= 200
    assert "".join(texts).split() == ("Это долгая история, и я её расскажу. " * 20).split()


@pytest.mark.parametrize(("generation", "language"), [(1, "de"), (2, "fr-FR"), (3, "nl"), (3, "pt-BR")])
def test_a_language_the_model_does_not_speak_is_said_so(fake: Fake, generation: int, language: str) -> None:
    error = error_of(fake.engine(generation), a_line(language=language))
    assert error.reason == "unsupported_language"
    assert language in error.detail


def test_a_voice_that_is_nowhere_and_one_without_recording_are_told_apart(fake: Fake) -> None:
    speaker = fake.engine(1, (cloned(), Voice("espeak-en", "en", None, None, LICENCE)))
    assert error_of(speaker, a_line(voice="bob")).reason == "unknown_voice"
    assert error_of(speaker, a_line(voice="espeak-en")).reason == "no_prompt"


@pytest.mark.parametrize("text", ["", " ", "...", "<|en|>", "?!"])
def test_nothing_to_speak_is_said_without_asking_the_model(fake: Fake, text: str) -> None:
    assert error_of(fake.engine(), a_line(text)).reason == "nothing_spoken"
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
    bad, good = speaker.synthesize([a_line(voice="bad"), a_line()])
    assert isinstance(bad, SpeechError)
    assert bad.reason == "no_prompt"
    assert why in bad.detail
    assert isinstance(good, Speech)


def test_a_recording_of_which_one_channel_is_silent_is_cloned_at_its_own_rate(fake: Fake) -> None:
    speak(fake.engine(voices=(cloned(recording=flac(3.0, 44_100, channels=2)),)))
    assert fake.package.RECORDINGS == [(44_100, 3.0)]


# Seeds and state


def test_a_line_sounds_the_same_whatever_was_spoken_before_and_otherwise_with_another_seed(fake: Fake) -> None:
    lines = [a_line(seed=seed, emotion=emotion) for seed in (1, 2) for emotion in (None, "sad")]
    forth = speak(fake.engine(), *lines)
    back = speak(fake.engine(), *reversed(lines))
    assert [speech.pcm.tobytes() for speech in forth] == [speech.pcm.tobytes() for speech in reversed(back)]
    assert not np.array_equal(forth[0].pcm, forth[2].pcm)


def test_engines_in_threads_speak_one_line_at_a_time_and_to_the_same_bytes(fake: Fake) -> None:
    lines = [a_line(seed=seed) for seed in range(12)]
    expected = [speech.pcm.tobytes() for speech in speak(fake.engine(), *lines)]
    engines = [fake.engine(), fake.engine()]
    with ThreadPoolExecutor(4) as pool:
        spoken = list(pool.map(lambda line: speak(engines[line.seed % 2], line)[0].pcm.tobytes(), lines))
    assert spoken == expected


def test_speech_over_full_scale_is_clipped(fake: Fake) -> None:
    fake.package.TROUBLES[:] = ["loud"]
    (speech,) = speak(fake.engine())
    assert np.abs(speech.pcm).max() == 1.0


def test_no_request_streams(fake: Fake) -> None:
    speaker = fake.engine()
    speak(speaker, *[a_line(seed=seed) for seed in range(3)])
    assert speaker._model.model.token_hop_len == 25


def test_every_instruction_ends_the_prompt_once() -> None:
    for sentence in wording.INSTRUCTIONS.values():
        for generation in (1, 2, 3):
            assert wording.instruct_text(sentence, generation).count("<|endofprompt|>") == 1
