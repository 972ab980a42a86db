"""Word times for speech whose engine gives none: forced alignment of the audio to the text that was to be said.

Errors on lines of espeak, whose times are known (`tests/benchmarks/bench_align.py`; every text of the quickstart, 19
voices): PocketSphinx 8.8 ms in the median and 51 ms at the 95th percentile of starts, and it is not fooled by another
text; Whisper base 35 and 151 ms, tiny.en 92 and 200 ms; the proportional guess 72 and 289 ms, in Mandarin 53 and 241
ms. For other languages than English a multilingual Whisper model is the way.
Aligners that learnt from speech of many languages (torchaudio's, ctc-forced-aligner) would be one more class here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from turnmill.manifests.languages import primary
from turnmill.synth.channels import RATE
from turnmill.synth.energy import FLOOR_BELOW_LEVEL_DB, active_level, islands
from turnmill.synth.speech import Word
from turnmill.synth.tokens import sounds, tokens

Pcm = NDArray[np.float32]
Span = tuple[float, float]
"""[start, end) in seconds."""

MODEL_RATE = 16_000  # Hz, of the recordings that the models learnt from

_PAUSE = RATE * 60 // 1000  # samples; a shorter silence may be the closure of a plosive
_SHORTEST_S = 0.02  # of a word
_REACH_S = 0.15  # how far a word's edge may be moved to the edge of a pause


@dataclass(frozen=True)
class Piece:
    """A piece of a text, in the order of the text, and when it is said in seconds."""

    text: str
    start: float
    end: float


class Locate(Protocol):
    """The pieces that a Whisper model reads a text in, each with its span in float32 [samples] at 16 kHz; None for a
    language that it does not know, audio longer than its window, and audio that says something else."""

    def knows(self, language: str) -> bool: ...

    def __call__(self, pcm: Pcm, text: str, language: str) -> Sequence[Piece] | None: ...


class Aligner(Protocol):
    """Finds when each token of a text is said."""

    @property
    def identity(self) -> str:
        """What its times depend on: name, versions, model digest."""
        ...

    def knows(self, language: str) -> bool:
        """Whether there is any use in asking it for a language, a BCP 47 tag."""
        ...

    def align(self, pcm: Pcm, sample_rate: int, text: str, language: str) -> tuple[Word, ...] | None:
        """Times of `synth.tokens.tokens(text)` that are sounded, in `pcm` [samples]; None where they are not to be had:
        a language that is not known, a text that the audio does not say."""
        ...


class WhisperAligner:
    """Alignment by a Whisper model's attention, in any language that it knows. `identity` is the model's digest."""

    def __init__(self, locate: Locate, identity: str) -> None:
        self._locate, self._identity = locate, identity

    @property
    def identity(self) -> str:
        return f"whisper {self._identity}"

    def knows(self, language: str) -> bool:
        return self._locate.knows(language)

    def align(self, pcm: Pcm, sample_rate: int, text: str, language: str) -> tuple[Word, ...] | None:
        """As `Aligner`: `sample_rate` in Hz, times in seconds."""
        pieces = self._locate(resampled(pcm, sample_rate, MODEL_RATE), text, language)
        words = sounding(text)
        if not pieces or not words:
            return None
        spans = gathered(words, pieces)
        return None if spans is None else finished(words, spans, pcm, sample_rate)


class ProportionalAligner:
    """No alignment: the sounding parts of a line shared out by the letters of its words. A guess, for languages without
    a model, and for nothing that needs word times to be true."""

    identity = "proportional 1"

    def knows(self, language: str) -> bool:  # noqa: ARG002
        return True

    def align(self, pcm: Pcm, sample_rate: int, text: str, language: str) -> tuple[Word, ...] | None:  # noqa: ARG002
        """As `Aligner`: `sample_rate` in Hz, times in seconds."""
        words = sounding(text)
        at_24 = resampled(pcm, sample_rate, RATE)
        level = active_level(at_24)
        stretches = () if level is None else islands(at_24, level - FLOOR_BELOW_LEVEL_DB, _PAUSE)
        if not words or not stretches:
            return None
        lengths = [stop - start for start, stop in stretches]
        heard = np.concatenate(([0], np.cumsum(lengths)))  # samples of sound before each stretch of it
        shares = np.cumsum([sum(character.isalnum() for character in word) for word in words])
        ends = shares / shares[-1] * heard[-1]
        starts = np.concatenate(([0.0], ends[:-1]))
        first = np.array([start for start, _ in stretches])
        begin = first[np.clip(np.searchsorted(heard, starts, "right") - 1, 0, len(stretches) - 1)]
        begin_heard = heard[np.clip(np.searchsorted(heard, starts, "right") - 1, 0, len(stretches) - 1)]
        last = np.clip(np.searchsorted(heard, ends, "left") - 1, 0, len(stretches) - 1)
        spans = zip((begin + starts - begin_heard) / RATE, (first[last] + ends - heard[last]) / RATE, strict=True)
        return finished(words, [(float(start), float(end)) for start, end in spans], pcm, sample_rate)


@dataclass(frozen=True)
class PerLanguage:
    """Another aligner for each language, by the first part of its tag, and one for those not named."""

    aligners: Mapping[str, Aligner]
    other: Aligner

    @property
    def identity(self) -> str:
        named = [f"{language}: {aligner.identity}" for language, aligner in sorted(self.aligners.items())]
        return ", ".join([*named, f"other: {self.other.identity}"])

    def knows(self, language: str) -> bool:
        return self._of(language).knows(language)

    def align(self, pcm: Pcm, sample_rate: int, text: str, language: str) -> tuple[Word, ...] | None:
        """As `Aligner`: `sample_rate` in Hz, times in seconds."""
        return self._of(language).align(pcm, sample_rate, text, language)

    def _of(self, language: str) -> Aligner:
        return self.aligners.get(primary(language), self.other)


def sounding(text: str) -> list[str]:
    """The tokens of a text that make a sound."""
    return [token for token in tokens(text) if sounds(token)]


def gathered(words: Sequence[str], pieces: Sequence[Piece]) -> list[Span] | None:
    """The spans of words from those of pieces of the same text, however either is cut: letters share the time of their
    piece evenly. None where the letters differ."""
    letters = [
        (
            letter,
            piece.start + (piece.end - piece.start) * at / count,
            piece.start + (piece.end - piece.start) * (at + 1) / count,
        )
        for piece in pieces
        if (count := len(said := [c for c in piece.text if c.isalnum()]))
        for at, letter in enumerate(said)
    ]
    spans = []
    first = 0
    for word in words:
        wanted = [c for c in word if c.isalnum()]
        found = letters[first : first + len(wanted)]
        if [letter for letter, _, _ in found] != wanted:
            return None
        spans.append((found[0][1], found[-1][2]))
        first += len(wanted)
    return spans if first == len(letters) else None


def finished(words: Sequence[str], spans: Sequence[Span], pcm: Pcm, sample_rate: int) -> tuple[Word, ...] | None:
    """Words from what a model found, their edges at the pauses and on the samples of `pcm`."""
    apart = spread(spans, len(pcm) / sample_rate)
    if apart is None:
        return None
    return on_grid(words, snapped(apart, resampled(pcm, sample_rate, RATE)), len(pcm), sample_rate)


def spread(spans: Sequence[Span], length: float) -> list[Span] | None:
    """Spans in order, apart, within [0, length) in seconds and none shorter than a word can be; None where there is no
    room."""
    if len(spans) * _SHORTEST_S > length:
        return None
    room = length - _SHORTEST_S * np.arange(len(spans), 0, -1)  # the latest that each may begin
    ordered: list[Span] = []
    last = 0.0
    for (start, end), latest in zip(spans, room, strict=True):
        start = float(min(max(start, last), latest))
        last = float(min(max(end, start + _SHORTEST_S), latest + _SHORTEST_S))
        ordered.append((start, last))
    return ordered


def resampled(pcm: Pcm, rate: int, wanted: int) -> Pcm:
    """`pcm` [samples] at `rate` Hz, at `wanted` Hz."""
    return pcm if rate == wanted else soxr.resample(pcm, rate, wanted).astype(np.float32)


def on_grid(texts: Sequence[str], spans: Sequence[Span], n_samples: int, rate: int) -> tuple[Word, ...] | None:
    """Words at whole samples of audio of `n_samples`, in order and apart; None where one is left without a sample."""
    words: list[Word] = []
    last = 0
    for text, (start, end) in zip(texts, spans, strict=True):
        first, after = max(round(start * rate), last), min(round(end * rate), n_samples)
        if after <= first:
            return None
        words.append(Word(text, first / rate, after / rate))
        last = after
    return tuple(words)


def snapped(spans: Sequence[Span], pcm: Pcm) -> list[Span]:
    """Move the edges of words to those of the pauses beside them, which energy tells better than any model.

    `pcm` is [samples] at 24 kHz. A pause belongs to no word: it goes between the two words that part nearest to it.
    """
    level = active_level(pcm)
    stretches = () if level is None else islands(pcm, level - FLOOR_BELOW_LEVEL_DB, _PAUSE)
    if not stretches or not spans:
        return list(spans)
    edges = np.array(spans)
    edges[0, 0], edges[-1, 1] = stretches[0][0] / RATE, stretches[-1][1] / RATE
    for (_, stop), (go, _) in pairwise(stretches):
        stop_s, go_s = stop / RATE, go / RATE
        ends, starts = edges[:-1, 1], edges[1:, 0]
        if not ends.size:
            break
        apart = np.maximum(np.maximum(stop_s - starts, ends - go_s), 0.0)
        index = int(apart.argmin())
        room = min(stop_s - edges[index, 0], edges[index + 1, 1] - go_s)
        if apart[index] <= _REACH_S and room >= _SHORTEST_S:
            edges[index, 1], edges[index + 1, 0] = stop_s, go_s
    return [(float(start), float(end)) for start, end in edges]
