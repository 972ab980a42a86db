"""Ingest + quality + shard of real speech: Turnmill against a hand-written process pool doing the same work.

Both decode, hash, measure and shard with the same functions of `sources`, so the ratio is the price of the pipeline:
Ray, parts, the lake, resume. The corpus is every utterance of the shared recordings, as 44.1 kHz stereo FLAC, 48 kHz
WAV and MP3.
One and four hours, in turn, medians; the extra three hours give the marginal rate, the rest is fixed cost.

    python tests/benchmarks/bench_curate.py [--rounds 3] [--workers 2]

Then two workers over one, the largest worker at 1 and at 10 times the corpus, and the hour with three bad files added.
"""

import argparse
import json
import multiprocessing
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.store import Store

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
RECIPE = """
name: bench
corpus: files
ingest: {keep_untranscribed: true}
quality: {}
shard: {splits: {train: 1.0, valid: 0.0, test: 0.0}}
"""
FORMATS = (("flac", 44_100, 2), ("wav", 48_000, 1), ("mp3", 44_100, 2))


def build(folder: Path, hours: float) -> float:
    """Fill a folder with at least so many hours; returns the hours."""
    sources = sorted([*SHARED.glob("LibriSpeech/**/*.flac"), *SHARED.glob("LJSpeech-1.1/wavs/*.wav")])
    seconds, copy = 0.0, 0
    while seconds < hours * 3600:
        for index, source in enumerate(sources):
            suffix, rate, channels = FORMATS[(index + copy) % len(FORMATS)]
            pcm, native = soundfile.read(source, dtype="float32")
            pcm = soxr.resample(pcm, native, rate)
            target = folder / f"{copy:03d}" / f"{source.stem}.{suffix}"
            target.parent.mkdir(exist_ok=True, parents=True)
            # Another gain for each copy, so that no two are the same bytes.
            soundfile.write(target, np.repeat(pcm[:, None], channels, 1) * (0.9 - 0.01 * copy), rate)
            seconds += len(pcm) / rate
            if seconds >= hours * 3600:
                break
        copy += 1
    return seconds / 3600


def pool_file(job: tuple[str, str]) -> tuple[str, str, bytes, dict]:
    from turnmill.manifests.audio import encode_flac, pcm_hash, quantize16, read
    from turnmill.sources.measure import quality

    root, name = job
    data = (Path(root) / name).read_bytes()
    found = read(data, name)
    audio, codec = found.sound, found.codec
    if not found.keeps_own_bytes:
        audio = quantize16(audio)
        codec, data = "flac", encode_flac(audio)
    return name, codec, data, {"pcm_hash": pcm_hash(audio), **asdict(quality(audio))}


def pool_run(root: Path, out: Path, workers: int) -> None:
    """What a good engineer writes in ten minutes: no resume, no manifest, stops at the first bad file."""
    import webdataset

    out.mkdir(parents=True)
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*.*"))
    with (
        multiprocessing.Pool(workers) as pool,
        webdataset.ShardWriter(str(out / "%06d.tar"), maxsize=256 << 20, verbose=0) as writer,
    ):
        jobs = ((str(root), name) for name in names)
        for number, (name, codec, data, labels) in enumerate(pool.imap_unordered(pool_file, jobs, chunksize=4)):
            writer.write(
                {"__key__": f"{number:09d}", codec: data, "json": json.dumps({"uid": name, **labels}).encode()}
            )


@dataclass(frozen=True)
class Run:
    """A finished command: wall seconds, and peak memory in GiB of all its processes and of its largest Ray worker.

    Memory is proportional set size: a page that several processes share counts once among them.
    """

    seconds: float
    all_gib: float
    worker_gib: float


def timed(command: list[str], status: int = 0) -> Run:
    peak = [0, 0]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            sizes = family(process.pid)
            peak[0] = max(peak[0], sum(size for size, _ in sizes))
            peak[1] = max([peak[1], *(size for size, name in sizes if "MapWorker" in name)])

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    ended = process.wait()
    seconds = time.perf_counter() - started
    over.set()
    watcher.join()
    if ended != status:
        raise SystemExit(f"{command} ended with {ended}, not {status}")
    return Run(seconds, peak[0] / 2**30, peak[1] / 2**30)


def family(leader: int) -> list[tuple[int, str]]:
    """(bytes, command line) of every process that descends from `leader`."""
    parents: dict[int, tuple[int, int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(folder.name)] = (int(stat[1]), int(stat[3]))
    members = {leader}
    while more := {p for p, (up, session) in parents.items() if up in members or session == leader} - members:
        members |= more
    sizes = []
    for pid in members:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            name = Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            continue
        pss = [int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")]
        sizes.append((1024 * sum(pss), name))
    return sizes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pool", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pool:
        pool_run(Path(options.pool[0]), Path(options.pool[1]), options.workers)
        return
    if not SHARED.is_dir():
        raise SystemExit("needs the recordings of the development workplace (../shared/data)")
    with tempfile.TemporaryDirectory() as scratch:
        compare(Path(scratch), options.rounds, options.workers)


def turnmill(scratch: Path, corpus: str, workers: int, *more: str) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "turnmill.pipelines.cli",
        "run",
        str(scratch / "bench.yaml"),
        "--out",
        str(scratch / "out"),
    ]
    return [*command, "--set", f"root={scratch / corpus}", "--set", f"workers={workers}", *more]


def fresh(scratch: Path, command: list[str], status: int = 0) -> Run:
    shutil.rmtree(scratch / "out", ignore_errors=True)
    return timed(command, status)


def compare(scratch: Path, rounds: int, workers: int) -> None:
    (scratch / "bench.yaml").write_text(RECIPE)
    hours = {name: build(scratch / name, size) for name, size in (("one", 1.0), ("four", 4.0))}
    runs: dict[tuple[str, str], list[Run]] = {}
    for _ in range(rounds):
        for name in hours:
            bare = [
                sys.executable,
                __file__,
                "--workers",
                str(workers),
                "--pool",
                str(scratch / name),
                str(scratch / "out"),
            ]
            for who, command in (
                ("turnmill", turnmill(scratch, name, workers)),
                ("pool", bare),
                ("one worker", turnmill(scratch, name, 1)),
            ):
                run = fresh(scratch, command)
                runs.setdefault((who, name), []).append(run)
                print(f"{who:>10} {name:>4}: {run.seconds:6.1f} s, {run.all_gib:.2f} GiB", flush=True)
    print(f"corpora: {hours['one']:.2f} h and {hours['four']:.2f} h, {rounds} rounds, medians, {workers} workers")
    rates = {}
    for who in ("turnmill", "pool", "one worker"):
        one, four = (statistics.median(run.seconds for run in runs[who, name]) for name in hours)
        rates[who] = (hours["four"] - hours["one"]) * 3600 / (four - one)
        fixed = one - hours["one"] * 3600 / rates[who]
        memory = [max(run.all_gib for run in runs[who, name]) for name in hours]
        print(
            f"{who:>10}: marginal {rates[who]:.0f} x real time, fixed {fixed:.1f} s, "
            f"peak of all processes {memory[0]:.2f} GiB at 1 h, {memory[1]:.2f} at 4 h"
        )
    print(f"marginal rate, turnmill over pool: {rates['turnmill'] / rates['pool']:.2f}")
    print(f"marginal rate, {workers} workers over 1: {rates['turnmill'] / rates['one worker']:.2f}")
    grow(scratch, workers)
    bad_hour(scratch, workers)


def grow(scratch: Path, workers: int) -> None:
    """The largest worker when the corpus grows tenfold."""
    sizes = {}
    for name, size in (("small", 0.4), ("tenfold", 4.0)):
        build(scratch / name, size)
        sizes[name] = fresh(scratch, turnmill(scratch, name, workers)).worker_gib
    ratio = sizes["tenfold"] / sizes["small"]
    print(f"largest worker: {sizes['small']:.3f} GiB at 0.4 h, {sizes['tenfold']:.3f} GiB at 4 h, ratio {ratio:.2f}")


def bad_hour(scratch: Path, workers: int) -> None:
    """The hour with a truncated, a garbage and an empty file: all else is kept, exit 0; exit 1 when none may be."""
    folder = scratch / "one" / "bad"
    folder.mkdir()
    good = sorted((scratch / "one").rglob("*.flac"))[0].read_bytes()
    (folder / "truncated.flac").write_bytes(good[: len(good) // 2])
    (folder / "garbage.wav").write_bytes(bytes(range(256)) * 64)
    (folder / "empty.mp3").write_bytes(b"")
    files = sum(1 for path in (scratch / "one").rglob("*.*") if path.is_file())
    fresh(scratch, turnmill(scratch, "one", workers))
    store = Store(str(scratch / "out"))
    count = "SELECT (SELECT count(*) FROM clip_samples), (SELECT list(reason ORDER BY reason) FROM rejects)"
    kept, reasons = connect(store, Index.load(store)).execute(count).fetchone() or (0, [])
    print(f"the hour with three bad files: {files} files, {kept} kept, rejects {reasons}, exit 0")
    timed(turnmill(scratch, "one", workers, "--max-reject-ratio", "0"), status=1)
    print("with --max-reject-ratio 0: exit 1")


if __name__ == "__main__":
    main()
