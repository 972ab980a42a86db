"""Folders that are named by their files."""

import tracemalloc
from pathlib import Path

from turnmill.manifests.digests import digest_of_folder


def written(folder: Path, **files: bytes) -> str:
    folder.mkdir()
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    return digest_of_folder(folder, (".bin", ".json"))


def test_a_folder_is_known_by_the_names_and_contents_of_such_files(tmp_path: Path) -> None:
    one = written(tmp_path / "one", model_bin=b"1", a_json=b"2")
    assert written(tmp_path / "moved", model_bin=b"1", a_json=b"2", notes_md=b"3") == one
    assert written(tmp_path / "content", model_bin=b"1", a_json=b"3") != one
    assert written(tmp_path / "name", model_bin=b"1", b_json=b"2") != one


def test_all_of_a_folder_is_what_lies_below_it_too(tmp_path: Path) -> None:
    written(tmp_path / "one", model_bin=b"1")
    flat = digest_of_folder(tmp_path / "one")
    assert flat == digest_of_folder(tmp_path / "one", (".bin",))
    (tmp_path / "one/deep").mkdir()
    (tmp_path / "one/deep/config.yaml").write_bytes(b"2")
    deep = digest_of_folder(tmp_path / "one")
    assert deep != flat
    (tmp_path / "one").rename(tmp_path / "moved")
    assert digest_of_folder(tmp_path / "moved") == deep


def test_no_file_is_held_in_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    written(tmp_path / "large", model_bin=bytes(10_000_000))
    tracemalloc.reset_peak()
    digest_of_folder(tmp_path / "large", (".bin",))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
