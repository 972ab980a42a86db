"""The ICSI meeting corpus's transcripts, XML of a `<Segment>` for each that somebody says.

They are not read as XML, for damage would cost all that follows it: a segment is what stands between its marks.
"""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final, Literal

from turnmill.sources.adapters.segments_format import Fault, Piece, Segment, SegmentFormat, whole

_SEGMENT: Final = re.compile(
    r"<Segment\b(?P<about>[^<>]*?)(?:/>|>(?P<said>.*?)(?:(?P<end></Segment>)|(?=<Segment\b)|\Z))", re.DOTALL
)
_PARTICIPANT: Final = re.compile(r"<Participant\b(?P<about>[^<>]*)>")
_TRANSCRIPT: Final = re.compile(r"<Transcript\b[^<>]*>")
_AROUND: Final = re.compile(r"</(?:Transcript|Meeting)>")
_SESSION: Final = re.compile(r"<Meeting\b(?P<about>[^<>]*)>")
_ATTRIBUTE: Final = re.compile(r"([\w.-]+)\s*=\s*(?:\"([^\"<>]*)\"|'([^'<>]*)')")
_MARK: Final = re.compile(r"<[^<>]*>")
_SOUND: Final = re.compile(r"<VocalSound\b([^<>]*)>")


class MrtFormat(SegmentFormat):
    """ICSI's `.mrt`. A segment says `recording` (the session), `speaker`, `channel` (that of the participant's own
    microphone, where there is one), `start`, `end` and `text`, without what is told of sounds; laughter and breath are
    its `sounds`. One that is of no participant is noise, and none."""

    kind: Literal["mrt"]

    def pieces(self, file: BinaryIO) -> Iterator[Piece]:
        return whole(file)

    def rows(self, data: bytes, _first: int, _context: Any) -> Iterator[Segment | Fault]:
        text = data.decode("utf-8-sig", "replace")
        session = next((_attributes(each["about"]).get("Session") for each in _SESSION.finditer(text)), None)
        people = [_attributes(each["about"]) for each in _PARTICIPANT.finditer(text)]
        channels = {each["Name"]: each["Channel"] for each in people if {"Name", "Channel"} <= each.keys()}
        if session is None:
            yield Fault("it", "is no <Meeting> with a Session")
            return
        number, place = 0, 0
        for number, found in enumerate(_SEGMENT.finditer(text), 1):
            if _is_other(text[place : found.start()], is_first=number == 1):
                yield Fault(f"segment {number}", "stands behind what is none, or is damaged")
            place = found.end()
            made = _segment(f"segment {number}", session, channels, found)
            if made is not None:
                yield made
        rest = text[place:]
        if not rest.rstrip().endswith("</Meeting>"):
            yield Fault("it", f"does not end with </Meeting>: what stood behind segment {number} is not there")
        elif _is_other(rest, is_first=not number):
            yield Fault("it", f"has behind segment {number} what is none, or is damaged")


def _is_other(text: str, is_first: bool) -> bool:
    """Whether what stands before a segment, or behind the last, is more than the marks around all of them."""
    if is_first:  # behind what is told of the meeting
        begin = _TRANSCRIPT.search(text)
        if begin is None:
            return "Segment>" in text
        text = text[begin.end() :]
    return bool(_AROUND.sub("", text).strip())


def _segment(where: str, session: str, channels: Mapping[str, str], found: re.Match[str]) -> Segment | Fault | None:
    """What stands between two marks; nothing where it is noise."""
    about, said = _attributes(found["about"]), found["said"]
    if said is not None and found["end"] is None:
        return Fault(where, "does not end")
    text = " ".join(html.unescape(_MARK.sub(" ", said or "")).split())
    if "\ufffd" in text:
        return Fault(where, "has a text that is not UTF-8")
    speaker = about.pop("Participant", None)
    if speaker is None:
        return Fault(where, "has words and no Participant") if text else None
    times = {name: about.pop(key) for name, key in (("start", "StartTime"), ("end", "EndTime")) if key in about}
    if len(times) < 2:
        return Fault(where, "has no StartTime and EndTime")
    sounds = [_attributes(each[1]).get("Description", "") for each in _SOUND.finditer(said or "")]
    heard = {"channel": channels[speaker]} if speaker in channels else {}
    values = {"recording": session, "speaker": speaker, "text": text, "sounds": list(filter(None, sounds))}
    return Segment(where, {**about, **values, **times, **heard})


def _attributes(text: str) -> dict[str, str]:
    """What stands in a mark, by name."""
    return {name: html.unescape(double or single) for name, double, single in _ATTRIBUTE.findall(text)}
