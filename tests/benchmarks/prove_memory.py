"""Proves that a recording of any length goes through ingest and quality in bounded memory.

    python tests/benchmarks/prove_memory.py [--hours 4] [--formats wav,flac,mp3]

Makes 48 kHz stereo recordings of that length (speech of espeak, pauses, bursts of noise), takes each
through ingest and quality in one process of its own, and prints that process's peak resident memory and the time. The
bar is the 1 GiB that a worker declares.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

RATE = 48_000
SECONDS = 60


def minutes(hours: float) -> Iterator[np.ndarray]:
    """Stereo speech of espeak, pauses and bursts of noise, a minute at a time: float32 [frames, 2]."""
    from turnmill.synth.speech import Line, Speech
    from turnmill.synth.tts.engines.espeak import ESPEAK, EspeakEngine

    text = "The morning train leaves at seven, and nobody knew the way home. "
    engine = EspeakEngine(ESPEAK.voices)
    spoken = engine.synthesize([Line("long", text, ESPEAK.assistants[0].name, "en", 0)])[0]
    assert isinstance(spoken, Speech)
    speech = soxr.resample(spoken.pcm, spoken.sample_rate, RATE)
    random = np.random.default_rng(0)
    minute = random.standard_normal(SECONDS * RATE, dtype=np.float32) * 0.001
    for start in range(0, len(minute) - len(speech), len(speech) + 2 * RATE):
        minute[start : start + len(speech)] += speech
    minute[-RATE:] += random.standard_normal(RATE, dtype=np.float32) * 0.1
    for number in range(round(hours * 3600 / SECONDS)):
        gain = np.float32(0.6 + 0.003 * (number % 40))
        both = np.stack([minute, np.roll(minute, 997 * number)], axis=1) * gain
        yield np.clip(both, -1, 1)


def make(path: Path, hours: float) -> None:
    kind = {"wav": "WAV", "flac": "FLAC", "mp3": "MP3"}[path.suffix[1:]]
    subtype = "MPEG_LAYER_III" if kind == "MP3" else "PCM_16"
    with soundfile.SoundFile(path, "w", RATE, 2, subtype, format=kind) as file:
        for minute in minutes(hours):
            file.write(minute)


def prove(root: Path, out: Path) -> None:
    """Ingest and quality of all files below `root`, in this process."""
    from turnmill.manifests.store import Store
    from turnmill.pipelines.guard import Guard
    from turnmill.pipelines.stage import Shard, Workspace
    from turnmill.pipelines.stages.ingest import Ingest, IngestParams
    from turnmill.pipelines.stages.quality import Quality, QualityParams
    from turnmill.sources.catalogue import load
    from turnmill.sources.places import place

    entry = load("files")
    ingest = Ingest(IngestParams(keep_untranscribed=True), entry, entry.licence.licence, place(root))
    workspace = Workspace(Store(str(out)), {"clips": "c", "quality": "q"})
    started = time.perf_counter()
    for unit in ingest.units():
        shard = Shard("shard", unit.name, {"files": unit.files, "spec": unit.spec})
        made, labels = ingest.process_with(
            shard, workspace, Guard("ingest"), [(Quality(QualityParams()), Guard("quality"))]
        )
        for clip, label in zip(made.tables["clips"], labels[0], strict=True):
            measured = f"speech_ratio {label['speech_ratio']:.3f}, snr_db {label['snr_db']}"
            print(f"{clip['source_uri']}: {clip['codec']}, {clip['duration'] / 3600:.3f} h, {measured}", end=", ")
        for reject in made.rejects:
            print(f"rejected: {reject}", end=", ")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak {peak:.0f} MiB, {time.perf_counter() - started:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=4)
    parser.add_argument("--formats", default="wav,flac,mp3")
    parser.add_argument("--prove", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.prove:
        prove(*options.prove)
        return
    for suffix in options.formats.split(","):
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch) / "corpus"
            root.mkdir()
            make(root / f"long.{suffix}", options.hours)
            print(f"{(root / f'long.{suffix}').stat().st_size / 1e9:.2f} GB", end=" ", flush=True)
            subprocess.run([sys.executable, __file__, "--prove", str(root), str(Path(scratch) / "out")], check=True)


if __name__ == "__main__":
    main()
