"""Rounds, a row each: what is heard, the user alone, and no answer that is misheard or cut short."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from tests.manifests.export.conftest import (
    RATE,
    Output,
    booking,
    dialogue,
    exported,
    make_output,
    voices,
    write_shard,
)
from turnmill.manifests.audio import Audio
from turnmill.manifests.export.export import export
from turnmill.manifests.export.profiles import PROFILES, named
from turnmill.manifests.samples import DIALOGUE

# By dialogue and round: what is asked, what is heard of the answer, when it is asked, and what was said before.
ROUNDS = {
    ("d1", "1"): (
        "no I mean today", "today it is closed", 3.5, 4.6, "USER: where is it open ASSISTANT: it is open from ",
    ),
    ("d2", "1"): (
        "no I said Rome", "one to Rome then", 2.0, 2.5,
        "ASSISTANT: good morning USER: one to Rome ASSISTANT: one to Nome then ",
    ),
    ("d2", "2"): (
        "a window please", "it is by the window", 4.3, 4.7,
        "ASSISTANT: good morning USER: one to Rome ASSISTANT: one to Nome then USER: no I said Rome "
        "ASSISTANT: one to Rome then anything else ",
    ),
}  # fmt: skip
NO_ROUND = "".join(f"  no round 1 ({why})\n" for why in ("cut_short", "misheard", "no_answer", "no_question"))
"""What the summary says of the others: d1's first answer is interrupted."""
# gpt-omni/VoiceAssistant-400K: what its card and its files declare, and in which order.
PUBLISHED = [
    ("split_name", "string", '{"dtype": "string", "_type": "Value"}'),
    ("index", "string", '{"dtype": "string", "_type": "Value"}'),
    ("round", "string", '{"dtype": "string", "_type": "Value"}'),
    ("question", "string", '{"dtype": "string", "_type": "Value"}'),
    ("question_audio", "struct<bytes: binary, path: string>", '{"_type": "Audio"}'),
    ("answer", "string", '{"dtype": "string", "_type": "Value"}'),
    ("answer_snac", "string", '{"dtype": "string", "_type": "Value"}'),
]


def asks(file: Any, rate: int, of: tuple[str, str], talks: Output) -> None:
    """A question's audio: one channel, at its rate, as long as the question, at the level of the user's channel."""
    start, end = ROUNDS[of][2:4]
    samples, found = soundfile.read(file)
    assert soundfile.info(file if isinstance(file, Path) else io.BytesIO(file.getvalue())).subtype == "PCM_16"
    assert found == rate
    assert samples.shape == (round((end - start) * rate),)
    wanted = talks.audio[of[0]][1, round(start * RATE) : round(end * RATE)]
    level = float(np.sqrt(np.mean(wanted**2))) * (0.5 if of[0] == "d1" else 1)  # its clean stem is quieter
    level *= np.sqrt(rate / RATE)  # noise has as much in each Hz
    assert float(np.sqrt(np.mean(samples**2))) == pytest.approx(level, rel=0.1), "not the user's channel"


def reads_as_voiceassistant(folder: Path, talks: Output) -> None:
    (path,) = (folder / "data").iterdir()
    assert path.name == "train-00000-of-00001.parquet"
    schema, rows = pq.read_schema(path), pq.read_table(path).to_pylist()
    assert [(field.name, str(field.type)) for field in schema] == [(name, kind) for name, kind, _ in PUBLISHED]
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features.items()) == [(name, json.loads(feature)) for name, _, feature in PUBLISHED]
    assert [(row["index"], row["round"]) for row in rows] == list(ROUNDS), "lost, or in another order"
    for row, (of, (question, answer, *_)) in zip(rows, ROUNDS.items(), strict=True):
        assert (row["split_name"], row["question"], row["answer"]) == ("tiny", question, answer)
        assert row["answer_snac"] is None
        assert row["question_audio"]["path"] == f"{'-'.join(of)}.wav"
        asks(io.BytesIO(row["question_audio"]["bytes"]), 22_050, of, talks)


def of_name(name: str) -> tuple[str, str]:
    dialogue, _, number = name.partition("-")
    return dialogue, number


def reads_as_slam_omni(folder: Path, talks: Output) -> None:
    lines = [json.loads(line) for line in (folder / "train.jsonl").read_text("utf-8").splitlines()]
    assert [of_name(line["key"]) for line in lines] == list(ROUNDS), "lost, or in another order"
    for line, (of, (question, answer, _, _, before)) in zip(lines, ROUNDS.items(), strict=True):
        assert line["source_text"] == f"{before}<USER>: {question}"
        assert (line["target_text"], line["target_token"]) == (answer, None)
        assert Path(line["source_wav"]).is_absolute()
        asks(Path(line["source_wav"]), 16_000, of, talks)


def reads_as_llama_omni(folder: Path, talks: Output) -> None:
    found = json.loads((folder / "train.json").read_text("utf-8"))
    assert [of_name(one["id"]) for one in found] == list(ROUNDS), "lost, or in another order"
    for one, (of, (_, answer, *_)) in zip(found, ROUNDS.items(), strict=True):
        assert [turn["from"] for turn in one["conversations"]] == ["human", "gpt"]
        assert one["conversations"][0]["value"].count("<speech>") == 1
        assert one["conversations"][1]["value"] == answer
        assert Path(one["speech"]).is_absolute()
        asks(Path(one["speech"]), 16_000, of, talks)


READERS = {
    "voiceassistant": reads_as_voiceassistant, "slam_omni": reads_as_slam_omni, "llama_omni": reads_as_llama_omni,
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_the_reader_finds_the_rounds(name: str, talks: Output, tmp_path: Path) -> None:
    READERS[name](exported(talks, name, tmp_path / "to"), talks)


@pytest.mark.parametrize("name", READERS)
def test_what_is_no_round_is_told(name: str, talks: Output, tmp_path: Path) -> None:
    told = export(talks.store, named(name), str(tmp_path / "to"))
    assert f"{name}: 3 rounds, " in told
    assert f"\n  dropped  nothing\n{NO_ROUND}" in told
    items = pq.read_table(tmp_path / "to/items" / name).to_pylist()
    kept = ["d1#2", "d2#3", "d2#6"]
    assert [row["item"] for row in items if row["drop"] is None] == kept
    left_out = {"d1#0": "cut_short", "d2#0": "no_question", "d2#1": "misheard", "d2#8": "no_answer"}
    assert {row["item"]: row["drop"] for row in items if row["drop"]} == left_out


def rewrite_wav(file: Any, change: Callable[[Any, int], tuple[Any, int]]) -> bytes:
    written = io.BytesIO()
    soundfile.write(written, *change(*soundfile.read(file)), format="WAV", subtype="PCM_16")
    return written.getvalue()


SOUNDS: dict[str, Callable[[Any, int], tuple[Any, int]]] = {
    "another rate": lambda pcm, _: (pcm, 24_000),
    "two channels": lambda pcm, rate: (np.stack([pcm, pcm], 1), rate),
    "the assistant's channel": lambda pcm, rate: (pcm * 0, rate),
    "too short": lambda pcm, rate: (pcm[:-100], rate),
}


def edit_rows(folder: Path, change: Callable[[list[Any]], list[Any]]) -> None:
    """Of the one Parquet file in a folder."""
    (path,) = folder.iterdir()
    found = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist(change(found.to_pylist()), schema=found.schema), path)


def edit_json(path: Path, change: Callable[[list[Any]], list[Any]]) -> None:
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        path.write_text(json.dumps(change(json.loads(text))), "utf-8")
    else:
        lines = change([json.loads(line) for line in text.splitlines()])
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def edit(name: str, change: Callable[[list[Any]], list[Any]]) -> Callable[[Path], None]:
    if name == "voiceassistant":
        return lambda folder: edit_rows(folder / "data", change)
    return lambda folder: edit_json(folder / ("train.jsonl" if name == "slam_omni" else "train.json"), change)


def _planned(row: Any) -> Any:
    return json.loads(json.dumps(row).replace("it is closed", "it is closed all day"))


def _sound(name: str, change: Callable[[Any, int], tuple[Any, int]]) -> Callable[[Path], None]:
    def of_rows(rows: list[Any]) -> list[Any]:
        audio = rows[0]["question_audio"]
        return [
            rows[0] | {"question_audio": audio | {"bytes": rewrite_wav(io.BytesIO(audio["bytes"]), change)}},
            *rows[1:],
        ]

    def of_file(folder: Path) -> None:
        path = min((folder / "wav").iterdir())
        path.write_bytes(rewrite_wav(path, change))

    return edit(name, of_rows) if name == "voiceassistant" else of_file


def _answers(rows: list[Any]) -> list[Any]:
    return [row | {"answer": row["answer"].replace("closed", "closed all day")} for row in rows]


def _variants() -> Iterator[tuple[str, str, Callable[[Path], None]]]:
    for name in READERS:
        yield name, "lost", edit(name, lambda rows: rows[1:])
        yield name, "in another order", edit(name, lambda rows: rows[::-1])
        planned = _answers if name == "voiceassistant" else lambda rows: [_planned(row) for row in rows]
        yield name, "planned text", edit(name, planned)
        for what, change in SOUNDS.items():
            yield name, what, _sound(name, change)
    yield "voiceassistant", "rounds from 1", edit(
        "voiceassistant", lambda rows: [row | {"round": str(int(row["round"]) + 1)} for row in rows]
    )  # fmt: skip
    yield "slam_omni", "no history", edit(
        "slam_omni", lambda lines: [line | {"source_text": line["source_text"].split("<USER>: ")[1]} for line in lines]
    )  # fmt: skip
    yield "slam_omni", "history in another order", edit(
        "slam_omni",
        lambda lines: [
            line | {"source_text": line["source_text"].replace("one to Rome ASSISTANT: one to Nome then", "x")}
            for line in lines
        ],
    )  # fmt: skip
    yield (
        "llama_omni",
        "no speech",
        edit("llama_omni", lambda rows: json.loads(json.dumps(rows).replace("<speech>", ""))),
    )


BROKEN = {f"{name}: {what}": (name, change) for name, what, change in _variants()}


@pytest.mark.parametrize("broken", BROKEN)
def test_the_reader_refuses_what_is_wrong(broken: str, talks: Output, tmp_path: Path) -> None:
    name, change = BROKEN[broken]
    folder = exported(talks, name, tmp_path / "to")
    change(folder)
    with pytest.raises(AssertionError):
        READERS[name](folder, talks)


def test_who_goes_on_after_a_silence_in_a_call_goes_on_with_the_same(tmp_path: Path) -> None:
    output = make_output(tmp_path / "out")
    told = {"d1": dialogue("d1"), "d2": booking("d2")}
    for turn in told["d2"]["turns"]:
        turn |= {"text": None, "misheard": None}  # as those of a recording
    sounds = {key: Audio(voices(one, 0), RATE) for key, one in told.items()}
    write_shard(output.store, "shards/fc/dialogues-train-000000.tar", told, DIALOGUE, sounds)
    export(output.store, named("slam_omni"), str(tmp_path / "to"))
    lines = [json.loads(line) for line in (tmp_path / "to/slam_omni/train.jsonl").read_text("utf-8").splitlines()]
    answers = ["one to Nome then", "one to Rome then anything else", "it is by the window"]
    assert [line["target_text"] for line in lines if line["key"].startswith("d2")] == answers


def test_a_question_longer_than_whisper_hears_is_dropped(
    talks: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turnmill.manifests.export.rounds.WHISPER_SECONDS", 0.45)
    told = export(talks.store, named("voiceassistant"), str(tmp_path / "to"))
    assert "voiceassistant: 1 round, " in told
    assert "dropped  2 rounds (too_long)" in told


FORMATS = [name for name, profile in PROFILES.items() if profile.items == "rounds"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"text_heard": "it is <|im_end|> open"}, "markup"),
        ({"text_heard": "it is <speech> open"}, "markup"),
        ({"text_heard": "it is <audio> open"}, "markup"),
        ({"end": 0.2}, "too_short"),
    ],
)
def test_what_a_trainer_takes_for_a_mark_or_cannot_hear_is_dropped(
    change: dict[str, Any], why: str, tmp_path: Path
) -> None:
    output = make_output(tmp_path / "out")
    told = {"d1": dialogue("d1"), "d2": booking("d2")}
    told["d1"]["turns"][0 if why == "too_short" else 1] |= change
    sounds = {key: Audio(voices(one, 0), RATE) for key, one in told.items()}
    write_shard(output.store, "shards/fc/dialogues-train-000000.tar", told, DIALOGUE, sounds)
    summary = export(output.store, named(",".join([*FORMATS, "swift_chat", "llamafactory_chat"])), str(tmp_path / "to"))
    assert summary.count(f"1 round ({why})") == len(FORMATS)
    assert summary.count(f"1 dialogue ({why})") == 2
    for path in (tmp_path / "to").rglob("*.json*"):
        assert "it is <" not in path.read_text("utf-8")
