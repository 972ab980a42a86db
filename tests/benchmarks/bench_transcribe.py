"""The transcribe stage against bare `BatchedInferencePipeline`: same clips, same models, same batch size, one process.

The bare loop reads each clip from a lake shard and gives it to the pipeline, as its documentation shows; where batches
are larger than one, all clips joined into one long audio with `clip_timestamps`, which is how the pipeline batches.
Of several models (`tiny.en+base`) each is given all of them. Ours does the same reading, takes word times, places and
scores them, votes on them, and writes its part. In turn; medians of the CPU
time of the process, which noise of other processes shows least in; the peak of memory is that of a process of its own.

    python tests/benchmarks/bench_transcribe.py [--model tiny.en+base] [--rounds 5] [--clips 16] [--beam 5]
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from turnmill.manifests.audio import Audio, encode_flac, mono_at  # noqa: E402
from turnmill.manifests.schema import SCHEMAS, to_table  # noqa: E402
from turnmill.manifests.store import Store  # noqa: E402
from turnmill.pipelines.asr.models import fetched  # noqa: E402
from turnmill.pipelines.asr.windows import SAMPLE_RATE  # noqa: E402
from turnmill.pipelines.demo import SENTENCES, speak  # noqa: E402
from turnmill.pipelines.guard import Guard  # noqa: E402
from turnmill.pipelines.stage import Shard, Workspace, clip_sound, commit  # noqa: E402
from turnmill.pipelines.stages.quality import Quality, QualityParams  # noqa: E402
from turnmill.pipelines.stages.transcribe import Transcribe, TranscribeParams  # noqa: E402


def recorded(count: int) -> list[tuple[str, Audio]]:
    """Texts and audio of LibriSpeech where it is here, else sentences of the demo in its voices."""
    import soundfile

    found = []
    for file in sorted((ROOT.parent / "shared/data/LibriSpeech/test-other").rglob("*.trans.txt")):
        for line in file.read_text("utf-8").splitlines():
            name, _, text = line.partition(" ")
            pcm, rate = soundfile.read(file.parent / f"{name}.flac", dtype="float32")
            found.append((text, Audio(pcm[None], rate)))
    if found:
        return found[:: max(1, len(found) // count)][:count]
    texts = SENTENCES.read_text("utf-8").splitlines()[:count]
    return [(text, Audio(pcm[None], 24_000)) for text, pcm in zip(texts, speak(texts), strict=True)]


def lake(store: Store, clips: int) -> Workspace:
    """A lake shard with its measures."""
    workspace = Workspace(store, {"clips": "bench", "quality": "bench", "transcripts": "bench", "consensus": "bench"})
    rows, measures = [], []
    with workspace.write_tar("clips", "all") as tar:
        for index, (text, audio) in enumerate(recorded(clips)):
            offset, size = tar.add(f"{index:04d}.flac", encode_flac(audio))
            row: dict[str, Any] = dict.fromkeys(SCHEMAS["clips"].names) | {"uid": str(index), "text": text}
            rows.append(row | {"offset": offset, "size": size, "duration": audio.duration, "language": "en"})
            measures.append(Quality(QualityParams()).label(str(index), audio))
    for table, content in (("clips", rows), ("quality", measures)):
        store.write_part(workspace.part(table, "all"), to_table(table, content), {})
    return workspace


def compare(named: str, batch: int, rounds: int, clips: int, beam: int, only_ours: bool) -> None:
    models = tuple(named.split("+"))
    with tempfile.TemporaryDirectory() as scratch:
        store = Store(scratch)
        workspace = lake(store, clips)
        params = TranscribeParams(models=models, batch_size=batch, beam_size=beam, device="cpu", language="en")
        stage = Transcribe(params, "en")
        stage.setup()

        def ours() -> None:
            commit(stage, workspace, "all", stage.process(Shard("all", "all"), workspace, Guard(stage.name)))

        if only_ours:
            ours()
            # Not getrusage's: that counts what the process was before it became this program.
            peak = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("utf-8"))
            print(f"{int(peak[0]) / 1024:.0f} MiB")
            return
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        whispers = [WhisperModel(str(fetched(model).folder), device="cpu", cpu_threads=1) for model in models]
        common: dict[str, Any] = {"language": "en", "beam_size": beam, "batch_size": batch, "word_timestamps": True}

        def audio() -> list[np.ndarray]:
            with workspace.open_tar("clips", "all") as tar:
                sounds = (clip_sound(tar, clip) for clip in workspace.rows("clips", "all"))
                return [mono_at(sound, SAMPLE_RATE, "") for sound in sounds]

        def bare() -> None:
            pieces = sorted(audio(), key=len) if batch > 1 else audio()
            if batch > 1:
                ends = np.cumsum([len(piece) for piece in pieces]) / SAMPLE_RATE
                spans = [{"start": float(s), "end": float(e)} for s, e in zip([0.0, *ends[:-1]], ends, strict=True)]
                joined = np.concatenate(pieces)
                for whisper in whispers:
                    list(BatchedInferencePipeline(whisper).transcribe(joined, clip_timestamps=spans, **common)[0])
                return
            for whisper in whispers:
                pipeline = BatchedInferencePipeline(whisper)
                for piece in pieces:
                    span = [{"start": 0.0, "end": len(piece) / SAMPLE_RATE}]
                    list(pipeline.transcribe(piece, clip_timestamps=span, **common)[0])

        runs: dict[str, Callable[[], None]] = {"bare": bare, "turnmill": ours}
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for turn in range(rounds + 1):
            for name, work in runs.items():
                started = time.process_time()
                work()
                if turn:  # the first round warms up
                    seconds[name].append(time.process_time() - started)
        total = sum(len(piece) for piece in audio()) / SAMPLE_RATE
    median = {name: statistics.median(values) for name, values in seconds.items()}
    command = [sys.executable, __file__, "--model", named, "--batch", str(batch), "--clips", str(clips), "--peak"]
    peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    told = ", ".join(f"{name} {value:.2f} CPU s ({total / value:.0f} x real time)" for name, value in median.items())
    print(f"{named}, batch {batch}: {told}; turnmill over bare {median['bare'] / median['turnmill']:.3f}; peak {peak}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="default: tiny.en, base and tiny.en+base")
    parser.add_argument("--batch", action="append", type=int, help="default: 1 and 8")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--peak", action="store_true", help="print the memory of one run of ours, and nothing else")
    options = parser.parse_args()
    for model in options.model or ["tiny.en", "base", "tiny.en+base"]:
        for batch in options.batch or [1, 8]:
            compare(model, batch, options.rounds, options.clips, options.beam, options.peak)


if __name__ == "__main__":
    main()
