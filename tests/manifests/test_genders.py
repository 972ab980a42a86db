"""The gender of a clip as corpora state it."""

import json

import pytest

from turnmill.manifests.genders import gender_of


@pytest.mark.parametrize(
    ("native", "tags", "found"),
    [
        ({"gender": "F"}, [], "female"),
        ({"sex": " Male "}, ["female"], "male"),  # a column before a tag
        ({"gender": None, "sex": "女"}, [], "female"),
        ({"gender": "unknown"}, ["male"], None),  # what is said is not known: no other is guessed
        ({}, ["happy", "male"], "male"),
        ({}, ["female", "male"], None),
        (None, None, None),
    ],
)
def test_the_words_of_a_corpus_are_read(native: dict[str, str] | None, tags: list[str] | None, found: str) -> None:
    assert gender_of(None if native is None else json.dumps(native), tags) == found
