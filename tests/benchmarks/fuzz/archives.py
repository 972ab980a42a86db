"""Mutants of a tar shard and of a Parquet file through their families: nothing crashes, hangs or is wrong in silence.

    python tests/benchmarks/fuzz/archives.py [--mutants 2000] [--seed 0] [--only NUMBER]

A mutant is made of its number and the seed alone. Each unit yields as many items as it says, twice the same. Of the
samples whose own bytes a mutation did not touch, those that are read have their text and audio, byte for byte. What is
otherwise is printed with the mutant's number, and the status is 1.
"""

import io
import json
import random
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.fuzz.found import Found, fuzzed, main  # noqa: E402
from turnmill.manifests.errors import UsageError  # noqa: E402
from turnmill.manifests.records import Licence, Reject  # noqa: E402
from turnmill.sources.adapters.base import Corpus  # noqa: E402
from turnmill.sources.adapters.hf_parquet import HFParquetIngest  # noqa: E402
from turnmill.sources.adapters.items import ClipRef, UnitSize  # noqa: E402
from turnmill.sources.adapters.webdataset import WebDatasetIngest  # noqa: E402
from turnmill.sources.places import place  # noqa: E402

SAMPLES = 40
LICENCE = Licence("CC0-1.0", redistribute=True, commercial=True)
KNOBS = {
    "webdataset": WebDatasetIngest(family="webdataset", fields={"text": "{text}", "speaker": "{speaker}"}),
    "hf_parquet": HFParquetIngest(family="hf_parquet", fields={"text": "{text}", "speaker": "{speaker}"}),
}
NAMES = {"webdataset": "0.tar", "hf_parquet": "train-00000-of-00001.parquet"}


@dataclass
class Mutant:
    """`data`, and the samples whose own bytes (or all that stands for them) it has not as they were."""

    data: bytearray
    spans: list[tuple[int, int, frozenset[int]]]  # [start, end) of the original -> what it is of
    touched: set[int] = field(default_factory=set)

    def touch(self, start: int, end: int) -> None:
        """What stands in [start, end) is no more as it was."""
        for first, last, samples in self.spans:
            if first < end and start < last:
                self.touched |= samples


def sample(number: int) -> tuple[str, str, bytes]:
    """Text, speaker and audio, which nobody decodes here."""
    rng = random.Random(number)
    return f"the words of sample {number}", f"s{number % 7:03d}", b"fLaC" + rng.randbytes(rng.randrange(300, 3000))


@cache
def original(family: str) -> tuple[bytes, tuple[tuple[int, int, frozenset[int]], ...]]:
    """A file of SAMPLES, and which of its bytes stand for which of them."""
    return _tar() if family == "webdataset" else _parquet()


def _tar() -> tuple[bytes, tuple[tuple[int, int, frozenset[int]], ...]]:
    file, spans = io.BytesIO(), []
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for number in range(SAMPLES):
            text, speaker, audio = sample(number)
            start = tar.offset
            for name, data in ((f"{number:04d}.flac", audio), (f"{number:04d}.json", _json(text, speaker))):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
            spans.append((start, tar.offset, frozenset({number})))
    return file.getvalue(), tuple(spans)


def _json(text: str, speaker: str) -> bytes:
    return json.dumps({"text": text, "speaker": speaker, "native": [1, {"two": 3.5}]}).encode()


def _parquet() -> tuple[bytes, tuple[tuple[int, int, frozenset[int]], ...]]:
    rows = []
    for number in range(SAMPLES):
        text, speaker, audio = sample(number)
        rows.append(
            {"audio": {"bytes": audio, "path": f"{number}.flac"}, "text": text, "speaker": speaker, "n": [number]}
        )
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=4)
    footer, spans = pq.read_metadata(file), []
    for number in range(footer.num_row_groups):
        columns = [footer.row_group(number).column(each) for each in range(footer.num_columns)]
        starts = [c.dictionary_page_offset or c.data_page_offset for c in columns]
        end = max(start + c.total_compressed_size for start, c in zip(starts, columns, strict=True))
        spans.append((min(starts), end, frozenset(range(4 * number, min(4 * number + 4, SAMPLES)))))
    data = file.getvalue()
    everything = frozenset(range(SAMPLES))
    return data, (*spans, (0, 4, everything), (spans[-1][1], len(data), everything))


def flip(mutant: Mutant, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 3, 40))):
        place_ = rng.randrange(len(mutant.data))
        mutant.data[place_] ^= 1 << rng.randrange(8)
        mutant.touch(place_, place_ + 1)


def zero(mutant: Mutant, rng: random.Random) -> None:
    start = rng.randrange(len(mutant.data))
    end = min(start + rng.choice((8, 512, 2000)), len(mutant.data))
    mutant.data[start:end] = bytes(end - start)
    mutant.touch(start, end)


def swap(mutant: Mutant, rng: random.Random) -> None:
    """Two blocks: headers, texts, audio."""
    one, two = (512 * rng.randrange(len(mutant.data) // 512) for _ in range(2))
    first, second = mutant.data[one : one + 512], mutant.data[two : two + 512]
    mutant.data[one : one + 512], mutant.data[two : two + 512] = second, first
    mutant.touch(one, one + 512)
    mutant.touch(two, two + 512)


def insert(mutant: Mutant, rng: random.Random) -> None:
    start = rng.randrange(len(mutant.data))
    mutant.data[start:start] = rng.choice((b"\0", b"\xff\xfe", b"ustar" * 9, bytes(512), rng.randbytes(700)))
    mutant.touch(start - 1, start + 1)


def cut(mutant: Mutant, rng: random.Random) -> None:
    start = rng.randrange(len(mutant.data))
    end = min(start + rng.choice((1, 30, 512, 3000)), len(mutant.data))
    del mutant.data[start:end]
    mutant.touch(start, end)


def truncate(mutant: Mutant, rng: random.Random) -> None:
    size = len(mutant.data)
    start = rng.randrange(size // 2, size)
    del mutant.data[start:]
    mutant.touch(start, size)


def retype(mutant: Mutant, rng: random.Random) -> None:
    """A sound header of a tar that says something else: another kind, a name that goes up, a size that is not so."""
    start, end, _ = mutant.spans[rng.randrange(SAMPLES)]
    header = mutant.data[start : start + 512]
    kind = rng.randrange(3)
    if kind == 0:
        header[156:157] = rng.choice((b"1", b"2", b"3", b"5", b"6", b"x", b"g", b"L", b"K", b"S", b"V", b"\xff"))
    elif kind == 1:
        header[:12] = rng.choice((b"../../../etc", b"/etc/passwd\0", b"\xff\xfe.flac\0\0\0\0\0", b"..\0" + bytes(9)))
    else:
        header[124:136] = rng.choice(
            (b"77777777777\0", b"\x80" + bytes(5) + b"\x7f\xff\xff\xff\xff\xff", b"00000000001\0")
        )
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    mutant.data[start : start + 512] = header
    mutant.touch(start, end)


def footer(mutant: Mutant, rng: random.Random) -> None:
    """The part of a Parquet file that says where all else is."""
    for _ in range(rng.choice((1, 2, 8))):
        mutant.data[-rng.randrange(1, min(6000, len(mutant.data)))] ^= 1 << rng.randrange(8)
    mutant.touch(0, len(mutant.data))


_COMMON = (flip, flip, zero, swap, truncate)
MUTATIONS: dict[str, tuple[Callable[[Mutant, random.Random], None], ...]] = {
    "webdataset": (*_COMMON, insert, cut, retype, retype),
    "hf_parquet": (*_COMMON, footer, footer, insert, cut),
}


def mutant_of(family: str, number: int, seed: int) -> Mutant:
    rng = random.Random(f"{family}/{seed}/{number}")
    data, spans = original(family)
    made = Mutant(bytearray(data), list(spans))
    for mutation in rng.sample(MUTATIONS[family], rng.choice((1, 1, 2))):
        mutation(made, rng)
        if mutation in (insert, cut, truncate):
            # Places are those of the original no more; of Parquet all that the footer says is wrong then.
            if family == "hf_parquet":
                made.touch(0, len(data))
            break
    return made


def clips(corpus: Corpus[ClipRef], size: int) -> list[tuple[str, str | None, str | None, bytes | str]]:
    """uid, text, speaker and audio of each clip; of a reject what is said of it."""
    found: list[tuple[str, str | None, str | None, bytes | str]] = []
    for unit in corpus.units(UnitSize(size)):
        items = list(corpus.read(unit))
        if unit.items != len(items):
            raise AssertionError(f"unit {unit.name} has {len(items)} items and says {unit.items}")
        json.dumps(unit.spec)
        for item in items:
            if isinstance(item, Reject):
                found.append((str(item.uid), item.reason, None, item.detail))
                continue
            json.dumps(item.native, ensure_ascii=False, allow_nan=False).encode()
            try:
                with corpus.audio(item) as file:
                    found.append((item.uid, item.text, item.speaker, file.read()))
            except OSError as error:
                found.append((item.uid, item.text, item.speaker, str(error.strerror)))
    return found


def outcome(family: str, folder: Path, data: bytes) -> Any:
    """All that is read of a file, or the sentence by which it is refused."""
    (folder / NAMES[family]).write_bytes(data)
    corpus = Corpus("c", place(folder), KNOBS[family], LICENCE)
    try:
        together = clips(corpus, 1000)
        if sorted(map(repr, together)) != sorted(map(repr, clips(corpus, 7))):
            raise AssertionError("small units hold something else than large ones")
    except UsageError as error:
        return str(error)
    return together


def judged(family: str, mutant: Mutant, found: Any) -> tuple[int, int]:
    """How many samples were not touched, and how many of these were read. Raises AssertionError where one is wrong."""
    if isinstance(found, str):
        return SAMPLES - len(mutant.touched), 0
    if any(isinstance(said, str) and "/tmp/" in said for *_, said in found):
        raise AssertionError("a path of this host is told")
    by_name = {uid.rpartition("/")[2]: rest for uid, *rest in found if rest[1] is not None}
    untouched = set(range(SAMPLES)) - mutant.touched
    right = 0
    for number in untouched:
        read = by_name.get(f"{number:04d}.flac" if family == "webdataset" else f"{number}.flac")
        if read is not None and read != list(sample(number)):
            raise AssertionError(f"sample {number} is read as what it is not")
        right += read is not None
    return len(untouched), right


@dataclass(frozen=True)
class Family:
    name: str


def fuzz(numbers: Iterable[int], seed: int) -> dict[str, Found]:
    def one(family: Family, number: int, found: Found) -> None:
        made = mutant_of(family.name, number, seed)
        with tempfile.TemporaryDirectory() as folder:
            what = outcome(family.name, Path(folder), bytes(made.data))
        untouched, right = judged(family.name, made, what)
        found.refused += isinstance(what, str)
        found.untouched += untouched
        found.read += right
        found.rejects += 0 if isinstance(what, str) else sum(rest[1] is None for _, *rest in what)

    return fuzzed([Family(name) for name in KNOBS], one, numbers)


if __name__ == "__main__":
    main(__doc__, fuzz)
