"""Errors in words and characters, after both texts were brought to one form."""

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from turnmill.manifests.languages import UNSPACED
from turnmill.pipelines.asr.errors import Errors, errors, normalize, numbers_said


@pytest.mark.parametrize(
    ("given", "heard", "language"),
    [
        ("It's half past six, isn't it?", "it is half past six is not it", "en-GB"),
        ("I paid forty-two dollars.", "i paid $42", "en"),
        ("The COLOUR of the theatre", "the color of the theater", "en"),
        ("don\u2019t", "don't", "en"),
        ("One hundred and twenty one", "121", "en"),
        ("THREE TWO TWO SEVEN", "3, 2, 2, 7", "en"),
        ("nineteen eighty four", "1984", "en"),
        ("Über den Fluss, Straße 3", "über den fluss STRASSE drei", "de-CH"),
        ("今天有百分之五十的人。", "今天有50%的人", "zh-CN"),
        ("這個軟件很好", "这个软件很好。", "zh-TW"),
        ("两个苹果", "2个苹果", "zh"),
        ("ＡＢＣをカタカナで", "abcをｶﾀｶﾅで", "ja"),
        ("नमस्ते, दुनिया", "नमस्ते दुनिया!", "hi"),
        ("二千十九年", "2019年", "ja"),
        ("eintausend Euro", "1.000 Euro", "de"),
        ("да", "да", "ru"),
        ("สวัสดี ครับ", "สวัสดีครับ", "th"),
    ],
)
def test_the_same_words_written_otherwise_are_no_error(given: str, heard: str, language: str) -> None:
    assert errors(given, heard, language).rate == 0
    assert errors(given, heard, language).total > 0


@pytest.mark.parametrize(
    ("given", "heard", "language", "found"),
    [
        ("the cat sat down", "a cat sat", "en", Errors(1, 1, 0, 4, "word", "english")),
        ("cat", "the cat sat", "en", Errors(0, 0, 2, 1, "word", "english")),
        ("नमस्ते दुनिया", "नमस्त दुनिया", "hi", Errors(1, 0, 0, 2, "word", "words")),  # a vowel sign is no punctuation
        ("天气很好，我们去公园玩吧。", "天气很好,我们去公园完", "zh", Errors(1, 1, 0, 11, "character", "chinese")),
        ("ありがとう", "ありがと", "ja-JP", Errors(0, 1, 0, 5, "character", "characters")),
        ("", "hello there", "en", Errors(0, 0, 2, 0, "word", "english")),
        ("...", "!", "de", Errors(0, 0, 0, 0, "word", "words")),
    ],
)
def test_errors_are_told_apart_in_the_unit_of_the_language(
    given: str, heard: str, language: str, found: Errors
) -> None:
    assert errors(given, heard, language) == found


@pytest.mark.parametrize("language", ["en", "ru", "pl", "bn", "de", "ja", "zh", "und"])
def test_a_loop_of_digits_and_half_a_character_are_text(language: str) -> None:
    assert errors("да", "да " + "1" * 5000, language).insertions > 100
    assert errors("a\ud800b", "a?b", language).count == 0


@pytest.mark.parametrize("language", ["be", "ru", "ca", "tr", "kn", "te", "am", "sr", "uk", "id", "pt", "und"])
def test_a_number_that_nobody_can_say_is_digits(language: str) -> None:
    assert len(numbers_said("9" * 40, language).split()) >= 40
    assert len(numbers_said(f"{10**39:,}", language).split()) >= 40
    assert numbers_said("9" * 7, "am") == "9" * 7  # num2words would take minutes


def test_a_rate_is_over_what_was_given() -> None:
    assert errors("the cat sat down", "the cat sat").rate == 0.25
    assert errors("cat", "the cat sat").rate == 2.0
    assert errors("", "hello").rate == 1
    assert errors("", "").rate == 0
    assert errors("hello there", "").rate == 1


@drawn(st.text(max_size=40), st.sampled_from(["en", "de", "hi", "xx", *sorted(UNSPACED)]))
def test_any_text_is_like_itself(text: str, language: str) -> None:
    assert errors(text, text, language).count == 0
    form = normalize(text, language)
    assert form == " ".join(form.split())
