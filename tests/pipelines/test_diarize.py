"""diarize and speakers with torch: a tiny pipeline that the test builds, and the real weights where they are here."""

import os
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch", reason="the extra diarization is not installed: pip install 'turnmill[diarization]'")
pytest.importorskip("pyannote.audio", reason="pyannote.audio does not import here")

from tests.conftest import tree_hashes
from tests.pipelines.conftest import SENTENCES, lake_of, speech
from tests.tiny_pyannote import build
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.packaged import ModelUnavailable
from turnmill.manifests.query import connect
from turnmill.manifests.records import Reason
from turnmill.manifests.schema import to_table
from turnmill.pipelines.diarization import models
from turnmill.pipelines.diarization.diarizer import Diarizer
from turnmill.pipelines.diarization.encoder import Encoder, spread
from turnmill.pipelines.diarization.pipeline import load
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.loading import load_recipe
from turnmill.pipelines.run import run
from turnmill.pipelines.stage import Made, Shard, Workspace
from turnmill.pipelines.stages.diarize import Diarize, DiarizeParams
from turnmill.pipelines.stages.speakers import Speakers, SpeakersParams, _together
from turnmill.pipelines.steps.clusters import ClustersParams
from turnmill.synth.speech import Speech

SHARD = Shard("shard", "shard")
RATE = 16_000


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("tiny") / "pipeline")


@pytest.fixture
def stage(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Diarize:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    stage = Diarize(DiarizeParams(model=str(tiny), device="cpu", batch_size=4))
    stage.check()
    stage.check_here()
    stage.setup()
    return stage


def packaged() -> None:
    """Skip a test of the real weights where they are not."""
    try:
        models.check_model(models.PACKAGED)
    except ModelUnavailable as error:
        pytest.skip(str(error))


def pcm(seconds: float, seed: int = 0) -> Any:
    draw = np.random.Generator(np.random.PCG64(seed))
    return (draw.normal(size=round(seconds * RATE)) * 0.1).astype(np.float32)


def lake(folder: Path, clips: Sequence[Any]) -> Workspace:
    return lake_of(folder, [Speech(clip, RATE, None) for clip in clips], ("diarization", "speakers"))


def made(stage: Diarize, place: Workspace) -> Made:
    return stage.process(SHARD, place, Guard(stage.name))


def test_a_row_says_what_the_pipeline_says_and_a_tiny_clip_has_one(stage: Diarize, tiny: Path, tmp_path: Path) -> None:
    clips = [pcm(6.0), pcm(0.1), pcm(0.5, 3)]
    result = made(stage, lake(tmp_path, clips))
    bare = load(str(tiny), "cpu")
    assert not result.rejects
    for row, clip in zip(result.tables["diarization"], clips, strict=True):
        import torch

        quantised = (clip * 32768).round().clip(-32768, 32767).astype(np.float32) / 32768
        output = bare({"waveform": torch.from_numpy(quantised[None]), "sample_rate": RATE, "uri": "x"})
        found = [(turn.start, min(turn.end, len(clip) / RATE), who) for turn, who in output.speaker_diarization]
        assert [(s["start"], s["end"], s["speaker"]) for s in row["speaker_segments"]] == found
        assert row["n_speakers"] == len({who for *_, who in found})
        assert row["diarizer"] == "pipeline"
    to_table("diarization", result.tables["diarization"])


def test_it_is_told_how_many_speak(tiny: Path) -> None:
    clip = np.concatenate([pcm(4.0), pcm(4.0, 1) * np.float32(0.01), pcm(4.0, 2)])
    for count in (1, 2):
        found = Diarizer(str(tiny), "cpu", None, {"num_speakers": count}).segments(clip)
        assert len({segment.speaker for segment in found}) <= count


@pytest.mark.usefixtures("stage")
def test_telemetry_is_off() -> None:
    from pyannote.audio.telemetry.metrics import is_metrics_enabled

    assert os.environ["PYANNOTE_METRICS_ENABLED"] == "0"
    assert not is_metrics_enabled()


def test_a_batch_that_is_too_large_is_halved_and_that_is_said(
    stage: Diarize, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = lake(tmp_path, [pcm(6.0), pcm(7.0, 1)])
    wanted = made(stage, place)
    assert wanted.notes == []
    pipeline, most = stage.diarizer._pipeline, [2]

    def tight(file: Any, **bounds: int) -> Any:
        if pipeline.segmentation_batch_size > most[0]:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return pipeline(file, **bounds)

    monkeypatch.setattr(stage.diarizer, "_pipeline", _Through(pipeline, tight))
    result = made(stage, place)
    assert result.tables == wanted.tables
    assert result.notes == ["diarize ran out of memory: its batches are halved, to 2 windows"]
    most[0] = 0
    result = made(stage, place)
    assert [reject.reason for reject in result.rejects] == [Reason.KILLED_WORKER] * 2
    assert "needs more memory than its worker has" in result.rejects[0].detail


class _Through:
    """A pipeline that is called otherwise."""

    def __init__(self, pipeline: Any, call: Any) -> None:
        object.__setattr__(self, "_inner", (pipeline, call))

    def __call__(self, file: Any, **bounds: int) -> Any:
        return self._inner[1](file, **bounds)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._inner[0], name, value)


@pytest.mark.parametrize("given", [None, {"diarization": []}, "nothing"])
def test_a_pipeline_that_gives_something_else_is_no_label(
    stage: Diarize, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Any
) -> None:
    pipeline = stage.diarizer._pipeline
    bad = [False]

    def sometimes(file: Any, **bounds: int) -> Any:
        return given if file["waveform"].shape[1] > 5 * RATE or bad[0] else pipeline(file, **bounds)

    monkeypatch.setattr(stage.diarizer, "_pipeline", _Through(pipeline, sometimes))
    place = lake(tmp_path, [pcm(2.0), pcm(6.0), pcm(3.0, 1)])
    result = made(stage, place)
    assert [(reject.uid, reject.reason) for reject in result.rejects] == [("u1", Reason.MODEL_FAILED)]
    assert "in place of a diarization" in result.rejects[0].detail
    bad[0] = True
    with pytest.raises(TurnmillError, match=r"the pipeline pipeline no longer works: u0: pyannote.audio: it gave"):
        made(stage, place)
    stage._good = None
    with pytest.raises(TurnmillError, match="the pipeline pipeline fails on every clip: u0"):
        made(stage, place)


def test_a_published_pipeline_is_loaded_from_where_it_was_fetched_to(
    stage: Diarize, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "huggingface_hub.snapshot_download", lambda name, **_: str(tiny) if name == "own/tiny" else name
    )
    found = Diarizer("own/tiny", "cpu", None, {}).segments(pcm(6.0))
    assert found == stage.diarizer.segments(pcm(6.0))


def test_a_model_that_does_not_load_is_told_in_a_sentence(tiny: Path, tmp_path: Path) -> None:
    import shutil

    broken = shutil.copytree(tiny, tmp_path / "broken")
    (broken / "segmentation" / "pytorch_model.bin").write_bytes(b"no checkpoint")
    with pytest.raises(ModelUnavailable, match=r"the pipeline .*broken' cannot be loaded: ") as told:
        Diarizer(str(broken), "cpu", None, {})
    assert "\n" not in str(told.value)


@pytest.mark.weights
def test_the_encoder_gives_what_resemblyzer_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's own code, whose spectra are librosa's: here torchaudio's, with the same filters."""
    packaged()
    encoder = resemblyzer(monkeypatch)
    mine = Encoder(models.weights(models.ENCODER))
    for text, length in ((SENTENCES[0], None), (" ".join(SENTENCES), None), (SENTENCES[1], 9_000)):
        said = speech(text)
        clip = np.interp(np.arange(0, len(said.pcm), 1.5), np.arange(len(said.pcm)), said.pcm).astype(np.float32)
        clip = np.clip(clip[:length] * 3, -1, 1)  # above the level to which faint speech is brought
        wanted, partials, _ = encoder.embed_utterance(clip, return_partials=True)
        (found,) = mine.embed([clip])
        assert found.partials.shape == partials.shape
        assert np.abs(found.whole - wanted).max() < 1e-4
        (faint,) = mine.embed([clip * np.float32(0.01)])
        assert faint.whole @ mine.embed([_loud(clip)])[0].whole > 0.99999


def _loud(clip: Any) -> Any:
    return (clip * (10 ** (-30 / 20) / np.sqrt(np.mean(clip.astype(float) ** 2)))).astype(np.float32)


def resemblyzer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Its encoder, without the VAD, and the name of scipy, that it imports and is not asked for."""
    import torch
    import torchaudio

    bands = torchaudio.functional.melscale_fbanks(201, 0.0, 8000.0, 40, RATE, norm="slaney", mel_scale="slaney")

    def melspectrogram(y: Any, sr: int, n_fft: int, hop_length: int, n_mels: int) -> Any:
        assert (sr, n_fft, hop_length, n_mels) == (RATE, 400, 160, 40)
        window = torch.hann_window(n_fft)
        wave = torch.from_numpy(np.asarray(y, np.float32))
        spectra = torch.stft(wave, n_fft, hop_length, window=window, pad_mode="constant", return_complex=True)
        return (bands.T @ spectra.abs() ** 2).numpy()

    stubs = {
        "webrtcvad": ModuleType("webrtcvad"),
        "librosa": SimpleNamespace(feature=SimpleNamespace(melspectrogram=melspectrogram)),
        "scipy.ndimage.morphology": SimpleNamespace(binary_dilation=None),
    }
    for name, stub in stubs.items():
        monkeypatch.setitem(sys.modules, name, stub)
    from resemblyzer import VoiceEncoder

    return VoiceEncoder("cpu", verbose=False)


@pytest.fixture
def speakers() -> Speakers:
    packaged()
    stage = Speakers(SpeakersParams(device="cpu"))
    stage.check_here()
    stage.setup()
    return stage


def voiced(folder: Path) -> Workspace:
    """Five clips of seven seconds and more, all of it speech."""
    clips = [speech(" ".join(SENTENCES[n : n + 2])) for n in range(5)]
    return lake_of(folder, clips, ("speakers",))


@pytest.mark.weights
def test_an_encoder_that_runs_out_of_memory_is_given_less_at_once_and_that_is_said(
    speakers: Speakers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = voiced(tmp_path)
    wanted = speakers.process(SHARD, place, Guard(speakers.name))
    lstm, most = speakers.encoder._lstm, [2]

    def tight(mels: Any) -> Any:
        if len(mels) > most[0]:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return lstm(mels)

    monkeypatch.setattr(speakers.encoder, "_lstm", tight)
    made_ = speakers.process(SHARD, place, Guard(speakers.name))
    assert made_.notes[-1] == "speakers ran out of memory: its batches are halved, to 2 stretches"
    assert len(made_.notes) == 7  # from 256
    for row, other in zip(made_.tables["speakers"], wanted.tables["speakers"], strict=True):
        np.testing.assert_allclose(row["embedding"], other["embedding"], atol=1e-5)
    most[0] = 0
    rejects = speakers.process(SHARD, place, Guard(speakers.name)).rejects
    assert {reject.reason for reject in rejects} == {Reason.KILLED_WORKER}


@pytest.mark.weights
def test_an_encoder_that_gives_no_numbers_gives_no_voice(
    speakers: Speakers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = voiced(tmp_path)
    linear, bad = speakers.encoder._linear, [2]

    def sometimes(hidden: Any) -> Any:
        bad[0] -= 1
        return linear(hidden) * float("nan" if bad[0] == 0 else 1)

    monkeypatch.setattr(speakers.encoder, "_linear", sometimes)
    made_ = speakers.process(SHARD, place, Guard(speakers.name))
    assert [(reject.uid, reject.reason) for reject in made_.rejects] == [("u1", Reason.MODEL_FAILED)]
    assert made_.rejects[0].detail == "u1: Resemblyzer: it gave numbers that are not finite"
    monkeypatch.setattr(speakers.encoder, "_linear", lambda hidden: linear(hidden) * float("nan"))
    with pytest.raises(TurnmillError, match="the encoder ge2e no longer works: u0"):
        speakers.process(SHARD, place, Guard(speakers.name))
    speakers._good = None
    with pytest.raises(TurnmillError, match="the encoder ge2e fails on every clip: u0"):
        speakers.process(SHARD, place, Guard(speakers.name))


def test_a_gpu_that_is_not_there_is_told_before_any_work(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged()
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    diarize = Diarize(DiarizeParams(model=str(tiny), device="cuda"))
    for stage in (diarize, Speakers(SpeakersParams(device="cuda"))):
        for begin in (stage.check_here, stage.setup):
            with pytest.raises(UsageError, match=rf"{stage.name}.device is cuda, and .* finds no GPU here"):
                begin()


@pytest.mark.weights
def test_hours_of_a_voice_are_held_once(speakers: Speakers) -> None:
    hour = np.tile(speech(SENTENCES[0]).pcm, 500)[: 1200 * RATE] * np.float32(1e-3)  # faint: it is made louder
    together = _together(hour, [(100, 10 * RATE), (20 * RATE, len(hour))])
    assert np.shares_memory(together, hour)
    assert len(together) == 1190 * RATE - 100
    tracemalloc.start()
    (voice,) = speakers.encoder.embed([together])
    spread(voice.partials)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < hour.nbytes / 1.2  # 64 MB: of which a batch of spectra, and twice 1,500 partials by each other


@pytest.mark.weights
def test_real_models_hear_nobody_in_silence_and_two_in_a_conversation(shared: Path, tmp_path: Path) -> None:
    packaged()
    utterances = sorted((shared / "LibriSpeech" / "test-other").rglob("*.flac"))
    firsts = {file.parts[-3]: file for file in reversed(utterances)}
    one, other = (soundfile.read(firsts[name], dtype="float32")[0][: 6 * RATE] for name in sorted(firsts)[:2])
    stage = Diarize(DiarizeParams(model=models.PACKAGED, device="cpu"))
    stage.setup()
    clips = [np.zeros(3 * RATE, np.float32), np.concatenate([one, other, one, other]), one[: RATE // 10], one]
    place = lake(tmp_path, clips)
    rows = made(stage, place).tables["diarization"]
    assert [row["n_speakers"] for row in rows][:2] == [0, 2]
    assert rows[0]["speaker_segments"] == []
    assert rows[0]["overlap_ratio"] == 0.0
    assert rows[2]["n_speakers"] <= 1
    assert rows[3]["n_speakers"] == 1

    told = Speakers(SpeakersParams(device="cpu"))
    told.check_here()
    told.setup()
    made_ = told.process(SHARD, place, Guard(told.name))
    silent, mixed, short, single = made_.tables["speakers"]
    assert silent["embedding"] is None
    assert silent["one_speaker"] is None
    assert short["embedding"] is None
    assert (mixed["one_speaker"], single["one_speaker"]) == (False, True)
    assert mixed["voice_spread"] > single["voice_spread"]
    assert np.linalg.norm(single["embedding"]) == pytest.approx(1, abs=1e-5)
    to_table("speakers", made_.tables["speakers"])
    again = told.process(SHARD, place, Guard(told.name))
    assert again == made_


@pytest.mark.weights
@pytest.mark.timeout(900)
def test_a_recipe_with_all_three_makes_speakers_of_a_folder_without_names(shared: Path, tmp_path: Path) -> None:
    packaged()
    files = sorted((shared / "LibriSpeech" / "test-other").rglob("*.flac"))
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for speaker in sorted({file.parts[-3] for file in files})[:2]:
        for number, file in enumerate([each for each in files if each.parts[-3] == speaker][:2]):
            clip, _ = soundfile.read(file, dtype="float32")
            soundfile.write(corpus / f"{number}-{speaker}.flac", clip[: 6 * RATE], RATE)
    soundfile.write(corpus / "silence.flac", np.zeros(2 * RATE), RATE)
    recipe = load_recipe(
        {
            "name": "talk",
            "workers": 1,
            "corpus": "files",
            "root": str(corpus),
            "licence": {"spdx": "CC0-1.0", "redistribute": True, "commercial": True},
            "ingest": {"keep_untranscribed": True},
            "quality": {},
            "diarize": {"model": models.PACKAGED, "device": "cpu"},
            "speakers": {"device": "cpu"},
            "clusters": {},
            "select": [{"name": "alone", "keep": "n_speakers = 1 AND speaker_cluster IS NOT NULL"}],
        }
    )
    result = run(recipe, str(tmp_path / "out"))
    with connect(result.store, result.index) as connection:
        rows = connection.execute(
            "SELECT split_part(source_uri, '-', 2), speaker_cluster, removed_by FROM clips_all ORDER BY source_uri"
        ).fetchall()
    *spoken, silence = rows
    assert silence == ("", None, "alone")
    assert (
        len({(speaker, cluster) for speaker, cluster, _ in spoken}) == len({cluster for _, cluster, _ in spoken}) == 2
    )
    assert {removed for *_, removed in spoken} == {None}
    before = tree_hashes(tmp_path / "out")
    assert run(recipe, str(tmp_path / "out")).summary == result.summary
    assert tree_hashes(tmp_path / "out") == before
    changed = recipe.model_copy(update={"clusters": ClustersParams(alike=0.99)})
    run(changed, str(tmp_path / "out"))
    after = tree_hashes(tmp_path / "out")
    kept = ("clips/", "quality/", "diarization/", "speakers/")
    assert {n: h for n, h in after.items() if n.startswith(kept)} == {
        n: h for n, h in before.items() if n.startswith(kept)
    }
    assert len([name for name in after if name.startswith("speaker_clusters/")]) == 2
