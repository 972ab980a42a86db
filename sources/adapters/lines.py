"""Lines of large files in bounded memory."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import IO, Final, NamedTuple

MAX_LINE: Final = 1 << 20
"""Longest line that is read, in bytes: a longer one is a broken table or dialogue, and must not fill the memory."""


class Line(NamedTuple):
    """`number` counts from 1; `offset` is the first byte; `data` lacks the line end and is null where too long."""

    number: int
    offset: int
    data: bytes | None


def utf8(data: bytes) -> str:
    """The text of some bytes, less the mark that they may begin with: as the codec utf-8-sig, which is written in
    Python. Raises UnicodeDecodeError."""
    return data.removeprefix(BOM_UTF8).decode()


def read_lines(file: IO[bytes], first: int = 1) -> Iterator[Line]:
    """Every line from the file's position on, which is the start of line `first`.

    Only b"\\n" ends a line: str.splitlines would also cut at characters that texts contain (U+2028, U+0085).
    """
    offset = file.tell()
    number = first
    while data := file.readline(MAX_LINE + 1):
        length = len(data)
        too_long = length > MAX_LINE and not data.endswith(b"\n")
        rest = data
        while too_long and rest and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE)
            length += len(rest)
        yield Line(number, offset, None if too_long else data.rstrip(b"\r\n"))
        offset += length
        number += 1
