"""Praat's TextGrids, in the long form and the short: a tier for each speaker, intervals with what is said in them."""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, Literal

from turnmill.sources.adapters.segments_format import Fault, Piece, Segment, SegmentFormat, whole

_NUMBER: Final = r"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_ITEM: Final = re.compile(
    r'^[ \t]*(?:class = )?"(?P<tier>IntervalTier|TextTier)"[ \t]*\n[ \t]*(?:name = )?"(?P<name>(?:[^"\n]|"")*)"[ \t]*\n'
    rf"[ \t]*(?:xmin = )?{_NUMBER}[ \t]*\n[ \t]*(?:xmax = )?{_NUMBER}[ \t]*\n"
    r"[ \t]*(?:(?:intervals|points): size = )?(?P<size>\d+)[ \t]*$"
    rf"|^[ \t]*(?:xmin = )?(?P<start>{_NUMBER})[ \t]*\n[ \t]*(?:xmax = )?(?P<end>{_NUMBER})[ \t]*\n"
    r'[ \t]*(?:text = )?"(?P<text>(?:[^"\n]|"")*(?:\n(?![ \t]*(?:intervals \[|xmin = |item \[|text = |"))'
    rf'(?!{_NUMBER}[ \t]*$)(?:[^"\n]|"")*){{0,50}})"[ \t]*$',
    re.MULTILINE,
)
_BOMS: Final = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


class TextGridFormat(SegmentFormat):
    """TextGrids: a segment says `speaker` (the name of its tier), `start`, `end` and `text`; an interval without text
    is silence, and none."""

    kind: Literal["textgrid"]

    def pieces(self, file: BinaryIO) -> Iterator[Piece]:
        return whole(file)

    def rows(self, data: bytes, _first: int, _context: Any) -> Iterator[Segment | Fault]:
        encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            yield Fault("it", f"is not {encoding}: {error.reason} at byte {error.start}")
            text = data.decode(encoding, "replace")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if not text.startswith(("File type =", '"ooTextFile')) or '"TextGrid"' not in text[:200]:
            yield Fault("it", "does not begin as a TextGrid")
        yield from _rows(text)


def _rows(text: str) -> Iterator[Segment | Fault]:
    tier, said, found, intervals = "", 0, 0, False
    tiers = 0
    for item in _ITEM.finditer(text):
        if item["tier"]:
            if found != said:
                yield _short(tier, said, found)
            tier, said, found = item["name"].replace('""', '"'), int(item["size"]), 0
            intervals = item["tier"] == "IntervalTier"
            said = said if intervals else 0
            tiers += 1
        elif intervals:
            found += 1
            words = item["text"].replace('""', '"').strip()
            where = f"tier {tier}, interval {found}"
            if "\ufffd" in words:
                yield Fault(where, "has a text that is damaged")
            elif words:
                yield Segment(where, {"speaker": tier, "start": item["start"], "end": item["end"], "text": words})
    if found != said:
        yield _short(tier, said, found)
    if not tiers:
        yield Fault("it", "has no tier that can be read")


def _short(tier: str, said: int, found: int) -> Fault:
    return Fault(f"tier {tier}", f"says that it has {said} intervals, and {found} of them can be read")
