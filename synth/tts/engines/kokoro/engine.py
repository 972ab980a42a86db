"""Kokoro-82M by onnxruntime: Chinese and English in many voices and in blends of two, 2 to 4 x real time on one core.

The kokoro-onnx project's own package is not used: it loads GPL code at import, and gives no durations of models that do
not name them as an output. Word times come from the durations that the graph computes on the way.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np

from turnmill.manifests.errors import UsageError
from turnmill.manifests.languages import primary
from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.tts.chinese_phonemes import chinese_sentences
from turnmill.synth.tts.embedded import pace, spoken
from turnmill.synth.tts.engines.kokoro.model import KokoroParams, find_model
from turnmill.synth.tts.engines.kokoro.voices import Blend
from turnmill.synth.tts.english_phonemes import english_rules, english_sentences
from turnmill.synth.tts.misaki import numbered
from turnmill.synth.tts.onnx import refusals, session
from turnmill.synth.tts.phonemes import Edges, FrontEnd, Pcm, edges_at, speak
from turnmill.synth.voices import Voice

_RATE: Final = 24_000
_DURATIONS: Final = "/encoder/Cast_output_0"  # of every id
_UNIT: Final = 600  # samples
_LATE_S: Final = 0.04
"""Of the durations: the median of 16 English sentences against PocketSphinx. Chinese has no aligner to ask; beside a
pause, energy tells."""
_FRONT_ENDS: Final[Mapping[str, FrontEnd]] = {"zh": chinese_sentences, "en": english_sentences}
LANGUAGES: Final = tuple(_FRONT_ENDS)
CHINESE: Final = "misaki==0.9.4 ordered-set jieba pypinyin cn2an"


class KokoroEngine:
    """`synth.tts.engine.Engine` with voices that are blends of the model's. A line is said in one way: its seed changes
    nothing. The model is loaded by the first line."""

    sample_rate = _RATE

    def __init__(self, params: KokoroParams, voices: Mapping[str, Voice]) -> None:
        """Raises UsageError where the model, or one of the voices, is not there."""
        self._files = find_model(params)
        self._voices = voices
        known = set(_styles(self._files.voices))
        blends = [voice.settings for voice in voices.values() if isinstance(voice.settings, Blend)]
        unknown = sorted({name for blend in blends for name in blend.names} - known)
        if unknown:
            raise UsageError(f"kokoro has no voice {unknown[0]!r}; {params.model} has {', '.join(sorted(known))}")
        self._languages = sorted({voice.language for voice in voices.values() if isinstance(voice.settings, Blend)})
        for language in self._languages:
            _check_front_end(language)

    @property
    def identity(self) -> str:
        chinese = [f"{name} {version(name)}" for name in ("misaki", "jieba", "pypinyin") if "zh" in self._languages]
        return ", ".join([f"kokoro {self._files.digest}", english_rules(), *chinese])

    def synthesize(self, lines: Sequence[Line]) -> list[Speech | SpeechError]:
        """Speak each line. Reasons of failure: unknown_voice, unsupported_language, and those of `phonemes.speak`."""
        return spoken("kokoro", Blend, self._voices, lines, self._speak)

    def _speak(self, line: Line, blend: Blend) -> Speech:
        styles = _styles(self._files.voices)
        style: Pcm = np.asarray(np.mean([styles[name] for name in blend.names], axis=0, dtype=np.float32))
        front_end = _FRONT_ENDS[primary(line.language)]
        return speak(line, front_end, lambda symbols: self._render(symbols, style, pace(line)), _RATE, _LATE_S)

    def _render(self, symbols: str, style: Pcm, rate: float) -> tuple[Pcm, Edges]:
        """`synth.tts.phonemes.Render` in a style, float32 [lengths, 1, 256]: one for each count of symbols; at a rate
        against the model's own."""
        model = _loaded(self._files.model)
        ids, places = numbered(symbols)
        first, *others = model.get_inputs()
        inputs = {
            first.name: np.array([ids], np.int64),
            others[0].name: style[min(len(ids) - 2, len(style)) - 1].reshape(1, -1),
            others[1].name: np.array([rate], np.float32),
        }
        *outputs, durations = model.run(None, inputs)
        pcm: Pcm = np.asarray(outputs[0], np.float32).ravel()
        return pcm, edges_at(places, durations, _UNIT)


def _check_front_end(language: str) -> None:
    if language not in _FRONT_ENDS:
        raise UsageError(f"kokoro speaks {' and '.join(_FRONT_ENDS)} here, not {language!r}")
    if language == "zh":
        try:
            import misaki.zh  # noqa: F401
        except ImportError as error:
            raise UsageError(f"Chinese needs misaki: pip install {CHINESE}") from error


@cache
def _styles(file: Path) -> Mapping[str, Pcm]:
    """Each voice's styles, float32 [lengths, 1, 256]. Raises UsageError."""
    try:
        with np.load(file, allow_pickle=False) as voices:
            return {name: voices[name] for name in voices.files}
    except (ValueError, OSError, BadZipFile, AttributeError, EOFError) as error:
        raise UsageError(
            f"speak.kokoro.model: {file} is no NumPy archive of voices: take voices-v1.0.bin of the kokoro-onnx project"
        ) from error


@cache
def _loaded(model: Path) -> Any:
    try:
        return session(model, _DURATIONS)
    except refusals() as error:
        raise UsageError(
            f"speak.kokoro.model: {model} cannot be used: {str(error).splitlines()[0]} It must be an export of the "
            f"kokoro-onnx project, whose durations are {_DURATIONS}"
        ) from error
