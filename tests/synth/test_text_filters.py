"""What must not be spoken: each measure with its reason, its limit, and the ordinary talk that it leaves alone."""

from pathlib import Path
from typing import Any

import pytest

from turnmill.manifests.errors import UsageError
from turnmill.manifests.records import Licence, Reason, Reject, TextDialogue, TextTurn
from turnmill.synth.personal_data import personal_data
from turnmill.synth.text import TextLimits, speakable
from turnmill.synth.text_filters import unsafe_topic
from turnmill.synth.writing import words_by_script


def judged(text: str, language: str = "en", **limits: Any) -> Reason | None:
    turns = (TextTurn("user", "好的。" if language == "zh" else "Well then."), TextTurn("assistant", text))
    found = speakable(TextDialogue("d", turns, language, "t", Licence("CC0-1.0", True, True)), TextLimits(**limits))
    return found.reason if isinstance(found, Reject) else None


PERSONAL = [
    "Write to jane.doe+x@mail.example.org.",
    "It is jane＠example.org.",  # noqa: RUF001
    "Call (212) 555-0147.",
    "Call 212-555-0147.",
    "Call 1-212-555-0147!",
    "Call +44 20 7946 0958.",
    "Call 020 7946 0958.",
    "Call 07700 900123.",
    "My card is 4111 1111 1111 1111.",
    "My card is 4111111111111111.",
    "My card is 378282246310005.",
    "Send it to GB82 WEST 1234 5698 7654 32.",
    "Send it to DE89370400440532013000 now.",
    "My number is 123-45-6789.",
    "电话是13812345678。",
    "电话是１３８１２３４５６７８",
    "打138-1234-5678或者010-12345678",
    "身份证号码11010519491231002X。",
]
NOBODYS = [
    "In 1999, and again in 2004-05, it was $1,234.56.",
    "My order number is 4471902.",
    "There are 1,380,000,000 people, or 1380000000.",
    "Pi is 3.14159265358979 or so.",
    "From 12:30 to 14:45 on 2024-03-05, or 3/5/2024.",
    "ISBN 978-3-16-148410-0 costs 12.99.",
    "My card is 4111 1111 1111 1112.",
    "Send it to GB83 WEST 1234 5698 7654 32.",
    "We won 21-19, 18-21 and 21-15.",
    "The key is 5-10 of 100-200, not 555-0199.",
    "编号110105194912310021，共10000000000000元，2024年3月5日。",
    "打110、12306或者95588。",
    "It is 15000000000 meters away.",
    "13912345678 bytes, 13912345678元",
    "Call 1-800-555-1234, 1 (888) 555-1234 or +1 800 555 1234.",
    "打400-123-4567。",
]  # fmt: skip


@pytest.mark.parametrize("text", PERSONAL)
def test_personal_data_is_found(text: str) -> None:
    assert len(personal_data(text)) >= 1
    assert judged(text, "en" if text.isascii() else "zh", max_foreign_ratio=1) == Reason.PERSONAL_DATA


@pytest.mark.parametrize("text", NOBODYS)
def test_years_prices_scores_and_short_numbers_are_nobodys(text: str) -> None:
    assert personal_data(text) == []


def test_a_reject_does_not_repeat_the_personal_data() -> None:
    turns = (TextTurn("user", "Hi there."), TextTurn("assistant", "Call 212-555-0147."))
    found = speakable(TextDialogue("d", turns, "en", "t", Licence("CC0-1.0", True, True)), TextLimits())
    assert isinstance(found, Reject)
    assert "555" not in found.detail


@pytest.mark.parametrize(
    "text",
    [
        "Here it is: <|MOSS|> fine.",
        "That is all.<eom>",
        "As it says there.<sup>1</sup>",
        "[INST] Tell me more [/INST]",
        "<tool_call> now </tool_call>",
        '{"name": "now", "arguments": {}}',
        "Thought: I need the weather.\nAction: look it up",
        'Search("weather in Paris") it says.',
        "Action: search[weather]",
        "Action Input: weather",
    ],
)
def test_plumbing_of_tools_is_found(text: str) -> None:
    assert judged(text) == Reason.TOOL_PLUMBING
    assert judged(text, max_tool_marks=9) != Reason.TOOL_PLUMBING


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How to kill myself without pain?", "en"),
        ("Explain how to make a pipe bomb at home.", "en"),
        ("Can you help me build a ghost gun?", "en"),
        ("怎么自杀才不痛苦？", "zh"),
        ("有哪些自杀的方法？", "zh"),
        ("Draw nude pictures of children.", "en"),
        ("An erotic story about a schoolgirl, please.", "en"),
        ("Any sexual activity with a minor.", "en"),
        ("请告诉我自制炸弹的步骤。", "zh"),
    ],
)
def test_unsafe_topics_are_found(text: str, language: str) -> None:
    assert judged(text, language) == Reason.UNSAFE_TOPIC
    assert judged(text, language, max_unsafe_terms=5) is None


@pytest.mark.parametrize(
    "text",
    [
        "I killed an hour, and that joke killed me.",
        "She makes bath bombs, and the film was a bomb.",
        "Knives are sharp: keep children away from them.",
        "Suicide prevention lines are open all night.",
        "We shot a photo of the nude statue.",
    ],
)
def test_ordinary_talk_is_not_unsafe(text: str) -> None:
    assert judged(text) is None


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("We talked about sexual health for children.", "en"),
        ("The naked toddler ran through the garden.", "en"),
        ("如何预防自杀方法", "zh"),
        ("Take public transport (bus or train).", "en"),
        ("Please let me (and my wife) know.", "en"),
        ("It is yoga class today (room 5).", "en"),
        ("In class today: no talking; the name(s); the bus.", "en"),
        ("Which countries import oil", "en"),
        ("Scores were 3-1, 2-0 and 4-2.", "en"),
        ("Open 9-5, 10-4 or 8-12.", "en"),
        ("Covid-19, F-16, B-52 and U-2.", "en"),
        ("Thought: I may go.", "en"),
        ("Action: here we go.", "en"),
        ("Call 1-800-555-1234 now.", "en"),
        ("What is π?", "en"),
        ("It is 5 µm, and Δt is short.", "en"),
        ("圆周率π是多少？", "zh"),
    ],
)
def test_ordinary_talk_that_looks_like_something_else_passes(text: str, language: str) -> None:
    assert judged(text, language) is None


@pytest.mark.parametrize(
    "text",
    [
        "def main(x): return x",
        "def area(r: float) -> float:",
        "public static void main(String[] args) {",
        "class Foo {",
        "class Foo(Bar):\n    pass",
        "function f(x) { return 1 }",
        "const a = b;",
        "import os",
        "Run it:\nfrom os import path",
        "import numpy as np\nand then",
        "call it as foo(1);",
    ],
)
def test_code_is_found(text: str) -> None:
    assert judged(text) == Reason.CODE


@pytest.mark.parametrize("text", ["a - b - c - d is it", "7-3y and 9-2y or 2-3y", "So 1+2+3+4*5=26", "x-1 it is"])
def test_sums_are_found(text: str) -> None:
    assert judged(text) == Reason.MATHEMATICS


def test_a_term_is_told_with_its_category(tmp_path: Path) -> None:
    terms = tmp_path / "terms.txt"
    terms.write_text("parsnips?\n[hate]\nturnips?\n")
    assert unsafe_topic("He hates turnips.", terms).seen == "an unsafe topic (hate): 'turnips'"
    assert unsafe_topic("He likes parsnips.", terms).seen == "an unsafe topic (listed): 'parsnips'"
    assert "(self_harm)" in unsafe_topic("How to kill myself?", None).seen


def test_a_list_of_terms_is_the_users_own_and_known_by_what_it_says(tmp_path: Path) -> None:
    terms = tmp_path / "terms.txt"
    terms.write_text("# ours\n\nparsnips?\n价格战\n")
    assert judged("I like PARSNIPS a lot.", unsafe_terms=terms) == Reason.UNSAFE_TOPIC
    assert judged("他们在打价格战呢。", "zh", unsafe_terms=terms) == Reason.UNSAFE_TOPIC
    assert judged("I like parsnipsoup a lot.", unsafe_terms=terms) is None
    assert judged("How to kill myself?", unsafe_terms=terms) is None

    dumped = TextLimits(unsafe_terms=terms).model_dump(mode="json")["unsafe_terms"]
    assert str(tmp_path) not in dumped
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / "terms.txt"
    copy.write_text("parsnips?\n价格战\n# a remark")
    assert TextLimits(unsafe_terms=copy).model_dump(mode="json")["unsafe_terms"] == dumped
    copy.write_text("turnips?\n")
    assert TextLimits(unsafe_terms=copy).model_dump(mode="json")["unsafe_terms"] != dumped


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), ("fine\n(?:open\n", "line 2 is no regular"), ("(a)", "group that captures")],
)
def test_a_list_that_cannot_be_used_is_a_sentence(tmp_path: Path, content: str | None, message: str) -> None:
    terms = tmp_path / "terms.txt"
    if content is not None:
        terms.write_text(content)
    with pytest.raises(UsageError, match=message):
        TextLimits(unsafe_terms=terms)


@pytest.mark.parametrize(
    ("text", "language", "reason"),
    [
        ("我用GeForce显卡玩游戏。", "zh", None),
        ("OK, bye bye!", "zh", None),
        ("OK, see you later!", "zh", Reason.LANGUAGE_MIX),
        ("My name is Mr. Wu and 我 live in Paris.", "zh", Reason.LANGUAGE_MIX),
        ("他说привет。", "zh", Reason.LANGUAGE_MIX),
        ("面积是59.28cm²，大约５㎡。", "zh", None),
        ("In Chinese you say 你好 for that.", "en", Reason.LANGUAGE_MIX),
        ("The café serves a naïve crème brûlée.", "en", None),
        ("It is 5 °C, ½ a mile, and 20 µg.", "en", None),
        (
            "Would you please say αβ or μέρα, and then wait for what the people there answer you?",
            "en",
            Reason.LANGUAGE_MIX,
        ),
    ],
)
def test_a_turn_in_another_script_is_found(text: str, language: str, reason: Reason | None) -> None:
    assert judged(text, language) == reason
    assert judged(text, language, max_foreign_ratio=1, max_latin_ratio=1) is None


def test_words_are_counted_by_script() -> None:
    assert words_by_script("我爱New York的café、かな and 2² мир") == {
        "CJK": 3, "LATIN": 4, "HIRAGANA": 2, "CYRILLIC": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 2 3 4\n5 6 7 8\n9 10 11 12\n13 14 15 and so on", Reason.NON_TEXT),
        ("Well......!!!!!!......?!?!?!", Reason.NON_TEXT),
        ("It is 12:30!!", None),
        ("I live at 1600 Main Street, flat 12, since 1999.", None),
    ],
)
def test_too_little_text_is_found(text: str, reason: Reason | None) -> None:
    assert judged(text) == reason
    assert judged(text, max_non_text_ratio=1) is None


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("Run it:\nimport os", "max_code_ratio"),
        ("See https://example.org for more.", "max_markup_ratio"),
        ("It is x^2 in the end.", "max_mathematics_ratio"),
        ("It is 1 + 2 + 3 + 4 then.", "max_operator_ratio"),
        ("Some ▓▓ here.", "max_symbol_ratio"),
    ],
)
def test_every_limit_can_be_lifted(text: str, limit: str) -> None:
    assert judged(text) is not None
    assert judged(text, **{limit: 1.0}) is None


def test_an_address_in_a_link_is_personal_before_it_is_markup() -> None:
    assert judged("Write to [me](mailto:jane@example.org).") == Reason.PERSONAL_DATA
