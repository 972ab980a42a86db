"""A recognised text as it is said and as it is written."""

import pytest

from turnmill.pipelines.asr.forms import as_said, as_written


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        (
            "It’s $25 on May 3rd, 'he said', at 5:30!",
            "en-GB",
            "it's twenty five dollars on may third he said at five thirty",
        ),
        ("他在2024年走了3.5公里。", "zh-CN", "他在二零二四年走了三点五公里"),
        ("Ich habe 25 Euro.", "de", "ich habe fünfundzwanzig euro"),
        ("三人で25円。", "ja", "三人で二十五円"),
        ("J'ai 3 chats.", "fr", "j'ai trois chats"),
        ("", "und", ""),
        ("3,5 Liter, 1.000 Mal.", "de", "3,5 liter eintausend mal"),
        ("2.5 euros, l’eau", "fr", "2.5 euros l'eau"),
        ("我喜欢 New York 的 pizza", "zh", "我喜欢new york的pizza"),
        ("1" * 40, "ru", " ".join(["один"] * 40)),
    ],
)
def test_what_is_said_has_words_alone(text: str, language: str, said: str) -> None:
    assert as_said(text, language) == said


@pytest.mark.parametrize(
    ("text", "language", "written"),
    [
        ("I paid twenty-five dollars, to the one I met.", "en", "I paid 25 dollars, to the one I met."),
        ("Ich habe fünfundzwanzig Euro und eine Katze.", "de-DE", "Ich habe 25 Euro und eine Katze."),
        ("我有二十五块钱，一起去。", "zh", "我有25块钱，一起去。"),
        ("千葉県です。", "ja", None),  # WeTextProcessing would make a thousand of its name
        ("二零二三年。有五十人！", "zh", "2023年。有50人！"),
        ("Mam dwadzieścia pięć lat.", "pl", None),
    ],
)
def test_numbers_are_written_in_digits(text: str, language: str, written: str | None) -> None:
    assert as_written(text, language) == written
