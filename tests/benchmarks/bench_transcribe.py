"""The transcribe stage against bare `BatchedInferencePipeline`: same clips, same model, same batch size, one process.

The bare loop gives the pipeline each clip's audio, as its documentation shows; a second one joins all clips into one
long audio with `clip_timestamps`, which is how the pipeline batches best. Ours reads the clips from a lake shard,
batches them across clips, takes word times and scores them. In turn, medians.

    python tests/benchmarks/bench_transcribe.py [--rounds 5] [--clips 96] [--batch 8] [--model embedded]
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from manifests.schema import SCHEMAS  # noqa: E402
from manifests.store import Store  # noqa: E402
from pipelines.asr.recognizer import EMBEDDED  # noqa: E402
from pipelines.demo import SENTENCES, speak  # noqa: E402
from pipelines.guard import Guard  # noqa: E402
from pipelines.stage import Shard, Workspace, clip_audio, commit  # noqa: E402
from pipelines.stages.transcribe import RECOGNISER_RATE, Transcribe, TranscribeParams  # noqa: E402
from sources.audio import Audio, encode_flac, mono, resample  # noqa: E402


def lake(store: Store, clips: int) -> Workspace:
    """A lake shard of demo sentences in their voices."""
    workspace = Workspace(store, {"clips": "bench", "transcripts": "bench"})
    sentences = SENTENCES.read_text("utf-8").splitlines()[:clips]
    rows = []
    with workspace.write_tar("clips", "all") as tar:
        for index, (text, pcm) in enumerate(zip(sentences, speak(sentences), strict=True)):
            offset, size = tar.add(f"{index:04d}.flac", encode_flac(Audio(pcm[None], 24_000)))
            row = dict.fromkeys(SCHEMAS["clips"].names) | {"uid": str(index), "text": text, "offset": offset}
            rows.append(row | {"size": size, "duration": len(pcm) / 24_000})
    import pyarrow as pa

    table = pa.Table.from_pylist(rows, schema=SCHEMAS["clips"])
    store.write_part(workspace.part("clips", "all"), table, {})
    return workspace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clips", type=int, default=96)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--model", default="embedded")
    options = parser.parse_args()
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    path = str(EMBEDDED) if options.model == "embedded" else options.model
    pipeline = BatchedInferencePipeline(WhisperModel(path, device="cpu", cpu_threads=1))
    common = {"language": "en", "beam_size": 1, "batch_size": options.batch, "without_timestamps": True}
    common |= {"word_timestamps": True, "vad_filter": False}
    with tempfile.TemporaryDirectory() as scratch:
        store = Store(scratch)
        workspace = lake(store, options.clips)
        stage = Transcribe(TranscribeParams(model=options.model, batch_size=options.batch, device="cpu"), "en")
        stage.setup()

        def ours() -> None:
            commit(stage, workspace, "all", stage.process(Shard("all", "all"), workspace, Guard(stage.name)))

        def audio() -> list[np.ndarray]:
            with workspace.open_tar("clips", "all") as tar:
                clips = (clip_audio(tar, clip) for clip in workspace.rows("clips", "all"))
                return [mono(resample(clip, RECOGNISER_RATE)) for clip in clips]

        def bare_each() -> None:
            for clip in audio():
                spans = [{"start": 0.0, "end": len(clip) / RECOGNISER_RATE}]
                list(pipeline.transcribe(clip, clip_timestamps=spans, **common)[0])

        def bare_joined() -> None:
            clips = sorted(audio(), key=len)
            ends = np.cumsum([len(clip) for clip in clips]) / RECOGNISER_RATE
            spans = [{"start": float(s), "end": float(e)} for s, e in zip([0.0, *ends[:-1]], ends, strict=True)]
            list(pipeline.transcribe(np.concatenate(clips), clip_timestamps=spans, **common)[0])

        runs = {"bare, clip by clip": bare_each, "bare, joined clips": bare_joined, "turnmill": ours}
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for turn in range(options.rounds + 1):
            for name, work in runs.items():
                started = time.perf_counter()
                work()
                if turn:  # the first round warms up
                    seconds[name].append(time.perf_counter() - started)
        total = sum(len(clip) for clip in audio()) / RECOGNISER_RATE
    median = {name: statistics.median(values) for name, values in seconds.items()}
    for name, value in median.items():
        print(f"{name:>18}: {value:6.2f} s, {total / value:5.0f} x real time")
    for name in ("bare, clip by clip", "bare, joined clips"):
        print(f"turnmill over {name}: {median[name] / median['turnmill']:.2f}")


if __name__ == "__main__":
    main()
