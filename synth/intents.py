"""Why a user interrupts: how often each kind is asked for, and which one is due."""

from collections import Counter
from collections.abc import Callable
from typing import Final, Self, TypeVar, get_args

import numpy as np
from pydantic import Field, model_validator

from turnmill.manifests.params import Params
from turnmill.manifests.records import Intent
from turnmill.synth.tokens import shares_run, tokens

INTENTS: Final[tuple[Intent, ...]] = get_args(Intent)
SAYS_AGAIN: Final[frozenset[Intent]] = frozenset({"clarify", "repeat"})
"""The kinds at which the assistant says again what it was saying."""
ENDS: Final[frozenset[Intent]] = frozenset({"topic", "cancel"})
"""The kinds after which the dialogue does not go on as it would have."""
AT_MOST_AGAIN: Final = 2.5
"""Times their share up to which those stand in for other kinds: to have missed what was just said makes sense at nearly
all turns, and is better than no interruption for longer; Turnmill's choice."""
_SAME_WORDS: Final = 8  # in a row: by them, an answer is the interrupted turn once more


_MOST_OWED = 3  # interruptions for which no turn had room, that later turns make up for
_MOST_AHEAD = 3  # of late kinds, that take the place of those drawn next
_AT_MOST = 1.5  # times its share of the kinds that make sense at all, beyond which a turn is rather not interrupted

Made = TypeVar("Made")


class IntentMix(Params):
    """Shares of the kinds of barge-in: what a user who interrupts is after (docs/turn-taking.md)."""

    follow_up: float = Field(default=0.2, ge=0)
    """Asks the next question already."""
    topic: float = Field(default=0.2, ge=0)
    """Asks about something else."""
    correct: float = Field(default=0.1, ge=0)
    """Says that the assistant has misheard, and asks again."""
    denial: float = Field(default=0.1, ge=0)
    """Does not want what the assistant has begun to say, and asks again."""
    clarify: float = Field(default=0.1, ge=0)
    """Has not understood what was just said."""
    repeat: float = Field(default=0.1, ge=0)
    """Wants to hear again what was just said."""
    affirm: float = Field(default=0.1, ge=0)
    """Has what they need, and says so."""
    cancel: float = Field(default=0.1, ge=0)
    """Wants the assistant to stop."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if sum(self.shares().values()) <= 0:
            raise ValueError(f"one of {', '.join(INTENTS)} must be above 0; for no interruptions set barge_in to 0")
        return self

    def shares(self) -> dict[Intent, float]:
        """The parts as they were stated, in the order of the kinds."""
        return {intent: getattr(self, intent) for intent in INTENTS}


def says_again(intent: Intent, interrupted: str, answer: str) -> bool:
    """Whether the answer after an interruption says the interrupted turn again, by eight words in a row, although that
    is not what its kind is for."""
    return intent not in SAYS_AGAIN and shares_run(interrupted, answer, _SAME_WORDS)


def certainly_said(text: str) -> int:
    """How many tokens of an interrupted turn a written interruption takes as heard: a third. Events that use it should
    come later."""
    return max(1, len(tokens(text)) // 3)


class Balance:
    """Chooses the kinds of interruption of one dialogue after another, so that the shares that are asked for come out
    although few kinds are possible at any one turn. `rng` draws where each kind starts: few have their shares too."""

    def __init__(self, mix: IntentMix, rng: np.random.Generator) -> None:
        shares = mix.shares()
        total = sum(shares.values())
        self._shares: dict[Intent, float] = {intent: share / total for intent, share in shares.items() if share > 0}
        self._phases: dict[Intent, float] = dict(zip(self._shares, rng.random(len(self._shares)).tolist(), strict=True))
        self._counts: Counter[Intent] = Counter()
        self._ahead = 0  # interruptions beyond those that were drawn

    def choose(self, drawn: bool, make: Callable[[Intent], Made | None]) -> Made | None:
        """What `make` makes of the kind that is furthest behind its share, of those that it makes anything of.

        `drawn`: whether the turn is one of the share that is to be interrupted. Another one is where a drawn one had no
        room for any kind, or where a kind is late: that then takes the place of the next one drawn.
        """
        late = self._ahead > 0 or (not drawn and self._ahead == 0)
        for intent in self._due(late) if drawn or self._ahead < _MOST_AHEAD else ():
            made = make(intent)
            if made is not None:
                self._counts[intent] += 1
                self._ahead += not drawn
                return made
        self._ahead = max(self._ahead - drawn, -_MOST_OWED)
        return None

    def _too_often(self, intent: Intent) -> bool:
        share = self._shares[intent] / sum(self._shares[met] for met in {*self._counts, intent})
        at_most = AT_MOST_AGAIN if intent in SAYS_AGAIN else _AT_MOST
        return self._counts[intent] > at_most * share * (self._counts.total() + 1)

    def _due(self, late: bool) -> list[Intent]:
        """The kinds by how far they are behind; `late`: those that should have come by now, once all could have."""
        total = self._counts.total()
        behind = {
            intent: total - (self._counts[intent] + self._phases[intent]) / share
            for intent, share in self._shares.items()
        }
        due = [
            intent
            for intent in behind
            if not self._too_often(intent) and (not late or (behind[intent] >= 0 and total >= len(behind)))
        ]
        return sorted(due, key=lambda intent: -behind[intent])
