"""The embedded English voice: hibari, a model of one speaker distilled from Kokoro-82M, 128 x real time on one core.

It predicts spectra, which its own signal processing turns into sound; between the two, users are made of the one
speaker (`synth.voices.PseudoSpeaker`). Word times come from the durations that its graph computes on the way.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from manifests.errors import UsageError
from manifests.languages import primary
from manifests.packaged import sha256
from manifests.records import Reason
from synth.duplex.energy import active_level
from synth.tts.engine import Line, Speech, SpeechError
from synth.tts.english_phonemes import alphabet, english_rules, english_sentences
from synth.tts.onnx import session
from synth.tts.phonemes import Edges, Pcm, speak
from synth.voices import PseudoSpeaker, Voice

REQUIREMENT: Final = "hibari-tts==0.2.1"
_RATE: Final = 24_000
_DURATIONS: Final = "/Cast_32_output_0"  # of every id, in units of two frames
_UNIT: Final = 600  # samples
_LATE_S: Final = 0.0375
"""What words come earlier than their durations say, whose last filter looks back: the median of 150 sentences against
PocketSphinx, starts and ends alike (`tests/benchmarks/prove_voices.py times`)."""
_SHA256: Final = "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8"
_LEVEL_DBFS: Final = -26.0  # of the sounding frames of everybody who is not the voice as it is

_BIN_HZ: Final = 20.0
_BINS: Final = 601
_UNVOICED_HZ: Final = 40.0  # f0 below it means a frame without pulses


class HibariEngine:
    """`synth.tts.engine.Engine` with the voices that are pseudo-speakers; a line's seed draws the noise of its breath.
    The model is loaded by the first line."""

    sample_rate = _RATE

    def __init__(self, voices: Mapping[str, Voice]) -> None:
        """Raises UsageError where the package is not there, or is another than the one that was measured."""
        found = sha256(_model())
        if found != _SHA256:
            raise UsageError(
                f"{_model()} is not the model that Turnmill speaks with (sha256 {found}): pip install {REQUIREMENT}"
            )
        self._voices = voices

    @property
    def identity(self) -> str:
        return f"{english_rules()} {_SHA256[:16]}"

    def synthesize(self, lines: Sequence[Line]) -> list[Speech | SpeechError]:
        """Speak each line. Reasons of failure: unknown_voice, unsupported_language, and those of `phonemes.speak`."""
        return [self._synthesize(line) for line in lines]

    def _synthesize(self, line: Line) -> Speech | SpeechError:
        voice = self._voices.get(line.voice)
        if voice is None or not isinstance(voice.settings, PseudoSpeaker):
            return SpeechError(
                Reason.UNKNOWN_VOICE, f"line {line.id}: hibari has no voice {line.voice!r}; see synth/banks.py"
            )
        if primary(line.language) != voice.language:
            return SpeechError(
                Reason.UNSUPPORTED_LANGUAGE, f"line {line.id}: {line.voice} does not speak {line.language!r}"
            )
        speaker, rng = voice.settings, np.random.default_rng(line.seed)
        try:
            said = speak(line, english_sentences, lambda symbols: _render(symbols, speaker, rng), _RATE, _LATE_S)
        except SpeechError as error:
            return error
        return said if speaker == PseudoSpeaker() else Speech(_levelled(said.pcm), said.sample_rate, said.words)


def _render(symbols: str, speaker: PseudoSpeaker, rng: np.random.Generator) -> tuple[Pcm, Edges]:
    """`synth.tts.phonemes.Render` of a speaker."""
    from hibari.dsp import synth

    numbers = alphabet()
    known = [numbers.get(symbol) for symbol in symbols]
    ids = [0, *(number for number in known if number is not None), 0]
    inputs = {"ids": np.array([ids], np.int64), "speed": np.array([speaker.rate], np.float32)}
    *outputs, durations = _loaded().run(None, inputs)
    edges = np.concatenate(([0], np.cumsum(durations.ravel()))) * _UNIT
    # A symbol that the model does not know has no id and no length; the zeros around them are silence.
    places = np.cumsum([1, *(number is not None for number in known)])
    pcm: Pcm = synth(*_as_spoken_by(speaker, *(output[0] for output in outputs)), rng)
    return pcm, edges[places]


def _as_spoken_by(
    speaker: PseudoSpeaker, lh: Pcm, theta: Pcm, ln: Pcm, lr: Pcm, phi: Pcm, f0: Pcm
) -> tuple[Pcm, Pcm, Pcm, Pcm, Pcm, Pcm]:
    """The model's spectra, float32 [601 bins of 20 Hz, frames], and f0 in Hz [frames], of somebody else.

    `lh`, `ln` and `lr` are natural logarithms of the magnitudes of the harmonic, the noisy and the free part, `theta`
    and `phi` phases (hibari's `dsp.synth`).
    """
    if speaker == PseudoSpeaker():
        return lh, theta, ln, lr, phi, f0
    colour = _colour(speaker)
    breath = np.float32(_nepers(speaker.breath))
    harmonic, noise, free = (_warped(part, speaker) + colour for part in (lh, ln, lr))
    return harmonic, _warped(theta, speaker), noise + breath, free, phi, _pitched(f0, speaker)


def _warped(rows: Pcm, speaker: PseudoSpeaker) -> Pcm:
    """Bins moved along the frequencies."""
    hz = np.arange(_BINS) * _BIN_HZ
    factor = speaker.low + (speaker.high - speaker.low) * np.clip(hz / 5000, 0, 1)
    source = np.clip(hz / factor / _BIN_HZ, 0, _BINS - 1)
    below = np.minimum(source.astype(int), _BINS - 2)
    share = (source - below).astype(np.float32)[:, None]
    moved: Pcm = rows[below] * (1 - share) + rows[below + 1] * share
    return moved


def _colour(speaker: PseudoSpeaker) -> Pcm:
    """What is added to the logarithms of a spectrum, float32 [bins, 1]."""
    hz = np.arange(_BINS) * _BIN_HZ
    mel = np.log10(1 + hz / 700)  # O'Shaughnessy 1987
    db = speaker.tilt * np.log2(np.maximum(hz, 200) / 1000)
    for number, amplitude in enumerate(speaker.ripple):
        db += amplitude * np.cos((number + 2) * np.pi * mel / mel[-1])
    colour: Pcm = _nepers(db).astype(np.float32)[:, None]
    return colour


def _nepers(db: Any) -> Any:
    return db / 20 * np.log(10)


def _pitched(f0: Pcm, speaker: PseudoSpeaker) -> Pcm:
    voiced = f0 > _UNVOICED_HZ
    if not voiced.any():
        return f0
    middle = np.exp(np.median(np.log(f0[voiced])))
    melody = (np.maximum(f0, _UNVOICED_HZ) / middle) ** speaker.melody
    moved = np.maximum(middle * speaker.pitch * melody, _UNVOICED_HZ + 10)
    return np.where(voiced, moved, f0).astype(np.float32)


def _levelled(pcm: Pcm) -> Pcm:
    level = active_level(pcm)
    gain = 1.0 if level is None else min(10 ** ((_LEVEL_DBFS - level) / 20), 0.95 / float(np.abs(pcm).max()))
    return (pcm * np.float32(gain)).astype(np.float32)


@cache
def _loaded() -> Any:
    return session(_model(), _DURATIONS)


def _model() -> Path:
    try:
        from hibari.voices import voice_path
    except ImportError as error:
        raise UsageError(f"the hibari engine needs hibari-tts: pip install {REQUIREMENT}") from error
    return Path(voice_path("heart"))
