"""A dialogue and the task that it is given, if any."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from turnmill.manifests.emotions import EMOTIONS
from turnmill.manifests.languages import primary
from turnmill.manifests.records import TextDialogue, generator
from turnmill.synth.tasks.chinese import CHINESE
from turnmill.synth.tasks.emotion import with_emotion
from turnmill.synth.tasks.english import ENGLISH
from turnmill.synth.tasks.function import with_call
from turnmill.synth.tasks.params import Task, TaskShares
from turnmill.synth.tasks.style import drawn, spoken_in, with_style
from turnmill.synth.tasks.wording import Wording

WORDINGS: Final[Mapping[str, Wording]] = {"en": ENGLISH, "zh": CHINESE}
"""By the first part of a BCP 47 tag. Dialogues in other languages are given no task."""


def with_task(dialogue: TextDialogue, shares: TaskShares, performed: Collection[str], seed: int) -> TextDialogue:
    """The dialogue with the task that is drawn for it, named in its scenario; as it is where none is, or none fits.
    `performed`: what of `synth.speech.MANNERS` its voices perform. The draw depends on seed and dialogue alone."""
    wording = WORDINGS.get(primary(dialogue.language))
    rng = generator(seed, dialogue.id, "task")
    task = _drawn(shares, rng)
    if task is None or wording is None or any(turn.style for turn in dialogue.turns):
        return dialogue
    if task == "emotion":
        changed = with_emotion(dialogue, wording, rng)
    elif task == "style_request":
        changed = with_style(dialogue, wording, performed, rng)
    else:
        changed = with_call(dialogue, wording, rng)
    return dialogue if changed is dialogue else _named(changed, task)


def with_style_alone(dialogue: TextDialogue, shares: TaskShares, performed: Collection[str], seed: int) -> TextDialogue:
    """The dialogue as `with_task` would have it, where that is a request for a style, but without the words: a language
    model writes them (`synth.rewrite`). With that, `with_task` leaves it as it is."""
    wording = WORDINGS.get(primary(dialogue.language))
    rng = generator(seed, dialogue.id, "task")
    if wording is None or _drawn(shares, rng) != "style_request":
        return dialogue
    request = drawn(dialogue, wording, frozenset(performed).difference(EMOTIONS), rng)
    return dialogue if request is None else _named(spoken_in(dialogue, replace(request, back=None)), "style_request")


def _named(dialogue: TextDialogue, task: Task) -> TextDialogue:
    return replace(dialogue, scenario=f"{dialogue.scenario}/{task}" if dialogue.scenario else task)


def _drawn(shares: TaskShares, rng: np.random.Generator) -> Task | None:
    draw = rng.random()
    for task, share in shares.shares.items():
        if draw < share:
            return task
        draw -= share
    return None
