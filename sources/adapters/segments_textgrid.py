"""Praat's TextGrids, in the long form and the short: a tier for each speaker, intervals with what is said in them."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Literal

from turnmill.sources.adapters.segments_format import Fault, Piece, Segment, SegmentFormat, whole

_NUMBER: Final = r"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_ITEM: Final = re.compile(
    r'^[ \t]*(?:class = )?"(?P<tier>IntervalTier|TextTier)"[ \t]*\n[ \t]*(?:name = )?"(?P<name>(?:[^"\n]|"")*)"[ \t]*\n'
    rf"[ \t]*(?:xmin = )?{_NUMBER}[ \t]*\n[ \t]*(?:xmax = )?{_NUMBER}[ \t]*\n"
    r"[ \t]*(?:(?:intervals|points): size = )?(?P<size>\d+)[ \t]*$"
    r"|^(?P<break>.*(?:item \[\d|IntervalTier|TextTier).*)$"
    rf"|^[ \t]*(?:xmin = )?(?P<start>{_NUMBER})[ \t]*\n[ \t]*(?:xmax = )?(?P<end>{_NUMBER})[ \t]*\n"
    r'[ \t]*(?:text = )?"(?P<text>(?:[^"\n]|"")*(?:\n(?![ \t]*(?:intervals \[|xmin = |item \[|text = |"))'
    rf'(?!{_NUMBER}[ \t]*$)(?:[^"\n]|"")*){{0,50}})"[ \t]*$',
    re.MULTILINE,
)
_TIERS: Final = re.compile(r"<exists>[ \t]*\n[ \t]*(?:size = )?(\d{1,9})[ \t]*$", re.MULTILINE)
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


@dataclass
class _Tier:
    """A tier on the way: what it says that it has, and how much of it was found, up to a time [s]."""

    name: str
    intervals: bool
    said: int
    found: int = 0
    time: float = -math.inf

    def holds(self, start: float, end: float) -> bool:
        """Whether an interval is its next; where not, the beginning of another tier is damaged."""
        fits = self.found < self.said and start >= self.time - 1e-6
        self.found, self.time = self.found + 1, end
        return fits


def _rows(text: str) -> Iterator[Segment | Fault]:
    tier: _Tier | None = None
    tiers = 0
    for item in _ITEM.finditer(text):
        if item["tier"] or item["break"]:
            yield from _missing(tier)
            tier = None
            if item["tier"]:
                name = item["name"].replace('""', '"')
                tier, tiers = _Tier(name, item["tier"] == "IntervalTier", int(item["size"])), tiers + 1
            continue
        if tier is not None and not tier.intervals:
            continue
        words = item["text"].replace('""', '"').strip()
        if tier is not None and not tier.holds(float(item["start"]), float(item["end"])):
            tier = None
        where = f"the interval from {item['start']}"
        if tier is None:
            yield Fault(where, "is of no tier that can be read")
        elif "\ufffd" in words:
            yield Fault(where, "has a text that is damaged")
        elif words:
            yield Segment(where, {"speaker": tier.name, "start": item["start"], "end": item["end"], "text": words})
    yield from _missing(tier)
    said = _TIERS.search(text)
    if not tiers or (said and tiers < int(said[1])):
        yield Fault("it", f"has {tiers} tiers that can be read" + (f", and says {said[1]}" if said else ""))


def _missing(tier: _Tier | None) -> Iterator[Fault]:
    if tier is not None and tier.intervals and tier.found != tier.said:
        detail = f"says that it has {tier.said} intervals, and {tier.found} of them can be read"
        yield Fault(f"tier {tier.name}", detail)
