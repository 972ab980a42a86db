"""Nested JSON: recordings with segments in them, one document or an array of gigabytes that is read item by item.

An array is cut where its items begin: at each object whose first key is that of the first item, which in a string
would be written with backslashes. So its items have places in the file, and one that is damaged costs no other.
"""

import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, BinaryIO, ClassVar, Final, Literal

from turnmill.sources.adapters.json_elements import elements
from turnmill.sources.adapters.segments_format import MAX_PIECE, Fault, Piece, Segment, SegmentFormat, whole

_CHUNK: Final = 1 << 20
_NEAR: Final = 256  # bytes in which an item says its first key
_FIRST: Final = re.compile(rb'\{\s*"((?:[^"\\]|\\.){1,100})"\s*:')
_DECODER: Final = json.JSONDecoder()
_PLAIN: Final = frozenset({str, int, bool, type(None)})  # what JSON has that holds nothing


class JsonFormat(SegmentFormat):
    """Recordings in JSON. Paths are keys and numbers with dots between, and `*` for each of a list or mapping.

    items: the array of recordings that is streamed, a key of the document; empty where the document is the array, null
    where it is one recording. segments: where in a recording they are; empty where it is one itself. columns: what a
    segment says -> where in it, or else in its recording. Other values of both go by their own names. silent: segments
    have no text, as where voice was found.
    """

    kind: Literal["json"]
    joins: ClassVar[bool] = False
    items: str | None = None
    segments: str = ""
    columns: Mapping[str, str] = {}
    silent: bool = False

    @property
    def transcribes(self) -> bool:
        return not self.silent

    def pieces(self, file: BinaryIO) -> Iterator[Piece]:
        return whole(file) if self.items is None else _items(file, self.items)

    def rows(self, data: bytes, first: int, _context: Any) -> Iterator[Segment | Fault]:
        text = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
        place, number = 0, first
        while (place := _next(text, place)) < len(text):
            where = f"item {number}"
            try:
                item, place = _DECODER.raw_decode(text, place)
            except (ValueError, RecursionError) as error:
                saved = list(self._saved(text[place:], where))
                if not any(isinstance(each, Fault) for each in saved):
                    yield Fault(where, f"is not JSON: {error}")
                yield from saved
                return
            yield from self._segments(item, where)
            number += 1

    def _segments(self, item: Any, where: str) -> Iterator[Segment | Fault]:
        if not isinstance(item, dict | list):
            yield Fault(where, "is no object")
            return
        found = list(_at(item, _steps(self.segments) if self.segments else ()))
        if not found and self.segments and "*" not in self.segments:
            yield Fault(where, f"has no {self.segments}")
        about = _plain(item)
        for number, segment in enumerate(self._flat(found) if self.segments else [item], 1):
            yield self._segment(item, about, segment, f"{where}, segment {number}" if self.segments else where)

    def _flat(self, found: Iterable[Any]) -> Iterator[Any]:
        """The segments of what lies at their path: those of a list, unless it ends with each of something."""
        for part in found:
            yield from part if isinstance(part, list) and not self.segments.endswith("*") else (part,)

    def _segment(self, item: Any, about: Mapping[str, Any], segment: Any, where: str) -> Segment | Fault:
        if not isinstance(segment, dict | list):
            return Fault(where, "is no object")
        values = {**about, **_plain(segment)}
        for name, path in self.columns.items():
            if isinstance(segment, dict) and path in segment and path != "*" and "." not in path:
                values[name] = segment[path]  # most are
            else:
                values[name] = next((value for each in (segment, item) for value in _at(each, _steps(path))), None)
        return Segment(where, values)

    def _saved(self, text: str, where: str) -> Iterator[Segment | Fault]:
        """What can be read of an item that is not whole, where what stands before its segments is: those that are
        whole themselves, and the faults of the others."""
        if not self.segments:
            return  # an item is a segment
        above, star, below = self.segments.partition("*")
        keys = tuple(filter(None, above.split(".")))
        place = re.search(rf'[,\s]*"{re.escape(keys[-1])}"\s*:', text) if keys else None
        item: Any = {}
        if keys:
            try:
                item = json.loads(text[: place.start()] + "}" * len(keys)) if place else None
            except (ValueError, RecursionError):
                return
        about = _plain(item)
        data = io.BytesIO(text.encode("utf-8", "surrogateescape"))
        number = 0
        for found in elements(data, keys, 1, False, _DECODER):
            if found.fault is not None:
                yield Fault(f"{where}, element {found.number}", found.fault)
                continue
            if found.key is not None and not star:
                return  # they are one, which is not whole
            for segment in self._flat(_at(found.value, tuple(filter(None, below.split("."))))):
                number += 1
                yield self._segment(item, about, segment, f"{where}, segment {number}")


def _next(text: str, place: int) -> int:
    """Where the next value begins; the end where the array does."""
    while place < len(text) and text[place] in " \t\r\n,":
        place += 1
    return len(text) if text[place : place + 1] in ("]", "}") else place


@cache
def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def _at(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """What lies at a path; nothing where there is no such place."""
    if not path:
        yield value
        return
    key, rest = path[0], path[1:]
    if key == "*":
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for each in inside:
            yield from _at(each, rest)
    elif isinstance(value, dict) and key in value:
        yield from _at(value[key], rest)
    elif isinstance(value, list) and key.lstrip("-").isdigit() and -len(value) <= int(key) < len(value):
        yield from _at(value[int(key)], rest)


def _plain(value: Any) -> dict[str, Any]:
    """The values of an object that are words, numbers or lists of these."""
    if not isinstance(value, dict):
        return {}
    return {key: each for key, each in value.items() if _is_plain(each) or _is_words(each)}


def _is_plain(value: Any) -> bool:
    return type(value) in _PLAIN or (isinstance(value, float) and math.isfinite(value))


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_plain, value))


def _items(file: BinaryIO, key: str) -> Iterator[Piece]:
    """The items of an array, each with what stands before the next."""
    begin = re.compile(rb'"' + re.escape(key.encode()) + rb'"\s*:\s*\[' if key else rb"^\s*\[")
    held = file.read(_CHUNK)
    head = begin.search(held)
    first = _FIRST.search(held, head.end()) if head else None
    if first is None:
        if held.strip() and not (head and held[head.end() :].lstrip().startswith(b"]")):
            yield Piece(0, 0, 0, None)
        return
    mark = re.compile(rb'\{\s{0,64}"' + re.escape(first[1]) + rb'"\s{0,64}:')
    start, number = 0, 1  # of what is held, and of the item
    place = first.start()
    looked = place + 1
    too_long = False
    while True:
        found = mark.search(held, looked)
        if found:
            yield _piece(start + place, held[place : found.start()], number, too_long)
            place, looked, number, too_long = found.start(), found.start() + 1, number + 1, False
            continue
        more = file.read(_CHUNK)
        if not more:
            break
        kept = held[place:]
        if len(kept) > MAX_PIECE:
            kept, too_long = kept[-_NEAR:], True
        start, held, place = start + len(held) - len(kept), kept + more, 0
        looked = max(1, len(kept) - _NEAR)
    yield _piece(start + place, held[place:], number, too_long)
    if not too_long and _breaks_off(held[place:]):
        yield Piece(start + len(held), 0, number + 1, None)


def _breaks_off(last: bytes) -> bool:
    """Whether an array ends behind its last item and not with its bracket; an item that is not whole tells itself."""
    text = last.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    place = 0
    while (begin := _next(text, place)) < len(text):
        try:
            _, place = _DECODER.raw_decode(text, begin)
        except (ValueError, RecursionError):
            return False
    return text[place:].lstrip(" \t\r\n,")[:1] != "]"


def _piece(offset: int, data: bytes, number: int, too_long: bool) -> Piece:
    return Piece(offset, len(data), number, None if too_long else data)
