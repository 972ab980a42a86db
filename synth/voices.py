"""The bank of voices: who can speak a line, and which voices each split of a dataset may use.

The espeak voices are one accent x one variant (the timbre) x one pitch x one rate each. No user voice is in two
splits, so that a model is never tested on a voice it was trained on, and the assistant has one voice throughout, as a
product has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from manifests.records import Licence

Split = Literal["train", "valid", "test"]


MANDARIN = "cmn"  # as espeak names it
_OWN = Licence("CC0-1.0", redistribute=True, commercial=True)


@dataclass(frozen=True)
class EspeakSettings:
    """`base` is espeak's own voice or accent, `variant` its timbre ("" = none), `pitch` 0-99, `rate` in words a
    minute."""

    base: str
    variant: str
    pitch: int
    rate: int


@dataclass(frozen=True)
class Prompt:
    """A recording of a voice, 3 to 10 s as FLAC of any rate, and what it says: what a cloning engine speaks after."""

    flac: bytes
    text: str


@dataclass(frozen=True)
class Voice:
    """A voice of the bank. `licence` is that of the speech made with it.

    It has `espeak` settings, a `prompt`, or neither: then its name is the engine's own name for it.
    """

    name: str
    language: str  # first part of a BCP 47 tag
    accent: str | None
    gender: Literal["female", "male"] | None
    licence: Licence
    espeak: EspeakSettings | None = None
    prompt: Prompt | None = None


@dataclass(frozen=True)
class VoiceBank:
    """Who may speak: the assistant's voices (one, or a small set), and the user's by split, none of them in two."""

    assistants: tuple[Voice, ...]
    users: Mapping[Split, tuple[Voice, ...]]

    @property
    def voices(self) -> Mapping[str, Voice]:
        """Every voice by its name."""
        everyone = (*self.assistants, *(voice for split in self.users.values() for voice in split))
        return {voice.name: voice for voice in everyone}

    def assistants_of(self, language: str) -> tuple[Voice, ...]:
        """The assistant's voices that speak a language (the first part of a BCP 47 tag)."""
        return tuple(voice for voice in self.assistants if voice.language == language)

    def users_of(self, split: Split, language: str) -> tuple[Voice, ...]:
        """The user's voices of a split that speak a language."""
        return tuple(voice for voice in self.users[split] if voice.language == language)

    def speaking(self, language: str) -> tuple[Voice, ...]:
        """Every voice that speaks a language: the assistant's, then the user's of train, valid and test."""
        users = (voice for split in get_args(Split) for voice in self.users_of(split, language))
        return (*self.assistants_of(language), *users)

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that both an assistant and a user of every split speak, sorted."""
        known = {voice.language for voice in self.assistants}
        return tuple(sorted(n for n in known if all(self.users_of(split, n) for split in self.users)))


def _espeak(name: str, base: str, gender: Literal["female", "male"], variant: str, pitch: int, rate: int) -> Voice:
    # espeak-ng is GPL-3.0-or-later; the audio it makes is not a derived work of it, and we claim no right in it.
    accent = {"en": "en-gb", MANDARIN: "zh-cn"}.get(base, base)
    settings = EspeakSettings(base, variant, pitch, rate)
    return Voice(f"espeak-{accent}-{name}", accent.split("-")[0], accent, gender, _OWN, espeak=settings)


# No variant with `breath`: espeak speaks those differently each time, depending on what it spoke before.
_ASSISTANTS = (
    _espeak("anna", "en-us", "female", "Annie", 52, 165),
    _espeak("an", MANDARIN, "female", "Annie", 50, 182),
)

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
        _espeak("bei", MANDARIN, "female", "steph", 55, 186),
        _espeak("chao", MANDARIN, "male", "m3", 42, 180),
        _espeak("dan", MANDARIN, "female", "linda", 52, 176),
        _espeak("feng", MANDARIN, "male", "m1", 46, 190),
        _espeak("hui", MANDARIN, "female", "f4", 54, 192),
        _espeak("jun", MANDARIN, "male", "m7", 39, 178),
        _espeak("kai", MANDARIN, "male", "david", 44, 184),
        _espeak("lei", MANDARIN, "male", "max", 41, 194),
    ),
    "valid": (
        _espeak("nora", "en-us", "female", "Andrea", 50, 167),
        _espeak("oscar", "en", "male", "m4", 41, 166),
        _espeak("penny", "en-gb-x-rp", "female", "belinda", 53, 171),
        _espeak("mei", MANDARIN, "female", "belinda", 51, 183),
        _espeak("ning", MANDARIN, "male", "m4", 43, 188),
    ),
    "test": (
        _espeak("quinn", "en-us", "male", "Andy", 45, 173),
        _espeak("rosie", "en", "female", "f1", 57, 163),
        _espeak("stuart", "en-gb-scotland", "male", "paul", 43, 169),
        _espeak("qi", MANDARIN, "male", "Andy", 45, 187),
        _espeak("ru", MANDARIN, "female", "f1", 56, 179),
    ),
}

EMBEDDED = VoiceBank(_ASSISTANTS, _USERS)
"""The bank of the espeak engine."""
