"""What a run made, from Python: its tables by SQL, its training samples, and the audio of any item."""

import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from turnmill.manifests.audio import decode
from turnmill.manifests.errors import UsageError
from turnmill.manifests.index import Index
from turnmill.manifests.languages import UNKNOWN
from turnmill.manifests.query import add_named, connect, query_error, read_only, select_statement
from turnmill.manifests.schema import HALVES
from turnmill.manifests.store import Store, opened, tar_name
from turnmill.manifests.tar import samples_in
from turnmill.pipelines.asr.agreement import shown
from turnmill.pipelines.stage import read_span
from turnmill.sources.adapters.items import corpus_of
from turnmill.sources.listing import BESIDE


@dataclass(frozen=True)
class Sample:
    """A training sample. `labels` is its JSON, `files` its other members by their endings: encoded audio."""

    key: str
    split: str
    labels: dict[str, Any]
    files: Mapping[str, bytes]

    def audio(self) -> tuple[NDArray[np.float32], int]:
        """Its audio, float32 [channels, samples] with full scale at 1.0, and the sample rate in Hz. Of a dialogue,
        channel 0 is the assistant and channel 1 the user. Raises AudioError."""
        ending, data = next(iter(self.files.items()))
        return _decoded(data, f"{self.key}.{ending}")


@dataclass(frozen=True)
class Dataset:
    """An output of `turnmill run`, to be read. What a run writes meanwhile is seen."""

    store: Store
    index: Index
    _tables: duckdb.DuckDBPyConnection = field(repr=False)

    def sql(self, query: str) -> pa.Table:
        """The answer to one SELECT over the tables (`SHOW TABLES` lists them). UsageError for SQL that is wrong, or
        would do more than read."""
        statement = select_statement(query)
        add_named(self._tables, query, BESIDE)
        try:
            return self._tables.sql(statement).to_arrow_table()
        except duckdb.Error as error:
            raise query_error(error) from error

    def samples(self, half: Literal["speech", "dialogue"] = "dialogue", split: str | None = None) -> Iterator[Sample]:
        """The training samples of a half, and of a split where one is named, in the order of the shards. One is in
        memory at a time."""
        table = HALVES[half].samples
        maker = self.index.maker(table)
        if maker is None:
            return
        for row in self.sql(f"SELECT DISTINCT split, shard FROM {table} ORDER BY ALL").to_pylist():
            if split in (None, row["split"]):
                yield from self._samples_of(f"{maker.shards}/{row['shard']}", row["split"])

    def _samples_of(self, shard: str, split: str) -> Iterator[Sample]:
        with self.store.open(shard) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for key, members in samples_in(tar):
                read = ((member.name.partition(".")[2], tar.extractfile(member)) for member in members)
                files = {ending: file.read() for ending, file in read if file is not None}
                yield Sample(key, split, json.loads(files.pop("json")), files)

    def audio(self, item: str) -> tuple[NDArray[np.float32], int]:
        """The audio of a clip (by its uid) or dialogue (by its id), selected or not: float32 [channels, samples] with
        full scale at 1.0, and the sample rate in Hz. UsageError for an item that the tables do not have."""
        for items in HALVES.values():
            query = f'SELECT shard, "offset", size FROM {items.table} WHERE {items.key} = ?'
            for shard, offset, size in self._tables.execute(query, [item]).fetchall():
                makers = self.index.makers(items.table)
                maker = next(each for each in makers if each.corpus in (None, corpus_of(item)))
                with self.store.open(tar_name(items.table, maker.fingerprint, shard)) as tar:
                    return _decoded(read_span(tar, offset, size), item)
        raise UsageError(f"{self.store.url} has no clip or dialogue called {item!r}; what was rejected is in `rejects`")

    def compared(self, uid: str) -> str:
        """The given text of a clip above what was heard in it, unit by unit: S where they differ, D where something
        was not heard, I where something was added; of each recogniser, under its name. UsageError for a clip without
        a text or a transcript."""
        query = """SELECT text, model, asr_text, coalesce(language, asr_language)
            FROM clips JOIN transcripts USING (uid)
            WHERE uid = ? AND text IS NOT NULL ORDER BY model_place"""
        rows = self._tables.execute(query, [uid]).fetchall()
        if not rows:
            raise UsageError(f"{self.store.url} has no transcript of a clip {uid!r} with a given text")
        return "\n\n".join(f"{model}\n{shown(text, heard, told or UNKNOWN)}" for text, model, heard, told in rows)


def open_dataset(out: str | PathLike[str]) -> Dataset:
    """The output of a run, by its folder or URL. UsageError where it is none."""
    store = opened(fspath(out))
    index = Index.load(store)
    tables = connect(store, index)
    read_only(tables, store)
    return Dataset(store, index, tables)


def _decoded(data: bytes, name: str) -> tuple[NDArray[np.float32], int]:
    audio = decode(data, name)
    return audio.samples, audio.sample_rate
