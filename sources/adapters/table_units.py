"""Splits a corpus of tables into units: every row is looked at once, and of it no more is kept than where it stands."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from turnmill.manifests.errors import UsageError
from turnmill.sources.adapters.base import Corpus
from turnmill.sources.adapters.folder import audio_files, list_folder
from turnmill.sources.adapters.items import ClipRef, Unit, UnitSize, unit_name
from turnmill.sources.adapters.packed import BrokenError
from turnmill.sources.adapters.table_audio import Finder, matching
from turnmill.sources.adapters.table_format import Record, open_table
from turnmill.sources.adapters.table_join import joined
from turnmill.sources.adapters.table_knobs import TableKnobs
from turnmill.sources.adapters.table_rows import Rows, Spot
from turnmill.sources.places.place import Folder

# A unit's `spec`: `split`; `joined`, the second tables; `rows`, stretches of records that follow each other in a table
# [table, offset of the first, its number, how many]; `duplicates` and `passed_over`, of those [table, number, part];
# `captions`, [table, number, part, the same of a further row with its offset]; `untranscribed` and `unsafe`, audio;
# `broken`, [table, why] of packed ones that break off.


@dataclass
class _Filling:
    """The units of a split, of which the last is filled."""

    split: str
    size: UnitSize
    joins: list[list[str]]
    made: list[Unit] = field(default_factory=list)
    items: int = 0
    n_bytes: int = 0
    files: dict[str, None] = field(default_factory=dict)
    last: tuple[str, int] = ("", -1)  # table, and place in it, of the last record
    spec: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        lists: dict[str, list[Any]] = {
            key: [] for key in ("rows", "duplicates", "passed_over", "captions", "untranscribed", "unsafe", "broken")
        }
        self.spec = {"split": self.split, "joined": self.joins, **lists}
        self.items, self.n_bytes, self.files, self.last = 0, 0, {}, ("", -1)

    def add_record(self, table: str, place: int, record: Record) -> None:
        """`place`: how many records of the table come before it."""
        if self.last == (table, place - 1):
            self.spec["rows"][-1][3] += 1
        else:
            self.spec["rows"].append([table, record.offset, record.number, 1])
            self.files[table] = None
        self.last = (table, place)

    def add_clip(self, table: str, place: int, record: Record, path: str, n_bytes: int) -> None:
        """A record that is a clip of audio which none has named before."""
        self.add_record(table, place, record)
        self.files[path] = None
        self.n_bytes += n_bytes
        self.items += 1
        self.end_if_full()

    def add_break(self, table: str, why: str) -> None:
        self.spec["broken"].append([table, why])
        self.files[table] = None
        self.items += 1
        self.end_if_full()

    def add_audio(self, path: str, n_bytes: int) -> None:
        if path not in self.files:
            self.files[path] = None
            self.n_bytes += n_bytes

    def end_if_full(self) -> None:
        if self.items >= self.size.items or self.n_bytes >= self.size.n_bytes:
            self.end()

    def end(self) -> None:
        if self.items or self.spec["rows"]:
            files = {**self.files, **dict.fromkeys(path for paths in self.joins for path in paths)}
            self.made.append(Unit(unit_name(self.split, len(self.made)), tuple(sorted(files)), self.spec, self.items))
            self._begin()


class _Splitting:
    """What is known while the rows of a corpus are gone through."""

    def __init__(self, rows: Rows, folder: Folder, size: UnitSize, joins: list[list[str]]) -> None:
        self.rows, self.folder, self.size, self.joins = rows, folder, size, joins
        self.left = dict(folder.sizes)  # what is not yet named
        self.again: set[tuple[str, Any]] = set()  # what is named, where that is not told by `left`
        self.first: dict[str, tuple[dict[str, Any], list[Any]]] = {}  # audio -> its unit and row, to add captions
        self.fillings: dict[str, _Filling] = {}
        self.told = set[str]()  # names that are not there

    def filling(self, split: str) -> _Filling:
        if split not in self.fillings:
            self.fillings[split] = _Filling(split, self.size, self.joins)
        return self.fillings[split]

    def add_table(self, table: str) -> None:
        rows = self.rows
        with open_table(rows.corpus.root, table) as file:
            columns = rows.columns(table, file)
            of_table = self.filling(rows.split(table, "")) if rows.split_is_of_table else None
            name_of = rows.naming(table) if rows.knobs.repeats != "captions" else lambda _: None
            number = 0
            try:
                for place, record in enumerate(rows.records(columns, file, only=rows.placing)):
                    number = record.number
                    if of_table is not None:
                        name = name_of(record.row)
                        n_bytes = None if name is None else self.left.pop(name, None)
                        if name is not None and n_bytes is not None:  # as most are
                            of_table.add_clip(table, place, record, name, n_bytes)
                            continue
                    self._add_record(table, place, record, of_table)
            except BrokenError as error:
                into = of_table or self.filling(rows.split(table, str(error)))
                into.add_break(table, f"{error}; nothing after its line {number} is read")

    def _add_record(self, table: str, place: int, record: Record, of_table: _Filling | None) -> None:
        rows = self.rows
        parts = rows.parts(table, record)
        if not parts:
            return
        spots = [rows.spot(values) for values in parts]
        into = of_table or self.filling(rows.split(table, parts[0]))
        into.add_record(table, place, record)
        for number, spot in enumerate(spots):
            self._add_part(into, [table, record.number, number], record, spot)
        into.end_if_full()

    def _add_part(self, into: _Filling, key: list[Any], record: Record, spot: Spot) -> None:
        repeats = self.rows.knobs.repeats
        again = self._is_named(spot)
        for path in spot.files:
            into.add_audio(path, self.folder.sizes[path])
        if again and repeats != "reject":
            into.spec["passed_over"].append(key)
            if repeats == "captions" and spot.path in self.first:
                spec, first = self.first[spot.path]
                spec["captions"].append([*first, [key[0], record.offset, *key[1:]]])
            return
        if again:
            into.spec["duplicates"].append(key)
        elif repeats == "captions" and spot.fault is None and spot.path is not None:
            self.first[spot.path] = into.spec, key
        into.items += 1

    def _is_named(self, spot: Spot) -> bool:
        """Whether an earlier row names the same; that this one does is remembered."""
        known = [self.left.pop(path, None) is None for path in spot.files]
        if spot.fault is None and spot.stretch is None:
            named = known[0] and (spot.files[0], None) not in self.again
            self.again.discard((spot.files[0], None))
            return named
        for path, was_known in zip(spot.files, known, strict=True):
            if not was_known and spot.fault is not None:
                self.again.add((path, None))  # named, but by no row that is its clip
        if spot.path is None or self.rows.knobs.audio_missing == "metadata":
            return False
        if spot.fault is not None:
            self.told.add(spot.path)
        return self._seen((spot.path, spot.stretch or spot.fault))

    def _seen(self, what: tuple[str, Any]) -> bool:
        if what in self.again:
            return True
        self.again.add(what)
        return False

    def add_rest(self, audio: list[str]) -> None:
        """Audio that no row names, and what may not be read and is not already rejected as some row's audio."""
        for path in audio:
            if path in self.left:
                into = self.filling(self.rows.split_of_audio(path))
                into.spec["untranscribed"].append(path)
                into.add_audio(path, self.folder.sizes[path])
                into.items += 1
                into.end_if_full()
        told = self.told | {str(above) for path in self.told for above in PurePosixPath(path).parents}
        for path, why in self.folder.unsafe.items():
            if path not in told:
                into = self.filling(self.rows.split_of_audio(path))
                into.spec["unsafe"].append([path, why])
                into.items += 1
                into.end_if_full()

    def units(self) -> Iterator[Unit]:
        for _, filling in sorted(self.fillings.items()):
            filling.end()
            yield from filling.made


def split_into_units(corpus: Corpus[ClipRef], knobs: TableKnobs, size: UnitSize) -> list[Unit]:
    """Within a split: rows in the order of tables and lines, then audio that no row names. Raises UsageError where
    there is nothing."""
    folder = list_folder(corpus.root, corpus.name)
    audio = matching(folder.sizes, knobs.audio_files, knobs.exclude)
    others = _without(folder.sizes, [*audio, *matching(folder.sizes, knobs.exclude)])
    tables = matching(others, knobs.tables)
    wanted = [(tables, "table", knobs.tables)]
    wanted += [(audio, "audio", knobs.audio_files)] if knobs.audio_missing == "reject" else []
    for found, what, globs in wanted:
        if not found:
            raise UsageError(
                f"{corpus.name}: {folder.root} holds no {what} (looked for {' or '.join(globs)}): give the folder that "
                "holds the corpus"
            )
    joins = [_second_tables(folder, join.table, join.needed, corpus.name) for join in knobs.join]
    rows = rows_of(corpus, knobs, Finder(corpus.root, folder.sizes, knobs.audio_files, knobs.exclude), joins)
    splitting = _Splitting(rows, folder, size, joins)
    for table in tables:
        splitting.add_table(table)
    # Audio in a place where no table looks is not lost in silence either.
    elsewhere = _without(others, [*tables, *(path for paths in joins for path in paths)])
    splitting.add_rest(sorted([*audio, *audio_files(Folder(folder.root, elsewhere, {}, {}))]))
    return list(splitting.units())


def rows_of(corpus: Corpus[ClipRef], knobs: TableKnobs, finder: Finder, joins: list[list[str]]) -> Rows:
    """The rows of a corpus, with what its second tables say."""
    there = [
        joined(corpus.root, join, tuple(tables), corpus.name) for join, tables in zip(knobs.join, joins, strict=True)
    ]
    return Rows(corpus, knobs, finder, there)


def _second_tables(folder: Folder, globs: tuple[str, ...], needed: bool, corpus: str) -> list[str]:
    found = matching(folder.sizes, globs)
    if not found and needed:
        raise UsageError(
            f"{corpus}: {folder.root} holds no table (looked for {' or '.join(globs)}): get it too, and lay it there"
        )
    return found


def _without(sizes: dict[str, int], paths: list[str]) -> dict[str, int]:
    """Some files without others."""
    taken = set(paths)
    return {path: size for path, size in sizes.items() if path not in taken}
