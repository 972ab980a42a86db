"""Stages are added to a copy of the project by the words of CONTRIBUTING: what a label rejects is in no shard, no
sample and no published file, and recordings that are cut keep their books."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from tests.conftest import tree_hashes
from tests.pipelines.conftest import SENTENCES, speech

ROOT = Path(__file__).parents[2]
FOLDERS = ("turnmill", "manifests", "sources", "synth", "dashboards", "pipelines")

LABEL = '''
"""top_level: the level of each clip."""

import numpy as np
from pydantic import Field

from turnmill.manifests.params import Params
from turnmill.manifests.records import Reason, Reject
from turnmill.pipelines.stage import ClipLabel, Row
from turnmill.manifests.audio import Sound


class TopLevelParams(Params):
    shortest_s: float = Field(default=0.0, ge=0, description="clips below it cannot be measured, in seconds")


class TopLevel(ClipLabel):
    name = "top_level"
    tables = ("top_level",)
    params: TopLevelParams

    def label(self, uid: str, sound: Sound) -> Row | Reject:
        if sound.duration < self.params.shortest_s:
            return Reject(Reason.MEASURE_FAILED, f"{uid} is too short", uid)
        peak = max(float(np.abs(block).max()) for block in sound.blocks())
        return {"uid": uid, "loudest": peak}
'''
CUT = '''
"""halve: each channel of a recording, in two halves."""

from turnmill.manifests.audio import Audio, LongSound
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import Made, Row, Shard, Workspace
from turnmill.pipelines.stages.cut import Cut, CutParams, Cuts, Span


class HalveParams(CutParams):
    first: float = 0.5
    peek: bool = False


class Halve(Cut):
    name = "halve"
    params: HalveParams

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        if self.params.peek:
            workspace.rows("quality", shard.key)
        return super().process(shard, workspace, guard)

    def cuts(self, recording: Row, sound: Audio | LongSound) -> Cuts:
        if sound.duration < 1:
            return Cuts([])
        middle = sound.duration * self.params.first
        both = [(0.0, middle), (middle, sound.duration)]
        return Cuts([Span(start, end, channel) for channel in range(sound.channels) for start, end in both])
'''
TABLE = """
TOP_LEVEL = Table(
    "top_level",
    "clip",
    (field("uid", TEXT, "clip"), field("loudest", FLOAT, "largest absolute sample", "1")),
    key=("uid",),
    of="clips",
    label=True,
    sample="top_level",
    published=True,
)

TABLES = (
    TOP_LEVEL,
"""
RECIPE = """
name: copied
workers: 1
corpora:
  - {corpus: files, root: corpus, entry: {ingest: {roles: ROLES}}}
licence: {spdx: CC0-1.0, redistribute: true, commercial: true}
ingest: {unit_clips: 3, keep_untranscribed: true}
STAGES
select:
  - {name: unique, keep: "duplicate_kept"}
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with two more stages: two modules, a table and two lines."""
    folder = tmp_path_factory.mktemp("copy")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    stages = folder / "pipelines" / "stages"
    (stages / "top_level.py").write_text(LABEL, "utf-8")
    (stages / "halve.py").write_text(CUT, "utf-8")
    schema = folder / "manifests" / "schema" / "speech.py"
    schema.write_text(schema.read_text("utf-8").replace("\nTABLES = (\n", TABLE), "utf-8")
    recipe = folder / "pipelines" / "recipe.py"
    lines = (
        "    halve: Annotated[HalveParams | None, Halve] = None\n"
        "    top_level: Annotated[TopLevelParams | None, TopLevel] = None\n"
        "    quality: Annotated"
    )
    text = recipe.read_text("utf-8").replace("    quality: Annotated", lines)
    imports = (
        "from turnmill.pipelines.stages.halve import Halve, HalveParams\n"
        "from turnmill.pipelines.stages.top_level import TopLevel, TopLevelParams\n"
        "from turnmill.pipelines.stages.ingest import"
    )
    recipe.write_text(text.replace("from turnmill.pipelines.stages.ingest import", imports), "utf-8")
    return folder


def turnmill(copy: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line of the copy."""
    command = [sys.executable, "-m", "turnmill.pipelines.cli", *words]
    environment = os.environ | {"PYTHONPATH": str(copy)}
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)


def recipe_of(folder: Path, stages: str, roles: str = "[]") -> str:
    path = folder / "copied.yaml"
    path.write_text(RECIPE.replace("STAGES", stages).replace("ROLES", roles), "utf-8")
    return str(path)


def rows(out: Path, table: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for path in sorted(out.glob(f"{table}/*/*.parquet")):
        found += pq.read_table(path).to_pylist()
    return found


def test_what_an_added_label_rejects_is_in_no_shard_no_sample_and_no_published_file(copy: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, text in enumerate(SENTENCES):
        said = speech(text)
        soundfile.write(corpus / f"{number}.wav", said.pcm[: (12_000 if number % 2 else None)], said.sample_rate)
    out = tmp_path / "out"
    ran = turnmill(copy, "run", recipe_of(tmp_path, "top_level: {shortest_s: 0.6}"), "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"top_level +5 in +3 out +clips", ran.stdout)
    rejected = {str(row["uid"]) for row in rows(out, "rejects") if row["stage"] == "top_level"}
    assert {uid.rsplit("/", 1)[1] for uid in rejected} == {"1.wav", "3.wav"}
    samples = []
    for tar in out.glob("shards/*/*.tar"):
        with tarfile.open(tar) as opened:
            samples += [json.load(opened.extractfile(name)) for name in opened.getnames() if name.endswith(".json")]  # type: ignore[arg-type]
    assert len(samples) == 3
    assert all(sample["top_level"]["loudest"] > 0 for sample in samples)
    # The books say so of the whole, and nothing that goes to the Hub has a rejected clip but by its uid and reason.
    published = turnmill(copy, "publish", str(out), "--to", str(tmp_path / "hub"))
    assert published.returncode == 0, published.stderr
    kept = {sample["uid"] for sample in samples}
    for table in ("clips", "top_level", "clip_selection", "clip_samples"):
        found = pq.read_table(tmp_path / "hub" / "manifests" / f"{table}.parquet").column("uid").to_pylist()
        assert set(found) == kept, table
    assert rejected.isdisjoint(kept)
    assert "| `loudest` | double | 1 | largest absolute sample |" in (tmp_path / "hub" / "SCHEMA.md").read_text("utf-8")


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two calls of two channels, and a recording that is too short to be cut."""
    folder = tmp_path_factory.mktemp("calls")
    (folder / "corpus").mkdir()
    said = [speech(text).pcm[:24_000] for text in SENTENCES]
    for name, pair in (("a", said[:2]), ("b", said[2:4])):
        soundfile.write(folder / "corpus" / f"{name}.wav", np.stack(pair, axis=1), 24_000)
    soundfile.write(folder / "corpus" / "short.wav", np.stack([said[0][:6000]] * 2, axis=1), 24_000)
    return folder


def test_a_recording_becomes_clips_that_know_their_channel_role_and_span(copy: Path, calls: Path) -> None:
    out = calls / "out"
    recipe = recipe_of(calls, "halve: {}", "[agent, caller]")
    ran = turnmill(copy, "run", recipe, "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    # The law of the books where one becomes several: 3 recordings in, 2 out of which there are 8 clips, 1 rejected.
    assert re.search(r"ingest +3 in +3 out +recordings", ran.stdout)
    assert re.search(r"halve +3 in +2 out +recordings", ran.stdout)
    assert re.search(r"nothing_cut +1 rejected", ran.stdout)
    clips = rows(out, "clips")
    assert len(clips) == 8
    assert {(clip["channel"], *clip["roles"]) for clip in clips} == {(0, "agent"), (1, "caller")}  # type: ignore[misc]
    (second,) = [clip for clip in clips if str(clip["uid"]).endswith("a.wav#0.500000-1.000000@1")]
    assert (second["start"], second["end"], second["duration"], second["channels"]) == (0.5, 1.0, 0.5, 1)
    assert second["parent"] == second["recording"] == "files/default/train/a.wav"
    (lake,) = out.glob("audio/clips/*/*.tar")
    data = lake.read_bytes()[int(str(second["offset"])) :][: int(str(second["size"]))]
    (calls / "second.flac").write_bytes(data)
    heard, _ = soundfile.read(calls / "second.flac")
    whole, _ = soundfile.read(calls / "corpus" / "a.wav")
    np.testing.assert_allclose(heard, whole[12_000:, 1], atol=1e-4)
    # Training shards are byte ranges of that tar.
    (shard,) = out.glob("shards/*/clip-flac-train-*.tar")
    assert data in shard.read_bytes()
    asked = turnmill(copy, "query", str(out), "SELECT roles FROM recordings_all ORDER BY uid", "--format", "csv")
    assert asked.stdout.count('[""agent"", ""caller""]') == 3


def test_recordings_may_go_once_they_are_cut_and_come_back_to_be_cut_anew(copy: Path, calls: Path) -> None:
    kept, dropped = calls / "kept", calls / "dropped"
    assert turnmill(copy, "run", recipe_of(calls, "halve: {first: 0.25}"), "--out", str(kept)).returncode == 0
    first = turnmill(copy, "run", recipe_of(calls, "halve: {keep_recordings: false}"), "--out", str(dropped))
    assert first.returncode == 0, first.stderr
    assert not list(dropped.glob("audio/recordings/*/*.tar"))
    assert list(dropped.glob("recordings/*/*.parquet"))
    # Another cut asks for them again, whether it keeps them or not.
    for keys in ("first: 0.25, keep_recordings: false", "first: 0.3"):
        again = turnmill(copy, "run", recipe_of(calls, f"halve: {{{keys}}}"), "--out", str(dropped))
        assert again.returncode == 0, again.stderr
        assert bool(list(dropped.glob("audio/recordings/*/*.tar"))) == ("keep" not in keys)
    assert turnmill(copy, "run", recipe_of(calls, "halve: {first: 0.25}"), "--out", str(dropped)).returncode == 0
    shards = [{tar.name: tar.read_bytes() for tar in out.glob("shards/*/*.tar")} for out in (kept, dropped)]
    assert shards[0] == shards[1]
    before = tree_hashes(dropped)
    assert turnmill(copy, "run", recipe_of(calls, "halve: {first: 0.25}"), "--out", str(dropped)).returncode == 0
    assert tree_hashes(dropped) == before


def test_a_run_that_cuts_and_is_killed_goes_on_to_the_same_bytes(copy: Path, calls: Path) -> None:
    whole, killed = calls / "whole", calls / "killed"
    command = ("run", recipe_of(calls, "halve: {first: 0.4}\ntop_level: {}"), "--set", "ingest.unit_clips=1", "--out")
    assert turnmill(copy, *command, str(whole)).returncode == 0
    words = [sys.executable, "-m", "turnmill.pipelines.cli", *command, str(killed)]
    environment = os.environ | {"PYTHONPATH": str(copy)}
    process = subprocess.Popen(words, cwd=copy, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    while not list(killed.glob("clips/*/*.parquet")):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (killed / "finished.json").exists()
    assert turnmill(copy, *command, str(killed)).returncode == 0
    assert tree_hashes(killed) == tree_hashes(whole)


def test_a_stage_that_reads_what_it_does_not_name_fails_the_run(copy: Path, calls: Path) -> None:
    recipe = recipe_of(calls, "halve: {peek: true}\nquality: {}")
    ran = turnmill(copy, "run", recipe, "--out", str(calls / "peeked"))
    assert ran.returncode == 1
    assert "the stage halve reads the table quality: name it in its `needs`" in ran.stderr


def test_roles_of_other_channels_than_there_are_reject_the_recording(copy: Path, calls: Path) -> None:
    ran = turnmill(copy, "run", recipe_of(calls, "halve: {}", "[a, b, c]"), "--out", str(calls / "three"))
    assert ran.returncode == 1
    assert "other_channels" in ran.stderr
