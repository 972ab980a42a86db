"""What a description says is what the files of a miniature hold."""

import gzip
import io
import tarfile
import zipfile
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.sources.catalog.miniature import contents
from turnmill.manifests.audio import AudioError, read


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "ogg", "opus", "sph", "m4a", "mp4"])
@pytest.mark.parametrize("channels", [1, 2])
def test_audio_of_each_format_has_its_channels_and_length(ending: str, channels: int) -> None:
    data = contents(f"a.{ending}", {"audio": {"rate": 16000, "seconds": 0.5, "channels": channels}})
    sound = read(io.BytesIO(data), f"a.{ending}").sound
    assert (sound.sample_rate, sound.channels) == (16000, channels)
    assert sound.duration == pytest.approx(0.5, abs=0.08)


def test_no_two_files_sound_the_same() -> None:
    one, other = (contents(name, {"audio": {"rate": 16000, "seconds": 0.1}}) for name in ("a.wav", "b.wav"))
    assert len(one) == len(other)
    assert one != other


def test_a_header_may_lie_and_a_file_be_cut() -> None:
    audio = {"rate": 8000, "seconds": 0.5, "claimed_frames": 1 << 30}
    assert read(io.BytesIO(contents("a.wav", {"audio": audio})), "a.wav").sound.duration == 0.5
    with pytest.raises(AudioError):
        read(io.BytesIO(contents("a.flac", {"audio": {"rate": 8000, "seconds": 0.5}, "cut": 200})), "a.flac")


def members(name: str, data: bytes) -> dict[str, bytes]:
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as zipped:
            return {each: zipped.read(each) for each in zipped.namelist()}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {each.name: file.read() for each in tar if (file := tar.extractfile(each)) is not None}


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.zip"])
def test_archives_hold_their_members_and_each_other(name: str) -> None:
    inner = {"members": {"deep/x.txt": "hello"}}
    found = members(
        name, contents(name, {"members": {"in/b.tar": inner, "é.txt": {"text": "é", "encoding": "latin-1"}}})
    )
    assert found["é.txt"] == b"\xe9"
    assert members("b.tar", found["in/b.tar"]) == {"deep/x.txt": b"hello"}


def test_a_member_may_be_there_twice() -> None:
    data = contents("a.tar", {"members": [["x.txt", "one"], ["x.txt", "two"]]})
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == ["x.txt", "x.txt"]


@pytest.mark.parametrize(
    ("name", "content", "held"),
    [
        ("a.txt", "plain", b"plain"),
        ("a.bin", {"hex": "00ff"}, b"\x00\xff"),
        ("a.bin", {"base64": "AP8="}, b"\x00\xff"),
        ("a.json", {"json": {"a": "é"}}, '{"a": "é"}'.encode()),
        ("a.jsonl", {"jsonl": [1, 2]}, b"1\n2\n"),
    ],
)
def test_small_files_hold_what_is_said(name: str, content: Any, held: bytes) -> None:
    assert contents(name, content) == held
    assert gzip.decompress(contents(f"{name}.gz", {"packed": content})) == held


def test_parquet_has_cells_of_audio_in_row_groups() -> None:
    cell = {"bytes": {"audio": {"rate": 8000, "seconds": 0.1}}, "path": "a.flac"}
    data = contents("a.parquet", {"parquet": [{"id": 1, "audio": cell}, {"id": 2, "audio": None}], "row_group": 1})
    file = pq.ParquetFile(io.BytesIO(data))
    assert file.num_row_groups == 2
    assert file.read().to_pylist()[0]["audio"]["bytes"].startswith(b"fLaC")


def test_a_stub_of_git_lfs_names_the_size_of_what_is_not_there() -> None:
    assert contents("a.wav", {"lfs": 123456}).endswith(b"\nsize 123456\n")
