"""Packed files that break off: what stands before the break is read once, wherever a unit begins."""

import gzip
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.benchmarks.fuzz.tables import Sample, identity, pristine, tables
from tests.packing import BLOCK, PACKERS
from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.items import ClipRef, UnitSize
from turnmill.sources.adapters.packed import BrokenError, unpacked
from turnmill.sources.catalogue import override
from turnmill.sources.places import place as place_of

SAMPLES = {sample.name: sample for sample in tables()}
PLACES = (0.3, 0.5, 0.77, 0.98)
SIZES = (1, 3, 16, 1000)


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


def before_the_break(folder: Path, name: str, at: int = 0, most: int = 777) -> int:
    """Byte of a packed file at which it breaks off, for who reads it from a byte on, so many bytes at a time."""
    with unpacked(place_of(folder), name) as file:
        file.seek(at)
        try:
            while data := file.read(most):
                at += len(data)
        except BrokenError:
            return at
    raise AssertionError("it does not break off")


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("name", SAMPLES)
def test_each_row_before_the_break_of_a_cut_table_is_read_once_and_the_break_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, ending: str
) -> None:
    monkeypatch.setattr("turnmill.sources.adapters.packed._BLOCK", BLOCK)
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


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("damage", ["cut", "a hole"])
def test_a_file_breaks_off_at_the_same_byte_however_it_is_read(tmp_path: Path, ending: str, damage: str) -> None:
    lines = b"".join(b"%d %x\n" % (n, 7**n) for n in range(1000))
    packed = bytearray(gzip.compress(lines) if ending == ".gz" else pa.compress(lines, "zstd", asbytes=True))
    middle = len(packed) // 2
    del packed[middle : None if damage == "cut" else middle + 40]
    (tmp_path / f"a{ending}").write_bytes(packed)
    ways = [(at, most) for at in (0, 1, 100_000) for most in (1000, 1 << 20, -1)]
    (stands,) = {before_the_break(tmp_path, f"a{ending}", at, most) for at, most in ways}
    assert 100_000 < stands <= len(lines)


@pytest.mark.parametrize("ending", PACKERS)
def test_a_packed_file_of_no_bytes_breaks_off(tmp_path: Path, ending: str) -> None:
    """It is what is left of one that nobody got, and not a table without rows."""
    (tmp_path / f"a{ending}").write_bytes(b"")
    with unpacked(place_of(tmp_path), f"a{ending}") as file, pytest.raises(BrokenError, match="it has no bytes"):
        file.read()
