"""Speech of models that read phonemes and say how long each lasts: lines in, speech with word times out.

A front end gives the sentences of a line, a model renders each, and the words are where their phonemes are. What a
model's durations are late by is one constant of the model; where words stand beside a pause, energy says better
(`synth.tts.align.snapped`).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.records import Reason
from turnmill.synth.speech import Line, Speech, SpeechError, Word
from turnmill.synth.tags import without_tags
from turnmill.synth.tokens import sounds, tokens
from turnmill.synth.tts.align import finished, sounding

Pcm = NDArray[np.float32]
Edges = NDArray[np.int64]

MARGIN_S = 0.03  # kept before the first and after the last word: enough for a fade, too short for a pause
LONGEST = 400  # symbols of a sentence: models were taught to read no more at once
_CLAUSES = ";:,—…"
_SLACK_S = 0.1  # a longer gap between two words than this is a pause


@dataclass(frozen=True)
class Sentence:
    """What a model reads at once. Each of the `symbols` has in `owners` the place of its word in
    `synth.tts.align.sounding` of the line; None for pauses, which are spaces and punctuation."""

    symbols: str
    owners: tuple[int | None, ...]


Render = Callable[[str], tuple[Pcm, Edges]]
"""The sound of symbols, float32 [samples], and where each begins, int64 [symbols + 1], in samples; the last one ends
where the others' end."""


def edges_at(places: Edges, durations: NDArray[Any], unit: int) -> Edges:
    """Where the ids at `places` begin, in samples, by the durations of all ids in units of so many samples."""
    begin = np.concatenate(([0], np.cumsum(durations.ravel()))).astype(np.int64) * unit
    edges: Edges = begin[places]
    return edges


def owned(text: str) -> Iterator[tuple[str, int | None]]:
    """The tokens of a text, each with its place among those that sound."""
    place = 0
    for token in tokens(text):
        yield token, place if sounds(token) else None
        place += sounds(token)


FrontEnd = Callable[[str], list[Sentence]]
"""The sentences of a text without tags."""


def speak(line: Line, front_end: FrontEnd, render: Render, rate: int, late_s: float) -> Speech:
    """Speak the sentences of a line, one after the other, at `rate` Hz; the model's durations are `late_s` late.

    Raises SpeechError: NOTHING_SPOKEN for a word that has no phonemes, ENGINE_FAILED for a text that the front end
    fails on, and NOT_ALIGNED.
    """
    text = without_tags(line.text)
    words, sentences = sounding(text), _read(line, text, front_end)
    said = {owner for sentence in sentences for owner in sentence.owners}
    unsaid = [word for place, word in enumerate(words) if place not in said]
    if unsaid or not words:
        what = repr(unsaid[0]) if unsaid else repr(line.text)
        raise SpeechError(Reason.NOTHING_SPOKEN, f"line {line.id}: {line.voice} makes no sound of {what}")
    pcms: list[Pcm] = []
    spans: dict[int, tuple[float, float]] = {}
    begun = 0
    for sentence in (part for whole in sentences for part in parts(whole)):
        pcm, edges = render(sentence.symbols)
        for place, owner in enumerate(sentence.owners):
            if owner is not None:
                start, end = (begun + edges[place]) / rate - late_s, (begun + edges[place + 1]) / rate - late_s
                spans[owner] = (min(start, spans.get(owner, (start, end))[0]), end)
        pcms.append(pcm)
        begun += len(pcm)
    whole = np.concatenate(pcms)
    found = finished(words, _without_slack([spans[place] for place in range(len(words))]), whole, rate)
    if found is None:
        raise SpeechError(Reason.NOT_ALIGNED, f"line {line.id}: its {len(words)} words have no room in its sound")
    return _trimmed(whole, rate, found)


def _read(line: Line, text: str, front_end: FrontEnd) -> list[Sentence]:
    try:
        return front_end(text)
    except Exception as error:  # dictionaries and rules of others, which have not seen every text
        raise SpeechError(
            Reason.ENGINE_FAILED, f"line {line.id}: its text cannot be read: {type(error).__name__}: {error}"
        ) from error


def parts(sentence: Sentence) -> list[Sentence]:
    """A sentence in parts that a model can read: cut after a clause, else after a word, else in one."""
    symbols, owners = sentence.symbols, sentence.owners
    if len(symbols) <= LONGEST:
        return [sentence]
    clauses = [match.end() for match in re.finditer(f"[{_CLAUSES}] ", symbols[:LONGEST])]
    spaces = [match.end() for match in re.finditer(" ", symbols[:LONGEST])]
    cut = (clauses or spaces or [LONGEST])[-1]
    return [Sentence(symbols[:cut], owners[:cut]), *parts(Sentence(symbols[cut:], owners[cut:]))]


def _without_slack(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The space between two words, for which models have a duration, is spoken: it is the beginning of the second."""
    starts = [start if start - end > _SLACK_S else min(start, end) for (_, end), (start, _) in pairwise(spans)]
    return [(start, end) for start, (_, end) in zip([spans[0][0], *starts], spans, strict=True)]


def _trimmed(pcm: Pcm, rate: int, words: tuple[Word, ...]) -> Speech:
    """Without the silence before the first word and after the last."""
    margin = round(MARGIN_S * rate)
    first = max(round(words[0].start * rate) - margin, 0)
    last = min(round(words[-1].end * rate) + margin, len(pcm))

    def moved(time: float) -> float:
        return (round(time * rate) - first) / rate

    moved_words = tuple(replace(word, start=moved(word.start), end=moved(word.end)) for word in words)
    return Speech(pcm[first:last], rate, moved_words)
