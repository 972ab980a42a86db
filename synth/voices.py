"""The bank of voices: who can speak a line, and which voices each split of a dataset may use.

The espeak voices are one accent x one variant (the timbre) x one pitch x one rate each. No user voice is in two
splits, so that a model is never tested on a voice it was trained on, and the assistant has one voice throughout, as a
product has.
"""

from dataclasses import dataclass
from typing import Literal

from manifests.records import Licence

Split = Literal["train", "valid", "test"]


_OWN = Licence("CC0-1.0", redistribute=True, commercial=True)


@dataclass(frozen=True)
class Voice:
    """A voice of an engine.

    `base` is the engine's own voice or accent name, `variant` its timbre ("" = none), `pitch` 0-99 and `rate` in
    words a minute are espeak's parameters, `licence` that of the speech it makes.
    """

    name: str
    engine: str
    language: str
    accent: str
    gender: Literal["female", "male"]
    base: str
    variant: str
    pitch: int
    rate: int
    licence: Licence


def _espeak(name: str, base: str, gender: Literal["female", "male"], variant: str, pitch: int, rate: int) -> Voice:
    # espeak-ng is GPL-3.0-or-later; the audio it makes is not a derived work of it, and we claim no right in it.
    accent = {"en": "en-gb"}.get(base, base)
    return Voice(f"espeak-{accent}-{name}", "espeak", "en", accent, gender, base, variant, pitch, rate, _OWN)


# No variant with `breath`: espeak speaks those differently each time, depending on what it spoke before.
_ASSISTANT = _espeak("anna", "en-us", "female", "Annie", 52, 165)

_USERS: dict[Split, tuple[Voice, ...]] = {
    "train": (
        _espeak("bella", "en-us", "female", "steph", 58, 172),
        _espeak("carl", "en-us", "male", "m3", 42, 168),
        _espeak("daisy", "en-gb-x-rp", "female", "linda", 55, 160),
        _espeak("edgar", "en-gb-x-rp", "male", "m1", 46, 175),
        _espeak("fiona", "en-gb-scotland", "female", "f4", 50, 158),
        _espeak("gordon", "en-gb-scotland", "male", "m7", 38, 164),
        _espeak("holly", "en", "female", "linda", 54, 178),
        _espeak("ian", "en", "male", "david", 44, 170),
        _espeak("jade", "en-029", "female", "steph", 52, 156),
        _espeak("kofi", "en-029", "male", "m2", 48, 162),
        _espeak("lou", "en-us-nyc", "male", "max", 40, 182),
        _espeak("mia", "en-us-nyc", "female", "f4", 56, 174),
    ),
    "valid": (
        _espeak("nora", "en-us", "female", "Andrea", 50, 167),
        _espeak("oscar", "en", "male", "m4", 41, 166),
        _espeak("penny", "en-gb-x-rp", "female", "belinda", 53, 171),
    ),
    "test": (
        _espeak("quinn", "en-us", "male", "Andy", 45, 173),
        _espeak("rosie", "en", "female", "f1", 57, 163),
        _espeak("stuart", "en-gb-scotland", "male", "paul", 43, 169),
    ),
}

ASSISTANT_VOICE = _ASSISTANT.name
"""The voice that every assistant turn is spoken in by the espeak engine."""

VOICES: dict[str, Voice] = {v.name: v for v in (_ASSISTANT, *(v for split in _USERS.values() for v in split))}
"""Every voice of the bank by its name."""


def voices_for(split: Split) -> tuple[str, ...]:
    """Name the user voices of a split: always the same and in order, none in two splits, none the assistant's."""
    return tuple(voice.name for voice in _USERS[split])
