"""Where an exchange that is not the source's fits among its turns."""

import re
from dataclasses import replace
from typing import Final

from turnmill.manifests.records import TextDialogue, TextTurn

_GREETING: Final = re.compile(r"^(?:(?:hi|hello|hey)(?: there)?[,.!]\s*|[你您]好[，。！,!]\s*)", re.IGNORECASE)


def openings(dialogue: TextDialogue) -> list[int]:
    """The places of the user's turns before which another exchange may stand: nothing comes between a question of the
    assistant's and its answer."""
    turns = dialogue.turns
    return [index for index, turn in enumerate(turns) if turn.role == "user" and not (index and asks(turns[index - 1]))]


def asks(turn: TextTurn) -> bool:
    """Whether a turn has a question."""
    return any(mark in turn.text for mark in "?？")


def inserted(dialogue: TextDialogue, place: int, *turns: TextTurn) -> TextDialogue:
    """The dialogue with turns before the one at `place`, which then greets nobody."""
    rest = dialogue.turns[place:]
    if rest and place == 0:
        text = _GREETING.sub("", rest[0].text)
        rest = (replace(rest[0], text=text[:1].upper() + text[1:] or rest[0].text), *rest[1:])
    return replace(dialogue, turns=(*dialogue.turns[:place], *turns, *rest))
