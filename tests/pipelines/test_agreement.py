"""Where what was heard differs from a given text: each stretch, when it is, and which is missing."""

import pytest

from turnmill.pipelines.asr.agreement import Difference, agreement, shown
from turnmill.pipelines.asr.errors import errors
from turnmill.pipelines.asr.words import Word


def words(text: str, units: list[str] | None = None) -> list[Word]:
    """A word a second."""
    return [Word(word, float(n), n + 1.0, 0.9) for n, word in enumerate(units or text.split())]


def test_each_difference_is_told_with_the_time_at_which_it_is_heard() -> None:
    given = "It's twenty-five dollars for big dogs today, and no more than that."
    heard = "it is $25 for the big cats today"
    agreed = agreement(given, heard, words(heard))
    assert agreed.differences == (
        Difference("added", "", "the", 4.0, 5.0),
        Difference("substituted", "dogs", "cats", 6.0, 7.0),
        Difference("missing", "and no more than that", "", 8.0, 8.0),
    )
    assert (agreed.missing_run, agreed.added_run) == (5, 1)


def test_what_is_missing_lies_between_the_words_around_it() -> None:
    heard = "one sheep seven goats"
    (found,) = agreement("one sheep and four cows seven goats", heard, words(heard)).differences
    assert found == Difference("missing", "and 4 cows", "", 2.0, 2.0)


@pytest.mark.parametrize(
    ("given", "heard", "language"),
    [
        ("It is $5, don't you think?", "it's five dollars do you think so", "en"),
        ("今天天气很好，我们去公园。", "今天天汽好我们去公园吧", "zh"),
        ("Ich habe 25 Euro.", "Ich habe fünfundzwanzig Euros", "de"),
        ("", "something", "en"),
        ("something", "", "en"),
        ("...", "...", "en"),
    ],
)
def test_there_are_as_many_differences_as_errors_are_counted(given: str, heard: str, language: str) -> None:
    units = list(heard) if language == "zh" else None
    found = agreement(given, heard, words(heard, units), language).differences
    split = list if language == "zh" else str.split
    sizes = sum(max(len(split(each.given)), len(split(each.heard))) for each in found)
    assert sizes == errors(given, heard, language).count
    assert all(each.start is None or each.start <= (each.end or 0) for each in found)


def test_a_character_has_the_time_of_the_word_that_it_is_part_of() -> None:
    heard = [Word("今天", 0.0, 1.0, 0.9), Word("天汽", 1.0, 2.0, 0.9), Word("好。", 2.0, 3.0, 0.9)]
    (found,) = agreement("今天天气好", "今天天汽好。", heard, "zh").differences
    assert found == Difference("substituted", "气", "汽", 1.0, 2.0)


def test_both_texts_are_shown_one_above_the_other() -> None:
    assert shown("I saw two dogs today.", "I saw the dogs").splitlines() == [
        "given: i saw   2 dogs today",
        "heard: i saw the dogs *****",
        "               S          D",
    ]
    assert shown("", "you") == "given: \nheard: you"


def test_a_given_word_that_was_not_heard_is_as_probable_as_where_it_would_be_said() -> None:
    given, heard = "It's 25 big dogs", "it is twenty five big cats"
    found = [Word("It's", 0, 1, 0.01), Word("25", 1, 2, 0.02), Word("big", 2, 3, 0.03), Word("dogs", 3, 4, 0.4)]
    assert agreement(given, heard, words(heard), "en", found).least_unheard == 0.4
    assert agreement(given, given, words(given), "en", found).least_unheard is None
    assert agreement(given, heard, words(heard)).least_unheard is None
