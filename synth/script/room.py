"""Which turns of the assistant's have room for an interruption at all, whatever its kind."""

import math
from typing import Final

from turnmill.manifests.languages import primary
from turnmill.synth.phrases import PHRASES
from turnmill.synth.script.asking import asks_back, greets, is_courtesy
from turnmill.synth.script.clauses import ends
from turnmill.synth.tokens import tokens

LEAST_HEARD: Final = 3
"""Words before an interruption."""
HEARD_S: Final = 1.0
"""Seconds, by the usual rate of speech, that are heard of a turn before an interruption."""
LEFT_S: Final = 1.5
"""What is left of it then: the assistant goes on for the user's first 0.3 s and more, and loses 0.6 s."""
TOO_SHORT: Final = "are over too soon"
_WORDS_PER_S = 2.7  # of a language without phrases


def count_of(seconds: float, language: str) -> int:
    """About how many tokens are said in so long."""
    phrases = PHRASES.get(primary(language))
    return math.ceil(seconds * (phrases.words_per_s if phrases else _WORDS_PER_S))


def least_heard(language: str) -> int:
    """Tokens of a turn that are heard before anybody interrupts it."""
    return max(LEAST_HEARD, count_of(HEARD_S, language))


def shortest(language: str) -> int:
    """Tokens of the shortest turn that anybody interrupts."""
    return least_heard(language) + count_of(LEFT_S, language)


def no_room(text: str, language: str) -> str | None:
    """Why nobody interrupts a turn, in a few words; None where one may."""
    if greets(text, language) or is_courtesy(text, language):
        return "greet, thank or take leave"
    if asks_back(text):
        return "ask the user something"
    if len(tokens(text)) < shortest(language):
        return TOO_SHORT
    least, most = least_heard(language), len(tokens(text)) - count_of(LEFT_S, language)
    return None if any(least <= end <= most for end in ends(text)) else "have no end of a clause inside"
