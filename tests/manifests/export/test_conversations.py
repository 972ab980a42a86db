"""Conversations: rounds that follow each other, none of them misheard or cut short, each question with its sound."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.manifests.export.conftest import Output, exported
from tests.manifests.export.test_rounds import (
    NO_ROUND,
    ROUNDS,
    SOUNDS,
    asks,
    edit_json,
    edit_rows,
    of_name,
    rewrite_wav,
)
from turnmill.manifests.export.export import export
from turnmill.manifests.export.profiles import named

# What d2 says before its round 1 is misheard, and d1's round 0 is cut short: a conversation begins after it.
TALKS = {"d1": ["1"], "d2": ["1", "2"]}


def said(dialogue: str) -> list[str]:
    return [text for number in TALKS[dialogue] for text in ROUNDS[dialogue, number][:2]]


def reads_as_llama_omni2(folder: Path, talks: Output) -> None:
    """A list of conversations; even turns are the user's and have a sound."""
    found = json.loads((folder / "train.json").read_text("utf-8"))
    assert [one["id"] for one in found] == [f"{dialogue}-{numbers[0]}" for dialogue, numbers in TALKS.items()], "lost"
    for one, (dialogue, numbers) in zip(found, TALKS.items(), strict=True):
        turns = one["conversation"]
        assert [turn["text"] for turn in turns] == said(dialogue)
        assert [turn["from"] for turn in turns] == ["human", "gpt"] * len(numbers)
        paths = [Path(turn["speech"]) for turn in turns[::2]]
        assert [of_name(path.stem) for path in paths] == [(dialogue, number) for number in numbers]
        assert all(path.is_absolute() for path in paths)
        for path in paths:
            asks(path, 16_000, of_name(path.stem), talks)


# homebrewltd's own, of synthetic_data/synthetic_data_multiturn.py.
ICHIGO = pa.schema(
    [
        pa.field("index", pa.int64()),
        pa.field("conversations", pa.list_(pa.struct([("content", pa.string()), ("role", pa.string())]))),
    ]
)


def reads_as_ichigo(folder: Path, talks: Output) -> None:
    """Conversations by their number, and the sound of each turn of the user by that number and its place."""
    (path,), (sounds,) = (list((folder / name).iterdir()) for name in ("data", "audio"))
    assert pq.read_schema(path).equals(ICHIGO)
    rows = pq.read_table(path).to_pylist()
    assert len({row["index"] for row in rows}) == len(rows) == len(TALKS), "lost"
    for row, dialogue in zip(rows, TALKS, strict=True):
        assert [turn["content"] for turn in row["conversations"]] == said(dialogue)
        assert [turn["role"] for turn in row["conversations"]] == ["user", "assistant"] * len(TALKS[dialogue])
    features = json.loads(pq.read_schema(sounds).metadata[b"huggingface"])["info"]["features"]
    assert features["audio"] == {"_type": "Audio"}
    asked = [
        (row["index"], place, turn["content"])
        for row in rows
        for place, turn in enumerate(row["conversations"])
        if turn["role"] == "user"
    ]
    questions = pq.read_table(sounds).to_pylist()
    assert [(one["index"], one["turn"], one["text"]) for one in questions] == asked
    for one, of in zip(questions, ROUNDS, strict=True):
        assert one["audio"]["path"] == f"{'-'.join(of)}.wav"
        asks(io.BytesIO(one["audio"]["bytes"]), 16_000, of, talks)


READERS = {"llama_omni2": reads_as_llama_omni2, "ichigo": reads_as_ichigo}


@pytest.mark.parametrize("name", READERS)
def test_the_reader_finds_the_conversations(name: str, talks: Output, tmp_path: Path) -> None:
    READERS[name](exported(talks, name, tmp_path / "to"), talks)


@pytest.mark.parametrize("name", READERS)
def test_every_round_is_told(name: str, talks: Output, tmp_path: Path) -> None:
    told = export(talks.store, named(name), str(tmp_path / "to"))
    assert f"{name}: 3 rounds, " in told
    assert f"\n  dropped  nothing\n{NO_ROUND}" in told


def _llama(change: Callable[[list[Any]], list[Any]]) -> Callable[[Path], None]:
    return lambda folder: edit_json(folder / "train.json", change)


def _llama_sound(what: str) -> Callable[[Path], None]:
    def broken(folder: Path) -> None:
        path = min((folder / "wav").iterdir())
        path.write_bytes(rewrite_wav(path, SOUNDS[what]))

    return broken


def _ichigo_sound(what: str) -> Callable[[Path], None]:
    def broken(rows: list[Any]) -> list[Any]:
        audio = rows[0]["audio"]
        sound = rewrite_wav(io.BytesIO(audio["bytes"]), SOUNDS[what])
        return [rows[0] | {"audio": audio | {"bytes": sound}}, *rows[1:]]

    return lambda folder: edit_rows(folder / "audio", broken)


def _planned(rows: list[Any]) -> list[Any]:
    return json.loads(json.dumps(rows).replace("it is closed", "it is closed all day"))  # type: ignore[no-any-return]


def _turned(name: str) -> Callable[[list[Any]], list[Any]]:
    return lambda rows: [row | {name: row[name][::-1]} for row in rows]


BROKEN: dict[str, Callable[[Path], None]] = {
    "llama_omni2: lost": _llama(lambda rows: rows[1:]),
    "llama_omni2: planned text": _llama(_planned),
    "llama_omni2: history in another order": _llama(_turned("conversation")),
    "llama_omni2: an answer alone": _llama(
        lambda rows: [row | {"conversation": row["conversation"][1:]} for row in rows]
    ),
    "ichigo: lost": lambda folder: edit_rows(folder / "data", lambda rows: rows[1:]),
    "ichigo: a lost question": lambda folder: edit_rows(folder / "audio", lambda rows: rows[:-1]),
    "ichigo: planned text": lambda folder: edit_rows(folder / "data", _planned),
    "ichigo: history in another order": lambda folder: edit_rows(folder / "data", _turned("conversations")),
    "ichigo: one number twice": lambda folder: edit_rows(
        folder / "data", lambda rows: [row | {"index": 0} for row in rows]
    ),
    **{f"llama_omni2: {what}": _llama_sound(what) for what in SOUNDS},
    **{f"ichigo: {what}": _ichigo_sound(what) for what in SOUNDS},
}


@pytest.mark.parametrize("broken", BROKEN)
def test_the_reader_refuses_what_is_wrong(broken: str, talks: Output, tmp_path: Path) -> None:
    name = broken.partition(":")[0]
    folder = exported(talks, name, tmp_path / "to")
    BROKEN[broken](folder)
    with pytest.raises(AssertionError):
        READERS[name](folder, talks)
