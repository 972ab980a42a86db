"""Voice chat as ms-swift and LLaMA-Factory read it: a reader by their contract finds the questions as audio and the
answers as they are heard, and refuses a folder that is wrong in one way."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.manifests.export.conftest import RATE, Output, exported
from tests.manifests.export.talk import WHITE, level, make_talks, moved, rich
from turnmill.manifests.export.export import export
from turnmill.manifests.export.profiles import named

FORMATS = ("swift_chat", "llamafactory_chat")
CHATS = {
    "d1": [
        ([(2.8, 3.8)], "let me see it is by the", False),
        ([(5.4, 6.4)], "the big one", True),
        ([(7.5, 7.8), (8.0, 8.5)], "it opens at", False),
        ([(9.4, 9.9)], "okay", True),
    ],
    "d2": [([(0.2, 1.2)], "it is open from", False), ([(3.5, 4.6)], "today it is closed", True)],
}
"""Of each dialogue: when the user speaks, what is heard of the answer, whether it is whole."""


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Output:
    return make_talks(tmp_path_factory.mktemp("chat") / "out")


def rows_of(folder: Path, name: str) -> list[Any]:
    """The rows, and the audio where the trainer looks for it: LLaMA-Factory beside the list, ms-swift anywhere."""
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text("utf-8").splitlines()]
    if name.startswith("llamafactory"):
        info = json.loads((folder / "dataset_info.json").read_text("utf-8"))["train"]
        assert (info["file_name"], info["formatting"]) == ("train.jsonl", "sharegpt")
        assert info["columns"] == {"messages": "messages", "audios": "audios"}
        assert info["tags"] == {
            "role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant",
        }  # fmt: skip
    for row in rows:
        assert all(Path(path).is_absolute() == name.startswith("swift") for path in row["audios"])
        assert sum(message["content"].count("<audio>") for message in row["messages"]) == len(row["audios"])
        roles = [message["role"] for message in row["messages"]]
        assert roles == ["user", "assistant"] * (len(roles) // 2), "not in turn"
    return rows


def reads_as_chat(folder: Path, name: str, output: Output) -> None:
    rows = rows_of(folder, name)
    assert len(rows) == len(CHATS), "lost"
    for row, (key, rounds) in zip(rows, CHATS.items(), strict=True):
        asked, answered = row["messages"][::2], row["messages"][1::2]
        assert [message["content"] for message in asked] == ["<audio>" * len(spans) for spans, _, _ in rounds]
        assert [message["content"] for message in answered] == [text for _, text, _ in rounds]
        assert [message["loss"] for message in answered] == [whole for _, _, whole in rounds]
        spans = [span for each, _, _ in rounds for span in each]
        for path, (start, end) in zip(row["audios"], spans, strict=True):
            samples, rate = soundfile.read(folder / path)
            assert rate == 16_000
            assert samples.shape == (round((end - start) * rate),)
            wanted = level(output.audio[key][1, round(start * RATE) : round(end * RATE)]) * WHITE
            assert level(samples) == pytest.approx(wanted * (0.5 if key == "d1" else 1), rel=0.1), "not the user"


@pytest.mark.parametrize("name", FORMATS)
def test_the_reader_finds_the_chats(name: str, talks: Output, tmp_path: Path) -> None:
    reads_as_chat(exported(talks, name, tmp_path / "to"), name, talks)


def test_llamafactory_reads_a_folder_that_was_moved(talks: Output, tmp_path: Path) -> None:
    folder = moved(exported(talks, "llamafactory_chat", tmp_path / "to"), tmp_path / "there")
    reads_as_chat(folder, "llamafactory_chat", talks)


def _messages(row: Any, change: Callable[[list[Any]], list[Any]]) -> Any:
    return row | {"messages": change(row["messages"])}


def _swapped(messages: list[Any]) -> list[Any]:
    other = {"user": "assistant", "assistant": "user"}
    return [message | {"role": other[message["role"]]} for message in messages]


BROKEN: dict[str, Callable[[list[Any]], list[Any]]] = {
    "lost": lambda rows: rows[1:],
    "a tag too many": lambda rows: [
        _messages(row, lambda said: [said[0] | {"content": "<audio><audio>"}, *said[1:]]) for row in rows
    ],
    "a file too few": lambda rows: [row | {"audios": row["audios"][1:]} for row in rows],
    "two turns of the user in a row": lambda rows: [
        _messages(row, lambda said: [{"role": "user", "content": "", "loss": False}, *said]) for row in rows
    ],
    "roles swapped": lambda rows: [_messages(row, _swapped) for row in rows],
    "planned text": lambda rows: [
        _messages(row, lambda said: [said[0], said[1] | {"content": said[1]["content"] + " river"}, *said[2:]])
        for row in rows
    ],
    "an answer too few": lambda rows: [_messages(row, lambda said: said[:-1]) for row in rows],
    "paths of another kind": lambda rows: [
        row | {"audios": [path[1:] if path[0] == "/" else f"/{path}" for path in row["audios"]]} for row in rows
    ],
}
SOUNDS: dict[str, Callable[[Any, int], tuple[Any, int]]] = {
    "another rate": lambda pcm, _: (pcm, 24_000),
    "two channels": lambda pcm, rate: (np.stack([pcm, pcm], 1), rate),
    "the assistant's channel": lambda pcm, rate: (pcm * 0, rate),
    "cut short": lambda pcm, rate: (pcm[:-800], rate),
}


def break_lines(path: Path, change: Callable[[list[Any]], list[Any]]) -> None:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    path.write_text("".join(json.dumps(row) + "\n" for row in change(rows)), "utf-8")


def break_sounds(folder: Path, change: Callable[[Any, int], tuple[Any, int]]) -> None:
    for path in folder.rglob("*.wav"):
        soundfile.write(path, *change(*soundfile.read(path)))


@pytest.mark.parametrize("broken", [*BROKEN, *SOUNDS])
@pytest.mark.parametrize("name", FORMATS)
def test_the_reader_refuses_what_is_wrong(name: str, broken: str, talks: Output, tmp_path: Path) -> None:
    folder = exported(talks, name, tmp_path / "to")
    if broken in BROKEN:
        break_lines(folder / "train.jsonl", BROKEN[broken])
    else:
        break_sounds(folder, SOUNDS[broken])
    with pytest.raises(AssertionError):
        reads_as_chat(folder, name, talks)


def _only(told: dict[str, Any], *indices: int) -> dict[str, Any]:
    return told | {"turns": [told["turns"][index] for index in indices], "backchannels": [], "events": []}


def _long(told: dict[str, Any]) -> dict[str, Any]:
    told["turns"][1]["end"] = 31.0
    return told


UNFIT: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "no_round": lambda told: _only(told, 0),
    "no_round, but a question": lambda told: _only(told, 12),
    "no_round, but what is misheard": lambda told: _only(told, 1, 2),
    "no_round, but one cut short": lambda told: _only(told, 1, 4),
    "no_text": lambda told: _only(told, 1) | {"turns": [told["turns"][1], told["turns"][4] | {"text_heard": ""}]},
    "too_long": lambda told: _only(_long(told), 0, 1, 6),
}


@pytest.mark.parametrize("why", UNFIT)
def test_a_dialogue_without_an_answer_to_learn_is_dropped(why: str, tmp_path: Path) -> None:
    output = make_talks(tmp_path / "out", UNFIT[why](rich("d1")))
    told = export(output.store, named("swift_chat"), str(tmp_path / "to"))
    assert "swift_chat: 1 dialogue, " in told
    assert f"dropped  1 dialogue ({why.partition(',')[0]})" in told


def test_what_has_no_text_ends_the_chat(tmp_path: Path) -> None:
    told = rich("d1")
    told["turns"][9]["text_heard"] = None
    folder = exported(make_talks(tmp_path / "out", told), "swift_chat", tmp_path / "to")
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text("utf-8").splitlines()]
    assert [message["content"] for message in rows[0]["messages"][1::2]] == ["let me see it is by the", "the big one"]


def test_an_answer_that_is_interrupted_is_not_the_last(tmp_path: Path) -> None:
    """ms-swift learns the end of the last message, whatever its `loss` says."""
    told = rich("d1")
    told["turns"] = told["turns"][:11]
    folder = exported(make_talks(tmp_path / "out", told), "swift_chat", tmp_path / "to")
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text("utf-8").splitlines()]
    assert [message["content"] for message in rows[0]["messages"][1::2]] == ["let me see it is by the", "the big one"]
    assert len(rows[0]["audios"]) == 2
