"""Emotion-aware dialogue: what the user feels, and how the assistant sounds who answers."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from turnmill.manifests.emotions import Emotion, emotion_named
from turnmill.manifests.languages import primary
from turnmill.manifests.records import TextDialogue, TextTurn
from turnmill.synth.tasks.placing import inserted, openings
from turnmill.synth.tasks.wording import Wording, line, pick

ANSWERED: Final[Mapping[Emotion, Emotion]] = {
    "neutral": "neutral",
    "joy": "joy",
    "sadness": "sorry",
    "fear": "neutral",
    "anger": "neutral",
    "surprise": "surprise",
    "disgust": "neutral",
    "sorry": "neutral",
}
"""The emotion in which the assistant answers each of the user's: gently what is sad, calmly fear and anger, joy with
joy."""

# A sentence that begins with what its speaker feels: no "if I'm sad", no "I'm not happy", no "I'm afraid so".
_FEELS: Final[Mapping[str, str]] = {
    "en": r"(?:^|[.!?] +)(?:(?:oh|ugh|wow|well|man|honestly),? +)?i(?:'m| am|’m| feel)(?: feeling)?"
    r"(?: (?:so|very|really|just|absolutely))* (?:{words})\b",
    "zh": r"(?:^|[。！？，] *)(?:(?:唉|哎|哇|天啊)，?)?我(?:今天|现在|最近)?"
    r"(?:真的?|好|很|太|特别|非常|有点儿?)+(?:{words})",
}
_WORDS: Final[Mapping[str, Mapping[Emotion, str]]] = {
    "en": {
        "joy": "happy|excited|thrilled|delighted|overjoyed",
        "sadness": "sad|heartbroken|devastated|depressed|down today|miserable",
        "anger": "angry|furious|mad at|pissed off|annoyed",
        "fear": "scared|terrified|frightened|afraid of|anxious about|worried about",
        "disgust": "disgusted",
    },
    "zh": {
        "joy": "开心|高兴|激动|兴奋",
        "sadness": "难过|伤心|沮丧|失落",
        "anger": "生气|恼火|气愤",
        "fear": "害怕|恐惧|担心",
        "disgust": "恶心",
    },
}
_LEXICON: Final = {
    language: {e: re.compile(_FEELS[language].format(words=w), re.IGNORECASE) for e, w in words.items()}
    for language, words in _WORDS.items()
}


def felt(turn: TextTurn, language: str) -> Emotion | None:
    """What a user's turn says that the user feels: by its source, else by the one emotion of its words."""
    if turn.emotion is not None:
        return emotion_named(turn.emotion)
    lexicon = _LEXICON.get(primary(language), {})
    found = [emotion for emotion, words in lexicon.items() if words.search(turn.text)]
    return found[0] if len(found) == 1 else None


def with_emotion(dialogue: TextDialogue, wording: Wording, rng: np.random.Generator) -> TextDialogue:
    """The dialogue with answers in tune where its user feels something, else with a feeling told and answered first."""
    feels = {n: felt(turn, dialogue.language) for n, turn in enumerate(dialogue.turns) if turn.role == "user"}
    if any(emotion not in (None, "neutral") for emotion in feels.values()):
        return replace(dialogue, turns=tuple(_in_tune(dialogue, feels)))
    emotion = pick(tuple(wording.felt), rng)
    said = wording.felt[emotion]
    slots = {"Reason": line(wording.reasons[emotion], rng, {})}
    told = TextTurn("user", line(said.requests, rng, slots), emotion, added=True)
    answer = TextTurn("assistant", line(said.answers, rng, {}), ANSWERED[emotion], added=True)
    places = openings(dialogue)
    return inserted(dialogue, places[0], told, answer) if places else dialogue


def _in_tune(dialogue: TextDialogue, feels: Mapping[int, Emotion | None]) -> list[TextTurn]:
    turns = []
    for index, turn in enumerate(dialogue.turns):
        before = feels.get(index - 1)
        if turn.role == "user":
            turn = replace(turn, emotion=feels[index])
        elif turn.emotion is None and before is not None:
            turn = replace(turn, emotion=ANSWERED[before])
        turns.append(turn)
    return turns
