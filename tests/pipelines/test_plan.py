"""The shard plan: every selected sample once, splits by parent, the same for any order of rows."""

import random

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnmill.pipelines.steps.plan import ShardParams, SplitShares, plan

FAMILIES = ("clip-flac", "clip-mp3")
ITEMS = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 40), st.integers(0, 9), st.integers(1, 5000)),
    unique_by=lambda item: item[0],
    max_size=120,
)


def table(items: list[tuple[int, int, int, int]], split: str | None) -> pa.Table:
    rows = [
        {
            "family": FAMILIES[uid % 2],
            "uid": f"u{uid}",
            "parent": f"p{parent}",
            "shard": f"s{shard}",
            "size": size,
            "split": split,
            "audio": f"a{uid}",
        }
        for uid, parent, shard, size in items
    ]
    kinds = [(name, pa.string()) for name in ("family", "uid", "parent", "shard", "split", "audio")]
    return pa.Table.from_pylist(rows, schema=pa.schema([*kinds, ("size", pa.int64())]))


def planned(items: list[tuple[int, int, int, int]], params: ShardParams, split: str | None = None) -> list[dict]:
    connection = duckdb.connect()
    connection.register("items", table(items, split))
    return plan(connection, "SELECT * FROM items", "clip_plan", 5, params).to_pylist()


@settings(max_examples=30, deadline=None)
@given(ITEMS, st.integers(1, 20_000))
def test_every_item_once_in_positions_without_gaps(items: list[tuple[int, int, int, int]], shard_bytes: int) -> None:
    rows = planned(items, ShardParams(shard_bytes=shard_bytes))
    assert sorted(row["uid"] for row in rows) == sorted(f"u{item[0]}" for item in items)
    shards: dict[str, list[dict]] = {}
    for row in rows:
        shards.setdefault(row["training_shard"], []).append(row)
    size = {f"u{item[0]}": item[3] for item in items}
    for name, members in shards.items():
        assert [row["position"] for row in members] == list(range(len(members)))
        assert len({row["split"] for row in members}) == 1
        families = {FAMILIES[int(row["uid"][1:]) % 2] for row in members}
        assert {f"{family}-{members[0]['split']}" for family in families} == {name.rpartition("-")[0]}
        # A sample belongs to the shard its first byte falls in: all but the last fit.
        assert sum(size[row["uid"]] for row in members[:-1]) < shard_bytes
    for kind in {name.rpartition("-")[0] for name in shards}:
        numbers = sorted(int(name[-6:]) for name in shards if name.rpartition("-")[0] == kind)
        assert numbers == list(range(len(numbers)))


@settings(max_examples=20, deadline=None)
@given(ITEMS, st.randoms())
def test_plan_does_not_depend_on_the_order_of_rows(items: list[tuple[int, int, int, int]], rng: random.Random) -> None:
    shuffled = list(items)
    rng.shuffle(shuffled)
    assert planned(items, ShardParams()) == planned(shuffled, ShardParams())


@settings(max_examples=20, deadline=None)
@given(ITEMS)
def test_a_parent_is_in_one_split(items: list[tuple[int, int, int, int]]) -> None:
    rows = planned(items, ShardParams(splits=SplitShares(train=0.4, valid=0.3, test=0.3)))
    parent = {f"u{item[0]}": item[1] for item in items}
    splits: dict[int, set[str]] = {}
    for row in rows:
        splits.setdefault(parent[row["uid"]], set()).add(row["split"])
    assert all(len(found) == 1 for found in splits.values())


def test_official_splits_are_kept_and_shares_are_met() -> None:
    items = [(uid, uid, uid // 500, 100) for uid in range(4000)]
    assert {row["split"] for row in planned(items, ShardParams(), split="dev-clean")} == {"dev-clean"}
    shares = SplitShares(train=0.5, valid=0.3, test=0.2)
    counts = [row["split"] for row in planned(items, ShardParams(splits=shares))]
    assert counts.count("train") / 4000 == pytest.approx(0.5, abs=0.03)
    assert counts.count("test") / 4000 == pytest.approx(0.2, abs=0.03)
    drawn = {f"u{n}": shares.of(5, f"p{n}") for n in range(4000)}
    assert drawn == {row["uid"]: row["split"] for row in planned(items, ShardParams(splits=shares))}


def test_order_inside_a_shard_is_mixed_but_reads_few_lake_shards() -> None:
    items = [(uid, uid, uid // 10, 100) for uid in range(1000)]
    rows = planned(items, ShardParams(shard_bytes=5_000), split="train")
    first = [row for row in rows if row["training_shard"] == "clip-flac-train-000000"]
    assert len({row["shard"] for row in first}) <= 16  # a window of lake shards
    assert [row["uid"] for row in first] != sorted(row["uid"] for row in first)


HALVES = ShardParams(splits=SplitShares(train=0.4, valid=0.3, test=0.3))
COPIES = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 30), st.sampled_from([None, None, None, "train-other", "test-clean"])),
    max_size=60,
)


def splits_of(copies: list[tuple[int, int, str | None]]) -> list[str]:
    """The split of each of some clips, told by parent, audio and official split."""
    rows = [
        {
            "family": "c",
            "uid": f"u{n:03}",
            "parent": f"p{parent}",
            "shard": "s",
            "size": 1,
            "split": split,
            "audio": audio,
        }
        for n, (parent, audio, split) in enumerate(copies)
    ]
    kinds = [(name, pa.string()) for name in ("family", "uid", "parent", "shard", "split")]
    schema = pa.schema([*kinds, ("audio", pa.int64()), ("size", pa.int64())])
    connection = duckdb.connect()
    connection.register("items", pa.Table.from_pylist(rows, schema=schema))
    made = plan(connection, "SELECT * FROM items", "clip_plan", 5, HALVES).to_pylist()
    return [row["split"] for row in sorted(made, key=lambda row: row["uid"])]


@settings(max_examples=60, deadline=None)
@given(COPIES)
def test_equal_audio_is_in_one_split_and_so_is_a_parent_that_no_official_split_divides(
    copies: list[tuple[int, int, str | None]],
) -> None:
    found = splits_of(copies)
    by_audio: dict[int, set[str]] = {}
    for (_, audio, _), split in zip(copies, found, strict=True):
        by_audio.setdefault(audio, set()).add(split)
    assert all(len(splits) == 1 for splits in by_audio.values())
    if all(official is None for _, _, official in copies):
        by_parent: dict[int, set[str]] = {}
        for (parent, _, _), split in zip(copies, found, strict=True):
            by_parent.setdefault(parent, set()).add(split)
        assert all(len(splits) == 1 for splits in by_parent.values())


def test_without_copies_each_parent_is_drawn_as_before_whoever_else_has_copies() -> None:
    alone = [(n, n, None) for n in range(50)]
    drawn = [HALVES.splits.of(5, f"p{n}") for n in range(50)]
    assert splits_of(alone) == drawn
    assert splits_of([*alone, (60, 99, None), (61, 99, None)])[:50] == drawn


def test_copies_go_where_an_official_split_has_them_and_a_test_before_training() -> None:
    assert splits_of([(1, 7, None), (1, 8, None), (2, 7, "test-clean")]) == ["test-clean"] * 3
    assert splits_of([(1, 7, "train-clean"), (2, 7, "dev-clean")]) == ["dev-clean"] * 2
    assert splits_of([(1, 7, "a"), (2, 7, "b"), (3, 9, "b")]) == ["a", "a", "b"]
