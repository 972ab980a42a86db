"""The verdict on a transcript: the first thing that speaks against it, by its measures as they stand in `transcripts`.

A measure that is null speaks against nothing. Bounds that are measured here are of `tests/benchmarks/prove_guard.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from turnmill.manifests.languages import SYLLABIC, UNSPACED
from turnmill.pipelines.asr.models import near_language, whisper_language


@dataclass(frozen=True)
class Rule:
    """`name`: the verdict. `rests_on`: columns of `transcripts`, whose values `holds` is asked about. `meaning`: in
    words, with the bound and where it is from."""

    name: str
    rests_on: tuple[str, ...]
    holds: Callable[..., bool]
    meaning: str


_WORDS: Final = (0.5, 6.0)
_CHARACTERS: Final = (0.5, 12.0)  # where they are syllables
"""A second of speech."""
_RUN: Final = {"word": 3, "character": 6}
"""Units on end that make a text another one: of 40 right clips tiny.en missed as many in one, and added 2 at most."""
_OWN: Final = "Whisper's own bound"
_HERE: Final = "measured here"


def _off_pace(pace: float, language: str) -> bool:
    if language in UNSPACED - SYLLABIC:
        return False  # signs of vowels and tones are characters there, and nobody measured how many are said
    low, high = _CHARACTERS if language in SYLLABIC else _WORDS
    return not low <= pace <= high


def _differ(one: str, other: str) -> bool:
    """Of languages. What is near is one: a model without a word for Cantonese hears it as Chinese, and
    Whisper calls `nb` no."""
    one, other = (whisper_language(code) or code for code in (one, other))
    return one != other and near_language(one) != other and near_language(other) != one


_OF_WHAT_IS_HEARD: Final = (
    Rule("nothing_heard", ("asr_text",), lambda text: not text, "no speech was found, or no word heard in it"),
    Rule(
        "silence",
        ("no_speech_prob", "avg_logprob"),
        lambda silent, logprob: silent > 0.6 and logprob < -1.0,
        f"that nobody speaks is more probable than 0.6, and the text less than -1 nat a token ({_OWN})",
    ),
    Rule(
        "stock_phrase",
        ("stock_phrase", "no_speech_prob", "speech_share"),
        lambda stock, silent, share: stock and (silent > 0.6 or share < 0.6),
        "all of it is what Whisper says in silence, and less than 0.6 of what it was given is speech, or that nobody "
        f"speaks is more probable than 0.6 ({_HERE}; a short thanks that somebody did say is among them)",
    ),
    Rule(
        "repeats",
        ("loop_share",),
        lambda share: share >= 0.3,
        f"0.3 of it or more says for the third time or more what stands before it ({_HERE})",
    ),
    Rule(
        "compresses",
        ("compression_ratio",),
        lambda ratio: ratio > 2.4,
        f"more than 2.4 times as long as its zlib form ({_OWN})",
    ),
    Rule("improbable", ("avg_logprob",), lambda logprob: logprob <= -0.7, f"-0.7 nat a token or less ({_HERE})"),
    Rule(
        "odd_words",
        ("word_anomaly",),
        lambda score: score >= 0.5,
        f"its words are too improbable, short or long by half a point in the mean (faster-whisper's score; {_HERE})",
    ),
    Rule(
        "outside_speech",
        ("outside_speech",),
        lambda share: share > 0.5,
        f"more than half of its words lie where no speech was found ({_HERE})",
    ),
    Rule(
        "pace",
        ("pace", "asr_language"),
        _off_pace,
        "more than 6 words, or 12 characters of Chinese and Japanese, or less than 0.5 a second of speech",
    ),
    Rule(
        "language_heard",
        ("asr_language", "detected_language", "detected_prob"),
        lambda used, detected, prob: _differ(used, detected) and prob > 0.8,
        "the recogniser takes the speech for another language than it was told, by more than 0.8",
    ),
    Rule(
        "language_written",
        ("asr_language", "written_language"),
        _differ,
        "it is written in another language than it was heard in",
    ),
    Rule("cut_off", ("n_cut",), lambda cut: cut > 0, "it reached Whisper's bound of 224 tokens"),
)
_OF_THE_TEXT: Final = (
    Rule(
        "text_language",
        ("asr_language", "text_language"),
        _differ,
        "the given text is of another language than what was heard",
    ),
    Rule(
        "text_missing",
        ("missing_run", "text_unit"),
        lambda run, unit: run >= _RUN[unit],
        f"3 words, 6 characters of the given text on end were not heard ({_HERE})",
    ),
    Rule(
        "text_added",
        ("added_run", "text_unit"),
        lambda run, unit: run >= _RUN[unit],
        f"as many on end were heard and are not in the given text ({_HERE})",
    ),
    Rule(
        "text_improbable",
        ("least_given_prob",),
        lambda prob: prob < 0.001,
        "a word of the given text that was not heard is less probable than 0.001 where it would be said "
        f"({_HERE}; needs align_text)",
    ),
)
RULES: Final = _OF_WHAT_IS_HEARD + _OF_THE_TEXT
_NO_VOTE: Final = frozenset(rule.name for rule in _OF_WHAT_IS_HEARD) - {"nothing_heard"}


def verdict(row: Mapping[str, Any]) -> str | None:
    """The name of the first rule that holds of a row of `transcripts`; None where none does."""
    for rule in RULES:
        measures = [row[column] for column in rule.rests_on]
        if None not in measures and rule.holds(*measures):
            return rule.name
    return None


def votes(told: str | None) -> bool:
    """Whether a transcript of this verdict has a vote in the consensus: one that is invented or of another language has
    none. That nothing is heard is a vote, and so is a text that is not the given one, which has none itself."""
    return told not in _NO_VOTE
