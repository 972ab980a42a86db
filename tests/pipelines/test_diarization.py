"""Diarization without torch: what is told of segments, parameters and models, and how clips become speakers."""

import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from turnmill.manifests.errors import UsageError
from turnmill.manifests.packaged import ModelUnavailable
from turnmill.pipelines.diarization import models
from turnmill.pipelines.diarization.clustering import clusters
from turnmill.pipelines.diarization.diarizer import Segment, _read, overlap_ratio
from turnmill.pipelines.diarization.encoder import spread
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.loading import load_recipe
from turnmill.pipelines.recipe import Recipe
from turnmill.pipelines.stages.diarize import Diarize, DiarizeParams
from turnmill.pipelines.stages.listen import ahead

OUTSIDE = """
import sys
import turnmill.pipelines.cli, turnmill.pipelines.stages.speakers, turnmill.pipelines.steps.clusters
from turnmill.pipelines.doctor import examine
examine()
print(*{"torch", "pyannote.audio", "resemblyzer", "whisperx"}.intersection(sys.modules))
"""


def annotation(*tracks: tuple[float, float, Any]) -> SimpleNamespace:
    """What pyannote gives, as far as it is read."""
    found = [(SimpleNamespace(start=start, end=end), "_", speaker) for start, end, speaker in tracks]
    return SimpleNamespace(itertracks=lambda **_: iter(found))


def voices(speakers: int, clips: int, noise: float, seed: int = 1) -> tuple[Any, Any]:
    """Unit vectors around so many centres, in a mixed order, and whose each is."""
    draw = np.random.Generator(np.random.PCG64(seed))
    centres = draw.normal(size=(speakers, 64))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    whose = draw.permutation(np.repeat(np.arange(speakers), clips))
    found = centres[whose] + draw.normal(size=(len(whose), 64)) * noise / 8
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32), whose


def test_the_base_and_its_commands_import_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", OUTSIDE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_segments_are_within_the_clip_and_in_order() -> None:
    given_ = annotation((5.0, 9.0, "B"), (-0.1, 2.0, "A"), (1.0, 1.5, 3), (9.5, 9.9, "A"), (2.0, 2.0, "A"))
    wanted = [Segment(0.0, 2.0, "A"), Segment(1.0, 1.5, "3"), Segment(5.0, 8.0, "B")]
    assert _read(given_, 8.0) == wanted
    assert _read(SimpleNamespace(speaker_diarization=given_), 8.0) == wanted  # as version 4 gives it


@pytest.mark.parametrize("wrong", [None, {"segments": []}, annotation((0.0, float("nan"), "A"))])
def test_what_is_no_diarization_is_told(wrong: Any) -> None:
    with pytest.raises(ValueError, match="it gave"):
        _read(wrong, 1.0)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 20), st.sampled_from("ABC")), max_size=6))
def test_the_overlap_is_that_of_a_count_of_every_instant(spans: list[tuple[int, int, str]]) -> None:
    count = np.zeros(60, int)
    for start, length, _ in spans:
        count[start : start + length] += 1
    found = overlap_ratio([Segment(start / 10, (start + length) / 10, speaker) for start, length, speaker in spans])
    wanted = (count > 1).sum() / max(1, (count > 0).sum())
    assert found == pytest.approx(wanted)


def test_the_number_of_speakers_is_said_in_one_way() -> None:
    assert DiarizeParams(min_speakers=2, max_speakers=4).bounds == {"min_speakers": 2, "max_speakers": 4}
    with pytest.raises(ValidationError, match="leave `min_speakers` and `max_speakers` out"):
        DiarizeParams(num_speakers=2, max_speakers=3)
    with pytest.raises(ValidationError, match="the first must not be larger"):
        DiarizeParams(min_speakers=3, max_speakers=2)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, "has no config.yaml"),
        ("[not, a, pipeline]", "does not say what the pipeline is"),
        ("pipeline: {name: x, params: {segmentation: $model/segmentation}}", "names no embedding"),
    ],
)
def test_a_folder_that_is_no_pipeline_is_told_in_a_sentence(tmp_path: Path, config: str | None, said: str) -> None:
    if config is not None:
        (tmp_path / "config.yaml").write_text(config, "utf-8")
    with pytest.raises(ModelUnavailable, match=said) as told:
        Diarize(DiarizeParams(model=str(tmp_path))).check()
    assert "\n" not in str(told.value)


def test_a_published_pipeline_out_of_reach_says_how_to_do_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelUnavailable, match=r"the Hub is out of reach: name pyannet-ge2e .*whisperx==3\.8\.6"):
        Diarize(DiarizeParams()).check()
    with pytest.raises(ModelUnavailable, match=r"there is no folder './nowhere'"):
        Diarize(DiarizeParams(model="./nowhere")).check()


@pytest.mark.parametrize(("token", "said"), [("hf_secret", "the token of HF_TOKEN"), (None, "HF_TOKEN is not set")])
def test_a_wrong_token_is_told_before_any_work_and_never_repeated(
    monkeypatch: pytest.MonkeyPatch, token: str | None, said: str
) -> None:
    import huggingface_hub

    given_: list[object] = []

    def refused(*_: object, **options: object) -> None:
        given_.append(options["token"])
        error = OSError(f"401 Client Error for {token}")
        error.response = SimpleNamespace(status_code=401)  # type: ignore[attr-defined]  # as the Hub's have
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refused)
    monkeypatch.setattr(models, "hub_answers", lambda: True)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(ModelUnavailable, match=rf"{said}.*\(401\): accept them at https://hf.co/pyannote/") as told:
        Diarize(DiarizeParams()).fetch()
    assert given_ == [token]
    assert "hf_secret" not in str(told.value)


@dataclass
class Hub:
    """As much of the Hub as is asked: repositories by name, each at a revision, of which some are on this machine."""

    folder: Path
    configs: dict[str, str]
    revision: dict[str, str]
    here: dict[str, Path] = field(default_factory=dict)

    def snapshot_download(
        self, name: str, revision: str | None = None, local_files_only: bool = False, **_: object
    ) -> str:
        if local_files_only:
            return str(self.here[f"{name}@{revision}"])
        found = self.folder / name / (revision or self.revision[name])
        found.mkdir(parents=True, exist_ok=True)
        (found / "config.yaml").write_text(self.configs[name])
        self.here[f"{name}@{revision}"] = found
        return str(found)


PUBLISHED = """
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: AgglomerativeClustering
    segmentation: them/segmentation-3.0@v2
    embedding: them/wespeaker-resnet34-LM
    plda: {checkpoint: them/plda, subfolder: plda}
    embedding_batch_size: 32
"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    configs = {"them/diarization": PUBLISHED} | dict.fromkeys(
        ("them/segmentation-3.0", "them/wespeaker-resnet34-LM", "them/plda"), "model: {}"
    )
    made = Hub(tmp_path / "hub", configs, dict.fromkeys(configs, "1a"))
    monkeypatch.setattr("huggingface_hub.snapshot_download", made.snapshot_download)
    monkeypatch.setattr(models, "hub_answers", lambda: True)
    return made


def test_a_published_pipeline_comes_with_the_models_that_it_names_and_is_known_by_their_revisions(hub: Hub) -> None:
    stage = Diarize(DiarizeParams(model="them/diarization"))
    assert stage.unfetched() == "the pipeline them/diarization"
    hub.snapshot_download("them/diarization")
    said = stage.unfetched()
    assert said is not None
    assert all(name in said for name in ("them/segmentation-3.0", "them/wespeaker-resnet34-LM", "them/plda"))
    stage.fetch()
    assert stage.unfetched() is None
    assert sorted(hub.here) == [
        "them/diarization@None", "them/plda@None", "them/segmentation-3.0@v2", "them/wespeaker-resnet34-LM@None"
    ]  # fmt: skip
    prints = [stage.fingerprint([])]
    for name in ("them/diarization", "them/wespeaker-resnet34-LM", "them/plda"):
        hub.revision[name] = "2b"
        stage.fetch()
        prints.append(stage.fingerprint([]))
    assert len(set(prints)) == 4


def test_a_folder_that_names_published_models_is_known_by_their_revisions_too(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.yaml").write_text(PUBLISHED)
    stage = Diarize(DiarizeParams(model=str(tmp_path / "mine")))
    stage.fetch()
    before = stage.fingerprint([])
    hub.revision["them/plda"] = "2b"
    stage.fetch()
    assert stage.fingerprint([]) != before
    assert "them/diarization@None" not in hub.here


def test_the_packaged_pipeline_is_known_by_its_weights_and_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Diarize(DiarizeParams(model=models.PACKAGED))
    prints = [stage.fingerprint([])]
    for package in ("SEGMENTATION", "ENCODER"):
        known = getattr(models, package)
        monkeypatch.setattr(models, package, replace(known, sha256=dict.fromkeys(known.sha256, "0")))
        prints.append(stage.fingerprint([]))
    monkeypatch.setattr(models, "TUNED", {"clustering": {"threshold": 0.6}})
    prints.append(stage.fingerprint([]))
    assert len(set(prints)) == 4


def test_what_is_not_installed_is_told_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "installed", lambda _: False)
    with pytest.raises(UsageError, match=r"`diarize` needs pyannote.audio, .*pip install 'turnmill\[diarization\]'"):
        Diarize(DiarizeParams()).check_here()


def test_a_pipeline_is_known_by_its_files_and_not_by_its_place(tmp_path: Path) -> None:
    both = []
    for place in ("one", "two"):
        folder = tmp_path / place / "mine"
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text("pipeline: {name: x, params: {segmentation: a, embedding: b}}")
        recipe = load_recipe("speech", {"root": str(tmp_path), "corpus": "files", "diarize.model": str(folder)})
        assert recipe.diarize is not None
        both.append((Diarize(recipe.diarize).fingerprint([]), recipe.hash))
        assert str(tmp_path) not in recipe.yaml()
    assert both[0] == both[1]
    (folder / "config.yaml").write_text("pipeline: {name: x, params: {segmentation: a, embedding: c}}")
    assert Diarize(recipe.diarize).fingerprint([]) != both[1][0]


def test_of_long_clips_none_is_decoded_before_the_one_before_it_was_heard() -> None:
    decoded: list[int] = []

    def things() -> Iterator[int]:
        for number in range(3):
            decoded.append(number)
            yield number

    assert next(ahead(Guard("x"), [{"duration": 3.0}, {"duration": 3600.0}], things())) == 0
    assert decoded == [0]
    assert list(ahead(Guard("x"), [{"duration": 3.0}], things())) == [0, 1, 2]


def test_clusters_need_voices() -> None:
    from turnmill.manifests.store import Store
    from turnmill.pipelines.pipeline import halves

    recipe = Recipe.model_validate({"name": "x", "corpus": "files", "root": ".", "clusters": {}})
    with pytest.raises(UsageError, match=r"`clusters` needs the table `speakers`: add `speakers: {}`"):
        halves(recipe, Store("."))


@pytest.mark.parametrize("block", [4000, 60, 25])
def test_clips_of_one_speaker_are_one_cluster_whatever_is_looked_at_together(block: int) -> None:
    found, whose = voices(40, 8, 0.4)
    labels = clusters(found, 0.5, block)
    assert len(set(zip(labels, whose, strict=True))) == 40 == labels.max() + 1
    assert list(dict.fromkeys(labels.tolist())) == list(range(40))  # by who comes first
    assert np.array_equal(labels, clusters(found, 0.5, block))


def test_clusters_of_clusters_are_as_far_apart_as_their_voices() -> None:
    """Two speakers, .8 alike each and .65 with each other, more clips than are looked at together: of means of length 1
    the two would be .81 alike, and one."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((123, 123)))[0]
    own = basis[1 + np.arange(120) % 2]
    found = np.sqrt(0.65) * basis[0] + np.sqrt(0.15) * own + np.sqrt(0.2) * basis[3:]
    assert clusters(found, 0.75, 40).tolist() == [0, 1] * 60


def test_voices_are_held_few_times_over_however_many_there_are() -> None:
    found = np.tile(voices(300, 10, 0.4)[0], (3, 4))
    tracemalloc.start()
    clusters(found, 2.0, 200)  # nothing is that much alike: all of them go on to the next round
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * found.nbytes + 20 * 200**2


def test_there_may_be_no_voice_or_one() -> None:
    assert clusters(np.zeros((0, 4), np.float32), 0.5).tolist() == []
    assert clusters(np.eye(4, dtype=np.float32)[:1], 0.5).tolist() == [0]


def test_two_voices_in_a_clip_lie_apart_and_a_stray_stretch_is_no_voice() -> None:
    found, whose = voices(2, 6, 0.3)
    one, other = found[whose == 0], found[whose == 1]
    assert spread(one) < 0.2
    for mixed in (np.concatenate([one, other]), np.concatenate([other[:2], one])):
        assert spread(mixed) > 0.5
    assert spread(np.concatenate([one, other[:1]])) < 0.2
    assert spread(one[:3]) == 0.0
