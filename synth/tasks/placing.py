"""Where an exchange that is not the source's fits among its turns."""

import re
from dataclasses import replace
from typing import Final

from turnmill.manifests.records import TextDialogue, TextTurn
from turnmill.synth.script.asking import asks, awaits, is_personal, reacts

# How a turn begins that takes up what was just said: with a word or two.
_TAKES_UP: Final = re.compile(r"^(?:[A-Za-z']+ ?){1,3}[,.!]|^[\u4e00-\u9fff]{1,4}[，。！,!]")
_GREETING: Final = re.compile(r"^(?:(?:hi|hello|hey)(?: there)?[,.!]\s*|[你您]好[，。！,!]\s*)", re.IGNORECASE)


def openings(dialogue: TextDialogue) -> list[int]:
    """The places of the user's turns before which another exchange may stand: the first of the dialogue, and those that
    ask something and take up nothing of the turn before, where they speak to nobody that the user knows. Nothing
    comes between a question of the assistant's and its answer."""
    turns, language = dialogue.turns, dialogue.language
    return [
        index
        for index, turn in enumerate(turns)
        if turn.role == "user"
        and not is_personal(turn.text, language)
        and (index == 0 or (_begins(turn, language) and not awaits(turns[index - 1].text, language)))
    ]


def _begins(turn: TextTurn, language: str) -> bool:
    return asks(turn.text, language) and not reacts(turn.text, language) and not _TAKES_UP.match(turn.text)


def inserted(dialogue: TextDialogue, place: int, *turns: TextTurn) -> TextDialogue:
    """The dialogue with turns before the one at `place`, which then greets nobody."""
    rest = dialogue.turns[place:]
    if rest and place == 0:
        text = _GREETING.sub("", rest[0].text)
        rest = (replace(rest[0], text=text[:1].upper() + text[1:] or rest[0].text), *rest[1:])
    return replace(dialogue, turns=(*dialogue.turns[:place], *turns, *rest))
