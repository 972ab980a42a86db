"""Engines beside each other: each line is spoken by the engine of its voice, in the order of the lines."""

import pytest

from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.tts.declared import EMBEDDED, with_beside
from turnmill.synth.tts.engines.hibari import HIBARI, HibariEngine
from turnmill.synth.tts.ensemble import Ensemble

pytest.importorskip("espeakng_loader", reason="the demo extra is not installed")

from turnmill.synth.tts.engines.espeak import EspeakEngine


def test_each_line_is_spoken_by_the_engine_of_its_voice_and_in_its_place() -> None:
    voices = with_beside(HIBARI, ["espeak"]).voices
    alone = {"hibari": HibariEngine(EMBEDDED), "espeak": EspeakEngine(EMBEDDED)}
    both = Ensemble({"hibari": HibariEngine(voices), "espeak": EspeakEngine(voices)}, voices)
    names = ("espeak-en-us-bella", "hibari-ben", "nobody", "espeak-zh-cn-an", "hibari-heart", "kokoro-zh-jm_kumo")
    texts = ("One.", "Two.", "Three.", "四。", "Five.", "六。")
    languages = ("en", "en", "en", "zh", "en", "zh")
    lines = [Line(name, text, name, tag, 1) for name, text, tag in zip(names, texts, languages, strict=True)]
    for line, found in zip(lines, both.synthesize(lines), strict=True):
        engine = line.voice.split("-")[0]
        if engine not in alone:
            assert isinstance(found, SpeechError)
            assert found.detail.startswith(f"line {line.id}: hibari has no voice")
            continue
        (expected,) = alone[engine].synthesize([line])
        assert isinstance(found, Speech)
        assert isinstance(expected, Speech)
        assert found.pcm.tobytes() == expected.pcm.tobytes()
        assert found.words == expected.words


def test_what_speech_depends_on_is_that_of_all_engines_in_no_order() -> None:
    hibari, espeak = HibariEngine(EMBEDDED), EspeakEngine(EMBEDDED)
    one = Ensemble({"hibari": hibari, "espeak": espeak}, EMBEDDED)
    assert one.identity == Ensemble({"espeak": espeak, "hibari": hibari}, EMBEDDED).identity
    assert hibari.identity in one.identity
    assert espeak.identity in one.identity
