"""segment: what is too long is cut at its pauses, what is not stays as it is, and what cannot be cut says why."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tests.conftest import tree_hashes
from tests.pipelines.conftest import SENTENCES, speech
from turnmill.manifests.audio import decode, sound
from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Reason, Reject
from turnmill.manifests.store import Store
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.pipeline import halves
from turnmill.pipelines.recipe import Recipe
from turnmill.pipelines.stage import Row, Shard, Workspace, commit
from turnmill.pipelines.stages.ingest import Ingest, IngestParams
from turnmill.pipelines.stages.segment import Segment, SegmentParams
from turnmill.sources.catalogue import Entry, load
from turnmill.sources.places import place

RATE = 24_000
SHORT = SegmentParams(shortest_s=1, longest_s=6)
Pcm = npt.NDArray[np.float32]


def noise(seconds: float) -> Pcm:
    draw = np.random.default_rng(len(SENTENCES))
    return (draw.standard_normal(round(seconds * RATE)) * 1e-4).astype(np.float32)


@pytest.fixture(scope="module")
def said() -> list[Pcm]:
    return [speech(text).pcm for text in SENTENCES]


@pytest.fixture(scope="module")
def talk(said: list[Pcm]) -> tuple[Pcm, list[tuple[float, float]]]:
    """Sentences with .8 s between them, and the last after 4 s; and where each is, in seconds."""
    pieces, spans = [noise(0.5)], []
    for number, pcm in enumerate(said):
        at = sum(map(len, pieces)) / RATE
        spans.append((at, at + len(pcm) / RATE))
        pieces += [pcm, noise(4.0 if number == len(said) - 2 else 0.8)]
    return np.concatenate(pieces), spans


def entry_of(roles: Sequence[str]) -> Entry:
    told = load("files").model_dump(exclude_none=True)
    told["ingest"]["roles"] = list(roles)
    return Entry.model_validate(told)


def segmented(
    root: Path, params: SegmentParams = SHORT, roles: Sequence[str] = ()
) -> tuple[list[Row], list[Row], list[Reject], dict[str, bytes]]:
    """Clips, rows of `segmentation`, rejects, and the bytes of each clip, of the recordings in a folder."""
    ingest = Ingest(
        IngestParams(keep_untranscribed=True), entry_of(roles), load("demo").licence.licence, place(root), "recordings"
    )
    out = root.parent / f"{root.name}-out"
    workspace = Workspace(Store(str(out)), {"recordings": "r", "segmentation": "s", "clips": "s"})
    (unit,) = ingest.units()
    shard = Shard("shard", unit.name, {"files": unit.files, "spec": unit.spec})
    commit(ingest, workspace, "shard", ingest.process(shard, workspace, Guard("ingest")))
    segment = Segment(params)
    segment.check_here()
    segment.setup()
    made = segment.process(shard, workspace, Guard("segment"))
    commit(segment, workspace, "shard", made)  # raises where a recording is lost
    with workspace.open_tar("clips", "shard") as tar:
        lake = tar.read()
    clips: list[Any] = list(made.tables["clips"])
    data = {clip["uid"]: lake[clip["offset"] :][: clip["size"]] for clip in clips}
    return clips, list(made.tables["segmentation"]), list(made.rejects), data  # type: ignore[arg-type]


def corpus(folder: Path, **recordings: Pcm) -> Path:
    """Each [frames] or [frames, channels]."""
    folder.mkdir()
    for name, pcm in recordings.items():
        soundfile.write(folder / f"{name}.flac", pcm, RATE)
    return folder


def test_a_long_recording_becomes_clips_at_its_pauses_that_know_their_span(
    talk: tuple[Pcm, list[tuple[float, float]]], tmp_path: Path
) -> None:
    pcm, spans = talk
    clips, rows, rejects, data = segmented(corpus(tmp_path / "talks", talk=pcm))
    assert not rejects
    assert len(clips) > 2
    for clip in clips:
        assert 1 <= clip["duration"] <= 6
        heard = decode(data[clip["uid"]], "clip").samples[0]
        start = round(clip["start"] * RATE)
        np.testing.assert_allclose(heard, pcm[start : start + len(heard)], atol=1e-4)
        assert clip["parent"] == clip["recording"] == "files/default/train/talk.flac"
        assert clip["uid"].endswith(f"#{clip['start']:.6f}-{clip['end']:.6f}")
    for start, end in spans:  # whole, in one of them, but for the silence that its voice begins and ends with
        assert [clip for clip in clips if clip["start"] <= start + 0.1 and end - 0.1 <= clip["end"]]
    assert not [clip for clip in clips if clip["start"] < spans[-1][0] - 1.1 and clip["end"] > spans[-1][0]]
    (row,) = rows
    assert (row["uid"], row["clips"], row["left_out"]) == ("files/default/train/talk.flac", len(clips), [])
    assert row["speech"] == pytest.approx(sum(end - start for start, end in spans), rel=0.15)


def test_what_is_short_enough_stays_as_it_is_to_the_byte_with_all_that_is_said_of_it(
    said: list[Pcm], tmp_path: Path
) -> None:
    folder = corpus(tmp_path / "short", silence=np.zeros(RATE // 2, np.float32))
    soundfile.write(folder / "said.ogg", said[0], RATE, format="OGG", subtype="VORBIS")
    (folder / "said.txt").write_text(SENTENCES[0], "utf-8")
    clips, rows, rejects, data = segmented(folder)
    assert not rejects
    assert not rows
    by_name = {clip["source_uri"]: clip for clip in clips}
    clip = by_name["said.ogg"]
    assert data[clip["uid"]] == (folder / "said.ogg").read_bytes()
    assert clip["uid"] == clip["recording"] == "files/default/train/said.ogg"
    assert (clip["codec"], clip["text"], clip["start"], clip["end"]) == ("ogg", SENTENCES[0], 0, clip["duration"])
    assert "silence.flac" in by_name  # whether it is of use says select


def test_channels_with_roles_are_cut_for_themselves_on_one_clock(said: list[Pcm], tmp_path: Path) -> None:
    agent, caller = said[0], said[1]
    pcm = np.stack([noise(12), noise(12)], axis=1)
    pcm[RATE : RATE + len(agent), 0] = agent
    pcm[5 * RATE : 5 * RATE + len(caller), 1] = caller
    root = corpus(tmp_path / "calls", call=pcm)
    clips, _, rejects, _ = segmented(root, roles=["agent", "caller"])
    assert not rejects
    found = {clip["roles"][0]: clip for clip in clips}
    assert len(clips) == 2
    assert (found["agent"]["channel"], found["caller"]["channel"]) == (0, 1)
    assert {clip["channels"] for clip in clips} == {1}
    assert found["agent"]["start"] <= 1 <= 1 + len(agent) / RATE <= found["agent"]["end"] < 5
    assert found["caller"]["start"] <= 5 <= 5 + len(caller) / RATE <= found["caller"]["end"]
    together, _, _, _ = segmented(root, SHORT.model_copy(update={"channels": "together"}), ["agent", "caller"])
    assert {(clip["channels"], *clip["roles"]) for clip in together} == {(2, "agent", "caller")}


def test_what_cannot_be_cut_says_why(said: list[Pcm], tmp_path: Path) -> None:
    drone = np.concatenate([said[0]] * 8)  # speech, or none: never a pause as long as a clip needs
    both = np.stack([drone, drone], axis=1)
    folder = corpus(
        tmp_path / "bad", digital=np.zeros(8 * RATE, np.float32), hum=noise(8), long=np.tile(noise(1), 20), same=both
    )
    soundfile.write(folder / "nan.wav", np.full(8 * RATE, np.nan, np.float32), RATE, subtype="FLOAT")
    whole = (folder / "same.flac").read_bytes()
    (folder / "torn.flac").write_bytes(whole[: len(whole) // 2])
    params = SHORT.model_copy(update={"channels": "each"})
    clips, _, rejects, _ = segmented(folder, params)
    assert not clips
    assert {reject.source_uri: reject.reason for reject in rejects} == {
        "digital.flac": Reason.NO_SPEECH,
        "hum.flac": Reason.NO_SPEECH,
        "long.flac": Reason.NO_SPEECH,
        "same.flac": Reason.SAME_CHANNELS,
    }


def test_speech_without_a_pause_is_left_out_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from turnmill.pipelines.stages import segment
    from turnmill.sources.presence import Heard

    loud = (np.random.default_rng(0).standard_normal(20 * RATE) * 0.1).astype(np.float32)
    heard = [(10, 300), (400, 1500), (1600, 1990)]
    monkeypatch.setattr(segment, "hear", lambda *_: [Heard(np.array(heard), np.full(2000, 1e-2))])
    clips, rows, rejects, _ = segmented(corpus(tmp_path / "a", loud=loud))
    assert [(clip["start"], clip["end"]) for clip in clips] == [(0, 3.5), (15.5, 20)]
    assert rows[0]["left_out"] == [{"start": 4.0, "end": 15.0, "channel": None, "why": "no_pause"}]
    assert not rejects
    heard[:] = [(0, 2000)]
    clips, _, rejects, _ = segmented(corpus(tmp_path / "b", loud=loud))
    assert not clips
    assert [reject.reason for reject in rejects] == [Reason.NOTHING_CUT]
    assert "20.0 s of speech" in rejects[0].detail


def test_a_recording_that_is_decoded_block_by_block_is_cut_in_the_same_places(
    talk: tuple[Pcm, list[tuple[float, float]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = np.stack([talk[0], np.roll(talk[0], RATE)], axis=1)
    clips = segmented(corpus(tmp_path / "whole", talk=both), roles=["a", "b"])
    monkeypatch.setattr(sound, "SHORT_BYTES", 200_000)
    monkeypatch.setattr(sound, "REEL_BYTES", 1 << 16)
    assert segmented(corpus(tmp_path / "long", talk=both), roles=["a", "b"]) == clips


SEPARATORS = """
import numpy as np

def left(samples, sample_rate):
    assert samples.dtype == np.float32 and samples.shape[0] == 2 and samples.shape[1] <= 62 * sample_rate
    return np.stack([samples[0], samples[0]])

def shorter(samples, sample_rate):
    return samples[:, 1:]

def broken(samples, sample_rate):
    raise RuntimeError("out of tune")
"""


def test_what_a_separator_gives_is_what_is_cut_and_kept(
    talk: tuple[Pcm, list[tuple[float, float]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "separators.py").write_text(SEPARATORS)
    monkeypatch.syspath_prepend(tmp_path)
    music = np.sin(np.arange(len(talk[0])) * 0.2).astype(np.float32) * 0.3
    root = corpus(
        tmp_path / "songs", song=np.stack([talk[0], music], axis=1), short=np.stack([music, music])[:, :RATE].T
    )
    plain = SHORT.model_copy(update={"separate": "separators:left"})
    clips, _, rejects, data = segmented(root, plain)
    assert not rejects
    assert len(clips) > 3
    for clip in (clip for clip in clips if clip["source_uri"] == "song.flac"):
        heard = decode(data[clip["uid"]], "clip").samples
        start = round(clip["start"] * RATE)
        np.testing.assert_allclose(heard[1], talk[0][start : start + heard.shape[1]], atol=1e-4)
    monkeypatch.setattr(sound, "SHORT_BYTES", 200_000)
    monkeypatch.setattr("turnmill.sources.separating.WINDOW_S", 3)
    assert segmented(root, plain)[0] == clips
    for function, told in (("shorter", "shape"), ("broken", "out of tune")):
        _, _, rejects, _ = segmented(root, SHORT.model_copy(update={"separate": f"separators:{function}"}))
        assert {reject.reason for reject in rejects} == {Reason.SEPARATOR_FAILED}
        assert told in rejects[0].detail
    for name, told in (("no_such_module:f", "cannot be imported"), ("separators:f", "has no function 'f'")):
        with pytest.raises(UsageError, match=told):
            Segment(SHORT.model_copy(update={"separate": name})).check_here()
    before = Segment(plain).fingerprint(["r"])
    (tmp_path / "separators.py").write_text(SEPARATORS + "# of another version\n")
    assert Segment(plain).fingerprint(["r"]) != before


def test_bounds_that_no_clips_can_keep_are_refused() -> None:
    with pytest.raises(ValueError, match=r"longest_s \(5\) must be at least twice shortest_s \(3\)"):
        SegmentParams(longest_s=5)


def test_a_dry_run_says_what_becomes_of_recordings_channels_and_voices() -> None:
    assert Segment(SHORT.model_copy(update={"channels": "together"})).remark().endswith(", others stay whole")
    each = Segment(SHORT.model_copy(update={"separate": "separators:left"})).remark()
    assert "others stay whole, each channel for itself where the corpus names roles, of the voices that " in each
    assert "separators:left" in each


def test_a_corpus_that_says_where_its_clips_are_keeps_them(tmp_path: Path) -> None:
    told = {"name": "x", "segment": {}, "licence": {"spdx": "CC0-1.0", "redistribute": True, "commercial": True}}
    corpora = [{"corpus": "switchboard", "root": str(tmp_path)}, {"corpus": "librispeech", "root": str(tmp_path)}]
    (half,) = halves(Recipe.model_validate({**told, "corpora": corpora}), Store(str(tmp_path / "out")))
    switchboard, librispeech = half.chains
    assert [stage.tables[-1] for stage in switchboard.stages] == ["clips"]
    assert [stage.tables[-1] for stage in librispeech.stages] == ["recordings", "clips"]


RECIPE = """
name: cut
workers: 1
corpus: files
root: talks
licence: {spdx: CC0-1.0, redistribute: true, commercial: true}
ingest: {unit_clips: 1, keep_untranscribed: true}
segment: {shortest_s: 1, longest_s: 6}
quality: {}
"""


def test_a_run_that_is_killed_goes_on_to_the_same_bytes(
    talk: tuple[Pcm, list[tuple[float, float]]], said: list[Pcm], tmp_path: Path
) -> None:
    corpus(tmp_path / "talks", a=talk[0], b=said[1], c=talk[0][RATE:])
    (tmp_path / "cut.yaml").write_text(RECIPE, "utf-8")
    command = [sys.executable, "-m", "turnmill.pipelines.cli", "run", str(tmp_path / "cut.yaml"), "--out"]
    whole = subprocess.run([*command, str(tmp_path / "whole")], capture_output=True, text=True, check=False)
    assert whole.returncode == 0, whole.stderr
    killed = tmp_path / "killed"
    process = subprocess.Popen([*command, str(killed)], stdout=subprocess.DEVNULL, start_new_session=True)
    while not list(killed.glob("segmentation/*/*.parquet")):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (killed / "finished.json").exists()
    subprocess.run([*command, str(killed)], capture_output=True, check=True)
    assert tree_hashes(killed) == tree_hashes(tmp_path / "whole")
