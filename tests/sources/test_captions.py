"""Bins and the sentences that they make."""

from typing import Any

import pytest

from turnmill.sources.captions import CLARITIES, ENERGIES, INTONATIONS, PITCHES, RATES, Manner, bin_of

KNOWN: dict[str, Any] = {
    "gender": "female",
    "rate": "fast",
    "pitch": "slightly high-pitched",
    "intonation": "monotone",
    "energy": "softly",
    "emotion": "joy",
    "clarity": "clean",
}


def test_an_edge_belongs_to_the_bin_above_it() -> None:
    words = ("low", "middle", "high")
    assert [bin_of(value, (1.0, 2.0), words) for value in (-5, 0.99, 1.0, 1.99, 2.0, 9)] == [
        "low", "low", "middle", "middle", "high", "high",
    ]  # fmt: skip
    assert bin_of(None, (1.0, 2.0), words) is None


def test_all_that_is_known_is_said() -> None:
    assert Manner(**KNOWN).caption == (
        "A woman speaks fast, softly, in a slightly high-pitched voice, with monotone intonation. She sounds happy. "
        "The recording is clean."
    )


@pytest.mark.parametrize("unknown", list(KNOWN))
def test_what_is_not_known_is_not_said(unknown: str) -> None:
    said = Manner(**KNOWN | {unknown: None}).caption
    words = {"gender": "woman", "emotion": "happy"}.get(unknown, KNOWN[unknown])
    assert words not in said
    assert ", ," not in said
    assert "  " not in said
    assert said.endswith(".")


def test_nothing_known_is_still_a_sentence_and_no_two_bins_are_one() -> None:
    assert Manner(*[None] * 7).caption == "A person speaks."
    for words in (RATES, PITCHES, INTONATIONS, ENERGIES, CLARITIES):
        assert len(set(words)) == len(words)
