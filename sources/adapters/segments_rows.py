"""Rows of annotations to clips, by the knobs of an entry."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Final, NamedTuple

from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.base import Corpus
from turnmill.sources.adapters.channel_map import sides_of
from turnmill.sources.adapters.folder import is_raw, safe_join
from turnmill.sources.adapters.items import (
    DEFAULT_CONFIG,
    UNLISTED,
    ClipRef,
    FieldName,
    clip_uid,
    language,
    licence,
    raw_audio,
    seconds,
    span_uid,
    split_name,
    transcript,
    untranscribed,
)
from turnmill.sources.adapters.segments_format import Fault, Piece, Segment
from turnmill.sources.adapters.segments_knobs import MAP, PLACE, RowKnobs
from turnmill.sources.adapters.segments_names import ANYWHERE, NamedFiles
from turnmill.sources.adapters.stretches import Stretches
from turnmill.sources.adapters.template import Template, parse, place_of
from turnmill.sources.places.place import UnsafeNameError

_OWN: Final[Mapping[FieldName, str]] = {"text": "{text}", "speaker": "{speaker}"}
_TIMES: Final = frozenset({"start", "end", "duration", "channel", "recording"})
_CLOCK: Final = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:[.,]\d*)?)")


class Placed(NamedTuple):
    """A row of the recording of a path, empty where it names none. `make` tells what it is; null where it is not
    meant. `name`, `files`: what it calls the recording, and which files that means."""

    split: str
    path: str
    make: Callable[[], ClipRef | Reject] | None
    name: str = ""
    files: Sequence[str] = ()


class _TwoFilesError(ValueError):
    """A row that two recordings are meant by."""

    def __init__(self, name: str, files: Sequence[str]) -> None:
        super().__init__(f"is of {name}, which there is twice: {files[0]} and {files[1]}")
        self.name, self.files = name, files[:2]


class _Spot(NamedTuple):
    """The recording of a row: what it calls it, and the file that is, if there is one. `is_meant`: by `where`."""

    split: str
    name: str
    files: Sequence[str]
    is_meant: bool

    @property
    def found(self) -> str | None:
        return self.files[0] if self.files else None

    @property
    def path(self) -> str:
        return self.found or self.name.removeprefix(ANYWHERE)


@dataclass(frozen=True)
class Reader:
    """Turns rows into clips, by an entry's knobs."""

    corpus: Corpus[ClipRef]
    knobs: RowKnobs
    files: NamedFiles
    _contexts: dict[str, tuple[Any, Mapping[str, str] | None]] = field(default_factory=dict)
    _known: dict[tuple[str, tuple[str | None, ...]], "_Spot"] = field(default_factory=dict)

    @cached_property
    def _stretches(self) -> Stretches:
        return Stretches(self.corpus.root)

    @cached_property
    def _fields(self) -> Mapping[str, Template]:
        return {name: parse(text) for name, text in {**_OWN, **self.knobs.fields}.items()}

    @cached_property
    def _placing(self) -> tuple[str, ...]:
        """What of a row tells its recording, its split and whether it is meant."""
        templates = parse(self.knobs.audio), parse(self.knobs.split)
        names = frozenset(self.knobs.where).union(*(template.variables for template in templates))
        return tuple(sorted(names - PLACE))

    @cached_property
    def _used(self) -> frozenset[str]:
        """What goes into a clip, and not into its native fields."""
        of_fields = (template for name, template in self._fields.items() if name != "licence")
        knobs = (self.knobs.audio, self.knobs.split, self.knobs.channel)
        templates = [*map(parse, knobs), *of_fields]
        columns = frozenset(getattr(self.knobs.format, "columns", {}).values())
        return _TIMES.union(columns, PLACE, *(template.variables for template in templates))

    def again(self, table: str, offset: int, length: int, first: int) -> Piece:
        """A run of `units`, as one piece."""
        return Piece(offset, length, first, self._stretches.read(table, offset, length) if length else None)

    def placed(self, table: str, piece: Piece) -> Iterator[Placed]:
        """Each row of a piece, by its recording."""
        try:
            context, sides = self._context(table)
            if piece.data is None:
                raise ValueError("is too long to be read, is cut off, or is nothing of the kind")
        except ValueError as error:
            yield self._bad(table, f"{table} {error}" if piece.first < 2 else f"{table} row {piece.first} {error}")
            return
        for found in self.knobs.format.rows(piece.data, piece.first, context):
            if isinstance(found, Fault):
                yield self._bad(table, f"{table}: {found.where} {found.detail}")
            else:
                yield self._row(table, found, sides)

    def knows(self, table: str) -> bool:
        """Whether an annotation has what its pieces need; where not, it is one bad row."""
        try:
            self._context(table)
        except ValueError:
            return False
        return True

    def beside(self, table: str) -> Mapping[str, Sequence[str]]:
        """The files that are read with an annotation, by the names that are made for them."""
        found: dict[str, Sequence[str]] = {}
        with suppress(ValueError, UnsafeNameError):  # where there are none, it is a bad row
            for name in self.knobs.beside(table).values():
                found[name] = self.files.called(name) or ()
        return found

    def _context(self, table: str) -> tuple[Any, Mapping[str, str] | None]:
        """What all pieces of an annotation need, and which channel somebody is on, where a map tells that. Raises
        ValueError where it has not got it."""
        if table not in self._contexts:
            self._contexts.clear()  # of one file at a time
            others = {}
            for name, path in self.knobs.beside(table).items():
                try:
                    found = self.files.called(path)
                except UnsafeNameError as error:
                    raise ValueError(f"names {path} as a file beside it: {error}") from error
                if not found:
                    raise ValueError(f"lies without {path} beside it")
                others[name] = self.corpus.root.read(found[0])
            sides = sides_of(others.pop(MAP)) if MAP in others else None
            with self.corpus.root.open(table) as file:
                self._contexts[table] = (self.knobs.format.context(file, others), sides)
        return self._contexts[table]

    def _bad(self, table: str, detail: str, reason: Reason = Reason.BAD_ROW) -> Placed:
        return Placed(UNLISTED, "", partial(Reject, reason, detail, source_uri=table))

    def _row(self, table: str, row: Segment, sides: Mapping[str, str] | None) -> Placed:
        """A row by its recording, where it names one."""
        values = row.values
        try:
            said = tuple([_words(values[name]) if name in values else None for name in self._placing])
            place = self._known.get((table, said)) or self._place(table, said)
        except UnsafeNameError as error:
            return self._bad(table, f"{table}: {row.where}: {error}", Reason.UNSAFE_PATH)
        except _TwoFilesError as error:
            return self._bad(table, f"{table}: {row.where} {error}")._replace(name=error.name, files=error.files)
        except (ValueError, LookupError) as error:
            return self._bad(table, f"{table}: {row.where} {_said(error)}")
        make = partial(self._made, table, row, place, sides) if place.is_meant else None
        return Placed(place.split, place.path, make, place.name, place.files)

    def _place(self, table: str, said: tuple[str | None, ...]) -> "_Spot":
        """`said`: the words of `_placing`, null where a row has none. Raises UnsafeNameError, ValueError and
        LookupError."""
        words = {name: word for name, word in zip(self._placing, said, strict=True) if word is not None}
        words |= place_of(table)
        split, (name, files) = self._split(words), self._audio(words)
        where = self.knobs.where.items()
        is_meant = all(set(words.get(name, "").split(" ")) & set(values) for name, values in where)
        self._known.clear()  # most rows are of the recording of the row before
        self._known[table, said] = place = _Spot(split, name, files or (), is_meant and files is not None)
        return place

    def _made(self, table: str, row: Segment, place: "_Spot", sides: Mapping[str, str] | None) -> ClipRef | Reject:
        """The clip of a row, or BAD_ROW, MISSING_FILE, RAW_AUDIO or UNTRANSCRIBED."""
        where = f"{table}: {row.where}"
        words = {name: _words(value) for name, value in row.values.items()}
        words |= place_of(table)
        try:
            words["channel"] = self._side(words, sides)
            clip = self._clip(row, words, place.split, place.path)
        except ValueError as error:
            return Reject(Reason.BAD_ROW, f"{where} {error}", source_uri=table)
        found = place.found
        if found is None:
            detail = f"{where}: there is no {place.path}"
            return Reject(Reason.MISSING_FILE, detail, uid=clip.uid, source_uri=place.path)
        if is_raw(self.corpus.root, found):
            return raw_audio(clip.uid, found)
        if clip.text is None and self.knobs.format.transcribes and not self.corpus.keep_untranscribed:
            return replace(untranscribed(clip.uid, found), detail=f"{where} has no transcript")
        return clip

    def _split(self, words: Mapping[str, str]) -> str:
        split = parse(self.knobs.split).render(words)
        return split_name(self.knobs.splits.get(split, split))

    def _audio(self, words: Mapping[str, str]) -> tuple[str, Sequence[str] | None]:
        """What a recording is called, and the one file that this means, if any; null where it is of another unit."""
        template = parse(self.knobs.audio)
        cells = [words[name] for name in template.variables - PLACE]
        if not all(cell.strip() for cell in cells):
            raise ValueError("names no recording")
        path = template.render(words)
        if "*" not in template.text:
            name = safe_join(path, cells)
            return name, self.files.called(name)
        if any(sign in cell for sign in "*?" for cell in cells):
            raise ValueError(f"names {cells[0]!r}: no recording is found by a name with * or ? in it")
        name = safe_join(path, cells)
        files = self.files.like(name)
        if files is not None and len(files) > 1:
            raise _TwoFilesError(name, files)
        return name, files

    def _clip(self, row: Segment, words: Mapping[str, str], split: str, path: str) -> ClipRef:
        """Raises ValueError for a row that says what cannot be."""
        start, end = self._times(row.values)
        fields = {name: _rendered(template, words) for name, template in self._fields.items()}
        text = transcript(_marked(fields["text"] or "", self.knobs.tokens))
        channel = self._channel(words.get("channel", ""))
        recording = clip_uid(self.corpus.name, DEFAULT_CONFIG, split, path)
        native = {
            name: value for name, value in row.values.items() if name not in self._used and value not in ("", None)
        }
        for said in (text or "", *filter(None, fields.values()), *(words[name] for name in native)):
            if "\0" in said or not _encodes(said):
                raise ValueError("has a text that is none")
        return ClipRef(
            recording if start is None or end is None else span_uid(recording, start, end, channel),
            path,
            split=split,
            start=start,
            end=end,
            channel=channel,
            text=text,
            speaker=fields["speaker"] or None,
            language=language(fields.get("language"), self.corpus.language),
            licence=licence(fields.get("licence")),
            captions=tuple(filter(None, (fields.get("captions"),))),
            tags=tuple(filter(None, (fields.get("tags"),))),
            parent=fields.get("parent") or recording,
            native=native,
        )

    def _times(self, values: Mapping[str, Any]) -> tuple[float | None, float | None]:
        """[start, end) in seconds; nulls where a row says none, for it is of the whole recording."""
        if not {"start", "end", "duration"} & values.keys():
            return None, None
        start = self._seconds(values.get("start"))
        if "end" in values:
            end = self._seconds(values["end"])
        else:
            end = round(start + self._seconds(values.get("duration")), 6)
        if not 0 <= start < end:
            raise ValueError(f"is from {start} s to {end} s, which is no stretch of time")
        return start, end

    def _seconds(self, value: Any) -> float:
        text = "" if isinstance(value, bool) else _words(value).strip().removesuffix("s")
        clock = _CLOCK.fullmatch(text)
        if clock:
            whole = int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3].replace(",", "."))
            return round(whole, 6)
        return round(seconds(text) / self.knobs.ticks, 6)

    def _side(self, words: Mapping[str, str], sides: Mapping[str, str] | None) -> str:
        """What a row's channel is called. Raises ValueError for somebody who is on none."""
        said = _rendered(parse(self.knobs.channel), words) or ""
        if sides is None:
            return said
        if said not in sides:
            raise ValueError(f"is of {said!r}, who is on no channel of {self.knobs.channel_map}")
        return sides[said]

    def _channel(self, said: str) -> int | None:
        if not self.knobs.channels:
            return None
        if said not in self.knobs.channels:
            raise ValueError(f"is on channel {said!r}, and the entry knows {', '.join(self.knobs.channels)}")
        return self.knobs.channels[said]


def _said(error: Exception) -> str:
    return f"does not say {error}" if isinstance(error, KeyError) else str(error)


def _words(value: Any) -> str:
    """A value as templates see it."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return " ".join(map(_words, value)) if isinstance(value, list) else str(value)


def _rendered(template: Template, words: Mapping[str, str]) -> str | None:
    try:
        return template.render(words)
    except LookupError:
        return None


def _marked(text: str, tokens: Mapping[str, str]) -> str:
    """A text with marks in place of the tokens that stand for them."""
    if not tokens:
        return text.strip()
    said: list[str] = []
    for word in text.split():
        if word not in tokens:
            said.append(word)
        elif said:
            said[-1] += tokens[word]
    return " ".join(said)


def _encodes(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
