"""Ingest + quality + shard of real speech: Turnmill against a hand-written process pool doing the same work.

Both decode, hash, measure and shard with the same functions of `sources`, so the ratio is the price of the pipeline:
Ray, parts, the lake, resume. The corpus is every utterance of the shared recordings, as 44.1 kHz stereo FLAC, 48 kHz
WAV and MP3.
One and four hours, in turn, medians; the extra three hours give the marginal rate, the rest is fixed cost.

    python tests/benchmarks/bench_curate.py [--rounds 3] [--workers 2]
"""

import argparse
import json
import multiprocessing
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import soundfile
import soxr

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
    from sources.audio import decode, encode_flac, keeps_own_bytes, pcm_hash, probe, quantize16
    from sources.measure import quality

    root, name = job
    data = (Path(root) / name).read_bytes()
    audio = decode(data, name)
    codec = probe(data, name).codec
    if not keeps_own_bytes(codec):
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


def timed(command: list[str]) -> tuple[float, float]:
    """(wall seconds, peak resident GiB of the whole process group: private memory plus shared, by PSS)."""
    peak = 0.0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.5):
            peak = max(peak, session_pss(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    status = process.wait()
    seconds = time.perf_counter() - started
    over.set()
    watcher.join()
    if status:
        raise SystemExit(f"{command} failed with {status}")
    return seconds, peak / 2**30


def session_pss(leader: int) -> float:
    """Bytes of every process descended from `leader`, each shared page counted once among its sharers."""
    parents, sizes = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            parents[int(folder.name)] = (int(stat[1]), int(stat[3]))
        except OSError:
            continue
    family = {leader}
    grown = True
    while grown:
        more = {pid for pid, (parent, session) in parents.items() if parent in family or session == leader}
        grown = not more <= family
        family |= more
    for pid in family:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            sizes[pid] = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024
        except (OSError, StopIteration):
            continue
    return float(sum(sizes.values()))


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


def compare(scratch: Path, rounds: int, workers: int) -> None:
    hours = {name: build(scratch / name, size) for name, size in (("one", 1.0), ("four", 4.0))}
    (scratch / "bench.yaml").write_text(RECIPE)
    seconds: dict[tuple[str, str], list[float]] = {}
    memory: dict[tuple[str, str], float] = {}
    for _ in range(rounds):
        for name in hours:
            out = scratch / "out"
            corpus = str(scratch / name)
            ours = [
                sys.executable,
                "-m",
                "pipelines.cli",
                "run",
                str(scratch / "bench.yaml"),
                "--set",
                f"root={corpus}",
            ]
            ours += ["--set", f"workers={workers}", "--out", str(out)]
            bare = [sys.executable, __file__, "--workers", str(workers), "--pool", corpus, str(out)]
            for who, command in (("turnmill", ours), ("pool", bare)):
                shutil.rmtree(out, ignore_errors=True)
                wall, peak = timed(command)
                seconds.setdefault((who, name), []).append(wall)
                memory[who, name] = max(peak, memory.get((who, name), 0.0))
                print(f"{who:>8} {name:>4}: {wall:6.1f} s, peak {peak:.2f} GiB", flush=True)
    median = {key: statistics.median(values) for key, values in seconds.items()}
    extra = hours["four"] - hours["one"]
    print(f"corpora: {hours['one']:.2f} h and {hours['four']:.2f} h, {rounds} rounds, medians, {workers} workers")
    rates, fixed = {}, {}
    for who in ("turnmill", "pool"):
        rates[who] = extra * 3600 / (median[who, "four"] - median[who, "one"])
        fixed[who] = median[who, "one"] - hours["one"] * 3600 / rates[who]
        print(
            f"{who:>8}: marginal {rates[who]:.0f} x real time, fixed {fixed[who]:.1f} s, "
            f"peak {memory[who, 'one']:.2f} / {memory[who, 'four']:.2f} GiB"
        )
    print(f"marginal rate, turnmill over pool: {rates['turnmill'] / rates['pool']:.2f}")
    print(f"children's largest resident set: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
