"""What went in, what was lost at each stage and why, what is left; and the proof that nothing is lost in silence."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from turnmill.manifests.errors import UsageError
from turnmill.manifests.query import passed, quoted
from turnmill.manifests.schema import HALVES, Items, Table, declared
from turnmill.manifests.wording import plural

_SELECTIONS = {items.selection: items for items in HALVES.values()}
_PLANS = {items.plan: items for items in HALVES.values()}
_SAMPLES = {items.samples: items for items in HALVES.values()}

# Each script is simulated as often; where nothing came of any, all its takes are rejects.
_TAKES = """SELECT count(*) * coalesce((SELECT max(take) + 1 FROM dialogues),
    (SELECT count(*) FROM rejects WHERE stage = 'simulate') // nullif(count(*), 0), 0) FROM scripts"""

# The same of the orders of recorded talk, of which each clip makes as many.
_ORDERS = """SELECT count(*) * coalesce((SELECT nullif(count(DISTINCT take), 0) FROM dialogues),
    (SELECT count(*) FROM rejects WHERE stage = 'calls') // nullif(count(*), 0), 0) FROM clips"""


def _read_by(table: Table, items: str, tables: Sequence[str]) -> str | None:
    """Query that counts what the stage that commits a table reads, where a table has it; `items` are what it
    counts, `tables` those of all stages. Sources are files, which no table counts."""
    if table.name in _SELECTIONS:
        return f"SELECT count(*) FROM {passed(_SELECTIONS[table.name], tables)}"
    if table.name in _PLANS:
        return _kept(_PLANS[table.name].selection)
    if table.name in _SAMPLES:
        return f"SELECT count(*) FROM {_SAMPLES[table.name].plan}"
    if table.name == "dialogues":
        return _TAKES if "scripts" in tables else _ORDERS
    return f"SELECT count(*) FROM {items}" if table.of == items else None


def _written(table: Table, items: str) -> str:
    """Query that counts the items of which a table has rows."""
    if table.name in _SELECTIONS:
        return _kept(table.name)
    return f"SELECT count({f'DISTINCT {table.item}' if table.has_several(items) else '*'}) FROM {table.name}"


def _kept(selection: str) -> str:
    return f"SELECT count(*) FROM {selection} WHERE removed_by IS NULL"


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
    """Of a half, or of one `corpus` of it."""

    half: str
    steps: tuple[Step, ...]
    corpus: str | None = None


def funnel(connection: duckdb.DuckDBPyConnection, half: str, corpus: str | None = None) -> Funnel:
    """The funnel of one half ("speech" or "dialogue"), or of one corpus up to its selection, in pipeline order, over
    `manifests.query.connect`.

    Losses of a stage are its rejects by reason, largest first; of a selection its predicates, in the recipe's order, of
    a half those that removed nothing too. Stages without parts are left out.
    """
    if half not in HALVES:
        raise UsageError(f"a dataset has no half '{half}': use speech or dialogue")
    totals = connection.execute(
        """SELECT stage, items, table_name, sum(items_in)::BIGINT, sum(items_out)::BIGINT,
                  round(sum(CAST(round(hours * 3.6e9) AS BIGINT)) / 3.6e9, 9)
           FROM ledger JOIN stages USING (position, stage, half) WHERE half = $1 AND ($2 IS NULL OR corpus = $2)
           GROUP BY stage, items, table_name ORDER BY min(position)""",
        [half, corpus],
    ).fetchall()
    steps = []
    for stage, unit, table, items_in, items_out, hours in totals:
        losses = _removals(connection, stage, table) if table in _SELECTIONS else []
        losses += _rejects(connection, stage, corpus)
        steps.append(Step(stage, unit, items_in, items_out, hours, tuple(losses)))
    if corpus is not None and steps and _count(connection, f"SELECT count(*) FROM {HALVES[half].selection}"):
        steps.append(_selected(connection, HALVES[half], corpus, steps[0].unit))
    return Funnel(half, tuple(steps), corpus)


def corpora(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """(half, corpus) of every corpus of a dataset that has several, in the recipe's order."""
    found = connection.execute(
        "SELECT half, corpus FROM stages WHERE corpus IS NOT NULL GROUP BY ALL ORDER BY min(position)"
    ).fetchall()
    return found if len(found) > 1 else []


def funnels(connection: duckdb.DuckDBPyConnection) -> list[Funnel]:
    """Of each half, and of each corpus where there are several."""
    halves = (funnel(connection, half) for half in HALVES)
    return [*halves, *(funnel(connection, half, corpus) for half, corpus in corpora(connection))]


def _selected(connection: duckdb.DuckDBPyConnection, items: Items, corpus: str, unit: str) -> Step:
    """What the selection, which is made of all corpora at once, took from one."""
    table = f"(SELECT * FROM {items.selection} WHERE starts_with(uid, {quoted(corpus + '/')}))"
    ((items_in, items_out, hours),) = connection.execute(
        f"SELECT count(*), count(*) FILTER (removed_by IS NULL), "
        f"hours_of(CASE WHEN removed_by IS NULL THEN duration END) FROM {table}"
    ).fetchall()
    removals = (loss for loss in _removals(connection, items.select_key, table) if loss.items)
    return Step(items.select_key, unit, items_in, items_out, hours, tuple(removals))


def _rejects(connection: duckdb.DuckDBPyConnection, stage: str, corpus: str | None) -> list[Loss]:
    counted = connection.execute(
        """SELECT reason, count(*) AS n FROM losses JOIN stages USING (position, stage)
           WHERE stage = $1 AND ($2 IS NULL OR corpus = $2) GROUP BY reason ORDER BY n DESC, reason""",
        [stage, corpus],
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
        """SELECT stage, table_name, items, coalesce(sum(items_in), 0)::BIGINT, coalesce(sum(items_out), 0)::BIGINT,
                  coalesce(sum(rejected), 0)::BIGINT
           FROM stages LEFT JOIN ledger USING (position, stage, half)
           GROUP BY stage, table_name, items ORDER BY min(position)"""
    ).fetchall()
    for stage, table, items, items_in, items_out, rejected in totals:
        rows = _count(connection, "SELECT count(*) FROM rejects WHERE stage = ?", [stage])
        if table in _SELECTIONS:
            rows += _count(connection, f"SELECT count(*) FROM {table} WHERE removed_by IS NOT NULL")
        if rows != rejected:
            wrong.append(f"{stage}: {rejected} rejected, but {plural(rows, 'row')} with a reason")
        reads = _read_by(declared(table), items, [table for _, table, *_ in totals])
        if reads is not None and (read := _count(connection, reads)) != items_in:
            wrong.append(f"{stage}: {plural(items_in, 'item')} in, but what it reads has {read}")
        if (written := _count(connection, _written(declared(table), items))) != items_out:
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
