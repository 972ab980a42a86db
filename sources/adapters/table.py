"""Tables that name audio files: LibriSpeech's `*.trans.txt`, LJSpeech's `metadata.csv`, Common Voice, Kaldi, NeMo and
Lhotse manifests, and their many kin.

`units` reads every table once, so that audio which no row names, and rows that name the same audio twice, are known
corpus-wide; `read` then seeks to its own rows.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.base import Corpus
from turnmill.sources.adapters.items import ClipRef, Unit, UnitSize, unsafe, untranscribed
from turnmill.sources.adapters.table_audio import Finder
from turnmill.sources.adapters.table_format import Record, open_table
from turnmill.sources.adapters.table_knobs import TableKnobs
from turnmill.sources.adapters.table_rows import Rows, Values
from turnmill.sources.adapters.table_units import rows_of, split_into_units

_Key = tuple[str, int, int]
"""A row: its table, the number of its record, and which of its parts it is."""


class TableIngest(TableKnobs):
    """The family `table`; see `TableKnobs` for what its keys mean."""

    def units(self, corpus: Corpus[ClipRef], size: UnitSize) -> list[Unit]:
        """Within a split: rows in the order of tables and lines, then audio that no row names."""
        return split_into_units(corpus, self, size)

    def read(self, corpus: Corpus[ClipRef], unit: Unit) -> Iterator[ClipRef | Reject]:
        finder = Finder(corpus.root, dict.fromkeys(unit.files), self.audio_files, self.exclude)
        rows = rows_of(corpus, self, finder, unit.spec["joined"])
        split = unit.spec["split"]
        yield from _read_rows(rows, unit)
        for path in unit.spec["untranscribed"]:
            clip = rows.unnamed_clip(path, split)
            if isinstance(clip, ClipRef) and not corpus.keep_untranscribed:
                yield untranscribed(clip.uid, path)
            else:
                yield clip
        for path, why in unit.spec["unsafe"]:
            yield unsafe(corpus.name, split, path, why)
        for table, why in unit.spec["broken"]:
            yield Reject(Reason.BAD_ROW, f"{table} {why}", source_uri=table)


def _read_rows(rows: Rows, unit: Unit) -> Iterator[ClipRef | Reject]:
    """What each row of a unit is."""
    keep = rows.corpus.keep_untranscribed
    duplicates = {_key(key) for key in unit.spec["duplicates"]}
    passed_over = {_key(key) for key in unit.spec["passed_over"]}
    further: dict[_Key, list[Any]] = {}
    for *key, more in unit.spec["captions"]:
        further.setdefault(_key(key), []).append(more)
    for table, record in _records(rows, unit):
        for number, values in enumerate(rows.parts(table, record)):
            key = (table, record.number, number)
            if key in passed_over:
                continue
            item = _item(rows, table, record, values, unit.spec["split"])
            if key in duplicates:
                yield _duplicate(item, table, record.number)
            elif isinstance(item, ClipRef) and item.text is None and rows.transcribes and not keep:
                yield untranscribed(item.uid, item.path)
            else:
                yield _captioned(rows, item, further[key]) if key in further else item


def _key(key: list[Any]) -> _Key:
    table, number, part = key
    return table, number, part


def _records(rows: Rows, unit: Unit) -> Iterator[tuple[str, Record]]:
    for table, offset, first, count in unit.spec["rows"]:
        for record in _from(rows, table, offset, first, count):
            yield table, record


def _from(rows: Rows, table: str, offset: int, first: int, count: int) -> Iterator[Record]:
    """So many records of a table, from one on."""
    with open_table(rows.corpus.root, table) as file:
        columns = rows.columns(table, file)
        file.seek(offset)
        yield from islice(rows.records(columns, file, first, inside=True), count)


def _item(rows: Rows, table: str, record: Record, values: Values | str, split: str) -> ClipRef | Reject:
    where = f"{table} line {record.number}"
    spot = rows.spot(values)
    wrong = rows.reject(spot, where, table, split)
    if wrong is not None or isinstance(values, str) or isinstance(record.row, str):
        return wrong or Reject(Reason.BAD_ROW, f"{where} {values}", source_uri=table)
    return rows.clip(values, spot, where, split, record.row)


def _duplicate(clip: ClipRef | Reject, table: str, number: int) -> Reject:
    detail = f"{table} line {number} names audio that an earlier row has named"
    path = clip.path if isinstance(clip, ClipRef) else clip.source_uri
    return Reject(Reason.DUPLICATE_UID, detail, uid=clip.uid, source_uri=path)


def _captioned(rows: Rows, item: ClipRef | Reject, further: list[list[Any]]) -> ClipRef | Reject:
    """A clip with the captions of other rows about its audio."""
    if isinstance(item, Reject):
        return item
    captions = [item.captions]
    for table, offset, number, part in further:
        for record in _from(rows, table, offset, number, 1):
            for values in rows.parts(table, record)[part : part + 1]:
                captions += [] if isinstance(values, str) else [rows.captions(values)]
    return replace(item, captions=tuple(dict.fromkeys(caption for each in captions for caption in each)))
