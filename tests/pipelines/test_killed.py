"""A clip that kills its worker and one that hangs it are found and rejected; a kill loses no model's work for long."""

import ctypes
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from ray import cloudpickle

from tests.conftest import tree_hashes
from tests.pipelines.test_run import ask
from turnmill.manifests.audio import Audio
from turnmill.manifests.index import Index, StageEntry
from turnmill.manifests.records import Reason, Reject
from turnmill.manifests.store import Store
from turnmill.pipelines import pipeline
from turnmill.pipelines.loading import load
from turnmill.pipelines.removal import with_killed
from turnmill.pipelines.run import run
from turnmill.pipelines.stage import Made, Row, Workspace, commit
from turnmill.pipelines.stages.quality import Quality, QualityParams

RECIPE = """
name: killed
corpus: files
licence: {spdx: CC0-1.0, redistribute: true, commercial: true}
workers: 2
time_limit: {seconds: 3, per_second: 0}
ingest: {keep_untranscribed: true, unit_clips: 20}
quality: {}
"""


class Fragile(Quality):
    """Crashes on one clip, hangs on another and has a bug at a third."""

    def label(self, uid: str, audio: Audio) -> Row | Reject:
        if uid.endswith("kills.wav"):
            ctypes.string_at(0)
        if uid.endswith("hangs.wav"):
            time.sleep(1000)
        if uid.endswith("buggy.wav"):
            return [][len(uid)]
        return super().label(uid, audio)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    noise = np.random.default_rng(0).normal(0, 0.1, 4000)
    names = [f"clip-{number:02d}.wav" for number in range(37)] + ["kills.wav", "hangs.wav", "buggy.wav"]
    for number, name in enumerate(sorted(names)):
        soundfile.write(folder / name, np.roll(noise, number), 8000)
    return folder


def test_a_clip_that_kills_and_one_that_hangs_are_found_and_the_rest_is_kept(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloudpickle.register_pickle_by_value(__import__(__name__, fromlist=["Fragile"]))
    monkeypatch.setattr(pipeline, "chosen_stages", lambda: {"quality": Fragile})
    (tmp_path / "killed.yaml").write_text(RECIPE, "utf-8")
    recipe = load(tmp_path / "killed.yaml", [f"root={corpus}"])
    out = tmp_path / "out"
    result = run(recipe, str(out))
    assert result.bugs == 1
    rejects = ask(out, "SELECT stage, source_uri, reason FROM rejects ORDER BY source_uri")
    assert rejects == [
        ("quality", "buggy.wav", "internal_error"),
        ("quality", "hangs.wav", "timed_out"),
        ("quality", "kills.wav", "killed_worker"),
    ]
    assert ask(out, "SELECT count(*) FROM clip_samples") == [(37,)]
    (detail,) = ask(out, "SELECT detail FROM rejects WHERE reason = 'internal_error'")[0]
    assert detail.startswith("IndexError: list index out of range (")
    assert not list(out.rglob("*turnmill-tmp*"))
    before = tree_hashes(out)
    assert run(recipe, str(out)).bugs == 1
    assert tree_hashes(out) == before
    # A kill between a verdict and its part: the verdict holds, though this time nothing would die.
    for folder in ("quality", "clip_selection", "clip_plan", "clip_samples", "shards"):
        shutil.rmtree(out / folder)
    monkeypatch.setattr(pipeline, "chosen_stages", lambda: {"quality": Quality})
    run(recipe, str(out))
    assert ask(out, "SELECT stage, source_uri, reason FROM rejects ORDER BY source_uri") == rejects[1:]
    run(recipe, str(out), retry_killed=True)
    assert ask(out, "SELECT count(*) FROM rejects") == [(0,)]
    assert ask(out, "SELECT count(*) FROM clip_samples") == [(40,)]
    assert not list(out.glob("verdicts/*/*"))


@pytest.mark.parametrize(
    ("reason", "again"),
    [
        (Reason.MODEL_FAILED, True),
        (Reason.RECOGNISER_FAILED, True),
        (Reason.INTERNAL_ERROR, True),
        (Reason.CORRUPT_AUDIO, False),
    ],
)
def test_what_may_pass_is_made_again_when_that_is_asked(tmp_path: Path, reason: Reason, again: bool) -> None:
    store = Store(str(tmp_path))
    index = Index("source", "cafe", 1, (StageEntry("quality", "q", "speech", ("quality",), "clips"),))
    made = Made({"quality": []}, [Reject(reason, "it fails", "u0")], 1, 0.1)
    commit(Quality(QualityParams()), Workspace(store, {"quality": "q"}), "k0", made)
    half = SimpleNamespace(name="speech")
    assert with_killed(store, index, half) == ({"k0"} if again else set())  # type: ignore[arg-type]  # all it asks
