"""Steps that were done are given again, and nothing is left of them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.pipelines.conftest import SENTENCES, lake_of, speech
from tests.whisper import other_tiny, require
from turnmill.manifests.errors import TurnmillError
from turnmill.manifests.records import Reason, Reject, Row
from turnmill.manifests.schema import to_table
from turnmill.manifests.store import Store
from turnmill.pipelines.asr.recognizer import Heard, Recognizer
from turnmill.pipelines.asr.windows import Clip, Window
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.pieces import Pieces
from turnmill.pipelines.stage import Made, Shard, Stage, Workspace, commit
from turnmill.pipelines.stages.speak import Speak, SpeakParams
from turnmill.pipelines.stages.transcribe import Transcribe, TranscribeParams
from turnmill.pipelines.watch import Attempt
from turnmill.synth.speech import Line, Speech, SpeechError
from turnmill.synth.tts.engines.espeak import ESPEAK, EspeakEngine


def counted(calls: list[int], number: int) -> object:
    calls.append(number)
    return {"number": number, "half": number / 3, "none": None}


@pytest.mark.parametrize("keep_s", [0.0, 1e9])
def test_what_was_kept_is_given_again_and_the_rest_is_made(tmp_path: Path, keep_s: float) -> None:
    store, calls = Store(str(tmp_path)), list[int]()
    killed = Pieces(store, "pieces/f/k", keep_s)
    first = [killed.step(f"k{n}", lambda n=n: counted(calls, n)) for n in range(3)]
    again = Pieces(store, "pieces/f/k", keep_s)
    assert again.has("k2") == (keep_s == 0)
    second = [again.step(f"k{n}", lambda n=n: counted(calls, n)) for n in range(5)]
    assert second[:3] == first
    assert calls == ([0, 1, 2, 3, 4] if keep_s == 0 else [0, 1, 2, 0, 1, 2, 3, 4])
    again.remove()
    assert store.names("") == []


@pytest.mark.parametrize("reason", [Reason.MODEL_FAILED, Reason.RECOGNISER_FAILED, Reason.NOTHING_SPOKEN])
def test_what_a_model_failed_on_is_tried_again_and_what_is_the_items_own_is_not(tmp_path: Path, reason: Reason) -> None:
    store, tries = Store(str(tmp_path)), list[str]()

    def work(uid: str) -> list[Row | Reject]:
        tries.append(uid)
        return (
            [{"uid": uid}, Reject(reason, "it fails", "b")] if uid == "b" and tries.count("b") == 1 else [{"uid": uid}]
        )

    for _ in range(2):
        guard = Guard("listen", pieces=Pieces(store, "pieces/f/k", keep_s=0.0))
        told = [guard.step([uid], lambda uid=uid: work(uid)) for uid in ("a", "b")]  # type: ignore[misc]
    passes = reason in (Reason.MODEL_FAILED, Reason.RECOGNISER_FAILED)
    assert tries == (["a", "b", "b"] if passes else ["a", "b"])
    assert told[1][-1] == ({"uid": "b"} if passes else Reject(reason, "it fails", "b"))


def test_a_run_that_a_model_ended_goes_on_with_one_that_works(tmp_path: Path) -> None:
    """What it failed on was an hour of clips with words, and no clip of it is lost to the next run."""
    require("tiny.en")
    place = lake_of(tmp_path, [speech(sentence) for sentence in SENTENCES[:3]], Transcribe.tables)
    stage = Transcribe(TranscribeParams(models=("tiny.en",), batch_size=1), "en")
    stage.setup()
    generate = stage.ears[0].recognizer.pipeline.generate_segment_batched

    def broken(*_: object) -> None:
        raise RuntimeError("CUDA failed with error unspecified launch failure")

    stage.ears[0].recognizer.pipeline.generate_segment_batched = broken
    guard = Guard(stage.name, pieces=Pieces(place.store, "pieces/x", keep_s=0.0))
    with pytest.raises(TurnmillError, match=r"the model tiny.en fails on every clip: .*launch failure"):
        stage.process(Shard(KEY, KEY), place, guard)
    stage.ears[0].recognizer.pipeline.generate_segment_batched = generate
    made = stage.process(Shard(KEY, KEY), place, Guard(stage.name, pieces=Pieces(place.store, "pieces/x", keep_s=0.0)))
    assert not made.rejects
    assert made == stage.process(Shard(KEY, KEY), place, Guard(stage.name))


def test_a_step_of_other_items_is_made_anew(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    killed = Pieces(store, "pieces/f/k", keep_s=0.0)
    for key in ("a b", "c d", "e f"):
        killed.step(key, lambda key=key: key)
    again = Pieces(store, "pieces/f/k", keep_s=0.0)
    assert [again.step(key, lambda: "new") for key in ("a c", "c d", "e", "f")] == ["new", "c d", "new", "new"]
    again.remove()
    assert store.names("") == []


def test_a_damaged_piece_is_not_there(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for number, text in enumerate((b'{"a": 1}', b'{"b": [1,', b"7")):
        store.write(f"pieces/f/k/{number}.json", text)
    pieces = Pieces(store, "pieces/f/k")
    assert [pieces.has(key) for key in "ab"] == [True, False]
    pieces.remove()
    assert store.names("") == []


KEY = "shard"
LINES = [f"{sentence} {number}." for number, sentence in enumerate(SENTENCES * 8)]


class Killed(BaseException):
    """A kill in the middle of a model's work."""


def made_after_a_kill(stage: Stage, place: Workspace, work: list[int], kill_at: int) -> Made:
    """The part of a worker that comes after one that was killed at its n-th piece of work."""
    stage.setup()
    pieces = f"pieces/{stage.name}/{KEY}"
    work[0] = kill_at
    with pytest.raises(Killed):
        stage.process(Shard(KEY, KEY), place, Guard(stage.name, pieces=Pieces(place.store, pieces, keep_s=0.0)))
    work[0] = -1
    return stage.process(Shard(KEY, KEY), place, Guard(stage.name, pieces=Pieces(place.store, pieces, keep_s=0.0)))


def bytes_of(folder: Path, tables: Sequence[str]) -> list[bytes]:
    return [path.read_bytes() for table in tables for path in sorted((folder / table).rglob("*")) if path.is_file()]


def test_transcripts_of_a_killed_worker_are_not_heard_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require("tiny.en")
    heard, hear, work = list[str](), Recognizer.hear, [-1]

    def counted(self: Recognizer, windows: Sequence[Window], name: str) -> list[Heard]:
        if work[0] == 0:
            raise Killed
        work[0] -= 1
        results = hear(self, windows, name)
        heard.extend(result.text for result in results)
        return results

    monkeypatch.setattr(Recognizer, "hear", counted)
    made = []
    for name in ("undisturbed", "killed"):
        place = lake_of(tmp_path / name, [speech(sentence) for sentence in SENTENCES], Transcribe.tables)
        stage = Transcribe(TranscribeParams(models=("tiny.en", other_tiny())), "en")
        heard.clear()
        if name == "killed":
            made.append(made_after_a_kill(stage, place, work, kill_at=7))  # the second of its models
        else:
            stage.setup()
            made.append(stage.process(Shard(KEY, KEY), place, Guard(stage.name)))
        assert len(heard) == 2 * len(SENTENCES)
    assert made[0] == made[1]


def test_lines_of_a_killed_worker_are_not_spoken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken, synthesize, work = list[str](), EspeakEngine.synthesize, [-1]

    def counted(self: EspeakEngine, lines: Sequence[Line]) -> list[Speech | SpeechError]:
        if work[0] == 0:
            raise Killed
        work[0] -= 1
        spoken.extend(line.id for line in lines)
        return synthesize(self, lines)

    monkeypatch.setattr(EspeakEngine, "synthesize", counted)
    rows = [
        {"line": f"d#{number}", "dialogue": "d", "role": "turn", "turn": number, "speaker": "user", "emotion": None,
         "style": None, "voice": "espeak-en-us-anna", "language": "en", "text": text, "seed": number}
        for number, text in enumerate([*LINES, "..."])
    ]  # fmt: skip
    parts = []
    for name in ("undisturbed", "killed"):
        place = Workspace(Store(str(tmp_path / name)), {"lines": "l", "speech": "s"})
        place.store.write_part(place.part("lines", KEY), to_table("lines", rows), {})
        stage = Speak(SpeakParams(engine="espeak"), ESPEAK)
        spoken.clear()
        if name == "killed":
            made = made_after_a_kill(stage, place, work, kill_at=2)
        else:
            stage.setup()
            made = stage.process(Shard(KEY, KEY), place, Guard(stage.name))
        commit(stage, place, KEY, made)
        assert [reject.reason for reject in made.rejects] == [Reason.NOTHING_SPOKEN]
        parts.append(bytes_of(tmp_path / name, ("audio", "speech", "rejects")))
    assert parts[0] == parts[1]
    # What was spoken ahead of the examiner is lost with the worker, and nothing else.
    counts = Counter(spoken)
    assert [counts[f"d#{number}"] for number in range(16)] == [1] * 16
    assert max(counts[row["line"]] for row in rows[:-1]) <= 2


def test_lines_are_spoken_whatever_the_size_of_a_batch_before_the_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"line": f"d#{number}", "dialogue": "d", "role": "turn", "turn": number, "speaker": "user", "emotion": None,
         "style": None, "voice": "espeak-en-us-anna", "language": "en", "text": text, "seed": number}
        for number, text in enumerate(LINES)
    ]  # fmt: skip
    place = Workspace(Store(str(tmp_path)), {"lines": "l", "speech": "s"})
    place.store.write_part(place.part("lines", KEY), to_table("lines", rows), {})
    synthesize, work = EspeakEngine.synthesize, [2]

    def killing(self: EspeakEngine, lines: Sequence[Line]) -> list[Speech | SpeechError]:
        work[0] -= 1
        if work[0] == -1:
            raise Killed
        return synthesize(self, lines)

    monkeypatch.setattr(EspeakEngine, "synthesize", killing)
    stage = Speak(SpeakParams(engine="espeak"), ESPEAK)
    stage.setup()
    with pytest.raises(Killed):
        stage.process(Shard(KEY, KEY), place, Guard(stage.name, pieces=Pieces(place.store, "pieces/x", keep_s=0.0)))
    monkeypatch.setattr("turnmill.pipelines.stages.speak.BATCH", 7)
    made = stage.process(Shard(KEY, KEY), place, Guard(stage.name, pieces=Pieces(place.store, "pieces/x", keep_s=0.0)))
    assert [row["line"] for row in made.tables["speech"]] == [row["line"] for row in rows]
    assert [[word["word"] for word in row["words"]] for row in made.tables["speech"]] == [t.split() for t in LINES]


def test_a_verdict_after_a_kill_gives_no_clip_the_transcript_of_another(tmp_path: Path) -> None:
    require("tiny.en")
    clips = [speech(sentence) for sentence in SENTENCES]
    long = speech(" ".join(SENTENCES * 3))  # more windows than one, the last of them the shortest
    place = lake_of(tmp_path, [long, *clips], Transcribe.tables)
    stage = Transcribe(TranscribeParams(models=("tiny.en",)), "en")
    stage.setup()
    assert len(stage.ears[0].recognizer.windows([Clip(np.zeros(len(long.pcm) * 2 // 3, np.float32))])) > 1
    undisturbed = stage.process(Shard(KEY, KEY), place, Guard(stage.name))
    hear, heard = stage.ears[0].recognizer.hear, list[str]()

    def killing(windows: Sequence[Window], name: str) -> list[Heard]:
        if heard.count("u0") and name == "u0":
            raise Killed
        heard.append(name)
        return hear(windows, name)

    stage.ears[0].recognizer.hear = killing  # type: ignore[method-assign,assignment]
    with pytest.raises(Killed):
        stage.process(Shard(KEY, KEY), place, Guard(stage.name, pieces=Pieces(place.store, "pieces/x", keep_s=0.0)))
    stage.ears[0].recognizer.hear = hear  # type: ignore[method-assign]
    attempt = Attempt(True, {stage.name: {"u0": Reason.KILLED_WORKER}})
    pieces = Pieces(place.store, "pieces/x", keep_s=0.0)
    made = stage.process(Shard(KEY, KEY), place, Guard(stage.name, attempt, pieces=pieces))
    assert [reject.uid for reject in made.rejects] == ["u0"]
    assert made.tables["transcripts"] == [row for row in undisturbed.tables["transcripts"] if row["uid"] != "u0"]
