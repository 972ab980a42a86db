import csv
import io
import json
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from turnmill.manifests.answer import run_query
from turnmill.manifests.errors import UsageError
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.schema import SCHEMAS
from turnmill.manifests.store import Store

Make = Callable[..., Store]


def ask(store: Store, sql: str, format: str = "csv", width: int | None = None) -> str:
    return "".join(run_query(store, sql, format, width))


def test_every_table_is_a_view_with_the_columns_of_its_schema(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    empty = Store(str(tmp_path / "empty"))
    Index("r", "h", 0, ()).save(empty)
    nothing = connect(empty, Index.load(empty))
    for table, schema in SCHEMAS.items():
        filled = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE {table}").fetchall()}
        assert list(filled) == schema.names
        assert filled == {name: kind for name, kind, *_ in nothing.execute(f"DESCRIBE {table}").fetchall()}
    assert nothing.execute("SELECT count(*) FROM clips_all").fetchone() == (0,)
    assert nothing.execute("SELECT count(*) FROM dialogues_all").fetchone() == (0,)
    assert nothing.execute("SELECT count(*) FROM ledger").fetchone() == (0,)


def test_clips_all_has_each_column_once_and_every_name_that_a_predicate_needs(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    columns = [row[0] for row in connection.execute("DESCRIBE clips_all").fetchall()]
    assert len(columns) == len(set(columns))
    wanted = (
        "text text_error duration speech_ratio avg_logprob compression_ratio licence_redistribute duplicate_kept snr_db"
    )
    assert set(wanted.split()) <= set(columns)


def test_a_dataset_with_other_columns_is_told_to_be_of_another_version(dataset: Store) -> None:
    maker = Index.load(dataset).maker("transcripts")
    assert maker is not None
    for name in dataset.names(f"transcripts/{maker.fingerprint}"):
        dataset.write_part(name, dataset.read_part(name).drop_columns(["text_error"]), {})
    with pytest.raises(UsageError, match=r"was made by another version of Turnmill, .*: run its recipe again with"):
        ask(dataset, "SELECT 1")


def test_of_equal_audio_the_first_uid_is_kept(connection: duckdb.DuckDBPyConnection) -> None:
    dropped = connection.execute("SELECT uid FROM clips_all WHERE NOT duplicate_kept").fetchall()
    assert dropped == [("t/c2",)]


def test_an_unlabelled_clip_stays_in_clips_all_with_nulls(dataset: Store) -> None:
    dataset.remove("quality/f1/b.parquet")
    rows = ask(dataset, "SELECT uid, speech_ratio FROM clips_all ORDER BY uid").splitlines()
    assert rows == ["uid,speech_ratio", "t/c1,0.8", "t/c2,0.8", "t/c3,0.8", "t/c4,", "t/c5,"]


def test_parts_of_another_fingerprint_are_not_seen(dataset: Store) -> None:
    dataset.write("clips/old/a.parquet", dataset.read("clips/f0/a.parquet"))
    assert ask(dataset, "SELECT count(*) FROM clips") == "count_star()\n5\n"


def test_a_half_written_part_is_not_seen(dataset: Store) -> None:
    dataset.write("clips/f0/c.parquet.tmp-1", b"half")
    assert ask(dataset, "SELECT count(*) FROM clips") == "count_star()\n5\n"


def test_the_ledger_has_a_row_per_stage_and_shard_from_the_footers(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute(
        "SELECT stage, half, shard, items_in, items_out, rejected, round(hours * 3600, 6)"
        " FROM ledger WHERE position < 2"
    ).fetchall()
    assert rows == [
        ("ingest", "speech", "a", 4, 3, 1, 7.5),
        ("ingest", "speech", "b", 3, 2, 1, 9.0),
        ("quality", "speech", "a", 3, 3, 0, 0.0),
        ("quality", "speech", "b", 2, 2, 0, 0.0),
    ]


def test_queries_work_on_a_store_that_is_not_local(make: Make) -> None:
    store = make(f"memory://{uuid.uuid4().hex}/out")
    sql = "SELECT count(*), sum((SELECT sum(items_in) FROM ledger WHERE stage = 'ingest')) FROM clips"
    assert ask(store, sql).splitlines()[1] == "5,35"
    with pytest.raises(UsageError, match="only read the tables"):
        ask(store, "SELECT * FROM read_text('/etc/passwd')")


@pytest.mark.parametrize(
    "sql",
    [
        "COPY clips TO '{out}/evil.csv'",
        "COPY (SELECT 1) TO '{out}/clips/f0/a.parquet' (FORMAT parquet)",
        "EXPLAIN ANALYZE COPY clips TO '{out}/evil.csv'",
        "EXPORT DATABASE '{out}/evil'",
        "ATTACH '{out}/evil.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CREATE TABLE evil AS SELECT 1",
        "DROP VIEW clips",
        "INSERT INTO rejects SELECT * FROM rejects",
        "SET enable_external_access = true",
        "PRAGMA enable_profiling",
        "CALL pragma_version()",
    ],
)
def test_whatever_is_not_a_query_is_refused_and_leaves_the_folder_as_it_was(dataset: Store, sql: str) -> None:
    before = {name: dataset.read(name) for name in dataset.names("")}
    with pytest.raises(UsageError, match=r"a query can only read: \w+ is refused"):
        ask(dataset, sql.replace("{out}", dataset.root.replace("'", "''")))
    assert {name: dataset.read(name) for name in dataset.names("")} == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_blob('{out}/../secret')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('https://example.org/x.parquet')",
    ],
)
def test_files_outside_the_folder_are_out_of_reach(dataset: Store, sql: str) -> None:
    Path(dataset.root).parent.joinpath("secret").write_text("secret")
    with pytest.raises(UsageError, match="only read the tables"):
        ask(dataset, sql.replace("{out}", dataset.root.replace("'", "''")))


def test_a_query_never_means_a_python_variable(dataset: Store) -> None:
    with pytest.raises(UsageError, match="the query failed"):
        ask(dataset, "SELECT * FROM names")


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT nothing FROM clips", "SELECT CAST('x' AS INTEGER)"])
def test_wrong_sql_is_a_usage_error_with_the_message_of_duckdb(dataset: Store, sql: str) -> None:
    with pytest.raises(UsageError, match=r"the query failed: \w+ Error"):
        ask(dataset, sql)


@pytest.mark.parametrize(("sql", "count"), [("", 0), ("SELECT 1; SELECT 2", 2), (" ; ", 0)])
def test_there_is_one_query_at_a_time(dataset: Store, sql: str, count: int) -> None:
    with pytest.raises(UsageError, match=f"has {count} statement"):
        ask(dataset, sql)


def test_a_folder_that_is_no_dataset_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not an output folder of Turnmill"):
        ask(Store(str(tmp_path)), "SELECT 1")


def test_an_unknown_format_names_the_known_ones(dataset: Store) -> None:
    with pytest.raises(UsageError, match="table, csv, json"):
        ask(dataset, "SELECT 1", "xml")


def test_describe_show_and_summarize_are_queries(dataset: Store) -> None:
    assert "speech_ratio" in ask(dataset, "DESCRIBE clips_all")
    assert "clips_all" in ask(dataset, "SHOW TABLES")
    assert "duration" in ask(dataset, "SUMMARIZE clips")
    assert "t/c1" in ask(dataset, "FROM clips")


def test_json_is_a_list_of_objects_with_nested_values_and_nulls(dataset: Store) -> None:
    sql = "SELECT 1.5 AS x, 'nan'::DOUBLE AS n, [1, NULL] AS l, {'a': 'ü'} AS s, NULL AS z, 0.1::DECIMAL(4, 2) AS d"
    expected = [{"x": 1.5, "n": None, "l": [1, None], "s": {"a": "ü"}, "z": None, "d": 0.1}]
    assert json.loads(ask(dataset, sql, "json")) == expected
    assert json.loads(ask(dataset, "SELECT uid FROM clips WHERE false", "json")) == []
    assert len(json.loads(ask(dataset, "SELECT uid FROM clips", "json"))) == 5
    with pytest.raises(UsageError, match="two columns are named a"):
        ask(dataset, "SELECT 1 AS a, 2 AS a", "json")


def test_csv_quotes_what_needs_it_and_reads_back(dataset: Store) -> None:
    text = ask(dataset, """SELECT 'a,"b"' AS x, NULL AS n, [1, 2] AS l, 'two\nlines' AS t""")
    assert list(csv.reader(io.StringIO(text))) == [["x", "n", "l", "t"], ['a,"b"', "", "[1, 2]", "two\nlines"]]


def test_a_table_is_cut_to_a_terminal_only(dataset: Store) -> None:
    sql = "SELECT repeat('long ', 100) AS text, 12 AS number"
    whole, cut = ask(dataset, sql, "table"), ask(dataset, sql, "table", width=40)
    assert "long " * 99 in whole
    assert max(map(len, cut.splitlines())) <= 40
    assert "12" in cut
    assert whole.endswith("1 row\n")


def test_a_long_table_says_that_there_is_more(dataset: Store) -> None:
    text = ask(dataset, "FROM range(1001)", "table")
    assert "the first 1000 rows" in text
    assert len(ask(dataset, "FROM range(1001)").splitlines()) == 1002


def test_answers_are_streamed_and_views_are_lazy(dataset: Store) -> None:
    started = time.monotonic()
    pieces = run_query(dataset, "SELECT * FROM range(1_000_000_000)", "csv")
    assert [next(pieces) for _ in range(3)] == ["range\n", "0\n", "1\n"]
    assert time.monotonic() - started < 20
    assert not os.path.exists(".tmp")


def test_a_time_with_a_zone_is_answered_in_utc(dataset: Store) -> None:
    sql = "SELECT TIMESTAMPTZ '2026-01-01 10:00:00+02' AS t, [TIMESTAMPTZ '2026-01-01 10:00:00+02'] AS l"
    assert "2026-01-01 08:00:00+00:00" in ask(dataset, sql, "table")
    assert ask(dataset, sql).splitlines()[1].startswith("2026-01-01 08:00:00+00:00,")
    answer = json.loads(ask(dataset, sql, "json"))
    assert answer == [{"t": "2026-01-01 08:00:00+00:00", "l": ["2026-01-01 08:00:00+00:00"]}]


def test_a_table_shows_what_a_terminal_would_obey_and_csv_keeps_its_bytes(dataset: Store) -> None:
    sql = "SELECT 'a' || chr(27) || '[31m' || chr(8238) AS x"
    assert r"a\u001b[31m\u202e" in ask(dataset, sql, "table", 60)
    assert ask(dataset, sql) == "x\na\x1b[31m\u202e\n"
