"""The training samples that somebody asks for: those of a finished output, a half, a split, a condition."""

import duckdb
import pyarrow as pa

from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.funnel import check_ledger
from turnmill.manifests.query import check_condition, query_error
from turnmill.manifests.schema import Items
from turnmill.manifests.store import Store


def check_finished(store: Store, connection: duckdb.DuckDBPyConnection, then: str) -> None:
    """Raise TurnmillError for an output whose run has not ended; `then`: what to do when it has."""
    problems = check_ledger(connection)
    if problems:
        raise TurnmillError(
            f"{store.url} is not finished ({problems[0]}): run the recipe again with the same --out, then {then}"
        )


def check_split(store: Store, connection: duckdb.DuckDBPyConnection, items: Items, split: str, called: str) -> None:
    """Raise UsageError for a split that the training samples of a half have not; `called`: how it was asked for."""
    rows = connection.execute(f"SELECT DISTINCT split FROM {items.samples} ORDER BY split").fetchall()
    splits = [name for (name,) in rows]
    if splits and split not in splits:
        raise UsageError(f"{called} is none of {store.url}, which has {', '.join(splits)}")


def ask(
    connection: duckdb.DuckDBPyConnection,
    items: Items,
    query: str,
    *,
    split: str | None,
    where: str | None,
    option: str = "--where ",
) -> pa.Table:
    """The answer to a query over `chosen`: the rows of the table of samples that are of the split, and whose item meets
    the condition in the view of its half. UsageError, beginning with what the condition is called, where it is none."""
    condition = "true"
    if where is not None:
        try:
            check_condition(where)
        except UsageError as error:
            raise UsageError(f"{option}{where}: {error}") from error
        condition = f"uid IN (SELECT {items.key} FROM {items.view} WHERE (\n{where}\n))"
    chosen = f"SELECT * FROM {items.samples} WHERE {condition} AND coalesce(split = $split, $split IS NULL)"
    try:
        return connection.sql(f"WITH chosen AS ({chosen}) {query}", params={"split": split}).to_arrow_table()
    except duckdb.Error as error:
        raise UsageError(f"{option}{where}: {query_error(error)}") from error
