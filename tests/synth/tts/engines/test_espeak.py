"""The embedded engine: same line, same bytes; every word in its place; a bad line is an error and nothing else."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from turnmill.synth.speech import Line, Speech, SpeechError, Word
from turnmill.synth.tokens import tokens
from turnmill.synth.tts.engines.espeak import ESPEAK

pytest.importorskip("espeakng_loader", reason="the demo extra is not installed")

from turnmill.synth.tts.engines.espeak import EspeakEngine
from turnmill.synth.tts.engines.espeak.engine import utter, word_spans

ASSISTANT = ESPEAK.assistants_of("en")[0].name
VOICES = [voice.name for voice in ESPEAK.speaking("en")]
MANDARIN = [voice.name for voice in ESPEAK.speaking("zh")]
ZH_TEXTS = (
    "你好！你叫什么名字？",
    "请问附近有没有好吃的餐厅？往前走五百米，左边有一家四川菜馆，味道很不错。",
    "我想订一张明天上午十点从北京到上海的火车票。",
    "他说：“不行！”然后走了……",
    "嗯，银行行长说，他一共存了三百二十五块六毛。",
    "臺灣的夜市很熱鬧，把空调调到二十六度。",
    "我用iPhone打电话",
    "Hello，我在Google上班，做AI方面的工作，OK吗？",
    "我买了 MacBook Pro 和 AirPods 。",
)
TEXT = "Most of the time, Mr. Smith didn't have so much to do - and he liked it."


def _line(text: str, voice: str = ASSISTANT, language: str = "en") -> Line:
    return Line("line-1", text, voice, language, seed=0)


def _speak(text: str, voice: str = ASSISTANT) -> Speech:
    language = ESPEAK.voices[voice].language
    (result,) = EspeakEngine(ESPEAK.voices).synthesize([_line(text, voice, language)])
    assert isinstance(result, Speech)
    return result


def _words(speech: Speech) -> tuple[Word, ...]:
    assert speech.words
    return speech.words


def _check(text: str, speech: Speech) -> None:
    """Every word that sounds is there, in order, on the sample grid, none over another."""
    assert [word.text for word in _words(speech)] == [token for token in tokens(text) if re.search(r"\w", token)]
    assert speech.pcm.dtype == np.float32
    assert speech.pcm.ndim == 1
    assert 0.1 < np.abs(speech.pcm).max() <= 1
    edges = [edge for word in _words(speech) for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= len(speech.pcm) / speech.sample_rate
    assert all(word.end > word.start for word in _words(speech))
    samples = np.array(edges) * speech.sample_rate
    assert np.abs(samples - np.round(samples)).max() < 1e-6


@pytest.mark.parametrize("voice", VOICES)
def test_every_voice_speaks_every_word_in_order_on_the_sample_grid(voice: str) -> None:
    assert tokens(TEXT) == TEXT.split()
    _check(TEXT, _speak(TEXT, voice))


@pytest.mark.parametrize("voice", MANDARIN)
def test_every_mandarin_voice_speaks_every_character_and_latin_word(voice: str) -> None:
    for text in ZH_TEXTS:
        speech = _speak(text, voice)
        _check(text, speech)
        assert all(0.03 < word.end - word.start < 0.75 for word in _words(speech)), text


def test_the_characters_of_one_mandarin_word_are_told_apart_where_one_ends() -> None:
    # espeak says 很好 as one word with one event, and as h-en-h-ao; 好 must begin at its h.
    words = _words(_speak("天气很好", MANDARIN[0]))
    alone = [_words(_speak(text, MANDARIN[0]))[0] for text in ("很", "好")]
    shares = [word.end - word.start for word in (*words[2:], *alone)]
    assert shares[0] / shares[1] == pytest.approx(shares[2] / shares[3], rel=0.4)


def test_a_mandarin_pause_belongs_to_no_character() -> None:
    words = _words(_speak("不行，我不去。", MANDARIN[0]))
    gaps = [after.start - before.end for before, after in pairwise(words)]
    assert gaps[1] > 0.12  # the comma's
    assert max(gaps[0], *gaps[2:]) < 0.05


@pytest.mark.parametrize("text", ["英雄", "贫穷", "兄弟俩", "炯炯有神", "窘迫", "一会儿", "小孩儿", "哪兒", "儿子"])
def test_no_mandarin_syllable_is_spelt_out_in_english(text: str) -> None:
    settings = ESPEAK.voices[MANDARIN[0]].settings
    assert settings
    utterance = utter(text, settings)
    assert not any(phoneme.name.startswith("(") for phoneme in utterance.phonemes)
    assert [span.text for span in word_spans(text, utterance, settings)] == list(text)


def test_mandarin_tones_differ() -> None:
    assert len({_speak(text, MANDARIN[0]).pcm.tobytes() for text in ("凶", "雄", "妈", "马", "骂")}) == 5


def test_voices_sound_different() -> None:
    for text, voices in (("Good morning.", VOICES), ("早上好。", MANDARIN)):
        assert len({_speak(text, voice).pcm.tobytes() for voice in voices}) == len(voices)


@pytest.mark.parametrize("voice", ESPEAK.voices)
def test_the_same_line_gives_the_same_bytes_whatever_was_said_before(voice: str) -> None:
    text = "Hello there, my friend." if voice in VOICES else "你好，我的朋友，iPhone在哪儿？"
    alone = _speak(text, voice)
    _speak("Something else, by someone else.", voice=next(name for name in VOICES if name != voice))
    _speak("别人说了别的话。", voice=next(name for name in reversed(MANDARIN) if name != voice))
    again = _speak(text, voice)
    assert alone.pcm.tobytes() == again.pcm.tobytes()
    assert alone.words == again.words


@pytest.mark.parametrize(("voice", "text"), [(ASSISTANT, TEXT), (MANDARIN[0], ZH_TEXTS[1])])
def test_a_rate_is_heard_and_words_stay_in_their_places(voice: str, text: str) -> None:
    plain = _speak(text, voice)
    for style, low, high in (("fast", 0.7, 0.85), ("slow", 1.15, 1.4)):
        line = replace(_line(text, voice, ESPEAK.voices[voice].language), style=style)
        (speech,) = EspeakEngine(ESPEAK.voices).synthesize([line])
        assert isinstance(speech, Speech)
        _check(text, speech)
        assert low < len(speech.pcm) / len(plain.pcm) < high
        for before, after in pairwise(_words(speech)):
            gap = speech.pcm[round(before.end * speech.sample_rate) : round(after.start * speech.sample_rate)]
            assert len(gap) < 240 or np.abs(gap[60:-60]).max() < 0.01  # a pause is silent


def test_threads_do_not_disturb_each_other() -> None:
    texts = [f"This is sentence number {n}." for n in range(12)]
    alone = [_speak(text).pcm.tobytes() for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert [speech.pcm.tobytes() for speech in pool.map(_speak, texts)] == alone


def test_pauses_belong_to_no_word() -> None:
    speech = _speak("Yes. I think so, too.")
    rate = speech.sample_rate
    words = _words(speech)
    for before, after in pairwise(words):
        gap = speech.pcm[round(before.end * rate) : round(after.start * rate)]
        assert not len(gap) or np.abs(gap).max() < 0.01
    assert words[1].start - words[0].end > 0.1
    assert words[0].start < 0.05
    assert len(speech.pcm) / rate - words[-1].end < 0.05


def test_a_token_said_as_several_words_is_one_word() -> None:
    words = _words(_speak("I have 42 apples"))
    assert [word.text for word in words] == ["I", "have", "42", "apples"]
    assert words[2].end - words[2].start > 0.4


def test_words_that_espeak_runs_together_are_told_apart() -> None:
    text = "He thought of the sea and had to be there in the end."
    words = _words(_speak(text))
    assert " ".join(word.text for word in words) == text
    assert all(0.03 < word.end - word.start < 0.7 for word in words)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (_line(""), "nothing_spoken"),
        (_line("... - !"), "nothing_spoken"),
        (_line("……，！", MANDARIN[0], "zh"), "nothing_spoken"),
        (_line("你好。", MANDARIN[0]), "unsupported_language"),
        (_line("Hello.", voice="espeak-nobody"), "unknown_voice"),
        (_line("Bonjour.", language="fr"), "unsupported_language"),
    ],
)
def test_a_bad_line_is_an_error_in_its_place(line: Line, reason: str) -> None:
    first, bad, last = EspeakEngine(ESPEAK.voices).synthesize([_line("One."), line, _line("Two.")])
    assert isinstance(first, Speech)
    assert isinstance(last, Speech)
    assert isinstance(bad, SpeechError)
    assert bad.reason == reason
    assert line.id in bad.detail
