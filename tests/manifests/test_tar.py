import io
import tarfile
from pathlib import Path

import hypothesis.strategies as st
import pytest
import webdataset
from hypothesis import given, settings

from turnmill.manifests.tar import TarWriter

KEYS = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789_-", min_size=1, max_size=90)
MEMBERS = st.dictionaries(KEYS, st.binary(max_size=1500), max_size=8)


def written(members: dict[str, bytes]) -> tuple[bytes, list[tuple[int, int]]]:
    file = io.BytesIO()
    tar = TarWriter(file)
    places = [tar.add(f"{key}.flac", data) for key, data in members.items()]
    tar.close()
    return file.getvalue(), places


@settings(deadline=None)  # a busy machine is no failure
@given(MEMBERS)
def test_offsets_are_where_the_bytes_are_and_where_tarfile_finds_them(members: dict[str, bytes]) -> None:
    data, places = written(members)
    assert [data[offset : offset + size] for offset, size in places] == list(members.values())
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        found = tar.getmembers()
        assert [member.name for member in found] == [f"{key}.flac" for key in members]
        assert [(member.offset_data, member.size) for member in found] == places


@settings(deadline=None)  # a busy machine is no failure
@given(MEMBERS)
def test_bytes_depend_on_the_members_alone(members: dict[str, bytes]) -> None:
    data, _ = written(members)
    assert written(members)[0] == data
    assert len(data) % tarfile.RECORDSIZE == 0
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar.getmembers():
            assert (member.mtime, member.uid, member.gid, member.uname, member.mode) == (0, 0, 0, "", 0o644)


def test_webdataset_reads_the_samples_back(tmp_path: Path) -> None:
    path = tmp_path / "shard.tar"
    with path.open("wb") as file:
        tar = TarWriter(file)
        for n in range(20):
            tar.add(f"key-{n}.flac", bytes([n]) * (n * 100))
            tar.add(f"key-{n}.json", b'{"n": %d}' % n)
        tar.close()
    samples = list(webdataset.WebDataset(str(path), shardshuffle=False).decode())
    assert [(sample["__key__"], sample["json"]["n"]) for sample in samples] == [(f"key-{n}", n) for n in range(20)]
    assert [sample["flac"] for sample in samples] == [bytes([n]) * (n * 100) for n in range(20)]


def test_a_file_is_added_as_its_bytes_are(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000
    (tmp_path / "sound").write_bytes(data)
    one, two = io.BytesIO(), io.BytesIO()
    by_bytes, by_file = TarWriter(one), TarWriter(two)
    with (tmp_path / "sound").open("rb") as file:
        file.seek(100)
        assert by_file.add("a.flac", file) == by_bytes.add("a.flac", data) == (512, len(data))
    by_file.close()
    by_bytes.close()
    assert two.getvalue() == one.getvalue()


class Shrinking(io.BytesIO):
    """A file that loses its second half once its size was asked."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET:
            self.truncate(len(self.getvalue()) // 2)
        return super().seek(offset, whence)


def test_a_file_that_becomes_shorter_while_it_is_copied_is_an_error() -> None:
    with pytest.raises(OSError, match="became shorter"):
        TarWriter(io.BytesIO()).add("a.flac", Shrinking(bytes(1000)))
