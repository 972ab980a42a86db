"""select: named SQL predicates over all labels of an item, in order; each removed item keeps the name of the first
that removed it. Whole-table step."""

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa
from pydantic import Field

from manifests.errors import UsageError
from manifests.params import Params
from manifests.query import select_statement
from manifests.schema import SCHEMAS

Connection = Any  # duckdb ships no types


class Predicate(Params):
    name: str = Field(pattern="^[a-z][a-z0-9_]*$", description="reason shown in the funnel")
    keep: str = Field(min_length=1, description="SQL condition; an item for which it is false or null is removed")


def select(connection: Connection, candidates: str, uid: str, predicates: Sequence[Predicate]) -> pa.Table:
    """A selection table of all rows of the query `candidates`, ordered by uid.

    The predicates have passed `check_predicate`.
    """
    whens = " ".join(f"WHEN NOT coalesce((\n{p.keep}\n), false) THEN '{p.name}'" for p in predicates)
    removed_by = f"CASE {whens} ELSE NULL END" if predicates else "NULL"
    query = f"SELECT {uid} AS uid, {removed_by} AS removed_by, duration FROM {candidates} ORDER BY {uid}"
    return connection.sql(query).to_arrow_table().cast(SCHEMAS["clip_selection"])


def check_predicate(connection: Connection, view: str, predicate: Predicate) -> None:
    """Raise UsageError for a predicate that is not one SQL condition over the view. Nothing is executed."""
    try:
        statement = select_statement(f"SELECT 1 FROM {view} WHERE (\n{predicate.keep}\n)")
        connection.execute("EXPLAIN " + statement.query)
    except (duckdb.Error, UsageError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"select: the predicate '{predicate.name}' does not run over {view}: {reason} "
            f'Correct its `keep`; `turnmill query OUT "DESCRIBE {view}"` lists the columns.'
        ) from error
