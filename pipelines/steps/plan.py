"""plan: which training shard, and where in it, each selected item goes. Whole-table step.

Lake shards are put in a seeded order and taken in windows; inside a window and a split, items are ordered by hash of
(seed, uid): reading stays sequential, the order is still mixed, and every choice is a function of seed and uid.

Equal audio is in one split, whatever corpora have it: parents that share some are drawn as one. What an official split
has goes there, and so does the rest of its parent; of several one that is no training split goes first, so that nobody
trains on what a test hears, then that of the smallest uid.
"""

import hashlib
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field, model_validator

from turnmill.manifests.params import Params
from turnmill.manifests.schema import SCHEMAS
from turnmill.pipelines.stage import MIB
from turnmill.sources.adapters.items import UNLISTED

Split = Literal["train", "valid", "test"]
WINDOW = 16  # lake shards mixed with each other: about 16 h of speech


class SplitShares(Params):
    """Shares of the parents (speakers, recordings, dialogues) where a corpus has no official splits.

    98/1/1 is OmniFlatten's (arXiv 2410.17799).
    """

    train: float = Field(default=0.98, ge=0, le=1)
    valid: float = Field(default=0.01, ge=0, le=1)
    test: float = Field(default=0.01, ge=0, le=1)

    @model_validator(mode="after")
    def _sum(self) -> "SplitShares":
        if abs(self.train + self.valid + self.test - 1) > 1e-9:
            raise ValueError("train, valid and test must add up to 1")
        return self

    def of(self, seed: int, parent: str) -> Split:
        """The split of a parent, by hash: a new parent never moves an old one."""
        digest = hashlib.md5(f"{seed}/split/{parent}".encode(), usedforsecurity=False).digest()
        draw = int.from_bytes(digest[8:], "little") / 2**64  # as DuckDB's md5_number_lower, which `plan` uses
        if draw < self.train:
            return "train"
        return "valid" if draw < self.train + self.valid else "test"


class ShardParams(Params):
    shard_bytes: int = Field(
        default=256 * MIB, ge=1, description="a sample belongs to the shard its first byte falls in"
    )
    splits: SplitShares = SplitShares()
    clip_codec: Literal["keep", "flac"] = Field(
        default="keep",
        description="keep: clips keep their codec, and each codec is published as a config of its own; flac: all are "
        "decoded to FLAC, one config",
    )
    keep_clean_user: bool = Field(default=False, description="deliver the user's channel before noise as .user.flac")


# Of each audio that several items have: its first official split, and the parents of the others.
_SHARED = "WHERE audio IS NOT NULL GROUP BY audio HAVING count(*) > 1"
_FIRST = """min({'trains': starts_with(split::VARCHAR, 'train'), 'uid': uid, 'split': split::VARCHAR})
    FILTER (WHERE split IS NOT NULL)"""
# The same of each parent that only some corpora have in an official split.
_DIVIDED = "GROUP BY parent HAVING count(split) BETWEEN 1 AND count(*) - 1"
_PARENTS = "coalesce(list(DISTINCT parent) FILTER (WHERE split IS NULL), [])"


def plan(connection: Any, items: str, table: str, seed: int, params: ShardParams) -> pa.Table:
    """The plan `table`, ordered by training shard and position.

    `items` is a query with columns family (what its shards are named after: samples of one family have the same
    files), uid, split (null: drawn by hash of `parent`, so that a new parent never moves an old one), parent, audio
    (what is the same of equal audio; null: unlike all other), shard and size (bytes). Neither the order of its rows nor
    the number of threads matters.
    """
    draw = f"md5_number_lower('{seed}/split/' || parent)::DOUBLE / 18446744073709551616"
    train, valid = params.splits.train, params.splits.train + params.splits.valid
    shared = connection.sql(
        f"SELECT audio, {_FIRST} AS first, {_PARENTS} AS parents FROM ({items}) {_SHARED} "
        f"UNION ALL SELECT NULL, {_FIRST}, [parent] FROM ({items}) WHERE split IS DISTINCT FROM '{UNLISTED}' {_DIVIDED}"
    )
    connection.register("shared", shared.to_arrow_table())
    connection.register("kin", _kin(connection))
    query = f"""
    WITH related AS (
        SELECT family, uid, given.shard, size, coalesce(shared.first.split, given.split, kin.split) AS split,
            coalesce(kin.eldest, given.parent) AS parent
        FROM ({items}) AS given LEFT JOIN shared USING (audio)
        LEFT JOIN kin ON kin.parent = given.parent AND given.split IS NULL
    ), items AS (
        SELECT family, uid, shard, size, coalesce(split, CASE
            WHEN {draw} < {train} THEN 'train' WHEN {draw} < {valid} THEN 'valid' ELSE 'test' END) AS split
        FROM related
    ), windows AS (
        SELECT shard, (row_number() OVER (ORDER BY md5('{seed}/window/' || shard), shard) - 1) // {WINDOW} AS window_
        FROM (SELECT DISTINCT shard FROM items)
    ), filled AS (
        SELECT *, sum(size) OVER (
            PARTITION BY family, split ORDER BY window_, md5('{seed}/order/' || uid), uid
            ROWS UNBOUNDED PRECEDING) AS end_byte
        FROM items JOIN windows USING (shard)
    ), numbered AS (
        SELECT *, dense_rank() OVER (
            PARTITION BY family, split ORDER BY (end_byte - size) // {params.shard_bytes}) - 1 AS number
        FROM filled
    )
    SELECT uid, split, shard, format('{{}}-{{}}-{{:06d}}', family, split, number) AS training_shard,
        (row_number() OVER (PARTITION BY family, split, number ORDER BY end_byte) - 1)::INTEGER AS position
    FROM numbered ORDER BY training_shard, position
    """
    return connection.sql(query).to_arrow_table().cast(SCHEMAS[table])


def _kin(connection: Any) -> pa.Table:
    """Of each parent of the table `shared` the smallest name among those that equal audio ties it to, and their first
    official split, null for none."""
    eldest: dict[str, str] = {}

    def top(parent: str) -> str:
        while eldest.setdefault(parent, parent) != parent:
            parent = eldest[parent] = eldest[eldest[parent]]
        return parent

    shared = connection.sql("SELECT parents, first FROM shared WHERE len(parents) > 0").fetchall()
    for parents, _ in shared:
        first, *others = sorted({top(parent) for parent in parents})
        eldest |= dict.fromkeys(others, first)
    splits: dict[str, tuple[bool, str, str]] = {}
    for parents, official in shared:
        if official is not None:
            found = (official["trains"], official["uid"], official["split"])
            splits[top(parents[0])] = min(found, splits.get(top(parents[0]), found))
    rows = [{"parent": each, "eldest": top(each), "split": splits.get(top(each), (0, 0, None))[2]} for each in eldest]
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, pa.string()) for name in ("parent", "eldest", "split")]))
