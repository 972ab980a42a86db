"""Where words are: the times of Whisper's attention, mended by what is known better.

Attention puts the start of a first word anywhere in the silence before it, gives words of no length, and runs into the
padding. Mended in this order: what a hyphen joins (`hyphenated`); what lasts too long, by faster-whisper's own rule
(`shortened`); what lies outside of speech, by the VAD (`in_speech`); what has no length or lies outside its window
(`spread`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Final, TypeVar

from turnmill.pipelines.asr.windows import SAMPLE_RATE

_STEP: Final = 0.02  # s, of the frames in which attention tells time: the least length of a word
_INSIDE: Final = 0.5  # s: a shorter silence can be one inside a word
_HYPHENATED: Final = re.compile(r"-\w")  # with no space before it

Alignment = Sequence[Mapping[str, Any]]
"""Of a window, as `WhisperModel.find_alignment` gives it: word, tokens, start and end in seconds, probability."""


@dataclass(frozen=True)
class Word:
    """A recognised word: [start, end) in seconds, `prob` the mean probability of its tokens."""

    word: str
    start: float
    end: float
    prob: float


def hyphenated(alignment: Alignment) -> Alignment:
    """The same where what is written with hyphens is one word: Whisper's tokens part " high" and "-end"."""
    found: list[Mapping[str, Any]] = []
    for item in alignment:
        if found and _HYPHENATED.match(item["word"]):
            first = found.pop()
            item = {
                "word": first["word"] + item["word"],
                "tokens": [*first["tokens"], *item["tokens"]],
                "start": first["start"],
                "end": item["end"],
                "probability": _mean_prob(first, item),
            }
        found.append(item)
    return found


def _mean_prob(*items: Mapping[str, Any]) -> float:
    """By tokens, as that of a word is."""
    tokens = sum(len(item["tokens"]) for item in items)
    return sum(float(item["probability"]) * len(item["tokens"]) for item in items) / tokens


def shortened(alignment: Alignment, seconds: float, before: str, after: str) -> list[Word]:
    """Words with the punctuation that belongs `before` and `after` them, as faster-whisper gives them: first words,
    last words and those at the ends of sentences last no longer than twice the median word. `seconds`: of the window.

    The rule is part of `WhisperModel.add_word_timestamps`, which finds an alignment itself: here it finds this one.
    """
    from faster_whisper import WhisperModel

    items = [dict(item) for item in alignment]
    tokens = [token for item in items for token in item["tokens"]]
    segment: dict[str, Any] = {"seek": 0, "tokens": tokens, "start": 0.0, "end": seconds, "words": []}
    model = SimpleNamespace(frames_per_second=100, find_alignment=lambda *_: [items])
    tokenizer = SimpleNamespace(eot=max(tokens, default=0) + 1)  # all of them are text
    WhisperModel.add_word_timestamps(model, [[segment]], tokenizer, None, None, before, after, 0.0)
    words = ((str(item["word"]).strip(), item) for item in segment["words"])
    return [Word(w, float(i["start"]), float(i["end"]), float(i["probability"])) for w, i in words if w]


def in_speech(words: Sequence[Word], speech: Sequence[tuple[int, int]] | None) -> list[Word]:
    """The same where none begins before the first stretch of `speech`, in samples of the window, and one that reaches
    over a silence lies on that side of it where more of it is. What lies in a later silence altogether stays."""
    spans: list[tuple[float, float]] = []
    for start, end in ((s / SAMPLE_RATE, e / SAMPLE_RATE) for s, e in speech or ()):
        if spans and start - spans[-1][1] < _INSIDE:
            start = spans.pop()[0]
        spans.append((start, end))
    found = []
    for word in words:
        shares = [(min(word.end, end) - max(word.start, start), start, end) for start, end in spans]
        share, start, end = max(shares, default=(0.0, 0.0, 0.0), key=lambda each: each[0])
        if share > 0:
            word = replace(word, start=max(word.start, start), end=min(word.end, end))
        elif spans and word.start < spans[0][0]:
            word = replace(word, start=spans[0][0], end=spans[0][0])
        found.append(word)
    return found


W = TypeVar("W", bound=Word)


def spread(words: Sequence[W], seconds: float) -> list[W]:
    """The same in order inside [0, seconds), none shorter than 20 ms or its share of the whole."""
    least = min(_STEP, seconds / max(len(words), 1))
    ordered: list[W] = []
    floor = 0.0
    for word in words:
        start = max(word.start, floor)
        floor = max(word.end, start + least)
        ordered.append(replace(word, start=start, end=floor))
    found: list[W] = []
    ceiling = seconds
    for word in reversed(ordered):
        end = min(word.end, ceiling)
        ceiling = min(word.start, end - least)
        found.append(replace(word, start=max(ceiling, 0.0), end=end))
    return found[::-1]
