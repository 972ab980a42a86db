"""The language of a text, found where it is plainly another than the one that is said."""

import pytest

from turnmill.manifests.identify import language_found


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Was kostet das?\nDrei Euro.", "de"),
        ("Où est la gare ?\nTout droit.", "fr"),
        ("Quiero una mesa para dos.\nClaro, por aquí.", "es"),
        ("Wil je koffie?\nJa, graag.", "nl"),
        ("今日は何をしますか。\n映画を見ます。", "ja"),
        ("你食咗飯未呀？\n食咗喇。", "yue"),
        ("今天天气怎么样？\n晴天。", "zh"),
    ],
)
def test_short_talk_is_found_to_be_in_another_language_than_said(text: str, language: str) -> None:
    assert language_found(text, "en") == language
    assert language_found(text, "und") == language
    assert language_found(text, language) == language


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("How do you say good morning in French?\nYou say bonjour.", "en"),
        ("What is the German for dog?\nDer Hund.\nAnd cat?\nDie Katze.", "en"),
        ("Translate to Spanish: good morning, how are you?\nBuenos días, ¿cómo estás?", "en"),
        ("你能教我说法语吗？\n当然，你好是bonjour，谢谢是merci。", "zh-CN"),
        ("今天天氣怎麼樣？\n明天會下雨嗎？", "zh-TW"),
        ("Hi!\nHello.", "en-GB"),
        ("OK", "de"),
        ("... 12 ...", "en"),
        ("", "und"),
        ("Nothing is known of that language here, so it is left.", "tlh"),
    ],
)
def test_lessons_names_and_what_says_too_little_stay_what_they_are_said_to_be(text: str, said: str) -> None:
    assert language_found(text, said) == said
