"""What every translator does: texts in, translations out, or why there is none."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from turnmill.manifests.identify import SURE, language_found
from turnmill.manifests.languages import primary
from turnmill.manifests.letters import UNPARTED
from turnmill.synth.tokens import tokens

MOST: Final = 3.0
"""A translation has at most so many times the words of its text, and `ROOM` more. A loop has more."""
ROOM: Final = 10

_UNPARTED = re.compile(f"[{UNPARTED}]+")  # what `tokens` leaves whole
_LETTERS = 4  # of a word of these, vowel signs above and below not counted; roughly, for the bound is wide


@dataclass(frozen=True)
class Source:
    """A text that is to be translated; `language`: BCP 47, None where nobody knows it."""

    text: str
    language: str | None


@dataclass(frozen=True)
class Translated:
    """`score`: the mean log probability of a token, where a model states it."""

    text: str
    score: float | None = None


@dataclass(frozen=True)
class Untranslated:
    """A text without a translation: `unknown` where it is of a language that the translator was not taught; `why`: a
    clause for people."""

    why: str
    unknown: bool = False


class Translator(Protocol):
    """Translates into one language."""

    @property
    def name(self) -> str:
        """Of the model, as results tell it."""
        ...

    @property
    def at_once(self) -> int:
        """Texts that it should be given together."""
        ...

    def translate(self, sources: Sequence[Source]) -> list[Translated | Untranslated]:
        """One result per text, in order. The same texts give the same."""
        ...


def flaw(source: str, translation: str, to: str) -> str | None:
    """Why a text cannot be a translation into the language `to`, a clause; None where it can."""
    if not any(character.isalnum() for character in translation):
        return "the translation has no words"
    count, most = _words(translation), round(MOST * _words(source) + ROOM)
    if count > most:
        return f"the translation has {count} words, and {most} are the most of such a text"
    found = language_found(translation, to, SURE)
    if primary(found) != primary(to):
        return f"the translation is in {found}, not in {to}"
    return None


def _words(text: str) -> int:
    """Words, or characters of Chinese and Japanese."""
    letters = sum(map(str.isalpha, "".join(_UNPARTED.findall(text))))
    return len(tokens(_UNPARTED.sub(" ", text))) + math.ceil(letters / _LETTERS)
