"""Where an exchange that is not the source's fits among its turns."""

from dataclasses import replace

from turnmill.manifests.records import TextDialogue, TextTurn


def openings(dialogue: TextDialogue) -> list[int]:
    """The places of the user's turns: before each of them, a question and its answer may stand."""
    return [index for index, turn in enumerate(dialogue.turns) if turn.role == "user"]


def inserted(dialogue: TextDialogue, place: int, *turns: TextTurn) -> TextDialogue:
    """The dialogue with turns before the one at `place`."""
    return replace(dialogue, turns=(*dialogue.turns[:place], *turns, *dialogue.turns[place:]))
