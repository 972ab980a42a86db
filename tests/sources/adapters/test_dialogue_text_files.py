"""Files of written dialogues: folders of them, packed, in tars, Parquet; what is broken in one takes nothing else."""

import gzip
import io
import json
import os
import tarfile
import tempfile
import tracemalloc
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.packing import BLOCK
from tests.packing import PACKERS as IN_BLOCKS
from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason, Reject, TextDialogue
from turnmill.sources.adapters import dialogue_parquet, packed
from turnmill.sources.adapters.base import Corpus
from turnmill.sources.adapters.items import UnitSize
from turnmill.sources.catalogue import load, override


def corpus(root: Path, **ingest: Any) -> Corpus[Any]:
    return override(load("dialogue_text"), {"ingest": ingest}, "test").corpus(root)


def read(found: Corpus[Any], per_unit: int = 100) -> list[Any]:
    return [item for unit in found.units(UnitSize(per_unit)) for item in found.read(unit)]


def told(items: Iterable[Any]) -> list[Any]:
    return [item.id if isinstance(item, TextDialogue) else item.reason for item in items]


def row(number: int | str, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "question": f"Is it {number}?", "answer": "It is.", **more}


def lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(each)}\n" for each in rows).encode()


def zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, "zstd", asbytes=True))


def tar_of(*members: tuple[str, bytes], odd: Iterable[tarfile.TarInfo] = ()) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for info in odd:
            tar.addfile(info)
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


PACKERS: Mapping[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstd}


@pytest.mark.parametrize("packed", IN_BLOCKS)
@pytest.mark.parametrize("kind", ["jsonl", "json", "object", "txt", "tar"])
def test_each_dialogue_before_the_break_of_a_cut_file_is_read_once_and_the_break_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, packed: str
) -> None:
    monkeypatch.setattr("turnmill.sources.adapters.packed._BLOCK", BLOCK)
    name = f"d.{'json' if kind == 'object' else kind}{packed}"
    data = IN_BLOCKS[packed](of_kind(kind, [row(n) for n in range(60)]))
    found = corpus(tmp_path, files=["*"], **({"reader": "object"} if kind == "object" else {}))
    (tmp_path / f"e.{name[2:]}").write_bytes(IN_BLOCKS[packed](of_kind(kind, [row("whole")])))
    for place in (0.3, 0.5, 0.77, 0.98):
        (tmp_path / name).write_bytes(data[: int(len(data) * place)])
        whole = read(found, 1000)
        texts = [item.turns[0].text for item in whole if isinstance(item, TextDialogue)]
        assert texts == [f"Is it {n}?" for n in (*range(len(texts) - 1), "whole")]
        assert len(texts) > 40 * place
        (told,) = [item.detail for item in whole if isinstance(item, Reject)]
        assert told.startswith(f"{name} is not a whole ")
        for size in (1, 3, 16):
            assert read(found, size) == whole


def of_kind(kind: str, rows: list[dict[str, Any]]) -> bytes:
    """A file of dialogues."""
    half = len(rows) // 2
    return {
        "jsonl": lines(rows),
        "json": json.dumps(rows, ensure_ascii=False).encode(),
        "object": json.dumps({each["id"]: {**each, "id": each["id"]} for each in rows}, indent=1).encode(),
        "txt": "".join(f"User: {each['question']} Assistant: It is.\n" for each in rows).encode(),
        "tar": tar_of(("a/one.jsonl", lines(rows[:half])), ("a/two.json", json.dumps(rows[half:]).encode())),
    }[kind]


@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("kind", ["jsonl", "json", "object", "txt", "tar"])
def test_each_kind_of_file_reads_the_same_in_units_of_any_size_packed_and_not(
    tmp_path: Path, kind: str, packed: str
) -> None:
    data = of_kind(kind, [row(n, pad="ü" * (n % 90)) for n in range(300)])
    path = tmp_path / f"d.{'json' if kind == 'object' else kind}{packed}"
    path.write_bytes(PACKERS[packed](data))
    found = corpus(path, **({"reader": "object"} if kind == "object" else {}))
    whole = read(found, 1000)
    assert len(whole) == 300
    assert all(isinstance(item, TextDialogue) and item.turns[0].text == f"Is it {n}?" for n, item in enumerate(whole))
    assert whole == read(found, 7) == read(found, 1)
    units = found.units(UnitSize(50))
    backwards = [list(found.read(unit)) for unit in reversed(units)]
    assert [item for items in reversed(backwards) for item in items] == whole


def test_a_packed_file_is_unpacked_once_by_who_reads_it_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "d.jsonl.gz"
    path.write_bytes(gzip.compress(lines(row(n, pad="y" * 3000) for n in range(2000))))
    found = corpus(path)
    units = found.units(UnitSize(20))
    begun = []
    unpacked = packed._Gzip
    monkeypatch.setattr(packed, "_Gzip", lambda *given: begun.append(given) or unpacked(*given))
    assert sum(len(list(found.read(unit))) for unit in units) == 2000
    assert len(begun) == 1


def test_a_row_group_is_decoded_once_by_who_reads_it_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "d.parquet"
    pq.write_table(pa.Table.from_pylist([row(n // 2, round=n % 2) for n in range(2000)]), path)
    begun = []
    rows = dialogue_parquet._Rows
    monkeypatch.setattr(dialogue_parquet, "_Rows", lambda *given: begun.append(given) or rows(*given))
    for group, items in (([], 2000), (["id"], 1000)):
        found = corpus(path, group=group)
        units = found.units(UnitSize(20))
        begun.clear()
        assert sum(len(list(found.read(unit))) for unit in units) == items
        assert len(begun) == 1


def test_files_of_a_folder_are_found_by_globs_and_their_ids_and_splits_named_by_their_paths(tmp_path: Path) -> None:
    for name in ("train/a.jsonl", "train/b.jsonl.gz", "test/a.jsonl", "test/other.jsonl", ".hidden/a.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        data = lines([row("same"), {**row(1), "id": None}])
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    found = corpus(tmp_path, files=["*/a.jsonl", "*/b.jsonl.gz"], split="{dir}-{stem}")
    items = read(found, 3)
    assert [(item.id, item.split) for item in items] == [
        ("test/a.jsonl#same", "test-a"),
        ("test/a.jsonl:2", "test-a"),
        ("train/a.jsonl#same", "train-a"),
        ("train/a.jsonl:2", "train-a"),
        ("train/b.jsonl.gz#same", "train-b"),
        ("train/b.jsonl.gz:2", "train-b"),
    ]
    files = [set(unit.files) for unit in found.units(UnitSize(3))]
    assert files == [{"test/a.jsonl", "train/a.jsonl"}, {"train/a.jsonl", "train/b.jsonl.gz"}]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: root, "holds no file like x/\\*.jsonl"),
        (lambda root: (root / "x").mkdir() or (root / "x" / "a.jsonl").write_text("\n"), "holds no dialogue"),
    ],
)
def test_a_folder_that_cannot_be_used_is_a_sentence(
    tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    make(tmp_path)
    with pytest.raises(UsageError, match=message):
        corpus(tmp_path, files=["x/*.jsonl"]).units(UnitSize())


@pytest.mark.parametrize("name", ["d.jsonl.zst", "d.jsonl.gz"])
@pytest.mark.parametrize("how", ["cut", "not packed"])
def test_a_packed_file_of_which_nothing_can_be_read_is_a_sentence(tmp_path: Path, name: str, how: str) -> None:
    data = PACKERS[f".{name.rpartition('.')[2]}"](lines(row(n, pad=hash(n)) for n in range(3000)))
    stub = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
    (tmp_path / name).write_bytes(data[:80] if how == "cut" else stub)
    with pytest.raises(UsageError, match=f"{name} is not a whole (gzip|zstd) file"):
        corpus(tmp_path / name).units(UnitSize())


@pytest.mark.parametrize("name", ["d.jsonl.zst", "d.jsonl.gz", "d.tar.gz"])
def test_what_unpacks_to_far_more_than_texts_do_is_refused_in_bounded_memory(tmp_path: Path, name: str) -> None:
    zeros = io.BytesIO()
    with gzip.GzipFile(fileobj=zeros, mode="wb", mtime=0) as file:
        for _ in range(300):
            file.write(bytes(1 << 20))
    data = b"".join(zstd(bytes(1 << 20)) for _ in range(300)) if name.endswith(".zst") else zeros.getvalue()
    (tmp_path / name).write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(UsageError, match="unpacks to more than 200 times its size"):
            corpus(tmp_path / name).units(UnitSize())
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


def test_of_a_tar_links_devices_and_what_is_broken_are_rejects_and_names_that_repeat_are_told(tmp_path: Path) -> None:
    link = tarfile.TarInfo("link.jsonl")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    device = tarfile.TarInfo("zero.jsonl")
    device.type = tarfile.CHRTYPE
    good, again = lines([row(1), {**row(2), "id": None}]), lines([{**row(3), "id": None}])
    data = tar_of(
        ("../up.jsonl", good), ("a.jsonl", again), ("a.jsonl", again), ("song.wav", b"RIFF"), odd=[link, device]
    )
    path = tmp_path / "d.tar"
    path.write_bytes(data)
    items = read(corpus(path), 2)
    assert told(items) == [
        Reason.BAD_ROW,
        Reason.BAD_ROW,
        "d.tar/../up.jsonl#1",
        "d.tar/../up.jsonl:2",
        "d.tar/a.jsonl:1",
        Reason.DUPLICATE_UID,
    ]
    assert "is a link, a device" in items[0].detail
    assert list(tmp_path.iterdir()) == [path]
    place = data.index(b"a.jsonl")
    path.write_bytes(data[:place] + b"XXXXXXX" + data[place + 7 :])  # a header that its checksum belies
    items = read(corpus(path))
    assert told(items)[2:] == ["d.tar/../up.jsonl#1", "d.tar/../up.jsonl:2", "d.tar/a.jsonl:1", Reason.BAD_ROW]
    assert "has no member of a tar at byte" in items[-1].detail


@pytest.mark.parametrize("per_unit", [1, 100])
def test_links_that_lead_nowhere_and_what_is_no_file_are_rejects(tmp_path: Path, per_unit: int) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines([row(1)]))
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    (tmp_path / "out.jsonl").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "other.txt").symlink_to("lost.txt")
    items = read(corpus(tmp_path, files=["*.jsonl"]), per_unit)
    assert told(items) == [*[Reason.UNSAFE_PATH] * 3, "a.jsonl#1"]
    assert [item.source_uri for item in items[:3]] == ["loop.jsonl", "out.jsonl", "pipe.jsonl"]
    assert "out.jsonl is not read: it is a link that leaves the corpus folder" in items[1].detail


def test_zero_bytes_are_no_text_of_a_dialogue(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines([row(1), row("two\0"), row(3, question="Is\0it?")]))
    assert told(read(corpus(tmp_path, files=["*.jsonl"]))) == ["a.jsonl#1", Reason.BAD_ROW, Reason.BAD_ROW]


def test_of_a_tar_only_the_members_that_are_asked_for_are_read(tmp_path: Path) -> None:
    path = tmp_path / "d.tar"
    path.write_bytes(tar_of(("x/a.jsonl", lines([row(1)])), ("y/a.jsonl", lines([row(2)]))))
    assert told(read(corpus(path, members="y/*"))) == ["d.tar/y/a.jsonl#2"]


def test_of_parquet_only_the_columns_that_are_looked_at_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.Table.from_pylist([{"q": "Is it?", "answer": {"value": "It is."}, "audio": b"\0" * 1000, "key": 7}])
    pq.write_table(table, tmp_path / "d.parquet")
    asked: list[list[str]] = []
    iter_batches = pq.ParquetFile.iter_batches

    def spied(file: Any, *given: Any, columns: list[str], **more: Any) -> Any:
        asked.append(columns)
        return iter_batches(file, *given, columns=columns, **more)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", spied)
    (item,) = read(corpus(tmp_path / "d.parquet", shape={"fields": {"question": "q", "id": "key"}}))
    assert (item.id, [turn.text for turn in item.turns]) == ("7", ["Is it?", "It is."])
    assert {column for columns in asked for column in columns} == {"q", "answer", "key"}


def test_a_row_group_that_cannot_be_read_is_one_reject_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    pq.write_table(pa.Table.from_pylist([row(n) for n in range(90)]), path, row_group_size=30, compression="none")
    data = bytearray(path.read_bytes())
    column = pq.ParquetFile(path).metadata.row_group(1).column(1)
    begin = column.dictionary_page_offset or column.data_page_offset
    data[begin : begin + 16] = b"\xff" * 16
    path.write_bytes(data)
    items = read(corpus(path), 7)
    assert [item.id for item in items if isinstance(item, TextDialogue)] == [
        str(n) for n in [*range(30), *range(60, 90)]
    ]
    (reject,) = [item for item in items if isinstance(item, Reject)]
    assert "line 31 cannot be read" in reject.detail
    assert "30 in all" in reject.detail


@pytest.mark.parametrize(
    "data", [b"", b"PAR1", b"version https://git-lfs.github.com/spec/v1\n", b"PAR1" + b"\xff" * 60 + b"PAR1"]
)
def test_what_is_no_parquet_is_a_reject(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "d.parquet").write_bytes(data)
    (item,) = read(corpus(tmp_path / "d.parquet"))
    assert item.reason is Reason.BAD_ROW
    assert "is of no whole Parquet file" in item.detail


@pytest.mark.parametrize("reader", ["json", "object"])
def test_after_a_broken_element_the_next_whole_one_is_read_and_no_part_of_one(tmp_path: Path, reader: str) -> None:
    rows = [{**row(n), "history": [["Is it 1?", "No."]], "more": [row("inner")]} for n in range(50)]
    text = json.dumps(rows if reader == "json" else {each.pop("id"): each for each in rows})
    for broken in ('"Is it 20?"', '"Is it 40?"'):
        text = text.replace(broken, broken[:-1])
    (tmp_path / "d.json").write_text(text)
    for per_unit in (1, 7, 100):
        items = read(corpus(tmp_path / "d.json", reader=reader), per_unit)
        rejects = [item for item in items if isinstance(item, Reject)]
        assert [item.turns[2].text for item in items if isinstance(item, TextDialogue)] == [
            f"Is it {n}?" for n in range(50) if n not in (20, 40)
        ]
        assert len(rejects) == 2
        assert all("what follows is read from the next one on" in reject.detail for reject in rejects)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=20),
    st.integers(1, 5),
    st.sampled_from(["jsonl", "parquet"]),
)
def test_rows_of_one_group_are_one_dialogue_whatever_the_units(
    groups: list[str | None], per_unit: int, kind: str
) -> None:
    rows = [{"talk": group, "role": "user", "text": str(n)} for n, group in enumerate(groups)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"d.{kind}"
        if kind == "jsonl":
            path.write_bytes(lines(rows))
        else:
            table = pa.table({key: pa.array([each[key] for each in rows], pa.string()) for key in rows[0]})
            pq.write_table(table, path, row_group_size=3)
        found = corpus(path, group=["talk"])
        items = read(found, per_unit)
        assert items == read(found, 1000)
    runs = sum(n == 0 or group is None or group != groups[n - 1] for n, group in enumerate(groups))
    assert len(items) == runs
