"""DuckDB over the parts: one view per table, the joins that curation reads, and a read-only door for users.

Views of `connect`: every table of `manifests.schema.SCHEMAS` by its name, and

    clips_all      clips, a row each, with all that labels them; duplicate_kept: of one pcm_hash, of those that have all
                   labels and then of those that may be given on, the clip with the best transcript, else the first by
                   uid; and removed_by, the predicate of `select` that removed it
    dialogues_all  the same of dialogues; removed_by: the predicate of `select_dialogues`
    recordings_all recordings that clips are cut from, and clips that are all of their recording
    losses         a row per reject: position of its stage, stage, reason
    ledger         a row per stage and shard: what went in, came out and was rejected, from the footers of the parts
    stages         a row per stage, and corpus where each has its own, in pipeline order
    hours_of(s)    an aggregate: seconds as hours, summed in whole microseconds so that no order of threads shows

Views read Parquet lazily: memory does not grow with the dataset.
"""

import functools
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.fetched import FetchedFileSystem
from turnmill.manifests.index import Index
from turnmill.manifests.schema import HALVES, SCHEMAS, Items, Table, declared, labels_of
from turnmill.manifests.store import Store
from turnmill.manifests.wording import plural

TablesBeside = Mapping[str, Callable[[], pa.Table]]
_LEDGER = (
    "stage VARCHAR, half VARCHAR, position INTEGER, shard VARCHAR, "
    "items_in BIGINT, items_out BIGINT, rejected BIGINT, hours DOUBLE, notes MAP(VARCHAR, VARCHAR)"
)
_STAGES = pa.schema(
    [
        ("position", pa.int32()),
        ("stage", pa.string()),
        ("half", pa.string()),
        ("corpus", pa.string()),
        ("fingerprint", pa.string()),
        ("table_name", pa.string()),
        ("items", pa.string()),
    ]
)

_HOURS = (
    "CREATE MACRO hours_of(seconds) AS coalesce(sum(CAST(round(seconds * 1e6) AS BIGINT)) / 3.6e9, 0.0)"  # in hours
)
_RECORDINGS = f"""CREATE VIEW recordings_all AS SELECT * FROM recordings UNION ALL BY NAME
    SELECT {", ".join(f'"{name}"' for name in SCHEMAS["recordings"].names)} FROM clips WHERE recording = uid
    AND uid NOT IN (SELECT uid FROM recordings)"""
# Of copies the one is kept that no label rejected, then one that may be given to others: corpora differ in that.
_LACKS = ", ".join(f"{table.name}.{table.item} IS NULL" for table in labels_of("clips"))
_BEST = f"{_LACKS}, clips.licence_redistribute DESC NULLS LAST, text_error NULLS LAST, clips.uid"
_DERIVED = {"speech": f"row_number() OVER (PARTITION BY pcm_hash ORDER BY {_BEST}) = 1 AS duplicate_kept, "}
"""By half, columns that are made of those of all labels."""


def _all_labels(items: Items) -> str:
    """The view of the items of a half, a row each, with the columns of every table that labels them."""
    labels = labels_of(items.table)
    columns = [f"{items.table}.*", *(f"{table.name}.* EXCLUDE ({table.item})" for table in labels)]
    joins = [
        f"LEFT JOIN {standing_rows(table)} ON {table.name}.{table.item} = {items.table}.{items.key}" for table in labels
    ]
    selection = f"(SELECT uid AS selected, removed_by FROM {items.selection}) AS selection"
    return (
        f"CREATE VIEW {items.view} AS SELECT {', '.join(columns)}, {_DERIVED.get(items.half, '')}removed_by "
        f"FROM {' '.join([items.table, *joins])} LEFT JOIN {selection} ON selected = {items.table}.{items.key}"
    )


def standing_rows(table: Table) -> str:
    """A label table with the one row of each item that stands for it."""
    if not table.stands:
        return table.name
    order = ", ".join(f'"{column}" NULLS LAST' for column in (*table.stands, *table.key))
    first = f"row_number() OVER (PARTITION BY {table.item} ORDER BY {order}) = 1"
    return f"(SELECT * FROM {table.name} QUALIFY {first}) AS {table.name}"


def passed(items: Items, tables: Iterable[str]) -> str:
    """Query for the rows of the view of a half that every one of these label tables has: what a label stage rejected
    has none. Tables of other kinds do not count."""
    labels = (declared(table) for table in tables)
    joins = (
        f"SEMI JOIN {table.name} ON {table.name}.{table.item} = {items.view}.{items.key}"
        for table in labels
        if table.label and table.of == items.table
    )
    return f"(SELECT * FROM {' '.join([items.view, *joins])})"


def in_memory() -> duckdb.DuckDBPyConnection:
    """An empty database. What does not fit in memory goes where temporary files do."""
    connection = duckdb.connect(":memory:")
    # Otherwise it would be spilled into a folder `.tmp` of the working directory.
    spill = os.path.join(tempfile.gettempdir(), f"turnmill-duckdb-{os.getuid()}")
    connection.execute(f"SET temp_directory = {quoted(spill)}")
    return connection


def connect(store: Store, index: Index) -> duckdb.DuckDBPyConnection:
    """An in-memory database with the views above over the parts of the index's fingerprints.

    A table without parts is an empty table with the right columns. Parts that appear later in a folder that had some
    are seen by the next query.
    """
    connection = in_memory()
    if not store.is_local:
        connection.register_filesystem(FetchedFileSystem(store.fs))
    connection.execute("SET TimeZone = 'UTC'")  # not the host's: the same answer everywhere
    connection.execute("SET python_enable_replacements = false")  # a table name never means a Python variable
    folders = {table: _folders(store, index, table) for table in SCHEMAS}
    try:
        for table in SCHEMAS:
            globs = [_glob(store, folder) for folder in folders[table]]
            if globs:
                columns = ", ".join(f'"{name}"' for name in SCHEMAS[table].names)
                connection.execute(f"CREATE VIEW {table} AS SELECT {columns} FROM read_parquet([{', '.join(globs)}])")
            else:
                connection.execute(_empty_tables()[table])
        for items in HALVES.values():
            connection.execute(_all_labels(items))
        connection.execute(_RECORDINGS)
        connection.execute(_HOURS)
    except duckdb.BinderException as error:
        raise UsageError(
            f"{store.url} was made by another version of Turnmill, with other columns: run its recipe again with "
            f"--out {store.url} ({str(error).splitlines()[0]})"
        ) from error
    _add_ledger(connection, store, index, folders)
    return connection


def add_named(connection: duckdb.DuckDBPyConnection, sql: str, beside: TablesBeside) -> None:
    """Add those tables that a query names of some that are no dataset's, each with what makes it when it is wanted."""
    for name, made in beside.items():
        if name in sql.casefold():
            connection.register(name, made())


def read_only(connection: duckdb.DuckDBPyConnection, store: Store) -> None:
    """Lock a connection for good: it reads below the store's folder, and neither writes nor loads anything.

    DuckDB lets an allowed folder be written too, so `manifests.answer` refuses every statement but a query as well.
    """
    root = _url(store, "")
    # A view's glob is checked as it is spelled: with the brackets of the folder's own name escaped.
    allowed = ", ".join(quoted(path.rstrip("/") + "/") for path in sorted({root, _escaped(root)}))
    connection.execute(f"SET allowed_directories = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def select_statement(sql: str) -> duckdb.Statement:
    """The one query in a text. UsageError where it is none, several, or would do more than read."""
    if not sql.isprintable() and any(0xD800 <= ord(character) <= 0xDFFF for character in sql):
        raise UsageError("the query is not UTF-8: write it in a terminal that is")
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise query_error(error) from error
    if len(statements) != 1:
        raise UsageError(f"one query at a time, please: this text has {plural(len(statements), 'statement')}")
    if statements[0].type != duckdb.StatementType.SELECT:
        raise UsageError(
            f"a query can only read: {statements[0].type.name} is refused, use SELECT, FROM, DESCRIBE, SHOW or "
            "SUMMARIZE (to keep a result, send `--format csv` into a file)"
        )
    return statements[0]


def check_condition(sql: str) -> None:
    """Raise UsageError for a text that is not one SQL condition over tables of the dataset: one that ends the condition
    early, reads a file, a setting or the environment, or draws others each time."""
    if not sql.strip():
        raise UsageError("it is empty.")
    with duckdb.connect(":memory:") as parser:
        try:
            serialized = parser.execute("SELECT json_serialize_sql(?::VARCHAR)", [f"SELECT (\n{sql}\n)"]).fetchone()
        except duckdb.Error as error:
            raise query_error(error) from error
    assert serialized is not None  # a function of one row
    found = json.loads(serialized[0])
    if found["error"]:
        raise UsageError(f"it is not SQL: {str(found['error_message']).splitlines()[0]}.")
    nodes = [statement["node"] for statement in found["statements"]]
    if len(nodes) != 1 or not _is_one_expression(nodes[0]):
        raise UsageError("it is more than one condition.")
    for node in _objects(nodes[0]):
        kind, function = node.get("type"), node.get("function_name", "")
        if kind == "TABLE_FUNCTION":
            function = node["function"].get("function_name", "")
            if function not in _TABLE_FUNCTIONS:
                raise UsageError(f"{function}() is not allowed: it can only read the tables of this dataset.")
        elif kind == "BASE_TABLE" and (node.get("catalog_name") or node.get("schema_name") not in ("", "main")):
            raise UsageError(f"{node['schema_name']}.{node['table_name']} is not a table of this dataset.")
        elif function in _HOST_FUNCTIONS:
            raise UsageError(f"{function}() is not allowed: it can only read the tables of this dataset.")
        elif function in _CHANGING or node.get("sample") is not None:
            what = f"{function}()" if function else "USING SAMPLE"
            raise UsageError(f"{what} is another each time: draw by the item, as hash(uid) % 10 = 0 (dialogues: id).")


_TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series"})
_CHANGING = frozenset(
    {"gen_random_uuid", "get_current_time", "get_current_timestamp", "now", "random", "setseed", "today"}
    | {"transaction_timestamp", "uuid", "uuidv4", "uuidv7"}
)
"""What chooses others when it is asked again: a run or an export that goes on, or another rank of a training."""
_HOST_FUNCTIONS = frozenset({"current_setting", "getenv", "getvariable", "write_log"})


def _is_one_expression(node: Mapping[str, Any]) -> bool:
    """Whether `SELECT (...)` is nothing else."""
    clauses = ("where_clause", "having", "qualify", "sample", "group_expressions", "modifiers")
    return (
        node["type"] == "SELECT_NODE"
        and len(node["select_list"]) == 1
        and node["from_table"]["type"] == "EMPTY"
        and not any(node.get(clause) for clause in clauses)
    )


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """All objects inside a JSON value."""
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from _objects(child)
    elif isinstance(value, list):
        for child in value:
            yield from _objects(child)


@contextmanager
def told_of_parts(store: Store, command: str = "run the recipe") -> Iterator[None]:
    """A part that is damaged is told in a sentence: parts are written whole, so the disk or somebody else did it.
    `command`: what makes it anew."""
    try:
        yield
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        raise TurnmillError(
            f"a table of {store.url} cannot be read ({said}): remove the file that is named, or the folder of its "
            f"table, and {command} again, which makes it anew"
        ) from error


def query_error(error: duckdb.Error) -> TurnmillError:
    """DuckDB's message as an error of ours."""
    if isinstance(error, duckdb.PermissionException):
        return UsageError(f"a query can only read the tables of this dataset (see SHOW TABLES): {error}")
    return UsageError(f"the query failed: {error}")


def _folders(store: Store, index: Index, table: str) -> list[str]:
    """Folders of a table's current parts, those that have any."""
    if table in ("rejects", "passed_over"):  # lie beside what a stage made
        candidates = [f"{table}/{stage.fingerprint}" for stage in index.stages]
    elif table == "runs":  # tells times, belongs to no stage
        candidates = sorted({name.rsplit("/", 1)[0] for name in store.names("runs")})
    else:
        candidates = [f"{table}/{maker.fingerprint}" for maker in index.makers(table)]
    return [folder for folder in candidates if any(name.endswith(".parquet") for name in store.names(folder))]


def _add_ledger(
    connection: duckdb.DuckDBPyConnection, store: Store, index: Index, folders: Mapping[str, Sequence[str]]
) -> None:
    rows = [
        dict(zip(_STAGES.names, (n, s.name, s.half, s.corpus, s.fingerprint, s.commit, s.items), strict=True))
        for n, s in enumerate(index.stages)
    ]
    _create(connection, "stages", pa.Table.from_pylist(rows, schema=_STAGES))
    footers = [
        f"SELECT {position} AS position, file_name, decode(key) AS key, decode(value) AS value "
        f"FROM parquet_kv_metadata({_glob(store, folder)})"
        for position, stage in enumerate(index.stages)
        if (folder := f"{stage.commit}/{stage.fingerprint}") in folders[stage.commit]
    ]
    rejects = ", ".join(_glob(store, folder) for folder in folders["rejects"])
    if rejects:
        connection.execute(f"""
            CREATE VIEW losses AS SELECT position, stage, reason FROM read_parquet([{rejects}], filename = true)
            JOIN (SELECT position, fingerprint, stage FROM stages) USING (stage)
            WHERE contains(filename, '/' || fingerprint || '/')""")
    else:
        connection.execute("CREATE TABLE losses (position INTEGER, stage VARCHAR, reason VARCHAR)")
    if not footers:
        connection.execute(f"CREATE TABLE ledger ({_LEDGER})")
        return
    connection.execute(f"""
        CREATE VIEW ledger AS
        WITH footers AS ({" UNION ALL ".join(footers)}),
        parts AS (
            SELECT position, regexp_extract(file_name, '([^/]+)[.]parquet$', 1) AS shard,
                   map_from_entries(list((key[10:], value) ORDER BY key)) AS notes
            FROM footers WHERE key LIKE 'turnmill.%' GROUP BY ALL
        )
        SELECT stage, half, position, shard,
               notes['items_in']::BIGINT AS items_in, notes['items_out']::BIGINT AS items_out,
               notes['rejected']::BIGINT AS rejected, notes['hours']::DOUBLE AS hours, notes
        FROM parts JOIN stages USING (position) ORDER BY position, shard""")


def _create(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    connection.register("arriving", table)
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM arriving")
    connection.unregister("arriving")


@functools.cache
def _empty_tables() -> dict[str, str]:
    """By table, the statement that makes it without rows. Arrow's types are put into DuckDB's words once a process."""
    with duckdb.connect(":memory:") as connection:
        for name, schema in SCHEMAS.items():
            _create(connection, name, schema.empty_table())
        return dict(connection.execute("SELECT table_name, sql FROM duckdb_tables()").fetchall())


def _glob(store: Store, folder: str) -> str:
    """Quoted pattern of a folder's parts; a temporary file's name does not end in .parquet and never matches."""
    return quoted(f"{_escaped(_url(store, folder))}/*.parquet")


def _url(store: Store, name: str) -> str:
    path = store.path(name)
    return path if store.is_local else str(store.fs.unstrip_protocol(path))


def _escaped(path: str) -> str:
    return re.sub(r"([\[\]*?])", r"[\1]", path)


def quoted(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
