"""A user's source separator before recordings are cut: what is heard and kept is the voices that it gives."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final, Protocol

import numpy as np

from turnmill.manifests.audio import Audio, Float32, LongSound, cut
from turnmill.manifests.audio.sound import is_short
from turnmill.manifests.audio.spool import Spooled, append
from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import ItemError, Reason

WINDOW_S: Final = 60
"""Seconds that a separator is given at once."""

CONTEXT_S: Final = 1
"""Seconds of what is around them that it is given besides, on both sides, and whose voices are thrown away."""


class Separator(Protocol):
    """What a recipe names as `module:function`."""

    def __call__(self, samples: Float32, sample_rate: int) -> Float32:
        """The voices in `samples`, float32 [channels, frames] of at most 62 s, 1.0 is full scale, at `sample_rate` Hz,
        as float32 of the same shape. The same samples must give the same voices."""


def load(name: str) -> Separator:
    """The function that `module:function` names. Raises UsageError where there is none."""
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function, None)
    except Exception as error:  # whatever a module of the user's does when it is imported
        raise UsageError(f"segment.separate: {module} cannot be imported ({type(error).__name__}: {error})") from error
    if not callable(found):
        raise UsageError(f"segment.separate: {module} has no function {function!r}: write it as module:function")
    return found  # type: ignore[no-any-return]  # callable is all that can be seen


def digest(name: str) -> str:
    """A hash of what a separator is: the files of the module that names it and of the one that its function is from,
    and the values that `functools.partial` binds to that. Raises UsageError for values that are no JSON."""
    function, bound = _unwrapped(load(name))
    try:
        told = json.dumps(bound, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"segment.separate: {name} binds what no recipe can know again ({error}): bind numbers and texts, or write "
            "a function that makes the rest"
        ) from error
    found = blake2b(told.encode(), digest_size=16)
    for module in dict.fromkeys((name.partition(":")[0], function.__module__)):
        file = getattr(sys.modules.get(module), "__file__", None)  # none of what is built in
        found.update(blake2b(Path(file).read_bytes() if file else b"").digest())
    return found.hexdigest()


def _unwrapped(function: Callable[..., Any]) -> tuple[Callable[..., Any], list[Any]]:
    """The function under all partials and decorators, and what the partials bind, from without."""
    bound: list[Any] = []
    while True:
        if isinstance(function, partial):
            bound.append([function.args, function.keywords])
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            return function, bound


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
        raise ItemError(
            Reason.SEPARATOR_FAILED, f"{name}: segment.separate raised {type(error).__name__}: {error}"
        ) from error
    if made.shape != samples.shape or not np.isfinite(made).all():
        what = "samples that are not finite" if made.shape == samples.shape else f"samples of shape {made.shape}"
        raise ItemError(Reason.SEPARATOR_FAILED, f"{name}: segment.separate gave {what} for {samples.shape}")
    return made
