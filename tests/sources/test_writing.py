"""Texts that are not written as their corpus says."""

import pytest

from turnmill.sources.writing import STYLES, foreign_letters


@pytest.mark.parametrize(
    ("text", "language", "letters"),
    [
        ("今天天气很好", "en", "Cjk"),
        ("今天我们用 Python 写代码吧好不好", "zh", ""),
        ("今天天氣很好", "zh-TW", ""),
        ("the weather is fine", "zh", "Latin"),
        ("Привет, мир", "en-US", "Cyrillic"),
        ("Привет, мир", "ru", ""),
        ("今日はいい天気ですね", "ja", ""),
        ("오늘은 날씨가 좋네요", "ko", ""),
        ("Ćao, kako si?", "sr-Latn", ""),
        ("Straße, naïve, ﬁn", "de", ""),
        ("नमस्ते दुनिया", "hi", ""),
        ("3, 2, 1 ...", "en", ""),
        ("", "en", ""),
        ("anything", "und", ""),
    ],
)
def test_letters_of_another_language_are_told(text: str, language: str, letters: str) -> None:
    assert foreign_letters(text, language) == letters


@pytest.mark.parametrize(
    ("style", "good", "bad"),
    [
        ("cased", ["Hello there.", "OK", "今天天气很好"], ["HELLO THERE", "hello there"]),
        ("upper_nopunct", ["THERE'S IRON", "A RE-RUN", "ÉTÉ 1900"], ["THERE'S iron", "IRON."]),
        ("lower_nopunct", ["there's iron", "été"], ["There's iron", "iron, they say", "好。"]),
        ("punct_tokens", ["AS THEY'RE LEAVING <COMMA> CAN KASH"], ["AS THEY'RE LEAVING"]),
    ],
)
def test_each_style_knows_what_is_not_of_it(style: str, good: list[str], bad: list[str]) -> None:
    assert [STYLES[style].flaw(text) for text in good] == [""] * len(good)
    assert all(STYLES[style].flaw(text) for text in bad)
