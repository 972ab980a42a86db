"""Words of a known text are found by a Whisper model, which says where it cannot."""

import numpy as np
import pytest

from turnmill.pipelines.asr.locate import Located
from turnmill.synth.speech import Line, Speech
from turnmill.synth.tts.align import WhisperAligner
from turnmill.synth.tts.engines.espeak import ESPEAK

pytest.importorskip("espeakng_loader", reason="the demo extra is not installed")

from tests.whisper import require
from turnmill.synth.tts.engines.espeak import EspeakEngine

TEXT = "The morning train leaves at seven, and the last one after ten."


def spoken(text: str) -> Speech:
    (speech,) = EspeakEngine(ESPEAK.voices).synthesize([Line("line", text, "espeak-en-us-anna", "en", 0)])
    assert isinstance(speech, Speech)
    return speech


def test_words_are_found_where_espeak_says_them() -> None:
    require("tiny.en")
    speech = spoken(TEXT)
    words = WhisperAligner(Located("tiny.en"), "digest").align(speech.pcm, speech.sample_rate, TEXT, "en")
    assert words is not None
    assert speech.words is not None
    assert [word.text for word in words] == TEXT.split()
    assert np.median([abs(a.start - b.start) for a, b in zip(words, speech.words, strict=True)]) < 0.1


def test_a_model_is_known_to_know_english_without_being_loaded() -> None:
    located = Located("tiny.en")
    assert [located.knows(language) for language in ("en-US", "zh-CN", "de")] == [True, False, False]
    assert located._recognizer is None


def test_what_cannot_be_found_has_no_times() -> None:
    require("tiny.en")
    aligner, speech = WhisperAligner(Located("tiny.en"), "digest"), spoken(TEXT)
    for pcm, text, language in (
        (speech.pcm, "Nobody knew the way home through the woods.", "en"),  # something else is said
        (speech.pcm, TEXT, "zh"),  # this model knows English
        (np.tile(speech.pcm, 10), TEXT, "en"),  # longer than its window
        (speech.pcm[:0], TEXT, "en"),
        (speech.pcm, " - ", "en"),
    ):
        assert aligner.align(pcm, speech.sample_rate, text, language) is None
