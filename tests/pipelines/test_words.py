"""Words are placed where speech is, each with a length, in order and inside their window."""

from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnmill.pipelines.asr.recognizer import AFTER, BEFORE
from turnmill.pipelines.asr.windows import SAMPLE_RATE
from turnmill.pipelines.asr.words import Word, hyphenated, in_speech, shortened, spread

_times = st.floats(-1, 12, allow_nan=False)


def word(start: float, end: float) -> Word:
    return Word("w", start, end, 0.5)


def samples(*spans: tuple[float, float]) -> list[tuple[int, int]]:
    return [(round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)) for start, end in spans]


@given(st.lists(st.tuples(_times, _times), max_size=30), st.floats(0.001, 10))
def test_any_times_become_ordered_spans_inside_the_window(times: list[tuple[float, float]], seconds: float) -> None:
    words = spread([word(*pair) for pair in times], seconds)
    assert len(words) == len(times)
    edges = [edge for each in words for edge in (each.start, each.end)]
    assert edges == pytest.approx(sorted(edges))
    assert all(0 <= each.start < each.end <= seconds for each in words)


@given(st.lists(st.integers(1, 40), min_size=2, max_size=30))
def test_good_times_stay_as_they_are(steps: list[int]) -> None:
    edges = [step / 40 for step in accumulate(steps, initial=0)]
    words = [word(*pair) for pair in pairwise(edges)]
    assert spread(words, edges[-1] + 1) == words
    assert in_speech(words, samples((0.0, edges[-1]))) == words
    assert in_speech(words, None) == words


@pytest.mark.parametrize(
    ("given", "placed"),
    [
        ((0.0, 1.5), (1.0, 1.5)),  # begins in the silence before speech
        ((0.1, 0.6), (1.0, 1.0)),  # lies in it: `spread` gives it a length
        ((1.9, 5.4), (5.0, 5.4)),  # over a pause: more of it is behind
        ((1.2, 5.1), (1.2, 2.0)),  # more of it is before
        ((6.5, 8.0), (6.5, 7.0)),  # runs on into the silence behind
        ((2.5, 3.5), (2.5, 3.5)),  # lies in a pause: it stays
        ((5.8, 6.2), (5.8, 6.2)),  # 0.2 s of silence are inside of a word
    ],
)
def test_a_word_lies_where_speech_is(given: tuple[float, float], placed: tuple[float, float]) -> None:
    (found,) = in_speech([word(*given)], samples((1.0, 2.0), (5.0, 5.9), (6.1, 7.0)))
    assert (found.start, found.end) == placed


def test_a_first_word_is_not_longer_than_faster_whisper_lets_it_be() -> None:
    alignment: list[dict[str, Any]] = [
        {"word": text, "tokens": [n], "start": start, "end": end, "probability": 0.9}
        for n, (text, start, end) in enumerate(
            [(" So", 0.0, 3.0), (" it", 3.0, 3.2), (" is", 3.2, 3.4), (".", 3.4, 3.5)]
        )
    ]
    words = shortened(alignment, 4.0, BEFORE, AFTER)
    assert [w.word for w in words] == ["So", "it", "is."]
    assert words[0].start == pytest.approx(2.6)  # twice the median of 0.2 s
    assert shortened([], 4.0, BEFORE, AFTER) == []


def test_what_hyphens_join_is_one_word() -> None:
    spoken = [(" A", 1, 0.9), (" state", 1, 0.9), ("-of", 2, 0.6), ("-the", 1, 0.6), (" -5", 2, 0.5), (" end", 1, 0.8)]
    alignment = [
        {"word": text, "tokens": [n] * tokens, "start": n / 4, "end": n / 4 + 0.2, "probability": prob}
        for n, (text, tokens, prob) in enumerate(spoken)
    ]
    words = shortened(hyphenated(alignment), 4.0, BEFORE, AFTER)
    assert [w.word for w in words] == ["A", "state-of-the", "-5", "end"]
    assert (words[1].start, words[1].end) == (0.25, pytest.approx(0.95))
    assert words[1].prob == pytest.approx((0.9 + 2 * 0.6 + 0.6) / 4)
