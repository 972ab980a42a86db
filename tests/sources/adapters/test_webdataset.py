"""Tar shards: samples by their keys, byte ranges, and what is hostile or damaged."""

import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import fsspec
import pytest

from tests.sources.catalog.miniature import contents
from turnmill.manifests.audio import read
from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Licence, Reason, Reject
from turnmill.sources.adapters import tar_members, webdataset
from turnmill.sources.adapters.base import Corpus
from turnmill.sources.adapters.items import ClipRef, UnitSize
from turnmill.sources.adapters.tar_members import members
from turnmill.sources.adapters.webdataset import WebDatasetIngest
from turnmill.sources.places import place

LICENCE = Licence("CC0-1.0", redistribute=True, commercial=True)
AUDIO = contents("a.flac", {"audio": {"rate": 16000, "seconds": 0.25}})


def corpus(root: Path | str, **knobs: Any) -> Corpus[ClipRef]:
    fields = {"captions": ("{text}",), "tags": ("{tag}", "{tags}"), "speaker": "{who.name}"}
    return Corpus("c", place(root), WebDatasetIngest(family="webdataset", **{"fields": fields, **knobs}), LICENCE)


def info(name: str, size: int = 0, **more: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size = size
    for key, value in more.items():
        setattr(made, key, value)
    return made


def write(path: Path, files: Iterable[tuple[str | tarfile.TarInfo, bytes]], form: int = tarfile.PAX_FORMAT) -> None:
    with tarfile.open(path, "w", format=form) as tar:
        for name, data in files:
            tar.addfile(name if isinstance(name, tarfile.TarInfo) else info(name, len(data)), io.BytesIO(data))


def found(of: Corpus[ClipRef], size: int = 1000) -> tuple[dict[str, ClipRef], Counter[Reason]]:
    """Clips by the last part of their path, and the reasons of what is none."""
    clips, reasons = {}, Counter[Reason]()
    for unit in of.units(UnitSize(size)):
        for item in of.read(unit):
            if isinstance(item, Reject):
                reasons[item.reason] += 1
            else:
                clips[item.path.partition(".tar/")[2]] = item
    return clips, reasons


def said(**record: Any) -> bytes:
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    ("record", "captions", "tags"),
    [
        ({"text": "one"}, ("one",), ()),
        ({"text": ["one", "two"], "tag": "bark"}, ("one", "two"), ("bark",)),
        ({"tags": ["a", "b"], "text": None}, (), ("a", "b")),
        ({"tag": [], "tags": ["b"]}, (), ("b",)),
        ({"text": {"en": "one"}, "tag": {"speaker": "x"}}, (), ()),
    ],
)
def test_text_and_tags_are_read_in_every_shape_that_they_have(
    tmp_path: Path, record: dict[str, Any], captions: tuple[str, ...], tags: tuple[str, ...]
) -> None:
    write(tmp_path / "0.tar", [("1.flac", AUDIO), ("1.json", said(**record))])
    (clip,) = found(corpus(tmp_path))[0].values()
    assert (clip.captions, clip.tags) == (captions, tags)
    assert all(clip.native[key] == value for key, value in record.items() if isinstance(value, dict))


def test_a_key_within_a_key_is_a_field_and_both_spellings_of_original_data_are_one(tmp_path: Path) -> None:
    write(tmp_path / "0.tar", [("1.flac", AUDIO), ("1.json", said(who={"name": "0084"}, **{"original data": [1]}))])
    (clip,) = found(corpus(tmp_path))[0].values()
    assert clip.speaker == "0084"
    assert clip.native["original_data"] == [1]


def test_audio_takes_the_json_of_its_own_name_whatever_dots_are_in_it(tmp_path: Path) -> None:
    files = [
        *(("clip.1.flac", AUDIO), ("clip.1.json", said(text="1")), ("clip.2.json", said(text="2"))),
        *(("clip.2.flac", AUDIO), ("h.user.flac", AUDIO), ("h.flac", AUDIO), ("h.json", said(text="of both"))),
    ]
    write(tmp_path / "0.tar", files)
    clips, reasons = found(corpus(tmp_path))
    assert {name: clip.captions for name, clip in clips.items()} == {
        "clip.1.flac": ("1",),
        "clip.2.flac": ("2",),
        "h.user.flac": ("of both",),
        "h.flac": ("of both",),
    }
    assert not reasons


def test_the_json_of_another_key_is_not_taken_and_one_without_audio_is_told(tmp_path: Path) -> None:
    write(tmp_path / "0.tar", [("a.1.flac", AUDIO), ("a.2.json", said(text="of another"))])
    clips, reasons = found(corpus(tmp_path))
    assert clips["a.1.flac"].captions == ()
    assert reasons == {Reason.MISSING_FILE: 1}


def test_the_bytes_of_a_member_are_read_as_those_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "0.tar", [("0.json", said()), ("a.flac", AUDIO), ("b.flac", AUDIO)])
    of = corpus(tmp_path)
    clip = found(of)[0]["a.flac"]
    for small in (True, False):
        if not small:
            monkeypatch.setattr(webdataset, "SMALL_FILE", 10)
        with of.audio(clip) as file:
            assert file.read() == AUDIO
            file.seek(-4, io.SEEK_END)
            assert file.read() == AUDIO[-4:]
            file.seek(0)
            assert read(file, "a").sound.duration == 0.25
    assert of.audio_bytes(clip) == len(AUDIO)


def test_shards_of_a_store_are_read_as_those_of_this_machine(tmp_path: Path) -> None:
    write(tmp_path / "0.tar", [("1.flac", AUDIO), ("1.json", said(text="one"))])
    memory = fsspec.filesystem("memory")
    memory.pipe("/shards/0.tar", (tmp_path / "0.tar").read_bytes())
    try:
        there, here = corpus("memory://shards"), corpus(tmp_path)
        assert list(there.items()) == list(here.items())
        assert there.audio(found(there)[0]["1.flac"]).read() == AUDIO
    finally:
        memory.rm("/shards", recursive=True)


def test_nothing_that_a_name_or_kind_could_do_is_done(tmp_path: Path) -> None:
    (tmp_path / "secret.flac").write_bytes(AUDIO)
    shards = tmp_path / "shards"
    shards.mkdir()
    hostile: list[tuple[str | tarfile.TarInfo, bytes]] = [
        ("/etc/passwd.flac", AUDIO),
        ("../secret.flac", AUDIO),
        ("a/../../secret.flac", AUDIO),
        (info("b.flac", type=tarfile.SYMTYPE, linkname="../secret.flac"), b""),
        (info("c.flac", type=tarfile.LNKTYPE, linkname="good.flac"), b""),
        (info("d.flac", type=tarfile.CHRTYPE), b""),
        (info("e.flac", type=tarfile.BLKTYPE), b""),
        (info("f.flac", type=tarfile.FIFOTYPE), b""),
    ]
    write(shards / "0.tar", [*hostile, ("good.flac", AUDIO)])
    clips, reasons = found(corpus(shards))
    assert list(clips) == ["good.flac"]
    assert reasons == {Reason.UNSAFE_PATH: len(hostile)}


def test_names_that_are_no_text_are_rejected_and_told_in_letters(tmp_path: Path) -> None:
    write(tmp_path / "0.tar", [("caf\udce9.flac", AUDIO), ("café.flac", AUDIO)], tarfile.GNU_FORMAT)
    clips, reasons = found(corpus(tmp_path))
    assert list(clips) == ["café.flac"]
    assert reasons == {Reason.UNSAFE_PATH: 1}


def test_a_member_that_is_there_twice_is_read_once_in_whatever_units(tmp_path: Path) -> None:
    write(tmp_path / "0.tar", [("a/1.flac", AUDIO), ("a/1.flac", AUDIO), ("x.flac", AUDIO), ("b/1.flac", AUDIO)])
    assert found(corpus(tmp_path))[1] == {Reason.DUPLICATE_UID: 1}
    for size in (1, 2, 100):
        clips, reasons = found(corpus(tmp_path, key="basename"), size)
        assert set(clips) == {"1.flac", "x.flac"}
        assert reasons == {Reason.DUPLICATE_UID: 2}


def test_folders_hidden_names_and_other_files_are_passed_over(tmp_path: Path) -> None:
    folder = info("a", type=tarfile.DIRTYPE)
    more = [("._1.flac", b"AppleDouble"), ("./1.cls", b"3"), ("./.git/x.flac", AUDIO), ("./1.flac", AUDIO)]
    write(tmp_path / "0.tar", [(folder, b""), *more])
    clips, reasons = found(corpus(tmp_path))
    assert set(clips) == {"1.flac"}
    assert not reasons


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_are_whole_in_every_format(tmp_path: Path, form: int) -> None:
    name = f"{'long/' * 18}{'x' * 90}é.flac"
    write(tmp_path / "0.tar", [(name, AUDIO), ("b.flac", AUDIO)], form)
    assert set(found(corpus(tmp_path))[0]) == {name, "b.flac"}


def test_a_sparse_member_that_says_it_is_a_terabyte_is_not_made(tmp_path: Path) -> None:
    old = info("bomb.flac", 512, type=tarfile.GNUTYPE_SPARSE)
    new = info("bomb2.flac", 512, pax_headers={"GNU.sparse.major": "1", "GNU.sparse.realsize": str(1 << 40)})
    write(tmp_path / "0.tar", [(old, bytes(512)), (new, bytes(512)), ("good.flac", AUDIO)])
    clips, reasons = found(corpus(tmp_path))
    assert set(clips) == {"good.flac"}
    assert reasons == {Reason.BAD_ROW: 2}


def test_a_header_of_attributes_larger_than_any_is_not_read_into_memory(tmp_path: Path) -> None:
    attribute = b"1048576 comment=".ljust((1 << 20) - 1, b"x") + b"\n"  # sound, but for how many there are
    bomb = info("x", 40 << 20, type=tarfile.XHDTYPE)
    data = bomb.tobuf(tarfile.USTAR_FORMAT) + 40 * attribute
    write(tmp_path / "good.tar", [("good.flac", AUDIO)])
    (tmp_path / "0.tar").write_bytes(data + (tmp_path / "good.tar").read_bytes())
    clips, reasons = found(corpus(tmp_path, shards="0.tar"))
    assert set(clips) == {"good.flac"}
    assert reasons == {Reason.BAD_ROW: 1}


def test_what_a_tar_that_breaks_off_has_is_read(tmp_path: Path) -> None:
    write(tmp_path / "0.tar", [(f"{n}.flac", AUDIO) for n in range(5)])
    data = (tmp_path / "0.tar").read_bytes()
    with (tmp_path / "0.tar").open("rb") as file:
        last = list(members(file))[-1]
    for size in (last.offset + 100, last.start + 100, last.end):
        (tmp_path / "0.tar").write_bytes(data[:size])
        clips, reasons = found(corpus(tmp_path))
        assert len(clips) == 4 + (size == last.end)
        assert reasons == ({} if size == last.end else {Reason.BAD_ROW: 1})


def test_a_damaged_header_costs_its_own_member(tmp_path: Path) -> None:
    write(tmp_path / "0.tar", [(f"{n}.flac", AUDIO) for n in range(5)])
    with (tmp_path / "0.tar").open("rb") as file:
        second = list(members(file))[1]
    data = bytearray((tmp_path / "0.tar").read_bytes())
    data[second.start + 20] ^= 1
    (tmp_path / "0.tar").write_bytes(data)
    clips, reasons = found(corpus(tmp_path), 1)
    assert set(clips) == {"0.flac", "2.flac", "3.flac", "4.flac"}
    assert reasons == {Reason.BAD_ROW: 1}


def test_a_member_shorter_than_it_says_is_not_read_with_the_next_ones_header_in_it(tmp_path: Path) -> None:
    write(tmp_path / "0.tar", [(f"{n}.flac", AUDIO) for n in range(3)])
    with (tmp_path / "0.tar").open("rb") as file:
        first = next(members(file))
    data = bytearray((tmp_path / "0.tar").read_bytes())
    del data[first.offset + 100 : first.offset + 177]
    (tmp_path / "0.tar").write_bytes(data)
    clips, reasons = found(corpus(tmp_path))
    assert set(clips) == {"1.flac", "2.flac"}
    assert reasons == {Reason.BAD_ROW: 1}


def test_headers_that_only_look_like_it_are_not_searched_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bytes] = []
    known = tar_members._is_header
    monkeypatch.setattr(tar_members, "_is_header", lambda block: looked.append(block) or known(block))
    (tmp_path / "0.tar").write_bytes(b"x" * 512 + b"ustar" * 20_000)
    clips, reasons = found(corpus(tmp_path))
    assert not clips
    assert reasons == {Reason.BAD_ROW: 1}
    assert len(looked) <= 2000  # a thousand, by units and by read


def test_an_archive_in_an_archive_is_told(tmp_path: Path) -> None:
    write(tmp_path / "in.tar", [("1.flac", AUDIO)])
    inner = (tmp_path / "in.tar").read_bytes()
    write(tmp_path / "0.tar", [("S0002.tar", inner), ("b.tar.gz", b"\x1f\x8b"), ("1.flac", AUDIO)])
    clips, reasons = found(corpus(tmp_path, shards="0.tar"))
    assert set(clips) == {"1.flac"}
    assert reasons == {Reason.BAD_ROW: 2}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no bytes"),
        (b"\x1f\x8b\x08" + bytes(600), "compressed"),
        (b"\x28\xb5\x2f\xfd" + bytes(600), "compressed"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS"),
        (b"<html>" * 200, "damaged header"),
    ],
)
def test_a_file_that_is_no_shard_is_one_reject_that_says_what_it_is(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "0.tar").write_bytes(data)
    write(tmp_path / "1.tar", [("1.flac", AUDIO)])
    of = corpus(tmp_path)
    items = list(of.items())
    (reject,) = [item for item in items if isinstance(item, Reject)]
    assert reject.reason is Reason.BAD_ROW
    assert why in reject.detail
    assert len(items) == 2


def test_compressed_shards_alone_are_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "0.tar.zst").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(100))
    with pytest.raises(UsageError, match=r"0\.tar\.zst is compressed: gunzip \(unzstd\) it"):
        corpus(tmp_path).units(UnitSize())


def test_a_link_that_leaves_the_folder_is_told_and_not_read(tmp_path: Path) -> None:
    write(tmp_path / "outside.tar", [("1.flac", AUDIO)])
    shards = tmp_path / "shards"
    shards.mkdir()
    write(shards / "1.tar", [("1.flac", AUDIO)])
    (shards / "0.tar").symlink_to(tmp_path / "outside.tar")
    clips, reasons = found(corpus(shards))
    assert len(clips) == 1
    assert reasons == {Reason.UNSAFE_PATH: 1}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"text": [', "is not JSON"),
        (b"[1]", "is no object"),
        (b"\xff{}", "is not UTF-8"),
        (b'{"text": "\\ud800"}', "half a character"),
        (b'{"x": "\\udc00"}', "half a character"),
        (b'{"who": {"name": "a\\u0000b"}}', "zero bytes"),
        (b'{"who": {"name": ["a", "b"]}}', "2 values"),
        (b'{"x": ' + b"[" * 150 + b"]" * 150 + b"}", "nested more than 100"),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested more than 100"),
        (b'{"x": "' + b"a" * (1 << 20) + b'"}', "longer than"),
        (b'{"x": ' + b"9" * 5000 + b"}", "is not JSON"),
    ],
)
def test_a_json_that_cannot_be_used_is_a_reject_of_its_sample(tmp_path: Path, data: bytes, why: str) -> None:
    write(tmp_path / "0.tar", [("1.flac", AUDIO), ("1.json", data), ("2.flac", AUDIO)])
    one, two = corpus(tmp_path).items()
    assert isinstance(one, Reject)
    assert one.reason is Reason.BAD_ROW
    assert why in one.detail
    assert isinstance(two, ClipRef)


def test_numbers_that_json_does_not_have_are_null(tmp_path: Path) -> None:
    write(tmp_path / "0.tar", [("1.flac", AUDIO), ("1.json", b'{"snr": NaN, "gain": 1e999, "n": [Infinity, 2]}')])
    (clip,) = found(corpus(tmp_path))[0].values()
    assert clip.native == {"snr": None, "gain": None, "n": [None, 2]}


def test_a_number_that_json_does_not_have_is_no_text(tmp_path: Path) -> None:
    write(tmp_path / "0.tar", [("a.flac", AUDIO), ("a.json", b'{"text": NaN}')])
    clips, reasons = found(corpus(tmp_path, fields={"text": "{text}"}))
    assert (clips, reasons) == ({}, {Reason.UNTRANSCRIBED: 1})


def test_audio_is_told_by_its_content_where_its_name_does_not_tell(tmp_path: Path) -> None:
    write(tmp_path / "0.tar", [("1", AUDIO), ("2.dat", b"something"), ("3.pcm", bytes(100)), ("4.txt", b"words")])
    clips, reasons = found(corpus(tmp_path))
    assert set(clips) == {"1"}
    assert reasons == {Reason.RAW_AUDIO: 1}


def test_a_text_beside_audio_is_a_key_of_its_record(tmp_path: Path) -> None:
    write(tmp_path / "0.tar", [("1.flac", AUDIO), ("1.txt", b" words\n")])
    (clip,) = found(corpus(tmp_path, fields={"text": "{txt}"}))[0].values()
    assert clip.text == "words"


def test_a_hundred_thousand_members_are_each_read_once_and_a_unit_says_little_of_its_own(tmp_path: Path) -> None:
    count = 50_000
    with (tmp_path / "0.tar").open("wb") as file:
        for number in range(count):
            for name, data in ((f"{number}.flac", b"fLaC"), (f"{number}.json", b"{}")):
                file.write(info(name, len(data)).tobuf(tarfile.USTAR_FORMAT) + data.ljust(512, b"\0"))
        file.write(bytes(1024))
    of = corpus(tmp_path)
    units = of.units(UnitSize(500))
    assert len(units) == count // 500
    assert sum(unit.items for unit in units) == count
    assert sum(1 for unit in units[-3:] for _ in of.read(unit)) == 1500
    assert max(len(json.dumps(unit.spec)) for unit in units) < 200


@pytest.mark.parametrize(
    ("knobs", "why"),
    [
        ({"split": "{text}"}, "`dir` and `stem`"),
        ({"fields": {"text": "{text|nothing}"}}, "nothing"),
        ({"key": "stem"}, "basename"),
    ],
)
def test_knobs_that_cannot_be_meant_are_refused(knobs: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        WebDatasetIngest(family="webdataset", **knobs)
