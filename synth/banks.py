"""The voices of the embedded engines, who they are for and what they were chosen by.

No claim is made on what is spoken with them: neither espeak-ng (GPL-3.0-or-later) nor a model (Apache-2.0; joe MIT)
makes the audio that it speaks a work derived of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal, get_args

from turnmill.manifests.records import Licence
from turnmill.synth.voices import Blend, EspeakSettings, Joe, PseudoSpeaker, Split, Voice, VoiceBank

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


def _heart(name: str, gender: Gender, speaker: PseudoSpeaker) -> Voice:
    """Somebody made of hibari's one voice."""
    return Voice(f"hibari-{name}", "en", "en-us", gender, _OWN, speaker)


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

_JOE: Final = Voice("piper-joe", "en", "en-us", "male", _OWN, Joe())


def _kokoro(gender: Gender, *names: str) -> tuple[Voice, Voice]:
    """The same person in Chinese and in English."""
    name, blend = "-".join(names), Blend(names)
    return (
        Voice(f"kokoro-zh-{name}", "zh", None, gender, _OWN, blend),
        Voice(f"kokoro-en-{name}", "en", None, gender, _OWN, blend),
    )


# What packages have are five Japanese voices. These are no nearer than .79 by Resemblyzer's speaker encoder, and share
# no part across splits.
KOKORO: Final = VoiceBank(
    _kokoro("female", "jf_alpha"),
    {
        "train": (*_kokoro("male", "jm_kumo"), *_kokoro("male", "jf_nezumi", "jm_kumo")),
        "valid": _kokoro("female", "jf_gongitsune"),
        "test": _kokoro("female", "jf_tebukuro"),
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
    Joe: "piper",
}


def engine_of(voice: Voice) -> Embedded | None:
    """The embedded engine that speaks with a voice; None for a voice of another engine."""
    return _ENGINES.get(type(voice.settings))
