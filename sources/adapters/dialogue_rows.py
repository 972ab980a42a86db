"""Rows of files of texts, one after another in bounded memory: lines of JSON or of plain text. Elements of long JSON
values are in `dialogue_elements`, rows of Parquet in `dialogue_parquet`."""

import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any, BinaryIO, Final, NamedTuple, cast

from turnmill.sources.adapters.dialogue_streams import Member
from turnmill.sources.adapters.json_values import parsed
from turnmill.sources.adapters.lines import MAX_LINE, read_lines, utf8

GROUP: Final = "rows of one group"
"""The key under which a row that stands for several has them; its other keys are those of the first."""

_JSON: Final = json.JSONDecoder()
_LARGEST_GROUP: Final = 10_000  # rows


class Start(NamedTuple):
    """Where rows are read from: byte of the file or member, or row of Parquet, and the number of what stands there.
    `like`: what `json_elements` knows of the file by then."""

    at: int = 0
    first: int = 1
    like: tuple[str, ...] | None = None


class Row(NamedTuple):
    """`start`: where it begins. `value`: parsed; `error`: why it could not be."""

    start: Start
    value: Any
    error: str | None = None

    @property
    def number(self) -> int:
        """Line, element or row, from 1."""
        return self.start.first


def json_lines(file: BinaryIO, start: Start) -> Iterator[Row]:
    return _lines(file, start, _json_line)


def text_lines(file: BinaryIO, start: Start) -> Iterator[Row]:
    """Each line as the value of `text`."""
    return _lines(file, start, _text_line)


def _lines(file: BinaryIO, start: Start, parsed: Callable[[bytes], tuple[Any, str | None]]) -> Iterator[Row]:
    for line in read_lines(file, start.first):
        place = Start(line.offset, line.number)
        if line.data is None:
            yield Row(place, None, f"is longer than {MAX_LINE} bytes")
        elif line.data.strip():
            yield Row(place, *parsed(line.data))


def _json_line(line: bytes) -> tuple[Any, str | None]:
    return parsed(line, _JSON)


def _text_line(line: bytes) -> tuple[Any, str | None]:
    try:
        return {"text": utf8(line)}, None
    except UnicodeDecodeError as error:
        return None, f"is not UTF-8: {error}"


def grouped(rows: Iterable[Row], keys: Sequence[str]) -> Iterator[Row]:
    """One row of those that follow each other and have the same values of some keys; what cannot be read stays for
    itself."""

    def of(row: Row) -> tuple[str, Any]:
        values = [row.value.get(key) for key in keys] if isinstance(row.value, dict) and not row.error else [None]
        return ("group", values) if all(isinstance(value, str | int) for value in values) else ("row", row.number)

    for (kind, _), found in groupby(rows, of):
        while group := list(islice(found, _LARGEST_GROUP if kind == "group" else 1)):
            first = group[0]
            whole = {**first.value, GROUP: [row.value for row in group]} if kind == "group" else first.value
            yield first._replace(value=whole)


def windowed(file: BinaryIO, member: Member, at: int) -> BinaryIO:
    """A member of a file, which stands at byte `at` of it, as a file whose places are those in the member."""
    return cast(BinaryIO, io.BufferedReader(_Window(file, member.size, at)))


class _Window(io.RawIOBase):
    """Is read forwards alone."""

    def __init__(self, file: BinaryIO, size: int, at: int) -> None:
        self._file = file
        self._size = size
        self._at = at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if (offset, whence) not in ((self._at, io.SEEK_SET), (0, io.SEEK_CUR)):
            raise io.UnsupportedOperation("a member of an archive is read forwards")
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(min(len(buffer), self._size - self._at))
        self._at += len(data)
        buffer[: len(data)] = data
        return len(data)
