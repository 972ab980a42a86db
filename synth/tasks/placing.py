"""Where an exchange that is not the source's fits among its turns."""

from dataclasses import replace

from turnmill.manifests.records import TextDialogue, TextTurn


def openings(dialogue: TextDialogue) -> list[int]:
    """The places of the user's turns before which another exchange may stand: nothing comes between a question of the
    assistant's and its answer."""
    turns = dialogue.turns
    return [index for index, turn in enumerate(turns) if turn.role == "user" and not (index and asks(turns[index - 1]))]


def asks(turn: TextTurn) -> bool:
    """Whether a turn has a question."""
    return any(mark in turn.text for mark in "?？")


def inserted(dialogue: TextDialogue, place: int, *turns: TextTurn) -> TextDialogue:
    """The dialogue with turns before the one at `place`."""
    return replace(dialogue, turns=(*dialogue.turns[:place], *turns, *dialogue.turns[place:]))
