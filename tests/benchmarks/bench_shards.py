"""Shard writing against `webdataset.ShardWriter` and the `tarfile` module, on the same bytes, in turn.

    python tests/benchmarks/bench_shards.py [SAMPLES] [REPEATS] [FOLDER]

A sample is 120 kB of audio and 900 bytes of JSON (a clip of ten seconds). Bar: at least the rate of ShardWriter.
FOLDER is where they write: /dev/shm by default, for the write-back of a disk would drown the difference.
"""

import io
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import webdataset

sys.path.insert(0, str(Path(__file__).parents[2]))

from turnmill.manifests.store import Store
from turnmill.manifests.tar import TarWriter

Samples = list[tuple[str, bytes, bytes]]
PER_SHARD = 500


def turnmill(samples: Samples, folder: Path) -> None:
    store = Store(str(folder))
    for start in range(0, len(samples), PER_SHARD):
        with store.writer(f"{start:06d}.tar") as file:
            tar = TarWriter(file)
            for key, audio, text in samples[start : start + PER_SHARD]:
                tar.add(f"{key}.flac", audio)
                tar.add(f"{key}.json", text)
            tar.close()


def shard_writer(samples: Samples, folder: Path) -> None:
    with webdataset.ShardWriter(str(folder / "%06d.tar"), maxcount=PER_SHARD, maxsize=1e12, verbose=0) as writer:
        for key, audio, text in samples:
            writer.write({"__key__": key, "flac": audio, "json": text})


def plain_tar(samples: Samples, folder: Path) -> None:
    for start in range(0, len(samples), PER_SHARD):
        with tarfile.open(folder / f"{start:06d}.tar", "w") as tar:
            for key, audio, text in samples[start : start + PER_SHARD]:
                for extension, data in (("flac", audio), ("json", text)):
                    info = tarfile.TarInfo(f"{key}.{extension}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))


def timed(write: Callable[[Samples, Path], None], samples: Samples, where: str | None) -> float:
    """Wall seconds of one pass into a fresh folder."""
    with tempfile.TemporaryDirectory(dir=where) as folder:
        started = time.perf_counter()
        write(samples, Path(folder))
        return time.perf_counter() - started


def main(count: int = 2000, repeats: int = 9, where: str | None = None) -> None:
    if where is None and Path("/dev/shm").is_dir():
        where = "/dev/shm"
    random = np.random.default_rng(0)
    samples = [(f"{n:016x}", random.bytes(120_000), random.bytes(450).hex().encode()) for n in range(count)]
    megabytes = sum(len(audio) + len(text) for _, audio, text in samples) / 1e6
    writers = {"turnmill": turnmill, "ShardWriter": shard_writer, "tarfile": plain_tar}
    seconds: dict[str, list[float]] = {name: [] for name in writers}
    for turn in range(repeats):
        for name in list(writers)[turn % 3 :] + list(writers)[: turn % 3]:  # none is always first
            seconds[name].append(timed(writers[name], samples, where))
    median = {name: statistics.median(values) for name, values in seconds.items()}
    for name, values in seconds.items():
        print(
            f"{name:12} {median[name]:6.3f} s (min {min(values):.3f}, max {max(values):.3f})"
            f" {megabytes / median[name]:7.0f} MB/s"
        )
    ratio = median["ShardWriter"] / median["turnmill"]
    print(f"rate over ShardWriter {ratio:.2f} (bar 1.0), over tarfile {median['tarfile'] / median['turnmill']:.2f}")
    if ratio < 1.0:
        sys.exit(1)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:])
