"""A small corpus with bad files, a few dialogues, and one finished run of both halves over them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from turnmill.manifests.audio import Audio, encode_flac
from turnmill.manifests.records import Reject
from turnmill.manifests.schema import to_table
from turnmill.manifests.store import Store
from turnmill.pipelines.cluster import cluster
from turnmill.pipelines.loading import load
from turnmill.pipelines.recipe import Recipe
from turnmill.pipelines.run import run
from turnmill.pipelines.stage import Workspace
from turnmill.pipelines.stages.quality import Quality, QualityParams
from turnmill.synth.speech import Line, Speech
from turnmill.synth.tts.engines.hibari import HIBARI, HibariEngine

RECIPE = """
name: small
seed: 3
workers: 1
corpus: files
texts: dialogues.jsonl
licence: {spdx: CC0-1.0, redistribute: true, commercial: true}
ingest: {unit_clips: 4}
quality: {}
select:
  - {name: speech, keep: "speech_ratio > 0.3"}
  - {name: unique, keep: "duplicate_kept"}
script: {dialogues_per_shard: 3}
verify: {}
shard: {splits: {train: 0.6, valid: 0.2, test: 0.2}, keep_clean_user: true}
"""
SENTENCES = (
    "The morning train leaves at seven.",
    "Put the kettle on, please.",
    "She found the letter under the door.",
    "Nobody knew the way home.",
    "Bread needs time and a warm room.",
)


@dataclass(frozen=True)
class Small:
    """Where the sources and the output are, and the recipe that made it."""

    corpus: Path
    recipe: Recipe
    out: Path


def speech(text: str) -> Speech:
    spoken = HibariEngine(HIBARI.voices).synthesize([Line("test", text, "hibari-heart", "en", 0)])[0]
    assert isinstance(spoken, Speech)
    return spoken


def lake_of(folder: Path, clips: Sequence[Speech], tables: Sequence[str]) -> Workspace:
    """A dataset of one lake shard, 'shard', with the clips u0, u1, ...; later stages write `tables`."""
    place = Workspace(Store(str(folder)), {"clips": "c", "quality": "q", **{table: table[0] for table in tables}})
    rows: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    with place.write_tar("clips", "shard") as tar:
        for number, clip in enumerate(clips):
            audio = Audio(clip.pcm[None], clip.sample_rate)
            offset, size = tar.add(f"{number}.flac", encode_flac(audio))
            where = {"offset": offset, "size": size, "duration": audio.duration}
            rows.append({**dict.fromkeys(to_table("clips", []).column_names), "uid": f"u{number}", **where})
            label = Quality(QualityParams()).label(f"u{number}", audio)
            assert not isinstance(label, Reject)
            found.append(label)
    place.store.write_part(place.part("quality", "shard"), to_table("quality", found), {})
    place.store.write_part(place.part("clips", "shard"), to_table("clips", rows), {})
    return place


def write_corpus(folder: Path) -> None:
    """Five good clips under awkward names, a duplicate, silence, and four files that cannot be used."""
    names = ["plain.wav", "with space.wav", 'quote\'s "and" dots.v1.flac', "-dash.wav", "Ünïcode 音.flac"]
    (folder / "deep").mkdir(parents=True)
    for name, text in zip(names, SENTENCES, strict=True):
        spoken = speech(text)
        target = folder / ("deep" if name.endswith("flac") else "") / name
        soundfile.write(target, spoken.pcm, spoken.sample_rate)
        target.with_suffix(".txt").write_text(text, "utf-8")
    good = (folder / "plain.wav").read_bytes()
    flac = (folder / "deep" / names[2]).read_bytes()
    silence = folder / "silence.wav"
    soundfile.write(silence, np.zeros(24_000), 24_000)
    bad = {
        "twin.wav": good,
        "truncated.flac": flac[: len(flac) // 2],
        "garbage.wav": b"this is not audio at all" * 40,
        "empty.mp3": b"",
    }
    for name, data in bad.items():
        (folder / name).write_bytes(data)
    for name in ("silence", *(name.split(".")[0] for name in bad)):
        (folder / f"{name}.txt").write_text("A text that is there.", "utf-8")
    soundfile.write(folder / "no text.wav", speech("I have no text.").pcm, 24_000)
    for name in ("cover.PDF", "deep/cover.pdf", "deep/.DS_Store", "Makefile"):
        (folder / name).write_bytes(b"no audio, and no text of any")


def write_dialogues(path: Path) -> None:
    """Seven that can be spoken, and seven that cannot."""
    turns = [
        "Could you tell me how long the museum is open today?",
        "It is open until six, and the last entry is at half past five, so you still have plenty of time to go.",
        "Wonderful, and is there a cafe inside?",
        "Yes, there is a small one on the ground floor, with soup, sandwiches and rather good coffee.",
    ]
    roles = ("user", "assistant")
    rows: list[object] = []
    for number in range(7):
        messages = [{"role": roles[i % 2], "content": text} for i, text in enumerate(turns[: 2 + number % 3])]
        rows.append({"id": f"good-{number}", "messages": messages})
    hello = {"role": "user", "content": "Hello?"}
    rows.append({"id": "two users in a row", "messages": [hello, hello, messages[1]]})
    rows.append({"id": "one speaker", "messages": [hello]})
    rows.append({"id": "empty turn", "messages": [messages[0], {"role": "assistant", "content": " "}]})
    rows.append({"id": "5,000 words", "messages": [hello, {"role": "assistant", "content": "word " * 5000}]})
    rows.append({"id": "code", "messages": [messages[0], {"role": "assistant", "content": "```print(1)```"}]})
    rows.append({"id": "emoji", "messages": [messages[0], {"role": "assistant", "content": "🎉🎉"}]})
    lines = [json.dumps(row, ensure_ascii=False) for row in rows] + ["{not json"]
    path.write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture(scope="session", autouse=True)
def one_ray() -> Iterator[None]:
    """One Ray for all runs of this process: each start of one takes seconds. Processes that tests start, and tests that
    kill, have their own."""
    with cluster(None):
        yield


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A finished run; tests only read it."""
    folder = tmp_path_factory.mktemp("small")
    write_corpus(folder / "corpus")
    write_dialogues(folder / "dialogues.jsonl")
    (folder / "small.yaml").write_text(RECIPE, "utf-8")
    recipe = load(folder / "small.yaml", [f"root={folder / 'corpus'}"])
    run(recipe, str(folder / "out"))
    return Small(folder / "corpus", recipe, folder / "out")
