"""A turn of the assistant's on its way into a script, and how it may be interrupted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turnmill.manifests.records import Intent, TextDialogue
from turnmill.synth.phrases import PhraseKind, Phrases
from turnmill.synth.script.parts import Part
from turnmill.synth.script.room import count_of
from turnmill.synth.tokens import tokens


@dataclass(frozen=True)
class Moment:
    """The assistant is about to say `part`, after the turns `before` and before those `ahead`. `others` are the
    dialogues that may be borrowed from."""

    dialogue: TextDialogue
    before: tuple[Part, ...]
    part: Part
    ahead: tuple[Part, ...]
    phrases: Phrases | None
    others: Sequence[TextDialogue]
    rng: np.random.Generator

    @property
    def language(self) -> str:
        return self.dialogue.language

    def count(self, seconds: float) -> int:
        """About how many tokens are said in so long."""
        return count_of(seconds, self.language)

    def share(self, share: float) -> int:
        """So much of the part, in tokens."""
        return math.ceil(share * len(tokens(self.part.text)))

    def say(self, kind: PhraseKind) -> str:
        assert self.phrases is not None
        return self.phrases.say(kind, self.rng)


@dataclass(frozen=True)
class Interruption:
    """`target` is said in place of the moment's part, and interrupted when `said` to `until` tokens of it are heard;
    `added` follow, then `ahead`. `dropped`: how many of those added go where speech has no room for it."""

    intent: Intent
    target: Part
    added: tuple[Part, ...]
    ahead: tuple[Part, ...]
    said: int
    until: int | None = None
    dropped: int = 0
