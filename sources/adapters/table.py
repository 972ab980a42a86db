"""Tables that name audio files: LibriSpeech's `*.trans.txt`, LJSpeech's `metadata.csv`, and their many kin.

`units` reads every table once, so that audio which no row names, and rows that name the same audio twice, are known
corpus-wide; `read` then seeks to its own rows.
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import groupby, islice
from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field, model_validator

from turnmill.manifests.errors import UsageError
from turnmill.manifests.params import Params
from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.base import Corpus, Family
from turnmill.sources.adapters.folder import (
    Names,
    audio_files,
    glob_pattern,
    is_raw,
    list_folder,
    safe_join,
)
from turnmill.sources.adapters.items import (
    DEFAULT_CONFIG,
    UNLISTED,
    ClipRef,
    Unit,
    UnitSize,
    clip_uid,
    fill,
    language,
    raw_audio,
    split_name,
    transcript,
    unit_name,
    unsafe,
    untranscribed,
)
from turnmill.sources.adapters.lines import MAX_LINE, Line, read_lines
from turnmill.sources.adapters.template import Template, TemplateText, parse
from turnmill.sources.places.place import Folder, UnsafeNameError

_PLACE = frozenset({"dir", "stem"})  # variables that come from the table's path, not from a row

FieldName = Literal["text", "speaker", "parent", "language", "tags", "captions"]


class TableFormat(Params):
    """One row per line, fields between `sep`, never quoted (corpora have unbalanced quotes in their texts).

    `maxsplit`: the last field keeps further separators. `header`: the first line names the columns; else `names` does.
    """

    sep: str = Field(min_length=1)
    maxsplit: int = Field(default=-1, ge=-1)
    names: tuple[str, ...] = ()
    header: bool = False
    encoding: Literal["utf-8", "latin-1"] = "utf-8"

    @model_validator(mode="after")
    def _names_or_header(self) -> "TableFormat":
        if self.header == bool(self.names):
            raise ValueError("state either `header: true` or the column `names`")
        if repeated := _repeated(self.names):
            raise ValueError(f"names: {repeated} is the name of two columns")
        return self


class TableIngest(Family[ClipRef]):
    """Tables that name audio files.

    Globs and templates are relative to the corpus root; templates know the columns, and `dir` and `stem` of the table.
    `audio_files` finds audio that no row names; its split is 'unlisted' where `split` needs more than `dir`.
    """

    family: Literal["table"]
    tables: str
    format: TableFormat
    audio: TemplateText
    audio_files: str
    split: TemplateText = "train"
    fields: Mapping[FieldName, TemplateText] = {}

    @model_validator(mode="after")
    def _columns_exist(self) -> "TableIngest":
        known = {"dir", "stem", *self.format.names}
        templates = [("audio", self.audio), ("split", self.split), *self.fields.items()]
        for key, text in templates:
            unknown = parse(text).variables - known
            if unknown and not self.format.header:
                raise ValueError(
                    f"{key}: {text!r} uses {sorted(unknown)}, which is not among the columns {sorted(known)}"
                )
        return self

    @property
    def has_splits(self) -> bool:
        return bool(parse(self.split).variables)

    def units(self, corpus: Corpus[ClipRef], size: UnitSize) -> list[Unit]:
        """Within a split: rows in the order of tables and lines, then audio that no row names."""
        folder = list_folder(corpus.root, corpus.name)
        by_split: dict[str, list[_Item]] = {}
        for item in _items(_Reader(corpus, self), folder):
            by_split.setdefault(item.split, []).append(item)
        made = []
        for split, items in sorted(by_split.items()):
            groups = fill(((item, folder.sizes.get(item.path or "", 0)) for item in items), size)
            made += [_unit(unit_name(split, number), split, group) for number, group in enumerate(groups)]
        return made

    def read(self, corpus: Corpus[ClipRef], unit: Unit) -> Iterator[ClipRef | Reject]:
        reader = _Reader(corpus, self)
        split = unit.spec["split"]
        yield from _rows(reader, unit)
        for path in unit.spec["untranscribed"]:
            clip = reader.unnamed_clip(path, split)
            if isinstance(clip, ClipRef) and not corpus.keep_untranscribed:
                yield untranscribed(clip.uid, path)
            else:
                yield clip
        for path, why in unit.spec["unsafe"]:
            yield unsafe(corpus.name, split, path, why)


@dataclass(frozen=True, slots=True)
class _Item:
    """One thing to yield. `kind`: row, duplicate, untranscribed or unsafe; `path`: audio that is there, or a link."""

    split: str
    kind: str
    path: str | None
    table: str = ""
    line: int = 0
    offset: int = 0


def _rows(reader: "_Reader", unit: Unit) -> Iterator[ClipRef | Reject]:
    """What each row of a unit is."""
    split, keep = unit.spec["split"], reader.corpus.keep_untranscribed
    names = Names(reader.corpus.root, unit.files)
    duplicates = {(table, line) for table, line in unit.spec["duplicates"]}
    for table, offset, first, count in unit.spec["rows"]:
        with reader.corpus.root.open(table) as file:
            columns = reader.columns(table, next(read_lines(file), None))
            file.seek(offset)
            for line in islice(read_lines(file, first), count):
                clip = reader.clip(table, columns, line, names, split)
                if (table, line.number) in duplicates:
                    yield _duplicate(clip, table, line)
                elif isinstance(clip, ClipRef) and clip.text is None and reader.transcribes and not keep:
                    yield untranscribed(clip.uid, clip.path)
                else:
                    yield clip


def _duplicate(clip: ClipRef | Reject, table: str, line: Line) -> Reject:
    detail = f"{table} line {line.number} names audio that an earlier row has named"
    path = clip.path if isinstance(clip, ClipRef) else clip.source_uri
    return Reject(Reason.DUPLICATE_UID, detail, uid=clip.uid, source_uri=path)


def _unit(name: str, split: str, items: list[_Item]) -> Unit:
    rows = [item for item in items if item.table]
    spans: list[list[str | int]] = []
    # Neighbouring lines of a table make one span (blank lines end it): line minus position is the same for all of them.
    for (table, _), span in groupby(enumerate(rows), lambda pair: (pair[1].table, pair[1].line - pair[0])):
        lines = [item for _, item in span]
        spans.append([table, lines[0].offset, lines[0].line, len(lines)])
    spec = {
        "split": split,
        "rows": spans,
        "duplicates": [[item.table, item.line] for item in items if item.kind == "duplicate"],
        "untranscribed": [item.path for item in items if item.kind == "untranscribed"],
        "unsafe": [item.path.split("\0") for item in items if item.kind == "unsafe" and item.path],
    }
    audio = {item.path for item in items if item.path and item.kind != "unsafe"}
    return Unit(name, tuple(sorted(audio | {item.table for item in rows})), spec, len(items))


def _items(reader: "_Reader", folder: Folder) -> Iterator[_Item]:
    """Everything the corpus holds, each thing once. Raises UsageError where there is nothing."""
    knobs, corpus = reader.knobs, reader.corpus.name
    tables = [path for path in folder.sizes if glob_pattern(knobs.tables).fullmatch(path)]
    expected = glob_pattern(knobs.audio_files)
    at_home = list(filter(expected.fullmatch, folder.sizes))
    for found, what, glob in ((tables, "table", knobs.tables), (at_home, "audio", knobs.audio_files)):
        if not found:
            raise UsageError(
                f"{corpus}: {folder.root} holds no {what} (looked for {glob}): give the folder that holds the corpus"
            )
    # Audio in a place where no table looks is not lost in silence either.
    known = {*tables, *at_home}
    elsewhere = {path: size for path, size in folder.sizes.items() if path not in known}
    audio = sorted([*at_home, *audio_files(replace(folder, sizes=elsewhere))])
    names = Names(folder.root, folder.sizes)
    named: set[str] = set()
    taken: set[str] = set()
    for table in tables:
        with folder.root.open(table) as file:
            columns = reader.columns(table, next(read_lines(file), None))
            file.seek(0)
            for line in islice(read_lines(file), int(knobs.format.header), None):
                if line.data == b"":
                    continue
                split = reader.split(table, columns, line)
                clip = reader.clip(table, columns, line, names, split)
                path = clip.path if isinstance(clip, ClipRef) else clip.source_uri
                kind = "duplicate" if clip.uid is not None and clip.uid in taken else "row"
                taken |= {clip.uid} if clip.uid is not None else set()
                named |= {path} if path is not None else set()
                there = path if clip.uid is not None and path in folder.sizes else None
                yield _Item(split, kind, there, table, line.number, line.offset)
    for path in audio:
        if path not in named:
            yield _Item(reader.split_of_audio(path), "untranscribed", path)
    for path, why in _unnamed_links(folder, named):
        yield _Item(reader.split_of_audio(path), "unsafe", f"{path}\0{why}")


def _unnamed_links(folder: Folder, named: set[str]) -> Iterator[tuple[str, str]]:
    """What may not be read and is not already rejected as some row's audio."""
    told = named | {str(above) for path in named for above in PurePosixPath(path).parents} if folder.unsafe else set()
    yield from ((path, why) for path, why in folder.unsafe.items() if path not in told)


@dataclass(frozen=True)
class _Reader:
    """Turns lines into clips, by an entry's knobs."""

    corpus: Corpus[ClipRef]
    knobs: TableIngest

    @cached_property
    def _audio(self) -> Template:
        return parse(self.knobs.audio)

    @cached_property
    def _split(self) -> Template:
        return parse(self.knobs.split)

    @cached_property
    def _fields(self) -> Mapping[str, Template]:
        return {name: parse(text) for name, text in self.knobs.fields.items()}

    @cached_property
    def _used(self) -> frozenset[str]:
        templates = [self._audio, self._split, *self._fields.values()]
        return frozenset[str]().union(*(template.variables for template in templates))

    @property
    def transcribes(self) -> bool:
        """Whether rows are to have a transcript."""
        return "text" in self.knobs.fields

    def columns(self, table: str, first: Line | None) -> tuple[str, ...]:
        """Column names of a table. Raises UsageError when its header lacks one that the entry uses."""
        if not self.knobs.format.header or first is None:
            return self.knobs.format.names
        try:
            columns = tuple(self._fields_of(first))
        except ValueError as error:
            raise UsageError(f"{self.corpus.name}: {table}: its header {error}") from error
        if repeated := _repeated(columns):
            raise UsageError(f"{self.corpus.name}: {table}: its header has the column {repeated} twice")
        missing = self._used - _PLACE - set(columns)
        if missing:
            raise UsageError(f"{self.corpus.name}: {table} has no column {sorted(missing)}, only {list(columns)}")
        return columns

    def _fields_of(self, line: Line) -> list[str]:
        """Raises ValueError for a line that cannot be decoded."""
        if line.data is None:
            raise ValueError(f"is longer than {MAX_LINE} bytes")
        form = self.knobs.format
        encoding = "utf-8-sig" if form.encoding == "utf-8" and line.number == 1 else form.encoding
        try:
            text = line.data.decode(encoding)
        except UnicodeDecodeError as error:
            raise ValueError(f"is not {form.encoding}: {error.reason} at byte {error.start}") from error
        return text.split(form.sep, form.maxsplit)

    def _row(self, table: str, columns: tuple[str, ...], line: Line) -> dict[str, str]:
        """A line's columns, `dir` and `stem`. Raises ValueError where the line is not a row."""
        values = self._fields_of(line)
        if len(values) != len(columns):
            raise ValueError(f"has {len(values)} columns where {', '.join(columns)} are expected")
        return {**_place(table), **dict(zip(columns, values, strict=True))}

    def split(self, table: str, columns: tuple[str, ...], line: Line) -> str:
        try:
            row = self._row(table, columns, line) if self._split.variables - _PLACE else _place(table)
        except ValueError:
            return UNLISTED
        return self._render_split(row, table)

    def split_of_audio(self, path: str) -> str:
        if self._split.variables - {"dir"}:
            return UNLISTED
        return self._render_split(_place(path), path)

    def _render_split(self, values: Mapping[str, str], path: str) -> str:
        try:
            split = self._split.render(values)
            if split == ".":  # the root itself, which has no name here
                raise LookupError(split)
            return split_name(split)
        except LookupError as error:
            raise UsageError(
                f"{self.corpus.name}: the split of {path} is read from folders ({self.knobs.split}) that are not below "
                "the root: give a folder further up"
            ) from error

    def clip(self, table: str, columns: tuple[str, ...], line: Line, names: Names, split: str) -> ClipRef | Reject:
        """The clip that a row names, or BAD_ROW, UNSAFE_PATH, MISSING_FILE or RAW_AUDIO."""
        where = f"{table} line {line.number}"
        try:
            row = self._row(table, columns, line)
            cells = [row[name] for name in self._audio.variables - _PLACE]
            if not all(cells):
                raise ValueError("names no audio")
            path = safe_join(self._audio.render(row), cells)
            fields = {name: template.render(row) for name, template in self._fields.items()}
            if "\0" in (transcript(fields.get("text")) or ""):
                raise ValueError("has zero bytes in its text")
        except (ValueError, LookupError) as error:
            return Reject(Reason.BAD_ROW, f"{where} {error}", source_uri=table)
        except UnsafeNameError as error:
            return Reject(Reason.UNSAFE_PATH, f"{where}: {error}", source_uri=table)
        try:
            found = names.find(path)
        except UnsafeNameError as error:
            return Reject(Reason.UNSAFE_PATH, f"{where}: {error}", self._uid(split, path), path)
        if found is None:
            return Reject(
                Reason.MISSING_FILE, f"{where} names {path}, which is not there", self._uid(split, path), path
            )
        if is_raw(names.root, found):
            return raw_audio(self._uid(split, found), found)
        native = {name: row[name] for name in columns if name not in self._used}
        try:
            return self._clip(found, split, fields, native)
        except ValueError as error:
            return Reject(Reason.BAD_ROW, f"{where}: {error}", self._uid(split, found), found)

    def unnamed_clip(self, path: str, split: str) -> ClipRef | Reject:
        """A clip of audio that no row names, with the fields that its own name tells, or BAD_ROW or RAW_AUDIO."""
        if is_raw(self.corpus.root, path):
            return raw_audio(self._uid(split, path), path)
        values = self._audio.match(path) or self._audio.match(f"./{path}")
        known = {name: field.render(values) for name, field in self._fields.items() if field.variables <= values.keys()}
        try:
            return self._clip(path, split, known, {})
        except ValueError as error:
            return Reject(Reason.BAD_ROW, f"{path}: {error}", self._uid(split, path), path)

    def _clip(self, path: str, split: str, fields: Mapping[str, str], native: Mapping[str, str]) -> ClipRef:
        return ClipRef(
            self._uid(split, path),
            path,
            split=split,
            text=transcript(fields.get("text")),
            speaker=fields.get("speaker") or None,
            parent=fields.get("parent") or None,
            language=language(fields.get("language"), self.corpus.language),
            captions=(fields["captions"],) if fields.get("captions") else (),
            tags=(fields["tags"],) if fields.get("tags") else (),
            native=native,
        )

    def _uid(self, split: str, path: str) -> str:
        return clip_uid(self.corpus.name, DEFAULT_CONFIG, split, path)


def _repeated(columns: Sequence[str]) -> str:
    """The first column, in quotes, that has the name of another; empty where none has."""
    return next((repr(name) for name in columns if columns.count(name) > 1), "")


@lru_cache(maxsize=64)  # the rows of a table follow each other
def _place(path: str) -> Mapping[str, str]:
    folder, name = posixpath.split(path)
    return {"dir": folder or ".", "stem": posixpath.splitext(name)[0]}
