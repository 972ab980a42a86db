"""The answer to a user's SQL as a table, CSV or JSON, streamed."""

import csv
import io
import itertools
import json
import math
from collections.abc import Iterable, Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import duckdb
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from turnmill.manifests.errors import UsageError
from turnmill.manifests.index import Index
from turnmill.manifests.query import TablesBeside, add_named, connect, query_error, read_only, select_statement
from turnmill.manifests.store import Store
from turnmill.manifests.wording import plural, visible

FORMATS = ("table", "csv", "json")
TABLE_ROWS = 1000  # a table is aligned over all its rows, so it is held in memory; csv and json are not
_BATCH = 1000

_Row = tuple[Any, ...]


def run_query(
    store: Store, sql: str, format: str = "table", width: int | None = None, beside: TablesBeside = MappingProxyType({})
) -> Iterator[str]:
    """Answer one SQL query over a dataset folder, read-only; yields the answer in pieces of text.

    `format` is one of FORMATS. `width` (characters) cuts a table's cells to a terminal; None writes them whole.
    `beside`: see `query.add_named`.
    Raises UsageError, before the first piece, for a folder that is no dataset, wrong SQL, or SQL that would write.
    """
    if format not in FORMATS:
        raise UsageError(f"--format {format} is unknown: use {', '.join(FORMATS)}")
    statement = select_statement(sql)
    connection = connect(store, Index.load(store))
    add_named(connection, sql, beside)
    read_only(connection, store)
    try:
        connection.execute(statement)
        names = [column[0] for column in connection.description or ()]
        rows = _rows(connection)
        first = list(itertools.islice(rows, 1))  # what fails, fails before anything is written
    except duckdb.Error as error:
        raise query_error(error) from error
    rows = itertools.chain(first, rows)
    if format == "csv":
        return _csv(names, rows)
    return _json(names, rows) if format == "json" else _table(names, rows, width)


def _rows(connection: duckdb.DuckDBPyConnection) -> Iterator[_Row]:
    try:
        while batch := connection.fetchmany(_BATCH):
            yield from batch
    except duckdb.Error as error:
        raise query_error(error) from error


def _plain(value: Any) -> Any:
    """A value as JSON knows it. Infinite and undefined numbers become null, as JSON has none."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    return value.hex() if isinstance(value, bytes) else str(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float | str):
        return str(value)
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _csv(names: list[str], rows: Iterable[_Row]) -> Iterator[str]:
    for row in itertools.chain([names], rows):
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow([_cell(value) for value in row])
        yield line.getvalue()


def _json(names: list[str], rows: Iterable[_Row]) -> Iterator[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"two columns are named {twice[0]}: give one another name with AS")
    return _json_pieces(names, rows)


def _json_pieces(names: list[str], rows: Iterable[_Row]) -> Iterator[str]:
    before = "[\n"
    for row in rows:
        yield before + json.dumps(dict(zip(names, map(_plain, row), strict=True)), ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _table(names: list[str], rows: Iterable[_Row], width: int | None) -> Iterator[str]:
    shown = list(itertools.islice(rows, TABLE_ROWS + 1))
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for position, name in enumerate(names):
        number = any(isinstance(row[position], int | float) and not isinstance(row[position], bool) for row in shown)
        table.add_column(Text(visible(name)), justify="right" if number else "left", no_wrap=True, overflow="ellipsis")
    for row in shown[:TABLE_ROWS]:
        table.add_row(*(Text(visible(" ".join(_shown(value).split()))) for value in row))
    console = Console(file=io.StringIO(), width=width or 1_000_000, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    yield "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines() if line.strip())
    if len(shown) > TABLE_ROWS:
        yield f"... the first {TABLE_ROWS} rows; `--format csv` writes them all\n"
    else:
        yield f"{plural(len(shown), 'row')}\n"


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else _cell(value)
