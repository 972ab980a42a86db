"""The voices of Kokoro: those that packages have, and those that a recipe names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from turnmill.manifests.errors import UsageError
from turnmill.manifests.genders import Gender
from turnmill.manifests.records import Licence
from turnmill.synth.tts.embedded import UNCLAIMED
from turnmill.synth.voices import Voice, VoiceBank


@dataclass(frozen=True)
class Blend:
    """A voice of a model that has several, by name, or the even mixture of two of them."""

    names: tuple[str, ...]


def _kokoro(gender: Gender, *names: str) -> tuple[Voice, Voice]:
    """The same person in Chinese and in English."""
    name, blend = "-".join(names), Blend(names)
    return (
        Voice(f"kokoro-zh-{name}", "zh", None, gender, UNCLAIMED, blend),
        Voice(f"kokoro-en-{name}", "en", None, gender, UNCLAIMED, blend),
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


def blend(name: str, language: str, licence: Licence) -> Voice:
    """The voice of a name, or the blend of the two between whose names is a plus."""
    return Voice(f"kokoro-{language}-{name}", language, None, None, licence, Blend(tuple(name.split("+"))))


def check_blends(names: Mapping[str, Sequence[str]]) -> None:
    """UsageError for what is no name and no blend of two, and for a voice that is part of people of two splits."""
    places: dict[str, str] = {}
    people: set[frozenset[str]] = set()
    for place, group in names.items():
        for name in group:
            parts = name.split("+")
            if len(parts) > 2 or not all(parts) or len(set(parts)) < len(parts):
                raise UsageError(f"voice_names.{place}: {name!r} is neither a voice nor two with a plus between them")
            if frozenset(parts) in people:
                raise UsageError(f"voice_names.{place}: {name!r} is there already, its two voices the other way round")
            people.add(frozenset(parts))
            for part in parts:
                if places.setdefault(part, place) != place:
                    raise UsageError(f"voice_names: {part!r} is a part of {places[part]} and of {place}: choose one")
