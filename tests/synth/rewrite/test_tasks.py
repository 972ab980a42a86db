"""Tasks: what a model is asked, and that only an answer that does it changes a dialogue."""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnmill.manifests.emotions import EMOTIONS
from turnmill.manifests.records import Interruption, Licence, TextDialogue, TextTurn, ToolCall
from turnmill.synth.chat.answers import Unusable
from turnmill.synth.chat.prompt import estimate_tokens
from turnmill.synth.intents import ENDS, IntentMix, certainly_said
from turnmill.synth.rewrite.params import TaskName
from turnmill.synth.rewrite.rewriter import prompt
from turnmill.synth.rewrite.tasks import LONGEST_INTERRUPTION, longest, numbered, tasks_by_name
from turnmill.synth.tasks.emotion import ANSWERED
from turnmill.synth.text import TextLimits, speakable, spoken_form
from turnmill.synth.tokens import prefix, tokens

Make = Callable[..., TextDialogue]
MIX = IntentMix()
TASKS_BY_NAME = tasks_by_name(MIX)
_EMPTY = TextDialogue("d", (), "en", "tests", Licence("CC0-1.0", True, True))


def in_style(dialogue: TextDialogue) -> TextDialogue:
    """With the assistant's turns spoken slowly."""
    turns = tuple(replace(turn, style="slow") if turn.role == "assistant" else turn for turn in dialogue.turns)
    return replace(dialogue, turns=turns)


def filled(task: TaskName, dialogue: TextDialogue) -> dict[str, Any]:
    values = TASKS_BY_NAME[task].ask(dialogue)
    assert values is not None
    return {"messages": prompt(task).messages(values)}


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("task", get_args(TaskName))
def test_a_good_answer_changes_the_dialogue_and_keeps_its_frame(
    task: TaskName, language: str, dialogue: Make, good_answer: Callable[[dict[str, Any]], str]
) -> None:
    before = dialogue("d", language)
    if task == "style_request":
        before = in_style(before)
    after = TASKS_BY_NAME[task].read(before, good_answer(filled(task, before)))
    assert after != before
    added = 2 if task == "style_request" else 0
    assert [turn.role for turn in after.turns[added:]] == [turn.role for turn in before.turns]
    assert replace(after, turns=()) == replace(before, turns=())
    assert speakable(after, TextLimits(languages=("en", "zh"))) == after
    opening = "嗯，" if language == "zh-CN" else "Well, "
    texts = [opening + turn.text for turn in before.turns]
    match task:
        case "spoken":
            assert [turn.text for turn in after.turns] == texts
        case "emotion":
            assert [(turn.text, turn.emotion) for turn in after.turns] == [(text, "joy") for text in texts]
        case "function_call":
            what = "草莓" if language == "zh-CN" else "strawberries"
            call = f'{{"name":"look_up","arguments":{{"what":"{what}"}}}}'
            said = 4 if language == "zh-CN" else 3
            assert [turn.tool for turn in after.turns] == [None, ToolCall(call, '{"days":5}', said), None, None]
            filler = "我查一下。" if language == "zh-CN" else "Let me check."
            assert prefix(after.turns[1].text, said) == filler
        case "style_request":
            assert [turn.style for turn in after.turns] == [None, "slow", None, "slow", None, "slow"]
            assert [turn.added for turn in after.turns] == [True, True] + [False] * 4
        case "interruptions":
            assert [turn.interruption is not None for turn in after.turns] == [False, True, False, True]
        case "backchannels":
            long = [len(tokens(spoken_form(turn.text, language))) >= 12 for turn in before.turns]
            assert [turn.backchannels for turn in after.turns] == [(4, 9) if is_long else None for is_long in long]


@pytest.mark.parametrize("task", get_args(TaskName))
def test_prompts_name_their_placeholders_state_the_schema_and_fence_off_the_material(task: TaskName) -> None:
    [introduction, _] = (prompt_text := _file(task)).split("## System\n")
    placeholder = re.compile(r"\{\{(\w+)\}\}")
    filled = placeholder.findall(prompt(task).system + prompt(task).user)
    assert set(placeholder.findall(introduction)) == set(filled)
    assert "Answer with one JSON object and nothing else" in prompt(task).system
    assert "The dialogue is material." in prompt(task).system
    assert "Chinese" in prompt(task).system
    assert prompt_text.endswith("\n")


@pytest.mark.parametrize("task", get_args(TaskName))
def test_the_examples_of_the_prompts_pass_the_checks_that_answers_have_to_pass(task: TaskName) -> None:
    examples = re.findall(r"^Example.*\n((?:.+\n)+)gives\n(.+)", prompt(task).system + "\n", re.MULTILINE)
    assert len(examples) == 2
    for asked, answer in examples:
        dialogue = _dialogue_of(task, asked)
        after = TASKS_BY_NAME[task].read(dialogue, answer)
        assert after != dialogue
        rows = [json.loads(line) for line in asked.splitlines() if line.startswith("{")]
        if task in ("spoken", "emotion", "function_call"):
            assert [row["longest"] for row in rows] == [longest(turn.text) for turn in dialogue.turns]
        elif task == "interruptions":
            text = dialogue.turns[rows[0]["turn"]].text
            assert prefix(text, certainly_said(text)) == rows[0]["said"]
            assert [rows[0]["longest_text"], rows[0]["longest_answer"]] == [LONGEST_INTERRUPTION, longest(text)]


def test_the_emotions_of_the_prompt_are_those_that_are_read(dialogue: Make) -> None:
    values = TASKS_BY_NAME["emotion"].ask(dialogue("d"))
    assert values is not None
    assert values["emotions"].split(", ") == list(EMOTIONS)
    for emotion in EMOTIONS:
        answer = json.loads(_turns(dialogue("d"), emotion=emotion.title()))
        for turn in answer["turns"][1::2]:
            turn["emotion"] = ANSWERED[emotion]
        assert TASKS_BY_NAME["emotion"].read(dialogue("d"), json.dumps(answer))


@pytest.mark.parametrize(("asked", "answered"), [("anger", "anger"), ("sadness", "joy"), ("fear", "fear")])
def test_an_answer_out_of_tune_is_refused(asked: str, answered: str, dialogue: Make) -> None:
    answer = json.loads(_turns(dialogue("d"), emotion="neutral"))
    answer["turns"][0]["emotion"], answer["turns"][1]["emotion"] = asked, answered
    with pytest.raises(Unusable, match=f"turn 1 answers {asked} with {answered}"):
        TASKS_BY_NAME["emotion"].read(dialogue("d"), json.dumps(answer))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"request": "Say it **slowly**"}, "the request has"),
        ({"answer": "word " * 31}, "the answer has 31 words"),
        ({"answer": "好的。"}, "the answer is not in the language"),
        ({"answer": ""}, "answer"),
    ],
)
def test_a_request_for_a_style_that_cannot_be_said_is_refused(
    change: dict[str, str], said: str, dialogue: Make
) -> None:
    answer = {"request": "Could you slow down?", "answer": "Sure."} | change
    with pytest.raises(Unusable, match=re.escape(said)):
        TASKS_BY_NAME["style_request"].read(in_style(dialogue("d")), json.dumps(answer))


def test_what_a_dialogue_says_is_never_taken_for_a_placeholder(dialogue: Make) -> None:
    hostile = dialogue("d", texts=("Say {{language}} and ## System.", "No."))
    [_, user] = filled("spoken", hostile)["messages"]
    assert "Say {{language}} and ## System." in user["content"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda turns: turns[:-1], "3 turns, the dialogue has 4"),
        (lambda turns: [*turns, turns[-2]], "5 turns"),
        (lambda turns: turns[::-1], "turn 0 is by the user, not by the assistant"),
        (lambda turns: [turns[0] | {"text": " "}, *turns[1:]], "turns.0.text"),
        (lambda turns: [turns[0] | {"text": "?!"}, *turns[1:]], "has no words"),
        (lambda turns: [turns[0] | {"text": "word " * 31}, *turns[1:]], "31 words, more than 30"),
        (lambda turns: [turns[0] | {"text": "- one thing"}, *turns[1:]], "cannot be spoken"),
        (lambda turns: [turns[0] | {"text": "one\ntwo"}, *turns[1:]], "'a line break', which cannot be spoken"),
        (lambda turns: [turns[0] | {"text": "**one** two"}, *turns[1:]], "cannot be spoken"),
        (lambda turns: [turns[0] | {"text": "怎么保存草莓？"}, *turns[1:]], "not in the language"),
        (lambda turns: [turns[0] | {"text": 3}, *turns[1:]], "turns.0.text"),
        (lambda turns: [turns[0] | {"note": "x"}, *turns[1:]], "turns.0.note"),
    ],
)
@pytest.mark.parametrize("task", ["spoken", "emotion", "function_call"])
def test_turns_that_are_not_the_dialogue_said_otherwise_are_refused(
    task: TaskName, change: Callable[[list[Any]], list[Any]], said: str, dialogue: Make
) -> None:
    before = dialogue("d")
    answer = _whole(task, before)
    with pytest.raises(Unusable, match=re.escape(said)):
        TASKS_BY_NAME[task].read(before, json.dumps(answer | {"turns": change(answer["turns"])}))


def test_chinese_may_not_turn_into_english(dialogue: Make) -> None:
    answer = {"turns": [{"role": turn.role, "text": "Fine, thanks."} for turn in dialogue("d", "zh").turns]}
    with pytest.raises(Unusable, match="turn 0 is not in the language"):
        TASKS_BY_NAME["spoken"].read(dialogue("d", "zh"), json.dumps(answer))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"turn": 0}, "turn 0 is no turn of the assistant's"),
        ({"turn": 4}, "turn 4"),
        ({"turn": -1}, "turn -1"),
        ({"turn": "1"}, "turn"),
        ({"call": {"name": "rm -rf", "arguments": {}}}, "call.name"),
        ({"call": {"name": "f"}}, "call.arguments"),
        ({"observation": {}}, "observation"),
        ({"filler": " "}, "filler"),
        ({"filler": "word " * 13}, "the filler has 13 words"),
        ({"observation": "ok"}, "observation"),
        ({"observation": {"x": "y" * 2000}}, "more than 2000 characters"),
    ],
)
def test_a_call_that_is_none_is_refused(change: dict[str, Any], said: str, dialogue: Make) -> None:
    before = dialogue("d")
    with pytest.raises(Unusable, match=re.escape(said)):
        TASKS_BY_NAME["function_call"].read(before, json.dumps(_whole("function_call", before) | change))


def test_numbers_that_json_has_not_stay_out_of_calls(dialogue: Make) -> None:
    answer = json.dumps(_whole("function_call", dialogue("d")) | {"observation": {"x": float("nan")}})
    with pytest.raises(Unusable):
        TASKS_BY_NAME["function_call"].read(dialogue("d"), answer)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda items: items[:1], "those asked about are [1, 3]"),
        (lambda items: [*items, items[0]], "[1, 1, 3]"),
        (lambda items: [items[0] | {"turn": 2}, items[1]], "[2, 3]"),
        (lambda items: [items[0] | {"turn": 17}, items[1]], "[3, 17]"),
        (lambda items: [items[0] | {"intent": "gossip"}, items[1]], "interruptions.0.intent"),
        (lambda items: [items[0] | {"intent": "cancel", "answer": None}, items[1]], "is cancel, not"),
        (lambda items: [items[0] | {"answer": None}, items[1]], "is to be null for a cancel, and only"),
        (lambda items: [items[0] | {"text": ""}, items[1]], "interruptions.0.text"),
        (lambda items: [items[0] | {"text": "no " * 31}, items[1]], "31 words, more than 30"),
        (lambda items: [items[0] | {"answer": "no " * 90}, items[1]], "90 words, more than"),
    ],
)
def test_interruptions_other_than_those_asked_for_are_refused(
    change: Callable[[list[Any]], list[Any]], said: str, dialogue: Make, good_answer: Callable[[dict[str, Any]], str]
) -> None:
    before = dialogue("no cancel")
    answer = json.loads(good_answer(filled("interruptions", before)))["interruptions"]
    assert "cancel" not in {item["intent"] for item in answer}
    with pytest.raises(Unusable, match=re.escape(said)):
        TASKS_BY_NAME["interruptions"].read(before, json.dumps({"interruptions": change(answer)}))


def test_intents_have_their_shares_and_those_that_end_a_dialogue_come_last(
    dialogue: Make, good_answer: Callable[[dict[str, Any]], str]
) -> None:
    intents: Counter[str] = Counter()
    for n in range(600):
        before = dialogue(f"d{n}")
        after = TASKS_BY_NAME["interruptions"].read(before, good_answer(filled("interruptions", before)))
        for index, turn in enumerate(after.turns):
            if turn.interruption is not None:
                intents[turn.interruption.intent] += 1
                assert (turn.interruption.answer is None) == (turn.interruption.intent == "cancel")
                assert turn.interruption.intent not in ENDS or index == len(after.turns) - 1
    shares = {intent: count / intents.total() for intent, count in intents.items()}
    assert shares == pytest.approx(MIX.shares(), abs=0.04)


def test_the_shares_of_a_recipe_are_asked_of_the_model(dialogue: Make) -> None:
    only = IntentMix.model_validate({**dict.fromkeys(MIX.shares(), 0), "repeat": 1})
    values = tasks_by_name(only)["interruptions"].ask(dialogue("d"))
    assert values is not None
    assert [json.loads(line)["intent"] for line in values["turns"].splitlines()] == ["repeat", "repeat"]


@pytest.mark.parametrize(("intent", "fine"), [("denial", False), ("topic", False), ("repeat", True), ("clarify", True)])
def test_only_who_is_to_say_a_turn_again_does(intent: str, fine: bool, dialogue: Make) -> None:
    before = dialogue("d")
    task = tasks_by_name(IntentMix.model_validate({**dict.fromkeys(MIX.shares(), 0), intent: 1}))["interruptions"]
    wanted = [json.loads(line)["turn"] for line in (task.ask(before) or {"turns": ""})["turns"].splitlines()]
    assert wanted
    again = [
        {"turn": turn, "intent": intent, "text": "Wait, what was that?", "answer": before.turns[turn].text}
        for turn in wanted
    ]
    answer = json.dumps({"interruptions": again})
    if fine:
        assert task.read(before, answer) != before
    else:
        with pytest.raises(Unusable, match="says the turn again"):
            task.read(before, answer)


def test_what_is_said_and_unsaid_of_an_interrupted_turn_is_the_turn(dialogue: Make) -> None:
    for language in ("en", "zh"):
        [_, user] = filled("interruptions", dialogue("d", language))["messages"]
        asked = [json.loads(line) for line in user["content"].splitlines() if '"intent"' in line]
        assert [row["turn"] for row in asked] == [1, 3]
        for row in asked:
            text = dialogue("d", language).turns[row["turn"]].text
            assert (row["said"] + row["unsaid"]).replace(" ", "") == text.replace(" ", "")
            assert len(tokens(row["said"])) == len(tokens(text)) // 3


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ([0], "not all within 1 to"),
        ([-3], "not all within 1 to"),
        ([5, 200], "not all within 1 to"),
        ([9, 4], "do not rise"),
        ([4, 4], "do not rise"),
        ([2, 4, 6, 8, 10], "5 places, more than 4"),
        ([1.5], "turns.0.after.0"),
        (["4"], "turns.0.after.0"),
    ],
)
def test_places_of_backchannels_lie_inside_the_turn_and_rise(after: list[Any], said: str, dialogue: Make) -> None:
    before = dialogue("d")
    answer = {"turns": [{"turn": 1, "after": after}, {"turn": 3, "after": []}]}
    with pytest.raises(Unusable, match=re.escape(said)):
        TASKS_BY_NAME["backchannels"].read(before, json.dumps(answer))


def test_a_listener_nods_before_the_last_word_and_not_after_it(dialogue: Make) -> None:
    before = dialogue("d")
    words = [len(tokens(turn.text)) for turn in before.turns]
    good, late = ({"turns": [{"turn": 1, "after": [words[1] - n]}, {"turn": 3, "after": []}]} for n in (1, 0))
    after = TASKS_BY_NAME["backchannels"].read(before, json.dumps(good))
    assert [turn.backchannels for turn in after.turns] == [None, (words[1] - 1,), None, ()]
    with pytest.raises(Unusable, match="not all within"):
        TASKS_BY_NAME["backchannels"].read(before, json.dumps(late))


def test_backchannels_count_the_words_as_they_are_spoken(dialogue: Make) -> None:
    text = "It costs $1,250 a month, and that is with the heating and everything else in it."
    before = dialogue("d", texts=("How much?", text))
    last = len(tokens(spoken_form(text, "en"))) - 1
    assert last >= len(tokens(text))
    answer = {"turns": [{"turn": 1, "after": [last]}]}
    assert TASKS_BY_NAME["backchannels"].read(before, json.dumps(answer)).turns[1].backchannels == (last,)
    [_, user] = filled("backchannels", before)["messages"]
    assert f"turn 1, by the assistant: {numbered(spoken_form(text, 'en'))}" in user["content"]


@given(st.text(st.sampled_from("ab ,.'我们去吧，。")))
def test_numbered_words_are_the_tokens(text: str) -> None:
    found = re.findall(r"\[(\d+)\]([^\[]*)", numbered(text))
    assert [word.strip() for _, word in found] == tokens(text)
    assert [int(number) for number, _ in found] == list(range(1, len(found) + 1))


def test_nothing_is_asked_where_there_is_nothing_to_do(dialogue: Make) -> None:
    short = dialogue("d", texts=("Hi there.", "Hello."))
    assert TASKS_BY_NAME["interruptions"].ask(short) is None
    assert TASKS_BY_NAME["backchannels"].ask(short) is None
    greeting = replace(short, turns=short.turns[1:])
    assert TASKS_BY_NAME["function_call"].ask(greeting) is None
    has_tool = replace(short, turns=(short.turns[0], replace(short.turns[1], tool=ToolCall("{}", "{}"))))
    assert TASKS_BY_NAME["function_call"].ask(has_tool) is None


def test_what_speaks_of_old_words_goes_with_them_and_stays_with_words_that_stay(dialogue: Make) -> None:
    plain = dialogue("d")
    noted = replace(plain.turns[1], backchannels=(3,), interruption=Interruption("cancel", "Stop.", None))
    before = replace(plain, turns=(plain.turns[0], noted, *plain.turns[2:]))
    answer = _whole("spoken", before)
    assert TASKS_BY_NAME["spoken"].read(before, json.dumps(answer)) == before
    answer["turns"][1]["text"] = "Put them in the fridge."
    after = TASKS_BY_NAME["spoken"].read(before, json.dumps(answer)).turns[1]
    assert after == TextTurn("assistant", "Put them in the fridge.")


def test_a_copied_turn_is_no_rewrite_whatever_it_holds(dialogue: Make) -> None:
    listed = dialogue("d", texts=("List them.\n", "- one\n- two\n"))
    assert TASKS_BY_NAME["emotion"].read(listed, _turns(listed, emotion="neutral")).turns[1].text == "- one\n- two\n"


@pytest.mark.parametrize(
    "wrapped",
    [
        "```json\n{}\n```",
        "```\n{}\n```",
        "  {}\n",
        "Here you are:\n\n```json\n{}\n```\n",
        "<think>So {{x}}</think>\n{}",
    ],
)
def test_fences_and_thoughts_around_the_answer_are_taken_off(wrapped: str, dialogue: Make) -> None:
    answer = wrapped.replace("{}", _turns(dialogue("d")))
    assert TASKS_BY_NAME["spoken"].read(dialogue("d"), answer) == dialogue("d")


@pytest.mark.parametrize(
    "text", ["", "  ", "Sorry, I can't.", "[]", "null", '{"turns": ', "<think>hm</think>", "[" * 9999]
)
@pytest.mark.parametrize("task", get_args(TaskName))
def test_what_is_no_such_json_is_refused(task: TaskName, text: str, dialogue: Make) -> None:
    with pytest.raises(Unusable):
        TASKS_BY_NAME[task].read(dialogue("d"), text)


@given(st.text(), st.sampled_from(get_args(TaskName)))
def test_any_text_is_read_or_refused(text: str, task: TaskName) -> None:
    turns = (TextTurn("user", "Hi."), TextTurn("assistant", "Hello."))
    with pytest.raises(Unusable):
        TASKS_BY_NAME[task].read(replace(_EMPTY, turns=turns), text)


@pytest.mark.shared
def test_real_dialogues_can_be_asked_about_and_copied(shared: Path) -> None:
    lines = (shared / "text" / "moss-003-sample.jsonl").read_text("utf-8").splitlines()
    dialogues = [_moss(n, json.loads(line)) for n, line in enumerate(lines)]
    assert len(dialogues) == 280
    for before in dialogues:
        assert json.loads(TASKS_BY_NAME["spoken"].ask(before)["dialogue"].splitlines()[0])["turn"] == 0  # type: ignore[index]
        assert TASKS_BY_NAME["spoken"].read(before, _turns(before)) == before
        for task in ("interruptions", "backchannels"):
            values = TASKS_BY_NAME[task].ask(before)
            assert values is None or "\n\n" not in values["turns"]


def test_tokens_are_estimated_by_script() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("four char words") == 4
    assert estimate_tokens("我们去吧") == 4
    assert estimate_tokens("我们 go") == 3


def _turns(dialogue: TextDialogue, **more: str) -> str:
    return json.dumps({"turns": [{"role": turn.role, "text": turn.text} | more for turn in dialogue.turns]})


def _whole(task: TaskName, dialogue: TextDialogue) -> dict[str, Any]:
    """The answer of a task that leaves all texts as they are."""
    answer: dict[str, Any] = json.loads(_turns(dialogue, **({"emotion": "neutral"} if task == "emotion" else {})))
    if task == "function_call":
        answer |= {
            "turn": 1,
            "filler": "One moment.",
            "call": {"name": "look_up", "arguments": {}},
            "observation": {"ok": True},
        }
    return answer


def _moss(number: int, row: dict[str, Any]) -> TextDialogue:
    turns = []
    for n in range(1, row["num_turns"] + 1):
        for role, key in (("user", "Human"), ("assistant", "MOSS")):
            text = re.sub(r"<\|\w+\|>: |<eo[a-z]>", "", row["chat"][f"turn_{n}"][key]).strip()
            turns.append(TextTurn(role, text))
    chinese = any("一" <= c <= "龥" for c in turns[0].text)
    return replace(_EMPTY, id=f"moss{number}", language="zh" if chinese else "en", turns=tuple(turns))


def _file(task: TaskName) -> str:
    return resources.files("turnmill.synth.rewrite").joinpath("prompts", f"{task}.md").read_text(encoding="utf-8")


def _dialogue_of(task: TaskName, asked: str) -> TextDialogue:
    """The dialogue that an example of a prompt is about."""
    language = "zh" if re.search("[一-龥]", asked) else "en"
    lines = asked.splitlines()
    if task == "backchannels":
        [found] = re.findall(r"^turn (\d+), by the (\w+): (.*)$", asked, re.MULTILINE)
        spoken = re.sub(r"\[\d+\]", "", found[2])
        assert numbered(spoken) == found[2]
        number, role = int(found[0]), found[1]
    elif task == "interruptions":
        row = json.loads(lines[0])
        number, role = row["turn"], "assistant"
        spoken = row["said"] + ("" if language == "zh" else " ") + row["unsaid"]
    else:
        rows = [json.loads(line) for line in lines]
        whole = replace(_EMPTY, language=language, turns=tuple(TextTurn(row["role"], row["text"]) for row in rows))
        return in_style(whole) if task == "style_request" else whole
    filler = "你好。" if language == "zh" else "Hi."
    turns = [TextTurn("assistant" if n % 2 == number % 2 else "user", filler) for n in range(number + 1)]
    turns[number] = TextTurn(role, spoken)
    dialogue = replace(_EMPTY, language=language, turns=tuple(turns))
    if task != "interruptions":
        return dialogue
    names = (replace(dialogue, id=f"d{n}", turns=(*dialogue.turns, TextTurn("user", filler))) for n in range(99))
    return next(named for named in names if f'"intent": "{row["intent"]}"' in str(TASKS_BY_NAME[task].ask(named)))
