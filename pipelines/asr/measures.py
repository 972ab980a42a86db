"""Whether what a recogniser wrote is what was said: measures of a transcript, and the verdict that rests on them.

Each measure stands by itself in the table `transcripts`, so that a selection may draw other lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from turnmill.manifests.identify import SURE, language_found
from turnmill.manifests.languages import UNKNOWN, primary, space
from turnmill.pipelines.asr.errors import normalize, tokens
from turnmill.pipelines.asr.recognizer import Transcript
from turnmill.pipelines.asr.stock_phrases import STOCK_PHRASES
from turnmill.pipelines.asr.words import Word

Span = tuple[float, float]
"""[start, end) in seconds."""

_REPEATS: Final = 3  # of a phrase, one behind the other, from which on it is a loop
_IMPROBABLE: Final = 0.15  # faster-whisper's bounds of a word: its probability,
_SHORT_S: Final = 0.133  # least
_LONG_S: Final = 2.0  # and greatest length


@dataclass(frozen=True)
class Measures:
    """Of a transcript beside the speech that was found in its clip. Null where nothing was heard.

    `pace`: words, or characters of a language without spaces, a second of the speech that was heard. `speech_share`:
    share of what was heard that is speech. `outside_speech`: share of the words more than half of which lies where no
    speech was found. `loop_share`: share of the text that says again, for the third time or more, what stands right
    before it. `word_anomaly`: mean over the words of faster-whisper's score (1 where the probability is below 0.15, 15
    a second below 0.133 s, 1 a second over 2 s). `least_word_prob`: the least probable word. `stock_phrase`: whether
    all of the text is what Whisper says in silence. `written_language`: that of the text, by its letters.
    """

    pace: float | None = None
    speech_share: float | None = None
    outside_speech: float | None = None
    loop_share: float | None = None
    word_anomaly: float | None = None
    least_word_prob: float | None = None
    stock_phrase: bool | None = None
    written_language: str | None = None


def measured(heard: Transcript, speech: Sequence[Span]) -> Measures:
    """The measures of a transcript; `speech` are the stretches of speech in its clip."""
    if not heard.text:
        return Measures()
    language = primary(heard.language or UNKNOWN)
    units, seconds = tokens(heard.text, language), sum(end - start for start, end in heard.heard)
    spoken = sum(_within(span, speech) for span in heard.heard)
    outside = [_within((w.start, w.end), speech) < (w.end - w.start) / 2 for w in heard.words]
    return Measures(
        pace=len(units) / spoken if spoken > 0 else None,
        speech_share=spoken / seconds if seconds > 0 else None,
        outside_speech=float(np.mean(outside)) if outside else None,
        loop_share=loop_share(units),
        word_anomaly=float(np.mean([_anomaly(word) for word in heard.words])) if heard.words else None,
        least_word_prob=min((word.prob for word in heard.words), default=None),
        stock_phrase=is_stock(heard.text, language),
        written_language=language_found(heard.text, language, SURE),
    )


def loop_share(units: Sequence[str]) -> float:
    """The share of units that say again, for the third time or more, what stands right before them."""
    codes = np.unique(np.array(units, dtype=object).astype(str), return_inverse=True)[1] if len(units) else np.zeros(0)
    again = np.zeros(len(codes), bool)
    for period in range(1, len(codes) // _REPEATS + 1):
        same = codes[period:] == codes[:-period]
        edges = np.flatnonzero(np.diff(np.concatenate(([False], same, [False])).astype(int)))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if end - start >= (_REPEATS - 1) * period:
                again[start + period : end + period] = True
    return float(again.mean()) if len(again) else 0.0


def is_stock(text: str, language: str) -> bool:
    """Whether all of a text is stock phrases of its language."""
    behind = space(language)
    left = normalize(text, language) + behind
    phrases = [phrase + behind for phrase in _phrases(primary(language))]  # none is empty: it would be found for ever
    while left.strip():
        found = next((phrase for phrase in phrases if left.startswith(phrase)), None)
        if found is None:
            return False
        left = left.removeprefix(found)
    return bool(phrases)


@cache
def _phrases(language: str) -> tuple[str, ...]:
    """The longest first."""
    found = {normalize(phrase, language) for phrase in STOCK_PHRASES.get(language, ())}
    return tuple(sorted(found - {""}, key=lambda phrase: (-len(phrase), phrase)))


def _anomaly(word: Word) -> float:
    """faster-whisper's score of a word (`hallucination_silence_threshold`)."""
    length = word.end - word.start
    improbable = float(word.prob < _IMPROBABLE)
    return improbable + max(_SHORT_S - length, 0.0) * 15 + max(length - _LONG_S, 0.0)


def _within(span: Span, speech: Sequence[Span]) -> float:
    """Seconds of a span that lie in speech."""
    return sum(max(0.0, min(span[1], end) - max(span[0], start)) for start, end in speech)
