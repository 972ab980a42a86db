"""The voices of espeak: nineteen of English and thirteen of Mandarin, and whom they are beside another engine's."""

from dataclasses import dataclass
from typing import Final, get_args

from turnmill.manifests.genders import Gender
from turnmill.synth.tts.embedded import UNCLAIMED
from turnmill.synth.voices import Split, Voice, VoiceBank


@dataclass(frozen=True)
class EspeakSettings:
    """`base` is espeak's own voice or accent, `variant` its timbre ("" = none), `pitch` 0-99, `rate` in words a
    minute."""

    base: str
    variant: str
    pitch: int
    rate: int


MANDARIN: Final = "cmn"  # as espeak names it


def _espeak(name: str, base: str, gender: Gender, variant: str, pitch: int, rate: int) -> Voice:
    """One accent x one variant (the timbre) x one pitch x one rate."""
    accent = {"en": "en-gb", MANDARIN: "zh-cn"}.get(base, base)
    settings = EspeakSettings(base, variant, pitch, rate)
    return Voice(f"espeak-{accent}-{name}", accent.split("-")[0], accent, gender, UNCLAIMED, settings)


# No variant with `breath`: espeak speaks those differently each time, depending on what it spoke before.
_ESPEAK_ASSISTANTS = (
    _espeak("anna", "en-us", "female", "Annie", 52, 165),
    _espeak("an", MANDARIN, "female", "Annie", 50, 182),
)

_ESPEAK_USERS: dict[Split, tuple[Voice, ...]] = {
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

ESPEAK: Final = VoiceBank(_ESPEAK_ASSISTANTS, _ESPEAK_USERS)


def beside(bank: VoiceBank) -> VoiceBank:
    """A bank with espeak's voices beside its own: bystanders, and everybody in languages that it does not speak."""
    spoken = bank.languages
    added = [voice for voice in ESPEAK.assistants if voice.language not in spoken]
    users: dict[Split, tuple[Voice, ...]] = {}
    bystanders: dict[Split, tuple[Voice, ...]] = {}
    for split in get_args(Split):
        voices = ESPEAK.users[split]
        users[split] = (*bank.users[split], *(voice for voice in voices if voice.language not in spoken))
        bystanders[split] = tuple(voice for voice in voices if voice.language in spoken)
    return VoiceBank((*bank.assistants, *added), users, bystanders)
