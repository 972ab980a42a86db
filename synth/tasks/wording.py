"""What is said about the tasks in one language: templates, and the words that fill them.

A template is as `synth.phrases.stock` has it, with slots: `[Please ]set a timer for {minutes} minutes.`
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np

from turnmill.manifests.emotions import Emotion
from turnmill.synth.phrases.stock import expansions

T = TypeVar("T")

Templates = tuple[str, ...]


@dataclass(frozen=True)
class Said:
    """A request and its answer: of a style, or of an emotion that the user tells. `first`: requests before anything
    was said, which compare with nothing; none where `requests` do not either."""

    requests: Templates
    answers: Templates
    first: Templates = ()


@dataclass(frozen=True)
class Used:
    """What is said about a function: `fillers` before the call, `answers` after it, by what came of it."""

    requests: Templates
    fillers: Templates
    answers: Mapping[str, Templates]


@dataclass(frozen=True)
class Wording:
    """One language. `felt` is by the user's emotion, with `reasons` for it as clauses; `styles` by manner
    (`synth.speech`), where {name} is the manner's own of `names`; `back` asks for the usual voice again; `also` comes
    before a request that nobody expects any more, `more` after an answer at which the dialogue begins. `functions` is
    by use (`synth.tasks.uses`), whose `words` are lists of (value in a call, as it is said); `clock` says an hour and a
    minute."""

    felt: Mapping[Emotion, Said]
    reasons: Mapping[Emotion, Templates]
    styles: Mapping[str, Said]
    names: Mapping[str, str]
    back: Said
    also: Templates
    more: Templates
    functions: Mapping[str, Used]
    words: Mapping[str, tuple[tuple[str, ...], ...]]
    clock: Callable[[int, int], str]


@lru_cache(maxsize=4096)
def composed(template: str) -> tuple[str, ...]:
    """The lines of a template, in order."""
    return tuple(expansions(template))


def pick(items: tuple[T, ...], rng: np.random.Generator) -> T:
    """One of them, each as likely as another."""
    return items[int(rng.integers(len(items)))]


def line(templates: Templates, rng: np.random.Generator, slots: Mapping[str, str]) -> str:
    """A line of one of the templates, each of which is as likely as another, with its slots filled and a capital at its
    beginning."""
    text = pick(composed(pick(templates, rng)), rng).format_map(slots)
    return text[0].upper() + text[1:]
