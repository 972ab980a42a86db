"""Of a remote store DuckDB reads each part once, however many queries there are, and sees what arrives later."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.counted import COUNTED, CountingFileSystem, counted
from turnmill.manifests.fetched import FetchedFileSystem
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.store import Store


@pytest.fixture
def remote(make: Callable[..., Store], tmp_path: Path) -> Store:
    make(str(tmp_path / "o ü"))
    return Store(f"{COUNTED}://{tmp_path / 'o ü'}")


def test_a_part_is_fetched_once_for_all_queries_of_a_connection(remote: Store) -> None:
    with counted() as calls:
        index = Index.load(remote)
        connection = connect(remote, index)
        for _ in range(5):
            assert connection.execute("SELECT count(*), sum(duration) FROM clips").fetchone()[0] == 5  # type: ignore[index]
            connection.execute("SELECT * FROM ledger").fetchall()
    parts = [name for name in remote.names("") if name.endswith(".parquet")]
    assert 0 < calls["open"] <= len(parts) + 1  # and the index


def test_a_part_that_arrives_is_seen_by_the_next_query(remote: Store) -> None:
    with counted():
        connection = connect(remote, Index.load(remote))
        before = connection.execute("SELECT count(*) FROM clips").fetchone()
        name = next(name for name in remote.names("clips") if name.endswith(".parquet"))
        shutil.copy(remote.path(name), remote.path(name.replace(".parquet", "-again.parquet")))
        after = connection.execute("SELECT count(*) FROM clips").fetchone()
    assert before is not None
    assert after is not None
    assert after[0] > before[0]


def test_the_copies_go_with_the_filesystem_and_it_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    fetched = FetchedFileSystem(CountingFileSystem())
    assert fetched.open(f"{COUNTED}://{tmp_path}/a").read() == b"x"
    assert fetched.info(f"{COUNTED}://{tmp_path}/a")["size"] == 1
    with pytest.raises(PermissionError):
        fetched.open(f"{COUNTED}://{tmp_path}/b", "wb")
    folder = Path(fetched._folder)
    assert len(list(folder.iterdir())) == 1
    del fetched
    assert not folder.exists()
