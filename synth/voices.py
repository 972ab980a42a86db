"""The bank of voices: who can speak a line, and which voices each split of a dataset may use.

No user voice is in two splits, so that a model is never tested on a voice it was trained on, and the assistant has one
voice throughout, as a product has. Engines that have voices of their own declare a bank of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from turnmill.manifests.genders import Gender
from turnmill.manifests.records import Licence

Split = Literal["train", "valid", "test"]


@dataclass(frozen=True)
class Prompt:
    """A recording of a voice, 3 to 10 s as FLAC of any rate, and what it says: what a cloning engine speaks after."""

    flac: bytes
    text: str


@dataclass(frozen=True)
class Voice:
    """A voice of the bank. `licence` is that of the speech made with it.

    It has `settings`, frozen and of a class that belongs to its engine, a `prompt`, or neither: then its name is the
    engine's own name for it.
    """

    name: str
    language: str  # first part of a BCP 47 tag
    accent: str | None
    gender: Gender | None
    licence: Licence
    settings: object | None = None
    prompt: Prompt | None = None


@dataclass(frozen=True)
class VoiceBank:
    """Who may speak: the assistant's voices (one, or a small set), the user's by split, none of them in two, and
    `bystanders`, by split too, who speak near the user and to nobody; where there are none, other users do."""

    assistants: tuple[Voice, ...]
    users: Mapping[Split, tuple[Voice, ...]]
    bystanders: Mapping[Split, tuple[Voice, ...]] = field(default_factory=dict)

    @property
    def voices(self) -> Mapping[str, Voice]:
        """Every voice by its name."""
        everyone = (
            *self.assistants,
            *(v for of in (self.users, self.bystanders) for split in of.values() for v in split),
        )
        return {voice.name: voice for voice in everyone}

    def assistants_of(self, language: str) -> tuple[Voice, ...]:
        """The assistant's voices that speak a language (the first part of a BCP 47 tag)."""
        return tuple(voice for voice in self.assistants if voice.language == language)

    def users_of(self, split: Split, language: str) -> tuple[Voice, ...]:
        """The user's voices of a split that speak a language."""
        return tuple(voice for voice in self.users[split] if voice.language == language)

    def bystanders_of(self, split: Split, language: str) -> tuple[Voice, ...]:
        """Those of a split who speak a language near the user."""
        return tuple(voice for voice in self.bystanders.get(split, ()) if voice.language == language)

    def speaking(self, language: str) -> tuple[Voice, ...]:
        """Every voice that speaks a language: the assistant's, then the user's of train, valid and test."""
        users = (voice for split in get_args(Split) for voice in self.users_of(split, language))
        return (*self.assistants_of(language), *users)

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that both an assistant and a user of every split speak, sorted."""
        known = {voice.language for voice in self.assistants}
        return tuple(sorted(n for n in known if all(self.users_of(split, n) for split in self.users)))


def named(name: str, language: str, licence: Licence) -> Voice:
    """A voice that its engine knows by name."""
    return Voice(name, language, None, None, licence)
