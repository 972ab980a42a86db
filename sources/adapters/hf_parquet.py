"""Parquet files with audio in a column, as the Hub has corpora: bytes of a file, or samples; one row a clip.

`units` reads footers, `read` all columns but the audio, which is read a few cells at a time when it is asked for.
"""

import errno
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple
from typing import Any, BinaryIO, Final, Literal

from pydantic import Field

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.base import Corpus
from turnmill.sources.adapters.described import DescribedFamily
from turnmill.sources.adapters.folder import ending, glob_pattern, kind_by_name, list_folder
from turnmill.sources.adapters.items import DEFAULT_CONFIG, ClipRef, Unit, UnitSize, clip_uid, unit_name, unsafe
from turnmill.sources.adapters.parquet import (
    Group,
    ParquetError,
    as_file,
    audio_cell,
    classed,
    opened,
)
from turnmill.sources.places.place import Place, Stamp

_RATES: Final = range(1, 1 << 20)


class HFParquetIngest(DescribedFamily):
    """Rows of Parquet. `files`: which files they are of. `audio`: the column of audio: a struct of bytes and path, of
    array and sampling_rate, bytes alone, or lists of samples. `rate`: their sample rate [Hz], or its column.

    A record is a row without the audio, and the file's name as `audio_path`; classes are by their names, which the
    files tell, or `labels`, by column. Other columns of bytes are not read.
    """

    family: Literal["hf_parquet"]
    files: tuple[str, ...] = ("**/*.parquet",)
    audio: str = "audio"
    rate: int | str | None = Field(default=None)
    labels: Mapping[str, tuple[str, ...]] = {}

    def units(self, corpus: Corpus[ClipRef], size: UnitSize) -> list[Unit]:
        """Within a split: row groups in the order of files, then links that are not read."""
        folder = list_folder(corpus.root, corpus.name)
        files = [path for path in folder.sizes if any(glob_pattern(glob).fullmatch(path) for glob in self.files)]
        if not files:
            raise UsageError(
                f"{corpus.name}: {corpus.root} holds no Parquet (looked for {', '.join(self.files)}): give the folder "
                "that has them"
            )
        by_split: dict[str, list[str]] = {}
        for path in (*files, *folder.unsafe):
            by_split.setdefault(self.split_of(path), []).append(path)
        made = []
        for split, paths in sorted(by_split.items()):
            items = [item for path in paths for item in self._items(corpus.root, path, folder.unsafe)]
            groups = _filled(items, size)
            made += [_unit(unit_name(split, number), split, group) for number, group in enumerate(groups)]
        return made

    def _items(self, root: Place, path: str, links: Mapping[str, str]) -> Iterator["_Item"]:
        """The row groups of a file, or why it is not read."""
        if path in links:
            yield path, links[path], "unsafe"
            return
        try:
            with opened(root, path, self.audio) as table:
                for group in table.groups():
                    yield path, group, "rows"
        except ParquetError as error:
            yield path, str(error), "unread"

    def read(self, corpus: Corpus[ClipRef], unit: Unit) -> Iterator[ClipRef | Reject]:
        for path, groups in unit.spec["groups"]:
            stamp = corpus.root.stamps([path])[path]
            yield from self._rows(corpus, path, stamp, [Group(*group) for group in groups])
        for path, why in unit.spec["unread"]:
            yield Reject(Reason.BAD_ROW, f"{path} {why}", source_uri=path)
        for path, why in unit.spec["unsafe"]:
            yield unsafe(corpus.name, unit.spec["split"], path, why)

    def _rows(
        self, corpus: Corpus[ClipRef], path: str, stamp: Stamp, groups: Sequence[Group]
    ) -> Iterator[ClipRef | Reject]:
        """What each row of some groups is."""
        try:
            with opened(corpus.root, path, self.audio) as table:
                labels = {**table.labels(), **self.labels}
                for group in groups:
                    done = 0
                    try:
                        for rows in table.rows(group, self.drop):
                            named = [classed(row, labels) for row in rows]
                            numbers = range(done, done + len(named))
                            at = [(path, stamp, group, number) for number in numbers]
                            # All at once: half as dear as each between two decodings.
                            found = [self._clip_of(corpus, *of, table.kind) for of in zip(named, at, strict=True)]
                            done += len(found)
                            yield from found
                        yield from self._lost(corpus, path, group, done, "has fewer rows than its footer says")
                    except ParquetError as error:
                        yield from self._lost(corpus, path, group, done, str(error))
        except ParquetError as error:  # it was sound when it was listed
            for group in groups:
                yield from self._lost(corpus, path, group, 0, str(error))

    def _lost(self, corpus: Corpus[ClipRef], path: str, group: Group, done: int, why: str) -> Iterator[Reject]:
        """The rows of a group that its footer promised, and that cannot be read."""
        for number in range(group.first + done, group.first + group.rows):
            uid = clip_uid(corpus.name, DEFAULT_CONFIG, self.split_of(path), f"{path}/{number}")
            yield Reject(Reason.BAD_ROW, f"{path} row {number}: the file {why}", uid, path)

    def _clip_of(
        self, corpus: Corpus[ClipRef], row: dict[str, Any], at: tuple[str, Stamp, Group, int], kind: str
    ) -> ClipRef | Reject:
        """What a row is."""
        path, _, group, number = at
        name = f"{path}/{group.first + number}"
        told = row.pop(self.audio, None)
        own = told.get("path") if isinstance(told, dict) else None
        if told is None and kind in ("bytes", "array"):
            uid = clip_uid(corpus.name, DEFAULT_CONFIG, self.split_of(path), name)
            return Reject(Reason.MISSING_FILE, f"{name} has no audio", uid, path)
        rate = told.get("sampling_rate") if isinstance(told, dict) else None
        if kind in ("array", "samples"):
            rate = rate or (row.get(self.rate) if isinstance(self.rate, str) else self.rate)
            if not isinstance(rate, int) or rate not in _RATES:
                uid = clip_uid(corpus.name, DEFAULT_CONFIG, self.split_of(path), name)
                return Reject(Reason.BAD_ROW, f"{name} has samples at no sample rate: {rate}", uid, path)
            name += ".wav"
        elif own and kind_by_name(own) == "audio":
            name += ending(own)
        record = {**({"audio_path": own} if own else {}), **row}
        return self.clip(corpus, record, path, name, (*at, rate))

    def audio_of(self, corpus: Corpus[ClipRef], ref: ClipRef) -> BinaryIO:
        path, stamp, group, row, rate = ref.at
        try:
            return as_file(audio_cell(corpus.root, path, self.audio, stamp, group, row), rate)
        except ParquetError as error:
            raise OSError(errno.EIO, f"the file {error}", path) from error

    def bytes_of(self, corpus: Corpus[ClipRef], ref: ClipRef) -> int:  # noqa: ARG002  # its footer has told it
        group = ref.at[2]
        return int(group.size // max(group.rows, 1))


_Item = tuple[str, Group | str, Literal["rows", "unread", "unsafe"]]
"""A row group of a file, or why there is none."""


def _filled(items: Sequence[_Item], size: UnitSize) -> Iterator[list[_Item]]:
    """Row groups in order: a unit ends with the one that reaches either limit."""
    held: list[_Item] = []
    rows = n_bytes = 0
    for item in items:
        held.append(item)
        rows += item[1].rows if isinstance(item[1], Group) else 1
        n_bytes += item[1].size if isinstance(item[1], Group) else 0
        if rows >= size.items or n_bytes >= size.n_bytes:
            yield held
            held, rows, n_bytes = [], 0, 0
    if held:
        yield held


def _unit(name: str, split: str, items: Sequence[_Item]) -> Unit:
    groups: dict[str, list[Group]] = {}
    for path, group, _ in items:
        if isinstance(group, Group):
            groups.setdefault(path, []).append(group)
    told = {what: [[path, why] for path, why, kind in items if kind == what] for what in ("unread", "unsafe")}
    spec = {"split": split, "groups": [[path, [astuple(group) for group in held]] for path, held in groups.items()]}
    files = tuple(sorted({path for path, _, kind in items if kind != "unsafe"}))
    rows = sum(group.rows for held in groups.values() for group in held)
    return Unit(name, files, {**spec, **told}, rows + sum(len(each) for each in told.values()))
