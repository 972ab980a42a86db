"""How fast archives are read: `python tests/benchmarks/bench_archives.py [webdataset] [parquet] [index] [passthrough]`.

webdataset, parquet: 3,000 clips of 0.5 s in an archive, against a bare loop of the webdataset library, and of pyarrow:
bytes and records alone, and decoded by the same decoder. index: what the headers of a tar of 100,000 members take,
against tarfile. passthrough: a folder of FLAC through `ingest` into the lake, nothing measured, against `tar`, and what
of that is decoding and hashing. Times are of this process, the best of three; nothing is asserted.
"""

import io
import json
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
import webdataset

from turnmill.manifests.audio import Audio, decode, pcm_hash
from turnmill.manifests.records import Licence
from turnmill.manifests.store import Store
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import Shard, Workspace
from turnmill.pipelines.stages.ingest import Ingest, IngestParams
from turnmill.sources.adapters.base import Corpus, Family
from turnmill.sources.adapters.hf_parquet import HFParquetIngest
from turnmill.sources.adapters.items import ClipRef, UnitSize
from turnmill.sources.adapters.webdataset import WebDatasetIngest
from turnmill.sources.catalogue import load
from turnmill.sources.places import place

CLIPS, SECONDS, RATE, REPEATS = 3000, 0.5, 16000, 3
FIELDS = {"text": "{text}", "speaker": "{speaker}"}


def best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def clip(number: int, seconds: float = SECONDS) -> tuple[bytes, dict[str, Any]]:
    rng, file = np.random.default_rng(number % 50), io.BytesIO()
    frames = round(seconds * RATE)
    noise = rng.standard_normal(frames) * 0.1 * np.abs(np.sin(np.arange(frames) / 2000))
    soundfile.write(file, noise, RATE, format="FLAC")
    record = {"id": f"{number:06d}", "text": f"the words of clip {number}", "speaker": f"s{number % 40}", "snr": 3.5}
    return file.getvalue(), record


def write_tar(path: Path, clips: int) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for number in range(clips):
            audio, record = clip(number % 50)
            for ending, data in (("flac", audio), ("json", json.dumps(record).encode())):
                info = tarfile.TarInfo(f"{number:06d}.{ending}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
            tar.members.clear()


def heard(data: bytes) -> int:
    return len(soundfile.read(io.BytesIO(data), dtype="float32")[0])


def ours(corpus: Corpus[ClipRef], use: Callable[[bytes], int]) -> int:
    total = 0
    for unit in corpus.units(UnitSize(500)):
        for item in corpus.read(unit):
            assert isinstance(item, ClipRef), item
            with corpus.audio(item) as file:
                total += use(file.read())
    return total


def compare(name: str, corpus: Corpus[ClipRef], bare: Callable[[Callable[[bytes], int]], int]) -> None:
    for what, use in (("bytes and records", len), ("decoded", heard)):
        assert bare(use) == ours(corpus, use)
        theirs, mine = best(lambda use=use: bare(use)), best(lambda use=use: ours(corpus, use))
        print(
            f"{name}, {what}: {CLIPS / mine:,.0f} clips/s, {theirs / mine:.2f} of the bare loop ({CLIPS / theirs:,.0f})"
        )


def of(root: Path, family: Family[ClipRef]) -> Corpus[ClipRef]:
    return Corpus("c", place(root), family, Licence("CC0-1.0", redistribute=True, commercial=True))


def bench_webdataset(folder: Path) -> None:
    write_tar(folder / "0.tar", CLIPS)

    def bare(use: Callable[[bytes], int]) -> int:
        total = 0
        for sample in webdataset.WebDataset(str(folder / "0.tar"), shardshuffle=False, empty_check=False):
            json.loads(sample["json"])
            total += use(sample["flac"])
        return total

    compare("webdataset", of(folder, WebDatasetIngest(family="webdataset", fields=FIELDS)), bare)


def bench_parquet(folder: Path) -> None:
    rows = []
    for number in range(CLIPS):
        audio, record = clip(number)
        rows.append({"audio": {"bytes": audio, "path": f"{number}.flac"}, **record})
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000.parquet", row_group_size=100)

    def bare(use: Callable[[bytes], int]) -> int:
        total = 0
        for batch in pq.ParquetFile(folder / "train-00000.parquet").iter_batches(100):
            total += sum(use(row["audio"]["bytes"]) for row in batch.to_pylist())
        return total

    compare("parquet", of(folder, HFParquetIngest(family="hf_parquet", fields=FIELDS)), bare)


def bench_index(folder: Path) -> None:
    write_tar(folder / "0.tar", 50_000)
    corpus = of(folder, WebDatasetIngest(family="webdataset", fields=FIELDS))

    def bare() -> int:
        with tarfile.open(folder / "0.tar") as tar:
            return sum(1 for _ in tar)

    theirs, mine = best(bare), best(lambda: corpus.units(UnitSize(500)))
    print(f"index, 100,000 members: {mine:.2f} s for units, {theirs:.2f} s for tarfile")


def bench_passthrough(folder: Path) -> None:
    files = folder / "corpus"
    files.mkdir()
    for number in range(200):
        (files / f"{number:04d}.flac").write_bytes(clip(number, seconds=10)[0])
    entry = load("files")
    ingest = Ingest(
        IngestParams(keep_untranscribed=True, unit_bytes=1 << 30), entry, entry.licence.licence, place(files)
    )
    workspace = Workspace(Store(str(folder / "out")), {"clips": "c"})

    def through() -> None:
        for unit in ingest.units():
            made = ingest.process(
                Shard("s", unit.name, {"files": unit.files, "spec": unit.spec}), workspace, Guard("ingest")
            )
            assert len(made.tables["clips"]) == 200

    def packed() -> float:
        start = time.perf_counter()
        subprocess.run(["tar", "cf", folder / "bare.tar", "-C", files, "."], check=True)
        return time.perf_counter() - start

    def decoded(use: Callable[[Audio], object]) -> None:
        for path in sorted(files.iterdir()):
            use(decode(path.read_bytes(), path.name))

    mib = sum(path.stat().st_size for path in files.iterdir()) / (1 << 20)
    mine, theirs = best(through), min(packed() for _ in range(REPEATS))
    print(
        f"passthrough: {mib / mine:,.0f} MiB/s through ingest, {theirs / mine:.3f} of tar ({mib / theirs:,.0f} MiB/s)"
    )
    for what, use in (("decoding to its end", lambda _: None), ("decoding and pcm_hash", pcm_hash)):
        taken = best(lambda use=use: decoded(use))
        print(f"  {what} alone: {taken / mine:.2f} of that time, {theirs / taken:.3f} of tar")


BENCHES = {
    "webdataset": bench_webdataset,
    "parquet": bench_parquet,
    "index": bench_index,
    "passthrough": bench_passthrough,
}


def main() -> None:
    for name in sys.argv[1:] or BENCHES:
        with TemporaryDirectory() as folder:
            BENCHES[name](Path(folder))


if __name__ == "__main__":
    main()
