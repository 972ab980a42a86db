"""What the planner knows of a spoken line: its length, level, words and where it sounds. No audio."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turnmill.synth.channels import RATE
from turnmill.synth.duplex.lengths import BRIDGE
from turnmill.synth.energy import FLOOR_BELOW_LEVEL_DB, active_level, islands
from turnmill.synth.speech import Word


@dataclass(frozen=True)
class LineWord:
    """A word and its [start, end) in samples from the start of the line."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class SpokenLine:
    """A measured line of `n_samples` at 24 kHz.

    Speech is [speech_start, speech_end); `islands` are its stretches of sound; `level_dbfs` is the RMS of its active
    frames and `peak_dbfs` its largest sample. `words` lie within the speech, in order.
    """

    n_samples: int
    words: tuple[LineWord, ...]
    islands: tuple[tuple[int, int], ...]
    level_dbfs: float
    peak_dbfs: float

    @property
    def speech_start(self) -> int:
        """Its first sample of speech."""
        return self.islands[0][0]

    @property
    def speech_end(self) -> int:
        """The sample after its last of speech."""
        return self.islands[-1][1]

    @property
    def length(self) -> int:
        """Samples of speech."""
        return self.speech_end - self.speech_start


def measure(pcm: NDArray[np.float32], words: Sequence[Word]) -> SpokenLine | None:
    """Measure a line: `pcm` is float32 mono [samples] at 24 kHz, word times are seconds. None where there is no sound.

    Words are cut to the speech; a word that lies wholly outside it is not one that can be heard, and is left out.
    """
    level = active_level(pcm)
    if level is None:
        return None
    found = islands(pcm, level - FLOOR_BELOW_LEVEL_DB, BRIDGE)
    if not found:
        return None
    first, last = found[0][0], found[-1][1]
    timed = (LineWord(w.text, max(round(w.start * RATE), first), min(round(w.end * RATE), last)) for w in words)
    peak = float(20 * np.log10(np.abs(pcm).max()))
    return SpokenLine(len(pcm), tuple(w for w in timed if w.start < w.end), found, level, peak)
