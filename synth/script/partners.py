"""The other dialogues that an interruption may borrow from: those whose question is another one."""

from collections.abc import Iterator, Sequence

import numpy as np

from turnmill.manifests.records import TextDialogue
from turnmill.synth.script.asking import asked_again, declines, stands_alone
from turnmill.synth.script.context import content
from turnmill.synth.script.parts import Part, parts_of

_TRIES = 12  # others that are looked at before an interruption goes without
_ALIKE = 0.4  # of the words that two questions refer to, the share from which one may pass for the other


def partners_of(
    talk: Sequence[Part], others: Sequence[TextDialogue], rng: np.random.Generator
) -> Iterator[tuple[Part, ...]]:
    """Dialogues among `others` that begin with a question which can be asked at any time, and is none of this talk's,
    in random order. Each has at least a question and its answer; all its turns are `borrowed`."""
    own = [content(part.text) for part in talk]
    for place in rng.permutation(len(others))[:_TRIES].tolist():
        if _fits(others[place]):
            partner = parts_of(others[place], borrowed=True)
            if not any(_alike(content(part.text), words) for part in partner[:2] for words in own):
                yield partner


def _fits(other: TextDialogue) -> bool:
    """Whether its first question and answer can be understood in another dialogue."""
    if len(other.turns) < 2 or other.turns[0].role != "user" or other.turns[1].role != "assistant":
        return False
    if any(turn.style for turn in other.turns) or other.turns[1].tool:
        return False
    question, answer, *_ = parts_of(other)
    again = asked_again(question.text, other.language)
    return again is not None and stands_alone(again, other.language) and not declines(answer.text, other.language)


def _alike(first: set[str], second: set[str]) -> bool:
    """Whether two turns are about the same, by the words that each refers to."""
    return len(first & second) > _ALIKE * min(len(first), len(second))
