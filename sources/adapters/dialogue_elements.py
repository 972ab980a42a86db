"""Elements of a long JSON list, or of an object whose keys are their ids, in bounded memory.

What follows a broken element is read from the next one on that has the keys of the file's first; where there is none,
nothing after it can be told apart. What is passed over shares the broken element's reject.
"""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar, Final, NamedTuple

from turnmill.sources.adapters.dialogue_json import TOO_DEEP, flaw, why_unread
from turnmill.sources.adapters.dialogue_rows import Row, Start
from turnmill.sources.adapters.lines import MAX_LINE

_CHUNK: Final = 4 << 20  # bytes that are read at a time
_TRIES: Final = 1000  # places at which the next whole element is looked for
_JSON: Final = json.JSONDecoder()
_COLON: Final = re.compile(r"\s*:\s*")


def elements(file: BinaryIO, start: Start) -> Iterator[Row]:
    """Those of a list."""
    return _List(_Text(file, start.at), start.like).rows(start)


def entries(file: BinaryIO, start: Start) -> Iterator[Row]:
    """Those of an object; the key of each is its `id`, where it has none."""
    return _Object(_Text(file, start.at), start.like).rows(start)


class _Element(NamedTuple):
    value: Any
    flaw: str | None
    end: int


@dataclass
class _Text:
    """A file as text, of which at least MAX_LINE characters from `position` on are there, or all. `at`: byte there."""

    file: BinaryIO
    at: int
    buffer: str = ""
    position: int = 0
    ended: bool = False
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("surrogateescape")
    )

    def fill(self) -> None:
        while not self.ended and len(self.buffer) - self.position < MAX_LINE:
            data = self.file.read(_CHUNK)
            self.ended = not data
            more = self._decoder.decode(data, final=self.ended)
            self.buffer, self.position = self.buffer[self.position :] + more, 0

    def go(self, position: int) -> None:
        self.at += len(self.buffer[self.position : position].encode(errors="surrogateescape"))
        self.position = position

    @property
    def left(self) -> int:
        """Characters that are there."""
        return len(self.buffer) - self.position


@dataclass
class _List:
    text: _Text
    like: tuple[str, ...] | None

    between: ClassVar = re.compile("\ufeff?\\s*[\\[,]?\\s*")  # what may precede an element
    close: ClassVar = "]"
    following: ClassVar = re.compile(r"[}\]]\s*,\s*(?=\{)")  # what may precede one after a broken one

    def rows(self, start: Start) -> Iterator[Row]:
        text, number = self.text, start.first
        at_element = start.at > 0  # which may begin with what else stands between two
        while True:
            text.fill()
            if not at_element:
                text.go(end.end() if (end := self.between.match(text.buffer, text.position)) else text.position)
                text.fill()
            if text.buffer.startswith(self.close, text.position):
                return
            place, element = Start(text.at, number, self.like), self._element(text.position)
            number += 1
            at_element = isinstance(element, str)
            if not isinstance(element, str):
                yield Row(place, element.value, element.flaw)
                self._learn(element)
                text.go(element.end)
            elif self._finds_next():
                yield Row(place, None, f"{element}; what follows is read from the next whole one on")
            else:
                yield Row(place, None, f"{element}; nothing after it can be read")
                return

    def _element(self, begin: int) -> _Element | str:
        """What stands at a place, or why nothing can be read there. It says the same however much more is there."""
        buffer = self.text.buffer
        try:
            value, end = self._decoded(buffer, begin)
            if end - begin <= MAX_LINE:
                return self._checked(value, buffer[begin:end], end)
        except (ValueError, RecursionError):
            pass
        if begin == len(buffer):
            return "is cut off"
        stretch = buffer[begin : begin + MAX_LINE]
        try:
            self._decoded(stretch, 0)
        except (ValueError, RecursionError) as error:
            why = why_unread(error, stretch, 0)
            return why if why == TOO_DEEP else f"{why}, or it is longer than {MAX_LINE} bytes"
        return f"is longer than {MAX_LINE} bytes"

    def _checked(self, value: Any, text: str, end: int) -> _Element | str:
        wrong = flaw(text, value)
        return wrong if wrong == TOO_DEEP else _Element(value, wrong, end)

    def _decoded(self, text: str, begin: int) -> tuple[Any, int]:
        """A value, and where it ends. Raises ValueError and RecursionError."""
        return _JSON.raw_decode(text, begin)

    def _learn(self, element: _Element) -> None:
        if self.like is None and element.flaw is None:
            self.like = _keys(element.value)

    def _finds_next(self) -> bool:
        """Go to the next element that is like the first; whether there is one near."""
        text, tries = self.text, 0
        if self.like is None:
            return False
        text.go(min(text.position + 1, len(text.buffer)))
        while tries < _TRIES:
            text.fill()
            found = self.following.search(text.buffer, text.position, text.position + MAX_LINE)
            if found is None and text.left <= MAX_LINE:
                return False
            if found is None:
                text.go(text.position + MAX_LINE // 2)  # what is sought may straddle the end
                continue
            text.go(found.end())
            text.fill()
            element = self._element(text.position)
            if not isinstance(element, str) and self.like == _keys(element.value):
                return True
            tries += 1
        return False


def _keys(value: Any) -> tuple[str, ...] | None:
    return tuple(sorted(value)) if isinstance(value, dict) else None


class _Object(_List):
    between = re.compile("\ufeff?\\s*[{,]?\\s*")
    close = "}"
    following = re.compile(r'[}\]]\s*,\s*(?="[^"\\]*"\s*:\s*\{)')

    def _decoded(self, text: str, begin: int) -> tuple[Any, int]:
        key, end = _JSON.raw_decode(text, begin)
        colon = _COLON.match(text, end)
        if not isinstance(key, str) or colon is None:
            raise json.JSONDecodeError("Expecting a key and its value", text, end)
        value, end = _JSON.raw_decode(text, colon.end())
        return ({"id": key, **value} if isinstance(value, dict) else value), end
