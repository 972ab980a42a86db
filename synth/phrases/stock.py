"""The stock of phrases of one language, composed from templates."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final, Literal

import numpy as np

from turnmill.synth.tokens import SENTENCE_END, ends_with, tokens

PhraseKind = Literal[
    "filler",
    "attempt",
    "side_talk",
    "third_party",
    "reprompt",
    "waiting",
    "cancel",
    "cancel_reply",
    "clarify",
    "clarify_reply",
    "repeat",
    "repeat_reply",
    "correct",
    "correct_reply",
    "denial",
    "denial_reply",
    "topic",
    "affirm",
    "affirm_reply",
]
"""`filler` announces a hesitation, `attempt` is a start that is given up; `side_talk` is said by the user to somebody
in the room, `third_party` by somebody else; `reprompt` ends a silence after an answer, `waiting` any other. The others
are what a user interrupts with, by intent, and, as a `_reply`, how the assistant's answer begins (empty where it begins
at once). After `correct` and `denial` the user asks again, after `topic` something new."""

_LONGEST: Final = 3
_CHOICE = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True)
class Nodding:
    """How listeners of one language nod: what they say, with weights, and what tells where they do not.

    `continuers` claim no floor and bid the other go on. Of these the `neutral` accept nothing, so that they fit a
    refusal; the `agreeing` know what was said, which fits no matter of the speaker's `own`; the `concluding` take in a
    whole sentence; the `news` did not know it, which an assistant says of what users tell of their `own` alone.
    `delighted` and `dismayed` are for what is good or bad, unless the sentence is `hedged`. The patterns search a
    clause; `question`, `apology` and `hedged` also a sentence, from its start. `besides`: what recorded
    listeners say too, as recognisers write it.
    """

    continuers: Mapping[str, float]
    neutral: frozenset[str]
    agreeing: frozenset[str]
    concluding: frozenset[str]
    news: frozenset[str]
    delighted: Mapping[str, float]
    dismayed: Mapping[str, float]
    question: re.Pattern[str]
    apology: re.Pattern[str]
    refusal: re.Pattern[str]
    own: re.Pattern[str]
    good_news: re.Pattern[str]
    bad_news: re.Pattern[str]
    hedged: re.Pattern[str]
    besides: frozenset[str]

    def is_nod(self, said: str) -> bool:
        """Whether what was heard of a listener is one: three words at most (in writing without spaces, characters), and
        more than half of them of those that listeners say."""
        heard = ["".join(c for c in token.lower() if c.isalnum() or c in "-'").strip("-'") for token in tokens(said)]
        words = [word for word in heard if word]
        return len(words) <= _LONGEST and 2 * sum(word in self._words for word in words) > len(words)

    @cached_property
    def _words(self) -> frozenset[str]:
        said = (*self.continuers, *self.delighted, *self.dismayed, *self.besides)
        return frozenset(token.lower() for phrase in said for token in tokens(phrase))


@dataclass(frozen=True)
class Phrases:
    """What people of one language say around the turns of a written dialogue.

    `templates` compose the phrases of each kind (`expansions`). `corrects` and `clarifies` are how a user's own turn
    begins that corrects or asks back. A pause falls after `leads_to_pause`: words where these are written apart, else
    endings; where a turn has none, before the words that a phrase `begins` with, but not after what `binds` them.
    """

    templates: Mapping[PhraseKind, tuple[str, ...]]
    nods: Nodding
    corrects: tuple[str, ...]
    clarifies: tuple[str, ...]
    leads_to_pause: frozenset[str]
    begins: frozenset[str]
    binds: frozenset[str]
    words_apart: bool
    words_per_s: float

    def stock(self, kind: PhraseKind) -> tuple[str, ...]:
        """All that can be said of a kind."""
        return _composed(self.templates[kind])

    def say(self, kind: PhraseKind, rng: np.random.Generator) -> str:
        """One phrase of a kind, each as likely as another."""
        stock = self.stock(kind)
        return stock[int(rng.integers(len(stock)))]


def expansions(template: str) -> list[str]:
    """The phrases of a template, each once: `[Sorry|Wait], what was that[ again]?` takes one alternative of each pair
    of brackets, which may nest; a pair of one alternative is said or left out. A sentence begins with a capital."""
    return list(dict.fromkeys(_expanded(template)))


def _expanded(template: str) -> Iterable[str]:
    choice = _CHOICE.search(template)
    if choice is None:
        yield template
        return
    alternatives = choice[1].split("|")
    for one in alternatives if len(alternatives) > 1 else ["", *alternatives]:
        yield from _expanded(template[: choice.start()] + one + template[choice.end() :])


@cache
def _composed(templates: tuple[str, ...]) -> tuple[str, ...]:
    phrases = (phrase for template in templates for phrase in expansions(template))
    return tuple(phrase[0].upper() + phrase[1:] if ends_with(phrase, SENTENCE_END) else phrase for phrase in phrases)
