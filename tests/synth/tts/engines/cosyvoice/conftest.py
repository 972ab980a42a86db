"""Lines for the CosyVoice engine, and what it makes of them."""

from tests.synth.tts.conftest import LICENCE
from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.tts.engines.cosyvoice import CosyVoiceEngine
from turnmill.synth.voices import Voice

TEXT = "I would like to go there on the fourth of May."


SPEAKER = Voice("中文女", "zh", None, "female", LICENCE)


def a_line(
    text: str = TEXT, language: str = "en", seed: int = 1, emotion: str | None = None, voice: str = "ann"
) -> Line:
    return Line(f"line-{seed}", text, voice, language, seed, emotion)


def speak(engine: CosyVoiceEngine, *lines: Line) -> list[Speech]:
    results = engine.synthesize(lines or [a_line()])
    assert all(isinstance(result, Speech) for result in results), results
    return [result for result in results if isinstance(result, Speech)]


def error_of(engine: CosyVoiceEngine, *lines: Line) -> SpeechError:
    (result,) = engine.synthesize(lines or [a_line()])
    assert isinstance(result, SpeechError)
    return result
