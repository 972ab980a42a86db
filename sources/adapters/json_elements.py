"""The elements of a list, or the members of a mapping, in a JSON document of any size, in bounded memory.

A broken element costs no other where the next can be told: where elements begin lines, by the next line that begins as
theirs do; else by the next whole object after a comma that has the keys of the first. What is passed over shares the
reject of what is broken. Where no next one can be told, that reject says how many bytes nobody reads. Of a packed
file that breaks off every element before the break is read, and then BrokenError raised.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Final, NamedTuple

from turnmill.sources.adapters.json_tokens import Stack, openings, tokens
from turnmill.sources.adapters.json_values import TOO_DEEP, flaw, why_unread
from turnmill.sources.adapters.lines import MAX_LINE
from turnmill.sources.adapters.packed import BrokenError

_CHUNK: Final = 4 << 20  # bytes that are read at a time
_SOUGHT: Final = 16 * MAX_LINE  # characters that are parsed to find the next whole element
_COLON: Final = re.compile(r"\s*:\s*")
_MARGIN: Final = re.compile(r"\r?\n[ \t]*\Z")
_BETWEEN: Final = {False: re.compile("\ufeff?\\s*[\\[,]?\\s*"), True: re.compile("\ufeff?\\s*[{,]?\\s*")}
_FOLLOWING: Final = {
    False: re.compile(r"[}\]]\s*,\s*(?=\{)"),
    True: re.compile(r'[}\]]\s*,\s*(?="[^"\\]*"\s*:\s*\{)'),
}
_BEGIN: Final = {False: r"(?=[{\[])", True: r'(?=")'}
_CLOSE: Final = {False: "]", True: "}"}
_LAST: Final = {False: re.compile(r"[\]}]\s*\Z"), True: re.compile(r'[\]}]\s*(?:\}|,\s*"|\Z)')}  # of a document, within

Like = tuple[str, ...]
"""What is known of how elements are written: the margin of those that begin lines, empty where none does, and the keys
of the first whole one."""


class Element(NamedTuple):
    """`number` counts from 1; `offset` is the byte where it, or its key, begins; `key` is null in a list. `fault` says
    why it is none. `like`: what was known before it."""

    number: int
    offset: int
    key: str | None
    value: Any
    fault: str | None
    like: Like | None


def elements(
    file: IO[bytes], path: tuple[str, ...], first: int, inside: bool, decoder: json.JSONDecoder
) -> Iterator[Element]:
    """Every element of the list or mapping that stands at `path` (keys from the top) of a file that can seek.

    inside: the file's position is the `offset` of its element number `first`. Raises BrokenError.
    """
    at = file.tell()
    file.seek(0)
    stack: Stack = []
    opened = openings(tokens(file), stack)
    found = next(((offset, bracket == b"{") for keys, bracket, offset in opened if keys == path), None)
    if found is None:
        yield Element(first, at, None, None, f"has nothing at `{'.'.join(path)}` in {file.tell()} bytes", None)
        return
    begin, keyed = found

    def known(offset: int) -> Like | None:
        """What a reader of the whole document knows before the element at a byte."""
        place = file.tell()
        reader = Reader(file, begin, 1, decoder, keyed, path=path)
        for element in reader.elements():
            if element.offset >= offset or reader.knows_all:
                break
        file.seek(place)
        return reader.like

    reader = Reader(file, at if inside else begin, first, decoder, keyed, path=path, inside=inside)
    reader.recall = known if inside else None
    yield from reader.elements()


@dataclass
class _Text:
    """A file as text, of which at least MAX_LINE characters from `position` on are there, or all. `at`: byte there.
    `broken`: where all ends before the file does."""

    file: IO[bytes]
    at: int
    buffer: str = ""
    position: int = 0
    ended: bool = False
    broken: BrokenError | None = None
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("surrogateescape")
    )

    def fill(self) -> None:
        while not self.ended and len(self.buffer) - self.position < MAX_LINE:
            more = self._decoder.decode(self._read(), final=self.ended)
            self.buffer, self.position = self.buffer[self.position :] + more, 0

    def _read(self) -> bytes:
        data = b""
        try:
            data = self.file.read(_CHUNK)
        except BrokenError as error:
            self.broken = error
        self.ended = not data
        return data

    def go(self, position: int) -> None:
        self.at += len(self.buffer[self.position : position].encode(errors="surrogateescape"))
        self.position = position

    def rest(self, position: int) -> bytes:
        """What is read from a place on."""
        return self.buffer[position:].encode(errors="surrogateescape") + self._decoder.getstate()[0]

    @property
    def left(self) -> int:
        """Characters that are there."""
        return len(self.buffer) - self.position

    def drain(self) -> int:
        """Go to the end; how many bytes that is from the start of the file."""
        self.at += len(self.rest(self.position))
        self.position = len(self.buffer)
        while data := self._read():
            self.at += len(data)
        return self.at


class _Whole(NamedTuple):
    """An element that can be read. `end`: where what follows it begins."""

    key: str | None
    value: Any
    fault: str | None
    end: int


class Reader:
    """Reads elements forwards, from byte `at` of a file that stands there or can seek.

    keyed: they are the members of a mapping. path: the keys of what the list or mapping is part of, from the top.
    inside: an element begins at `at`; else what is around and between them may. `recall` tells what is known before a
    byte, to a reader that has not read what is before its own.
    """

    def __init__(
        self,
        file: IO[bytes],
        at: int,
        first: int,
        decoder: json.JSONDecoder,
        keyed: bool,
        *,
        path: tuple[str, ...] = (),
        inside: bool = False,
        like: Like | None = None,
    ) -> None:
        if file.tell() != at:
            file.seek(at)
        self.like = like
        self.recall: Callable[[int], Like | None] | None = None
        self._text, self._number, self._inside = _Text(file, at), first, inside
        self._decode, self._keyed, self._path = decoder.raw_decode, keyed, path
        self._parsed = 0  # characters
        self._no_end = 0  # byte up to which no bracket closes the list or mapping

    @property
    def knows_all(self) -> bool:
        """Whether what it knows of elements stays as it is."""
        return self.like is not None and len(self.like) > 1 and self._number > 2

    def elements(self) -> Iterator[Element]:
        """Raises BrokenError after the last one of a file that breaks off."""
        yield from self._elements()
        if self._text.broken is not None:
            raise self._text.broken

    def _elements(self) -> Iterator[Element]:
        text, at_element = self._text, self._inside
        while True:
            text.fill()
            if not at_element:
                self._pass_between()
            begin, number, like = text.at, self._number, self.like
            closed = text.buffer.startswith(_CLOSE[self._keyed], text.position)
            ends, again = self._ends() if closed else (False, None)
            if again is not None:
                told = f"ends `{'.'.join(self._path)}`, which stands a second time at byte {again}: that is not read"
                yield Element(number, begin, None, None, told, like)
            if ends:
                return
            found = "goes on behind its end" if closed else self._element(text.position)
            self._number += 1
            at_element = isinstance(found, str)
            if not isinstance(found, str):
                yield Element(number, begin, found.key, found.value, found.fault, like)
                self._learn(found)
                text.go(found.end)
            elif self._finds_next(begin):
                yield Element(number, begin, None, None, f"{found}; what follows is read from the next one on", like)
            else:
                unread = text.drain() - begin
                rest = f"; nothing after it can be read: {unread} bytes" if unread else ""
                if text.broken is None:  # else it may be cut off by that, which is told of both
                    yield Element(number, begin, None, None, f"{found}{rest}", like)
                return

    def _pass_between(self) -> None:
        """Go to the next element, and see whether it begins a line."""
        text = self._text
        between = _BETWEEN[self._keyed].match(text.buffer, text.position)
        margin = _MARGIN.search(between[0]) if between and self.recall is None else None
        if margin and self._number <= 2 and not (self.like or ("",))[0]:
            self.like = (margin[0], *(self.like or ("",))[1:])
        text.go(between.end() if between else text.position)
        text.fill()

    def _ends(self) -> tuple[bool, int | None]:
        """Whether the bracket at the position is the one that closes the list or mapping: not where what follows is in
        no document, or is one more element. Then also where another stands at the same path."""
        text = self._text
        last = _LAST[bool(self._path)].match(text.buffer, text.position)
        if last is None or not self._path:
            return last is not None, None
        if self._keyed and last[0].endswith('"'):
            self._remember(text.at)
            if self._is_like(last.end() - 1):
                return False, None
        return self._closes()

    def _closes(self) -> tuple[bool, int | None]:
        """Whether what stands behind the bracket at the position closes no more than what is around it, and where it
        has the same path again. A document may break off."""
        text = self._text
        if text.at < self._no_end:
            return False, None
        stack: Stack = [(b"{", key) for key in self._path]
        is_behind = False
        place, begin = text.file.tell(), text.at
        lowest = None  # byte up to which all that is around it is open, as it is for brackets before that

        def around() -> Iterator[tuple[bytes, int]]:
            nonlocal is_behind, lowest
            for token in tokens(text.file, text.rest(text.position + 1)):
                if lowest is None and len(stack) < len(self._path):
                    lowest = token[1]
                is_behind = not stack
                if is_behind:
                    return
                yield token

        again = None
        try:
            for keys, _, offset in openings(around(), stack):
                again = offset if again is None and keys == self._path else again
        except BrokenError as error:
            text.broken = error
        if is_behind:
            self._no_end = begin if lowest is None else lowest
            text.file.seek(place)
        return not is_behind, None if is_behind else again

    def _is_like(self, begin: int) -> bool:
        """Whether what stands at a place is a whole element, and has the keys of the first, or more."""
        keys, found = (self.like or ("",))[1:], self._whole(begin)
        return found is not None and isinstance(found.value, dict) and bool(keys) and found.value.keys() >= {*keys}

    def _remember(self, offset: int) -> None:
        """Know what a reader of the whole document knows before a byte."""
        if self.recall is not None:
            self.like, self.recall = self.recall(offset), None

    def _element(self, begin: int) -> _Whole | str:
        """What stands at a place, or why nothing can be read there. It says the same however much more is there."""
        buffer = self._text.buffer
        found = self._whole(begin)
        if found is not None:
            return TOO_DEEP if found.fault == TOO_DEEP else found
        if begin == len(buffer):
            return "is cut off"
        stretch = buffer[begin : begin + MAX_LINE]
        try:
            self._member(stretch, 0)
        except (ValueError, RecursionError) as error:
            why = why_unread(error, stretch, 0)
            return why if why == TOO_DEEP else f"{why}, or it is longer than {MAX_LINE} bytes"
        return f"is longer than {MAX_LINE} bytes"

    def _whole(self, begin: int) -> _Whole | None:
        """The element at a place, where there is a whole one."""
        buffer, parsed = self._text.buffer, MAX_LINE
        try:
            key, value, end = self._member(buffer, begin)
            parsed = end - begin
            if _fits(buffer, begin, end):
                return _Whole(key, value, flaw(buffer[begin:end], value), end)
        except json.JSONDecodeError as error:
            if not error.msg.startswith("Unterminated"):  # it does not say how far it looked
                parsed = error.pos - begin
        except (ValueError, RecursionError):
            pass
        finally:
            self._parsed += min(parsed, MAX_LINE)
        return None

    def _member(self, text: str, begin: int) -> tuple[str | None, Any, int]:
        """Key, value and end. Raises ValueError and RecursionError."""
        if not self._keyed:
            return None, *self._decode(text, begin)
        key, end = self._decode(text, begin)
        colon = _COLON.match(text, end)
        if not isinstance(key, str) or colon is None:
            raise json.JSONDecodeError("Expecting a key and its value", text, end)
        return key, *self._decode(text, colon.end())

    def _learn(self, found: _Whole) -> None:
        """What the first whole object says of the others. Where one without indentation is written in many lines,
        objects in it begin lines as it does."""
        margin, *keys = self.like or ("",)
        if keys or self.recall is not None or found.fault is not None or not isinstance(found.value, dict):
            return
        many_lines = "\n" in self._text.buffer[self._text.position : found.end]
        self.like = ("" if margin.strip("\r") == "\n" and many_lines else margin, *sorted(found.value))

    def _finds_next(self, offset: int) -> bool:
        """Go to the element after what is broken, at a byte; whether there is one near."""
        self._remember(offset)
        margin, *keys = self.like or ("",)
        if not margin and not keys:
            return False
        pattern = re.compile(re.escape(margin) + _BEGIN[self._keyed]) if margin else _FOLLOWING[self._keyed]
        text, self._parsed = self._text, 0
        while self._parsed < _SOUGHT:
            text.fill()
            found = pattern.search(text.buffer, text.position, text.position + MAX_LINE)
            if found is None and text.left <= MAX_LINE:
                return False
            if found is None:
                text.go(text.position + MAX_LINE // 2)  # what is sought may straddle the end
                continue
            text.go(found.end())
            text.fill()
            if margin or self._is_like(text.position):
                return True
        return False


def _fits(text: str, begin: int, end: int) -> bool:
    """Whether a stretch has at most MAX_LINE bytes."""
    if end - begin <= MAX_LINE // 4:
        return True
    return end - begin <= MAX_LINE and len(text[begin:end].encode(errors="surrogateescape")) <= MAX_LINE
