"""Who speaks when, and whose voice it is, by the packaged models, on real speech.

    python tests/benchmarks/prove_diarization.py ami            # error rate on three pieces of meetings, 30 s each
    python tests/benchmarks/prove_diarization.py conversations  # on 30 of LibriSpeech, beside pyannote.audio alone
    python tests/benchmarks/prove_diarization.py voices         # equal error rates, clusters, clips of two speakers

The conversations are utterances of two to four speakers that are laid over each other by 0 to 30 % of their speech; the
truth is where the VAD hears each alone, before they are added. pyannote.audio alone is its pipeline put together by
hand, with the same models and parameters. Error rates without a collar, overlap included. Time is that of the CPU.

Needs ../shared/data, the extra diarization and the packages that `turnmill doctor` names. Asserts nothing.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from turnmill.manifests.audio import Audio, decode, encode_flac, mono_at  # noqa: E402
from turnmill.manifests.schema import SCHEMAS, to_table  # noqa: E402
from turnmill.manifests.store import Store  # noqa: E402
from turnmill.pipelines.diarization import models  # noqa: E402
from turnmill.pipelines.diarization.clustering import clusters  # noqa: E402
from turnmill.pipelines.diarization.diarizer import BATCHES  # noqa: E402
from turnmill.pipelines.diarization.encoder import SAMPLE_RATE, Encoder, spread  # noqa: E402
from turnmill.pipelines.guard import Guard  # noqa: E402
from turnmill.pipelines.stage import Shard, Workspace, commit  # noqa: E402
from turnmill.pipelines.stages.diarize import Diarize, DiarizeParams  # noqa: E402
from turnmill.sources.measure import quality  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
Pcm = NDArray[np.float32]
Turn = tuple[float, float, str]  # start, end, speaker
LENGTH_S = 30.0


@dataclass(frozen=True)
class Piece:
    """Audio with the truth of who speaks when."""

    name: str
    pcm: Pcm
    truth: tuple[Turn, ...]
    overlap: float = 0.0

    @property
    def speakers(self) -> int:
        return len({speaker for *_, speaker in self.truth})


def narrow(path: Path) -> Pcm:
    return mono_at(decode(path.read_bytes(), path.name), SAMPLE_RATE, path.name)


def spoken(pcm: Pcm) -> list[tuple[float, float]]:
    return list(quality(Audio(pcm[None], SAMPLE_RATE)).segments)


def utterances() -> Iterator[tuple[str, Path]]:
    """Speaker and file, of LibriSpeech and VCTK."""
    for path in sorted((DATA / "LibriSpeech").rglob("*.flac")):
        yield f"LibriSpeech {path.parts[-3]}", path
    for path in sorted((DATA / "VCTK-Corpus-0.92").rglob("*.flac")):
        yield f"VCTK {path.parts[-2]}", path


def meetings() -> list[Piece]:
    folder, truth = DATA / "ami-sample", defaultdict(list)
    for file in ("debug.development.rttm", "sample.rttm"):
        for line in (folder / file).read_text("utf-8").splitlines():
            _, name, _, start, length, _, _, speaker, *_ = line.split()
            truth[name].append((float(start), float(start) + float(length), speaker))
    length = round(LENGTH_S * SAMPLE_RATE)
    return [Piece(name, narrow(folder / f"{name}.wav")[:length], tuple(turns)) for name, turns in truth.items()]


def conversations(count: int) -> list[Piece]:
    """Of two, three or four speakers in turn, with 0, 10, 20 or 30 % of the speech of two at once."""
    files: dict[str, list[Path]] = defaultdict(list)
    for speaker, path in utterances():
        if speaker.startswith("LibriSpeech") and "test-other" in path.parts:
            files[speaker].append(path)
    made = []
    for number in range(count):
        draw = np.random.Generator(np.random.PCG64(number))
        names = [str(name) for name in draw.choice(sorted(files), 2 + number % 3, replace=False)]
        made.append(conversation(f"{number:02d}", names, files, 0.1 * (number // 3 % 4), draw))
    return made


def conversation(
    name: str, speakers: Sequence[str], files: dict[str, list[Path]], overlap: float, draw: np.random.Generator
) -> Piece:
    pcm = np.zeros(round(LENGTH_S * SAMPLE_RATE), np.float32)
    truth: list[Turn] = []
    end, turn = 0.0, 0
    while end < LENGTH_S - 3:
        speaker = speakers[turn % len(speakers)]
        said = narrow(files[speaker][int(draw.integers(len(files[speaker])))])[: 8 * SAMPLE_RATE]
        segments = spoken(said)
        if not segments:
            continue
        said = said[round(segments[0][0] * SAMPLE_RATE) : round(segments[-1][1] * SAMPLE_RATE)]
        shift, length = segments[0][0], len(said) / SAMPLE_RATE
        before = end - (truth[-1][0] if truth else 0.0)
        into = min(2 * overlap / (1 + overlap) * length, before) if turn else 0.0
        start = end - into if overlap else end + float(draw.uniform(0.1, 0.6))
        first = round(start * SAMPLE_RATE)
        room = len(pcm[first : first + len(said)])
        pcm[first : first + room] += said[:room] * np.float32(0.5)
        truth += [
            (start + a - shift, min(start + b - shift, LENGTH_S), speaker)
            for a, b in segments
            if start + a - shift < LENGTH_S
        ]
        end, turn = max(end, start + length), turn + 1
    return Piece(name, pcm, tuple(truth), overlap)


class Bare:
    """pyannote.audio's pipeline as its documentation has it, with what it would fetch put in its place."""

    def __init__(self) -> None:
        from pyannote.audio import Model
        from pyannote.audio.pipelines import SpeakerDiarization, speaker_diarization

        from turnmill.pipelines.diarization.assembled import Voices

        voices = Voices(Encoder(models.weights(models.ENCODER)))
        with (
            patch.object(speaker_diarization, "get_plda", lambda *_, **__: None),
            patch.object(speaker_diarization, "PretrainedSpeakerEmbedding", lambda *_, **__: voices),
        ):
            self.pipeline = SpeakerDiarization(
                legacy=True,
                segmentation=Model.from_pretrained(models.weights(models.SEGMENTATION)),
                embedding_exclude_overlap=True,
                clustering="AgglomerativeClustering",
                segmentation_batch_size=BATCHES["cpu"],
                embedding_batch_size=BATCHES["cpu"],
            )
        self.pipeline.instantiate(models.TUNED)

    def __call__(self, flac: Path) -> list[Turn]:
        pcm, rate = soundfile.read(flac, dtype="float32")
        found = self.pipeline({"waveform": torch.from_numpy(pcm[None]), "sample_rate": rate})
        return [
            (turn.start, min(turn.end, len(pcm) / rate), who) for turn, _, who in found.itertracks(yield_label=True)
        ]


def ours(pieces: Sequence[Piece], place: Workspace) -> tuple[list[list[Turn]], float]:
    """What the stage finds in a lake shard, and the seconds of the CPU that it takes."""
    rows: list[dict[str, Any]] = []
    with place.write_tar("clips", "all") as tar:
        for piece in pieces:
            offset, size = tar.add(f"{piece.name}.flac", encode_flac(Audio(piece.pcm[None], SAMPLE_RATE)))
            row = dict.fromkeys(SCHEMAS["clips"].names) | {"uid": piece.name, "offset": offset, "size": size}
            rows.append(row | {"duration": len(piece.pcm) / SAMPLE_RATE})
    place.store.write_part(place.part("clips", "all"), to_table("clips", rows), {})
    stage = Diarize(DiarizeParams(model=models.PACKAGED, device="cpu"))
    stage.setup()
    started = time.process_time()
    commit(stage, place, "all", stage.process(Shard("all", "all"), place, Guard(stage.name)))
    took = time.process_time() - started
    found = place.rows("diarization", "all")
    return [[(s["start"], s["end"], s["speaker"]) for s in row["speaker_segments"]] for row in found], took


def annotated(turns: Sequence[Turn]) -> Any:
    from pyannote.core import Annotation, Segment

    made = Annotation()
    for number, (start, end, speaker) in enumerate(turns):
        made[Segment(start, end), number] = speaker
    return made


def report(pieces: Sequence[Piece], beside: bool) -> None:
    from pyannote.core import Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    with tempfile.TemporaryDirectory() as scratch:
        place = Workspace(Store(scratch), {"clips": "c", "diarization": "d"})
        found, took = ours(pieces, place)
        seconds = sum(len(piece.pcm) for piece in pieces) / SAMPLE_RATE
        print(f"{len(pieces)} pieces, {seconds:.0f} s: {took / seconds:.3f} CPU s per second")
        if beside:
            bare, alone, equal = Bare(), 0.0, 0
            for piece, turns in zip(pieces, found, strict=True):
                flac = Path(scratch) / "one.flac"
                flac.write_bytes(encode_flac(Audio(piece.pcm[None], SAMPLE_RATE)))
                started = time.process_time()
                said = bare(flac)
                alone += time.process_time() - started
                equal += sorted(said) == sorted(turns)
            print(f"pyannote.audio alone: {equal} of {len(pieces)} equal; its time over ours {alone / took:.3f}")
    groups: dict[str, Any] = defaultdict(DiarizationErrorRate)
    right: dict[str, list[bool]] = defaultdict(list)
    for piece, turns in zip(pieces, found, strict=True):
        whole = Timeline([Segment(0, len(piece.pcm) / SAMPLE_RATE)])
        kinds = [f"{piece.speakers} speakers", f"overlap {piece.overlap:.1f}"] if beside else [piece.name]
        for group in (*kinds, "all"):
            groups[group](annotated(piece.truth), annotated(turns), uem=whole)
            right[group].append(len({who for *_, who in turns}) == piece.speakers)
    for group in sorted(groups):
        parts = groups[group][:]
        shares = ", ".join(
            f"{kind} {parts[kind] / parts['total']:.3f}" for kind in ("missed detection", "false alarm", "confusion")
        )
        counted = f"{sum(right[group])} of {len(right[group])} with the right number of speakers"
        print(f"{group:14} DER {abs(groups[group]):.3f} ({shares}), {counted}")


def equal_error(same: Any, other: Any) -> tuple[float, float]:
    """Where as many of the same speaker are refused as of others accepted: that rate, and the cosine."""
    marks = np.sort(np.concatenate([same, other]))
    refused = np.searchsorted(np.sort(same), marks) / len(same)
    accepted = 1 - np.searchsorted(np.sort(other), marks) / len(other)
    at = int(np.argmin(np.abs(refused - accepted)))
    return float(refused[at] + accepted[at]) / 2, float(marks[at])


def voices() -> None:
    encoder = Encoder(models.weights(models.ENCODER))
    whose, found = [], []
    seconds, took = 0.0, 0.0
    for speaker, path in utterances():
        pcm = narrow(path)
        spans = [(round(a * SAMPLE_RATE), round(b * SAMPLE_RATE)) for a, b in spoken(pcm)]
        speech = np.concatenate([pcm[:0], *(pcm[a:b] for a, b in spans)])
        if len(speech) < SAMPLE_RATE:
            continue
        started = time.process_time()
        found += encoder.embed([speech])
        took, seconds = took + time.process_time() - started, seconds + len(speech) / SAMPLE_RATE
        whose.append(speaker)
    names = np.array(whose)
    whole = np.stack([voice.whole for voice in found])
    cosines = whole @ whole.T
    one, other = np.triu_indices(len(names), 1)
    same, near = names[one] == names[other], cosines[one, other]
    print(f"{len(names)} clips of {len(set(whose))} speakers, {took / seconds:.3f} CPU s per second of speech")
    for corpus in ("", "LibriSpeech", "VCTK"):
        mine = np.array([name.startswith(corpus) for name in whose])
        pairs = mine[one] & mine[other]
        rate, cosine = equal_error(near[same & pairs], near[~same & pairs])
        print(f"{corpus or 'both':12} equal error rate {rate:.4f} at a cosine of {cosine:.3f}")
    for alike in (0.7, 0.725, 0.75, 0.775, 0.8):
        labels = clusters(whole, alike)
        together = labels[one] == labels[other]
        hit = float((same & together).sum())
        print(f"alike {alike}: {labels.max() + 1} clusters; pairs: precision {hit / together.sum():.3f}, "
              f"recall {hit / same.sum():.3f}")  # fmt: skip
    draw = np.random.Generator(np.random.PCG64(0))
    alone = np.array([spread(voice.partials) for voice in found])
    two = []
    while len(two) < 200:
        a, b = (int(place) for place in draw.integers(len(found), size=2))
        parts = [found[place].partials for place in (a, b)]
        if names[a] != names[b] and min(map(len, parts)) >= 3:
            cut = [part[: int(draw.integers(3, len(part) + 1))] for part in parts]
            two.append(spread(np.concatenate(cut)))
    for bound in (0.2, 0.25, 0.3):
        print(f"one_voice {bound}: {(alone > bound).mean():.3f} of clips of one flagged, "
              f"{(np.array(two) <= bound).mean():.3f} of clips of two not")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("ami", "conversations", "voices"))
    parser.add_argument("--count", type=int, default=30, help="conversations")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "voices":
        voices()
    else:
        report(meetings() if given.what == "ami" else conversations(given.count), given.what != "ami")


if __name__ == "__main__":
    main()
