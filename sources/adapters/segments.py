"""Recordings of any length, and annotations that say who speaks in them from when to when.

All segments of a recording are in one unit, in the order of their times, whichever annotations they come from: it is
decoded once for them. `units` reads every annotation once, piece by piece, and remembers of each recording which pieces
speak of it; `read` reads those again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Final, Literal

from pydantic import Field

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.base import Corpus, Family
from turnmill.sources.adapters.folder import audio_files, glob_pattern, is_raw, list_folder
from turnmill.sources.adapters.items import (
    DEFAULT_CONFIG,
    UNLISTED,
    ClipRef,
    Unit,
    UnitSize,
    clip_uid,
    raw_audio,
    split_name,
    unit_name,
    unsafe,
    untranscribed,
)
from turnmill.sources.adapters.segments_format import Piece
from turnmill.sources.adapters.segments_knobs import RowKnobs
from turnmill.sources.adapters.segments_names import NamedFiles
from turnmill.sources.adapters.segments_rows import Placed, Reader
from turnmill.sources.adapters.template import parse
from turnmill.sources.places.place import Folder

_RUN_BYTES: Final = 4 << 20  # of neighbouring pieces that are read as one


class SegmentsIngest(RowKnobs, Family[ClipRef]):
    """Segments of recordings. `annotations`: globs of the files that tell them; `exclude`: globs of files that are no
    part of the corpus, annotations or audio. See `RowKnobs` for the rest."""

    family: Literal["segments"]
    annotations: tuple[str, ...] = Field(min_length=1)
    exclude: tuple[str, ...] = ()

    @property
    def cuts(self) -> bool:
        return True

    @property
    def has_splits(self) -> bool:
        return bool(parse(self.split).variables)

    def units(self, corpus: Corpus[ClipRef], size: UnitSize) -> list[Unit]:
        """Within a split: recordings in the order in which annotations first name them, then audio that none names."""
        folder = _without(list_folder(corpus.root, corpus.name), self.exclude)
        reader = Reader(corpus, self, NamedFiles(corpus.root, tuple(folder.sizes)))
        index = _index(reader, self, folder)
        made: list[Unit] = []
        by_split: dict[str, list[_Group]] = {}
        for group in index.groups.values():
            by_split.setdefault(group.split, []).append(group)
        for group in _unnamed(index, folder, self):
            by_split.setdefault(group.split, []).append(group)
        for split, groups in sorted(by_split.items()):
            for number, some in enumerate(_filled(groups, folder, size)):
                made.append(self._unit(unit_name(split, number), some, folder, reader))
        return made

    def read(self, corpus: Corpus[ClipRef], unit: Unit) -> Iterator[ClipRef | Reject]:
        reader = Reader(corpus, self, NamedFiles(corpus.root, unit.files, unit.spec["told"]))
        for split, path, runs in unit.spec["recordings"]:
            yield from _once(self._segments(reader, split, path, runs))
        for split, path in unit.spec["unnamed"]:
            yield self._unnamed_clip(corpus, split, path)
        for split, path, why in unit.spec["unsafe"]:
            yield unsafe(corpus.name, split, path, why)

    def _segments(self, reader: Reader, split: str, path: str, runs: list[Any]) -> list[ClipRef | Reject]:
        """All of a recording, in the order of their times."""
        found = [
            placed.make()
            for table, offset, length, first in runs
            for placed in reader.placed(table, reader.again(table, offset, length, first))
            if (placed.split, placed.path) == (split, path) and placed.make is not None
        ]
        return sorted(found, key=_time)

    def _unnamed_clip(self, corpus: Corpus[ClipRef], split: str, path: str) -> ClipRef | Reject:
        uid = clip_uid(corpus.name, DEFAULT_CONFIG, split, path)
        if is_raw(corpus.root, path):
            return raw_audio(uid, path)
        if not corpus.keep_untranscribed:
            return untranscribed(uid, path)
        return ClipRef(uid, path, split=split, language=corpus.language, parent=uid)

    def _unit(self, name: str, groups: list["_Group"], folder: Folder, reader: Reader) -> Unit:
        tables = {run.table for group in groups for run in group.runs}
        told: dict[str, Sequence[str]] = {}
        for named in (*(group.told for group in groups), *map(reader.beside, sorted(tables))):
            told |= named
        audio = {group.path for group in groups if group.why is None}
        files = sorted(file for file in tables | audio.union(*told.values()) if file in folder.sizes)
        spec = {
            "recordings": [
                [group.split, group.path, [[run.table, run.offset, run.length, run.first] for run in group.runs]]
                for group in groups
                if group.runs
            ],
            "unnamed": [[group.split, group.path] for group in groups if not group.runs and group.why is None],
            "unsafe": [[group.split, group.path, group.why] for group in groups if group.why is not None],
            "told": {name: list(found) for name, found in sorted(told.items())},
        }
        return Unit(name, tuple(files), spec, sum(group.items for group in groups))


@dataclass
class _Run:
    """Neighbouring pieces of an annotation. `length`: bytes, 0 of a piece that is too long to be read."""

    table: str
    offset: int
    length: int
    first: int


@dataclass
class _Group:
    """A recording of a split and the runs that speak of it; rows without a recording have the path of none. `told`:
    the files that its rows mean by names that are not theirs. `why`: of a link that is not read, why not."""

    split: str
    path: str
    runs: list[_Run] = field(default_factory=list)
    items: int = 0
    told: dict[str, Sequence[str]] = field(default_factory=dict)
    why: str | None = None


@dataclass
class _Index:
    groups: dict[tuple[str, str], _Group]
    named: set[str]


def _index(reader: Reader, knobs: SegmentsIngest, folder: Folder) -> _Index:
    """Which pieces of the annotations speak of each recording. Raises UsageError where there are none."""
    index = _Index({}, set())
    tables = [path for path in folder.sizes if any(glob_pattern(glob).fullmatch(path) for glob in knobs.annotations)]
    if not tables:
        raise UsageError(
            f"{reader.corpus.name}: {folder.root} holds no annotation (looked for {', '.join(knobs.annotations)}): "
            "give the folder that holds the corpus"
        )
    for table in tables:
        last: _Group | None = None
        with folder.root.open(table) as file:
            for piece in knobs.format.pieces(file) if reader.knows(table) else [Piece(0, 0, 1, None)]:
                last = _add(index, table, piece, list(reader.placed(table, piece)), last, knobs.format.joins)
    return index


def _add(
    index: _Index, table: str, piece: Piece, found: list[Placed], last: _Group | None, joins: bool
) -> _Group | None:
    """Put a piece's rows into their groups; returns the one that the next piece may go on with."""
    length = 0 if piece.data is None else piece.length
    touched: dict[tuple[str, str], _Group] = {}
    for split, path, make, name, files in found:
        index.named.add(path)
        if make is not None:
            group = touched.get((split, path))
            if group is None:
                group = touched[split, path] = index.groups.setdefault((split, path), _Group(split, path))
            group.items += 1
            if name and list(files) != [name]:
                group.told[name] = files
    if not touched:
        return last
    if joins and length and list(touched.values()) == [last] and last is not None:
        run = last.runs[-1]
        if run.length and piece.offset + length - run.offset <= _RUN_BYTES:
            run.length = piece.offset + length - run.offset
            return last
    for group in touched.values():
        group.runs.append(_Run(table, piece.offset, length, piece.first))
    return next(iter(touched.values())) if len(touched) == 1 else None


def _unnamed(index: _Index, folder: Folder, knobs: SegmentsIngest) -> Iterator[_Group]:
    """Audio that no row names, and links that are not read and no row's audio."""
    split = split_name(knobs.split) if not knobs.has_splits else UNLISTED
    texts = {path for path in folder.sizes if any(glob_pattern(glob).fullmatch(path) for glob in knobs.annotations)}
    rest = {path: size for path, size in folder.sizes.items() if path not in index.named and path not in texts}
    for path in audio_files(replace(folder, sizes=rest)):
        yield _Group(split, path, items=1)
    told = {str(above) for path in index.named for above in PurePosixPath(path).parents} if folder.unsafe else set()
    for path, why in folder.unsafe.items():
        if path not in index.named and path not in told:
            yield _Group(split, path, items=1, why=why)


def _filled(groups: list[_Group], folder: Folder, size: UnitSize) -> Iterator[list[_Group]]:
    """Groups together, until they are so many items or bytes of audio; a recording is never in two."""
    some: list[_Group] = []
    items = n_bytes = 0
    for group in groups:
        some.append(group)
        items, n_bytes = items + group.items, n_bytes + folder.sizes.get(group.path, 0)
        if items >= size.items or n_bytes >= size.n_bytes:
            yield some
            some, items, n_bytes = [], 0, 0
    if some:
        yield some


def _without(folder: Folder, globs: tuple[str, ...]) -> Folder:
    if not globs:
        return folder
    patterns = [glob_pattern(glob) for glob in globs]
    sizes = {path: size for path, size in folder.sizes.items() if not any(each.fullmatch(path) for each in patterns)}
    return replace(folder, sizes=sizes)


def _time(item: ClipRef | Reject) -> tuple[float, float, int]:
    """Rejects first, then by time."""
    if isinstance(item, Reject) or item.start is None:
        return -1.0, -1.0, -1
    return item.start, item.end or 0.0, -1 if item.channel is None else item.channel


def _once(items: list[ClipRef | Reject]) -> Iterator[ClipRef | Reject]:
    """Each uid once; what repeats it is rejected."""
    taken: set[str] = set()
    for item in items:
        if isinstance(item, ClipRef) and item.uid in taken:
            detail = f"{item.path}: an earlier row has the same stretch of it, from {item.start} s to {item.end} s"
            yield Reject(Reason.DUPLICATE_UID, detail, uid=item.uid, source_uri=item.path)
            continue
        if isinstance(item, ClipRef):
            taken.add(item.uid)
        yield item
