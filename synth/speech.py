"""A line of text that is to be spoken, how it is to be said, and the speech that it becomes: what scripts, engines and
dialogues share."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from turnmill.manifests.emotions import EMOTIONS
from turnmill.manifests.records import Reason

Rate = Literal["fast", "slow"]
Loudness = Literal["loud", "soft"]
Dialect = Literal[
    "cantonese",
    "dongbei",
    "gansu",
    "guizhou",
    "henan",
    "hubei",
    "hunan",
    "jiangxi",
    "minnan",
    "ningxia",
    "shaanxi",
    "shandong",
    "shanghai",
    "shanxi",
    "sichuan",
    "tianjin",
    "yunnan",
]
"""Of Chinese: those that CosyVoice has an instruction for."""
RATES: Final[tuple[Rate, ...]] = get_args(Rate)
LOUDNESS: Final[tuple[Loudness, ...]] = get_args(Loudness)
DIALECTS: Final[tuple[Dialect, ...]] = get_args(Dialect)
STYLES: Final[tuple[str, ...]] = (*RATES, *LOUDNESS, *DIALECTS)
"""How a line may be said beside its emotion: by one of these, for an engine is told one thing."""

MANNERS: Final = frozenset({*EMOTIONS, *STYLES})
"""All that an engine may be told of a line."""


@dataclass(frozen=True)
class Word:
    """A word as heard: its text as written in the line, and [start, end) in seconds from the start of the pcm."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Line:
    """One thing to be spoken: `voice` is a name of the bank, `language` a BCP 47 tag ("en", "en-us").

    `emotion` and `style` (of `STYLES`) are how it is to be said. What an engine can do of it, its declaration says; it
    ignores the rest.
    """

    id: str
    text: str
    voice: str
    language: str
    seed: int
    emotion: str | None = None
    style: str | None = None


@dataclass(frozen=True)
class Speech:
    """A spoken line.

    `pcm` is float32 [samples], mono, in [-1, 1], at `sample_rate` Hz. `words` are in order, do not overlap, lie
    within the pcm, and both their times are whole samples of it; None from an engine that gives no times.
    """

    pcm: NDArray[np.float32]
    sample_rate: int
    words: tuple[Word, ...] | None


def flaw(speech: Speech) -> str | None:
    """What of a spoken line is not as `Speech` says it, in one phrase; None where all is."""
    if speech.pcm.dtype != np.float32 or speech.pcm.ndim != 1:
        return f"pcm of {speech.pcm.dtype} and {speech.pcm.ndim} dimensions, not float32 [samples]"
    sample = 1 / speech.sample_rate
    before = 0.0
    for word in speech.words or ():
        if not before - sample <= word.start <= word.end <= len(speech.pcm) * sample + sample:
            return f"the word {word.text!r} at {word.start:.3f} to {word.end:.3f} s, out of order or outside the speech"
        before = word.end
    return None


class SpeechError(Exception):
    """A line that was not spoken: `reason` is a value of `Reason`, else ValueError; `detail` a sentence for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = Reason(reason)
        self.detail = detail
