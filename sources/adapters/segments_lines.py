"""Annotations of a row a line: STM, RTTM, CTM, LDC transcripts, tables, lines parallel to those of other files."""

import csv
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO, ClassVar, Final, Literal

from pydantic import Field, model_validator

from turnmill.sources.adapters.expressions import Expression, ExpressionText, expression
from turnmill.sources.adapters.lines import MAX_LINE, read_lines
from turnmill.sources.adapters.segments_format import (
    Fault,
    LineFormat,
    Piece,
    Segment,
    SegmentFormat,
    columns_of,
    decoded,
    whole,
)
from turnmill.sources.adapters.template import TemplateText

_STM: Final = re.compile(
    r"(?P<recording>\S+)\s+(?P<channel>\S+)\s+(?P<speaker>\S+)\s+(?P<start>\S+)\s+(?P<end>\S+)"
    r"(?:\s+<(?P<label>[^<>\s,]*,[^<>\s]*)>(?=\s|$))?(?:\s+(?P<text>.*))?"
)
_NOT_SCORED: Final = "ignore_time_segment_in_scoring"
_RTTM: Final = re.compile(
    r"SPEAKER\s+(?P<recording>\S+)\s+(?P<channel>\S+)\s+(?P<start>\S+)\s+(?P<duration>\S+)\s+\S+\s+\S+\s+"
    r"(?P<speaker>\S+)(?:\s+\S+){0,2}"
)
_RTTM_OTHERS: Final = ("SPKR-INFO ", "NON-SPEECH ", "NON-LEX ", "LEXEME ", "SEGMENT ", "NOSCORE ", "NO_RT_METADATA ")
_LDC: Final = re.compile(r"(?P<start>\d[\d.]*)\s+(?P<end>\d[\d.]*)\s+(?P<side>(?P<channel>[AB])\d*):\s*(?P<text>.*)")


_LIKE_LDC: Final = re.compile(r"^\d|\d\.\d+\s.*[AB]\d?:")


class LinesFormat(LineFormat):
    """Lines that a regular expression matches whole, whose named groups are what they say; `skip` matches the
    beginnings of those that are no rows."""

    kind: Literal["lines"]
    pattern: ExpressionText
    skip: ExpressionText = ""

    def values(self, line: str, _context: Any) -> Mapping[str, Any] | None:
        return None if self.skip and expression(self.skip).match(line) else _matched(expression(self.pattern), line)


class StmFormat(LineFormat):
    """NIST's segment time marks: `recording channel speaker start end [<label>] text`."""

    kind: Literal["stm"]

    def values(self, line: str, _context: Any) -> Mapping[str, Any] | None:
        if line.startswith(";;"):
            return None
        found = _matched(_STM, line.strip())
        return None if (found.get("text") or "").strip() == _NOT_SCORED else found


class RttmFormat(LineFormat):
    """Rich transcription time marks, of which those of speakers are segments; they have no text."""

    kind: Literal["rttm"]

    @property
    def transcribes(self) -> bool:
        return False

    def values(self, line: str, _context: Any) -> Mapping[str, Any] | None:
        if line.startswith((";", *_RTTM_OTHERS)):
            return None
        return _matched(_RTTM, line.strip())


class LdcFormat(LineFormat):
    """LDC's transcripts of telephone calls (Fisher, CallHome): `start end side: text`, where the side is A, B, or A1
    where several talk on one. wrapped: lines that are no row go on with the text above, as some of CallHome do."""

    kind: Literal["ldc"]
    wrapped: bool = False

    def pieces(self, file: BinaryIO) -> Iterator[Piece]:
        return whole(file)

    def rows(self, data: bytes, first: int, context: Any) -> Iterator[Segment | Fault]:
        held: Segment | None = None
        for found in super().rows(data, first, context):
            if isinstance(found, Segment) and "start" not in found.values:
                if held is None:
                    yield Fault(found.where, "is no row, and there is none that it could go on with")
                else:
                    text = f"{held.values['text']} {found.values['text']}"
                    held = Segment(held.where, {**held.values, "text": text})
                continue
            if held is not None:
                yield held
            held = found if isinstance(found, Segment) else None
            if isinstance(found, Fault):
                yield found
        if held is not None:
            yield held

    def values(self, line: str, _context: Any) -> Mapping[str, Any] | None:
        if line.startswith("#"):
            return None
        if not self.wrapped or _LIKE_LDC.search(line):
            return _matched(_LDC, line.strip())
        return {"text": line.strip()}


class DelimitedFormat(LineFormat):
    """Tables of a row a segment. `names`, or else the first line, names the columns. `columns`: what a segment says ->
    the column where it is called otherwise. `quoted`: cells may stand in double quotes."""

    kind: Literal["delimited"]
    sep: str = Field(min_length=1)
    names: tuple[str, ...] = ()
    columns: Mapping[str, str] = {}
    quoted: bool = False

    @model_validator(mode="after")
    def _one_character_where_quoted(self) -> "DelimitedFormat":
        if self.quoted and len(self.sep) != 1:
            raise ValueError(f"sep: {self.sep!r}: a table with quoted cells has one character between them")
        return self

    def pieces(self, file: BinaryIO) -> Iterator[Piece]:
        return islice(super().pieces(file), 0 if self.names else 1, None)

    def context(self, file: BinaryIO, _others: Mapping[str, bytes]) -> Any:
        if self.names:
            return self.names
        line = next(read_lines(file), None)
        header = tuple(self._cells(decoded(line.data or b"", self.encoding, 1))) if line else ()
        missing = sorted({*self.columns.values()} - set(header))
        if line and missing:
            raise ValueError(f"has no column {', '.join(missing)}, only {', '.join(header)}")
        return header

    def values(self, line: str, context: Any) -> Mapping[str, Any] | None:
        row = columns_of(context, self._cells(line))
        return {**row, **{name: row[column] for name, column in self.columns.items()}}

    def _cells(self, line: str) -> list[str]:
        if not self.quoted:
            return line.split(self.sep)
        try:
            return next(csv.reader([line], delimiter=self.sep, strict=True))
        except csv.Error as error:
            raise ValueError(f"is not quoted as it should be: {error}") from error


class ParallelFormat(SegmentFormat):
    """Lines of times, and of other files line by line what is said then. `names`: the columns of the times, with white
    space between them; `texts`: what a segment says -> the file of it, a template of `dir` and `stem`."""

    kind: Literal["parallel"]
    names: tuple[str, ...] = ("recording", "start", "end")
    texts: Mapping[str, TemplateText]

    @property
    def beside(self) -> Mapping[str, TemplateText]:
        return self.texts

    def pieces(self, file: BinaryIO) -> Iterator[Piece]:
        return whole(file)

    def context(self, _file: BinaryIO, others: Mapping[str, bytes]) -> Any:
        return {name: data.removesuffix(b"\n").split(b"\n") for name, data in others.items()}

    def rows(self, data: bytes, _first: int, context: Any) -> Iterator[Segment | Fault]:
        lines = data.removesuffix(b"\n").split(b"\n")
        uneven = {name: len(texts) for name, texts in context.items() if len(texts) != len(lines)}
        for number, line in enumerate(lines, 1):
            where = f"line {number}"
            try:
                if uneven:
                    raise ValueError(f"is one of {len(lines)}, and beside it are {uneven}: which belongs to which?")
                cells = columns_of(self.names, decoded(line, "utf-8", number).split())
                texts = {name: decoded(texts[number - 1], "utf-8", number) for name, texts in context.items()}
            except ValueError as error:
                yield Fault(where, str(error))
                continue
            yield Segment(where, {**cells, **{name: text.strip() for name, text in texts.items()}})


class CtmFormat(LineFormat):
    """NIST's word time marks: `recording channel start duration word [confidence]`. Words with at most `gap` seconds
    between them are one segment, of at most `longest` seconds; a line that cannot be read ends one, for nobody knows
    which word it was."""

    kind: Literal["ctm"]
    joins: ClassVar[bool] = False
    gap: float = Field(default=0.5, ge=0)
    longest: float = Field(default=30.0, gt=0)

    def pieces(self, file: BinaryIO) -> Iterator[Piece]:
        """All neighbouring words of a channel of a recording."""
        held: list[Piece] = []
        size = 0
        for piece in super().pieces(file):
            if held and (_channel(held[0]) != _channel(piece) or size > MAX_LINE or piece.data is None):
                yield _joined(held)
                held, size = [], 0
            if piece.data is None:
                yield piece
                continue
            held.append(piece)
            size += piece.length
        if held:
            yield _joined(held)

    def rows(self, data: bytes, first: int, context: Any) -> Iterator[Segment | Fault]:
        words: list[tuple[float, float, Segment]] = []
        for found in super().rows(data, first, context):
            word = _timed(found)
            if words and not isinstance(word, Fault) and word[2].values == words[-1][2].values:
                yield Fault(word[2].where, "is the line before it again")
                continue
            if words and (isinstance(word, Fault) or not self._goes_on(words, word)):
                yield _spoken(words)
                words = []
            if isinstance(word, Fault):
                yield word
            else:
                words.append(word)
        if words:
            yield _spoken(words)

    def _goes_on(self, words: list[tuple[float, float, Segment]], word: tuple[float, float, Segment]) -> bool:
        same = all(words[0][2].values[key] == word[2].values[key] for key in ("recording", "channel"))
        return same and 0 <= word[0] - words[-1][1] + 1e-6 <= self.gap + 1e-6 and word[1] - words[0][0] <= self.longest

    def values(self, line: str, _context: Any) -> Mapping[str, Any] | None:
        if line.startswith((";;", "#")):
            return None
        cells = line.split()
        return columns_of(("recording", "channel", "start", "duration", "text"), cells[:5])


def _timed(found: Segment | Fault) -> tuple[float, float, Segment] | Fault:
    """A word with its start and end [s]."""
    if isinstance(found, Fault):
        return found
    try:
        start, duration = float(found.values["start"]), float(found.values["duration"])
    except ValueError:
        return Fault(found.where, "says no times")
    return start, start + duration, found


def _channel(piece: Piece) -> list[bytes]:
    return (piece.data or b"").split(None, 2)[:2]


def _joined(pieces: list[Piece]) -> Piece:
    data = b"\n".join(piece.data or b"" for piece in pieces)
    return Piece(pieces[0].offset, sum(piece.length for piece in pieces), pieces[0].first, data)


def _spoken(words: list[tuple[float, float, Segment]]) -> Segment:
    first = words[0][2]
    text = " ".join(word.values["text"] for _, _, word in words)
    values = {key: first.values[key] for key in ("recording", "channel")}
    return Segment(first.where, {**values, "start": words[0][0], "end": words[-1][1], "text": text})


def _matched(pattern: re.Pattern[str] | Expression[str], line: str) -> dict[str, str]:
    """The named groups of a line. Raises ValueError where it does not match."""
    found = pattern.fullmatch(line)
    if found is None:
        raise ValueError("is not of the form of its kind")
    return {name: value for name, value in found.groupdict().items() if value is not None}
