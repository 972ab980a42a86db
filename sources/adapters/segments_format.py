"""What an annotation of recordings is: rows that say who speaks from when to when, in files of many formats.

A format cuts a file into pieces that can be read again alone, so that a file of any size is never in memory, and says
what rows a piece has. A damaged row is a fault, and costs the rows beside it nothing where that can be helped.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar, Final, NamedTuple

from turnmill.manifests.params import Params
from turnmill.sources.adapters.lines import MAX_LINE, Line, read_lines
from turnmill.sources.adapters.template import TemplateText

MAX_PIECE: Final = 64 << 20
"""Largest piece in bytes: a TextGrid of a day, or one item of a JSON file; what is larger is broken."""


class Piece(NamedTuple):
    """A stretch of a file. `first`: the number of its first line or item; `data` is null where it is too long."""

    offset: int
    length: int
    first: int
    data: bytes | None


class Segment(NamedTuple):
    """What a row says, by name: `start`, `end` or `duration`, `text`, `speaker`, `channel`, `recording` and others.
    `where`: its place in the file, for people."""

    where: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Fault:
    """A row, or several, that cannot be read."""

    where: str
    detail: str


class SegmentFormat(Params, ABC):
    """A format of annotations, and its knobs."""

    joins: ClassVar[bool] = True
    """Whether neighbouring pieces say the same when they are read as one."""

    @property
    def transcribes(self) -> bool:
        """Whether its rows are to have a text."""
        return True

    @property
    def beside(self) -> Mapping[str, TemplateText]:
        """Files that are read with an annotation, templates of `dir` and `stem`, by what their lines are."""
        return {}

    def context(self, file: BinaryIO, others: Mapping[str, bytes]) -> Any:
        """What of a file all its pieces need. `others`: the contents of those beside it. Raises ValueError."""
        del file, others

    @abstractmethod
    def pieces(self, file: BinaryIO) -> Iterator[Piece]:
        """All of a file, in order."""

    @abstractmethod
    def rows(self, data: bytes, first: int, context: Any) -> Iterator[Segment | Fault]:
        """The rows of a piece, or of neighbouring ones together."""


def whole(file: BinaryIO) -> Iterator[Piece]:
    """A file as one piece."""
    data = file.read(MAX_PIECE + 1)
    if data:
        yield Piece(0, len(data), 1, data if len(data) <= MAX_PIECE else None)


class LineFormat(SegmentFormat):
    """One of a row a line."""

    encoding: str = "utf-8"

    def pieces(self, file: BinaryIO) -> Iterator[Piece]:
        before: Line | None = None
        for line in read_lines(file):
            if before is not None:
                yield _piece(before, line.offset)
            before = line
        if before is not None:
            yield _piece(before, file.tell())

    def rows(self, data: bytes, first: int, context: Any) -> Iterator[Segment | Fault]:
        for number, line in enumerate(data.split(b"\n"), first):
            if not line.strip():
                continue
            where = f"line {number}"
            try:
                values = self.values(decoded(line.rstrip(b"\r"), self.encoding, number), context)
            except ValueError as error:
                yield Fault(where, str(error))
                continue
            if values is not None:
                yield Segment(where, values)

    @abstractmethod
    def values(self, line: str, context: Any) -> Mapping[str, Any] | None:
        """What a line says that is not blank; null where it is no row, such as a comment. Raises ValueError."""


def _piece(line: Line, end: int) -> Piece:
    return Piece(line.offset, end - line.offset, line.number, line.data)


def decoded(data: bytes, encoding: str, number: int) -> str:
    """A line of a file. Raises ValueError where it is not in the encoding, or no text."""
    if len(data) > MAX_LINE:
        raise ValueError(f"is longer than {MAX_LINE} bytes")
    try:
        text = data.decode("utf-8-sig" if encoding == "utf-8" and number == 1 else encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"is not {encoding}: {error.reason} at byte {error.start}") from error
    if "\0" in text:
        raise ValueError("has zero bytes")
    return text


def columns_of(names: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """Raises ValueError where there are more or fewer cells than names."""
    if len(cells) != len(names):
        raise ValueError(f"has {len(cells)} columns where {', '.join(names)} are expected")
    return dict(zip(names, cells, strict=True))
