"""Requests for a way of speaking: the user asks for it, and the assistant speaks so until the end, or asked back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from turnmill.manifests.emotions import EMOTIONS
from turnmill.manifests.languages import primary
from turnmill.manifests.records import TextDialogue, TextTurn
from turnmill.synth.speech import DIALECTS
from turnmill.synth.tasks.placing import inserted, openings
from turnmill.synth.tasks.wording import Said, Wording, line, pick

_FIRST = 0.6
"""Share of requests that begin the dialogue; Turnmill's choice, as is the next."""
_BACK = 0.4
"""Share of dialogues, where there is a turn to do it before, in which the user asks for the usual voice again."""


def requestable(wording: Wording, language: str, performed: Collection[str]) -> tuple[str, ...]:
    """The manners that a user may ask for: what the voices perform, a dialect of Chinese in Chinese alone."""
    foreign = () if primary(language) == "zh" else DIALECTS
    return tuple(name for name in wording.styles if name in performed and name not in foreign)


@dataclass(frozen=True)
class Request:
    """A manner that is asked for before the user's turn at `place`, and taken back before the one at `back` (None: at
    none)."""

    manner: str
    place: int
    back: int | None


def drawn(
    dialogue: TextDialogue, wording: Wording, performed: Collection[str], rng: np.random.Generator
) -> Request | None:
    """A request for a dialogue; None where the voices perform nothing that can be asked for, or no user speaks."""
    known, places = requestable(wording, dialogue.language, performed), openings(dialogue)
    if not known or not places:
        return None
    kinds = {_kind(name): tuple(each for each in known if _kind(each) == _kind(name)) for name in known}
    manner = pick(kinds[pick(tuple(kinds), rng)], rng)
    first = 0 if rng.random() < _FIRST else int(rng.integers(len(places)))
    later = tuple(places[first + 1 :])
    return Request(manner, places[first], pick(later, rng) if later and rng.random() < _BACK else None)


def spoken_in(dialogue: TextDialogue, request: Request) -> TextDialogue:
    """The dialogue with the assistant's turns in the manner that is asked for, without the words that ask."""
    until = len(dialogue.turns) if request.back is None else request.back
    turns = (
        in_manner(turn, request.manner) if request.place <= index < until and turn.role == "assistant" else turn
        for index, turn in enumerate(dialogue.turns)
    )
    return replace(dialogue, turns=tuple(turns))


def with_style(
    dialogue: TextDialogue, wording: Wording, performed: Collection[str], rng: np.random.Generator
) -> TextDialogue:
    """The dialogue with a request and its words, where there is one for it."""
    request = drawn(dialogue, wording, performed, rng)
    if request is None:
        return dialogue
    slots = {"name": wording.names.get(request.manner, request.manner)}
    changed = spoken_in(dialogue, request)
    if request.back is not None:
        changed = inserted(changed, request.back, *_exchange(wording.back, slots, rng))
    is_first = not any(turn.role == "assistant" for turn in dialogue.turns[: request.place])
    asked, answer = _exchange(wording.styles[request.manner], slots, rng, is_first=is_first)
    return inserted(changed, request.place, asked, in_manner(answer, request.manner))


def _exchange(
    said: Said, slots: Mapping[str, str], rng: np.random.Generator, *, is_first: bool = False
) -> tuple[TextTurn, TextTurn]:
    asked = line((is_first and said.first) or said.requests, rng, slots)
    answer = line(said.answers, rng, slots)
    return TextTurn("user", asked, added=True), TextTurn("assistant", answer, added=True)


def in_manner(turn: TextTurn, manner: str) -> TextTurn:
    """The turn in an emotion or a style, and in no other."""
    return replace(turn, emotion=manner if manner in EMOTIONS else None, style=None if manner in EMOTIONS else manner)


def _kind(manner: str) -> str:
    """Emotions, dialects, rates and loudness: each kind is asked for as often as another."""
    return "emotion" if manner in EMOTIONS else "dialect" if manner in DIALECTS else "voice"
