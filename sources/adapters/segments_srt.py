"""Subtitles: SubRip's cues, a number, from when to when, and what is said then in one line or several."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final, Literal

from pydantic import Field

from turnmill.sources.adapters.expressions import ExpressionText, expression
from turnmill.sources.adapters.segments_format import Fault, Piece, Segment, SegmentFormat, whole

_TIMES: Final = re.compile(r"^[ \t]*(?P<start>[\d:.,]+)[ \t]*-->[ \t]*(?P<end>[\d:.,]+)(?:[ \t].*)?$", re.MULTILINE)
_NUMBER: Final = re.compile(r"(?:\A|\n)[ \t]*\d+[ \t]*\n?\Z")  # of the cue that follows
_BLANK: Final = re.compile(r"\n[ \t]*(?=\n)")


class SrtFormat(SegmentFormat):
    """SubRip (`.srt`). A segment says `start`, `end` and `text`. `pattern`: a regular expression that the text of a cue
    matches whole, whose named groups are what it says, where that is more than its text."""

    kind: Literal["srt"]
    pattern: ExpressionText = Field(default="(?P<text>.*)")

    def pieces(self, file: BinaryIO) -> Iterator[Piece]:
        return whole(file)

    def rows(self, data: bytes, _first: int, _context: Any) -> Iterator[Segment | Fault]:
        text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
        cues = list(_TIMES.finditer(text))
        begins = [*(cue.start() for cue in cues), len(text)]
        if _NUMBER.sub("", text[: begins[0]]).strip():
            yield Fault("it", "does not begin with a cue")
        for number, (cue, end) in enumerate(zip(cues, begins[1:], strict=True), 1):
            said = text[cue.end() : end]
            said, *rest = _BLANK.split(_NUMBER.sub("", said) if number < len(cues) else said, 1)
            yield self._segment(f"cue {number}", cue, " ".join(said.split()))
            if any(map(str.strip, rest)):
                yield Fault(f"cue {number}", "is followed by what is no cue")

    def _segment(self, where: str, cue: re.Match[str], said: str) -> Segment | Fault:
        if "\ufffd" in said:
            return Fault(where, "has a text that is not UTF-8")
        try:
            found = expression(self.pattern).fullmatch(said)
        except ValueError as error:
            return Fault(where, str(error))
        if found is None:
            return Fault(where, f"does not match the pattern {self.pattern!r}")
        values: Mapping[str, Any] = {name: value for name, value in found.groupdict().items() if value is not None}
        return Segment(where, {**values, "start": cue["start"], "end": cue["end"]})
