"""Segments through `ingest`: a long recording is decoded once for them all, and what is wrong with it is said once."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import soundfile

from turnmill.manifests.audio import files, sound
from turnmill.manifests.audio.sound import Stream
from turnmill.manifests.records import Reason, Reject
from turnmill.manifests.store import Store
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import Row, Shard, Workspace, commit
from turnmill.pipelines.stages.ingest import Ingest, IngestParams
from turnmill.pipelines.watch import Attempt
from turnmill.sources.catalogue import load
from turnmill.sources.places import place

RATE = 8000
SECONDS = 60


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A call of two channels, segments of both that overlap, and a shorter one that breaks off."""
    folder = tmp_path / "corpus"
    (folder / "trans").mkdir(parents=True)
    time = np.arange(SECONDS * RATE) / RATE
    both = np.stack([np.sin(300 * time), np.sin(500 * time)], axis=1) * 0.3
    for name, subtype in (("one.flac", "PCM_24"), ("two.wav", "ULAW")):
        soundfile.write(folder / name, both, RATE, subtype=subtype)
        lines = [f"{start}.50 {start + 3}.25 {'AB'[start % 2]}: number {start}" for start in range(0, 56, 2)]
        lines += [f"{start}.00 {start + 2}.25 {'BA'[start % 2]}: over {start}" for start in range(0, 56, 2)]
        (folder / "trans" / f"{Path(name).stem}.txt").write_text("\n".join(lines))
    whole = (folder / "two.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 2])
    (folder / "trans" / "cut.txt").write_text("0.5 1.0 A: before\n1.0 2.0 B: the end\n")
    return folder


def ingested(root: Path, out: Path, guard: Guard) -> tuple[list[Row], list[Reject], str]:
    """Clips, rejects and the lake's digest."""
    entry = load(
        {
            "name": "calls",
            "title": "calls",
            "kind": "dialogue-speech",
            "lang": "en",
            "licence": {"spdx": "CC0-1.0", "redistribute": True, "commercial": True, "derivatives": True},
            "access": {"kind": "local", "how": "written here"},
            "ingest": {
                "family": "segments",
                "roles": ["agent", "caller"],
                "annotations": ["trans/*.txt"],
                "format": {"kind": "ldc"},
                "audio": "*{stem}.*",
                "channels": {"A": 0, "B": 1},
                "fields": {"speaker": "{stem}-{side}"},
            },
        }
    )
    ingest = Ingest(IngestParams(unit_clips=1000), entry, entry.licence.licence, place(root))
    workspace = Workspace(Store(str(out)), {"clips": "c"})
    (unit,) = ingest.units()
    made = ingest.process(Shard("s", unit.name, {"files": unit.files, "spec": unit.spec}), workspace, guard)
    commit(ingest, workspace, "s", made)
    with workspace.open_tar("clips", "s") as tar:
        digest = hashlib.sha256(tar.read()).hexdigest()
    return list(made.tables["clips"]), list(made.rejects), digest


def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file is decoded."""
    decodes: Counter[str] = Counter()
    stream = files.libsndfile.stream

    def decoder(file: BinaryIO, name: str) -> Stream | None:
        decodes[name] += 1
        return stream(file, name)

    monkeypatch.setattr(files, "_DECODERS", (decoder,))
    return decodes


def test_a_long_recording_is_decoded_once_for_all_its_segments_and_they_are_the_same(
    talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = ingested(talk, tmp_path / "short", Guard("ingest"))
    monkeypatch.setattr(sound, "SHORT_BYTES", 200_000)  # 3 s of both channels
    monkeypatch.setattr(sound, "REEL_BYTES", 1 << 16)
    decodes = counted(monkeypatch)
    clips, rejects, digest = ingested(talk, tmp_path / "long", Guard("ingest"))
    assert (clips, rejects, digest) == short
    assert decodes == {"one.flac": 1, "two.wav": 1}
    assert Counter((clip["roles"][0], clip["channel"], clip["channels"]) for clip in clips) == {
        ("agent", 0, 1): 56,
        ("caller", 1, 1): 56,
    }
    assert {reject.reason for reject in rejects} == {Reason.TRUNCATED_AUDIO}
    assert len({reject.uid for reject in rejects}) == len(rejects) == 2


def test_a_recording_that_kills_its_worker_is_not_tried_again_for_each_segment(
    talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decodes = counted(monkeypatch)
    killer = {"ingest": {"calls/default/train/one.flac": Reason.KILLED_WORKER}}
    clips, rejects, _ = ingested(talk, tmp_path / "out", Guard("ingest", Attempt(verdicts=killer)))
    assert Counter(reject.reason for reject in rejects) == {Reason.KILLED_WORKER: 56, Reason.TRUNCATED_AUDIO: 2}
    assert {clip["source_uri"] for clip in clips} == {"two.wav"}
    assert decodes == {"two.wav": 1}
