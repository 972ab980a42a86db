"""The elements of a list, or the members of a mapping, in a JSON document of any size, in bounded memory.

A broken element costs no other where the next can be told: where elements begin lines, by the next line that begins as
theirs do; else by the next whole object after a comma that has the keys of the first. What is passed over shares the
reject of what is broken. Where no next one can be told, that reject says how many bytes nobody reads.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Final, NamedTuple

from turnmill.sources.adapters.json_values import TOO_DEEP, flaw, why_unread
from turnmill.sources.adapters.lines import MAX_LINE

_CHUNK: Final = 4 << 20  # bytes that are read at a time
_TRIES: Final = 1000  # places at which the next whole element is looked for
_LONGEST: Final = 8 * MAX_LINE  # of a string: what is longer is none, but a quote that nobody closes
_TOKEN: Final = re.compile(rb'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|["{}\[\],:]', re.DOTALL)
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

    inside: the file's position is the `offset` of its element number `first`.
    """
    at = file.tell()
    file.seek(0)
    found = _container(file, path)
    if found is None:
        yield Element(first, at, None, None, f"has nothing at `{'.'.join(path)}` in {file.tell()} bytes", None)
        return
    begin, keyed = found

    def known(offset: int) -> Like | None:
        """What a reader of the whole document knows before the element at a byte."""
        place = file.tell()
        reader = Reader(file, begin, 1, decoder, keyed, within=bool(path))
        for element in reader.elements():
            if element.offset >= offset or reader.knows_all:
                break
        file.seek(place)
        return reader.like

    reader = Reader(file, at if inside else begin, first, decoder, keyed, within=bool(path), inside=inside)
    reader.recall = known if inside else None
    yield from reader.elements()


def _container(file: IO[bytes], path: tuple[str, ...]) -> tuple[int, bool] | None:
    """Where the bracket of what stands at a path is, and whether it is a mapping."""
    wanted = [part.encode() for part in path]
    stack: list[list[bytes]] = []  # of what is open, its bracket and the key that is read in it
    is_value = False
    for token, offset in _tokens(file):
        if token in (b"{", b"["):
            if [key for _, key in stack] == wanted:
                return offset, token == b"{"
            stack.append([token, b""])
        elif token in (b"}", b"]"):
            stack = stack[:-1]
        elif len(token) > 1 and stack and stack[-1][0] == b"{" and not is_value:
            stack[-1][1] = token[1:-1]
        is_value = token == b":" or (is_value and token not in (b"{", b"[", b","))
    return None


def _tokens(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """Brackets, commas, colons and strings from the file's position on, with the byte where each begins. A string goes
    on to its line's end at most: what does is a quote that nobody closes."""
    base, buffer = file.tell(), b""
    while True:
        chunk = file.read(_CHUNK)
        buffer += chunk
        done = 0
        for token in _TOKEN.finditer(buffer):
            begin = token.start()
            goes_on = token[0] == b'"' and len(buffer) - begin <= _LONGEST and buffer.find(b"\n", begin) < 0
            if goes_on and chunk:
                done = begin
                break
            yield token[0], base + begin
            done = token.end()
        else:
            done = len(buffer)
        if not chunk:
            return
        base, buffer = base + done, buffer[done:]


@dataclass
class _Text:
    """A file as text, of which at least MAX_LINE characters from `position` on are there, or all. `at`: byte there."""

    file: IO[bytes]
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

    def drain(self) -> int:
        """Go to the end; how many bytes that is from the start of the file."""
        self.go(len(self.buffer))
        while data := self.file.read(_CHUNK):
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

    keyed: they are the members of a mapping. within: the list or mapping is part of another. inside: an element begins
    at `at`; else what is around and between them may. `recall` tells what is known before a byte, to a reader that has
    not read what is before its own.
    """

    def __init__(
        self,
        file: IO[bytes],
        at: int,
        first: int,
        decoder: json.JSONDecoder,
        keyed: bool,
        *,
        within: bool = False,
        inside: bool = False,
        like: Like | None = None,
    ) -> None:
        if file.tell() != at:
            file.seek(at)
        self.like = like
        self.recall: Callable[[int], Like | None] | None = None
        self._text, self._number, self._inside = _Text(file, at), first, inside
        self._decode, self._keyed, self._within = decoder.raw_decode, keyed, within

    @property
    def knows_all(self) -> bool:
        """Whether what it knows of elements stays as it is."""
        return self.like is not None and len(self.like) > 1 and self._number > 2

    def elements(self) -> Iterator[Element]:
        text, at_element = self._text, self._inside
        while True:
            text.fill()
            if not at_element:
                self._pass_between()
            begin, number, like = text.at, self._number, self.like
            closed = text.buffer.startswith(_CLOSE[self._keyed], text.position)
            if closed and self._ends():
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

    def _ends(self) -> bool:
        """Whether the bracket at the position is the one that closes the list or mapping: not where what follows is in
        no document, or is one more element."""
        text = self._text
        last = _LAST[self._within].match(text.buffer, text.position)
        if last is None or not self._keyed or not last[0].endswith('"'):
            return last is not None
        self._remember(text.at)
        return not self._is_like(self._element(last.end() - 1))

    def _is_like(self, found: _Whole | str) -> bool:
        """Whether an element is whole and has the keys of the first."""
        keys = (self.like or ("",))[1:]
        if isinstance(found, str) or not isinstance(found.value, dict):
            return False
        return bool(keys) and tuple(sorted(found.value)) == keys

    def _remember(self, offset: int) -> None:
        """Know what a reader of the whole document knows before a byte."""
        if self.recall is not None:
            self.like, self.recall = self.recall(offset), None

    def _element(self, begin: int) -> _Whole | str:
        """What stands at a place, or why nothing can be read there. It says the same however much more is there."""
        buffer = self._text.buffer
        try:
            key, value, end = self._member(buffer, begin)
            if end - begin <= MAX_LINE:
                wrong = flaw(buffer[begin:end], value)
                return wrong if wrong == TOO_DEEP else _Whole(key, value, wrong, end)
        except (ValueError, RecursionError):
            pass
        if begin == len(buffer):
            return "is cut off"
        stretch = buffer[begin : begin + MAX_LINE]
        try:
            self._member(stretch, 0)
        except (ValueError, RecursionError) as error:
            why = why_unread(error, stretch, 0)
            return why if why == TOO_DEEP else f"{why}, or it is longer than {MAX_LINE} bytes"
        return f"is longer than {MAX_LINE} bytes"

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
        text, tries = self._text, 0
        while tries < _TRIES:
            text.fill()
            found = pattern.search(text.buffer, text.position, text.position + MAX_LINE)
            if found is None and text.left <= MAX_LINE:
                return False
            if found is None:
                text.go(text.position + MAX_LINE // 2)  # what is sought may straddle the end
                continue
            text.go(found.end())
            text.fill()
            if margin:
                return True
            if self._is_like(self._element(text.position)):
                return True
            tries += 1
        return False
