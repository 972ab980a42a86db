"""What went in, what was lost at each stage and why, what is left; and the proof that nothing is lost in silence."""

import json
from dataclasses import dataclass

import duckdb

from turnmill.manifests.errors import UsageError
from turnmill.manifests.query import passed
from turnmill.manifests.wording import plural

# What a stage reads and writes, as queries that count rows: a stage's items_in must be the first, items_out the second.
# Ingest and script read files, which no table counts.
_KEPT = "SELECT count(*) FROM {} WHERE removed_by IS NULL"
_ROWS = "SELECT count(*) FROM {}"
_PASSED = "passed {} {}"  # what no label stage of the recipe rejected: see `manifests.query.passed`
# Each script is simulated as often; where nothing came of any, all its takes are rejects.
_TAKES = """SELECT count(*) * coalesce((SELECT max(take) + 1 FROM dialogues),
    (SELECT count(*) FROM rejects WHERE stage = 'simulate') // nullif(count(*), 0), 0) FROM scripts"""

_READS_AND_WRITES: dict[str, tuple[str | None, str]] = {
    "ingest": (None, _ROWS.format("clips")),
    "quality": (_ROWS.format("clips"), _ROWS.format("quality")),
    "transcribe": (_ROWS.format("clips"), _ROWS.format("transcripts")),
    "select": (_PASSED.format("clips", "uid"), _KEPT.format("clip_selection")),
    "plan": (_KEPT.format("clip_selection"), _ROWS.format("clip_plan")),
    "shard": (_ROWS.format("clip_plan"), _ROWS.format("clip_samples")),
    "voices": (None, _ROWS.format("voices")),
    "script": (None, _ROWS.format("scripts")),
    "speak": (_ROWS.format("lines"), _ROWS.format("speech")),
    "simulate": (_TAKES, _ROWS.format("dialogues")),
    "verify": (_ROWS.format("dialogues"), _ROWS.format("verification")),
    "select_dialogues": (_PASSED.format("dialogues", "id"), _KEPT.format("dialogue_selection")),
    "plan_dialogues": (_KEPT.format("dialogue_selection"), _ROWS.format("dialogue_plan")),
    "shard_dialogues": (_ROWS.format("dialogue_plan"), _ROWS.format("dialogue_samples")),
}
_SELECTIONS = ("clip_selection", "dialogue_selection")


@dataclass(frozen=True)
class Loss:
    """What one reason or predicate took. `hours` is None where the items' lengths are unknown."""

    name: str
    items: int
    hours: float | None = None


@dataclass(frozen=True)
class Step:
    """One stage of the funnel. `hours` is the audio that came out of it."""

    stage: str
    unit: str  # clips, dialogues or lines
    items_in: int
    items_out: int
    hours: float
    losses: tuple[Loss, ...]

    @property
    def rejected(self) -> int:
        """Items out of which nothing could be made; what a predicate removed is none of them."""
        return sum(loss.items for loss in self.losses if loss.hours is None)


@dataclass(frozen=True)
class Funnel:
    half: str
    steps: tuple[Step, ...]


def funnel(connection: duckdb.DuckDBPyConnection, half: str) -> Funnel:
    """The funnel of one half ("speech" or "dialogue") in pipeline order, over `manifests.query.connect`.

    Losses of a stage are its rejects by reason, largest first; of a selection its predicates, in the recipe's order,
    those that removed nothing too. Stages without parts are left out.
    """
    if half not in ("speech", "dialogue"):
        raise UsageError(f"a dataset has no half '{half}': use speech or dialogue")
    totals = connection.execute(
        """SELECT stage, items, table_name, sum(items_in)::BIGINT, sum(items_out)::BIGINT,
                  round(sum(CAST(round(hours * 3.6e9) AS BIGINT)) / 3.6e9, 9)
           FROM ledger JOIN stages USING (position, stage, half) WHERE half = ?
           GROUP BY position, stage, items, table_name ORDER BY position""",
        [half],
    ).fetchall()
    steps = []
    for stage, unit, table, items_in, items_out, hours in totals:
        losses = _removals(connection, stage, table) if table in _SELECTIONS else []
        steps.append(Step(stage, unit, items_in, items_out, hours, tuple(losses + _rejects(connection, stage))))
    return Funnel(half, tuple(steps))


def _rejects(connection: duckdb.DuckDBPyConnection, stage: str) -> list[Loss]:
    counted = connection.execute(
        "SELECT reason, count(*) AS n FROM rejects WHERE stage = ? GROUP BY reason ORDER BY n DESC, reason", [stage]
    ).fetchall()
    return [Loss(reason, items) for reason, items in counted]


def _removals(connection: duckdb.DuckDBPyConnection, stage: str, table: str) -> list[Loss]:
    removed = {
        name: Loss(name, items, hours)
        for name, items, hours in connection.execute(
            f"SELECT removed_by, count(*), hours_of(duration) FROM {table} WHERE removed_by IS NOT NULL "
            "GROUP BY removed_by ORDER BY removed_by"
        ).fetchall()
    }
    noted = connection.execute(
        "SELECT DISTINCT notes['predicates'] FROM ledger WHERE stage = ? AND notes['predicates'] IS NOT NULL", [stage]
    ).fetchall()
    order = dict.fromkeys(name for (names,) in noted for name in json.loads(names)) | dict.fromkeys(removed)
    return [removed.get(name, Loss(name, 0, 0.0)) for name in order]


def check_ledger(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Violations of the accounting of a finished run, as sentences; an empty list is exact.

    Per shard: items in = items out + rejected. Per stage: every rejected item has its row (in `rejects`, or in the
    selection with the predicate's name); items out are the rows written, items in the rows of what it reads.
    """
    wrong = [
        f"{stage}, shard {shard}: {items_in} in is not {items_out} out + {rejected} rejected"
        for stage, shard, items_in, items_out, rejected in connection.execute(
            """SELECT stage, shard, items_in, items_out, rejected FROM ledger
               WHERE (items_in = items_out + rejected) IS NOT TRUE ORDER BY position, shard"""
        ).fetchall()
    ]
    totals = connection.execute(
        """SELECT stage, table_name, coalesce(sum(items_in), 0)::BIGINT, coalesce(sum(items_out), 0)::BIGINT,
                  coalesce(sum(rejected), 0)::BIGINT
           FROM stages LEFT JOIN ledger USING (position, stage, half)
           GROUP BY position, stage, table_name ORDER BY position"""
    ).fetchall()
    for stage, table, items_in, items_out, rejected in totals:
        rows = _count(connection, "SELECT count(*) FROM rejects WHERE stage = ?", [stage])
        if table in _SELECTIONS:
            rows += _count(connection, f"SELECT count(*) FROM {table} WHERE removed_by IS NOT NULL")
        if rows != rejected:
            wrong.append(f"{stage}: {rejected} rejected, but {plural(rows, 'row')} with a reason")
        if stage not in _READS_AND_WRITES:
            continue
        reads, writes = _READS_AND_WRITES[stage]
        if reads is not None and reads.startswith("passed "):
            _, view, uid = reads.split()
            reads = f"SELECT count(*) FROM {passed(view, uid, [table for _, table, *_ in totals])}"
        if reads is not None and (read := _count(connection, reads)) != items_in:
            wrong.append(f"{stage}: {plural(items_in, 'item')} in, but what it reads has {read}")
        if (written := _count(connection, writes)) != items_out:
            wrong.append(f"{stage}: {plural(items_out, 'item')} out, but {table} has {written}")
    return wrong + _foreign_rejects(connection)


def _foreign_rejects(connection: duckdb.DuckDBPyConnection) -> list[str]:
    unknown = connection.execute(
        "SELECT stage, count(*) FROM rejects ANTI JOIN stages USING (stage) GROUP BY stage ORDER BY stage"
    ).fetchall()
    return [
        f"{plural(items, 'reject')} of a stage '{stage}', which the recipe does not have" for stage, items in unknown
    ]


def _count(connection: duckdb.DuckDBPyConnection, sql: str, values: list[str] | None = None) -> int:
    row = connection.execute(sql, values or []).fetchone()
    assert row is not None  # count(*) always has a row
    return int(row[0])
