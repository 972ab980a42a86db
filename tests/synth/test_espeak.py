"""The embedded engine: same line, same bytes; every word in its place; a bad line is an error and nothing else."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from synth.tts.engine import Line, Speech, SpeechError
from synth.voices import ASSISTANT_VOICE, VOICES

pytest.importorskip("espeakng_loader", reason="the demo extra is not installed")

from synth.tts.espeak import EspeakEngine

TEXT = "Most of the time, Mr. Smith didn't have so much to do - and he liked it."


def _line(text: str, voice: str = ASSISTANT_VOICE, language: str = "en") -> Line:
    return Line("line-1", text, voice, language, seed=0)


def _speak(text: str, voice: str = ASSISTANT_VOICE) -> Speech:
    (result,) = EspeakEngine().synthesize([_line(text, voice)])
    assert isinstance(result, Speech)
    return result


@pytest.mark.parametrize("voice", VOICES)
def test_every_voice_speaks_every_word_in_order_on_the_sample_grid(voice: str) -> None:
    speech = _speak(TEXT, voice)
    assert [word.text for word in speech.words] == [token for token in TEXT.split() if token != "-"]
    assert speech.pcm.dtype == np.float32
    assert speech.pcm.ndim == 1
    assert 0.1 < np.abs(speech.pcm).max() <= 1
    edges = [edge for word in speech.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= len(speech.pcm) / speech.sample_rate
    assert all(word.end > word.start for word in speech.words)
    samples = np.array(edges) * speech.sample_rate
    assert np.abs(samples - np.round(samples)).max() < 1e-6


def test_voices_sound_different() -> None:
    assert len({_speak("Good morning.", voice).pcm.tobytes() for voice in VOICES}) == len(VOICES)


@pytest.mark.parametrize("voice", VOICES)
def test_the_same_line_gives_the_same_bytes_whatever_was_said_before(voice: str) -> None:
    alone = _speak("Hello there, my friend.", voice)
    _speak("Something else, by someone else.", voice=next(name for name in VOICES if name != voice))
    again = _speak("Hello there, my friend.", voice)
    assert alone.pcm.tobytes() == again.pcm.tobytes()
    assert alone.words == again.words


def test_threads_do_not_disturb_each_other() -> None:
    texts = [f"This is sentence number {n}." for n in range(12)]
    alone = [_speak(text).pcm.tobytes() for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert [speech.pcm.tobytes() for speech in pool.map(_speak, texts)] == alone


def test_pauses_belong_to_no_word() -> None:
    speech = _speak("Yes. I think so, too.")
    rate = speech.sample_rate
    for before, after in zip(speech.words, speech.words[1:], strict=False):
        gap = speech.pcm[round(before.end * rate) : round(after.start * rate)]
        assert not len(gap) or np.abs(gap).max() < 0.01
    assert speech.words[1].start - speech.words[0].end > 0.1
    assert speech.words[0].start < 0.05
    assert len(speech.pcm) / rate - speech.words[-1].end < 0.05


def test_a_token_said_as_several_words_is_one_word() -> None:
    words = _speak("I have 42 apples").words
    assert [word.text for word in words] == ["I", "have", "42", "apples"]
    assert words[2].end - words[2].start > 0.4


def test_words_that_espeak_runs_together_are_told_apart() -> None:
    text = "He thought of the sea and had to be there in the end."
    words = _speak(text).words
    assert " ".join(word.text for word in words) == text
    assert all(0.03 < word.end - word.start < 0.7 for word in words)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (_line(""), "nothing_spoken"),
        (_line("... - !"), "nothing_spoken"),
        (_line("Hello.", voice="espeak-nobody"), "unknown_voice"),
        (_line("Bonjour.", language="fr"), "unsupported_language"),
    ],
)
def test_a_bad_line_is_an_error_in_its_place(line: Line, reason: str) -> None:
    first, bad, last = EspeakEngine().synthesize([_line("One."), line, _line("Two.")])
    assert isinstance(first, Speech)
    assert isinstance(last, Speech)
    assert isinstance(bad, SpeechError)
    assert bad.reason == reason
    assert line.id in bad.detail
