"""A dialogue and the task that it is given, if any."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from turnmill.manifests.languages import primary
from turnmill.manifests.records import TextDialogue, generator
from turnmill.synth.tasks.chinese import CHINESE
from turnmill.synth.tasks.emotion import with_emotion
from turnmill.synth.tasks.english import ENGLISH
from turnmill.synth.tasks.function import with_call
from turnmill.synth.tasks.params import Task, TaskShares
from turnmill.synth.tasks.style import with_style
from turnmill.synth.tasks.wording import Wording

WORDINGS: Final[Mapping[str, Wording]] = {"en": ENGLISH, "zh": CHINESE}
"""By the first part of a BCP 47 tag. Dialogues in other languages are given no task."""


def with_task(dialogue: TextDialogue, shares: TaskShares, performed: Collection[str], seed: int) -> TextDialogue:
    """The dialogue with the task that is drawn for it, named in its scenario; as it is where none is, or none fits.
    `performed`: what of `synth.speech.MANNERS` its voices perform. The draw depends on seed and dialogue alone."""
    wording = WORDINGS.get(primary(dialogue.language))
    rng = generator(seed, dialogue.id, "task")
    task = _drawn(shares, rng)
    if task is None or wording is None:
        return dialogue
    if task == "emotion":
        changed = with_emotion(dialogue, wording, rng)
    elif task == "style_request":
        changed = with_style(dialogue, wording, performed, rng)
    else:
        changed = with_call(dialogue, wording, rng)
    if changed is dialogue:
        return dialogue
    return replace(changed, scenario=f"{dialogue.scenario}/{task}" if dialogue.scenario else task)


def _drawn(shares: TaskShares, rng: np.random.Generator) -> Task | None:
    draw = rng.random()
    for task, share in shares.shares.items():
        if draw < share:
            return task
        draw -= share
    return None
