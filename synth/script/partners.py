"""The other dialogues that an interruption may borrow from: those whose question is another one."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from turnmill.manifests.records import TextDialogue
from turnmill.synth.script.asking import asked_again, declines, greets, stands_alone
from turnmill.synth.script.context import content
from turnmill.synth.script.parts import Part, parts_of

NEAR = 80
"""Others that may be borrowed from, so that the few that fit are not borrowed again and again."""
_CALLED = re.compile("(?:小|老)?[\u4e00-\u9fff]{2,3}[，,]|(?!Okay|Yes|No|Well|So|Please)[A-Z][a-z]+, ")  # by name
_COMPARED = 12  # answers of others beside which one may turn out to be what is said to many
_ALIKE = 0.4  # of the words that two turns refer to, the share from which one may pass for the other


def partners_of(talk: Sequence[Part], others: Sequence[TextDialogue]) -> Iterator[tuple[Part, ...]]:
    """Dialogues among `others` that begin with a question which can be asked at any time, and is none of this talk's,
    in order. Each has at least a question and its answer; all its turns are `borrowed`."""
    own = [content(part.text) for part in talk]
    for place, other in enumerate(others):
        partner = _lent(other)
        if partner:
            if any(_alike(content(part.text), words) for part in partner[:2] for words in own):
                continue
            if not _is_usual(partner[1], [*others[place + 1 :], *others[:place]]):
                yield partner


def is_told_apart(partner: tuple[Part, Part], talk: Sequence[Part]) -> bool:
    """Whether an answer has a word of its own question's of which there was no talk: it is heard to answer that one."""
    question, answer = (content(part.text) for part in partner)
    return bool(question & answer - frozenset[str]().union(*(content(part.text) for part in talk)))


def _is_usual(answer: Part, others: Sequence[TextDialogue]) -> bool:
    """Whether other questions are answered alike, so that nobody would take it for the answer of another question."""
    words = content(answer.text)
    answers = (other.turns[1].text for other in others[:_COMPARED] if len(other.turns) > 1)
    return not words or sum(_alike(words, content(text)) for text in answers) > 1


@lru_cache(maxsize=1 << 10)  # each is looked at for many others of its unit
def _lent(other: TextDialogue) -> tuple[Part, ...]:
    """Its turns, where the first question and answer can be understood in another dialogue; else none."""
    return parts_of(other, borrowed=True) if _fits(other) else ()


def _fits(other: TextDialogue) -> bool:
    if len(other.turns) < 2 or other.turns[0].role != "user" or other.turns[1].role != "assistant":
        return False
    if any(turn.style for turn in other.turns) or other.turns[1].tool:
        return False
    question, answer, *_ = parts_of(other)
    if greets(answer.text, other.language) or _CALLED.match(question.text):
        return False
    again = asked_again(question.text, other.language)
    return again is not None and stands_alone(again, other.language) and not declines(answer.text, other.language)


def _alike(first: frozenset[str], second: frozenset[str]) -> bool:
    """Whether two turns are about the same, by the words that each refers to."""
    return len(first & second) > _ALIKE * min(len(first), len(second))
