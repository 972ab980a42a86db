"""What a published dataset is made of: configs of training shards, which `datasets` loads, and tables as Parquet.

`datasets` reads all configs of a repository with the builder of the first (its issue 7101), and a config's samples must
all have the same files. So a config is the shards of one half and one codec, and the tables are no configs here.
"""

import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from turnmill.manifests.errors import TurnmillError
from turnmill.manifests.index import Index
from turnmill.manifests.records import stable_hash
from turnmill.manifests.samples import parsed
from turnmill.manifests.schema import HALVES, TABLES, Table
from turnmill.manifests.store import Store
from turnmill.manifests.tar import samples_in

MAKE_AGAIN = "run the recipe again with another --out, or remove the shard's parts and run it with the same"
"""What to do about a damaged shard."""

_ROW_GROUP_BYTES = 64 << 20  # the Hub's viewer reads up to 300 MB of a row group
_BATCH_ROWS = 1 << 11  # a row may have the words of an hour

PUBLISHED = tuple(name for name, table in TABLES.items() if table.published)


@dataclass(frozen=True)
class Shard:
    """A training shard: its name in the store, and its path in the dataset repository."""

    name: str
    path: str


@dataclass(frozen=True)
class Split:
    """`name` as the Hub has it; `samples` of `size` bytes of audio in all."""

    name: str
    samples: int
    size: int
    shards: tuple[Shard, ...]


@dataclass(frozen=True)
class Config:
    """Samples of a half with the same `members`: extensions, the audio first, as a shard has them."""

    name: str
    half: str
    members: tuple[str, ...]
    splits: tuple[Split, ...]

    @property
    def codec(self) -> str:
        return self.members[0]

    @property
    def folder(self) -> str:
        """Where its splits lie, a folder each."""
        return f"data/{self.name}"

    @property
    def shards(self) -> Iterator[Shard]:
        for split in self.splits:
            yield from split.shards


def split_name(split: str) -> str:
    """A split as the Hub accepts it: letters, digits, underscores and dots (`dev-clean` becomes `dev_clean`), and
    `validation` for what it calls so. A name of which nothing is left, or that has a meaning there, gets another.
    """
    if split in ("valid", "val", "dev"):
        return "validation"
    name = re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9_.]+", "_", split).strip("._"))
    return f"split_{stable_hash(split, size=4)}" if name in ("", "all") else name


def configs(store: Store, index: Index, connection: duckdb.DuckDBPyConnection) -> list[Config]:
    """The configs of a dataset, dialogues first and then the codec with the most clips: the first is the default."""
    found = []
    for half in ("dialogue", "speech"):
        table = HALVES[half].samples
        rows = connection.execute(
            f"""SELECT codec, split, shard, count(*), sum("size")::BIGINT, sum(count(*)) OVER (PARTITION BY codec) AS n
                FROM {table} GROUP BY codec, split, shard ORDER BY n DESC, codec, split, shard"""
        ).fetchall()
        maker = index.maker(table)
        codecs = list(dict.fromkeys(row[0] for row in rows))
        for codec in codecs:
            assert maker is not None  # its table has rows
            name = half if len(codecs) == 1 else f"{half}_{codec}"
            splits = _splits(name, maker.shards, [row[1:5] for row in rows if row[0] == codec])
            members, _ = first_sample(store, splits[0].shards[0].name)
            found.append(Config(name, half, tuple(member.partition(".")[2] for member in members), splits))
    return found


def _splits(config: str, folder: str, rows: Sequence[tuple[str, str, int, int]]) -> tuple[Split, ...]:
    """Of rows (split, shard, samples, bytes), whose shards lie in a folder of the store."""
    by_name: dict[str, list[tuple[str, int, int]]] = {}
    for split, shard, samples, size in rows:
        by_name.setdefault(split_name(split), []).append((shard, samples, size))
    return tuple(
        Split(
            split,
            sum(samples for _, samples, _ in shards),
            sum(size for _, _, size in shards),
            tuple(Shard(f"{folder}/{shard}", f"data/{config}/{split}/{shard}") for shard, _, _ in shards),
        )
        for split, shards in sorted(by_name.items(), key=lambda item: split_order(item[0]))
    )


def split_order(split: str) -> tuple[int, str]:
    """By which published splits are sorted: the usual three, then the others by name."""
    usual = ("train", "validation", "test")
    return (usual.index(split) if split in usual else len(usual), split)


def first_sample(store: Store, shard: str, start: int = 0) -> tuple[list[str], Any]:
    """Member names and JSON of the first sample of a training shard from byte `start` on, where a member's header is.
    Raises TurnmillError for a damaged one."""
    try:
        with store.open(shard) as file:
            file.seek(start)
            with tarfile.open(fileobj=file, mode="r:") as tar:
                _, members = next(samples_in(tar))
                told = [tar.extractfile(member) for member in members if member.name.endswith(".json")]
                sample = parsed(cast(BinaryIO, told[0]).read())
    except FileNotFoundError as error:
        raise TurnmillError(f"{store.path(shard)} is not there: {MAKE_AGAIN}") from error
    except (StopIteration, LookupError, AttributeError) as error:
        raise TurnmillError(f"{store.path(shard)} is damaged (it has no sample with a .json): {MAKE_AGAIN}") from error
    except (tarfile.TarError, ValueError) as error:
        raise TurnmillError(f"{store.path(shard)} is damaged ({error}): {MAKE_AGAIN}") from error
    return [member.name for member in members], sample


def filled_tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The published tables that have rows to publish."""
    counts = " UNION ALL ".join(f"SELECT '{table}', EXISTS ({_published_rows(TABLES[table])})" for table in PUBLISHED)
    filled = {table for table, some in connection.execute(counts).fetchall() if some}
    return [table for table in PUBLISHED if table in filled]


def leading_table(tables: Sequence[str]) -> str | None:
    """Of published tables the one that a first query would be asked of."""
    return next((table for table in ("events", "clips", *tables) if table in tables), None)


def table_path(table: str) -> str:
    """Where a table lies in the dataset repository."""
    return f"manifests/{table}.parquet"


def write_table(connection: duckdb.DuckDBPyConnection, table: str, folder: Path) -> int:
    """Write a published table into a folder that is laid out, in row groups that the Hub's viewer can read; how many
    rows it has."""
    at = folder / table_path(table)
    at.parent.mkdir(parents=True, exist_ok=True)
    schema, query = TABLES[table].schema, _published_rows(TABLES[table])
    count, gathered, size = 0, list[pa.RecordBatch](), 0
    with pq.ParquetWriter(at, schema, compression="zstd", write_page_index=True) as writer:
        batches: pa.RecordBatchReader = connection.cursor().sql(query).to_arrow_reader(_BATCH_ROWS)
        for batch in batches:
            gathered.append(batch)
            count, size = count + len(batch), size + batch.nbytes
            if size >= _ROW_GROUP_BYTES:
                _write(writer, gathered)
                gathered, size = [], 0
        _write(writer, gathered)
    return count


def _published_rows(table: Table) -> str:
    """Query for the rows of a table that are published, in their order: those of the selected items. What was removed
    or rejected, which perhaps nobody may pass on, is told by its uid and the reason alone."""
    hidden = ", ".join(f"NULL AS {column}" for column in table.private)
    columns = f"{table.name}.*" + (f" REPLACE ({hidden})" if hidden else "")
    joins = [
        f" SEMI JOIN {items.samples} ON {items.samples}.uid = {table.name}.{column}"
        for items in HALVES.values()
        for column in ([items.key] if items.table == table.name else [table.item] if items.table == table.of else [])
    ]
    order = ", ".join(f'"{column}"' for column in table.key) or "ALL"
    return f"SELECT {columns} FROM {table.name}{''.join(joins)} ORDER BY {order}"


def _write(writer: pq.ParquetWriter, batches: Sequence[pa.RecordBatch]) -> None:
    if batches:
        rows = pa.Table.from_batches(batches).cast(writer.schema)
        writer.write_table(rows, row_group_size=max(1, _ROW_GROUP_BYTES * len(rows) // max(rows.nbytes, 1)))
