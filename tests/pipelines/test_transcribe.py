"""transcribe: a clip that the model cannot take is its own reject, and a model that takes none ends the run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faster_whisper import BatchedInferencePipeline

from tests.pipelines.conftest import SENTENCES, lake_of, speech
from tests.whisper import loaded, other_tiny, require
from turnmill.manifests.audio import AudioError
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.records import Reason
from turnmill.manifests.schema import to_table
from turnmill.pipelines.asr.errors import Errors
from turnmill.pipelines.asr.recognizer import Heard, Recognizer, Transcript
from turnmill.pipelines.asr.windows import Window
from turnmill.pipelines.asr.words import Word
from turnmill.pipelines.device import Batch
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import Shard, Workspace
from turnmill.pipelines.stages.ear import Ear
from turnmill.pipelines.stages.transcribe import Transcribe, TranscribeParams

SHARD = Shard("shard", "shard")


@pytest.fixture
def stage() -> Transcribe:
    stage = Transcribe(TranscribeParams(models=("tiny.en",)), "en")
    stage.ears = [Ear("tiny.en", loaded("tiny.en"))]
    return stage


def test_a_clip_that_the_model_fails_on_is_a_reject_and_the_others_are_heard(
    stage: Transcribe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = lake_of(tmp_path, [speech(sentence) for sentence in SENTENCES], Transcribe.tables)
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


def test_in_a_corpus_of_sounds_no_words_are_heard(stage: Transcribe, tmp_path: Path) -> None:
    place = lake_of(tmp_path, [speech(sentence) for sentence in SENTENCES[:2]], Transcribe.tables)
    sounds = Transcribe(stage.params, None, speech=False)
    sounds.ears = stage.ears
    made = sounds.process(SHARD, place, Guard(stage.name))
    assert [(row["asr_text"], row["asr_language"]) for row in made.tables["transcripts"]] == [("", None)] * 2
    assert sounds.identity() != Transcribe(stage.params, None).identity()


def test_a_model_that_fails_on_every_clip_ends_the_run(
    stage: Transcribe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise RuntimeError(f"CUDA failed with error in {object()!r}")

    monkeypatch.setattr(BatchedInferencePipeline, "generate_segment_batched", failing)
    place = lake_of(tmp_path, [speech(sentence) for sentence in SENTENCES], Transcribe.tables)
    with pytest.raises(TurnmillError, match=r"tiny\.en fails on every clip: u0: faster-whisper: CUDA failed") as told:
        stage.process(SHARD, place, Guard(stage.name))
    assert "0x" not in str(told.value)
    with pytest.raises(AudioError, match=r"x\.wav: faster-whisper: CUDA failed"):
        stage.ears[0].recognizer.hear([Window(0, 0, np.zeros(16_000, np.float32))], "x.wav")


def test_a_model_that_stops_working_on_the_way_ends_the_run_and_rejects_nothing(
    stage: Transcribe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = lake_of(tmp_path, [speech(sentence) for sentence in SENTENCES], Transcribe.tables)
    generate, calls = BatchedInferencePipeline.generate_segment_batched, [0]

    def failing(*given: object) -> object:
        calls[0] += 1
        if calls[0] > 2:
            raise RuntimeError("CUDA: an illegal memory access was encountered")
        return generate(*given)

    monkeypatch.setattr(BatchedInferencePipeline, "generate_segment_batched", failing)
    monkeypatch.setattr(stage.ears[0].recognizer, "batch_size", 1)
    with pytest.raises(TurnmillError, match=r"the model tiny\.en no longer works: .*illegal memory access"):
        stage.process(SHARD, place, Guard(stage.name))


def test_a_batch_that_is_too_large_for_the_gpu_is_halved_and_that_is_said(
    stage: Transcribe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = lake_of(tmp_path, [speech(sentence) for sentence in SENTENCES], Transcribe.tables)
    monkeypatch.setattr(stage.ears[0].recognizer, "batch_size", 4)
    generate, most = BatchedInferencePipeline.generate_segment_batched, [1]

    def tight(self: object, features: Any, *given: object) -> object:
        if len(features) > most[0]:
            raise RuntimeError("CUDA failed with error out of memory")
        return generate(self, features, *given)

    monkeypatch.setattr(BatchedInferencePipeline, "generate_segment_batched", tight)
    monkeypatch.setattr(stage.ears[0].recognizer, "batch", Batch(4, "windows"))
    made = stage.process(SHARD, place, Guard(stage.name))
    assert not made.rejects
    assert made.notes == [f"transcribe ran out of memory: its batches are halved, to {n} windows" for n in (2, 1)]
    assert not stage.process(SHARD, place, Guard(stage.name)).notes
    most[0] = 0
    rejects = stage.process(SHARD, place, Guard(stage.name)).rejects
    assert {reject.reason for reject in rejects} == {Reason.KILLED_WORKER}


def test_a_gpu_that_is_not_there_is_told_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 0)
    stage = Transcribe(TranscribeParams(models=("tiny.en",), device="cuda"), "en")
    for begin in (stage.check_here, stage.setup):
        with pytest.raises(UsageError, match=r"transcribe.device is cuda, and .* finds no GPU here .*: set it to auto"):
            begin()


def with_columns(place: Workspace, table: str, columns: Mapping[str, Mapping[str, Any]]) -> None:
    """Change rows of a part, by uid."""
    rows = [row | columns.get(row["uid"], {}) for row in place.rows(table, "shard")]
    place.store.write_part(place.part(table, "shard"), to_table(table, rows), {})


def test_labels_say_what_was_heard_and_how_far_it_is_from_the_text(stage: Transcribe, tmp_path: Path) -> None:
    place = lake_of(tmp_path, [speech(sentence) for sentence in SENTENCES], Transcribe.tables)
    texts = {f"u{n}": {"text": text, "language": "en-GB"} for n, text in enumerate(SENTENCES[:3])}
    with_columns(place, "clips", texts | {"u3": {"text": "..."}})
    with_columns(place, "quality", {"u2": {"segments": []}})
    made = stage.process(SHARD, place, Guard(stage.name))
    rows = {row["uid"]: row for row in made.tables["transcripts"]}
    assert rows["u0"]["text_error"] <= 0.35
    assert (rows["u0"]["text_unit"], rows["u0"]["text_normalisation"]) == ("word", "english")
    assert rows["u0"]["language_prob"] is None  # it was given
    assert rows["u0"]["n_cut"] == 0
    (heard,) = rows["u0"]["heard"]
    assert heard["start"] == 0
    assert all(heard["start"] <= w["start"] < w["end"] <= heard["end"] for w in rows["u0"]["words"])
    assert rows["u0"]["outside_speech"] == 0
    assert 1 < rows["u0"]["pace"] < 6
    assert (rows["u0"]["asr_language"], rows["u0"]["written_language"], rows["u0"]["text_language"]) == ("en",) * 3
    assert rows["u0"]["asr_spoken"] == rows["u0"]["asr_spoken"].lower() != ""
    wrong = sum(rows["u0"][kind] for kind in ("substitutions", "deletions", "insertions"))
    assert bool(rows["u0"]["differences"]) is (wrong > 0)
    assert rows["u0"]["given_words"] is None  # nobody asked for them
    # Without speech nothing is heard, and all of the text is missing.
    nothing = {key: rows["u2"][key] for key in ("asr_text", "heard", "words", "avg_logprob", "no_speech_prob")}
    assert nothing == {"asr_text": "", "heard": [], "words": [], "avg_logprob": None, "no_speech_prob": None}
    assert rows["u2"]["deletions"] == rows["u2"]["text_length"] > 0
    assert (rows["u2"]["verdict"], rows["u2"]["pace"], rows["u2"]["missing_run"]) == (
        "nothing_heard",
        None,
        rows["u2"]["text_length"],
    )
    assert rows["u3"]["text_length"] == 0
    assert rows["u4"]["text_error"] is None


def test_a_clip_of_another_language_is_no_clip_of_a_model_of_english(stage: Transcribe, tmp_path: Path) -> None:
    place = lake_of(tmp_path, [speech(sentence) for sentence in SENTENCES], Transcribe.tables)
    with_columns(place, "clips", {"u1": {"language": "de-AT", "source_uri": "a/b.wav"}, "u2": {"language": "und"}})
    stage.params = stage.params.model_copy(update={"language": None})
    made = stage.process(SHARD, place, Guard(stage.name))
    (reject,) = made.rejects
    assert (reject.uid, reject.reason) == ("u1", Reason.UNSUPPORTED_LANGUAGE)
    assert reject.detail == "a/b.wav is of de-AT, and the model tiny.en is not"


def test_a_text_that_cannot_be_compared_is_its_clips_reject(
    stage: Transcribe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = lake_of(tmp_path, [speech(sentence) for sentence in SENTENCES[:2]], Transcribe.tables)
    with_columns(place, "clips", {"u0": {"text": "bad"}, "u1": {"text": "good"}})

    def failing(given: str, *_: str) -> Errors:
        if given == "bad":
            raise KeyError(13)
        return Errors(0, 0, 0, 1, "word", "english")

    monkeypatch.setattr("turnmill.pipelines.stages.transcribe.errors", failing)
    made = stage.process(SHARD, place, Guard(stage.name))
    assert [(reject.uid, reject.reason) for reject in made.rejects] == [("u0", Reason.INTERNAL_ERROR)]
    assert [row["uid"] for row in made.tables["transcripts"]] == ["u1"]


def test_a_text_with_a_wrong_word_is_found_where_its_words_are_looked_for(stage: Transcribe, tmp_path: Path) -> None:
    place = lake_of(tmp_path, [speech(sentence) for sentence in SENTENCES[:2]], Transcribe.tables)
    first, *others = SENTENCES[1].split()
    another = " ".join([first, "elephant", *others[1:]])
    with_columns(place, "clips", {"u0": {"text": SENTENCES[0]}, "u1": {"text": another}})
    stage.params = stage.params.model_copy(update={"align_text": True})
    right, wrong = stage.process(SHARD, place, Guard(stage.name)).tables["transcripts"]
    assert [word["word"] for word in right["given_words"]] == SENTENCES[0].split()
    assert wrong["least_given_prob"] < 0.001 < (right["least_given_prob"] or 1)
    assert wrong["verdict"] is not None


def test_several_models_have_a_row_each_and_vote(stage: Transcribe, tmp_path: Path) -> None:
    place = lake_of(tmp_path, [speech(sentence) for sentence in SENTENCES[:3]], Transcribe.tables)
    with_columns(place, "clips", {f"u{n}": {"text": text} for n, text in enumerate(SENTENCES[:2])})
    with_columns(place, "quality", {"u2": {"segments": []}})
    both = both_ears(stage)
    made = both.process(SHARD, place, Guard(stage.name))
    transcripts = made.tables["transcripts"]
    assert [(row["uid"], row["model"], row["model_place"]) for row in transcripts] == [
        (f"u{n}", model, number) for n in range(3) for number, model in enumerate(("tiny.en", "base"))
    ]
    # Each says what it says alone.
    (alone,) = [
        row for row in stage.process(SHARD, place, Guard(stage.name)).tables["transcripts"] if row["uid"] == "u0"
    ]
    assert transcripts[0] == alone
    agreed = {row["uid"]: row for row in made.tables["consensus"]}
    assert [*agreed] == ["u0", "u1", "u2"]
    heard = {word["word"] for row in transcripts if row["uid"] == "u0" for word in row["words"]}
    words = agreed["u0"]["consensus_words"]
    assert heard >= {word["word"] for word in words}
    assert {word["of"] for word in words} == {2}
    assert all(word["start"] < word["end"] for word in words)
    assert agreed["u0"]["unsupported"] <= min(
        sum(row[kind] for kind in ("substitutions", "deletions", "insertions")) for row in transcripts[:2]
    )
    assert (agreed["u2"]["consensus_text"], agreed["u2"]["min_support"], agreed["u2"]["n_voices"]) == ("", 1.0, 2)
    for table in both.tables:
        to_table(table, made.tables[table])


def both_ears(stage: Transcribe) -> Transcribe:
    both = Transcribe(TranscribeParams(models=("tiny.en", "base")), "en")
    both.ears = [*stage.ears, Ear("base", loaded("base"))]
    return both


def test_a_clip_is_heard_by_the_models_that_know_its_language(stage: Transcribe, tmp_path: Path) -> None:
    place = lake_of(tmp_path, [speech(sentence) for sentence in SENTENCES[:2]], Transcribe.tables)
    with_columns(place, "clips", {"u1": {"language": "de"}})
    made = both_ears(stage).process(SHARD, place, Guard(stage.name))
    assert not made.rejects
    assert [(row["uid"], row["model"]) for row in made.tables["transcripts"]] == [
        ("u0", "tiny.en"), ("u0", "base"), ("u1", "base")
    ]  # fmt: skip
    assert [row["n_voices"] for row in made.tables["consensus"]] == [2, 1]


def test_the_model_that_fails_is_named_and_its_clips_are_rejects(
    stage: Transcribe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = lake_of(tmp_path, [speech(sentence) for sentence in SENTENCES[:3]], Transcribe.tables)
    ears = [stage.ears[0], Ear("other", Recognizer(other_tiny(), device="cpu", compute_type="int8"))]
    hear, bad = Recognizer.hear, {"u1"}

    def failing(self: Recognizer, windows: Sequence[Window], name: str = "") -> list[Heard]:
        if self is ears[1].recognizer and name in bad:
            raise AudioError(Reason.RECOGNISER_FAILED, f"{name}: it fails")
        return hear(self, windows, name)

    monkeypatch.setattr(Recognizer, "hear", failing)
    stage.ears = ears
    made = stage.process(SHARD, place, Guard(stage.name))
    assert [reject.uid for reject in made.rejects] == ["u1"]
    assert [row["uid"] for row in made.tables["consensus"]] == ["u0", "u2"]
    assert len(made.tables["transcripts"]) == 4
    bad |= {"u0", "u2"}
    ears[1].good = None
    with pytest.raises(TurnmillError, match="the model other fails on every clip: u0: it fails"):
        stage.process(SHARD, place, Guard(stage.name))


def test_the_text_of_two_talks_is_what_one_model_heard_and_an_invented_one_has_no_vote(stage: Transcribe) -> None:
    def heard(text: str, prob: float, later: float = 0.0) -> Transcript:
        words = tuple(Word(word, n + later, n + later + 0.5, prob) for n, word in enumerate(text.split()))
        return Transcript(text, "en", None, -0.3, 0.1, 1.0, words, ((0.0, 9.0),), 0)

    clip = {"uid": "u", "text": None, "duration": 9.0, "language": "en"}
    one, other = heard("hello how are you", 0.9), heard("yes yes I see", 0.9, 0.3)
    both = replace(one, text="hello how are you yes yes I see", words=one.words + other.words)
    assert stage._agreed(clip, [(both, [one, other])], [True])["consensus_text"] == both.text
    assert stage._agreed(clip, [(both, [one, other])] * 2, [True, True])["consensus_text"] == both.text
    invented = (heard("thanks for watching", 0.99), None)
    assert stage._agreed(clip, [invented, (one, None)], [False, True])["consensus_text"] == one.text


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    require("tiny.en")
    (tmp_path / "tiny.en").symlink_to(other_tiny())
    stage = Transcribe(TranscribeParams(models=("tiny.en", str(tmp_path / "tiny.en"))), "en")
    with pytest.raises(UsageError, match=r"transcribe\.models: two are called tiny\.en: leave one out, or rename"):
        stage.check()
