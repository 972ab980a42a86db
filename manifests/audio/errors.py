"""What is wrong with one piece of audio, and the one way in which libraries are called on it."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from turnmill.manifests.records import ItemError, Reason
from turnmill.manifests.wording import repeatable

_T = TypeVar("_T")
_OUT_OF_MEMORY = re.compile("out of memory|can't allocate memory|failed to allocate memory", re.IGNORECASE)
_PLACE = re.compile(r"/(?:[^\s/'\"]+/)+[^\s/'\":]*")


class AudioError(ItemError):
    """Audio that cannot be used."""


@contextmanager
def library(who: str, name: str, reason: Reason) -> Iterator[None]:
    """Calls of a library on the audio `name`: whatever it raises is the fault of that audio, an AudioError; but what
    the machine lacks, memory of its own or of its GPU, is not, and a MemoryError.

    Nothing of ours belongs inside, for our own mistakes must not look like bad audio.
    """
    try:
        yield
    except (AudioError, MemoryError):
        raise
    except Exception as error:
        # As torch, CTranslate2 and ONNX say it.
        if isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error)):
            raise MemoryError(sentence(error)) from error
        raise AudioError(reason, f"{name}: {who}: {sentence(error)}") from error


def pulled(items: Iterable[_T], who: str, name: str, reason: Reason) -> Iterator[_T]:
    """The items of a library's iterator, each pulled as a call of the library."""
    iterator = iter(items)
    end = object()
    while True:
        with library(who, name, reason):
            item = next(iterator, end)
        if item is end:
            return
        yield item  # type: ignore[misc]  # the end was told apart


def sentence(error: BaseException) -> str:
    """What an error says, in one line that is the same in every run: no address of an object, no path."""
    said = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    line = next((line.strip() for line in str(said).splitlines() if line.strip()), "")
    line = _PLACE.sub("a file", repeatable(line, "the file")).rstrip(".: ")
    return line or type(error).__name__
