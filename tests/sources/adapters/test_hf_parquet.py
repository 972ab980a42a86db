"""Parquet with audio in a column: what is read of a row, when, and files that lie."""

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from tests.sources.catalog.miniature import contents
from turnmill.manifests.audio import read
from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Licence, Reason, Reject
from turnmill.sources.adapters import parquet
from turnmill.sources.adapters.base import Corpus
from turnmill.sources.adapters.hf_parquet import HFParquetIngest
from turnmill.sources.adapters.items import ClipRef, UnitSize
from turnmill.sources.places import place
from turnmill.sources.places.local import Local

LICENCE = Licence("CC0-1.0", redistribute=True, commercial=True)
FILE = "train-00000-of-00001.parquet"
FIELDS = {"text": "{text}", "speaker": "{speaker}", "tags": "{tags}"}


def corpus(root: Path | str, **knobs: Any) -> Corpus[ClipRef]:
    return Corpus("c", place(root), HFParquetIngest(family="hf_parquet", **{"fields": FIELDS, **knobs}), LICENCE)


def audio(number: int) -> bytes:
    return contents(f"{number}.flac", {"audio": {"rate": 16000, "seconds": 0.25}})


def row(number: int, **more: Any) -> dict[str, Any]:
    return {"audio": {"bytes": audio(number), "path": f"x/{number}.flac"}, "text": f"text {number}", **more}


def write(path: Path, rows: list[dict[str, Any]] | pa.Table, group: int | None = None, **more: Any) -> None:
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
    pq.write_table(table, path, row_group_size=group, **more)


def items(of: Corpus[ClipRef], size: int = 1000) -> list[ClipRef | Reject]:
    found = []
    for unit in of.units(UnitSize(size)):
        read_ = list(of.read(unit))
        assert unit.items == len(read_)
        json.dumps(unit.spec)
        found += read_
    return found


def clips(of: Corpus[ClipRef]) -> list[ClipRef]:
    found = items(of)
    assert not [item for item in found if isinstance(item, Reject)]
    return [item for item in found if isinstance(item, ClipRef)]


def reasons(of: Corpus[ClipRef]) -> Counter[Reason]:
    return Counter(item.reason for item in items(of) if isinstance(item, Reject))


def test_a_row_is_a_clip_with_its_own_bytes_in_whatever_order_they_are_asked_for(tmp_path: Path) -> None:
    write(tmp_path / FILE, [row(number) for number in range(20)], group=6)
    of = corpus(tmp_path)
    found = clips(of)
    assert [clip.text for clip in found] == [f"text {number}" for number in range(20)]
    for number in (0, 1, 2, 19, 7, 6, 3, 3, 18):
        assert of.audio(found[number]).read() == audio(number)


def test_no_audio_is_read_before_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        tmp_path / FILE, [{"audio": {"bytes": np.random.default_rng(0).bytes(1 << 18), "path": None}, "text": "a"}] * 40
    )
    taken: list[int] = []

    class Counted(io.FileIO):
        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            taken.append(len(data))
            return data

    monkeypatch.setattr(Local, "open", lambda self, path="": Counted(f"{self.path}/{path}"))
    assert len(clips(corpus(tmp_path))) == 40
    assert sum(taken) < 1 << 18 < (tmp_path / FILE).stat().st_size


def test_rows_in_order_are_read_once_and_a_few_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / FILE, [row(number) for number in range(60)], group=30)
    batches: list[int] = []
    plain = parquet.Table.cells

    def counted(self: parquet.Table, group: parquet.Group) -> Any:
        for cells in plain(self, group):
            batches.append(len(cells))
            yield cells

    monkeypatch.setattr(parquet, "_BATCH", 4 * len(audio(0)))
    monkeypatch.setattr(parquet.Table, "cells", counted)
    of = corpus(tmp_path)
    for clip in clips(of):
        of.audio(clip).close()
    assert sum(batches) == 60
    assert max(batches) < 10


def test_a_file_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    write(tmp_path / FILE, [row(1)])
    of = corpus(tmp_path)
    assert of.audio(clips(of)[0]).read() == audio(1)
    write(tmp_path / FILE, [row(2)])
    assert of.audio(clips(of)[0]).read() == audio(2)


def test_parquet_of_a_store_is_read_as_that_of_this_machine(tmp_path: Path) -> None:
    write(tmp_path / FILE, [row(number) for number in range(5)], group=2)
    memory = fsspec.filesystem("memory")
    memory.pipe(f"/hub/{FILE}", (tmp_path / FILE).read_bytes())
    try:
        there, here = corpus("memory://hub"), corpus(tmp_path)
        assert [(c.uid, c.text) for c in clips(there)] == [(c.uid, c.text) for c in clips(here)]
        assert [there.audio(c).read() for c in clips(there)] == [audio(number) for number in range(5)]
    finally:
        memory.rm("/hub", recursive=True)


@pytest.mark.parametrize("column", ["struct", "rate in a column", "rate in a knob", "two channels"])
def test_samples_are_audio_of_floats_at_their_rate(tmp_path: Path, column: str) -> None:
    left, right = np.linspace(-1.5, 1, 800, dtype=np.float32), np.zeros(800, np.float32)
    samples = [left.tolist(), right.tolist()] if column == "two channels" else left.tolist()
    cell = {"array": samples, "sampling_rate": 8000, "path": None} if column == "struct" else samples
    write(tmp_path / FILE, [{"audio": cell, "hz": 8000, "text": "a"}])
    of = corpus(tmp_path, rate={"struct": None, "rate in a column": "hz"}.get(column, 8000))
    (clip,) = clips(of)
    assert clip.path.endswith("/0.wav")
    found, rate = soundfile.read(of.audio(clip), dtype="float32", always_2d=True)
    assert rate == 8000
    np.testing.assert_array_equal(found.T, [left, right] if column == "two channels" else [left])


def test_samples_at_no_rate_are_a_reject(tmp_path: Path) -> None:
    write(tmp_path / FILE, [{"audio": [0.5, 0.25], "text": "a"}, {"audio": [0.5], "text": "b"}])
    assert reasons(corpus(tmp_path)) == {Reason.BAD_ROW: 2}
    assert reasons(corpus(tmp_path, rate="hz")) == {Reason.BAD_ROW: 2}


def test_classes_have_the_names_that_the_file_or_the_entry_gives_them(tmp_path: Path) -> None:
    features = {
        "tags": {"feature": {"_type": "ClassLabel", "names": ["bark", "rain"]}, "_type": "Sequence"},
        "sex": {"_type": "ClassLabel", "names": ["f", "m"]},
    }
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    rows = [row(0, tags=[1, 0], sex=1, emotion=0), row(1, tags=[], sex=-1, emotion=7), row(2, tags=None, sex=None)]
    write(tmp_path / FILE, pa.Table.from_pylist(rows).replace_schema_metadata(told))
    one, two, three = clips(corpus(tmp_path, labels={"emotion": ("joy", "fear")}))
    assert (one.tags, one.native["sex"], one.native["emotion"]) == (("rain", "bark"), "m", "joy")
    assert (two.tags, two.native["sex"], two.native["emotion"]) == ((), None, None)
    assert (three.tags, three.native["sex"]) == ((), None)


@pytest.mark.parametrize(
    "told", [b"{", b"[]", b'{"info": 3}', b'{"info": {"features": {"text": {"names": 3}}}}', b"[" * 9999]
)
def test_what_the_hub_says_of_columns_and_is_none_of_it_is_nothing(tmp_path: Path, told: bytes) -> None:
    write(tmp_path / FILE, pa.Table.from_pylist([row(0)]).replace_schema_metadata({b"huggingface": told}))
    assert clips(corpus(tmp_path))[0].text == "text 0"


def test_native_is_what_json_has_words_for_tokens_as_they_are(tmp_path: Path) -> None:
    nested = {
        "codes": [1, 4095],
        "deep": {"a": [None, {"b": float("nan")}]},
        "when": np.datetime64("2024-01-02", "D").item(),
    }
    write(tmp_path / FILE, [row(0, picture=b"\x89PNG", pictures=[{"bytes": b"x"}], gone="x", **nested)])
    (clip,) = clips(corpus(tmp_path, drop=("gone",)))
    assert clip.native == {
        "audio_path": "x/0.flac",
        "codes": [1, 4095],
        "deep": {"a": [None, {"b": None}]},
        "when": "2024-01-02",
    }


def test_cells_without_audio_are_rejects_each_for_what_it_lacks(tmp_path: Path) -> None:
    rows = [row(0), {"audio": None, "text": "b"}, {"audio": {"bytes": None, "path": "far/away.flac"}, "text": "c"}]
    write(tmp_path / FILE, rows)
    of = corpus(tmp_path)
    assert reasons(of) == {Reason.MISSING_FILE: 1}
    assert of.audio([item for item in items(of) if isinstance(item, ClipRef)][1]).read() == b""


def test_texts_that_no_table_takes_are_rejects_of_their_rows(tmp_path: Path) -> None:
    write(tmp_path / FILE, [row(0), row(1) | {"text": "zero\0"}, row(2) | {"text": None}, row(3) | {"text": " \u200b"}])
    assert reasons(corpus(tmp_path)) == {Reason.BAD_ROW: 1, Reason.UNTRANSCRIBED: 2}


def test_files_of_one_corpus_may_have_other_columns_each(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [row(0, speaker=84)])
    write(tmp_path / "b.parquet", [row(1, speaker="0084", more=True)])
    write(tmp_path / "c.parquet", [{"text": "no audio here"}])
    write(tmp_path / "d.parquet", [{"audio": "names/alone.flac", "text": "a"}])
    of = corpus(tmp_path)
    found = items(of)
    assert [item.speaker for item in found if isinstance(item, ClipRef)] == ["84", "0084"]
    details = [item.detail for item in found if isinstance(item, Reject)]
    assert details == [
        "c.parquet has no column 'audio', only text",
        "d.parquet has no audio in its column 'audio', which is string",
    ]


@pytest.mark.parametrize(
    "data", [b"", b"PAR1", b"PAR1PAR1", b"PAR1" + b"\xff" * 8 + b"PAR1", b"PARE" + bytes(20) + b"PARE", b"x" * 999]
)
def test_a_file_that_is_no_parquet_is_one_reject(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(data)
    write(tmp_path / "b.parquet", [row(0)])
    assert reasons(corpus(tmp_path)) == {Reason.BAD_ROW: 1}
    assert len(items(corpus(tmp_path))) == 2


def test_a_column_that_is_there_twice_is_refused_for_nobody_knows_which_is_meant(tmp_path: Path) -> None:
    once = pa.Table.from_pylist([row(0)])
    write(tmp_path / FILE, once.append_column("text", pa.array(["another"])))
    (item,) = items(corpus(tmp_path))
    assert isinstance(item, Reject)
    assert "has the column 'text' twice" in item.detail


def test_a_damaged_row_group_costs_its_own_rows(tmp_path: Path) -> None:
    write(tmp_path / FILE, [row(number) for number in range(12)], group=4, compression="zstd")
    of = pq.read_metadata(tmp_path / FILE).row_group(1)
    text = next(of.column(each) for each in range(of.num_columns) if of.column(each).path_in_schema == "text")
    data = bytearray((tmp_path / FILE).read_bytes())
    first = text.dictionary_page_offset or text.data_page_offset
    data[first : first + text.total_compressed_size] = b"\xff" * text.total_compressed_size
    (tmp_path / FILE).write_bytes(data)
    for size in (1, 1000):
        found = items(corpus(tmp_path), size)
        assert [item.text for item in found if isinstance(item, ClipRef)] == [
            f"text {n}" for n in (*range(4), *range(8, 12))
        ]
        assert [item.uid for item in found if isinstance(item, Reject)] == [
            f"c/default/train/{FILE}/{n}" for n in range(4, 8)
        ]


def test_damaged_audio_is_told_when_it_is_read_and_what_follows_is_read(tmp_path: Path) -> None:
    write(tmp_path / FILE, [row(number) for number in range(8)], group=4, compression="zstd")
    group = pq.read_metadata(tmp_path / FILE).row_group(0)
    cells = next(group.column(n) for n in range(group.num_columns) if group.column(n).path_in_schema == "audio.bytes")
    data = bytearray((tmp_path / FILE).read_bytes())
    first = cells.dictionary_page_offset or cells.data_page_offset
    data[first : first + 40] = b"\xff" * 40
    (tmp_path / FILE).write_bytes(data)
    of = corpus(tmp_path)
    found = clips(of)
    with pytest.raises(OSError, match="the file cannot be read"):
        of.audio(found[0])
    assert of.audio(found[5]).read() == audio(5)


def test_a_footer_that_promises_more_than_a_file_can_hold_is_not_believed(tmp_path: Path) -> None:
    table = pa.table({"audio": pa.array([b"x"] * 2_000_000), "text": pa.array(["a"] * 2_000_000)})
    write(tmp_path / FILE, table, group=2_000_000, compression="zstd")
    (reject,) = items(corpus(tmp_path))
    assert isinstance(reject, Reject)
    assert "footer that cannot be true: 2000000 rows" in reject.detail


def test_a_bomb_is_told_by_what_it_would_become(tmp_path: Path) -> None:
    write(tmp_path / FILE, [{"audio": bytes(64 << 20), "text": "a"}], compression="zstd", use_dictionary=False)
    (reject,) = items(corpus(tmp_path))
    assert isinstance(reject, Reject)
    assert "when it is decompressed" in reject.detail


def test_the_units_of_small_groups_are_as_large_as_is_asked(tmp_path: Path) -> None:
    write(tmp_path / FILE, [row(number) for number in range(30)], group=3)
    assert [unit.items for unit in corpus(tmp_path).units(UnitSize(9))] == [9, 9, 9, 3]
    assert [unit.items for unit in corpus(tmp_path).units(UnitSize(1000, 1))] == [3] * 10


def test_a_folder_without_parquet_is_refused_with_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no Parquet \(looked for \*\*/\*\.parquet\)"):
        corpus(tmp_path).units(UnitSize())


def test_a_clip_decodes_as_its_file_would(tmp_path: Path) -> None:
    write(tmp_path / FILE, [row(0)])
    of = corpus(tmp_path)
    (clip,) = clips(of)
    assert read(of.audio(clip), clip.path).sound.duration == 0.25
    assert of.audio_bytes(clip) > 0
