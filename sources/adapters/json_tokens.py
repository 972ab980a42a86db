"""The brackets of a JSON document of any size, whole or not, and the keys above each."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import IO, Final

from turnmill.sources.adapters.lines import MAX_LINE

_CHUNK: Final = 4 << 20  # bytes that are read at a time
_LONGEST: Final = 8 * MAX_LINE  # of a string: what is longer is none, but a quote that nobody closes
_TOKEN: Final = re.compile(rb'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|["{}\[\],:]', re.DOTALL)

Stack = list[tuple[bytes, str]]
"""Of what is open, its bracket and the key that is read in it."""


def openings(found: Iterable[tuple[bytes, int]], stack: Stack) -> Iterator[tuple[tuple[str, ...], bytes, int]]:
    """Each bracket that opens something, with the keys above it and its byte, from tokens. `stack`: what is open at
    first, and then after each token that was taken."""
    is_value = False
    for token, offset in found:
        if token in (b"{", b"["):
            yield tuple([key for _, key in stack]), token, offset
            stack.append((token, ""))
        elif token in (b"}", b"]"):
            del stack[-1:]
        elif len(token) > 1 and stack and stack[-1][0] == b"{" and not is_value:
            stack[-1] = b"{", _key(token)
        is_value = token == b":" or (is_value and token not in (b"{", b"[", b","))


def _key(token: bytes) -> str:
    """What a string stands for; what is none, as it is written."""
    written = token[1:-1].decode("utf-8", "surrogateescape")
    try:
        return str(json.loads(f'"{written}"')) if "\\" in written else written
    except ValueError:
        return written


def tokens(file: IO[bytes], buffer: bytes = b"") -> Iterator[tuple[bytes, int]]:
    """Brackets, commas, colons and strings from the file's position on, and before it in what was read of it, with the
    byte where each begins. A string goes on to its line's end at most: what does is a quote that nobody closes."""
    base = file.tell() - len(buffer)
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
