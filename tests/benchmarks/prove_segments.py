"""Recordings cut by `segment` against what is known of them: speech that is in no clip, cuts inside words, and the time
over the bare libraries (VAD, FLAC).

    python tests/benchmarks/prove_segments.py [--minutes 45]

A recording of LibriSpeech utterances in one noisy room, with pauses of .15 to 4 s between them, whose words
PocketSphinx places in each utterance for itself; the same at 8 kHz; and meetings of AMI, whose references (RTTM, STM)
tell turns. A word is cut where there is sound of it, 30 ms or more, on both sides of the edge of a clip. The 50 ms at
its ends, which an aligner may be off by, and what is within 10 dB of the quietest tenth of the seconds around are none;
and a silence of 200 ms is between words, whatever an aligner says. Exit status 1 where more than 1 % of the speech is
lost (of AMI: of all meetings), a word is cut, or the books do not add up.
"""

import argparse
import io
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from turnmill.manifests.audio import Audio, encode_flac, pcm_hash
from turnmill.manifests.records import Licence
from turnmill.manifests.store import Store
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import Made, Shard, Workspace, commit
from turnmill.pipelines.stages.ingest import Ingest, IngestParams
from turnmill.pipelines.stages.segment import Segment, SegmentParams
from turnmill.sources.catalogue import load
from turnmill.sources.places import place
from turnmill.synth.tts.sphinx import PocketsphinxAligner

SHARED = Path(__file__).parents[3] / "shared" / "data"
MOST_LOST = 0.01
INSIDE_S = 0.05  # an aligner's edges of a word are no nearer than that
SOUND_DB = 10.0  # above what is quietest around it
SILENCE_TICKS = 20  # of 10 ms, which no word has within
ROOM = 3e-3  # RMS of the room, which is louder than what most of the utterances have of their own
Spans = list[tuple[float, float]]


@dataclass(frozen=True)
class Truth:
    """A recording, where it is spoken in, and the words that are known, in seconds."""

    name: str
    pcm: np.ndarray
    rate: int
    speech: Spans
    words: Spans


def utterances() -> list[tuple[np.ndarray, Spans]]:
    """LibriSpeech test-other, and the words of each."""
    aligner = PocketsphinxAligner()
    found = []
    for file in sorted(SHARED.glob("LibriSpeech/test-other/**/*.flac")):
        (transcript,) = file.parent.glob("*.trans.txt")
        texts = dict(line.split(" ", 1) for line in transcript.read_text("utf-8").splitlines())
        pcm, rate = soundfile.read(file, dtype="float32")
        words = aligner.align(pcm, rate, texts[file.stem], "en")
        if words is not None:
            found.append((pcm, [(word.start, word.end) for word in words]))
    return found


def lecture(said: Sequence[tuple[np.ndarray, Spans]], minutes: float, rate: int) -> Truth:
    """Utterances in an order of their own, at 16 kHz or less."""
    native = 16_000
    draw = np.random.Generator(np.random.PCG64(14))
    pieces, speech, words, at = [], [], [], 0.0
    while at < minutes * 60:
        for number in draw.permutation(len(said))[: round((minutes * 60 - at) / 9) + 1]:
            pcm, heard = said[number]
            pause = float(np.exp(draw.uniform(np.log(0.15), np.log(4))))
            pieces += [pcm, np.zeros(round(pause * native), np.float32)]
            words += [(at + start, at + end) for start, end in heard]
            speech += [(at + start, at + end) for start, end in joined(heard, 0.3)]
            at += (len(pieces[-2]) + len(pieces[-1])) / native
    pcm = np.concatenate(pieces)
    pcm += (draw.standard_normal(len(pcm)) * ROOM).astype(np.float32)
    if rate != native:
        pcm = soxr.resample(pcm, native, rate)
    return Truth(f"LibriSpeech {rate // 1000} kHz", pcm, rate, speech, words)


def meetings() -> list[Truth]:
    """Of AMI: turns by RTTM, and for one of them utterances by STM."""
    found = []
    for name, rttm in (("sample", "sample"), ("dev00", "debug.development"), ("dev01", "debug.development")):
        pcm, rate = soundfile.read(SHARED / "ami-sample" / f"{name}.wav", dtype="float32")
        rows = (line.split() for line in (SHARED / "ami-sample" / f"{rttm}.rttm").read_text("utf-8").splitlines())
        turns = sorted((float(row[3]), float(row[3]) + float(row[4])) for row in rows if row[1] == name)
        found.append(Truth(f"AMI {name}", pcm, rate, joined(turns, 0.0), []))
    rows = (line.split(maxsplit=5) for line in (SHARED / "ami-sample" / "sample.stm").read_text("utf-8").splitlines())
    said = sorted((float(row[3]), float(row[4])) for row in rows)
    return [*found, Truth("AMI sample, STM", found[0].pcm, found[0].rate, joined(said, 0.0), [])]


def joined(spans: Sequence[tuple[float, float]], gap: float) -> Spans:
    made: Spans = []
    for start, end in spans:
        if made and start <= made[-1][1] + gap:
            made[-1] = (made[-1][0], max(end, made[-1][1]))
        else:
            made.append((start, end))
    return made


def segmented(truth: Truth, params: SegmentParams, scratch: Path) -> tuple[Made, float]:
    """What the stage makes of a recording in a lake, and the CPU seconds that it takes."""
    root, name = scratch / "corpus", f"{truth.name}.flac"
    root.mkdir(parents=True)
    soundfile.write(root / name, truth.pcm, truth.rate)
    entry = load("files")
    ingest = Ingest(
        IngestParams(keep_untranscribed=True), entry, Licence("CC0-1.0", True, True), place(root), "recordings"
    )
    segment = Segment(params)
    tables = {"recordings": "r", "segmentation": "s", "clips": "s"}
    workspace = Workspace(Store(str(scratch / "out")), tables)
    (unit,) = ingest.units()
    shard = Shard("shard", unit.name, {"files": unit.files, "spec": unit.spec})
    commit(ingest, workspace, "shard", ingest.process(shard, workspace, Guard("ingest")))
    segment.setup()
    made, took = timed(lambda: segment.process(shard, workspace, Guard("segment")))
    commit(segment, workspace, "shard", made)  # raises where items in are not items out and rejects
    return made, took


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    return work(), time.process_time() - started


def bare(truth: Truth, clips: Sequence[dict[str, Any]], scratch: Path) -> float:
    """CPU seconds of a hand-written loop: decode, VAD, and FLAC and hash of the same clips."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    data = (scratch / "corpus" / f"{truth.name}.flac").read_bytes()

    def work() -> None:
        pcm, rate = soundfile.read(io.BytesIO(data), dtype="float32")
        narrow = pcm if rate == 16_000 else soxr.resample(pcm, rate, 16_000)
        step = 600 * 16_000
        for start in range(0, len(narrow), step):
            get_speech_timestamps(narrow[start : start + step], VadOptions(min_silence_duration_ms=200), 16_000)
        for clip in clips:
            audio = Audio(pcm[None, round(clip["start"] * rate) : round(clip["end"] * rate)], rate)
            encode_flac(audio)
            pcm_hash(audio)

    return timed(work)[1]


def lost(speech: Spans, clips: Spans) -> float:
    """Seconds of speech in no clip."""
    kept = sum(max(0.0, min(end, b) - max(start, a)) for start, end in speech for a, b in clips)
    return sum(end - start for start, end in speech) - kept


def cut_words(truth: Truth, clips: Spans) -> list[float]:
    """Edges with sound of one word on both sides."""
    found = []
    for edge in {edge for clip in clips for edge in clip}:
        for start, end in truth.words:
            if start < edge < end:
                floor = np.percentile(levels(truth, edge - 2, edge + 2), 10)
                sides = (
                    (levels(truth, start + INSIDE_S, edge) > floor + SOUND_DB)[::-1],
                    (levels(truth, edge, end - INSIDE_S) > floor + SOUND_DB),
                )
                silence = sum(int(side.argmax()) for side in sides if side.any())  # ticks on both sides of the edge
                if all(side.sum() >= 3 for side in sides) and silence < SILENCE_TICKS:
                    found.append(edge)
    return sorted(found)


def levels(truth: Truth, start: float, end: float) -> np.ndarray:
    """dB of each 10 ms."""
    size = truth.rate // 100
    pcm = truth.pcm[max(0, round(start * truth.rate)) : round(end * truth.rate)]
    pcm = pcm[: len(pcm) // size * size].reshape(-1, size)
    return 10 * np.log10(np.maximum((pcm**2).mean(axis=1), 1e-12))


def prove(truth: Truth, params: SegmentParams, *, by_hand: bool = False) -> tuple[bool, float, float]:
    """Whether its clips are as they should be; seconds of speech that are lost, and of all. `by_hand`: against the bare
    loop."""
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder:
        made, took = segmented(truth, params, Path(folder))
        clips = made.tables["clips"]
        if not clips:
            print(f"{truth.name}: nothing but {made.rejects}")
            return False, 1.0, 1.0
        spans = [(clip["start"], clip["end"]) for clip in clips]
        total = sum(end - start for start, end in truth.speech)
        gone, cut = lost(truth.speech, spans), cut_words(truth, spans)
        words = len(truth.words)
        print(
            f"{truth.name}: {len(truth.pcm) / truth.rate / 60:.1f} min, {len(clips)} clips of "
            f"{min(end - start for start, end in spans):.2f} to {max(end - start for start, end in spans):.2f} s, "
            f"{sum(end - start for start, end in spans) / 60:.1f} min"
        )
        print(f"  speech lost {gone:.2f} of {total:.1f} s ({gone / total:.2%}); words cut: {len(cut)} of {words}")
        if cut:
            print(f"  at {', '.join(f'{edge:.2f}' for edge in cut[:20])}")
        for row in made.tables["segmentation"]:
            left = [each["end"] - each["start"] for each in row["left_out"]]
            print(
                f"  found {row['speech']:.1f} s of speech; left out and told: {sum(left):.1f} s in {len(left)} pieces"
            )
        if by_hand:
            ratio = bare(truth, clips, Path(folder)) / took
            print(f"  time of the bare loop over ours: {ratio:.3f} ({took:.1f} s of CPU)")
        within = all(params.shortest_s <= end - start <= params.longest_s + 1e-6 for start, end in spans)
        return not cut and within, gone, total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=45)
    given = parser.parse_args()
    said = utterances()
    wide, narrow = (lecture(said, given.minutes, rate) for rate in (16_000, 8_000))
    found = [prove(truth, SegmentParams(), by_hand=True) for truth in (wide, narrow)]
    print("clips of 2 to 8 s, so that many stretches are cut where they hardly pause, or left out:")
    whole_words, _, _ = prove(wide, SegmentParams(shortest_s=2, longest_s=8))
    meetings_found = [prove(truth, SegmentParams(longest_s=15)) for truth in meetings()]
    gone, total = (sum(one[place] for one in meetings_found[:3]) for place in (1, 2))
    print(f"AMI: speech lost {gone:.2f} of {total:.1f} s ({gone / total:.2%})")
    found.append((all(sound for sound, _, _ in meetings_found), gone, total))
    proven = [whole_words, *(sound and gone <= MOST_LOST * total for sound, gone, total in found)]
    print("proven" if all(proven) else "NOT proven")
    return 0 if all(proven) else 1


if __name__ == "__main__":
    sys.exit(main())
