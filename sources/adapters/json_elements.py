"""The elements of a list, or the members of a mapping, in a JSON document of any size, without reading it whole."""

import re
from collections.abc import Iterator
from typing import IO, Final, NamedTuple

from turnmill.sources.adapters.lines import MAX_LINE

_CHUNK: Final = 1 << 20
_LONGEST: Final = 8 * MAX_LINE  # of a string: what is longer is none, but a quote that nobody closes
_KEY: Final = re.compile(rb'\s*"[^"\\\n]*(?:\\.[^"\\\n]*)*"\s*:', re.DOTALL)
_TOKEN: Final = re.compile(rb'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|["{}\[\],:]', re.DOTALL)


class Element(NamedTuple):
    """`number` counts from 1; `offset` is where it, or its key, begins; `key` is null in a list. `data` is null where
    the element is longer than MAX_LINE, or is none: `fault` says what it is."""

    number: int
    offset: int
    key: bytes | None
    data: bytes | None
    fault: str = ""


def elements(file: IO[bytes], path: tuple[str, ...] = (), first: int = 1, inside: bool = False) -> Iterator[Element]:
    """Every element of the list or mapping that stands at `path` (keys from the top).

    inside: the file's position is the `offset` of its element number `first`. A document that breaks off ends with an
    element that has a fault.
    """
    scan = _Scan(file, tuple(part.encode() for part in path), first)
    if inside:
        scan.enter_at_element()
    yield from scan.run()


class _Scan:
    """Where a scan is. `stack`: what is open, each [its bracket, the key that is read in it]."""

    def __init__(self, file: IO[bytes], path: tuple[bytes, ...], number: int) -> None:
        self.file, self.path, self.number = file, path, number
        self.base, self.buffer, self.position = file.tell(), b"", 0  # base: the offset of the buffer's first byte
        self.stack: list[list[bytes]] = []
        self.depth = 0  # of what holds the elements; 0 outside of it
        self.start = 0  # offset of the element
        self.value = 0  # offset of its value
        self.key: bytes | None = None
        self.found = self.too_long = self.last_was_key = self.goes_on = False

    def enter_at_element(self) -> None:
        place = self.file.tell()
        begin = self.file.read(64 << 10)
        self.file.seek(place)
        if not begin:
            return  # the end, where it is said that nothing was found
        opened = b"{" if _KEY.match(begin) else b"["
        self.stack = [*([b"{", key] for key in self.path), [opened, b""]]
        self.depth, self.found = len(self.stack), True
        self._begin(place)

    def run(self) -> Iterator[Element]:
        ended = False
        while not ended:
            chunk = self.file.read(_CHUNK)
            ended = not chunk
            self.buffer += chunk
            yield from self._tokens(ended)
            self._forget()
        if not self.found or self.goes_on:
            end, path = self.base + len(self.buffer), b".".join(self.path).decode()
            why = f"has nothing at `{path}`" if self.number == 1 else "goes on behind its end"
            yield Element(self.number, end, None, None, why)
        elif self.stack:
            yield Element(self.number, self.start, None, None, "breaks off")

    def _tokens(self, ended: bool) -> Iterator[Element]:
        """What ends in the buffer, up to a token that goes on behind it."""
        for token in _TOKEN.finditer(self.buffer, self.position):
            text = token[0]
            if text == b'"':  # a string that goes on, or that nobody closes
                here = token.start()
                if not ended and len(self.buffer) - here <= _LONGEST and self.buffer.find(b"\n", here) < 0:
                    self.position = here
                    return
            elif len(text) > 1:
                self._string(text[1:-1])
            else:
                yield from self._mark(text, self.base + token.start())
            self.position = token.end()
        self.position = len(self.buffer)

    def _string(self, text: bytes) -> None:
        if self.stack and self.stack[-1][0] == b"{" and not self.last_was_key:
            self.stack[-1][1] = text
            if len(self.stack) == self.depth:
                self.key = text

    def _mark(self, mark: bytes, offset: int) -> Iterator[Element]:
        at_element = bool(self.depth) and len(self.stack) == self.depth
        self.goes_on |= self.found and not self.stack
        if mark in b"{[":
            self.stack.append([mark, b""])
            self.last_was_key = False
            if not self.found and tuple(key for _, key in self.stack[:-1]) == self.path:
                self.found, self.depth = True, len(self.stack)
                self._begin(offset + 1)
        elif mark == b":":
            self.last_was_key = True
            self.value = offset + 1 if at_element else self.value
        else:
            if at_element:
                yield from self._end(offset)
            self._close(mark, offset)

    def _close(self, mark: bytes, offset: int) -> None:
        self.last_was_key = False
        if mark == b",":
            if self.depth and len(self.stack) == self.depth:
                self._begin(offset + 1)
        elif self.stack:
            self.depth = 0 if len(self.stack) == self.depth else self.depth
            self.stack.pop()
            self.last_was_key = bool(self.stack)  # a value has ended: until the comma no string is a key

    def _begin(self, offset: int) -> None:
        self.start = self.value = offset
        self.key, self.too_long = None, False

    def _end(self, offset: int) -> Iterator[Element]:
        """The element that ends before an offset, where there is one."""
        if self.too_long or offset - self.value > MAX_LINE:
            yield Element(self.number, self.start, self.key, None, f"is longer than {MAX_LINE} bytes")
        else:
            data = self.buffer[self.value - self.base : offset - self.base].strip()
            if not data:
                return
            yield Element(self.number, self.start, self.key, data)
        self.number += 1

    def _forget(self) -> None:
        """Drop what is behind us, and an element that has become too long."""
        reached = self.base + self.position
        if self.depth and reached - self.value > MAX_LINE:
            self.too_long = True
        keep = self.value if self.depth and not self.too_long else reached
        keep = min(keep, reached)
        self.buffer = self.buffer[keep - self.base :]
        self.position = reached - keep
        self.base = keep
