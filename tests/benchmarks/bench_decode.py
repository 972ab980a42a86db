"""How fast a core decodes and measures: `python tests/benchmarks/bench_decode.py [FOLDER]`.

FOLDER holds recordings (FLAC, WAV, ...); without one, ten minutes of synthetic speech-like sound are made. Prints
multiples of real time on one core, the share of a bare libsndfile loop that `decode` reaches, and where `quality`
spends its time. Promise 6 of the design: above 0.8 of the bare loop.
"""

import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # one core: before numpy and onnxruntime start their threads

import numpy as np
import soundfile

from turnmill.manifests.audio import Audio, Mix, decode, encode_flac, levels, mono_at, pcm_hash
from turnmill.sources import measure, presence
from turnmill.sources.adapters.folder import audio_files, list_folder
from turnmill.sources.places import place

REPEATS = 3
LONG_S = 600


def best(work: Callable[[], object]) -> float:
    """Shortest of a few runs, in seconds of this process's own time (other processes share the machine)."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def synthetic(rate: int, channels: int, seconds: float) -> Audio:
    """Noise that comes and goes like syllables."""
    random = np.random.default_rng(0)
    frames = int(rate * seconds)
    envelope = np.abs(np.sin(np.arange(frames, dtype=np.float32) * (2 * np.pi * 2 / rate)))
    return Audio((random.standard_normal((channels, frames)) * 0.1 * envelope).astype(np.float32), rate)


def bench_decode(files: list[bytes]) -> None:
    seconds = sum(decode(data, "").duration for data in files)
    bare = best(lambda: [soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True) for data in files])
    ours = best(lambda: [decode(data, "") for data in files])
    print(
        f"decode    {seconds / ours:8.0f} x real time, {bare / ours:.2f} of a bare libsndfile loop ({len(files)} files)"
    )
    decoded = [decode(data, "") for data in files]
    measure.quality(decoded[0])  # loads the model
    for name, work in {"pcm_hash": pcm_hash, "encode": encode_flac, "quality": measure.quality}.items():
        taken = best(lambda work=work: [work(audio) for audio in decoded])
        print(f"{name:9} {seconds / taken:8.0f} x real time")


def clipping(audio: Audio, peak: float) -> int:
    counter = measure._Clipping(audio.channels, peak)
    for block in audio.blocks():
        counter.add(block)
    return counter.count()


def bandwidth(audio: Audio) -> float:
    spectrum = measure._Spectrum(audio)
    for block in audio.blocks():
        spectrum.add(Mix()(block))
    return spectrum.bandwidth()


def bench_split(audio: Audio) -> None:
    narrow = mono_at(audio, 16000, "")
    peak = float(np.abs(audio.samples).max())
    parts: dict[str, Callable[[], object]] = {
        "mix and resample": lambda: mono_at(audio, 16000, ""),
        "speech": lambda: presence.speech(narrow, 16000),
        "levels": lambda: levels(audio),
        "clipping": lambda: clipping(audio, max(peak, 0.9)),
        "bandwidth": lambda: bandwidth(audio),
    }
    whole = best(lambda: measure.quality(audio))
    print(
        f"quality of {audio.duration:.0f} s, {audio.channels} x {audio.sample_rate} Hz: {audio.duration / whole:.0f} x"
    )
    for name, work in parts.items():
        seconds = best(work)
        print(f"  {name:17}{seconds:8.3f} s {100 * seconds / whole:6.1f} %")


def main() -> None:
    if len(sys.argv) > 1:
        root = Path(sys.argv[1])
        files = [(root / path).read_bytes() for path in audio_files(list_folder(place(root), "bench"))]
    else:
        files = [encode_flac(synthetic(16000, 1, 12.0))] * 50
    bench_decode(files)
    for rate, channels in ((16000, 1), (48000, 2)):
        bench_split(synthetic(rate, channels, LONG_S))


if __name__ == "__main__":
    main()
