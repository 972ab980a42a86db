"""Turns the rows of tables into clips, by an entry's knobs."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any, Final, NamedTuple

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.base import Corpus
from turnmill.sources.adapters.expressions import Expression, expression
from turnmill.sources.adapters.folder import is_raw, safe_join
from turnmill.sources.adapters.items import (
    DEFAULT_CONFIG,
    UNLISTED,
    ClipRef,
    clip_uid,
    language,
    licence,
    raw_audio,
    seconds,
    span_uid,
    split_name,
    transcript,
)
from turnmill.sources.adapters.table_audio import Finder
from turnmill.sources.adapters.table_format import Record, Row, flat, read_records, written
from turnmill.sources.adapters.table_join import Joined, columns_of
from turnmill.sources.adapters.table_knobs import MANY, PLACE, Span, TableKnobs
from turnmill.sources.adapters.template import Template, parse, place_of
from turnmill.sources.places.place import UnsafeNameError

Values = dict[str, Any]
_CHANNEL: Final = re.compile(r"[0-9]{1,3}")


class Spot(NamedTuple):
    """Where the audio of a row is. `files`: as they are called there; one, or several between which a stem does not
    tell, or none. `path`: what the row names. `stretch`: start and end [s] and channel. `fault`: why it is no clip."""

    files: tuple[str, ...] = ()
    path: str | None = None
    stretch: tuple[float, float, int | None] | None = None
    fault: tuple[Reason, str] | None = None


@dataclass(frozen=True)
class Rows:
    """Rows of a corpus. `joins`: what its second tables say, in the order of `knobs.join`."""

    corpus: Corpus[ClipRef]
    knobs: TableKnobs
    finder: Finder
    joins: Sequence[Joined]

    @cached_property
    def _audio(self) -> list[tuple[Template, list[str]]]:
        """Templates, with the columns that must not be empty."""
        return [(parse(text), sorted(parse(text).variables - PLACE)) for text in self.knobs.audio]

    @cached_property
    def _split(self) -> Template:
        return parse(self.knobs.split)

    @cached_property
    def _fields(self) -> Mapping[str, tuple[Template, ...]]:
        return {name: tuple(parse(text) for text in texts) for name, texts in self.knobs.fields.items()}

    @cached_property
    def _where(self) -> list[tuple[Template, Expression[str]]]:
        return [(parse(text), expression(pattern)) for text, pattern in self.knobs.where.items()]

    @cached_property
    def _used(self) -> frozenset[str]:
        return self.knobs.variables()

    @cached_property
    def placing(self) -> frozenset[str]:
        """The columns that tell where a row's audio is, whether it is wanted, and its split."""
        texts = [*self.knobs.audio, self.knobs.split, *self.knobs.where, *(join.by for join in self.knobs.join)]
        texts += self.knobs.span.templates if self.knobs.span else ()
        return frozenset[str]().union(*(parse(text).variables for text in texts))

    @cached_property
    def _told(self) -> frozenset[str]:
        """Columns that need not stand in `native`: those of tags and licences do, which are a corpus' own words."""
        own = ("tags", "licence")
        texts = [text for name, texts in self.knobs.fields.items() if name not in own for text in texts]
        texts += [*self.knobs.audio, self.knobs.split, *(self.knobs.span.templates if self.knobs.span else ())]
        return frozenset[str]().union(*(parse(text).variables for text in texts))

    @cached_property
    def _empty(self) -> Mapping[str, str]:
        """What JSON leaves out is empty."""
        absent = self._used - PLACE if self.knobs.format.columns is None and not self.knobs.format.header else ()
        return dict.fromkeys(absent, "")

    @property
    def transcribes(self) -> bool:
        """Whether rows are to have a transcript."""
        return "text" in self.knobs.fields

    @cached_property
    def split_is_of_table(self) -> bool:
        return not self._split.variables - {"dir", "stem"}

    def columns(self, table: str, file: IO[bytes]) -> tuple[str, ...]:
        """The columns of a table, whose rows come next in the file. Raises UsageError for a header that lacks one."""
        added = {name for join in self.knobs.join for name in join.take}
        return columns_of(self.knobs, file, f"{self.corpus.name}: {table}", self._used - PLACE - added)

    def records(
        self,
        columns: tuple[str, ...],
        file: IO[bytes],
        first: int = 1,
        *,
        inside: bool = False,
        only: frozenset[str] | None = None,
    ) -> Iterator[Record]:
        return read_records(self.knobs.format, columns, file, frozenset(self.knobs.explode), first, inside, only)

    def values(self, table: str, row: Mapping[str, Any]) -> Values:
        """A row's columns, `dir` and `stem`, and what second tables add. Raises ValueError or LookupError."""
        values = {**place_of(table), **self._empty, **row}
        if self.joins:
            for join, there in zip(self.knobs.join, self.joins, strict=True):
                values |= there.columns(join, values)
        return values

    def parts(self, table: str, record: Record) -> list[Values | str]:
        """The rows that a record is, or what is wrong with it; their number depends on nothing but the record."""
        row = record.row
        if isinstance(row, str):
            return [row]
        try:
            if not self.knobs.explode:
                return [self.values(table, row)]
            return [self.values(table, part) for part in self._exploded(row)]
        except (ValueError, LookupError) as error:
            return [str(error)]

    def _exploded(self, row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Raises ValueError where the columns are no lists of the same length."""
        names = self.knobs.explode
        lists = [row.get(name) for name in names]
        if not all(isinstance(each, list) for each in lists) or len({len(each or ()) for each in lists}) > 1:
            raise ValueError(f"has no lists of the same length in {', '.join(names)}")
        for parts in zip(*(each or () for each in lists), strict=True):
            made = dict(row)
            for name, part in zip(names, parts, strict=True):
                made.pop(name, None)
                made |= flat(part, frozenset(), name) if isinstance(part, Mapping | list) else {name: written(part)}
            yield made

    def split(self, table: str, values: Mapping[str, Any] | str) -> str:
        """Of a row. Raises UsageError where folders should tell it that are not there."""
        if isinstance(values, str):
            return self._render_split(place_of(table), table) if self.split_is_of_table else UNLISTED
        return self._render_split(values, table)

    def split_of_audio(self, path: str) -> str:
        if self._split.variables - {"dir", "found"}:
            return UNLISTED
        return self._render_split({**place_of(path), "found": path}, path)

    def _render_split(self, values: Mapping[str, Any], path: str) -> str:
        try:
            split = self._split.render(values)
            if split == ".":  # the root itself, which has no name here
                raise LookupError(split)
            return split_name(split)
        except LookupError as error:
            if self._split.variables - {"dir", "stem"}:
                return UNLISTED  # a column without the piece that is asked for
            raise UsageError(
                f"{self.corpus.name}: the split of {path} is read from folders ({self.knobs.split}) that are not below "
                "the root: give a folder further up"
            ) from error

    def naming(self, table: str) -> Callable[[Row | str], str | None]:
        """What tells of most rows of a table alone by which file that is there they are clips of: the file's name, or
        null. Of one that is not there, and where null, all of the row has to be looked at (`parts`, `spot`)."""
        knobs, place = self.knobs, place_of(table)
        if self.joins or knobs.explode or knobs.span or knobs.by_stem:
            return lambda _: None
        if self._where and not (self._where_is_of_table and self._is_wanted({**place})):
            return lambda _: None
        audio = self._audio[0][0].filled(place)
        columns = sorted(audio.variables)

        def name(row: Row | str) -> str | None:
            if isinstance(row, str):
                return None
            for column in columns:
                cell = row.get(column)
                if not cell or not isinstance(cell, str):
                    return None
            named = audio.render(row)
            return None if named.endswith("|") else named.removeprefix("./")

        return name

    def spot(self, values: Values | str) -> Spot:
        """Where the audio of a row is."""
        if isinstance(values, str):
            return Spot(fault=(Reason.BAD_ROW, values))
        try:
            spot = self._found(values)
            if spot.files:
                values["found"] = spot.files[0]
            if self.knobs.span:
                spot = spot._replace(stretch=stretch(self.knobs.span, values))
            if self._where and not self._is_wanted(values):
                return spot._replace(fault=(Reason.LEFT_OUT, "is of those that `where` leaves out"))
            return spot
        except (ValueError, LookupError) as error:
            return Spot(fault=(Reason.BAD_ROW, str(error)))
        except UnsafeNameError as error:
            return Spot(fault=(Reason.UNSAFE_PATH, f": {error}"))

    def _is_wanted(self, values: Values) -> bool:
        if self._where_is_of_table:  # asked once of a table
            place = (values["dir"], values["stem"])
            if place not in self._wanted_tables:
                self._wanted_tables[place] = self._matches(values)
            return self._wanted_tables[place]
        return self._matches(values)

    @cached_property
    def _where_is_of_table(self) -> bool:
        return all(text.variables <= {"dir", "stem"} for text, _ in self._where)

    @cached_property
    def _wanted_tables(self) -> dict[tuple[str, str], bool]:
        return {}

    def _matches(self, values: Values) -> bool:
        return all(pattern.fullmatch(text.render(values)) for text, pattern in self._where)

    def _found(self, values: Values) -> Spot:
        """Raises ValueError and LookupError for a row that names none, UnsafeNameError for one that leaves the root."""
        first: str | None = None
        for template, columns in self._audio:
            name = self._name(template, [values[column] for column in columns], values)
            first = name if first is None else first
            if self.knobs.by_stem:
                files = tuple(self.finder.called(name))
            else:
                try:
                    found = self.finder.find(name)
                except UnsafeNameError as error:
                    return Spot((), name, fault=(Reason.UNSAFE_PATH, f": {error}"))
                files = () if found is None else (found,)
            if len(files) > 1:
                why = f"names {name}, which are {len(files)} files: {', '.join(files[:3])}"
                return Spot(files, None, fault=(Reason.BAD_ROW, why))
            if files:
                return Spot(files, files[0])
        if self.knobs.audio_missing == "metadata":
            return Spot((), first, fault=(Reason.NOT_DISTRIBUTED, f"tells of {first}, which is not there"))
        return Spot((), first, fault=(Reason.MISSING_FILE, f"names {first}, which is not there"))

    def _name(self, template: Template, cells: list[str], values: Values) -> str:
        if not all(cells):
            raise ValueError("names no audio")
        name = template.render(values)
        if not name:
            raise ValueError("names no audio")
        if name.endswith("|"):
            raise ValueError(f"names a command, which is not run: write what {name!r} makes to a file, and name that")
        name = name.removeprefix("./")  # of a table in the root
        if ".." in name or "/." in name or "//" in name or name[0] in "./" or name[-1] == "/":
            return safe_join(name, [cell for cell in cells if isinstance(cell, str)])
        return name

    def reject(self, spot: Spot, where: str, table: str, split: str) -> Reject | None:
        """What is wrong with where a row's audio is, or nothing. `where`: the table and line."""
        if spot.fault is None:
            path = spot.files[0]
            return raw_audio(self._uid(split, path, spot), path) if is_raw(self.corpus.root, path) else None
        reason, why = spot.fault
        uid = None if spot.path is None else self._uid(split, spot.path, spot)
        return Reject(reason, f"{where}{'' if why.startswith(':') else ' '}{why}", uid, spot.path or table)

    def clip(self, values: Values, spot: Spot, where: str, split: str, row: Mapping[str, Any]) -> ClipRef | Reject:
        """The clip of a row whose audio is there; BAD_ROW where a field is wrong. `row`: what stands in its table."""
        path = spot.files[0]
        added = {name for join in self.knobs.join for name in join.take}
        names = (name for name in {**row, **dict.fromkeys(sorted(added))} if name not in self._told)
        try:
            native = {name: values[name] for name in names if name in values}
            return self._clip(path, split, values, native, spot)
        except LookupError as error:
            return Reject(Reason.BAD_ROW, f"{where} {error}", self._uid(split, path, spot), path)
        except ValueError as error:
            return Reject(Reason.BAD_ROW, f"{where}: {error}", self._uid(split, path, spot), path)

    def captions(self, values: Values) -> tuple[str, ...]:
        """Raises LookupError."""
        return self._texts("captions", values)

    def unnamed_clip(self, path: str, split: str) -> ClipRef | Reject:
        """A clip of audio that no row names, with the fields that its own name tells, or BAD_ROW or RAW_AUDIO."""
        spot = Spot((path,), path)
        if is_raw(self.corpus.root, path):
            return raw_audio(self._uid(split, path, spot), path)
        matches = (parse(text).match(name) for text in self.knobs.audio for name in (path, f"./{path}"))
        values = next(filter(None, matches), {}) | {"found": path}
        try:
            return self._clip(path, split, values, {}, spot)
        except (ValueError, LookupError) as error:
            return Reject(Reason.BAD_ROW, f"{path}: {error}", self._uid(split, path, spot), path)

    def _clip(self, path: str, split: str, values: Mapping[str, Any], native: Mapping[str, Any], spot: Spot) -> ClipRef:
        """Raises ValueError for a field that is none, and LookupError."""
        start, end, channel = spot.stretch or (None, None, None)
        told = {name: self._texts(name, values) for name in self._fields}
        text, speaker, parent, spoken, terms = (
            "".join(told.get(name, ())) for name in ("text", "speaker", "parent", "language", "licence")
        )
        if "\0" in (transcript(text) or ""):
            raise ValueError("has zero bytes in its text")
        return ClipRef(
            self._uid(split, path, spot),
            path,
            split=split,
            start=start,
            end=end,
            channel=channel,
            text=transcript(text),
            speaker=speaker or None,
            parent=parent or None,
            language=language(spoken, self.corpus.language),
            licence=licence(terms),
            captions=told.get("captions", ()),
            tags=told.get("tags", ()),
            native=native,
        )

    def _texts(self, name: str, values: Mapping[str, Any]) -> tuple[str, ...]:
        """The texts of a field; none of a template whose columns are all empty, but where it says what they are then,
        or of those that a name does not tell. Raises LookupError."""
        texts: list[str] = []
        for template in self._fields.get(name, ()):
            cells = [values.get(variable) for variable in template.needed]
            if None in cells or (cells and not any(cells)):
                continue
            texts += template.pieces(values) if name in MANY else [template.render(values)]
        return tuple(dict.fromkeys(filter(None, texts)))

    def _uid(self, split: str, path: str, spot: Spot) -> str:
        whole = clip_uid(self.corpus.name, DEFAULT_CONFIG, split, path)
        return whole if spot.stretch is None else span_uid(whole, *spot.stretch)


def stretch(span: Span, values: Values) -> tuple[float, float, int | None]:
    """Start and end [s] and channel of a row. Raises ValueError where they are none, and LookupError."""
    start = seconds(parse(span.start).render(values)) / span.per_second
    last = seconds(parse(span.end or span.duration or "").render(values)) / span.per_second
    start, end = round(start, 6), round(last if span.end else start + last, 6)
    if not 0 <= start < end:
        raise ValueError(f"is about {start:g} to {end:g} s, which is no stretch of audio")
    channel = parse(span.channel).render(values).strip() if span.channel else ""
    if channel and not _CHANNEL.fullmatch(channel):
        raise ValueError(f"is of channel {channel[:40]!r}, which is none")
    return start, end, int(channel) if channel else None
