"""Requests for a way of speaking: the user asks for it, and the assistant speaks so until the end, or asked back."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from turnmill.manifests.languages import primary
from turnmill.manifests.records import TextDialogue, TextTurn
from turnmill.synth.speech import DIALECTS, EMOTIONS
from turnmill.synth.tasks.placing import inserted, openings
from turnmill.synth.tasks.wording import Wording, line, pick

_FIRST = 0.6
"""Share of requests that begin the dialogue; Turnmill's choice, as is the next."""
_BACK = 0.4
"""Share of dialogues, where there is a turn to do it before, in which the user asks for the usual voice again."""


def requestable(wording: Wording, language: str, performed: Collection[str]) -> tuple[str, ...]:
    """The manners that a user may ask for: what the voices perform, a dialect of Chinese in Chinese alone."""
    foreign = () if primary(language) == "zh" else DIALECTS
    return tuple(name for name in wording.styles if name in performed and name not in foreign)


def with_style(
    dialogue: TextDialogue, wording: Wording, performed: Collection[str], rng: np.random.Generator
) -> TextDialogue:
    """The dialogue with a request, where the voices perform something that can be asked for."""
    known, places = requestable(wording, dialogue.language, performed), openings(dialogue)
    if not known or not places:
        return dialogue
    kinds = {_kind(name): tuple(each for each in known if _kind(each) == _kind(name)) for name in known}
    style = pick(kinds[pick(tuple(kinds), rng)], rng)
    first = 0 if rng.random() < _FIRST else int(rng.integers(len(places)))
    later = places[first + 1 :]
    back = pick(tuple(later), rng) if later and rng.random() < _BACK else None
    until = len(dialogue.turns) if back is None else back
    turns = [
        in_manner(turn, style) if places[first] <= index < until and turn.role == "assistant" else turn
        for index, turn in enumerate(dialogue.turns)
    ]
    dialogue = replace(dialogue, turns=tuple(turns))
    slots = {"name": wording.names.get(style, style)}
    if back is not None:
        asked, answer = (line(templates, rng, slots) for templates in (wording.back.requests, wording.back.answers))
        dialogue = inserted(
            dialogue, back, TextTurn("user", asked, added=True), TextTurn("assistant", answer, added=True)
        )
    said = wording.styles[style]
    asked, answer = line(said.requests, rng, slots), line(said.answers, rng, slots)
    acknowledged = in_manner(TextTurn("assistant", answer, added=True), style)
    return inserted(dialogue, places[first], TextTurn("user", asked, added=True), acknowledged)


def in_manner(turn: TextTurn, manner: str) -> TextTurn:
    """The turn in an emotion or a style, and in no other."""
    return replace(turn, emotion=manner if manner in EMOTIONS else None, style=None if manner in EMOTIONS else manner)


def _kind(manner: str) -> str:
    """Emotions, dialects, rates and loudness: each kind is asked for as often as another."""
    return "emotion" if manner in EMOTIONS else "dialect" if manner in DIALECTS else "voice"
