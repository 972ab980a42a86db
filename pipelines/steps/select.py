"""select: named SQL predicates over all labels of an item, in order; each removed item keeps the name of the first
that removed it. Whole-table step."""

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa
from pydantic import Field

from turnmill.manifests.errors import UsageError
from turnmill.manifests.params import Params
from turnmill.manifests.query import check_condition, select_statement
from turnmill.manifests.schema import SCHEMAS

Connection = Any  # duckdb ships no types


class Predicate(Params):
    name: str = Field(pattern="^[a-z][a-z0-9_]*$", description="reason shown in the funnel")
    keep: str = Field(min_length=1, description="SQL condition; an item for which it is false or null is removed")


def select(connection: Connection, candidates: str, uid: str, predicates: Sequence[Predicate]) -> pa.Table:
    """A selection table of all rows of the query `candidates`, ordered by uid.

    The connection is `read_only`, and the predicates have passed `check_predicate`. Raises UsageError for one that
    fails over a value, as a cast may.
    """
    whens = " ".join(f"WHEN NOT coalesce((\n{p.keep}\n), false) THEN '{p.name}'" for p in predicates)
    removed_by = f"CASE {whens} ELSE NULL END" if predicates else "NULL"
    query = f"SELECT {uid} AS uid, {removed_by} AS removed_by, duration FROM {_labels(candidates)} ORDER BY {uid}"
    try:
        return connection.sql(query).to_arrow_table().cast(SCHEMAS["clip_selection"])
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"the selection fails over the clips or dialogues: {reason} Correct its `keep`.") from error


def check_predicate(connection: Connection, key: str, view: str, predicate: Predicate) -> None:
    """Raise UsageError for a predicate of the recipe's `key` that is not one SQL condition over the view, or that reads
    anything but the dataset. Nothing is executed: the connection is `read_only` and its tables are empty."""
    try:
        check_condition(predicate.keep)
        statement = select_statement(f"SELECT 1 FROM {_labels(view)} WHERE (\n{predicate.keep}\n)")
        connection.execute("EXPLAIN " + statement.query)
    except (duckdb.Error, UsageError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"{key}: the predicate '{predicate.name}' does not run over {view}: {reason} "
            f'Correct its `keep`; `turnmill query OUT "DESCRIBE {view}"` lists the columns.'
        ) from error


def _labels(candidates: str) -> str:
    """What predicates see: not what an earlier selection made of it."""
    return f"(SELECT * EXCLUDE (removed_by) FROM {candidates})"
