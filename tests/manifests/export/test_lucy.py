"""Conversations as LUCY reads them: a reader by its contract finds who says what, the states of interruptions, calls of
tools, emotions and audio, and refuses a folder that is wrong in one way."""

import json
import re
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.manifests.export.conftest import RATE, Output, exported
from tests.manifests.export.talk import NOISE, WHITE, level, make_talks, rich
from tests.manifests.export.test_chat import SOUNDS, break_lines, break_sounds
from turnmill.manifests.export.export import export
from turnmill.manifests.export.profiles import named

# What LUCY's constants.py says of its vocabulary.
DENIAL, CHANGE, AFFIRM, NOTHING = 151_657, 151_659, 151_660, 151_661

CALL = 4.0 + 1.6 * 3 / 7  # s: the call comes after three of seven words
LET = '<|Joy|>let me see <function=find>{"what": "park"}</function>'
BEGINNING: list[tuple[str, str | None, tuple[float, float] | None, int | None]] = [
    ("user", "no where is the park", (2.8, 3.8), None),
    ("assistant", LET, (4.0, CALL), None),
    ("observation", '{"place":"river"}', None, None),
    ("assistant", "<|Joy|>it is by the", (CALL, 5.6), None),
]
DENIED: list[tuple[str, str | None, tuple[float, float] | None, int | None]] = [
    ("user", "no which park", (5.4, 6.4), None),
    ("assistant", "<|Neutral|>the big one", (6.6, 7.4), DENIAL),
]
FILES = {
    "train.emotion.jsonl": [
        [
            *BEGINNING,
            *DENIED,
            ("user", "and when today", (7.5, 8.5), None),
            ("assistant", "<|Neutral|>it opens at", (8.8, 9.6), None),
        ]
    ],
    "train.jsonl": [
        [
            ("user", "where is it open", (0.2, 1.2), None),
            ("assistant", "it is open from", (1.5, 3.8), None),
            ("user", "no I mean today", (3.5, 4.6), None),
            ("assistant", "today it is closed", (4.9, 6.0), CHANGE),
        ]
    ],
    "train.negative.jsonl": [
        [*BEGINNING, ("user", "mhm", (4.8, 5.0), None), ("assistant", "...", None, AFFIRM)],
        [*BEGINNING, *DENIED, ("user", None, NOISE, None), ("assistant", "...", None, NOTHING)],
    ],
}
"""Of each message: who says what, when, and its state."""


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Output:
    return make_talks(tmp_path_factory.mktemp("lucy") / "out")


def reads_as_lucy(folder: Path, output: Output) -> None:
    assert {path.name for path in folder.glob("*.jsonl")} == set(FILES)
    for name, wanted in FILES.items():
        rows = [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()]
        assert len(rows) == len(wanted), "lost"
        for row, messages in zip(rows, wanted, strict=True):
            said = row["conversations"]
            for place, (role, _) in enumerate(groupby(message["role"] for message in said)):
                assert role in (("assistant",) if place % 2 else ("user", "observation")), "not in turn"
            assert len(said) == len(messages)
            for message, (role, content, span, state) in zip(said, messages, strict=True):
                assert (message["role"], message.get("content"), message.get("state")) == (role, content, state)
                assert re.fullmatch("[^\n]*", message.get("content", "")), "LUCY's pattern of a call is of one line"
                assert ("wavpath" in message) == (span is not None)
                if span is not None:
                    is_heard(message["wavpath"], role, span, output.audio["d2" if name == "train.jsonl" else "d1"])


def is_heard(path: str, role: str, span: tuple[float, float], audio: Any) -> None:
    """The user at 16 kHz, of the clean stem but for a noise, and the assistant at 24 kHz."""
    assert Path(path).is_absolute()
    samples, rate = soundfile.read(path)
    assert rate == (16_000 if role == "user" else 24_000)
    assert samples.shape == (round((span[1] - span[0]) * rate),)
    wanted = level(audio[int(role == "user"), round(span[0] * RATE) : round(span[1] * RATE)])
    clean = role == "user" and span != NOISE and audio.shape[1] > 7 * RATE  # that of d1 has half the level
    expected = wanted * (WHITE if role == "user" else 1) * (0.5 if clean else 1)
    assert level(samples) == pytest.approx(expected, rel=0.1), "another sound"


def test_the_reader_finds_the_conversations(talks: Output, tmp_path: Path) -> None:
    reads_as_lucy(exported(talks, "lucy", tmp_path / "to"), talks)


def _each(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[list[Any]], list[Any]]:
    return lambda rows: [{"conversations": [change(message) for message in row["conversations"]]} for row in rows]


def _without(message: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key != name}


_OTHER = {"user": "assistant", "assistant": "user", "observation": "observation"}
BROKEN: dict[str, Callable[[list[Any]], list[Any]]] = {
    "lost": lambda rows: rows[1:],
    "no states": _each(lambda message: _without(message, "state")),
    "states as names": _each(
        lambda message: message | ({"state": "<|airq_denial|>"} if message.get("state") == DENIAL else {})
    ),
    "roles swapped": _each(lambda message: message | {"role": _OTHER[message["role"]]}),
    "planned text": _each(
        lambda message: message | ({"content": message["content"] + " river"} if message["role"] == "assistant" else {})
    ),
    "no emotions": _each(
        lambda message: message | {"content": re.sub(r"<\|\w+\|>", "", message.get("content", "mhm"))}
    ),
    "no observation": lambda rows: [
        {"conversations": [message for message in row["conversations"] if message["role"] != "observation"]}
        for row in rows
    ],
    "no audio": _each(lambda message: _without(message, "wavpath")),
}


@pytest.mark.parametrize("broken", [*BROKEN, *SOUNDS])
def test_the_reader_refuses_what_is_wrong(broken: str, talks: Output, tmp_path: Path) -> None:
    folder = exported(talks, "lucy", tmp_path / "to")
    if broken in BROKEN:
        break_lines(folder / "train.emotion.jsonl", BROKEN[broken])
    else:
        break_sounds(folder, SOUNDS[broken])
    with pytest.raises(AssertionError):
        reads_as_lucy(folder, talks)


@pytest.mark.parametrize(
    ("intent", "state"),
    [
        ("correct", DENIAL), ("denial", DENIAL), ("topic", CHANGE),
        *((intent, 151_658) for intent in ("clarify", "repeat", "follow_up")), (None, None),
    ],
)  # fmt: skip
def test_what_a_user_is_after_gives_the_state(intent: str | None, state: int | None, tmp_path: Path) -> None:
    told = rich("d1")
    told["events"][1]["intent"] = intent
    folder = exported(make_talks(tmp_path / "out", told), "lucy", tmp_path / "to")
    (row,) = [json.loads(line) for line in (folder / "train.emotion.jsonl").read_text("utf-8").splitlines()]
    states = {message["content"]: message.get("state") for message in row["conversations"]}
    assert states["<|Neutral|>the big one"] == state


@pytest.mark.parametrize("intent", ["affirm", "cancel"])
def test_an_interruption_that_asks_for_nothing_is_left_out(intent: str, tmp_path: Path) -> None:
    """And what falls into the answer to it is an item that is dropped."""
    told = rich("d1")
    told["events"][1]["intent"] = intent
    output = make_talks(tmp_path / "out", told)
    summary = export(output.store, named("lucy"), str(tmp_path / "to"))
    assert "lucy: 3 conversations, " in summary
    assert "dropped  1 conversation (no_history)" in summary
    text = (tmp_path / "to/lucy/train.emotion.jsonl").read_text("utf-8")
    assert "which park" not in text
    assert "and when today" in text


@pytest.mark.parametrize(
    ("call", "written"),
    [
        ('Search("a\nb")', '<function=Search>("a b")</function>'),
        ('{"name":"f","arguments":{}}', "<function=f>{}</function>"),
        ("[1]", "<function=>[1]</function>"),
    ],
)
def test_a_call_is_one_function_in_one_line(call: str, written: str, tmp_path: Path) -> None:
    told = rich("d1")
    told["turns"][4]["tool"] = told["turns"][4]["tool"] | {"call": call, "after": 0}
    folder = exported(make_talks(tmp_path / "out", told), "lucy", tmp_path / "to")
    (row,) = [json.loads(line) for line in (folder / "train.emotion.jsonl").read_text("utf-8").splitlines()]
    assert [message["content"] for message in row["conversations"][1:4:2]] == [
        f"<|Joy|> {written}",
        "<|Joy|>let me see it is by the",
    ]
    assert "wavpath" not in row["conversations"][1]
