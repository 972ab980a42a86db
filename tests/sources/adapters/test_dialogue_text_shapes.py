"""The shapes of written dialogues, each with the same turns; what no shape fits, each with its reason."""

import json
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnmill.manifests.records import Reason, Reject, TextDialogue, TextTurn, ToolCall
from turnmill.sources.adapters.dialogue_said import NoDialogue
from turnmill.sources.adapters.dialogue_shapes import language_of, turns_of
from turnmill.sources.catalogue import load

TURNS = (TextTurn("user", "Hi."), TextTurn("assistant", "Hello."))


def read_all(path: Path) -> list[Any]:
    return list(load("dialogue_text").corpus(path).items())


def moss(*turns: tuple[str, str, str, str]) -> dict[str, Any]:
    return {
        "chat": {
            f"turn_{number}": {
                "Human": f"<|Human|>: {human}<eoh>\n",
                "Inner Thoughts": "<|Inner Thoughts|>: Never said.<eot>\n",
                "Commands": f"<|Commands|>: {commands}<eoc>\n",
                "Tool Responses": f"<|Results|>:\n{results}\n<eor>\n",
                "MOSS": f"<|MOSS|>: {answer}<eom>\n",
            }
            for number, (human, commands, results, answer) in enumerate(turns, 1)
        }
    }


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "prompter", "text": "Hi."}, {"role": "assistant", "text": "Hello."}]},
        {"messages": [{"role": "用户", "content": "Hi."}, {"role": "助手", "content": "Hello."}]},
        {
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
                {"role": "user", "content": [{"type": "text", "text": "Hi."}]},
                {"role": "assistant", "content": "Hello."},
            ]
        },
        {"conversations": [{"from": "human", "value": "Hi."}, {"from": "chatgpt", "value": "Hello."}]},
        {"data": ["Hi.", "Hello."]},
        {"instruction": "Hi.", "input": "", "output": "Hello."},
        {"prompt": "Hi.", "response": "Hello."},
        {"split_name": "identity", "index": "1", "round": "1", "question": "Hi.", "answer": "Hello."},
        {"query": "Hi.", "answers": ["Hello.", "Good day."]},
        {"prompt": "Hi.", "completion": "Hello.", "text": "Hi. Hello."},
        moss(("Hi.", "None", "None", "Hello.")),
        moss(("Hi.", "None", "None", "Hello. <sup><|1|><|2|></sup>")),
        {"text": "User: Hi. Assistant: Hello."},
        {"text": "Human: Hi.\nAssistant: Hello."},
        {"text": "### Human: Hi.### Assistant: Hello."},
        {"text": "USER: Hi. ASSISTANT: Hello.</s>"},
        {"plain_text": "[Human]: Hi.<eoh> [MOSS]: Hello.<eoa>"},
        {"conversation": "用户：Hi.\n助手：Hello."},
    ],
)
def test_every_shape_gives_the_same_turns(row: dict[str, Any]) -> None:
    assert turns_of(row) == TURNS


def test_where_names_begin_lines_a_name_within_a_line_is_text() -> None:
    turns = turns_of({"text": "User: Who wrote Bot: a novel?\nAssistant: Nobody. AI: so far.\nUser: Ah."})
    assert [turn.text for turn in turns] == ["Who wrote Bot: a novel?", "Nobody. AI: so far.", "Ah."]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Human: Tell me about AI: its history. Assistant: OK.", ["Tell me about AI: its history.", "OK."]),
        ("User: Is Bot: a name? AI: No. User: Ah. AI: So.", ["Is Bot: a name?", "No.", "Ah.", "So."]),
        ("AI: Hi. Human: Is User: you? AI: No.", ["Hi.", "Is User: you?", "No."]),
        ("User: a? Assistant: b. Human: c? Assistant: d.", ["a?", "b.", "c?", "d."]),
    ],
)
def test_on_one_line_two_names_that_alternate_are_the_speakers(text: str, said: list[str]) -> None:
    assert [turn.text for turn in turns_of({"text": text})] == said


def test_parts_of_a_message_are_one_text_where_all_are_text() -> None:
    parts = [{"type": "text", "text": "Hi."}, {"type": "text", "text": "You."}]
    answer = {"role": "assistant", "content": "Hello."}
    assert turns_of({"messages": [{"role": "user", "content": parts}, answer]})[0].text == "Hi.\nYou."
    for bad in ([*parts, {"type": "image_url", "image_url": {}}], [], [{"type": "text"}]):
        with pytest.raises(NoDialogue, match="turn 0 of messages without a role and a text") as raised:
            turns_of({"messages": [{"role": "user", "content": bad}, answer]})
        assert raised.value.reason is Reason.BAD_ROW


def test_instruction_and_input_are_asked_together_after_the_history() -> None:
    row = {"instruction": "Translate.", "input": "Guten Tag", "output": "Hello.", "history": [["Hi.", "Hello."]]}
    assert [turn.text for turn in turns_of(row)] == ["Hi.", "Hello.", "Translate.\nGuten Tag", "Hello."]


def test_turns_of_moss_are_in_the_order_of_their_numbers() -> None:
    row = moss(*((f"q{n}", "None", "None", f"a{n}") for n in range(1, 12)))
    row["chat"] = dict(sorted(row["chat"].items()))
    assert [turn.text for turn in turns_of(row)][-4:] == ["q10", "a10", "q11", "a11"]


def test_a_tool_of_moss_belongs_to_the_answer_and_its_thoughts_to_nobody() -> None:
    row = moss(
        ("2 and 2?", 'Calculate("2+2")', "Calculate(\"2+2\") => '4'", "Four."), ("Thanks.", "None", "None", "Bye.")
    )
    asked, answered, *rest = turns_of(row)
    assert answered.tool == ToolCall('Calculate("2+2")', "Calculate(\"2+2\") => '4'")
    assert [asked.tool, *(turn.tool for turn in rest)] == [None, None, None]
    assert "Never said" not in repr((asked, answered, *rest))


@pytest.mark.parametrize(
    "middle",
    [
        [{"role": "function_call", "content": "now()"}, {"role": "observation", "content": "12:00"}],
        [{"role": "assistant", "content": None, "tool_calls": ["now()"]}, {"role": "tool", "content": "12:00"}],
    ],
)
def test_a_tool_of_a_message_belongs_to_the_assistants_next_turn(middle: list[dict[str, Any]]) -> None:
    ask, answer = {"role": "user", "content": "What time is it?"}, {"role": "assistant", "content": "Noon."}
    assert turns_of({"messages": [ask, *middle, answer]}) == (
        TextTurn("user", "What time is it?"),
        TextTurn("assistant", "Noon.", tool=ToolCall("now()", "12:00")),
    )
    for broken in ([ask, *middle], [ask, *middle, ask]):
        with pytest.raises(NoDialogue, match="call of a tool") as raised:
            turns_of({"messages": broken})
        assert raised.value.reason is Reason.ROLE_ORDER


def test_a_call_of_openais_form_is_kept_as_json() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": '{"zone": "UTC"}'}}
    messages = [
        {"role": "user", "content": "What time is it?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "12:00"},
        {"role": "assistant", "content": "Noon."},
    ]
    tool = turns_of({"messages": messages})[1].tool
    assert tool is not None
    assert json.loads(tool.call) == call["function"]


def test_an_emotion_is_that_of_its_turn() -> None:
    row = {"turns": [{"role": "user", "text": "Hi.", "emotion": "sad"}, {"role": "bot", "text": "Oh.", "emotion": 3}]}
    assert [turn.emotion for turn in turns_of(row)] == ["sad", None]


@pytest.mark.parametrize(
    ("row", "text", "language"),
    [
        ({"language": "de"}, "Hallo.", "de"),
        ({"lang": "Chinese"}, "OK.", "zh"),
        ({"lang": "zh_cn"}, "OK.", "zh-CN"),
        ({"language": "cmn"}, "OK.", "zh"),
        ({"language": " "}, "OK.", "en"),
        ({"language": "中文"}, "OK.", "zh"),
        ({"language": None}, "你好，world。", "zh"),
        ({}, "How do you say 你好 in a formal letter?", "en"),
        ({}, "今日はいい天気ですね。", "ja"),
        ({}, "Wie geht es dir? Mir geht es gut, danke.", "de"),
        ({"language": "en"}, "Wie geht es dir? Mir geht es gut, danke.", "en"),
        ({}, "Hello.", "en"),
    ],
)
def test_the_language_is_the_rows_own_or_found_in_its_text(row: dict[str, Any], text: str, language: str) -> None:
    assert language_of(row, (TextTurn("user", text),), "en") == language


def test_a_row_in_a_language_that_there_is_not_holds_no_dialogue() -> None:
    with pytest.raises(NoDialogue, match=r"has the language 'en_US\.UTF-8' is no") as caught:
        language_of({"language": "en_US.UTF-8"}, (TextTurn("user", "Hi."),), "en")
    assert caught.value.reason is Reason.BAD_ROW


@pytest.mark.parametrize(
    ("row", "detail"),
    [
        ({"text": "Once upon a time"}, "does not begin with the name of a speaker"),
        ({"text": "A chat. User: Hi. Assistant: Hello."}, "does not begin with the name of a speaker"),
        ({"chat": {"first": {}}}, "'first' in chat"),
        ({"chat": {"turn_1": {"Human": "Hi."}}}, "without the texts Human and MOSS"),
        ({"question": "Hi.", "answer": None}, "not both texts"),
        ({"question": "Hi.", "answers": []}, "not both texts"),
        ({"prompt": "Hi.", "response": "Hello.", "history": [["a"]]}, "history"),
        ({"messages": {"role": "user"}}, "messages that is neither"),
        ({"title": "x"}, "has none of messages"),
    ],
)
def test_what_fits_no_shape_is_said(row: Any, detail: str) -> None:
    with pytest.raises(NoDialogue, match=detail) as raised:
        turns_of(row)
    assert raised.value.reason is Reason.BAD_ROW


# fmt: off
KEYS = st.sampled_from([
    "messages", "turns", "chat", "text", "prompt", "input", "question", "answers", "history", "role", "from", "content",
    "value", "emotion", "tool_calls", "turn_1", "turn_2", "Human", "MOSS", "Commands", "language", "id", "scenario",
])
# fmt: on
WORDS = st.sampled_from(["user", "assistant", "tool", "function_call", "User: a Assistant: b", "你好", ""]) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(JSON, min_size=1, max_size=5))
def test_any_json_values_are_each_one_dialogue_or_one_reject(rows: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d.jsonl"
        path.write_text("\n".join(json.dumps(row) for row in rows))
        items = read_all(path)
    assert len(items) == len(rows)
    for item in items:
        if isinstance(item, Reject):
            assert item.detail.startswith("d.jsonl line ")
        else:
            assert {turn.role for turn in item.turns} == {"user", "assistant"}
            assert all(one.role != other.role for one, other in pairwise(item.turns))


@pytest.mark.shared
def test_real_dialogues_of_moss_are_read_whole(shared: Path) -> None:
    path = shared / "text/moss-003-sample.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    items = read_all(path)
    assert len(items) == len(rows) == 280
    for row, item in zip(rows, items, strict=True):
        assert isinstance(item, TextDialogue)
        assert len(item.turns) == 2 * row["num_turns"]
        called = [turn["Commands"] != "<|Commands|>: None<eoc>\n" for turn in row["chat"].values()]
        assert [turn.tool is not None for turn in item.turns[1::2]] == called
        assert item.language == {"_zh": "zh", "_en": "en"}.get((row.get("category") or "")[-3:], item.language)
        spoken = " ".join(turn.text for turn in item.turns)
        assert not any(tag in spoken for tag in ("<|", "<eo", "<sup>"))


@pytest.mark.shared
def test_real_pairs_are_read_whole(shared: Path) -> None:
    path = shared / "text/alpaca_eval_text_davinci_003.json"
    rows = json.loads(path.read_text("utf-8"))
    items = read_all(path)
    assert [tuple(turn.text for turn in item.turns) for item in items] == [
        (row["instruction"], row["output"]) for row in rows
    ]
