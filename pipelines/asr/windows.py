"""What a recogniser is given of a clip: the stretches with speech, in windows of the length that the model takes.

Whisper invents words in silence ("you", "Thank you."), and behind a long pause it can lose those that were spoken. So a
clip without speech gives no window, silence around speech and long pauses lie in none, and a window is cut in a pause.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE: Final = 16_000  # Hz, Whisper's

_MARGIN: Final = 2 * SAMPLE_RATE // 5  # of silence kept around speech, as by faster-whisper's VAD filter
LONGEST: Final = 30 * SAMPLE_RATE  # what Whisper takes
_LONG_PAUSE: Final = 3 * SAMPLE_RATE  # a window ends here
_EDGE: Final = 5 * SAMPLE_RATE  # how far back from its end a window may be cut, to cut in a pause
_PAUSE: Final = SAMPLE_RATE // 10  # the shortest pause worth looking for


@dataclass(frozen=True)
class Clip:
    """What is to be heard.

    `pcm`: float32 [samples], mono at 16 kHz. `speech`: [start, end) in samples of each stretch with speech, in order;
    None: it is not known, and all of it may be. `language`: Whisper's code; None: to be detected. `given`: a text that
    it is said to say, whose words are to be found in it.
    """

    pcm: NDArray[np.float32]
    speech: Sequence[tuple[int, int]] | None = None
    language: str | None = None
    given: str | None = None


@dataclass(frozen=True)
class Window:
    """A stretch of a clip that the model takes at once. `clip`: its place; `start`: its first sample there; `language`,
    `speech` and `given` as in `Clip`, times in samples of the window; the text is given where there is no other window.
    """

    clip: int
    start: int
    pcm: NDArray[np.float32]
    speech: tuple[tuple[int, int], ...] | None = None
    language: str | None = None
    given: str | None = None


def windows(place: int, clip: Clip) -> list[Window]:
    """The windows of a clip, of at most 30 s, in order. None of them overlap."""
    found = []
    for start, end in _stretches(clip):
        while start < end:
            cut = min(start + LONGEST, end)
            if cut < end:
                cut = start + _quiet_place(clip.pcm[start:cut])
            window = _window(place, clip, start, cut)
            if window.speech != ():  # what is left behind a cut can be silence
                found.append(window)
            start = cut
    return [replace(window, given=clip.given) for window in found] if len(found) == 1 else found


def first_round(found: Sequence[Window]) -> list[Window]:
    """Of each clip whose language is to be detected the longest window, which tells it, and all of the other clips."""
    longest: dict[int, Window] = {}
    for window in found:
        if window.clip not in longest or len(window.pcm) > len(longest[window.clip].pcm):
            longest[window.clip] = window
    return [window for window in found if window.language is not None or longest[window.clip] is window]


def _stretches(clip: Clip) -> list[tuple[int, int]]:
    """[start, end) of what is heard, with the silence that is heard around speech."""
    size = len(clip.pcm)
    speech = [(0, size)] if clip.speech is None else clip.speech
    stretches: list[tuple[int, int]] = []
    for start, end in speech:
        start, end = max(0, start - _MARGIN), min(size, end + _MARGIN)
        if stretches and start - stretches[-1][1] < _LONG_PAUSE - 2 * _MARGIN:
            start = stretches.pop()[0]
        if start < end:
            stretches.append((start, end))
    return stretches


def _quiet_place(pcm: NDArray[np.float32]) -> int:
    """Where to cut audio that is longer than a window: in the last of the quietest places near its end."""
    first = max(len(pcm) - _EDGE, len(pcm) // 3)
    power = np.square(pcm[first : len(pcm) - (len(pcm) - first) % _PAUSE]).reshape(-1, _PAUSE).mean(1)
    quiet = np.flatnonzero(power <= 1.5 * power.min())
    return first + int(quiet[-1]) * _PAUSE + _PAUSE // 2


def _window(place: int, clip: Clip, start: int, end: int) -> Window:
    inside = None
    if clip.speech is not None:
        cut = ((max(s, start) - start, min(e, end) - start) for s, e in clip.speech)
        inside = tuple((s, e) for s, e in cut if s < e)
    return Window(place, start, clip.pcm[start:end], inside, clip.language)
