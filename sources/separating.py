"""A user's source separator before recordings are cut: what is heard and kept is the voices that it gives."""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Final, Protocol

import numpy as np

from turnmill.manifests.audio import Audio, Float32, LongSound, cut
from turnmill.manifests.audio.sound import is_short
from turnmill.manifests.audio.spool import Spooled, append
from turnmill.manifests.records import ItemError, Reason

WINDOW_S: Final = 60
"""Seconds that a separator is given at once."""

KEY: Final = "segment.separate"
"""Of a recipe, that names one."""

CONTEXT_S: Final = 1
"""Seconds of what is around them that it is given besides, on both sides, and whose voices are thrown away."""


class Separator(Protocol):
    """What a recipe names as `module:function`."""

    def __call__(self, samples: Float32, sample_rate: int) -> Float32:
        """The voices in `samples`, float32 [channels, frames] of at most 62 s, 1.0 is full scale, at `sample_rate` Hz,
        as float32 of the same shape. The same samples must give the same voices."""


@contextmanager
def separated(sound: Audio | LongSound, separator: Separator, name: str) -> Iterator[Audio | LongSound]:
    """The voices of a sound, of 16 bits and in a file where they are long; they are there while the block runs.

    Raises ItemError (SEPARATOR_FAILED) as `name`.
    """
    windows = _windows(sound, separator, name)
    if is_short(sound.frames, sound.channels):
        yield Audio(np.concatenate(list(windows), axis=1), sound.sample_rate)
        return
    with TemporaryFile() as spool:
        append(spool, windows)
        yield Spooled(sound.sample_rate, sound.channels, sound.frames, lambda: iter(()), name, spool)


def _windows(sound: Audio | LongSound, separator: Separator, name: str) -> Iterator[Float32]:
    rate = sound.sample_rate
    for start in range(0, sound.frames, WINDOW_S * rate):
        end = min(start + WINDOW_S * rate, sound.frames)
        first, last = max(0, start - CONTEXT_S * rate), min(end + CONTEXT_S * rate, sound.frames)
        given = np.concatenate(list(cut(sound, first, last, None).blocks()), axis=1)
        yield _voices(given, rate, separator, name)[:, start - first : end - first]


def _voices(samples: Float32, rate: int, separator: Separator, name: str) -> Float32:
    try:
        made = np.asarray(separator(samples.copy(), rate), np.float32)
    except Exception as error:  # whatever a separator of the user's raises is the item's reject
        raise ItemError(Reason.SEPARATOR_FAILED, f"{name}: {KEY} raised {type(error).__name__}: {error}") from error
    if made.shape != samples.shape or not np.isfinite(made).all():
        what = "samples that are not finite" if made.shape == samples.shape else f"samples of shape {made.shape}"
        raise ItemError(Reason.SEPARATOR_FAILED, f"{name}: {KEY} gave {what} for {samples.shape}")
    return made
