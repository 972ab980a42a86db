"""The voices of hibari: its one speaker, and people made of it."""

from dataclasses import dataclass
from typing import Final

from turnmill.manifests.genders import Gender
from turnmill.synth.tts.embedded import UNCLAIMED
from turnmill.synth.voices import Voice, VoiceBank


@dataclass(frozen=True)
class PseudoSpeaker:
    """Somebody else than the one speaker that a model learnt: what is changed in the spectra that it predicts, before
    they become sound. As it is by default.

    `pitch` is a factor of the median f0, `melody` an exponent of f0 over its median. `low` and `high` are factors of
    the frequencies of the spectral envelope at 0 Hz and from 5 kHz on, as of a shorter (above 1) or longer vocal tract.
    `tilt` in dB an octave, and `ripple`, amplitudes in dB of 1, 1.5, 2, ... periods of a cosine over the mel scale,
    colour it; `breath` in dB is added to the noise. `rate` is a factor of the speed.
    """

    pitch: float = 1.0
    melody: float = 1.0
    low: float = 1.0
    high: float = 1.0
    tilt: float = 0.0
    ripple: tuple[float, ...] = ()
    breath: float = 0.0
    rate: float = 1.0


def _heart(name: str, gender: Gender, speaker: PseudoSpeaker) -> Voice:
    """Somebody made of hibari's one voice."""
    return Voice(f"hibari-{name}", "en", "en-us", gender, UNCLAIMED, speaker)


# Of 2,700 drawn at random, eight of whom no two, nor one and the assistant, are nearer than about .80 by Resemblyzer's
# speaker encoder, and whom DNSMOS finds good (docs/voices.md).
HIBARI: Final = VoiceBank(
    (_heart("heart", "female", PseudoSpeaker()),),
    {
        "train": (
            _heart(
                "ada", "female", PseudoSpeaker(0.85, 0.88, 1.19, 1.22, 0.77, (-2.48, -2.84, -0.43, 1.76), 0.90, 0.96)
            ),
            _heart("ben", "male", PseudoSpeaker(0.51, 1.07, 0.85, 0.79, 2.72, (-3.73, -1.60, 0.76, 0.17), 0.18, 1.03)),
            _heart("dean", "male", PseudoSpeaker(0.51, 0.83, 0.93, 0.94, 2.35, (-0.27, 2.53, 2.58, 0.04), 0.61, 0.95)),
            _heart(
                "frank", "male", PseudoSpeaker(0.57, 0.95, 0.80, 0.86, -1.17, (-3.17, 2.72, 1.50, -0.31), -0.63, 0.96)
            ),
        ),
        "valid": (
            _heart(
                "edith",
                "female",
                PseudoSpeaker(1.14, 1.05, 1.07, 1.12, 2.15, (-4.27, -2.60, -0.85, -0.40), -1.40, 1.08),
            ),
            _heart(
                "jack", "male", PseudoSpeaker(0.69, 0.93, 0.80, 0.74, -1.96, (-0.72, -0.51, -1.15, 1.93), -1.27, 1.08)
            ),
        ),
        "test": (
            _heart(
                "cora", "female", PseudoSpeaker(1.04, 0.90, 0.96, 0.92, -1.04, (3.59, -2.37, -1.93, -0.74), -1.56, 0.96)
            ),
            _heart(
                "hugo", "male", PseudoSpeaker(0.62, 1.08, 0.98, 0.96, -2.77, (-0.62, -1.90, -1.63, -0.84), -1.89, 0.95)
            ),
        ),
    },
)
