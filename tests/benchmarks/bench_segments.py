"""Recordings and their segments: a JSON of a gigabyte, few long recordings and many small clips against a bare loop.

    python tests/benchmarks/bench_segments.py json [--gigabytes 1]
    python tests/benchmarks/bench_segments.py long [--rounds 3]
    python tests/benchmarks/bench_segments.py small [--rounds 3]

`json`: seconds and peak memory of splitting a GigaSpeech-like JSON into units, and of reading one of them. `long`: two
hours in two WAV files, 500 segments each; `small`: 3,000 clips of 0.5 s. Both go through `ingest` without Ray, and
through a loop that decodes, cuts, hashes and writes FLAC with the same functions; processor seconds, rounds in turn,
medians.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from turnmill.manifests.audio import Audio, encode_flac, pcm_hash, quantize16, read
from turnmill.manifests.store import Store
from turnmill.manifests.tar import TarWriter
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import Shard, Workspace
from turnmill.pipelines.stages.ingest import Ingest, IngestParams
from turnmill.sources.adapters.items import UnitSize
from turnmill.sources.catalogue import Entry, load
from turnmill.sources.places import place

RATE = 16_000
SEGMENTS = 500


def entry(audio: str, form: dict[str, object], annotations: str) -> Entry:
    return load(
        {
            "name": "bench",
            "title": "bench",
            "kind": "speech",
            "lang": "en",
            "licence": {"spdx": "CC0-1.0", "redistribute": True, "commercial": True, "derivatives": True},
            "access": {"kind": "local", "how": "made here"},
            "ingest": {"family": "segments", "annotations": [annotations], "format": form, "audio": audio},
        }
    )


def write_json(file: Path, gigabytes: float) -> int:
    """A GigaSpeech-like JSON of at least that size; returns its segments."""
    written = number = 0
    with file.open("w", encoding="utf-8") as out:
        out.write('{"dataset": "GigaSpeech", "audios": [')
        while number % 50 or file.stat().st_size < gigabytes * 1e9:
            aid = f"POD{number:010d}"
            text = "AND SO MY FELLOW AMERICANS <COMMA> ASK NOT WHAT YOUR COUNTRY CAN DO FOR YOU <PERIOD>"
            about = {"url": f"https://example.org/{aid}", "path": f"audio/podcast/P{number // 100:04d}/{aid}.opus"}
            segments = [
                {
                    **{"sid": f"{aid}_S{place:07d}", "speaker": "N/A", "text_tn": text, "subsets": ["{XL}", "{L}"]},
                    **{"begin_time": 5.0 * place, "end_time": 5.0 * place + 4.5},
                }
                for place in range(250)
            ]
            out.write((", " if number else "") + json.dumps({"aid": aid, **about, "segments": segments}))
            written += len(segments)
            number += 1
            if number % 50 == 0:
                out.flush()
        out.write("]}")
    return written


def bench_json(folder: Path, gigabytes: float) -> None:
    count = write_json(folder / "a.json", gigabytes)
    (folder / "audio").mkdir()
    (folder / "audio" / "one.opus").write_bytes(b"OggS")
    columns = {"start": "begin_time", "end": "end_time", "text": "text_tn"}
    form = {"kind": "json", "items": "audios", "segments": "segments", "columns": columns}
    corpus = entry("{path}", form, "a.json").corpus(folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.monotonic()
    units = corpus.units(UnitSize())
    split = time.monotonic() - begun
    begun = time.monotonic()
    read_items = sum(1 for _ in corpus.read(units[len(units) // 2]))
    took = time.monotonic() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size = (folder / "a.json").stat().st_size / 1e9
    items = sum(unit.items for unit in units)
    print(f"json of {size:.2f} GB, {count:,} segments: {len(units):,} units of {items:,} items in {split:.0f} s")
    print(
        f"peak {peak / 1e6:.2f} GB, {before / 1e6:.2f} GB before; a unit of {read_items:,} items read in {took:.2f} s"
    )


def speech(seconds: float, seed: int) -> np.ndarray:
    """Noise that comes and goes as speech does, int16."""
    random = np.random.default_rng(seed)
    count = int(seconds * RATE)
    level = np.repeat(random.uniform(0, 0.3, count // 1600 + 1), 1600)[:count]
    return (random.standard_normal(count) * level * 0.2 * 32767).clip(-32768, 32767).astype(np.int16)


def ours(root: Path, corpus_entry: Entry, out: Path) -> int:
    """All units through `ingest`; returns the clips."""
    ingest = Ingest(IngestParams(), corpus_entry, corpus_entry.licence.licence, place(root))
    workspace = Workspace(Store(str(out)), {"clips": "c"})
    clips = 0
    for number, unit in enumerate(ingest.units()):
        shard = Shard(f"s{number}", unit.name, {"files": unit.files, "spec": unit.spec})
        clips += len(ingest.process(shard, workspace, Guard("ingest")).tables["clips"])
    return clips


def bare(root: Path, spans: dict[str, list[tuple[float, float] | None]], out: Path) -> int:
    """What a good engineer writes: decode each file once, cut, hash, write."""
    out.mkdir()
    clips = 0
    with (out / "a.tar").open("wb") as file:
        tar = TarWriter(file)
        for name, cuts in spans.items():
            sound = read((root / name).read_bytes(), name).sound
            samples = np.concatenate(list(sound.blocks()), axis=1)
            for number, span in enumerate(cuts):
                first, last = (0, samples.shape[1]) if span is None else (round(span[0] * RATE), round(span[1] * RATE))
                clip = quantize16(Audio(samples[:, first:last], RATE))
                pcm_hash(clip)
                tar.add(f"{clips:08d}-{number}.flac", encode_flac(clip, name))
                clips += 1
        tar.close()
    return clips


def compare(kind: str, rounds: int, one: Callable[[Path], int], other: Callable[[Path], int]) -> None:
    """The throughput of one over the other's."""
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for times, work in zip(took, (one, other), strict=True):
            with tempfile.TemporaryDirectory() as folder:
                begun = time.process_time()
                clips = work(Path(folder) / "out")
                times.append(time.process_time() - begun)
    ours_s, bare_s = map(statistics.median, took)
    print(f"{kind}: {clips:,} clips, ours {ours_s:.1f} s, bare loop {bare_s:.1f} s: ratio {bare_s / ours_s:.2f}")


def bench_long(root: Path, rounds: int) -> None:
    lines, spans = [], {}
    for name in ("one.wav", "two.wav"):
        soundfile.write(root / name, speech(3600, len(lines)), RATE)
        times = [(7.0 * number + 0.25, 7.0 * number + 6.75) for number in range(SEGMENTS)]
        lines += [f"{name[:3]} 1 someone {start} {end} hello there\n" for start, end in times]
        spans[name] = list(times)
    (root / "a.stm").write_text("".join(lines))
    told = entry("{recording}.wav", {"kind": "stm"}, "a.stm")
    compare("long", rounds, lambda out: ours(root, told, out), lambda out: bare(root, spans, out))


def bench_small(root: Path, rounds: int) -> None:
    names = [f"{number:05d}.wav" for number in range(3000)]
    for number, name in enumerate(names):
        soundfile.write(root / name, speech(0.5, number), RATE)
    (root / "a.tsv").write_text("file\tutterance\n" + "".join(f"{name}\thello there\n" for name in names))
    form: dict[str, object] = {"kind": "delimited", "sep": "\t", "columns": {"text": "utterance"}}
    told = entry("{file}", form, "a.tsv")
    spans = {name: [None] for name in names}
    compare("small", rounds, lambda out: ours(root, told, out), lambda out: bare(root, spans, out))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("json", "long", "small"))
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.what == "json":
            bench_json(Path(folder), options.gigabytes)
        else:
            {"long": bench_long, "small": bench_small}[options.what](Path(folder), options.rounds)


if __name__ == "__main__":
    main()
