import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.notes import notes_of
from turnmill.manifests.errors import UsageError
from turnmill.manifests.schema import to_table
from turnmill.manifests.store import Store, opened, part_name, rows, tar_name

SELECTION = [{"uid": f"t/c{n}", "removed_by": None, "duration": n / 3} for n in range(100)]


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path / "o ü") if request.param == "local" else f"memory://{uuid.uuid4().hex}/o")


def test_a_part_and_its_notes_survive_the_round_trip(store: Store) -> None:
    name = part_name("clip_selection", "f0", "k")
    table = to_table("clip_selection", SELECTION)
    store.write_part(name, table, {"items_in": "100", "ü": "y=z"})
    assert store.exists(name)
    assert store.names("clip_selection") == [name]
    assert rows(store.read_part(name)) == SELECTION
    assert rows(store.read_part(name, ("uid", "t/c7"))) == [SELECTION[7]]
    assert notes_of(store, name) == {"items_in": "100", "ü": "y=z"}


def test_the_fields_of_a_part_keep_their_documentation(store: Store) -> None:
    store.write_part("x/f/k.parquet", to_table("clip_selection", SELECTION), {})
    assert store.read_part("x/f/k.parquet").schema.field("duration").metadata[b"unit"] == b"s"


def test_a_part_does_not_inherit_the_notes_of_the_part_it_came_from(store: Store) -> None:
    store.write_part("x/f/a.parquet", to_table("clip_selection", SELECTION), {"items_in": "100", "hours": "1"})
    store.write_part("x/f/b.parquet", store.read_part("x/f/a.parquet"), {"items_in": "7"})
    assert notes_of(store, "x/f/b.parquet") == {"items_in": "7"}
    assert list(store.read_part("x/f/b.parquet").schema.metadata) == [b"turnmill.items_in"]


def test_equal_tables_have_equal_bytes(tmp_path: Path) -> None:
    stores = [Store(str(tmp_path / name)) for name in ("a", "b")]
    for one in stores:
        one.write_part("x/f/k.parquet", to_table("clip_selection", SELECTION), {"a": "1", "b": "2"})
    assert stores[0].read("x/f/k.parquet") == stores[1].read("x/f/k.parquet")


def fail_half_way(store: Store, name: str) -> None:
    with store.writer(name) as file:
        file.write(b"half")
        raise RuntimeError("no power")


def test_a_writer_that_fails_leaves_nothing_and_what_was_there_before(store: Store) -> None:
    store.write("kept", b"before")
    for name in ("new", "kept"):
        with pytest.raises(RuntimeError, match="no power"):
            fail_half_way(store, name)
    assert not store.exists("new")
    assert store.read("kept") == b"before"
    assert store.names("") == ["kept"]
    if store.is_local:
        assert os.listdir(store.root) == ["kept"]


def test_a_file_cannot_be_seen_before_it_is_whole(store: Store) -> None:
    with store.writer("folder/file") as file:
        file.write(b"first ")
        file.flush()
        assert not store.exists("folder/file")
        assert store.names("") == []
        file.write(b"second")
    assert store.read("folder/file") == b"first second"


def test_a_writer_killed_by_the_system_leaves_no_file_but_a_temporary_that_a_rerun_removes(tmp_path: Path) -> None:
    killed = """
import os, signal, sys
from turnmill.manifests.store import Store
with Store(sys.argv[1]).writer("a/b/part") as file:
    file.write(b"half" * (1 << 20)); file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    home = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", killed, str(tmp_path)], cwd=home, check=False)
    assert done.returncode == -signal.SIGKILL
    store = Store(str(tmp_path))
    assert store.names("") == []
    assert len(os.listdir(tmp_path / "a" / "b")) == 1
    store.remove_temporaries()
    assert os.listdir(tmp_path / "a" / "b") == []


def test_names_are_sorted_relative_and_those_below_the_folder_only(store: Store) -> None:
    for name in ("clips/f/b.parquet", "clips/f/a.parquet", "clips/g/c.parquet", "clipsy/f/d.parquet"):
        store.write(name, b"x")
    assert store.names("clips/f") == ["clips/f/a.parquet", "clips/f/b.parquet"]
    assert store.names("clips") == ["clips/f/a.parquet", "clips/f/b.parquet", "clips/g/c.parquet"]
    assert store.names("nothing") == []


def test_a_removed_file_is_gone_and_removing_it_again_is_no_error(store: Store) -> None:
    store.write("a", b"x")
    store.remove("a")
    store.remove("a")
    assert not store.exists("a")


def test_the_path_of_a_part_tells_table_fingerprint_and_shard() -> None:
    assert part_name("clips", "f0", "k") == "clips/f0/k.parquet"
    assert tar_name("clips", "f0", "k") == "audio/clips/f0/k.tar"


def test_a_url_whose_package_is_missing_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)  # what an absent module looks like to the import system
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(UsageError, match="s3://bucket/out needs the package s3fs: pip install s3fs"):
        opened("s3://bucket/out")
    with pytest.raises(UsageError, match="gs://bucket/out needs the package gcsfs: pip install gcsfs"):
        opened("gs://bucket/out")
    with pytest.raises(UsageError, match="sss://bucket/out is no folder and no URL that fsspec can open"):
        opened("sss://bucket/out")
