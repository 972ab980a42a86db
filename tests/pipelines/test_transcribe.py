"""transcribe: a clip that the model cannot take is its own reject, and a model that takes none ends the run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from faster_whisper import BatchedInferencePipeline

from manifests.errors import TurnmillError
from manifests.records import Reason
from pipelines.asr.recognizer import Heard, Recognizer
from pipelines.asr.windows import Window
from pipelines.guard import Guard
from pipelines.stage import Shard
from pipelines.stages.transcribe import Transcribe, TranscribeParams
from sources.audio import AudioError
from tests.pipelines.conftest import SENTENCES, lake_of, speech

SHARD = Shard("shard", "shard")


@pytest.fixture
def stage() -> Transcribe:
    stage = Transcribe(TranscribeParams(model="embedded", batch_size=8), "en")
    stage.setup()
    return stage


def test_a_clip_that_the_model_fails_on_is_a_reject_and_the_others_are_heard(
    stage: Transcribe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = lake_of(tmp_path, [speech(sentence) for sentence in SENTENCES], ("transcripts",))
    hear, bad = Recognizer.hear, round(len(speech(SENTENCES[2]).pcm) / 24_000, 2)

    def failing(self: Recognizer, windows: Sequence[Window], name: str = "") -> list[Heard]:
        if any(round(len(window.pcm) / 16_000, 2) == bad for window in windows):
            raise AudioError(Reason.RECOGNISER_FAILED, f"{name}: it fails")
        return hear(self, windows, name)

    monkeypatch.setattr(Recognizer, "hear", failing)
    made = stage.process(SHARD, place, Guard(stage.name))
    assert [(reject.uid, reject.detail) for reject in made.rejects] == [("u2", "u2: it fails")]
    assert [row["uid"] for row in made.tables["transcripts"]] == ["u0", "u1", "u3", "u4"]
    assert all(row["asr_text"] for row in made.tables["transcripts"])


def test_a_model_that_fails_on_every_clip_ends_the_run(
    stage: Transcribe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise RuntimeError(f"CUDA failed with error in {object()!r}")

    monkeypatch.setattr(BatchedInferencePipeline, "generate_segment_batched", failing)
    place = lake_of(tmp_path, [speech(sentence) for sentence in SENTENCES], ("transcripts",))
    with pytest.raises(TurnmillError, match="embedded fails on every clip: u0: faster-whisper: CUDA failed") as told:
        stage.process(SHARD, place, Guard(stage.name))
    assert "0x" not in str(told.value)
    with pytest.raises(AudioError, match=r"x\.wav: faster-whisper: CUDA failed"):
        stage.recognizer.hear([Window(0, 0, np.zeros(16_000, np.float32))], "x.wav")


def test_a_model_that_stops_working_on_the_way_ends_the_run_and_rejects_nothing(
    stage: Transcribe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = lake_of(tmp_path, [speech(sentence) for sentence in SENTENCES], ("transcripts",))
    generate, calls = BatchedInferencePipeline.generate_segment_batched, [0]

    def failing(*given: object) -> object:
        calls[0] += 1
        if calls[0] > 2:
            raise RuntimeError("CUDA: an illegal memory access was encountered")
        return generate(*given)

    monkeypatch.setattr(BatchedInferencePipeline, "generate_segment_batched", failing)
    stage.recognizer.batch_size = 1
    with pytest.raises(TurnmillError, match=r"the model embedded no longer works: .*illegal memory access"):
        stage.process(SHARD, place, Guard(stage.name))
