"""What the labels of a dialogue may say: what its voices perform."""

from collections.abc import Collection
from dataclasses import replace

from turnmill.manifests.emotions import emotion_named
from turnmill.manifests.records import TextDialogue, TextTurn


def with_performed(dialogue: TextDialogue, performed: Collection[str]) -> TextDialogue:
    """The dialogue with emotions by their names in `synth.speech`, and without those and the styles that no voice would
    let be heard: nothing is told to an engine, and no label says, what is not heard. A style goes before an emotion,
    for an engine is told one of them."""
    return replace(dialogue, turns=tuple(_performed(turn, performed) for turn in dialogue.turns))


def _performed(turn: TextTurn, performed: Collection[str]) -> TextTurn:
    style = turn.style if turn.style in performed else None
    emotion = None if style else emotion_named(turn.emotion)
    return replace(turn, style=style, emotion=emotion if emotion in performed else None)
