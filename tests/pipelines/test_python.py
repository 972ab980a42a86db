"""The public API does what docs/python.md says, and one dialogue in a notebook is what a run makes of it."""

import json
import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import turnmill
from tests.pipelines.conftest import Small
from turnmill.manifests.records import Reason, Reject
from turnmill.pipelines.stages.simulate import Simulate
from turnmill.sources.places import place

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_the_examples_of_the_page_run_in_their_order(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(small.corpus, tmp_path / "recordings")
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(examples) == 5
    names: dict[str, object] = {}
    said = []
    for example in examples:
        exec(compile(example, str(PAGE), "exec"), names)
        said.append(capsys.readouterr().out)
    assert "barge_in" in said[0]
    assert re.search(r"\d+ checks; onsets are off by \(", said[1])
    assert "files/default/train/plain.wav The morning train leaves at seven. (1, " in said[2]
    assert "files/default/train/empty.mp3 empty_file " in said[2]
    assert re.search(r"^speech: done in .* s: ingest 11 clips", said[3], re.MULTILINE)
    assert "[('speech', 7, " in said[3]
    assert re.search(r"silence\.wav speech 1\.0 s", said[4])


def test_one_dialogue_is_what_a_run_makes_of_it_to_the_byte(small: Small, tmp_path: Path) -> None:
    """Of it alone: who interrupts, and with what, is balanced over the dialogues of a unit."""
    lines = (small.corpus.parent / "dialogues.jsonl").read_text("utf-8").splitlines()
    row = next(found for found in map(json.loads, lines[:5]) if found["id"] == "good-2")
    (tmp_path / "one.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    recipe = {"name": "one", "seed": 3, "texts": str(tmp_path / "one.jsonl")}
    turnmill.run(turnmill.load_recipe(recipe), str(tmp_path / "out"))
    spoken = turnmill.speak(row, seed=3)
    dialogue = turnmill.simulate(spoken)
    made = turnmill.open_dataset(str(tmp_path / "out"))
    audio, sample_rate = made.audio("good-2")
    assert dialogue.sample_rate == sample_rate
    np.testing.assert_array_equal(dialogue.audio, audio)
    (sample,) = (sample for sample in made.samples() if sample.labels["id"] == "good-2")
    apart = {"source", "licence"}  # the name of the file, and what the recipe says of it
    assert {k: v for k, v in dialogue.labels.items() if k not in apart} == {
        k: v for k, v in sample.labels.items() if k not in apart
    }
    np.testing.assert_array_equal(sample.audio()[0], audio)
    assert not turnmill.verify(dialogue).violations


def test_verify_finds_a_label_that_is_not_true() -> None:
    dialogue = turnmill.simulate(turnmill.speak({"data": ["Where is the station?", "It is behind the old market."]}))
    assert not turnmill.verify(dialogue).violations
    dialogue.labels["turns"][0]["start"] += 0.2
    assert {violation.check for violation in turnmill.verify(dialogue).violations} >= {"onset"}


def test_another_take_is_the_same_talk_at_other_times_and_the_speech_goes_with_its_object() -> None:
    spoken = turnmill.speak({"data": ["Where is the station?", "It is behind the old market."]})
    one, other = turnmill.simulate(spoken), turnmill.simulate(spoken, take=1)
    assert [turn["text"] for turn in one.labels["turns"]] == [turn["text"] for turn in other.labels["turns"]]
    assert one.labels["turns"][1]["start"] != other.labels["turns"][1]["start"]
    folder = spoken._folder
    assert len(list(folder.rglob("dialogues/*/*.parquet"))) == 2  # a part of one dialogue for each
    assert folder.is_dir()
    del spoken
    assert not folder.exists()


def test_what_a_run_would_reject_or_refuse_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(turnmill.TurnmillError, match=r"^script rejects the dialogue: one_speaker: "):
        turnmill.speak([{"role": "user", "content": "Hello?"}])
    with pytest.raises(turnmill.UsageError, match=r"recipe: script\.interaction\.barge: unknown key; did you mean"):
        turnmill.speak({"data": ["Hello?", "Yes."]}, script={"interaction": {"barge": 1}})
    assert list(tmp_path.iterdir()) == []


def test_what_rejects_a_take_is_told_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = turnmill.speak({"data": ["Where is the station?", "It is behind the old market."]})
    refused = Reject(Reason.NOTHING_SPOKEN, "as the test has it")
    monkeypatch.setattr(Simulate, "_simulate", lambda _self, script, *_: replace(refused, uid=script.id))
    for _ in range(2):
        with pytest.raises(
            turnmill.TurnmillError, match=r"^simulate rejects the dialogue: nothing_spoken: as the test"
        ):
            turnmill.simulate(spoken, take=3)


def test_a_dataset_answers_queries_and_refuses_to_be_written(small: Small) -> None:
    made = turnmill.open_dataset(str(small.out))
    assert made.sql("SELECT count(*) AS n FROM clips").to_pylist() == [{"n": 7}]
    removed = made.sql("SELECT uid FROM clips_all WHERE removed_by = 'speech'").to_pylist()
    audio, sample_rate = made.audio(removed[0]["uid"])  # what was removed can be heard
    assert (audio.shape, sample_rate) == ((1, 24_000), 24_000)
    with pytest.raises(turnmill.UsageError, match="a query can only read"):
        made.sql("DROP VIEW clips")
    with pytest.raises(turnmill.UsageError, match="has no clip or dialogue called 'nothing'"):
        made.audio("nothing")
    with pytest.raises(turnmill.UsageError, match="is not an output folder of Turnmill"):
        turnmill.open_dataset(str(small.corpus))


def test_samples_are_those_of_the_shards_by_half_and_split(small: Small) -> None:
    made = turnmill.open_dataset(str(small.out))
    every = list(made.samples("speech"))
    wanted = made.sql("SELECT uid, split FROM clip_samples").to_pylist()
    assert sorted((s.labels["uid"], s.split) for s in every) == sorted((row["uid"], row["split"]) for row in wanted)
    assert [s.key for s in made.samples("speech", "train")] == [s.key for s in every if s.split == "train"]
    assert all({"flac", "user.flac"} == sample.files.keys() for sample in made.samples())


def test_a_corpus_gives_each_item_and_its_audio_without_a_run(small: Small) -> None:
    corpus = turnmill.open_corpus("files", small.corpus)
    found = {clip.path: clip for clip in corpus.clips() if not isinstance(clip, turnmill.Reject)}
    assert found["plain.wav"].text == "The morning train leaves at seven."
    audio, sample_rate = corpus.audio(found["plain.wav"])
    assert audio.dtype == np.float32
    assert (audio.shape[0], sample_rate) == (1, 24_000)
    with pytest.raises(turnmill.UsageError, match=r"no source is called 'libri': did you mean .*librispeech"):
        turnmill.open_corpus("libri", small.corpus)


def test_a_recipe_of_keys_and_values_is_checked_as_a_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    keys = {"name": "mine", "corpus": "files", "root": Path("clips"), "quality": {}}
    recipe = turnmill.load_recipe(keys, {"root": "others", "transcribe.models": ["base"]})
    assert recipe.root == place(tmp_path / "others")
    assert recipe.transcribe is not None
    assert recipe.transcribe.models == ("base",)
    assert turnmill.load_recipe(keys).root == place(tmp_path / "clips")
    assert "transcribe" not in keys
    with pytest.raises(turnmill.UsageError, match=r"^recipe: corpsu: unknown key; did you mean 'corpus'"):
        turnmill.load_recipe({**keys, "corpsu": 1})
    assert turnmill.load_recipe("speech").name == "speech"
