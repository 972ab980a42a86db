"""What is measured of a transcript, and the verdict that rests on it."""

from typing import Any

import pytest

from turnmill.manifests.schema import SCHEMAS
from turnmill.pipelines.asr.checked import checked
from turnmill.pipelines.asr.measures import Measures, is_stock, loop_share, measured
from turnmill.pipelines.asr.recognizer import Transcript
from turnmill.pipelines.asr.verdict import RULES, verdict, votes
from turnmill.pipelines.asr.words import Word

GOOD: dict[str, Any] = {
    "asr_text": "One, too, there.",
    "text_unit": "word",
    "no_speech_prob": 0.05,
    "avg_logprob": -0.3,
    "compression_ratio": 1.4,
    "asr_language": "en",
    "detected_language": "en",
    "detected_prob": 0.9,
    "n_cut": 0,
    "pace": 3.0,
    "speech_share": 0.8,
    "outside_speech": 0.0,
    "loop_share": 0.0,
    "word_anomaly": 0.05,
    "stock_phrase": False,
    "written_language": "en",
    "text_language": "en",
    "missing_run": 1,
    "added_run": 0,
    "least_given_prob": 0.2,
}


def transcript(text: str, words: tuple[Word, ...], heard: tuple[tuple[float, float], ...]) -> Transcript:
    return Transcript(text, "en", None, -0.3, 0.1, 1.0, words, heard, 0)


def test_measures_of_a_transcript() -> None:
    words = (Word("one", 0.5, 1.0, 0.9), Word("too,", 1.0, 1.5, 0.1), Word("there", 3.0, 6.0, 0.8))
    found = measured(transcript("one too, there", words, ((0.0, 4.0), (5.0, 7.0))), [(0.5, 2.5), (5.0, 5.5)])
    assert found.pace == pytest.approx(3 / 2.5)
    assert found.speech_share == pytest.approx(2.5 / 6)
    assert found.outside_speech == pytest.approx(1 / 3)  # the last lies in speech for half a second of three
    assert found.word_anomaly == pytest.approx((0 + 1 + 1) / 3)
    assert (found.least_word_prob, found.loop_share, found.stock_phrase) == (0.1, 0, False)
    assert measured(transcript("", (), ()), []) == Measures()


def test_a_text_in_another_language_than_it_was_heard_in_is_known() -> None:
    said = "Wir haben gestern den ganzen Tag im Garten gearbeitet und sind jetzt sehr müde."
    assert measured(transcript(said, (), ((0.0, 5.0),)), [(0.0, 5.0)]).written_language == "de"


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("the cat sat on the mat", 0.0),
        ("no no he said", 0.0),  # twice is no loop
        ("no no no he said", 2 / 5),
        ("so I went so I went so I went home", 6 / 10),
        ("", 0.0),
    ],
)
def test_what_is_said_for_the_third_time_is_a_loop(text: str, share: float) -> None:
    assert loop_share(text.split()) == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "language", "stock"),
    [
        ("Thank you. Thanks for watching!", "en", True),
        ("Thank you for the flowers.", "en", False),
        ("谢谢观看，谢谢。", "zh", True),
        ("谢谢你的花", "zh", False),
        ("ご視聴ありがとうございました", "ja", True),
        ("Merci d’avoir regardé cette vidéo !", "fr", True),
        ("anything", "xx", False),
    ],
)
def test_stock_phrases_are_known_in_any_writing(text: str, language: str, stock: bool) -> None:
    assert is_stock(text, language) is stock


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, None),
        ({"asr_text": "", "pace": None, "avg_logprob": None}, "nothing_heard"),
        ({"no_speech_prob": 0.7, "avg_logprob": -1.1}, "silence"),
        ({"no_speech_prob": 0.7}, None),  # quiet speech that is well understood
        ({"stock_phrase": True}, None),  # and said
        ({"stock_phrase": True, "speech_share": 0.5}, "stock_phrase"),
        ({"stock_phrase": True, "no_speech_prob": 0.7}, "stock_phrase"),
        ({"loop_share": 0.3}, "repeats"),
        ({"compression_ratio": 2.5}, "compresses"),
        ({"avg_logprob": -0.7}, "improbable"),
        ({"word_anomaly": 0.5}, "odd_words"),
        ({"outside_speech": 0.6}, "outside_speech"),
        ({"pace": 6.1}, "pace"),
        ({"pace": 0.4}, "pace"),
        (
            {
                "pace": 9.0,
                "asr_language": "zh",
                "detected_language": "zh",
                "written_language": "zh",
                "text_language": "zh",
            },
            None,
        ),
        (
            dict.fromkeys(("asr_language", "detected_language", "written_language", "text_language"), "th")
            | {"pace": 15.5},
            None,
        ),  # nobody measured how many of its characters are said
        (
            dict.fromkeys(("asr_language", "detected_language"), "no")
            | dict.fromkeys(("written_language", "text_language"), "nb"),
            None,
        ),
        ({"detected_language": "de"}, "language_heard"),
        ({"detected_language": "de", "detected_prob": 0.8}, None),
        ({"detected_language": None, "detected_prob": None}, None),  # a model of one language
        ({"written_language": "de"}, "language_written"),
        ({"n_cut": 1}, "cut_off"),
        (
            dict.fromkeys(("asr_language", "detected_language", "written_language"), "zh") | {"text_language": "yue"},
            None,
        ),
        ({"text_language": "fr"}, "text_language"),
        ({"missing_run": 2}, None),
        ({"missing_run": 3}, "text_missing"),
        ({"missing_run": 5, "text_unit": "character"}, None),
        ({"added_run": 3}, "text_added"),
        ({"least_given_prob": 0.0009}, "text_improbable"),
        (dict.fromkeys(("text_language", "missing_run", "added_run", "text_unit", "least_given_prob")), None),
    ],
)
def test_the_verdict_is_the_first_thing_that_speaks_against_a_transcript(
    change: dict[str, Any], told: str | None
) -> None:
    assert verdict(GOOD | change) == told


def test_every_verdict_rests_on_columns_of_the_table() -> None:
    assert {column for rule in RULES for column in rule.rests_on} <= set(SCHEMAS["transcripts"].names)
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_what_is_invented_has_no_vote_and_silence_and_another_text_have_one() -> None:
    assert [rule.name for rule in RULES if votes(rule.name)] == [
        "nothing_heard", "text_language", "text_missing", "text_added", "text_improbable"
    ]  # fmt: skip
    assert votes(None)


@pytest.mark.parametrize("talks", [False, True])
def test_of_two_talks_nothing_is_measured_against_the_speech_of_both(talks: bool) -> None:
    words = (Word("one", 0.5, 1.0, 0.9), Word("too", 1.0, 1.5, 0.9))
    heard = transcript("one too", words, ((0.0, 2.0),))
    row = GOOD | {"channel_words": [] if talks else None}
    found = checked(row, heard, [(0.5, 1.5)], "one two", "de")
    assert (found["pace"], found["outside_speech"]) == ((None, None) if talks else (2.0, 0.0))
    assert [each["start"] for each in found["differences"]] == [None if talks else 1.0]
