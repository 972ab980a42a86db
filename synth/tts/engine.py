"""What every speech engine does: lines of text in, speech with word times out.

An engine turns each line into exactly one result, in the order given: `Speech`, or a `SpeechError` in its place. A
line that cannot be spoken is therefore never lost and never stops the lines beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Word:
    """A word as heard: its text as written in the line, and [start, end) in seconds from the start of the pcm."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Line:
    """One thing to be spoken: `voice` is a name of the bank, `language` a BCP 47 tag ("en", "en-us").

    `emotion` is how it is to be said, for engines that can (`synth.tts.cosyvoice`); others ignore it.
    """

    id: str
    text: str
    voice: str
    language: str
    seed: int
    emotion: str | None = None


@dataclass(frozen=True)
class Speech:
    """A spoken line.

    `pcm` is float32 [samples], mono, in [-1, 1], at `sample_rate` Hz. `words` are in order, do not overlap, lie
    within the pcm, and both their times are whole samples of it; None from an engine that gives no times.
    """

    pcm: NDArray[np.float32]
    sample_rate: int
    words: tuple[Word, ...] | None


class SpeechError(Exception):
    """A line that was not spoken: `reason` is a snake_case constant for counting, `detail` a sentence for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Speaks(Protocol):
    """What turns lines into speech."""

    def synthesize(self, lines: Sequence[Line]) -> list[Speech | SpeechError]:
        """Speak each line: one result per line, in order; a line that fails is a `SpeechError` in its place."""
        ...


class Engine(Speaks, Protocol):
    """A speech engine."""

    @property
    def sample_rate(self) -> int:
        """Hz, of all it speaks."""
        ...

    @property
    def identity(self) -> str:
        """What its speech depends on besides lines and voices: name, versions, model digest, settings."""
        ...
