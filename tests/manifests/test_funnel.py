from collections.abc import Callable

import duckdb
import pytest

from tests.notes import notes_of
from turnmill.manifests.errors import UsageError
from turnmill.manifests.funnel import Funnel, Loss, check_ledger, funnel
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.schema import to_table
from turnmill.manifests.store import Store, part_name, rows


def step(found: Funnel, stage: str) -> tuple[int, int, tuple[Loss, ...]]:
    one = next(step for step in found.steps if step.stage == stage)
    return one.items_in, one.items_out, one.losses


def test_the_speech_funnel_has_each_reason_and_each_predicate_in_the_recipes_order(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    found = funnel(connection, "speech")
    assert [step.stage for step in found.steps] == ["ingest", "quality", "transcribe", "select", "plan", "shard"]
    assert step(found, "ingest") == (7, 5, (Loss("corrupt_audio", 1), Loss("empty_file", 1)))
    assert step(found, "select") == (
        5,
        3,
        (
            Loss("duration", 0, 0.0),
            Loss("unique", 1, pytest.approx(2 / 3600)),
            Loss("agrees", 1, pytest.approx(4 / 3600)),
        ),
    )
    assert step(found, "shard") == (3, 3, ())
    assert found.steps[-1].hours == pytest.approx(10.5 / 3600)


def test_the_dialogue_funnel_counts_in_the_units_of_its_stages(connection: duckdb.DuckDBPyConnection) -> None:
    found = funnel(connection, "dialogue")
    assert {one.stage: one.unit for one in found.steps}["speak"] == "lines"
    assert step(found, "script") == (4, 3, (Loss("code", 1),))
    assert step(found, "verify") == (3, 2, (Loss("label_violation", 1),))


def test_an_unknown_half_is_refused(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(UsageError, match="use speech or dialogue"):
        funnel(connection, "music")


def test_a_correct_run_has_no_violation(connection: duckdb.DuckDBPyConnection) -> None:
    assert check_ledger(connection) == []


def without_last_row(store: Store, table: str, fingerprint: str, key: str) -> None:
    name = part_name(table, fingerprint, key)
    store.write_part(name, to_table(table, rows(store.read_part(name))[:-1]), notes_of(store, name))


def with_notes(store: Store, table: str, fingerprint: str, key: str, **notes: str) -> None:
    name = part_name(table, fingerprint, key)
    store.write_part(name, to_table(table, rows(store.read_part(name))), notes_of(store, name) | notes)


PLANTED: list[tuple[Callable[[Store], None], str]] = [
    (lambda store: without_last_row(store, "rejects", "f0", "a"), "ingest: 2 rejected, but 1 row with a reason"),
    (lambda store: without_last_row(store, "rejects", "f9", "s"), "verify: 1 rejected, but 0 rows with a reason"),
    (lambda store: without_last_row(store, "quality", "f1", "b"), "quality: 5 items out, but quality has 4"),
    (lambda store: without_last_row(store, "lines", "f6", "s"), "speak: 6 items in, but what it reads has 5"),
    (lambda store: without_last_row(store, "clip_samples", "f5", "clips-train-000000"), "shard: 3 items out"),
    (lambda store: store.remove("consensus/f2/a.parquet"), "transcribe: 2 items in, but what it reads has 5"),
    (
        lambda store: with_notes(store, "clips", "f0", "a", items_in="5"),
        "ingest, shard a: 5 in is not 3 out + 1 rejected",
    ),
    (
        lambda store: with_notes(store, "clip_selection", "f3", "all", items_out="4", rejected="1"),
        "select: 1 rejected, but 2 rows with a reason",
    ),
    (
        lambda store: with_notes(store, "verification", "f9", "s", items_in="2", items_out="1"),
        "verify: 2 items in, but what it reads has 3",
    ),
]


@pytest.mark.parametrize(("damage", "sentence"), PLANTED)
def test_each_planted_loss_is_told(dataset: Store, damage: Callable[[Store], None], sentence: str) -> None:
    damage(dataset)
    found = check_ledger(connect(dataset, Index.load(dataset)))
    assert any(sentence in violation for violation in found), found
