"""Word and character error rates after normalisation."""

import pytest

from pipelines.asr.wer import cer, normalize, wer, word_errors


@pytest.mark.parametrize(
    ("given", "heard"),
    [
        ("It's half past six, isn't it?", "it is half past six is not it"),
        ("I paid forty-two dollars.", "i paid $42"),
        ("The COLOUR of the theatre", "the color of the theater"),
        ("don\u2019t", "don't"),
        ("One hundred and twenty one", "121"),
    ],
)
def test_the_same_words_written_otherwise_are_no_error(given: str, heard: str) -> None:
    assert wer(given, heard) == 0
    assert cer(given, heard) == 0


def test_errors_are_counted_per_reference_word() -> None:
    assert wer("the cat sat down", "the cat sat") == 0.25
    assert wer("cat", "the cat sat") == 2.0
    assert word_errors("the cat sat down", "a cat sat") == (2, 4)


def test_nothing_to_hear() -> None:
    assert wer("", "") == cer("", "") == wer("...", "!") == 0
    assert wer("", "hello") == cer("", "hello") == 1
    assert wer("hello there", "") == cer("hello there", "") == 1
    assert word_errors("", "hello there") == (2, 0)


def test_other_languages_keep_their_letters() -> None:
    assert normalize("Straße, bitte!", "de") == "straße bitte"
    assert wer("Über den Fluss", "über den fluss", "de-CH") == 0
