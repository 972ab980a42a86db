"""Packed files that break off: what stands before the break is read once, wherever a unit begins, and the break told."""

import zlib
from collections.abc import Callable, Mapping
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.benchmarks.fuzz.tables import Sample, identity, pristine, tables
from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.items import ClipRef, UnitSize
from turnmill.sources.adapters.packed import BrokenError, unpacked
from turnmill.sources.catalogue import override
from turnmill.sources.places import place as place_of

SAMPLES = {sample.name: sample for sample in tables()}
PLACES = (0.3, 0.5, 0.77, 0.98)
SIZES = (1, 3, 16, 1000)


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        for begin in range(0, len(data), 100):  # in blocks, for of one that is cut nothing can be unpacked
            stream.write(data[begin : begin + 100])
            stream.flush()
    return bytes(sink.getvalue())


def gzipped(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    blocks = (data[begin : begin + 100] for begin in range(0, len(data), 100))
    return b"".join(packer.compress(block) + packer.flush(zlib.Z_SYNC_FLUSH) for block in blocks) + packer.flush()


PACKERS: Mapping[str, Callable[[bytes], bytes]] = {".gz": gzipped, ".zst": zstd}


@cache
def clips_of(name: str) -> list[str]:
    """What each row of a whole sample is."""
    return list(pristine(SAMPLES[name]).values())


def read(sample: Sample, folder: Path, table: str, per_unit: int) -> list[ClipRef | Reject]:
    corpus = override(sample.entry, {"ingest": {"tables": table, "where": {}}}, "it").corpus(folder)
    found: list[Any] = []
    for unit in corpus.units(UnitSize(per_unit)):
        items = list(corpus.read(unit))
        assert len(items) == unit.items
        found += items
    return found


def before_the_break(folder: Path, name: str, at: int = 0) -> int:
    """Byte of a packed file at which it breaks off, for who reads from a byte on."""
    with unpacked(place_of(folder), name) as file:
        file.seek(at)
        with pytest.raises(BrokenError):
            while data := file.read(777):
                at += len(data)
    return at


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("name", SAMPLES)
def test_each_row_before_the_break_of_a_cut_table_is_read_once_and_the_break_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, ending: str
) -> None:
    monkeypatch.setattr("turnmill.sources.adapters.packed._BLOCK", 100)
    sample = SAMPLES[name]
    table = sample.table + ending
    stems = (f"/{Path(sample.table).name}/", f"/{Path(sample.table).stem}/")  # some are splits
    packed = PACKERS[ending](sample.whole)
    for file, content in {**sample.others, table: b""}.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(content)
    ends = list(accumulate((len(row) + len(sample.between) for row in sample.rows), initial=len(sample.head)))[1:]
    for place in PLACES:
        (tmp_path / table).write_bytes(packed[: int(len(packed) * place)])
        stands = before_the_break(tmp_path, table)
        whole = sum(end <= stands for end in ends)
        assert 0 < whole < len(sample.rows) or place > 0.9
        items = {size: read(sample, tmp_path, table, size) for size in SIZES}
        for found in items.values():
            clips = [identity(item).replace(*stems, 1) for item in found if isinstance(item, ClipRef)]
            assert clips == clips_of(name)[: whole if name != "yaml" else len(clips)]
            assert len(clips) >= whole - (name == "yaml")  # nobody knows of its last row that it does not go on
            told = [item.detail for item in found if isinstance(item, Reject) and item.reason is Reason.BAD_ROW]
            assert len(told) == 1
            assert told[0].startswith(f"{table} is not a whole ")
            assert len(found) == len(sample.rows) + 1  # audio that no row names is a reject
            assert sorted(map(repr, found)) == sorted(map(repr, items[1000]))
