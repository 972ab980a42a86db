"""The words of a given text are found in the audio beside what is heard, and a word that is not said is improbable."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from tests.whisper import loaded
from turnmill.manifests.audio import decode, mono_at
from turnmill.pipelines.asr.recognizer import Recognizer, Transcript
from turnmill.pipelines.asr.windows import SAMPLE_RATE, Clip, windows
from turnmill.pipelines.asr.words import Word
from turnmill.synth.speech import Line, Speech
from turnmill.synth.tts.engines.hibari import HIBARI, HibariEngine

TEXT = "The morning train leaves at seven, and the last one after ten."


@pytest.fixture(scope="module")
def pcm() -> NDArray[np.float32]:
    voice = HIBARI.speaking("en")[0].name
    (speech,) = HibariEngine(HIBARI.voices).synthesize([Line("line", TEXT, voice, "en", 0)])
    assert isinstance(speech, Speech)
    return np.asarray(soxr.resample(speech.pcm, speech.sample_rate, SAMPLE_RATE), np.float32)


def given(recognizer: Recognizer, pcm: NDArray[np.float32], texts: Sequence[str | None]) -> list[Transcript]:
    return recognizer.transcribe([Clip(pcm, language="en", given=text) for text in texts])


def test_words_of_a_given_text_are_found_where_they_are_heard(pcm: NDArray[np.float32]) -> None:
    recognizer = loaded("tiny.en")
    own, capitals, wrong, none, empty = given(
        recognizer, pcm, [TEXT, TEXT.upper(), TEXT.replace("train", "goose"), None, ""]
    )
    assert own.given is not None
    assert [word.word for word in own.given] == TEXT.split()
    heard = [word.start for word in own.words]
    assert np.median(np.abs(np.array([word.start for word in own.given]) - heard)) < 0.1
    assert own.given[-1].end <= len(pcm) / SAMPLE_RATE
    assert least(own.given) > 0.01 > 0.001 > least(wrong.given)
    assert least(capitals.given) == pytest.approx(least(own.given), rel=0.5)  # they are read as small letters
    assert (none.given, empty.given) == (None, None)
    assert own.words == none.words, "what is heard does not depend on what was given"


def least(words: tuple[Word, ...] | None) -> float:
    assert words
    return min(word.prob for word in words)


def test_a_text_is_looked_for_where_its_clip_is_one_window(pcm: NDArray[np.float32]) -> None:
    assert [window.given for window in windows(0, Clip(pcm, given=TEXT))] == [TEXT]
    far = np.concatenate([pcm, np.zeros(5 * SAMPLE_RATE, np.float32), pcm])
    speech = ((0, len(pcm)), (len(far) - len(pcm), len(far)))
    assert [window.given for window in windows(0, Clip(far, speech, given=TEXT))] == [None, None]


def test_the_language_that_is_heard_is_told_whichever_was_given(shared: Path) -> None:
    path = shared / "multilingual" / "de-DE" / "audio.wav"
    german = mono_at(decode(path.read_bytes(), path.name), SAMPLE_RATE, path.name)[: 8 * SAMPLE_RATE]
    (heard,) = loaded("base").transcribe([Clip(german, language="en")])
    assert (heard.language, heard.language_prob, heard.detected) == ("en", None, "de")
    assert heard.detected_prob is not None
    assert heard.detected_prob > 0.8
    (english,) = loaded("tiny.en").transcribe([Clip(german, language="en")])
    assert (english.detected, english.detected_prob) == (None, None)
