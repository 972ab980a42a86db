"""How a clip is spoken, in words: measures as bins, and bins as a sentence, as dataspeech makes the prompts of
Parler-TTS (aecbcfd). The same measures give the same sentence."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from turnmill.manifests.emotions import Emotion
from turnmill.manifests.genders import Gender

RATES: Final = ("very slowly", "slowly", "at a moderate speed", "fast", "very fast")
PITCHES: Final = (
    "very low-pitched", "low-pitched", "slightly low-pitched", "moderately pitched", "slightly high-pitched",
    "high-pitched", "very high-pitched",
)  # fmt: skip
INTONATIONS: Final = (
    "very monotone", "monotone", "slightly expressive", "expressive and animated", "very expressive and animated",
)  # fmt: skip
ENERGIES: Final = ("very softly", "softly", "at a moderate volume", "loudly", "very loudly")
CLARITIES: Final = ("very noisy", "noisy", "slightly noisy", "clean", "very clean")
"""The words of each bin, from the least value to the greatest: those of dataspeech's v02_text_bins.json where it has
the measure, to be read in a sentence."""

_WHO: Final[Mapping[Gender | None, tuple[str, str]]] = {
    "female": ("A woman", "She"),
    "male": ("A man", "He"),
    None: ("A person", "The speaker"),
}
_SOUNDS: Final[Mapping[Emotion, str]] = {
    "neutral": "calm",
    "joy": "happy",
    "sadness": "sad",
    "fear": "afraid",
    "anger": "angry",
    "surprise": "surprised",
    "disgust": "disgusted",
    "sorry": "apologetic",
}


def bin_of(value: float | None, edges: Sequence[float], words: Sequence[str]) -> str | None:
    """The words of the bin of a value: the first below the first edge, the next from it on; None without a value."""
    return None if value is None else words[bisect_right(edges, value)]


@dataclass(frozen=True)
class Manner:
    """How a clip is spoken, in words of the bins above; None what is not known."""

    gender: Gender | None
    rate: str | None
    pitch: str | None
    intonation: str | None
    energy: str | None
    emotion: Emotion | None
    clarity: str | None

    @property
    def caption(self) -> str:
        """What is known of it, in one to three sentences of English."""
        who, again = _WHO[self.gender]
        voice = None if self.pitch is None else f"in a {self.pitch} voice"
        tone = None if self.intonation is None else f"with {self.intonation} intonation"
        said = [f"{who} speaks {', '.join(filter(None, (self.rate, self.energy, voice, tone)))}".rstrip() + "."]
        if self.emotion is not None:
            said.append(f"{again} sounds {_SOUNDS[self.emotion]}.")
        if self.clarity is not None:
            said.append(f"The recording is {self.clarity}.")
        return " ".join(said)
