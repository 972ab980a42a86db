"""Clips to export, and files to break."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import soundfile

from tests.manifests.conftest import sample_of
from tests.manifests.export.conftest import Output, clip, make_output, write_shard
from turnmill.manifests.audio import Audio
from turnmill.manifests.export.export import export
from turnmill.manifests.export.profiles import named
from turnmill.manifests.samples import CLIP

COUNTED = "one two three four five six seven eight nine ten eleven twelve"
LONG = 12.4  # seconds
TRAIN = "shards/f5/clips-train-000000.tar"


def long_clip(**told: Any) -> dict[str, Any]:
    """A number a second, said with joy, each from 0.1 to 0.9 s of its second."""
    words = [
        {"word": word, "start": second + 0.1, "end": second + 0.9, "prob": 1.0, "support": 1, "of": 1, "given": True}
        for second, word in enumerate(COUNTED.split())
    ]
    heard, dnsmos = CLIP.field("consensus").type, CLIP.field("dnsmos").type
    labels = {"consensus": sample_of(heard, consensus_words=words), "dnsmos": sample_of(dnsmos, dnsmos_ovrl=3.2)}
    return clip("c1", COUNTED, "zoe") | {"duration": LONG, "emotion": "joy"} | labels | told


def short_clip(**told: Any) -> dict[str, Any]:
    return clip("c3", "good | bye", None) | told


def clips_output(folder: Path, long: dict[str, Any], short: dict[str, Any], rate: int = 16_000) -> Output:
    """An output whose clips for training are these two: tones of 440 and 880 Hz at `rate` Hz."""
    output = make_output(folder)
    told = {"c1": long, "c3": short}
    audio = {
        key: 0.3 * np.sin(2 * np.pi * pitch * np.arange(round(told[key]["duration"] * rate)) / rate)[None]
        for key, pitch in (("c1", 440), ("c3", 880))
    }
    sounds = {key: Audio(samples.astype(np.float32), rate) for key, samples in audio.items()}
    write_shard(output.store, TRAIN, told, CLIP, sounds)
    return Output(output.store, told, audio)


def drops(output: Output, name: str, to: Path) -> dict[str, tuple[str | None, str | None]]:
    """What became of each item for training: why it was dropped, and the detail."""
    export(output.store, named(name), str(to), split="train")
    rows = [row for file in (to / f"items/{name}").iterdir() for row in pq.read_table(file).to_pylist()]
    return {row["item"]: (row["drop"], row["detail"]) for row in rows}


def pitch_and_level(file: bytes | Path) -> tuple[int, float, float]:
    """(channels, Hz of the loudest, root mean square) of an audio file."""
    samples, rate = soundfile.read(io.BytesIO(file) if isinstance(file, bytes) else file, always_2d=True)
    heard = samples[:, 0]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    return samples.shape[1], float(spectrum.argmax() * rate / len(heard)), float(np.sqrt(np.mean(heard**2)))


Sound = Callable[[Any, int], tuple[Any, int]]
"""Changes samples and rate of an audio file."""

SOUNDS: dict[str, Sound] = {
    "another rate": lambda pcm, rate: (pcm, rate // 2),
    "two channels": lambda pcm, rate: (np.stack([pcm, pcm], 1), rate),
    "cut short": lambda pcm, rate: (pcm[: -rate // 8], rate),
    "silent": lambda pcm, rate: (pcm * 0, rate),
}


def changed_sound(data: bytes, change: Sound) -> bytes:
    """An audio file, changed, as a file of its kind."""
    kind, file = soundfile.info(io.BytesIO(data)).format, io.BytesIO()
    soundfile.write(file, *change(*soundfile.read(io.BytesIO(data))), format=kind)
    return file.getvalue()


def change_first(folder: Path, ending: str, change: Sound) -> None:
    path = min(folder.rglob(f"*.{ending}"))
    path.write_bytes(changed_sound(path.read_bytes(), change))


def change_lines(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("\n".join(change(path.read_text("utf-8").splitlines())) + "\n", "utf-8")


Members = list[tuple[str, bytes]]


def members(path: Path) -> Members:
    with tarfile.open(path) as tar:
        return [(member.name, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]


def change_members(path: Path, change: Callable[[Members], Members]) -> None:
    changed = change(members(path))
    with tarfile.open(path, "w") as tar:
        for name, data in changed:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
