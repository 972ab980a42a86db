"""Questions about clips as ms-swift and LLaMA-Factory read them: a reader by their contract finds an answer for each
label, and refuses a folder that is wrong in one way."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.manifests.conftest import sample_of
from tests.manifests.export.conftest import Output, clip, exported, make_output, write_shard
from tests.manifests.export.test_chat import SOUNDS, break_lines, break_sounds, rows_of
from turnmill.manifests.audio import Audio
from turnmill.manifests.export.export import export
from turnmill.manifests.export.profiles import named
from turnmill.manifests.export.questions import wording_of
from turnmill.manifests.samples import CLIP

FORMATS = ("swift", "llamafactory")
CLIPS = {
    "c1": clip("c1", "Hello there!", "zoe") | {"emotion": "joy"},
    "c3": clip("c3", "hello there", "al") | {"emotion": "anger", "tags": ["Cough", "hall"]},
}
ANSWERS = [
    (("c1",), "Hello there!"),
    (("c1",), "happy"),
    (("c1", "c3"), "Two speakers. The first sounds happy, the second angry."),
    (("c3",), "angry"),
    (("c3",), "cough"),
    (("c3",), "hello there"),
]
"""The clips that are asked about, and what is answered; by clips and answer."""


def make_clips(folder: Path, clips: dict[str, Any]) -> Output:
    output = make_output(folder)
    rng = np.random.default_rng(3)
    sounds = {
        key: Audio(rng.normal(0, 0.1 * number, (told["channels"], 20_000)).astype(np.float32), 16_000)
        for number, (key, told) in enumerate(clips.items(), start=1)
    }
    write_shard(output.store, "shards/f5/clips-train-000000.tar", clips, CLIP, sounds)
    return Output(output.store, clips, {key: sound.samples for key, sound in sounds.items()})


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Output:
    return make_clips(tmp_path_factory.mktemp("tasks") / "out", CLIPS)


def reads_as_tasks(folder: Path, name: str, output: Output) -> None:
    found = []
    for row in rows_of(folder, name):
        question, answer = row["messages"]
        assert len(question["content"]) > len("<audio>") * len(row["audios"]), "nothing is asked"
        keys = []
        for path in row["audios"]:
            samples, rate = soundfile.read(folder / path)
            assert rate == 16_000
            assert samples.shape == (20_000,)
            np.testing.assert_allclose(samples, output.audio[Path(path).stem][0], atol=1e-4)
            keys.append(Path(path).stem)
        found.append((tuple(keys), answer["content"]))
    assert sorted(found) == ANSWERS
    assert len(list(folder.rglob("*.wav"))) == len(CLIPS), "each clip is one file"


@pytest.mark.parametrize("name", FORMATS)
def test_the_reader_finds_an_answer_for_each_label(name: str, clips: Output, tmp_path: Path) -> None:
    reads_as_tasks(exported(clips, name, tmp_path / "to", split="train"), name, clips)


BROKEN: dict[str, Callable[[list[Any]], list[Any]]] = {
    "lost": lambda rows: rows[1:],
    "a file too few": lambda rows: [row | {"audios": row["audios"][1:]} for row in rows],
    "another text": lambda rows: json.loads(json.dumps(rows).replace("Hello there!", "Hello")),
    "another clip": lambda rows: json.loads(json.dumps(rows).replace("c1.wav", "c3.wav")),
    "no question": lambda rows: [
        row | {"messages": [{"role": "user", "content": "<audio>" * len(row["audios"])}, row["messages"][1]]}
        for row in rows
    ],
}


@pytest.mark.parametrize("broken", [*BROKEN, *SOUNDS])
@pytest.mark.parametrize("name", FORMATS)
def test_the_reader_refuses_what_is_wrong(name: str, broken: str, clips: Output, tmp_path: Path) -> None:
    folder = exported(clips, name, tmp_path / "to", split="train")
    if broken in BROKEN:
        break_lines(folder / "train.jsonl", BROKEN[broken])
    else:
        break_sounds(folder, SOUNDS[broken])
    with pytest.raises(AssertionError):
        reads_as_tasks(folder, name, clips)


def rows_with(folder: Path, **changes: dict[str, Any]) -> list[Any]:
    output = make_clips(folder / "out", {key: told | changes.get(key, {}) for key, told in CLIPS.items()})
    to = exported(output, "llamafactory", folder / "to", split="train")
    return [json.loads(line) for line in (to / "train.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"speaker": "zoe"}, "One speaker. The first sounds happy, the second angry."),
        ({"emotion": None}, "Two speakers."),
        ({"text": "hello here", "text_given": "hello here"}, None),
        ({"speaker": None}, None),
        ({"text_given": None}, None),
        ({"language": "de"}, None),
    ],
)
def test_two_readings_of_one_text_are_a_question(changes: dict[str, Any], answer: str | None, tmp_path: Path) -> None:
    pairs = [row for row in rows_with(tmp_path, c3=changes) if len(row["audios"]) == 2]
    assert [row["messages"][1]["content"] for row in pairs] == ([] if answer is None else [answer])


def test_a_clip_is_asked_about_in_its_language_or_in_english(tmp_path: Path) -> None:
    rows = rows_with(tmp_path, c1={"language": "de-DE"}, c3={"language": "zh-CN", "text": "你好"})
    said = [[message["content"].removeprefix("<audio>") for message in row["messages"]] for row in rows]
    assert {answer for _, answer in said} == {"Hello there!", "happy", "你好", "愤怒", "咳嗽"}
    for question, answer in said:
        assert question.isascii() == answer.isascii()


@pytest.mark.parametrize(("language", "named"), [("de-AT", "German"), ("zh", "Chinese"), ("xh", "xh")])
def test_a_translation_is_asked_for_by_its_language(language: str, named: str, tmp_path: Path) -> None:
    said = {"translation": "Hallo!", "target_language": language}
    rows = rows_with(tmp_path, c1={"translation": sample_of(CLIP.field("translation").type, **said)})
    (question,) = [row["messages"][0]["content"] for row in rows if row["messages"][1]["content"] == "Hallo!"]
    assert named in question


@pytest.mark.parametrize(
    ("changes", "tasks", "why"),
    [
        ({"duration": 30.5}, 3, "too_long"),
        ({"text": "an <audio> is said", "emotion": None, "tags": []}, 1, "markup"),
        ({"text": None, "text_given": None, "emotion": None, "tags": ["dog"]}, 1, "no_label"),
        ({"text": None, "text_given": None, "emotion": None, "tags": ["laughter", "sneeze"]}, 1, "no_label"),
    ],
)
def test_a_task_that_is_not_written_has_a_reason(changes: dict[str, Any], tasks: int, why: str, tmp_path: Path) -> None:
    output = make_clips(tmp_path / "out", {"c1": CLIPS["c1"], "c3": CLIPS["c3"] | changes})
    told = export(output.store, named("swift"), str(tmp_path / "to"), split="train")
    assert "swift: 2 tasks, " in told
    assert f"dropped  {tasks} task{'s' * (tasks > 1)} ({why})" in told


def test_chinese_is_asked_in_chinese_however_its_tag_is_spelt() -> None:
    assert all(wording_of(tag) is wording_of("zh") for tag in ("zh-TW", "cmn", "zho", "yue"))
    assert all(wording_of(tag) is wording_of("en") for tag in ("ja", None))
