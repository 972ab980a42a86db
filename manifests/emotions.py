"""The emotions that Turnmill knows, and what others call them: one table, for texts, corpora and recipes."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, get_args

Emotion = Literal["neutral", "joy", "sadness", "fear", "anger", "surprise", "disgust", "sorry"]
"""Those of LUCY, whose tags are these in capitals."""
EMOTIONS: Final[tuple[Emotion, ...]] = get_args(Emotion)

_NAMES: Final[Mapping[Emotion, tuple[str, ...]]] = {
    "neutral": ("neu", "calm", "中立"),
    "joy": ("happy", "happiness", "joyful", "hap", "excited", "excitement", "exc", "amused", "amusement", "快乐"),
    "sadness": ("sad", "sorrow", "伤心"),
    "fear": ("fearful", "afraid", "anxious", "terrified", "fea"),
    "anger": ("angry", "annoyed", "furious", "ang", "生气"),
    "surprise": ("surprised", "sur", "惊喜"),
    "disgust": ("disgusted", "dis"),
    "sorry": ("apologetic",),
}
"""Three letters are IEMOCAP's and EMOBox's, Chinese is ESD's. What has no counterpart among ours, as frustration,
boredom or sleepiness, is not here."""

_MEANT: Final[Mapping[str, Emotion]] = {name: emotion for emotion in EMOTIONS for name in (emotion, *_NAMES[emotion])}


def emotion_named(text: str | None) -> Emotion | None:
    """The emotion that a source, a corpus or a recipe means by a word; None for what is none of `EMOTIONS`."""
    return _MEANT.get((text or "").strip().lower())


def emotion_among(labels: Iterable[str]) -> Emotion | None:
    """The one that labels name; None where they name none, or several."""
    found = {emotion for label in labels if (emotion := emotion_named(label))}
    return found.pop() if len(found) == 1 else None
