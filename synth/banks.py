"""The voices of the embedded engines, who they are for and what they were chosen by.

No claim is made on what is spoken with them: neither espeak-ng (GPL-3.0-or-later) nor a model (Apache-2.0; joe is CC0)
makes the audio that it speaks a work derived of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal, get_args

from manifests.records import Licence
from synth.voices import Blend, EspeakSettings, PiperModel, PseudoSpeaker, Split, Voice, VoiceBank

Gender = Literal["female", "male"]
Embedded = Literal["hibari", "espeak", "kokoro", "piper"]

MANDARIN: Final = "cmn"  # as espeak names it
_OWN = Licence("CC0-1.0", redistribute=True, commercial=True)


def _espeak(name: str, base: str, gender: Gender, variant: str, pitch: int, rate: int) -> Voice:
    """One accent x one variant (the timbre) x one pitch x one rate."""
    accent = {"en": "en-gb", MANDARIN: "zh-cn"}.get(base, base)
    settings = EspeakSettings(base, variant, pitch, rate)
    return Voice(f"espeak-{accent}-{name}", accent.split("-")[0], accent, gender, _OWN, settings)


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


def _heart(name: str, gender: Gender, *settings: float) -> Voice:
    """Somebody made of hibari's one voice, "heart"."""
    pitch, melody, low, high, tilt, one, more, breath, rate = settings
    speaker = PseudoSpeaker(pitch, melody, low, high, tilt, (one, more), breath, rate)
    return Voice(f"hibari-{name}", "en", "en-us", gender, _OWN, speaker)


HIBARI: Final = VoiceBank(
    (Voice("hibari-heart", "en", "en-us", "female", _OWN, PseudoSpeaker()),),
    {
        "train": (
            _heart("ada", "female", 1.21, 1.08, 1.15, 1.17, 1.80, 1.05, 0.04, -2.43, 1.14),
            _heart("ben", "male", 0.53, 0.95, 0.82, 0.83, -0.36, -2.46, 1.49, -2.66, 0.91),
            _heart("cora", "female", 0.88, 0.94, 1.08, 1.10, -0.24, -3.90, -1.52, 4.47, 0.91),
            _heart("dean", "male", 0.52, 1.01, 0.92, 0.92, 1.48, -3.67, -3.59, 3.28, 1.11),
            _heart("edith", "female", 1.26, 0.82, 1.03, 1.00, -0.57, 1.92, -1.38, 5.29, 1.01),
        ),
        "valid": (
            _heart("iris", "female", 1.09, 1.17, 0.98, 0.91, 1.83, -0.24, 3.32, 3.44, 0.90),
            _heart("hugo", "male", 0.61, 1.33, 0.85, 0.83, -2.89, 0.08, 0.46, 5.22, 0.91),
        ),
        "test": (
            _heart("grace", "female", 0.90, 1.16, 1.01, 1.05, -2.81, 4.00, 0.22, -0.85, 0.93),
            _heart("frank", "male", 0.68, 0.95, 0.83, 0.80, 1.70, 3.94, 0.59, -1.95, 0.99),
        ),
    },
)

_JOE: Final = Voice("piper-joe", "en", "en-us", "male", _OWN, PiperModel("en_US-joe-medium"))


def _kokoro(gender: Gender | None, *names: str) -> tuple[Voice, Voice]:
    """The same person in Chinese and in English."""
    name, blend = "-".join(names), Blend(tuple(f"j{'m' if name == 'kumo' else 'f'}_{name}" for name in names))
    return (
        Voice(f"kokoro-zh-{name}", "zh", None, gender, _OWN, blend),
        Voice(f"kokoro-en-{name}", "en", None, gender, _OWN, blend),
    )


# Five Japanese voices come in packages: these are the ones that are well apart (cosine .78 and less, Resemblyzer).
KOKORO: Final = VoiceBank(
    _kokoro("female", "alpha"),
    {
        "train": (*_kokoro("male", "kumo"), *_kokoro("female", "tebukuro")),
        "valid": _kokoro("female", "gongitsune"),
        "test": _kokoro(None, "gongitsune", "kumo"),
    },
)

OWN: Final[Mapping[str, VoiceBank]] = {"hibari": HIBARI, "espeak": ESPEAK, "kokoro": KOKORO}
"""The bank of each embedded engine."""


EMBEDDED: Final[Mapping[str, Voice]] = {name: voice for bank in OWN.values() for name, voice in bank.voices.items()} | {
    _JOE.name: _JOE
}
"""Every voice of the embedded engines, by its name."""


def with_beside(bank: VoiceBank, beside: Sequence[Embedded]) -> VoiceBank:
    """A bank with voices of engines beside its own: piper's is another user's in train; espeak's are bystanders, and
    everybody's in languages that the bank does not speak."""
    if "piper" in beside:
        bank = replace(bank, users={**bank.users, "train": (*bank.users["train"], _JOE)})
    return _with_espeak(bank) if "espeak" in beside else bank


def _with_espeak(bank: VoiceBank) -> VoiceBank:
    spoken = bank.languages
    added = [voice for voice in ESPEAK.assistants if voice.language not in spoken]
    users: dict[Split, tuple[Voice, ...]] = {}
    bystanders: dict[Split, tuple[Voice, ...]] = {}
    for split in get_args(Split):
        voices = ESPEAK.users[split]
        users[split] = (*bank.users[split], *(voice for voice in voices if voice.language not in spoken))
        bystanders[split] = tuple(voice for voice in voices if voice.language in spoken)
    return VoiceBank((*bank.assistants, *added), users, bystanders)


_ENGINES: Final[Mapping[type, Embedded]] = {
    PseudoSpeaker: "hibari",
    EspeakSettings: "espeak",
    Blend: "kokoro",
    PiperModel: "piper",
}


def engine_of(voice: Voice) -> Embedded | None:
    """The embedded engine that speaks with a voice; None for a voice of another engine."""
    return _ENGINES.get(type(voice.settings))
